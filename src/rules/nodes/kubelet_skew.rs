//! `node-kubelet-too-old` and `node-kubelet-too-new`: kubelets outside the window that the version skew policy allows.

use std::collections::BTreeMap;

use super::state::node_object;
use super::{RUN, nodes_phrase};
use crate::catalog::{Minor, Release};
use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::facts::api_servers::ApiServerMinors;
use crate::facts::control_plane::{control_plane_pods_need, mirror_pods_need};
use crate::facts::nodes::{is_control_plane_node, virtual_node_mark};
use crate::need::Need;
use crate::path::HopId;
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};
use crate::snapshot::{MissingData, NodeRow};

/// Further nodes whose kubelet version cannot be read are only counted.
const MAX_NAMED_NODES: usize = 10;
/// What to do about nodes that are ahead because an upgrade is in progress.
const IN_PROGRESS_REMEDY: &str =
    "Let the upgrade of the control plane finish, then check again. Do not downgrade these nodes.";

/// Kubelets too far behind the first hop.
pub(crate) const TOO_OLD: Rule = Rule {
    id: "node-kubelet-too-old",
    severity: Severity::Blocker,
    title: "A kubelet is too old for the target API server",
    why: "The version skew policy limits how many minors a kubelet may be behind the API server. Larger differences are not tested, and fields and APIs that the kubelet needs may be removed.",
    detection: "By status.nodeInfo.kubeletVersion of each node against the first hop. For later hops, the plan assumes that nodes have been upgraded on the way. Virtual nodes are left out.",
    remedy: "Upgrade these nodes before the control plane takes this hop.",
    reference: "https://kubernetes.io/releases/version-skew-policy/#kubelet",
    sources: &[
        "kubernetes/website content/en/releases/version-skew-policy.md",
        "kubernetes/enhancements keps/sig-architecture/3935-oldest-node-newest-control-plane/README.md",
    ],
    unevaluated: unreadable_versions,
    kind: RuleKind::Code {
        needs: |_| vec![Need::nodes()],
        evaluate: kubelet_too_old,
    },
    has_own_steps: true,
    ..Rule::DEFAULT
};

/// Kubelets ahead of the API server.
pub(crate) const TOO_NEW: Rule = Rule {
    id: "node-kubelet-too-new",
    severity: Severity::Blocker,
    title: "A kubelet is newer than the API server",
    why: "A kubelet must never be newer than its API server: it may use fields and APIs that the server does not have.",
    detection: "By status.nodeInfo.kubeletVersion. A control plane node is compared with the static pod of its own API server, other nodes with all API servers that are visible, or with the minor that they emulate. Nodes that are ahead because the control plane is being upgraded are a warning. Virtual nodes are left out.",
    remedy: "Upgrade the API server to the kubelet's minor first, or downgrade these nodes.",
    reference: "https://kubernetes.io/releases/version-skew-policy/#kubelet",
    sources: &[
        "kubernetes/website content/en/releases/version-skew-policy.md",
        "kubernetes/enhancements keps/sig-architecture/4330-compatibility-versions/README.md",
    ],
    optional_needs: |_| vec![mirror_pods_need()],
    unevaluated: unreadable_versions,
    kind: RuleKind::Code {
        needs: |_| vec![Need::nodes(), control_plane_pods_need()],
        evaluate: kubelet_too_new,
    },
    ..Rule::DEFAULT
};

/// Nodes whose kubelet version cannot be read.
fn unreadable_versions(context: &CheckContext<'_>) -> Vec<MissingData> {
    let mut nodes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for node in real_nodes(context) {
        if node.kubelet_version.release().is_none() {
            let version = node.kubelet_version.to_string();
            nodes.entry(version).or_default().push(&node.name);
        }
    }
    let gap = |(version, names): (String, Vec<&str>)| MissingData {
        what: format!("the kubelet version of {}", list_names(&names)),
        why: match version.as_str() {
            "" => "none is reported".to_owned(),
            version => format!("{version:?} is not a Kubernetes version"),
        },
        rbac: None,
    };
    nodes.into_iter().map(gap).collect()
}

/// `a, b and 3 more nodes`.
pub(super) fn list_names(names: &[&str]) -> String {
    let named = names.len().min(MAX_NAMED_NODES);
    let mut text = names[..named].join(", ");
    if let more @ 1.. = names.len() - named {
        text += &format!(" and {more} more nodes");
    }
    text
}

/// Nodes with a kubelet of their own.
pub(super) fn real_nodes<'a>(context: &CheckContext<'a>) -> impl Iterator<Item = &'a NodeRow> {
    let catalog = context.catalog;
    let nodes = context.nodes().iter();
    nodes.filter(|node| virtual_node_mark(catalog, node).is_none())
}

fn kubelet_too_old(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some(hop) = context.path.first_minor_hop() else {
        return Vec::new();
    };
    let is_too_old = |kubelet: Minor| {
        let limit = context.catalog.skew_limit("kubelet", kubelet);
        let behind = hop.minor().minors_ahead_of(kubelet);
        limit
            .zip(behind)
            .is_some_and(|(limit, behind)| behind > i64::from(limit.minors_behind))
    };
    let findings = nodes_by_minor(context, |_, kubelet| is_too_old(kubelet));
    let draft = |(minor, objects): (Minor, Vec<AffectedObject>)| {
        let what = format!("kubelet {minor}, too old for an API server {}", hop.minor());
        let message = nodes_phrase(objects.len(), RUN, &what);
        let draft = FindingDraft {
            hop: Some(HopId::from(hop)),
            ..FindingDraft::new(&TOO_OLD, minor.to_string(), message, objects)
        };
        Finding::new(&TOO_OLD, draft)
    };
    findings.into_iter().filter_map(draft).collect()
}

fn kubelet_too_new(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some(view) = context.view() else {
        return Vec::new();
    };
    let servers = ApiServerMinors::new(view);
    let newest = servers.newest_assumed(context.nodes());
    let is_certain = |node: &NodeRow, kubelet: Minor| match servers.on_node(node) {
        Some(own) => kubelet > own,
        None => kubelet > newest,
    };
    // A control plane node is compared with its own API server. If that is not visible, the node may be joining.
    let is_possible = |node: &NodeRow, kubelet: Minor| {
        let limit = match is_control_plane_node(node) {
            true => servers.on_node(node).unwrap_or(servers.newest),
            false => servers.oldest,
        };
        kubelet > limit && !is_certain(node, kubelet)
    };
    let certain = nodes_by_minor(context, is_certain);
    let in_progress = nodes_by_minor(context, is_possible);
    let certain = certain.into_iter().filter_map(|(minor, objects)| {
        let what = format!("kubelet {minor}, newer than the API server");
        let message = nodes_phrase(objects.len(), RUN, &what);
        let draft = FindingDraft::new(&TOO_NEW, minor.to_string(), message, objects);
        Finding::new(&TOO_NEW, draft)
    });
    let in_progress = in_progress.into_iter().filter_map(|(minor, objects)| {
        let oldest = servers.oldest;
        let what = format!(
            "kubelet {minor}, newer than an API server {oldest}: an upgrade of the control plane seems to be in progress"
        );
        let message = nodes_phrase(objects.len(), RUN, &what);
        let subject = format!("{minor} in progress");
        let draft = FindingDraft {
            severity: Severity::Warning,
            confidence: Confidence::Possible,
            remedy: IN_PROGRESS_REMEDY.to_owned(),
            ..FindingDraft::new(&TOO_NEW, subject, message, objects)
        };
        Finding::new(&TOO_NEW, draft)
    });
    certain.chain(in_progress).collect()
}

/// The nodes that are outside, by the minor of their kubelets.
fn nodes_by_minor(
    context: &CheckContext<'_>,
    is_outside: impl Fn(&NodeRow, Minor) -> bool,
) -> BTreeMap<Minor, Vec<AffectedObject>> {
    let mut found: BTreeMap<Minor, Vec<AffectedObject>> = BTreeMap::new();
    for node in real_nodes(context) {
        let kubelet = node.kubelet_version.release().map(Release::minor);
        if let Some(minor) = kubelet.filter(|minor| is_outside(node, *minor)) {
            let detail = format!("kubelet {}", node.kubelet_version);
            let object = node_object(node, Evidence::new(EvidenceSource::Status, detail));
            found.entry(minor).or_default().push(object);
        }
    }
    found
}
