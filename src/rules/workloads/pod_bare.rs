//! `pod-bare`: pods that nothing makes anew.

use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::pods::{all_pods, is_evicted_by_drain, pod_object, pods_need, single_finding};
use crate::rules::{CheckContext, Finding, Rule, RuleKind, Severity};

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

fn evaluate(situation: &CheckContext<'_>) -> Vec<Finding> {
    let bare = all_pods(situation).filter(|pod| {
        is_evicted_by_drain(pod)
            && pod.controller.is_none()
            && pod.deletion_timestamp.is_none()
            && !pod.node_name.is_empty()
    });
    let objects = bare.map(|pod| {
        let seen = Evidence::new(
            EvidenceSource::Spec,
            format!("no controller, on node {}", pod.node_name),
        );
        pod_object(pod, seen)
    });
    let message = "nothing makes it anew when its node is drained";
    single_finding(&RULE, RULE.severity, message, objects.collect())
        .into_iter()
        .collect()
}
