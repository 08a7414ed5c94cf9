//! `pod-bare`: pods that nothing makes anew.

use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::pods::{all_pods, is_evicted_by_drain, pod_object, pods_need, single_finding};
use crate::rules::{CheckContext, Finding, Rule, RuleKind, Severity};

/// The rule.
pub(in crate::rules) const RULE: Rule = Rule {
    id: "pod-bare",
    severity: Severity::Warning,
    title: "A pod has no controller",
    applies_to: "any",
    why: "When its node is drained the pod is gone for good: nothing makes it anew elsewhere. kubectl drain stops at it unless --force is given.",
    detection: "By pods on a node without an owner that is their controller. Finished pods, pods that are being deleted and mirrors of static pods are left out.",
    remedy: "Put it into a Deployment, StatefulSet or Job, or delete it; else expect to need kubectl drain --force and to make it anew by hand.",
    reference: "https://kubernetes.io/docs/concepts/workloads/pods/#pods-and-controllers",
    sources: &["kubernetes/kubectl pkg/drain/filters.go"],
    reads_files: false,
    kind: RuleKind::Code {
        needs: |_| vec![pods_need()],
        evaluate,
    },
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
