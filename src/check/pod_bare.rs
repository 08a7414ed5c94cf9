//! `pod-bare`: pods that nothing makes anew.

use super::pods::{all, drained, object, one, pods};
use super::{Body, Finding, Rule, Severity, Situation};
use crate::evidence::{Evidence, Source};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "pod-bare",
    severity: Severity::Warning,
    title: "A pod has no controller",
    applies_to: "any",
    why: "When its node is drained the pod is gone for good: nothing makes it anew elsewhere. kubectl drain stops at it unless --force is given.",
    how: "By pods on a node without an owner that is their controller. Finished pods, pods that are being deleted and mirrors of static pods are left out.",
    mend: "Put it into a Deployment, StatefulSet or Job, or delete it; else expect to need kubectl drain --force and to make it anew by hand.",
    reference: "https://kubernetes.io/docs/concepts/workloads/pods/#pods-and-controllers",
    sources: &["kubernetes/kubectl pkg/drain/filters.go"],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![pods()],
        evaluate,
    },
};

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    let bare = all(situation).filter(|(_, pod)| {
        drained(pod) && pod.owner.is_none() && pod.deleted.is_none() && !pod.node.is_empty()
    });
    let objects = bare.map(|(picture, pod)| {
        let seen = Evidence::new(Source::Spec, format!("no controller, on node {}", pod.node));
        object(picture, pod, seen)
    });
    let message = "nothing makes it anew when its node is drained";
    one(&RULE, RULE.severity, message, objects.collect())
        .into_iter()
        .collect()
}
