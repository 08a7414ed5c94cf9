//! Rules about what a kubelet runs on: the container runtime, and the cgroup version of the operating system.
//!
//! A kubelet that already has the minor in question works on its node, so it is left out.

use std::collections::{BTreeMap, BTreeSet};

use super::kubelet_skew::{list_names, real_nodes};
use super::state::node_object;
use super::{RUN, nodes_phrase};
use crate::catalog::{Catalog, Minor, is_unreadable_runtime};
use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::need::Need;
use crate::path::HopId;
use crate::rules::{
    AffectedObject, Applicability, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity,
};
use crate::snapshot::{MissingData, NodeRow};

/// The socket of the shim, however it is written.
const DOCKERSHIM_SOCKET: &str = "dockershim.sock";
/// The runtime that the shim and its successor both report.
const DOCKER_PREFIX: &str = "docker://";

/// Docker through the kubelet's own shim.
pub(crate) const DOCKERSHIM: Rule = Rule {
    id: "node-dockershim",
    severity: Severity::Blocker,
    title: "A node uses Docker through dockershim, which is removed",
    applies_to: Applicability::Computed(|catalog| affected_minors(catalog, &DOCKERSHIM)),
    why: "Newer kubelets have no dockershim. A kubelet that is configured to use it does not start, and the node stays NotReady.",
    detection: "By docker:// in status.nodeInfo.containerRuntimeVersion of nodes whose kubelet still has dockershim. cri-dockerd reports the same, so the socket in kubeadm's node annotation decides; without the annotation the finding is a warning.",
    remedy: "Migrate these nodes to containerd, CRI-O or cri-dockerd before their kubelet is upgraded.",
    reference: "https://kubernetes.io/docs/tasks/administer-cluster/migrating-from-dockershim/",
    sources: &[
        "kubernetes/sig-release releases/release-1.24/release-notes/release-notes-draft.md PR 97252",
    ],
    kind: RuleKind::Code {
        needs: |_| vec![Need::nodes()],
        evaluate: |context| runtime_findings(context, &DOCKERSHIM),
    },
    ..Rule::DEFAULT
};

/// Runtimes without CRI v1.
pub(crate) const CRI_V1ALPHA2: Rule = Rule {
    id: "node-cri-v1alpha2",
    severity: Severity::Blocker,
    title: "A container runtime does not support CRI v1",
    applies_to: Applicability::Computed(|catalog| affected_minors(catalog, &CRI_V1ALPHA2)),
    why: "Newer kubelets use only v1 of the Container Runtime Interface. A runtime that implements only v1alpha2 keeps the node from registering.",
    detection: "By status.nodeInfo.containerRuntimeVersion of nodes whose kubelet still supports v1alpha2. A node whose runtime does not say its version is a gap.",
    remedy: "Upgrade containerd on these nodes before their kubelet is upgraded.",
    reference: "https://kubernetes.io/docs/setup/production-environment/container-runtimes/#cri-versions",
    sources: &["containerd/containerd.io content/releases.md"],
    kind: RuleKind::Code {
        needs: |_| vec![Need::nodes()],
        evaluate: |context| runtime_findings(context, &CRI_V1ALPHA2),
    },
    unevaluated: |context| unreadable_runtimes(context, &CRI_V1ALPHA2),
    ..Rule::DEFAULT
};

/// containerd before 2.0.
pub(crate) const CONTAINERD_1X: Rule = Rule {
    id: "node-containerd-1x",
    severity: Severity::Blocker,
    title: "A node runs containerd 1.x, which newer kubelets do not support",
    applies_to: Applicability::Computed(|catalog| affected_minors(catalog, &CONTAINERD_1X)),
    why: "Newer kubelets query the cgroup driver from the runtime and fail if it cannot answer. containerd 1.x cannot.",
    detection: "By status.nodeInfo.containerRuntimeVersion of nodes whose kubelet still works with containerd 1.x. A node whose runtime does not say its version is a gap. The removal has been postponed before and may be postponed again.",
    remedy: "Upgrade containerd on these nodes to 2.x.",
    reference: "https://kubernetes.io/docs/setup/production-environment/container-runtimes/#containerd",
    sources: &[
        "kubernetes/enhancements keps/sig-node/4033-group-driver-detection-over-cri/README.md",
        "kubernetes/sig-release releases/release-1.37/release-notes/release-notes-draft.md PR 139121",
    ],
    kind: RuleKind::Code {
        needs: |_| vec![Need::nodes()],
        evaluate: |context| runtime_findings(context, &CONTAINERD_1X),
    },
    unevaluated: |context| unreadable_runtimes(context, &CONTAINERD_1X),
    ..Rule::DEFAULT
};

/// Operating systems that boot with cgroup v1.
pub(crate) const CGROUP_V1: Rule = Rule {
    id: "node-cgroup-v1",
    severity: Severity::Warning,
    title: "A node may use cgroup v1, which newer kubelets reject",
    applies_to: Applicability::Computed(|catalog| affected_minors(catalog, &CGROUP_V1)),
    why: "Newer kubelets do not start on cgroup v1 unless their configuration sets failCgroupV1: false.",
    detection: "By status.nodeInfo.osImage of nodes with an older kubelet: operating systems that use cgroup v1 by default. The API does not show which version a node uses, so the finding is only a hint.",
    remedy: "Run stat -fc %T /sys/fs/cgroup on the node: tmpfs means v1. Move the node to an image with cgroup v2, or set failCgroupV1: false for now.",
    reference: "https://kubernetes.io/docs/concepts/architecture/cgroups/",
    sources: &[
        "kubernetes/sig-release releases/release-1.35/release-notes/release-notes-draft.md PR 134298",
        "kubernetes/enhancements keps/sig-node/5573-remove-cgroup-v1/README.md",
    ],
    kind: RuleKind::Code {
        needs: |_| vec![Need::nodes()],
        evaluate: cgroup_v1,
    },
    ..Rule::DEFAULT
};

/// The minors from which on the catalog lists a runtime or an operating system for this rule.
fn affected_minors(catalog: &Catalog, rule: &Rule) -> String {
    let runtimes = catalog.unsupported_runtimes.iter();
    let runtimes = runtimes.filter(|row| row.rule == rule.id).map(|row| {
        match row.warn_from == row.unsupported_from {
            true => row.unsupported_from.to_string(),
            false => format!("{} warns, {} blocks", row.warn_from, row.unsupported_from),
        }
    });
    let images = catalog.unsupported_os_images.iter();
    let images = images
        .filter(|row| row.rule == rule.id)
        .map(|row| row.unsupported_from.to_string());
    let minors: BTreeSet<String> = runtimes.chain(images).collect();
    Vec::from_iter(minors).join(", ")
}

/// Nodes that share a finding.
type NodesByHop = BTreeMap<(Severity, Confidence, HopId), Vec<AffectedObject>>;

/// One finding for each severity, confidence and hop.
fn runtime_findings(context: &CheckContext<'_>, rule: &Rule) -> Vec<Finding> {
    let limits = &context.catalog.unsupported_runtimes;
    let mut found = NodesByHop::new();

    for node in context.nodes() {
        for limit in limits.iter().filter(|limit| limit.rule == rule.id) {
            if !limit.matches(&node.container_runtime_version) {
                continue;
            }
            let worst = (Severity::Blocker, limit.unsupported_from);
            let first = (Severity::Warning, limit.warn_from);
            let affected = [worst, first].into_iter().find_map(|(severity, from)| {
                Some((
                    severity,
                    affected_hop(context, node, from, limit.unsupported_from)?,
                ))
            });
            let (Some((severity, hop)), Some(confidence)) = (affected, runtime_confidence(node))
            else {
                continue;
            };
            let severity = match confidence {
                Confidence::Possible => severity.min(Severity::Warning),
                Confidence::Likely | Confidence::Certain => severity,
            };
            let runtime = node.container_runtime_version.clone();
            let object = node_object(node, Evidence::new(EvidenceSource::Status, runtime));
            found
                .entry((severity, confidence, hop))
                .or_default()
                .push(object);
        }
    }

    node_findings(rule, found, "a runtime that newer kubelets do not support")
}

/// Nodes whose runtime does not say its version, although a limit of this rule may apply to it.
fn unreadable_runtimes(context: &CheckContext<'_>, rule: &Rule) -> Vec<MissingData> {
    let limits = context.catalog.unsupported_runtimes.iter();
    let limits: Vec<_> = limits.filter(|limit| limit.rule == rule.id).collect();
    let mut nodes: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in real_nodes(context) {
        let reported = node.container_runtime_version.as_str();
        let name = reported.split_once("://").map(|(name, _)| name);
        let is_concerned = limits.iter().any(|limit| {
            let (from, worst) = (limit.warn_from, limit.unsupported_from);
            name.is_none_or(|name| name == limit.runtime)
                && affected_hop(context, node, from, worst).is_some()
        });
        if is_concerned && is_unreadable_runtime(reported) {
            nodes.entry(reported).or_default().push(&node.name);
        }
    }
    let gap = |(reported, names): (&str, Vec<&str>)| MissingData {
        what: format!("the container runtime version of {}", list_names(&names)),
        why: match reported {
            "" => "the kubelet reports none".to_owned(),
            reported => format!("{reported:?} names no version"),
        },
        rbac: None,
    };
    nodes.into_iter().map(gap).collect()
}

/// The hop that brings an affected kubelet to a node; `None` if the kubelet there is already past the change.
fn affected_hop(
    context: &CheckContext<'_>,
    node: &NodeRow,
    from: Minor,
    worst_from: Minor,
) -> Option<HopId> {
    let kubelet = node.kubelet_version.release()?;
    let path = context.path;
    if kubelet.minor() >= worst_from || !path.reaches(from) {
        return None;
    }
    // The API server may be past it, and nodes follow on the way.
    path.hop_into(from)
        .or_else(|| path.first_minor_hop().map(HopId::from))
}

/// How certain it is that the node uses the runtime it reports; `None` if it is known not to.
fn runtime_confidence(node: &NodeRow) -> Option<Confidence> {
    if !node.container_runtime_version.starts_with(DOCKER_PREFIX) {
        return Some(Confidence::Certain);
    }
    match &node.cri_socket {
        None => Some(Confidence::Possible),
        Some(socket) => socket
            .contains(DOCKERSHIM_SOCKET)
            .then_some(Confidence::Certain),
    }
}

fn cgroup_v1(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut found = NodesByHop::new();

    for node in context.nodes() {
        let hints = context.catalog.unsupported_os_images.iter();
        let hop = hints
            .filter(|hint| hint.rule == CGROUP_V1.id && hint.matches(&node.os_image))
            .find_map(|hint| {
                affected_hop(context, node, hint.unsupported_from, hint.unsupported_from)
            });
        if let Some(hop) = hop {
            let evidence = Evidence::new(EvidenceSource::Status, node.os_image.clone());
            found
                .entry((CGROUP_V1.severity, Confidence::Possible, hop))
                .or_default()
                .push(node_object(node, evidence));
        }
    }

    node_findings(
        &CGROUP_V1,
        found,
        "an operating system that boots with cgroup v1",
    )
}

fn node_findings(rule: &Rule, found: NodesByHop, what: &str) -> Vec<Finding> {
    let findings = found
        .into_iter()
        .filter_map(|((severity, confidence, hop), objects)| {
            let message = nodes_phrase(objects.len(), RUN, what);
            let draft = FindingDraft {
                severity,
                confidence,
                hop: Some(hop),
                ..FindingDraft::new(rule, "", message, objects)
            };
            Finding::new(rule, draft)
        });
    findings.collect()
}
