//! `pod-bare`: pods that nothing re-creates.

use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::pods::{is_evicted_by_drain, pods_need};
use crate::rules::{AffectedObject, CheckContext, Finding, Rule, RuleKind, Severity};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "pod-bare",
    severity: Severity::Warning,
    title: "A pod has no controller",
    why: "When its node is drained, the pod is deleted and not re-created. kubectl drain refuses to evict it without --force.",
    detection: "By pods on a node without a controller in metadata.ownerReferences. Pods that are finished or being deleted, and mirror pods, are left out.",
    remedy: "Move it into a Deployment, StatefulSet or Job, or delete it. Otherwise, plan for kubectl drain --force and re-create the pod manually.",
    reference: "https://kubernetes.io/docs/concepts/workloads/pods/#pods-and-controllers",
    sources: &["kubernetes/kubectl pkg/drain/filters.go"],
    kind: RuleKind::Code {
        needs: |_| vec![pods_need()],
        evaluate,
    },
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let bare = context.pods().iter().filter(|pod| {
        is_evicted_by_drain(pod)
            && pod.controller.is_none()
            && pod.deletion_timestamp.is_none()
            && !pod.node_name.is_empty()
    });
    let objects = bare.map(|pod| {
        let detail = format!("no controller, on node {}", pod.node_name);
        AffectedObject::pod(pod, Evidence::new(EvidenceSource::Spec, detail))
    });
    let message = "the pod is not re-created when its node is drained";
    RULE.findings(message, objects)
}
