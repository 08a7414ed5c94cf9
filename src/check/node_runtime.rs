//! Rules on what a kubelet stands on: the container runtime, and the cgroups of the operating system.
//!
//! A kubelet that already is of the minor in question runs, and so proves that it works where it stands.

use std::collections::BTreeMap;

use super::node_state::{count, node_object};
use super::{Body, Finding, Object, Rule, Said, Severity, Situation};
use crate::catalog::{Minor, Release};
use crate::detect;
use crate::evidence::{Confidence, Evidence, Source};
use crate::path::HopRef;
use crate::snapshot::NodeRow;

/// The socket of the shim, however it is written.
const SHIM: &str = "dockershim.sock";
/// The runtime that the shim and its successor both report.
const DOCKER: &str = "docker://";

/// Docker through the kubelet's own shim.
pub(super) const DOCKERSHIM: Rule = Rule {
    id: "node-dockershim",
    severity: Severity::Blocker,
    title: "A node runs Docker through dockershim, which is gone",
    applies_to: "1.24",
    why: "Kubelets from 1.24 on have no dockershim. One that is told to use it does not start, and the node stays not ready.",
    how: "By docker:// in status.nodeInfo.containerRuntimeVersion of kubelets before 1.24. cri-dockerd reports the same, so the socket that kubeadm notes in an annotation decides; without it the rule only warns.",
    mend: "Move these nodes to containerd, CRI-O or cri-dockerd before their kubelet is upgraded.",
    reference: "https://kubernetes.io/docs/tasks/administer-cluster/migrating-from-dockershim/",
    sources: &[
        "kubernetes/sig-release releases/release-1.24/release-notes/release-notes-draft.md PR 97252",
    ],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![detect::nodes()],
        evaluate: |situation| runtimes(situation, &DOCKERSHIM),
    },
};

/// Runtimes that do not speak CRI v1.
pub(super) const CRI_V1ALPHA2: Rule = Rule {
    id: "node-cri-v1alpha2",
    severity: Severity::Blocker,
    title: "A container runtime does not speak CRI v1",
    applies_to: "1.26",
    why: "Kubelets from 1.26 on speak only v1 of the container runtime interface. containerd before 1.6 has only v1alpha2, and the node cannot register.",
    how: "By status.nodeInfo.containerRuntimeVersion of nodes whose kubelet is before 1.26.",
    mend: "Upgrade containerd on these nodes before their kubelet is upgraded.",
    reference: "https://kubernetes.io/docs/setup/production-environment/container-runtimes/#cri-versions",
    sources: &["containerd/containerd.io content/releases.md"],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![detect::nodes()],
        evaluate: |situation| runtimes(situation, &CRI_V1ALPHA2),
    },
};

/// containerd before 2.0.
pub(super) const CONTAINERD_1X: Rule = Rule {
    id: "node-containerd-1x",
    severity: Severity::Blocker,
    title: "A node runs containerd 1.x, which kubelets leave behind",
    applies_to: "1.36 warns, 1.38 blocks",
    why: "Kubelets from 1.38 on ask the runtime for its cgroup driver and fail where it cannot answer, as containerd 1.x cannot.",
    how: "By status.nodeInfo.containerRuntimeVersion of nodes whose kubelet is before 1.38. The day was moved before and may move again.",
    mend: "Upgrade containerd on these nodes to 2.x.",
    reference: "https://kubernetes.io/docs/setup/production-environment/container-runtimes/#containerd",
    sources: &[
        "kubernetes/enhancements keps/sig-node/4033-group-driver-detection-over-cri/README.md",
        "kubernetes/sig-release releases/release-1.37/release-notes/release-notes-draft.md PR 139121",
    ],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![detect::nodes()],
        evaluate: |situation| runtimes(situation, &CONTAINERD_1X),
    },
};

/// Operating systems that boot with cgroup v1.
pub(super) const CGROUP_V1: Rule = Rule {
    id: "node-cgroup-v1",
    severity: Severity::Warning,
    title: "A node may run on cgroup v1, which kubelets refuse",
    applies_to: "1.35",
    why: "A kubelet from 1.35 on does not start on cgroup v1 unless its configuration has failCgroupV1: false.",
    how: "By status.nodeInfo.osImage of nodes whose kubelet is before 1.35: operating systems that boot with cgroup v1 unless told otherwise. The API does not show which one a node has, so it is a hint only.",
    mend: "Look at the node with stat -fc %T /sys/fs/cgroup: tmpfs is v1. Move it to an image with cgroup v2, or set failCgroupV1: false for the time being.",
    reference: "https://kubernetes.io/docs/concepts/architecture/cgroups/",
    sources: &[
        "kubernetes/sig-release releases/release-1.35/release-notes/release-notes-draft.md PR 134298",
        "kubernetes/enhancements keps/sig-node/5573-remove-cgroup-v1/README.md",
    ],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![detect::nodes()],
        evaluate: cgroup_v1,
    },
};

/// Nodes that share a finding.
type Found = BTreeMap<(Severity, Confidence, HopRef), Vec<Object>>;

/// What a limit of runtimes says of each node.
fn runtimes(situation: &Situation<'_>, rule: &Rule) -> Vec<Finding> {
    let limits = &situation.catalog.runtimes;
    let mut found = Found::new();
    for (picture, rows) in situation.rows(&detect::nodes()) {
        for node in rows.nodes() {
            for limit in limits.iter().filter(|limit| limit.rule == rule.id) {
                if !limit.means(&node.runtime) {
                    continue;
                }
                let worst = (Severity::Blocker, limit.worst_from);
                let first = (Severity::Warning, limit.from);
                let bites = [worst, first].into_iter().find_map(|(severity, from)| {
                    Some((severity, bites(situation, node, from, limit.worst_from)?))
                });
                let (Some((severity, hop)), Some(confidence)) = (bites, confidence(node)) else {
                    continue;
                };
                let severity = match confidence {
                    Confidence::Possible => severity.min(Severity::Warning),
                    Confidence::Likely | Confidence::Certain => severity,
                };
                let seen = Evidence::new(Source::Status, node.runtime.clone());
                let object = node_object(picture, node, seen);
                found
                    .entry((severity, confidence, hop))
                    .or_default()
                    .push(object);
            }
        }
    }
    said(rule, found, "with a runtime that kubelets leave behind")
}

/// The hop that brings a kubelet which minds, to a node whose kubelet is still before the one that cannot work.
fn bites(
    situation: &Situation<'_>,
    node: &NodeRow,
    from: Minor,
    worst_from: Minor,
) -> Option<HopRef> {
    let kubelet: Release = node.kubelet_version.parse().ok()?;
    let path = situation.path;
    if kubelet.minor() >= worst_from || from > path.to {
        return None;
    }
    // The API server may be past it, and nodes follow on the way.
    path.hop_into(from)
        .or_else(|| path.first_minor_hop().map(HopRef::from))
}

/// How sure it is that the runtime is what it looks like; none where it is known not to be.
fn confidence(node: &NodeRow) -> Option<Confidence> {
    if !node.runtime.starts_with(DOCKER) {
        return Some(Confidence::Certain);
    }
    match &node.cri_socket {
        None => Some(Confidence::Possible),
        Some(socket) => socket.contains(SHIM).then_some(Confidence::Certain),
    }
}

fn cgroup_v1(situation: &Situation<'_>) -> Vec<Finding> {
    let mut found = Found::new();
    for (picture, rows) in situation.rows(&detect::nodes()) {
        for node in rows.nodes() {
            let hints = situation.catalog.os_images.iter();
            let hop = hints
                .filter(|hint| hint.rule == CGROUP_V1.id && hint.means(&node.os_image))
                .find_map(|hint| bites(situation, node, hint.from, hint.from));
            if let Some(hop) = hop {
                let seen = Evidence::new(Source::Status, node.os_image.clone());
                found
                    .entry((CGROUP_V1.severity, Confidence::Possible, hop))
                    .or_default()
                    .push(node_object(picture, node, seen));
            }
        }
    }
    said(
        &CGROUP_V1,
        found,
        "with an operating system that boots with cgroup v1",
    )
}

fn said(rule: &Rule, found: Found, what: &str) -> Vec<Finding> {
    let findings = found
        .into_iter()
        .filter_map(|((severity, confidence, hop), objects)| {
            let message = format!("{} {what}", count(objects.len()));
            let said = Said {
                severity,
                confidence,
                hop: Some(hop),
                ..Said::new(rule, "", message, objects)
            };
            Finding::new(rule, said)
        });
    findings.collect()
}
