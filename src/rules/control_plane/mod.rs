//! Rules about the control plane: version skew, flags, kubeadm configuration, readiness, support.

pub(super) mod arguments;
pub(super) mod config_version;
pub(super) mod end_of_life;
pub(super) mod kubeadm_config;
pub(super) mod patch_behind;
pub(super) mod readyz;
pub(super) mod runtime_config;
pub(super) mod settings;
pub(super) mod skew;

use std::collections::BTreeSet;

use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::control_plane;
use crate::facts::nodes::is_control_plane_node;
use crate::need::{Need, NeedContext};
use crate::rules::{AffectedObject, CheckContext};
use crate::snapshot::{MissingData, NodeRow, ObjectRow};

/// Static pods, and the nodes that should run some.
fn static_pod_needs() -> Vec<Need> {
    vec![control_plane::control_plane_pods_need(), Need::nodes()]
}

/// Static pods of other labels and namespaces.
pub(super) fn mirror_pod_needs(_: &NeedContext<'_>) -> Vec<Need> {
    vec![control_plane::mirror_pods_need()]
}

/// The same, and how kube-proxy is configured.
pub(super) fn flag_needs(context: &NeedContext<'_>) -> Vec<Need> {
    let mut needs = mirror_pod_needs(context);
    needs.push(control_plane::kube_proxy_flags_need());
    needs.push(control_plane::kube_proxy_config_need());
    needs
}

/// Why static pods could not be read, and the components of the control plane that are not visible on control plane nodes.
/// Managed control planes have no nodes.
fn invisible_static_pods(context: &CheckContext<'_>) -> Vec<MissingData> {
    let Some(cluster) = context.cluster else {
        return Vec::new();
    };
    let need = control_plane::mirror_pods_need();
    // Snapshots of earlier releases hold those of kubeadm only.
    let is_requested = cluster
        .ledger
        .iter()
        .any(|result| result.target == need.target);
    let unread = cluster.rows_for(&need, context.catalog).err();
    let unread = unread.filter(|_| is_requested).map(|missing| *missing);
    let pods = context.fact(control_plane::control_plane_pods);
    let visible: BTreeSet<(&str, &str)> = pods
        .iter()
        .filter_map(|pod| Some((pod.node()?, pod.component)))
        .collect();
    let nodes = context.nodes().iter();
    // k3s runs all components in its own process; RKE2, which notes its arguments too, in static pods.
    let marks = || context.catalog.provider_signatures.iter();
    let is_rke2 = |node: &NodeRow| {
        let mut marks = marks().filter(|mark| mark.provider == "rke2");
        marks.any(|mark| node.kubelet_version.as_ref().contains(&mark.pattern))
    };
    let nodes = nodes.filter(|node| {
        is_control_plane_node(node) && (node.component_flags.is_none() || is_rke2(node))
    });
    let nodes = nodes.filter_map(|node| {
        let missing: Vec<&str> = control_plane::control_plane_components()
            .filter(|component| !visible.contains(&(node.name.as_str(), component)))
            .collect();
        let is_empty = missing.len() == control_plane::control_plane_components().count();
        (!missing.is_empty()).then(|| MissingData {
            what: match is_empty {
                true => format!(
                    "versions and flags of the control plane on node {}",
                    node.name
                ),
                false => format!(
                    "version and flags of {} on node {}",
                    missing.join(", "),
                    node.name
                ),
            },
            why: match is_empty {
                true => {
                    "no static pod of the control plane is visible on it; check them on the node"
                }
                false => "not visible as static pods on the node; check them there",
            }
            .to_owned(),
            rbac: None,
        })
    });
    unread.into_iter().chain(nodes).collect()
}

fn kube_system_object(
    row: &ObjectRow,
    api_version: &str,
    kind: &str,
    detail: String,
) -> AffectedObject {
    let evidence = Evidence::new(EvidenceSource::Spec, detail);
    AffectedObject::new(api_version, kind, &row.meta, evidence)
}
