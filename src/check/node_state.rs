//! Rules on the state of nodes: not ready, under pressure, cordoned, of several minors.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::{Body, Finding, Object, Rule, Said, Severity, Situation};
use crate::catalog::{Catalog, Minor, Release};
use crate::detect::{self, in_control_plane, pool};
use crate::evidence::{Evidence, Source};
use crate::snapshot::{NodeRow, Picture};

/// So long a node may take to join.
const JOINING: SignedDuration = SignedDuration::from_mins(10);
/// More workers of a pool than one in so many is more than bad luck.
const ONE_IN: usize = 10;
/// Conditions that are bad news where they are true.
const PRESSURES: [&str; 4] = ["MemoryPressure", "DiskPressure", "PIDPressure", NO_NETWORK];
/// The one that is normal on a node that is still joining.
const NO_NETWORK: &str = "NetworkUnavailable";

/// Nodes that do not work.
pub(super) const NOT_READY: Rule = Rule {
    id: "node-notready",
    severity: Severity::Blocker,
    title: "A node is not ready",
    applies_to: "any",
    why: "Pods that a drain moves need ready nodes, a node that does not report cannot be drained or upgraded in an orderly way, and a control plane that is short of a member may lose its quorum when the next one restarts.",
    how: "By the condition Ready. Nodes of the control plane block, and so do workers if more than one and more than a tenth of their pool are not ready; otherwise it warns. Nodes younger than ten minutes and nodes that never reported are a note, nodes about to be deleted are left out.",
    mend: "Repair these nodes or take them out of the cluster first.",
    reference: "https://kubernetes.io/docs/reference/node/node-status/#condition",
    sources: &["kubernetes/api core/v1/types.go"],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![detect::nodes()],
        evaluate: not_ready,
    },
};

/// Nodes that somebody took out of service.
pub(super) const CORDONED: Rule = Rule {
    id: "node-cordoned",
    severity: Severity::Warning,
    title: "A node takes no new pods because somebody cordoned it",
    applies_to: "any",
    why: "The room of a cordoned node is missing when others are drained, and a forgotten cordon often is the trace of an upgrade that was not finished.",
    how: "By spec.unschedulable and by the taints of kubectl cordon, the cluster autoscaler and Karpenter.",
    mend: "Find out why; uncordon these nodes or remove them.",
    reference: "https://kubernetes.io/docs/concepts/architecture/nodes/#manual-node-administration",
    sources: &[
        "kubernetes/api core/v1/well_known_taints.go",
        "kubernetes/autoscaler cluster-autoscaler/utils/taints/taints.go",
        "kubernetes-sigs/karpenter pkg/apis/v1/taints.go",
    ],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![detect::nodes()],
        evaluate: cordoned,
    },
};

/// Nodes that are short of something.
pub(super) const PRESSURE: Rule = Rule {
    id: "node-pressure",
    severity: Severity::Warning,
    title: "A node is short of memory, disk, process ids or network",
    applies_to: "any",
    why: "Such a node takes no new pods and may evict those that it has, just when others are drained.",
    how: "By the conditions MemoryPressure, DiskPressure, PIDPressure and NetworkUnavailable. The last one is normal on nodes younger than ten minutes.",
    mend: "Free what these nodes are short of, or add nodes, before others are drained.",
    reference: "https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/",
    sources: &["kubernetes/api core/v1/types.go"],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![detect::nodes()],
        evaluate: pressure,
    },
};

/// Nodes that an upgrade left behind.
pub(super) const MIXED: Rule = Rule {
    id: "node-mixed",
    severity: Severity::Note,
    title: "Nodes run several minors of the kubelet",
    applies_to: "any",
    why: "Several minors are allowed, but they are the trace of an upgrade that is not finished, and they use up the skew that the next one needs.",
    how: "By status.nodeInfo.kubeletVersion; nodes that are behind the newest one are named.",
    mend: "Finish the upgrade of these nodes first.",
    reference: "https://kubernetes.io/releases/version-skew-policy/#kubelet",
    sources: &["kubernetes/website content/en/releases/version-skew-policy.md"],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![detect::nodes()],
        evaluate: mixed,
    },
};

/// The node as an object of a finding.
pub(super) fn node_object(picture: &Picture, node: &NodeRow, evidence: Evidence) -> Object {
    Object {
        cluster: Some(picture.id.clone()),
        namespace: None,
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        name: node.name.clone(),
        owner: None,
        evidence: vec![evidence],
    }
}

/// So many nodes, in words.
pub(super) fn count(nodes: usize) -> String {
    match nodes {
        1 => "1 node".to_owned(),
        nodes => format!("{nodes} nodes"),
    }
}

/// What a node that is not ready belongs to.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    ControlPlane,
    /// Its pool; empty for workers of none.
    Workers(String),
    Joining,
    Silent,
}

fn not_ready(situation: &Situation<'_>) -> Vec<Finding> {
    let catalog = situation.catalog;
    let mut findings = Vec::new();
    for (picture, rows) in situation.rows(&detect::nodes()) {
        let nodes = rows.nodes();
        let mut groups: BTreeMap<Group, Vec<Object>> = BTreeMap::new();
        for node in nodes.iter().filter(|node| !leaving(catalog, node)) {
            let detail = match node.condition("Ready") {
                Some(ready) if ready.status == "True" => continue,
                Some(ready) => told("Ready", &ready.status, &ready.reason),
                None => "no condition Ready".to_owned(),
            };
            let group = if joining(situation, node) {
                Group::Joining
            } else if node.condition("Ready").is_none() {
                Group::Silent
            } else if in_control_plane(node) {
                Group::ControlPlane
            } else {
                Group::Workers(pool(catalog, node).to_owned())
            };
            let object = node_object(picture, node, Evidence::new(Source::Status, detail));
            groups.entry(group).or_default().push(object);
        }
        for (group, objects) in groups {
            findings.extend(not_ready_of(catalog, nodes, group, objects));
        }
    }
    findings
}

fn not_ready_of(
    catalog: &Catalog,
    nodes: &[NodeRow],
    group: Group,
    objects: Vec<Object>,
) -> Option<Finding> {
    let some = objects.len();
    let (severity, subject, message) = match group {
        Group::ControlPlane => (
            Severity::Blocker,
            "control-plane".to_owned(),
            format!("{} of the control plane not ready", count(some)),
        ),
        Group::Workers(name) => {
            let of_pool = |node: &&NodeRow| !in_control_plane(node) && pool(catalog, node) == name;
            let all = nodes.iter().filter(of_pool).count();
            let severity = if some > 1 && some * ONE_IN > all {
                Severity::Blocker
            } else {
                Severity::Warning
            };
            let what = match name.as_str() {
                "" => "workers".to_owned(),
                name => format!("nodes of the pool {name}"),
            };
            let message = format!("{some} of {all} {what} not ready");
            (severity, format!("pool {name}"), message)
        }
        Group::Joining => (
            Severity::Note,
            "joining".to_owned(),
            format!("{} may still be joining", count(some)),
        ),
        Group::Silent => (
            Severity::Note,
            "silent".to_owned(),
            format!("{} never reported", count(some)),
        ),
    };
    say(&NOT_READY, severity, subject, message, objects)
}

fn cordoned(situation: &Situation<'_>) -> Vec<Finding> {
    one(situation, &CORDONED, "cordoned or about to go", |node| {
        let known = |key: &&String| situation.catalog.taints.iter().any(|row| row.key == **key);
        if node.unschedulable {
            return Some("spec.unschedulable".to_owned());
        }
        Some(format!("taint {}", node.taints.iter().find(known)?))
    })
}

fn pressure(situation: &Situation<'_>) -> Vec<Finding> {
    one(situation, &PRESSURE, "short of something", |node| {
        let is_true = |kind: &&str| {
            let normal = *kind == NO_NETWORK && joining(situation, node);
            !normal
                && node
                    .condition(kind)
                    .is_some_and(|condition| condition.status == "True")
        };
        let true_ones: Vec<&str> = PRESSURES.into_iter().filter(|kind| is_true(kind)).collect();
        (!true_ones.is_empty()).then(|| true_ones.join(", "))
    })
}

fn mixed(situation: &Situation<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (picture, rows) in situation.rows(&detect::nodes()) {
        let minor = |node: &NodeRow| -> Option<Minor> {
            let release: Release = node.kubelet_version.parse().ok()?;
            Some(release.minor())
        };
        let minors: BTreeSet<Minor> = rows.nodes().iter().filter_map(minor).collect();
        let behind = rows
            .nodes()
            .iter()
            .filter(|node| minor(node).is_some_and(|minor| Some(&minor) < minors.last()));
        let objects = behind
            .map(|node| {
                let detail = format!("kubelet {}", node.kubelet_version);
                node_object(picture, node, Evidence::new(Source::Status, detail))
            })
            .collect();
        let minors: Vec<String> = minors.iter().map(ToString::to_string).collect();
        let message = format!("kubelets of {} run together", minors.join(", "));
        findings.extend(say(&MIXED, MIXED.severity, String::new(), message, objects));
    }
    findings
}

/// One finding for every node of which there is something to tell.
fn one(
    situation: &Situation<'_>,
    rule: &Rule,
    what: &str,
    tell: impl Fn(&NodeRow) -> Option<String>,
) -> Vec<Finding> {
    let mut objects = Vec::new();
    for (picture, rows) in situation.rows(&detect::nodes()) {
        for node in rows.nodes() {
            if let Some(detail) = tell(node) {
                let seen = Evidence::new(Source::Status, detail);
                objects.push(node_object(picture, node, seen));
            }
        }
    }
    let message = format!("{} {what}", count(objects.len()));
    say(rule, rule.severity, String::new(), message, objects)
        .into_iter()
        .collect()
}

fn say(
    rule: &Rule,
    severity: Severity,
    subject: String,
    message: String,
    objects: Vec<Object>,
) -> Option<Finding> {
    let said = Said {
        severity,
        ..Said::new(rule, subject, message, objects)
    };
    Finding::new(rule, said)
}

/// `Ready False, KubeletNotReady`.
fn told(kind: &str, status: &str, reason: &str) -> String {
    match reason {
        "" => format!("{kind} {status}"),
        reason => format!("{kind} {status}, {reason}"),
    }
}

fn joining(situation: &Situation<'_>, node: &NodeRow) -> bool {
    node.created
        .is_some_and(|created| situation.now.duration_since(created) < JOINING)
}

/// Whether whoever looks after the number of nodes is about to delete this one.
fn leaving(catalog: &Catalog, node: &NodeRow) -> bool {
    let marks = catalog.taints.iter().filter(|row| row.leaving);
    marks.into_iter().any(|row| node.taints.contains(&row.key))
}
