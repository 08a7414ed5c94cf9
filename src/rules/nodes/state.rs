//! Rules on the state of nodes: not ready, under pressure, cordoned, of several minors.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::{ARE, nodes_phrase};
use crate::catalog::{Catalog, Minor, Release};
use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::nodes::{is_control_plane_node, pool_name, virtual_node_mark};
use crate::need::Need;
use crate::rules::{AffectedObject, CheckContext, Finding, Rule, RuleKind, Severity};
use crate::snapshot::NodeRow;
use crate::text::pluralize;

/// How long a node may take to join.
const JOIN_GRACE_PERIOD: SignedDuration = SignedDuration::from_mins(10);
/// More than one worker in this number of its pool makes it a blocker.
const MAX_NOT_READY_DIVISOR: usize = 10;
/// Conditions that are bad news where they are true.
const PRESSURE_CONDITIONS: [&str; 4] = [
    "MemoryPressure",
    "DiskPressure",
    "PIDPressure",
    NETWORK_UNAVAILABLE,
];
/// The one that is normal on a node that is still joining.
const NETWORK_UNAVAILABLE: &str = "NetworkUnavailable";

/// Nodes that are not ready.
pub(crate) const NOT_READY: Rule = Rule {
    id: "node-notready",
    severity: Severity::Blocker,
    title: "A node is not ready",
    why: "Pods that a drain evicts need ready nodes. A node that does not report cannot be drained or upgraded cleanly, and a control plane that is missing a member may lose its quorum when the next one restarts.",
    detection: "By the condition Ready. The finding is a blocker for control plane nodes, and for workers if more than one and more than a tenth of their pool are not ready; otherwise it is a warning. Nodes younger than ten minutes are a note, and older ones that never reported a warning. Nodes that are about to be deleted are left out.",
    remedy: "Repair these nodes, or remove them from the cluster first.",
    reference: "https://kubernetes.io/docs/reference/node/node-status/#condition",
    sources: &["kubernetes/api core/v1/types.go"],
    kind: RuleKind::Code {
        needs: |_| vec![Need::nodes()],
        evaluate: not_ready,
    },
    ..Rule::DEFAULT
};

/// Cordoned nodes.
pub(crate) const CORDONED: Rule = Rule {
    id: "node-cordoned",
    severity: Severity::Warning,
    title: "A node is cordoned",
    why: "The capacity of a cordoned node is missing when other nodes are drained. A forgotten cordon is often left over from an unfinished upgrade.",
    detection: "By spec.unschedulable and by the taints of kubectl cordon, the cluster autoscaler and Karpenter.",
    remedy: "Find out why; uncordon these nodes or remove them.",
    reference: "https://kubernetes.io/docs/concepts/architecture/nodes/#manual-node-administration",
    sources: &[
        "kubernetes/api core/v1/well_known_taints.go",
        "kubernetes/autoscaler cluster-autoscaler/utils/taints/taints.go",
        "kubernetes-sigs/karpenter pkg/apis/v1/taints.go",
    ],
    kind: RuleKind::Code {
        needs: |_| vec![Need::nodes()],
        evaluate: cordoned,
    },
    ..Rule::DEFAULT
};

/// Nodes under resource pressure.
pub(crate) const PRESSURE: Rule = Rule {
    id: "node-pressure",
    severity: Severity::Warning,
    title: "A node is short of memory, disk, process ids or network",
    why: "Such a node accepts no new pods and may evict those it has, just when other nodes are drained.",
    detection: "By the conditions MemoryPressure, DiskPressure, PIDPressure and NetworkUnavailable. NetworkUnavailable is normal on nodes younger than ten minutes.",
    remedy: "Free these resources or add nodes before other nodes are drained.",
    reference: "https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/",
    sources: &["kubernetes/api core/v1/types.go"],
    kind: RuleKind::Code {
        needs: |_| vec![Need::nodes()],
        evaluate: pressure,
    },
    ..Rule::DEFAULT
};

/// Nodes that an upgrade left behind.
pub(crate) const MIXED: Rule = Rule {
    id: "node-mixed",
    severity: Severity::Note,
    title: "Nodes run different minors of the kubelet",
    why: "Different minors are allowed, but they indicate an unfinished upgrade and use up the version skew that the next one needs.",
    detection: "By status.nodeInfo.kubeletVersion. Nodes that are behind the newest one are listed, but no virtual ones.",
    remedy: "Finish the upgrade of these nodes first.",
    reference: "https://kubernetes.io/releases/version-skew-policy/#kubelet",
    sources: &["kubernetes/website content/en/releases/version-skew-policy.md"],
    kind: RuleKind::Code {
        needs: |_| vec![Need::nodes()],
        evaluate: mixed_kubelets,
    },
    ..Rule::DEFAULT
};

/// The node as an object of a finding.
pub(crate) fn node_object(node: &NodeRow, evidence: Evidence) -> AffectedObject {
    AffectedObject::cluster_scoped("v1", "Node", &node.name, evidence)
}

/// What a node that is not ready belongs to.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum NotReadyGroup {
    ControlPlane,
    /// Its pool; empty for workers of none.
    Workers(String),
    Joining,
    NeverReported,
}

fn not_ready(context: &CheckContext<'_>) -> Vec<Finding> {
    let catalog = context.catalog;
    let nodes = context.nodes();
    let mut groups: BTreeMap<NotReadyGroup, Vec<AffectedObject>> = BTreeMap::new();
    for node in nodes.iter().filter(|node| !is_leaving(catalog, node)) {
        let detail = match node.condition("Ready") {
            Some(ready) if ready.status == "True" => continue,
            Some(ready) => format_condition("Ready", &ready.status, &ready.reason),
            None => "no condition Ready".to_owned(),
        };
        let group = if is_joining(context, node) {
            NotReadyGroup::Joining
        } else if node.condition("Ready").is_none() {
            NotReadyGroup::NeverReported
        } else if is_control_plane_node(node) {
            NotReadyGroup::ControlPlane
        } else {
            NotReadyGroup::Workers(pool_name(catalog, node).to_owned())
        };
        let object = node_object(node, Evidence::new(EvidenceSource::Status, detail));
        groups.entry(group).or_default().push(object);
    }
    let finding = |(group, objects)| not_ready_finding(catalog, nodes, group, objects);
    groups.into_iter().filter_map(finding).collect()
}

fn not_ready_finding(
    catalog: &Catalog,
    nodes: &[NodeRow],
    group: NotReadyGroup,
    objects: Vec<AffectedObject>,
) -> Option<Finding> {
    let some = objects.len();
    let (severity, subject, message) = match group {
        NotReadyGroup::ControlPlane => (
            Severity::Blocker,
            "control-plane".to_owned(),
            nodes_phrase(
                some,
                ["of the control plane is", "of the control plane are"],
                "not ready",
            ),
        ),
        NotReadyGroup::Workers(name) => {
            let of_pool =
                |node: &&NodeRow| !is_control_plane_node(node) && pool_name(catalog, node) == name;
            let all = nodes.iter().filter(of_pool).count();
            let severity = if some > 1 && some * MAX_NOT_READY_DIVISOR > all {
                Severity::Blocker
            } else {
                Severity::Warning
            };
            let what = match name.as_str() {
                "" => "workers".to_owned(),
                name => format!("nodes of the pool {name}"),
            };
            let message = format!(
                "{some} of {all} {what} {} not ready",
                if some == 1 { "is" } else { "are" }
            );
            (severity, format!("pool {name}"), message)
        }
        NotReadyGroup::Joining => (
            Severity::Note,
            "joining".to_owned(),
            format!("{} may still be joining", pluralize(some, "node")),
        ),
        NotReadyGroup::NeverReported => (
            Severity::Warning,
            "silent".to_owned(),
            format!("{} never reported", pluralize(some, "node")),
        ),
    };
    NOT_READY.finding(severity, subject, message, objects)
}

fn cordoned(context: &CheckContext<'_>) -> Vec<Finding> {
    let taints = &context.catalog.intentional_taints;
    node_findings(
        context,
        &CORDONED,
        "cordoned or about to be removed",
        |node| {
            if node.is_unschedulable {
                return Some("spec.unschedulable".to_owned());
            }
            let mut keys = node.taint_keys.iter();
            let key = keys.find(|key| taints.iter().any(|row| row.key == **key))?;
            Some(format!("taint {key}"))
        },
    )
}

fn pressure(context: &CheckContext<'_>) -> Vec<Finding> {
    node_findings(context, &PRESSURE, "short of resources", |node| {
        let is_true = |kind: &&str| {
            let normal = *kind == NETWORK_UNAVAILABLE && is_joining(context, node);
            !normal
                && node
                    .condition(kind)
                    .is_some_and(|condition| condition.status == "True")
        };
        let pressures: Vec<&str> = PRESSURE_CONDITIONS.into_iter().filter(is_true).collect();
        (!pressures.is_empty()).then(|| pressures.join(", "))
    })
}

fn mixed_kubelets(context: &CheckContext<'_>) -> Vec<Finding> {
    let minor = |node: &NodeRow| match virtual_node_mark(context.catalog, node) {
        None => node.kubelet_version.release().map(Release::minor),
        Some(_) => None,
    };
    let minors: BTreeSet<Minor> = context.nodes().iter().filter_map(minor).collect();
    let behind = context
        .nodes()
        .iter()
        .filter(|node| minor(node).is_some_and(|minor| Some(&minor) < minors.last()));
    let objects = behind.map(|node| {
        let detail = format!("kubelet {}", node.kubelet_version);
        node_object(node, Evidence::new(EvidenceSource::Status, detail))
    });
    let minors: Vec<String> = minors.iter().map(ToString::to_string).collect();
    MIXED.findings(
        format!("kubelets of {} run together", minors.join(", ")),
        objects,
    )
}

/// One finding about all nodes for which `detail` returns evidence.
fn node_findings(
    context: &CheckContext<'_>,
    rule: &Rule,
    what: &str,
    detail: impl Fn(&NodeRow) -> Option<String>,
) -> Vec<Finding> {
    let nodes = context.nodes().iter();
    let objects: Vec<AffectedObject> = nodes
        .filter_map(|node| {
            let evidence = Evidence::new(EvidenceSource::Status, detail(node)?);
            Some(node_object(node, evidence))
        })
        .collect();
    let message = nodes_phrase(objects.len(), ARE, what);
    rule.findings(message, objects)
}

/// `Ready False, KubeletNotReady`.
fn format_condition(kind: &str, status: &str, reason: &str) -> String {
    match reason {
        "" => format!("{kind} {status}"),
        reason => format!("{kind} {status}, {reason}"),
    }
}

fn is_joining(context: &CheckContext<'_>, node: &NodeRow) -> bool {
    node.created_at
        .is_some_and(|created| context.now.duration_since(created) < JOIN_GRACE_PERIOD)
}

/// Whether whoever looks after the number of nodes is about to delete this one.
fn is_leaving(catalog: &Catalog, node: &NodeRow) -> bool {
    let mut taints = catalog.intentional_taints.iter();
    taints.any(|row| row.marks_deletion && node.taint_keys.contains(&row.key))
}
