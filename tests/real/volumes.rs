//! Volumes of plug-ins that Kubernetes gave up, and drivers that are missing, on real API servers.

use libtest_mimic::Failed;
use serde_json::Value;

use crate::harness::{Cluster, Need, report_with};

scenarios! {
    of_plugins_that_go: [Need::ControlPlane("1.24.17")],
    pods_that_name_them: [Need::ControlPlane("1.24.17")],
    drivers_and_attachments: [Need::Controllers("1.37.0")],
}

fn volume(name: &str, source: &str) -> String {
    format!(
        "apiVersion: v1\nkind: PersistentVolume\nmetadata: {{name: {name}}}\n\
         spec: {{capacity: {{storage: 1Gi}}, accessModes: [ReadWriteOnce], {source}, \
         claimRef: {{namespace: default, name: {name}}}}}\n---\n"
    )
}

fn class(name: &str, provisioner: &str) -> String {
    format!(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: {provisioner}\n---\n"
    )
}

fn driver(name: &str) -> String {
    format!(
        "apiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: {{name: {name}}}\nspec: {{}}\n---\n"
    )
}

/// Severity, hop and names of the objects of each finding of a rule.
fn said(report: &Value, id: &str) -> Vec<(String, String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().expect("findings");
    findings
        .iter()
        .filter(|finding| finding["id"] == id)
        .map(|finding| {
            let objects = finding["objects"].as_array().expect("objects");
            let names = objects.iter().map(|object| text(&object["name"])).collect();
            (
                text(&finding["severity"]),
                text(&finding["hop"]["to"]),
                names,
            )
        })
        .collect()
}

fn one(severity: &str, hop: &str, names: &[&str]) -> Vec<(String, String, Vec<String>)> {
    let names = names.iter().map(|&name| name.to_owned()).collect();
    vec![(severity.to_owned(), hop.to_owned(), names)]
}

/// 1.24 still takes every kind of volume, 1.26 has lost some of them.
fn of_plugins_that_go() -> Result<(), Failed> {
    let cluster = Cluster::start("1.24.17");
    let mut objects = volume("ebs", "awsElasticBlockStore: {volumeID: vol-0a1b2c}");
    objects += &class("gp2", "kubernetes.io/aws-ebs");
    objects += &volume("gluster", "glusterfs: {endpoints: gluster, path: cart}");
    objects += &volume("os", "storageos: {volumeName: cart}");
    objects += &volume(
        "scale",
        "scaleIO: {gateway: 'https://scaleio', system: shop, volumeName: cart, secretRef: {name: scaleio, namespace: default}}",
    );
    objects += &volume("rbd", "rbd: {monitors: [10.0.0.1], image: cart}");
    objects += &volume("flex", "flexVolume: {driver: shop.example/disk}");
    objects += &volume("sphere", "vsphereVolume: {volumePath: '[shop] cart.vmdk'}");
    objects += &class("azure", "kubernetes.io/azure-disk");
    objects += &driver("disk.csi.azure.com");
    let create = ["create", "-f", "-"];
    cluster.kubectl_stdin(&create, &objects).ok();

    let before = report_with(&cluster, "1.26", 3);
    assert_eq!(
        said(&before, "vol-awsebs"),
        one("warning", "", &["gp2", "ebs"])
    );
    assert_eq!(
        said(&before, "vol-vsphere"),
        one("blocker", "1.25", &["sphere"])
    );
    assert_eq!(
        said(&before, "vol-storageos"),
        one("blocker", "1.25", &["os"])
    );
    assert_eq!(
        said(&before, "vol-glusterfs"),
        one("blocker", "1.26", &["gluster"])
    );
    assert_eq!(said(&before, "vol-scaleio"), one("warning", "", &["scale"]));
    assert_eq!(said(&before, "vol-flex"), one("note", "", &["flex"]));
    assert_eq!(said(&before, "vol-cephrbd"), [], "it goes in 1.31");
    assert_eq!(said(&before, "vol-azuredisk"), [], "its driver is there");

    // The drivers come, a node has one of them without an object of its own, and nobody claims the volumes any more.
    let node = "apiVersion: storage.k8s.io/v1\nkind: CSINode\nmetadata: {name: a}\n\
        spec: {drivers: [{name: csi.vsphere.vmware.com, nodeID: a}]}\n---\n";
    let drivers = driver("ebs.csi.aws.com") + node;
    cluster.kubectl_stdin(&create, &drivers).ok();
    for name in ["gluster", "os"] {
        let patch = r#"{"status": {"phase": "Released"}}"#;
        let patch = [
            "patch",
            "pv",
            name,
            "--subresource=status",
            "--type=merge",
            "-p",
            patch,
        ];
        cluster.kubectl(&patch).ok();
    }
    let after = report_with(&cluster, "1.26", 0);
    assert_eq!(said(&after, "vol-awsebs"), []);
    assert_eq!(said(&after, "vol-vsphere"), []);
    assert_eq!(
        said(&after, "vol-glusterfs"),
        one("warning", "1.26", &["gluster"])
    );
    assert_eq!(
        said(&after, "vol-storageos"),
        one("warning", "1.25", &["os"])
    );
    Ok(())
}

/// Drivers that nothing names, and attachments that hang: young ones are left in peace.
fn drivers_and_attachments() -> Result<(), Failed> {
    let cluster = Cluster::options("1.37.0").with_controllers().start();
    let clean = report_with(&cluster, "1.37", 0);
    let attachment = "apiVersion: storage.k8s.io/v1\nkind: VolumeAttachment\nmetadata: {name: cart}\n\
        spec: {attacher: here.shop.example, nodeName: nowhere, source: {persistentVolumeName: here}}\n---\n";
    let mut objects = volume("gone", "csi: {driver: gone.shop.example, volumeHandle: a}");
    objects += &volume("here", "csi: {driver: here.shop.example, volumeHandle: b}");
    objects += &driver("here.shop.example");
    objects += attachment;
    let made = cluster.kubectl_stdin(&["create", "-f", "-"], &objects);
    made.ok();
    let now = report_with(&cluster, "1.37", 0);
    for id in ["csi-driver-missing", "volumeattachment-stuck"] {
        assert_eq!(said(&clean, id), []);
    }
    assert_eq!(said(&now, "volumeattachment-stuck"), [], "it is too young");
    let later = |minutes: i64| {
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        let run = cluster.check(&["--to", "1.37", "--now", &now.to_string(), "-o", "json"]);
        run.json()
    };
    assert_eq!(
        said(&later(10), "volumeattachment-stuck"),
        one("warning", "", &["cart"])
    );
    // The controller finds that the claims are not there: nobody mounts such volumes.
    crate::harness::eventually("the volumes are free", 30, || {
        said(&report_with(&cluster, "1.37", 0), "csi-driver-missing").is_empty()
    });
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: kept, namespace: default}\n\
        spec: {volumeName: kept, storageClassName: '', accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n---\n";
    let kept = volume("kept", "csi: {driver: gone.shop.example, volumeHandle: c}");
    let objects = kept + claim;
    cluster.kubectl_stdin(&["create", "-f", "-"], &objects).ok();
    crate::harness::eventually("the claim is bound", 30, || {
        let phase = ["get", "pv", "kept", "-o", "jsonpath={.status.phase}"];
        cluster.kubectl(&phase).ok().stdout == "Bound"
    });
    let bound = report_with(&cluster, "1.37", 0);
    assert_eq!(
        said(&bound, "csi-driver-missing"),
        one("warning", "", &["kept"])
    );
    Ok(())
}

/// What a pod must say to name a volume of each plug-in itself, as the rule's table has them.
const NAMED: [(&str, &str, &str); 17] = [
    ("vol-awsebs", "awsElasticBlockStore", "{volumeID: v}"),
    (
        "vol-azuredisk",
        "azureDisk",
        "{diskName: d, diskURI: 'https://a.blob.core.windows.net/c/d.vhd'}",
    ),
    (
        "vol-azurefile",
        "azureFile",
        "{secretName: s, shareName: s}",
    ),
    ("vol-cephfs", "cephfs", "{monitors: [m]}"),
    ("vol-cephrbd", "rbd", "{monitors: [m], image: i}"),
    ("vol-cinder", "cinder", "{volumeID: v}"),
    ("vol-flex", "flexVolume", "{driver: shop.example/disk}"),
    ("vol-flocker", "flocker", "{datasetName: d}"),
    ("vol-gcepd", "gcePersistentDisk", "{pdName: d}"),
    ("vol-gitrepo", "gitRepo", "{repository: r}"),
    ("vol-glusterfs", "glusterfs", "{endpoints: e, path: p}"),
    ("vol-photon", "photonPersistentDisk", "{pdID: d}"),
    ("vol-portworx", "portworxVolume", "{volumeID: v}"),
    ("vol-quobyte", "quobyte", "{registry: 'r:1', volume: v}"),
    (
        "vol-scaleio",
        "scaleIO",
        "{gateway: g, system: s, volumeName: v, secretRef: {name: s}}",
    ),
    ("vol-storageos", "storageos", "{volumeName: v}"),
    ("vol-vsphere", "vsphereVolume", "{volumePath: '[shop] d'}"),
];

/// Kinds of volumes that stay.
const KEPT: [&str; 11] = [
    "configMap: {name: c}",
    "csi: {driver: d}",
    "downwardAPI: {}",
    "emptyDir: {}",
    "ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}",
    "fc: {targetWWNs: [w], lun: 1}",
    "hostPath: {path: /tmp}",
    "iscsi: {targetPortal: t, iqn: 'iqn.2026-01.shop:d', lun: 1}",
    "nfs: {server: s, path: /p}",
    "projected: {sources: []}",
    "secret: {secretName: s}",
];

fn pod(name: &str, volumes: &[String]) -> String {
    let volumes = volumes
        .iter()
        .enumerate()
        .map(|(at, volume)| format!("{{name: v{at}, {volume}}}"));
    let volumes: Vec<String> = volumes.collect();
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: default}}\nspec:\n  containers: [{{name: c, \
         image: shop}}]\n  volumes: [{}]\n---\n",
        volumes.join(", ")
    )
}

/// Each pod is told by the rule of its plug-in, and one with every other kind of volume by none.
fn pods_that_name_them() -> Result<(), Failed> {
    let cluster = Cluster::start("1.24.17");
    let kept = KEPT.map(str::to_owned);
    let pods = NAMED
        .iter()
        .map(|(id, field, value)| pod(id, &[format!("{field}: {value}")]));
    let pods = pods.collect::<String>() + &pod("kept", &kept);
    cluster.kubectl_stdin(&["create", "-f", "-"], &pods).ok();
    let report = report_with(&cluster, "1.36", 3);
    for (id, field, _) in NAMED {
        let names: Vec<String> = said(&report, id).into_iter().flat_map(|it| it.2).collect();
        assert_eq!(names, [id], "{field}: {:#}", report["findings"]);
    }
    Ok(())
}
