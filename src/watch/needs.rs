//! What a watch reads.

use super::{managed, plans};
use crate::catalog::GroupResource;
use crate::facts::control_plane::control_plane_pods_need;
use crate::need::{DetailLevel, ListSelector, Need};

/// What is watched: nodes, and the objects of controllers that upgrade clusters: Cluster API, system-upgrade-controller.
#[must_use]
pub fn watched_needs() -> Vec<Need> {
    let mut needs = vec![Need::nodes()];
    needs.extend(managed::needs());
    needs.push(plans::need());
    needs
}

/// What is listed again and again, because it is little: static pods of the control plane and rollouts in kube-system.
#[must_use]
pub fn polled_needs() -> Vec<Need> {
    let mut needs = vec![control_plane_pods_need()];
    needs.extend(["daemonsets", "deployments"].map(system_workloads_need));
    needs
}

/// The workloads of a kind in kube-system.
pub(super) fn system_workloads_need(plural: &str) -> Need {
    Need::labelled_in_namespace(
        GroupResource::new("apps", plural),
        "kube-system",
        "",
        DetailLevel::Typed,
    )
}

/// The pods of a node, which are listed while it drains.
#[must_use]
pub fn pods_on_node_need(node: &str) -> Need {
    let selector = ListSelector {
        labels: String::new(),
        fields: format!("spec.nodeName={node}"),
    };
    Need::selected(GroupResource::new("", "pods"), selector, DetailLevel::Typed)
}
