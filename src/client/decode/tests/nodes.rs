//! Rows of nodes, from messages as an API server sends them.

use super::pods::{field, map, number};
use super::{decoded_alike, sink};
use crate::need::DetailLevel;

#[test]
fn a_node_keeps_what_rules_ask_for() {
    let socket = [(
        "kubeadm.alpha.kubernetes.io/cri-socket",
        "unix:///run/x.sock",
    )];
    let metadata = [
        field(1, "a"),
        field(8, number(1, 1_700_000_000)),
        map(12, &socket),
    ];
    let taint = [field(1, "karpenter.sh/disrupted"), field(3, "NoSchedule")];
    let spec = [number(4, 1), field(5, taint.concat())];
    let condition = [
        field(1, "Ready"),
        field(2, "False"),
        field(5, "KubeletNotReady"),
    ];
    let info = [
        field(5, "Ubuntu 24.04.2 LTS"),
        field(6, "containerd://2.1.0"),
        field(7, "v1.37.0"),
    ];
    let status = [field(4, condition.concat()), field(7, info.concat())];
    let node = [
        field(1, metadata.concat()),
        field(2, spec.concat()),
        field(3, status.concat()),
    ];

    let json = serde_json::json!({
        "metadata": {
            "name": "a", "creationTimestamp": "2023-11-14T22:13:20Z",
            "annotations": {"kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/x.sock"},
        },
        "spec": {"unschedulable": true, "taints": [{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]},
        "status": {
            "addresses": null,
            "conditions": [{"type": "Ready", "status": "False", "reason": "KubeletNotReady"}],
            "nodeInfo": {
                "osImage": "Ubuntu 24.04.2 LTS", "containerRuntimeVersion": "containerd://2.1.0", "kubeletVersion": "v1.37.0",
            },
        },
    });
    let rows = decoded_alike("nodes", &node.concat(), json);
    let row = &rows.nodes()[0];
    assert_eq!(
        row.created_at.map(jiff::Timestamp::as_second),
        Some(1_700_000_000)
    );
    assert_eq!(row.cri_socket.as_deref(), Some("unix:///run/x.sock"));
    assert!(row.is_unschedulable && row.has_repelling_taint);
    assert_eq!(row.taint_keys, ["karpenter.sh/disrupted"]);
    let ready = row.condition("Ready").expect("a condition");
    assert_eq!(
        (ready.status.as_str(), ready.reason.as_str()),
        ("False", "KubeletNotReady")
    );
    assert_eq!(row.container_runtime_version, "containerd://2.1.0");
    assert_eq!(row.kubelet_version.as_ref(), "v1.37.0");
}

#[test]
fn what_cluster_api_noted_is_kept() {
    let row = |annotations: &[(&str, &str)]| {
        let names: Vec<(String, &str)> = annotations
            .iter()
            .map(|(name, value)| (format!("cluster.x-k8s.io/{name}"), *value))
            .collect();
        let pairs = names
            .iter()
            .map(|(name, value)| map(12, &[(name.as_str(), *value)]));
        let metadata = [field(1, "a"), pairs.collect::<Vec<_>>().concat()];
        let mut sink = sink("nodes", DetailLevel::Typed);
        sink.push_protobuf(&field(1, metadata.concat()));
        sink.rows.nodes()[0].clone()
    };
    let noted = row(&[
        ("cluster-name", "shop"),
        ("cluster-namespace", "fleet"),
        ("owner-kind", "MachineSet"),
        ("owner-name", "shop-md-0-x7k2q"),
    ]);
    assert_eq!(noted.capi_cluster.as_deref(), Some("fleet/shop"));
    let owner = noted.capi_machine_owner.as_deref();
    assert_eq!(owner, Some("MachineSet/shop-md-0-x7k2q"));
    assert_eq!(noted.machine_deployment(), Some("shop-md-0"));
    // A machine of its own belongs to nothing.
    let alone = row(&[("cluster-name", "shop"), ("owner-kind", "")]);
    assert_eq!(alone.capi_cluster.as_deref(), Some("/shop"));
    assert_eq!(alone.capi_machine_owner, None);
}
