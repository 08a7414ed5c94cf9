//! Rows of nodes, from messages as an API server sends them.

use super::pods::{field, map, number};
use super::sink;
use crate::need::Depth;

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

    let mut sink = sink("nodes", Depth::Fields);
    sink.protobuf(&node.concat());
    assert!(sink.faults.is_empty(), "{:?}", sink.faults);
    let row = &sink.rows.nodes()[0];
    assert_eq!(
        row.created.map(jiff::Timestamp::as_second),
        Some(1_700_000_000)
    );
    assert_eq!(row.cri_socket.as_deref(), Some("unix:///run/x.sock"));
    assert!(row.unschedulable && row.tainted);
    assert_eq!(row.taints, ["karpenter.sh/disrupted"]);
    let ready = row.condition("Ready").expect("a condition");
    assert_eq!(
        (ready.status.as_str(), ready.reason.as_str()),
        ("False", "KubeletNotReady")
    );
    assert_eq!(row.runtime, "containerd://2.1.0");
    assert_eq!(row.kubelet_version, "v1.37.0");
}
