//! Aggregated APIs, references through old versions, Helm releases that are stuck and an API server that is ill.

use std::process::Stdio;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::harness::{Cluster, NOTHING, Need, create, eventually, named, report};

const NEWEST: &str = "1.37.0";

/// A request for a certificate of the node pool-a-1.
pub(crate) const REQUEST: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIeU1JR1lBZ0VBTURZeEZUQVRCZ05WQkFvTURITjVjM1JsYlRwdWIyUmxjekVkTUJzR0ExVUVBd3dVYzNsegpkR1Z0T201dlpHVTZjRzl2YkMxaExURXdXVEFUQmdjcWhrak9QUUlCQmdncWhrak9QUU1CQndOQ0FBUW4yMkFMCjRyeHBaNEFsOWZVWS9lTXBLYUdDRFV2cWx0d3BpY0NhenpubVczakswOXkyV1FreDdieE9FUC8yRG5scUxhSG0KanZESm0yV0ZBT05Bclo4Qm9BQXdDZ1lJS29aSXpqMEVBd0lEU1FBd1JnSWhBTzNBNmo2VGhtY2Y5aW5sbW9URQpuQXZxcUE1TzlGbmJCZjV3V0RRbmQwWUFBaUVBcmsxL0JVeXBnUld5U1pPTkRPcDl0Q3JlQVFpNTZoSnpRRkJkCjdub1ZTd1k9Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";

scenarios! {
    aggregated: [Need::ControlPlane(NEWEST)],
    references: [Need::ControlPlane(NEWEST)],
    stuck_release: [Need::ControlPlane(NEWEST), Need::Helm],
    ill_server: [Need::ControlPlane(NEWEST)],
}

fn aggregated() -> Result<(), Failed> {
    let cluster = Cluster::start(NEWEST);
    let api = |group: &str| {
        json!({"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": {"name": format!("v1.{group}")},
            "spec": {"group": group, "version": "v1", "groupPriorityMinimum": 100,
                "versionPriority": 100, "insecureSkipTLSVerify": true,
                "service": {"namespace": "default", "name": "gone"}}})
    };
    create(&cluster, &[api("shop.example"), api("metrics.k8s.io")]);
    let of = |id: &str, severity: &str| named(&report(&cluster, "1.37"), id, severity);
    eventually("they are found wanting", 20, || {
        of("apiservice-down", "warning") == ["v1.metrics.k8s.io", "v1.shop.example"]
    });
    assert_eq!(of("apiservice-down", "blocker"), NOTHING, "just now");
    let get = ["get", "apiservice", "v1.shop.example", "-o", "json"];
    let mut object = cluster.kubectl(&get).ok().json();
    object["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-01T00:00:00Z".into();
    let status = "/apis/apiregistration.k8s.io/v1/apiservices/v1.shop.example/status";
    let replace = ["replace", "--raw", status, "-f", "-"];
    cluster.kubectl_stdin(&replace, &object.to_string()).ok();
    eventually("it is so since long", 20, || {
        of("apiservice-down", "blocker") == ["v1.shop.example"]
    });
    assert_eq!(of("apiservice-down", "warning"), ["v1.metrics.k8s.io"]);
    Ok(())
}

fn references() -> Result<(), Failed> {
    let cluster = Cluster::start(NEWEST);
    let scaler = |name: &str, api_version: &str| {
        json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"maxReplicas": 3,
                "scaleTargetRef": {"apiVersion": api_version, "kind": "Deployment", "name": name}}})
    };
    let owned = |name: &str, owner: &str, uid: &str| {
        json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": {"name": name, "namespace": "default", "ownerReferences": [{"apiVersion": owner,
                "kind": "Deployment", "name": "web", "uid": uid}]},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": name}}}})
    };
    let budget = |name, owner| owned(name, owner, "0a1b2c3d-0000-4000-8000-000000000000");
    // In another namespace, and with a namesake where the budget is.
    let uid = |namespace: &str| {
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "main", "image": "main"}]}}}});
        create(&cluster, &[deployment]);
        let get = [
            "get",
            "deployment",
            "web",
            "-n",
            namespace,
            "-o=jsonpath={.metadata.uid}",
        ];
        cluster.kubectl(&get).ok().stdout
    };
    cluster.kubectl(&["create", "namespace", "operators"]).ok();
    let (abroad, here) = (uid("operators"), uid("default"));
    let request = json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
        "metadata": {"name": "pool-a-1"}, "spec": {"request": REQUEST,
            "signerName": "kubernetes.io/kubelet-serving",
            "usages": ["digital signature", "server auth"]}});
    create(
        &cluster,
        &[
            scaler("lost", "extensions/v1beta1"),
            scaler("found", "apps/v1beta1"),
            budget("lost", "apps/v1beta1"),
            budget("found", "apps/v1"),
            budget("unknown", "shop.example/v1"),
            owned("abroad", "apps/v1", &abroad),
            owned("here", "apps/v1", &here),
            request,
        ],
    );
    let report = report(&cluster, "1.37");
    let of = |id: &str, severity: &str| named(&report, id, severity);
    assert_eq!(of("hpa-targetref", "warning"), ["lost"], "{report:#}");
    assert_eq!(of("ownerref-dead-gv", "warning"), ["lost"]);
    assert_eq!(of("ownerref-cross-ns", "warning"), ["abroad"]);
    assert_eq!(of("node-csr-pending", "warning"), NOTHING, "just now");
    Ok(())
}

/// A helm that was killed while it waited.
fn stuck_release() -> Result<(), Failed> {
    let cluster = Cluster::start(NEWEST);
    let folder = tempfile::tempdir()?;
    let templates = folder.path().join("cart/templates");
    std::fs::create_dir_all(&templates)?;
    std::fs::write(
        folder.path().join("cart/Chart.yaml"),
        "apiVersion: v2\nname: cart\nversion: 1.0.0\n",
    )?;
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart"},
        "spec": {"selector": {"matchLabels": {"app": "cart"}}, "template": {"metadata": {"labels": {"app": "cart"}},
            "spec": {"containers": [{"name": "cart", "image": "cart"}]}}}});
    std::fs::write(templates.join("cart.yaml"), deployment.to_string())?;
    let chart = folder.path().join("cart").to_string_lossy().into_owned();

    cluster.helm(&["install", "fine", &chart]).ok();
    let mut command = cluster.helm_command();
    command.args([
        "install",
        "stuck",
        &chart,
        "--wait",
        "--timeout",
        "120s",
        "--set",
        "x=y",
    ]);
    // The release that is there already owns the deployment: another name for this one.
    std::fs::write(
        templates.join("cart.yaml"),
        deployment.to_string().replace("\"cart\"", "\"till\""),
    )?;
    let mut helm = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let record = "sh.helm.release.v1.stuck.v1";
    eventually("helm waits", 30, || {
        let get = ["get", "secret", record, "--show-labels"];
        cluster
            .kubectl(&get)
            .stdout
            .contains("status=pending-install")
    });
    helm.kill()?;
    helm.wait()?;

    let at_work = report(&cluster, "1.37");
    assert_eq!(
        named(&at_work, "helm-pending", "note"),
        [record],
        "{at_work:#}"
    );
    // The label says when the first revision was made, the record itself when this one was.
    let label = [
        "label",
        "secret",
        record,
        "--overwrite",
        "modifiedAt=1700000000",
    ];
    cluster.kubectl(&label).ok();
    let at_work = report(&cluster, "1.37");
    assert_eq!(
        named(&at_work, "helm-pending", "note"),
        [record],
        "{at_work:#}"
    );
    let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string();
    let stuck = cluster
        .check(&["--to", "1.37", "-o", "json", "--now", &later])
        .json();
    assert_eq!(
        named(&stuck, "helm-pending", "warning"),
        [record],
        "{stuck:#}"
    );
    let upgrade = cluster.helm(&["upgrade", "stuck", &chart]);
    assert!(upgrade.stderr.contains("in progress"), "{}", upgrade.stderr);
    cluster.helm(&["uninstall", "stuck"]).ok();
    let mended = report(&cluster, "1.37");
    assert_eq!(named(&mended, "helm-pending", "warning"), NOTHING);
    Ok(())
}

/// etcd hangs; what the API server has in memory it still serves.
fn ill_server() -> Result<(), Failed> {
    let cluster = Cluster::start(NEWEST);
    let well = report(&cluster, "1.37");
    assert_eq!(named(&well, "cp-readyz", "blocker"), NOTHING);
    let frozen = cluster.freeze_etcd();
    // The server remembers for a second or two that etcd was well.
    let mut ill = Value::Null;
    eventually("the server notices", 20, || {
        ill = report(&cluster, "1.37");
        named(&ill, "cp-readyz", "blocker").len() == 1
    });
    drop(frozen);
    // etcd and etcd-readiness have a deadline each: either may be the first to fail.
    let evidence = ill["findings"].to_string();
    assert!(evidence.contains("\"etcd"), "{evidence}");
    Ok(())
}
