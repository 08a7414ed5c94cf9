//! `node-label-master`: workloads that still name the label or the taint that kubeadm took from control-plane nodes.

use std::collections::BTreeMap;

use super::data::{listed_through, object_of};
use super::{Body, Finding, Object, Rule, Severity, Situation, workload};
use crate::catalog::RoleLabel;
use crate::detect;
use crate::evidence::{Evidence, Source};
use crate::need::{Need, Subject};
use crate::path::HopRef;
use crate::snapshot::{Picture, Placement, WorkloadRow};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "node-label-master",
    severity: Severity::Warning,
    title: "A selector or toleration still names the master role",
    applies_to: "1.24",
    why: "kubeadm takes the label node-role.kubernetes.io/master from its nodes and taints them with node-role.kubernetes.io/control-plane: what selects the old label finds no node, and what tolerates only the old taint is not let on.",
    how: "By nodeSelector, required node affinity and tolerations in the templates of Deployments, StatefulSets and DaemonSets, where the cluster has nodes with one of the two labels. Managed control planes show no such nodes, and nothing is said there.",
    mend: "Name node-role.kubernetes.io/control-plane: in selectors in place of the old key, in tolerations beside it until every node has changed.",
    reference: "https://kubernetes.io/docs/reference/labels-annotations-taints/#node-role-kubernetes-io-control-plane",
    sources: &[
        "kubernetes/sig-release releases/release-1.24/release-notes/release-notes-draft.md",
        "kubernetes/sig-release releases/release-1.25/release-notes/release-notes-draft.md PR 110095",
    ],
    reads_files: false,
    body: Body::Code {
        needs: |_| {
            let mut needs = workloads().to_vec();
            needs.push(detect::nodes());
            needs
        },
        evaluate,
    },
};

fn workloads() -> [Need; 3] {
    [
        workload::deployments(),
        workload::stateful_sets(),
        workload::daemon_sets(),
    ]
}

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<Option<HopRef>, Vec<Object>> = BTreeMap::new();
    let nodes = detect::nodes();
    for label in &situation.catalog.role_labels {
        if situation.path.to < label.from {
            continue;
        }
        let hop = situation.path.hop_into(label.from);
        for (picture, rows) in situation.rows(&nodes) {
            let ours = |key: &String| {
                rows.nodes()
                    .iter()
                    .any(|node| node.labels.contains_key(key))
            };
            if !ours(&label.label) && !ours(&label.replacement) {
                continue;
            }
            let objects = found.entry(hop.clone()).or_default();
            for need in workloads() {
                objects.extend(naming(situation, picture, &need, label));
            }
        }
    }
    Finding::by_hop(
        &RULE,
        "names the role by a key that kubeadm takes away",
        found,
    )
}

/// The workloads of a need whose template names the old key.
fn naming(
    situation: &Situation<'_>,
    picture: &Picture,
    need: &Need,
    label: &RoleLabel,
) -> Vec<Object> {
    let Subject::Objects { resource, .. } = &need.subject else {
        return Vec::new();
    };
    let api = listed_through(resource, picture, situation.catalog);
    let rows = picture.read(need, situation.catalog).ok().flatten();
    let (Some(api), Some(rows)) = (api, rows) else {
        return Vec::new();
    };
    let seen = |row: &WorkloadRow| {
        let place = place(row.placement.as_ref()?, label)?;
        let evidence = Evidence::new(Source::Spec, format!("{place}: {}", label.label));
        Some(object_of(picture, &api, &row.meta, evidence))
    };
    rows.workloads().iter().filter_map(seen).collect()
}

/// Where a template names the old key so that its pods will miss the nodes; none where it does not.
fn place(placement: &Placement, label: &RoleLabel) -> Option<&'static str> {
    let old = label.label.as_str();
    if placement.node_selector.iter().any(|key| &**key == old) {
        return Some("nodeSelector");
    }
    // Terms are alternatives: it is lost only where each of them names the old key.
    let terms = &placement.node_affinity;
    if !terms.is_empty()
        && terms
            .iter()
            .all(|term| term.iter().any(|key| &**key == old))
    {
        return Some("nodeAffinity");
    }
    let tolerates = |key: &str| placement.tolerations.iter().any(|own| &**own == key);
    // An empty key tolerates everything.
    let new = tolerates("") || tolerates(&label.replacement);
    (tolerates(old) && !new).then_some("tolerations")
}
