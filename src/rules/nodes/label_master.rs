//! `node-label-master`: workloads that still name the label or the taint that kubeadm took from control-plane nodes.

use std::collections::BTreeMap;

use crate::catalog::LegacyRoleLabel;
use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::workloads;
use crate::need::{Need, ReadTarget};
use crate::path::HopId;
use crate::rules::engine::data_rule::object_from_meta;
use crate::rules::{
    AffectedObject, Applicability, CheckContext, Finding, Rule, RuleKind, Severity,
};
use crate::snapshot::{Placement, WorkloadRow};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "node-label-master",
    severity: Severity::Warning,
    title: "A selector or toleration still uses the master role",
    applies_to: Applicability::Computed(|catalog| {
        let rows = catalog.legacy_role_labels.iter();
        let minors: Vec<String> = rows.map(|row| row.removed_from.to_string()).collect();
        minors.join(", ")
    }),
    why: "kubeadm removes the label node-role.kubernetes.io/master from its nodes and taints them with node-role.kubernetes.io/control-plane. Pods that select the old label match no node, and pods that tolerate only the old taint are not scheduled there.",
    detection: "By nodeSelector, required node affinity and tolerations in the templates of Deployments, StatefulSets and DaemonSets, if a node has one of the two labels. Nodes of managed control planes are not visible.",
    remedy: "Use node-role.kubernetes.io/control-plane: in selectors instead of the old key, in tolerations in addition to it until every node has changed.",
    reference: "https://kubernetes.io/docs/reference/labels-annotations-taints/#node-role-kubernetes-io-control-plane",
    sources: &[
        "kubernetes/sig-release releases/release-1.24/release-notes/release-notes-draft.md",
        "kubernetes/sig-release releases/release-1.25/release-notes/release-notes-draft.md PR 110095",
    ],
    kind: RuleKind::Code {
        needs: |_| {
            let mut needs = workload_needs().to_vec();
            needs.push(Need::nodes());
            needs
        },
        evaluate,
    },
    ..Rule::DEFAULT
};

fn workload_needs() -> [Need; 3] {
    [
        workloads::deployments(),
        workloads::stateful_sets(),
        workloads::daemon_sets(),
    ]
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<Option<HopId>, Vec<AffectedObject>> = BTreeMap::new();
    for label in &context.catalog.legacy_role_labels {
        if !context.path.reaches(label.removed_from) {
            continue;
        }
        let hop = context.path.hop_into(label.removed_from);

        let ours = |key: &String| {
            context
                .nodes()
                .iter()
                .any(|node| node.labels.contains_key(key))
        };
        if !ours(&label.label) && !ours(&label.replacement) {
            continue;
        }
        let objects = found.entry(hop.clone()).or_default();
        for need in workload_needs() {
            objects.extend(workloads_using_label(context, &need, label));
        }
    }
    RULE.findings_per_hop("names the role by a key that kubeadm removes", found)
}

/// The workloads of a need whose template names the old key.
fn workloads_using_label(
    context: &CheckContext<'_>,
    need: &Need,
    label: &LegacyRoleLabel,
) -> Vec<AffectedObject> {
    let ReadTarget::Objects { resource, .. } = &need.target else {
        return Vec::new();
    };
    let Some(api) = context.listed_gvk(resource) else {
        return Vec::new();
    };
    let affected = |row: &WorkloadRow| {
        let place = label_use(row.placement.as_ref()?, label)?;
        let evidence = Evidence::new(EvidenceSource::Spec, format!("{place}: {}", label.label));
        Some(object_from_meta(&api, &row.meta, evidence))
    };
    context
        .workloads(need)
        .iter()
        .filter_map(affected)
        .collect()
}

/// Where a template names the old key so that its pods will miss the nodes; none where it does not.
fn label_use(placement: &Placement, label: &LegacyRoleLabel) -> Option<&'static str> {
    let old = label.label.as_str();
    if placement.node_selector_keys.iter().any(|key| &**key == old) {
        return Some("nodeSelector");
    }
    // Terms are alternatives: it is lost only where each of them names the old key.
    let terms = &placement.required_affinity_keys;
    if !terms.is_empty()
        && terms
            .iter()
            .all(|term| term.iter().any(|key| &**key == old))
    {
        return Some("nodeAffinity");
    }
    let tolerates = |key: &str| placement.toleration_keys.iter().any(|own| &**own == key);
    // An empty key tolerates everything.
    let new = tolerates("") || tolerates(&label.replacement);
    (tolerates(old) && !new).then_some("tolerations")
}
