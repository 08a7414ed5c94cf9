//! `node-label-master`: workloads that still name the label or the taint that kubeadm took from control-plane nodes.

use std::collections::BTreeMap;

use super::label_placement::{self, label_use};
use crate::catalog::LegacyRoleLabel;
use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::{pods, workloads};
use crate::need::{Need, ReadTarget};
use crate::path::HopId;
use crate::rules::engine::data_rule::object_from_meta;
use crate::rules::engine::manifests::add_object;
use crate::rules::{
    AffectedObject, Applicability, CheckContext, Finding, Rule, RuleKind, Severity,
};
use crate::snapshot::{PodRow, WorkloadRow};

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
    why: "kubeadm removes the label node-role.kubernetes.io/master from its nodes and taints them with node-role.kubernetes.io/control-plane. Pods that select the old label match no node, pods that tolerate only the old taint are not scheduled there, and a rule that keeps pods off nodes with the old label no longer does.",
    detection: "By nodeSelector, required node affinity and tolerations in the templates of Deployments, StatefulSets and DaemonSets, in pods without a controller, and in manifests and Helm releases, if a node has one of the two labels; before the hop that removes the label also in CronJobs, Jobs, ReplicationControllers, PodTemplates, RuntimeClasses, PersistentVolumes, Rollouts of Argo, Plans of the system-upgrade-controller and BGPPeers of Calico. Nodes of managed control planes are not visible.",
    remedy: "Use node-role.kubernetes.io/control-plane: in selectors instead of the old key, in tolerations in addition to it until every node has changed.",
    reference: "https://kubernetes.io/docs/reference/labels-annotations-taints/#node-role-kubernetes-io-control-plane",
    sources: &[
        "kubernetes/sig-release releases/release-1.24/release-notes/release-notes-draft.md",
        "kubernetes/sig-release releases/release-1.25/release-notes/release-notes-draft.md PR 110095",
    ],
    kind: RuleKind::Code {
        needs: |context| {
            let mut needs = workloads::all().to_vec();
            needs.extend([Need::nodes(), pods::pods_need()]);
            needs.extend(label_placement::needs(context));
            needs
        },
        evaluate,
    },
    reads_files: true,
    ..Rule::DEFAULT
};

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
        let is_local = context.cluster.is_none();
        if !is_local && !ours(&label.label) && !ours(&label.replacement) {
            continue;
        }
        let objects = found.entry(hop.clone()).or_default();
        for need in workloads::all() {
            objects.extend(workloads_using_label(context, &need, label));
        }
        objects.extend(pods_using_label(context, label));
        for object in label_placement::objects_using_label(context, label) {
            add_object(objects, object);
        }
    }
    RULE.findings_per_hop(
        "a selector or toleration names the role by a key that kubeadm removes",
        found,
    )
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

/// Pods without a controller, which nothing re-creates where they fit.
fn pods_using_label(context: &CheckContext<'_>, label: &LegacyRoleLabel) -> Vec<AffectedObject> {
    let seen = |pod: &PodRow| {
        let place = label_use(pod.placement.as_ref()?, label)?;
        let evidence = Evidence::new(EvidenceSource::Spec, format!("{place}: {}", label.label));
        Some(pod_object(pod, evidence))
    };
    let pods = context
        .pods()
        .iter()
        .filter(|pod| !pod.is_mirror && !pod.is_finished());
    pods.filter_map(seen).collect()
}

fn pod_object(pod: &PodRow, evidence: Evidence) -> AffectedObject {
    AffectedObject {
        cluster: None,
        namespace: Some(pod.namespace.to_string()),
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        name: pod.name.clone(),
        owner: None,
        evidence: vec![evidence],
    }
}
