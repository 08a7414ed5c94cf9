//! Upgrades by the controllers of Cluster API, followed while they happen.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::harness::{Cluster, Need, create, eventually};
use crate::watch::{Watch, is_type, says, text, watched};

const VERSION: &str = "1.37.0";
/// Three machines of the control plane and two pools.
const POOLS: [(&str, usize); 2] = [("md-0", 3), ("md-1", 2)];
const MACHINES: usize = 8;

scenarios! {
    one_minor_and_two_in_a_chain: [Need::ControlPlane(VERSION), Need::ClusterApi],
}

fn infrastructure(kind: &str, name: &str, backend: Value) -> Value {
    json!({"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", "kind": kind, "metadata": {"name": name, "namespace": "shop"},
        "spec": {"template": {"spec": {"backend": {"inMemory": backend}}}}})
}

fn reference(group: &str, kind: &str, name: &str) -> Value {
    json!({"templateRef": {"apiVersion": format!("{group}.cluster.x-k8s.io/v1beta2"), "kind": kind, "name": name}})
}

/// A class of clusters whose machines start in a second.
fn class() -> Vec<Value> {
    let second = json!({"provisioning": {"startupDuration": "1s"}});
    let machine = json!({"vm": second, "node": second, "apiServer": second, "etcd": second});
    let template = |group: &str, kind: &str, spec: Value| {
        json!({"apiVersion": format!("{group}.cluster.x-k8s.io/v1beta2"), "kind": kind,
            "metadata": {"name": "shop", "namespace": "shop"}, "spec": {"template": {"spec": spec}}})
    };
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    let class = json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "ClusterClass",
    "metadata": {"name": "shop", "namespace": "shop"},
    "spec": {
        "kubernetesVersions": ["v1.34.1", "v1.35.0", "v1.36.0"],
        "infrastructure": reference("infrastructure", "DevClusterTemplate", "shop"),
        "controlPlane": {
            "templateRef": reference("controlplane", "KubeadmControlPlaneTemplate", "shop")["templateRef"],
            "machineInfrastructure": reference("infrastructure", "DevMachineTemplate", "shop"),
        },
        "workers": {"machineDeployments": [{
            "class": "worker",
            "bootstrap": reference("bootstrap", "KubeadmConfigTemplate", "shop"),
            "infrastructure": reference("infrastructure", "DevMachineTemplate", "shop"),
        }]},
    }});
    vec![
        namespace,
        infrastructure("DevClusterTemplate", "shop", json!({})),
        infrastructure("DevMachineTemplate", "shop", machine),
        template(
            "controlplane",
            "KubeadmControlPlaneTemplate",
            json!({"kubeadmConfigSpec": {"clusterConfiguration": {"apiServer": {"certSANs": ["127.0.0.1"]}}}}),
        ),
        template(
            "bootstrap",
            "KubeadmConfigTemplate",
            json!({"joinConfiguration": {"nodeRegistration": {"criSocket": "unix:///run/containerd/containerd.sock"}}}),
        ),
        class,
    ]
}

fn cluster(name: &str) -> Value {
    let pools = POOLS
        .map(|(name, replicas)| json!({"class": "worker", "name": name, "replicas": replicas}));
    json!({"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster", "metadata": {"name": name, "namespace": "shop"},
    "spec": {
        "clusterNetwork": {"services": {"cidrBlocks": ["10.128.0.0/12"]}, "pods": {"cidrBlocks": ["192.168.0.0/16"]}},
        "topology": {"classRef": {"name": "shop", "namespace": "shop"}, "version": "v1.34.1",
            "controlPlane": {"replicas": 3}, "workers": {"machineDeployments": pools}},
    }})
}

/// Whether this many machines are available, and all topologies are reconciled.
fn is_settled(management: &Cluster, machines: usize) -> bool {
    let is_true = |object: &Value, kind: &str| {
        let conditions = object["status"]["conditions"].as_array();
        conditions.is_some_and(|conditions| {
            conditions
                .iter()
                .any(|condition| condition["type"] == kind && condition["status"] == "True")
        })
    };
    let all = |kind: &str, condition: &str| {
        let list = management
            .kubectl(&["get", kind, "-A", "-o", "json"])
            .ok()
            .json();
        let items = list["items"].as_array().expect("items").clone();
        (items.iter().all(|item| is_true(item, condition))).then_some(items.len())
    };
    all("machines", "Available") == Some(machines)
        && all("clusters", "TopologyReconciled").is_some()
}

fn one_minor_and_two_in_a_chain() -> Result<(), Failed> {
    let mut management = Cluster::start(VERSION);
    management.start_cluster_api();
    create(&management, &class());
    create(&management, &[cluster("one"), cluster("two")]);
    eventually("two clusters of eight machines", 180, || {
        is_settled(&management, 2 * MACHINES)
    });
    let idle = watched(&management, &["--plain"]).ok();
    assert!(
        idle.stdout.contains("nothing is being upgraded"),
        "{}",
        idle.stdout
    );
    let pool = "/spec/topology/workers/machineDeployments/1/metadata";
    let hold = json!({"annotations": {"topology.cluster.x-k8s.io/defer-upgrade": ""}});
    edit(
        &management,
        &json!([{"op": "add", "path": pool, "value": hold}]),
    );
    for (name, version) in [("one", "v1.35.0"), ("two", "v1.36.0")] {
        let patch = json!({"spec": {"topology": {"version": version}}}).to_string();
        let args = [
            "patch",
            "cluster",
            name,
            "-n",
            "shop",
            "--type=merge",
            "-p",
            &patch,
        ];
        management.kubectl(&args).ok();
    }
    let recording = management.folder.file("recording");
    let watch = Watch::start(&management, &["--record", text(&recording)]);
    let held = "shop/one waits: Cluster is upgrading";
    watch.wait_long_for("the pool on hold", 240, says(held));
    edit(&management, &json!([{"op": "remove", "path": pool}]));
    watch.wait_long_for("the end", 420, is_type("finished"));
    judge(&watch.events());
    let live = watch.process.log();
    let replayed = watched(&management, &["--replay", text(&recording), "-o", "json"]);
    assert_eq!((replayed.code, replayed.stdout), (0, live));
    Ok(())
}

/// Changes the Cluster that is upgraded by one minor.
fn edit(management: &Cluster, patch: &Value) {
    let patch = patch.to_string();
    let args = [
        "patch",
        "cluster",
        "one",
        "-n",
        "shop",
        "--type=json",
        "-p",
        &patch,
    ];
    management.kubectl(&args).ok();
}

/// What controllers do in this order, and what must not be taken for it.
fn judge(events: &[Value]) {
    let first = |part: &str| events.iter().position(says(part));
    let last = |part: &str| events.iter().rposition(says(part));
    let order = |parts: &[Option<usize>]| {
        let is_before = |pair: &[Option<usize>]| pair[0].is_some() && pair[0] < pair[1];
        assert!(parts.windows(2).all(is_before), "{parts:?}");
    };
    // Machines of the control plane come without the name of a pool.
    let last_server = |cluster: &str| {
        let machine = format!("machine {cluster}-");
        let worker = format!("machine {cluster}-md-");
        events
            .iter()
            .rposition(|event| says(&machine)(event) && !says(&worker)(event))
    };
    // The control plane before the workers, and these pool by pool.
    order(&[
        last_server("one"),
        first("machine one-md-0"),
        last("machine one-md-0"),
        first("shop/one waits: Cluster is upgrading"),
        first("machine one-md-1"),
        first("cluster shop/one runs v1.35.0 on all 8 machines"),
    ]);
    // One minor after the other; the workers skip the one between.
    order(&[
        first("was created with v1.35.0"),
        first("shop/two: target version of the control plane is now v1.36.0"),
        last_server("two"),
        first("machine two-md-0"),
        last("machine two-md-0"),
        first("machine two-md-1"),
        first("cluster shop/two runs v1.36.0 on all 8 machines"),
    ]);
    let skips = |event: &&Value| says("machine two-md-")(event) && says("v1.35.0")(event);
    assert_eq!(events.iter().find(skips), None);
    let wait = "waits: Scaling down from 4 to 3 replicas is blocked because: * waiting for control plane components";
    order(&[first(wait), last(wait), first("machine two-md-0")]);
    let types: Vec<&Value> = events.iter().map(|event| &event["type"]).collect();
    let count = |kind: &str| types.iter().filter(|one| **one == kind).count();
    assert_eq!(
        (count("picture"), count("stall"), count("finished")),
        (1, 0, 1)
    );
    let end = &events[events.len() - 1]["progress"];
    assert_eq!(
        (&end["done"], &end["total"]),
        (&json!(2 * MACHINES), &json!(2 * MACHINES))
    );
}
