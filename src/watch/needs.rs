//! What a watch reads.

use super::platform::{self, is_of_platform};
use super::{managed, plans};
use crate::catalog::GroupResource;
use crate::facts::control_plane::control_plane_pods_need;
use crate::need::{DetailLevel, Discovery, ListSelector, Need, ReadTarget};

/// What is watched: nodes, and the objects of controllers that upgrade clusters: Cluster API, system-upgrade-controller.
#[must_use]
pub fn watched_needs() -> Vec<Need> {
    let mut needs = vec![Need::nodes()];
    needs.extend(managed::needs());
    needs.push(plans::need());
    needs
}

/// What is listed every few seconds, because it is little: static pods of the control plane and rollouts in kube-system.
#[must_use]
pub fn polled_needs() -> Vec<Need> {
    let mut needs = vec![control_plane_pods_need()];
    needs.extend(["daemonsets", "deployments"].map(system_workloads_need));
    needs
}

/// The same where the server has APIs of a platform: what shows how far it is, but for what is watched.
#[must_use]
pub fn platform_needs(discovery: &Discovery) -> Vec<Need> {
    let watched = watched_needs();
    let mut needs = platform::needs(discovery);
    needs.retain(|need| watched.iter().all(|one| one.target != need.target));
    needs.sort();
    needs.dedup();
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

/// The field selector of the pods of a node, before its name.
pub(super) const NODE_SELECTOR: &str = "spec.nodeName=";

/// The pods of a node, which are watched while it drains.
#[must_use]
pub fn pods_on_node_need(node: &str) -> Need {
    let selector = ListSelector::by_fields(format!("{NODE_SELECTOR}{node}"));
    Need::selected(GroupResource::new("", "pods"), selector, DetailLevel::Typed)
}

/// The part of a picture that is computed from a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'t> {
    Nodes,
    PodsOf(&'t str),
    StaticPods,
    Rollouts,
    Managed,
    Warnings,
    Plans,
    Platform,
    /// What is listed while something waits.
    Waits,
    None,
}

impl<'t> Part<'t> {
    pub(super) fn of(target: &'t ReadTarget) -> Self {
        let ReadTarget::Objects {
            resource,
            namespace,
            selector,
        } = target
        else {
            return Self::None;
        };
        if is_of_platform(resource, namespace.as_deref(), selector) {
            return Self::Platform;
        }
        let resource = (resource.group.as_str(), resource.plural.as_str());
        match (
            resource,
            namespace,
            selector.fields.strip_prefix(NODE_SELECTOR),
        ) {
            (("", "nodes"), ..) => Self::Nodes,
            (("", "pods"), None, Some(node)) => Self::PodsOf(node),
            (("", "pods"), ..) if *target == control_plane_pods_need().target => Self::StaticPods,
            (("apps", "daemonsets" | "deployments"), ..) => Self::Rollouts,
            (("events.k8s.io", _), ..) => Self::Warnings,
            (("cluster.x-k8s.io", "clusters" | "machines"), ..)
            | (("controlplane.cluster.x-k8s.io", _), ..) => Self::Managed,
            (("upgrade.cattle.io", _), ..) => Self::Plans,
            _ => Self::Waits,
        }
    }
}
