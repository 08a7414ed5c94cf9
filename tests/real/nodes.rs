//! Nodes in all states, as a real API server shows them.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::harness::{Cluster, Need, named, report_with};

const OLD: &str = "1.24.17";
const NEWEST: &str = "1.37.0";

scenarios! {
    in_all_states: [Need::ControlPlane(NEWEST)],
    kubelets: [Need::ControlPlane(OLD)],
}

/// Writes what a kubelet would report.
fn report(cluster: &Cluster, node: &str, conditions: &[(&str, &str)], info: &Value) {
    let conditions: Vec<Value> = conditions
        .iter()
        .map(|(kind, status)| json!({"type": kind, "status": status, "reason": "Test"}))
        .collect();
    let patch = json!({"status": {"conditions": conditions, "nodeInfo": info}}).to_string();
    let command = [
        "patch",
        "node",
        node,
        "--subresource=status",
        "--type=merge",
    ];
    cluster
        .kubectl(&[&command[..], &["-p", &patch]].concat())
        .ok();
}

/// Two pools of three, a node of the control plane, and nodes that belong to nobody.
fn build(cluster: &Cluster) {
    let nothing = json!({});
    let ready = [("Ready", "True"), ("MemoryPressure", "False")];
    let gone = [("Ready", "Unknown"), ("DiskPressure", "Unknown")];
    type Node<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a Value);
    let nodes: [Node<'_>; 12] = [
        ("cp", NEWEST, &gone, &nothing),
        ("broken-1", NEWEST, &gone, &nothing),
        ("broken-2", NEWEST, &gone, &nothing),
        ("broken-3", NEWEST, &ready, &nothing),
        ("unlucky-1", NEWEST, &gone, &nothing),
        ("unlucky-2", NEWEST, &ready, &nothing),
        (
            "behind",
            "1.36.4",
            &ready,
            &json!({"containerRuntimeVersion": "containerd://1.7.27"}),
        ),
        (
            "full",
            NEWEST,
            &[("Ready", "True"), ("DiskPressure", "True")],
            &nothing,
        ),
        ("cordoned", NEWEST, &ready, &nothing),
        ("leaving", NEWEST, &gone, &nothing),
        ("gpu", NEWEST, &ready, &nothing),
        ("silent", NEWEST, &[], &nothing),
    ];
    for (name, kubelet, conditions, info) in nodes {
        cluster.add_node(name, kubelet);
        if !conditions.is_empty() {
            report(cluster, name, conditions, info);
        }
    }
    let role = "node-role.kubernetes.io/control-plane=";
    cluster.kubectl(&["label", "node", "cp", role]).ok();
    for (pool, nodes) in [
        ("broken", &["broken-1", "broken-2", "broken-3"][..]),
        ("unlucky", &["unlucky-1", "unlucky-2"]),
    ] {
        let label = format!("eks.amazonaws.com/nodegroup={pool}");
        cluster
            .kubectl(&[&["label", "node"], nodes, &[label.as_str()]].concat())
            .ok();
    }
    cluster.kubectl(&["cordon", "cordoned"]).ok();
    for (node, taint) in [
        ("leaving", "ToBeDeletedByClusterAutoscaler=1:NoSchedule"),
        ("gpu", "nvidia.com/gpu=yes:NoSchedule"),
    ] {
        cluster.kubectl(&["taint", "node", node, taint]).ok();
    }
}

fn in_all_states() -> Result<(), Failed> {
    let cluster = Cluster::start(NEWEST);
    build(&cluster);

    // An hour later, by the clock of the check: nobody is joining any more.
    let later = (jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1)).to_string();
    let check = |args: &[&str]| {
        cluster
            .check(&[&["--to", "1.38", "-o", "json"], args].concat())
            .json()
    };
    let found = check(&["--now", &later]);
    for (id, severity, names) in [
        (
            "node-notready",
            "blocker",
            &["broken-1", "broken-2", "cp"][..],
        ),
        ("node-notready", "warning", &["silent", "unlucky-1"]),
        ("node-notready", "note", &[]),
        ("node-cordoned", "warning", &["cordoned", "leaving"]),
        ("node-pressure", "warning", &["full"]),
        ("node-mixed", "note", &["behind"]),
        ("node-containerd-1x", "blocker", &["behind"]),
    ] {
        assert_eq!(named(&found, id, severity), names, "{id}: {found:#}");
    }
    for id in ["node-cgroup-v1", "node-cri-v1alpha2", "node-dockershim"] {
        for severity in ["blocker", "warning", "note"] {
            assert!(named(&found, id, severity).is_empty(), "{id}: {found:#}");
        }
    }

    // Now, when all of them have just been made, they may still be joining.
    let found = check(&[]);
    for severity in ["blocker", "warning"] {
        let none = named(&found, "node-notready", severity);
        assert!(none.is_empty(), "{found:#}");
    }
    Ok(())
}

/// Kubelets outside the window, and those just inside it.
fn kubelets() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    cluster.add_node("old", "v1.22.17");
    cluster.add_node("edge", "v1.23.17");
    cluster.add_node("new", "v1.25.0");
    let report = report_with(&cluster, "1.25", 3);
    for (id, name) in [
        ("node-kubelet-too-old", "old"),
        ("node-kubelet-too-new", "new"),
    ] {
        assert_eq!(named(&report, id, "blocker"), [name], "{report:#}");
    }
    assert_eq!(report["cluster"]["nodes"], 3);
    Ok(())
}
