//! What a node is to its cluster.

use crate::catalog::Catalog;
use crate::detect::describe_node_match;
use crate::snapshot::NodeRow;

/// The marks of nodes that run the control plane. Source: kubernetes/kubernetes cmd/kubeadm/app/constants/constants.go.
pub(crate) const CONTROL_PLANE_LABELS: [&str; 2] = [
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
];

/// Whether it runs the control plane.
pub(crate) fn is_control_plane_node(node: &NodeRow) -> bool {
    CONTROL_PLANE_LABELS
        .iter()
        .any(|label| node.labels.contains_key(*label))
}

/// Its pool: the MachineDeployment or MachinePool that made it, or what a label names; empty where neither is known.
pub(crate) fn pool_name<'a>(catalog: &Catalog, node: &'a NodeRow) -> &'a str {
    let labels = || {
        let labels = catalog.pool_labels.iter();
        labels.filter_map(|row| node.labels.get(&row.label)).next()
    };
    node.machine_deployment()
        .or_else(|| node.machine_pool())
        .or_else(|| labels().map(String::as_str))
        .unwrap_or_default()
}

/// Whether the provider upgrades the node by itself, as EKS Auto Mode does.
pub(crate) fn is_upgraded_by_provider(catalog: &Catalog, node: &NodeRow) -> bool {
    let mut signatures = catalog.provider_node_signatures.iter();
    signatures.any(|signature| describe_node_match(signature, node).is_some())
}

/// What makes a node virtual: pods run elsewhere, and no kubelet on it can be drained or upgraded. None for other nodes.
pub(crate) fn virtual_node_mark(catalog: &Catalog, node: &NodeRow) -> Option<String> {
    let mut signatures = catalog.virtual_node_signatures.iter();
    signatures.find_map(|signature| {
        let mark = describe_node_match(signature, node)?;
        Some(format!("{}: {mark}", signature.provider))
    })
}
