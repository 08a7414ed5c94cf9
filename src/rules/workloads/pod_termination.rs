//! `pod-long-grace` and `pod-terminating`: pods that keep a drain waiting.

use jiff::SignedDuration;

use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::pods::{is_evicted_by_drain, pods_need};
use crate::rules::{AffectedObject, CheckContext, Finding, Rule, RuleKind, Severity};

/// Longer than this is long: ten times the default grace period.
const LONG_GRACE_SECONDS: i64 = 300;
/// How long after its time a pod may still be there, because clocks differ and kubelets are busy.
const DELETION_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// Pods that may take long to end.
pub(crate) const LONG_GRACE: Rule = Rule {
    id: "pod-long-grace",
    severity: Severity::Warning,
    title: "A pod may take more than five minutes to terminate",
    why: "A drain waits for every pod to terminate. Grace periods add up over the nodes, and tools that replace nodes give up or kill the pod after a timeout of their own.",
    detection: "By spec.terminationGracePeriodSeconds above 300. Pods of DaemonSets, which a drain ignores, mirror pods and finished pods are left out.",
    remedy: "Shorten terminationGracePeriodSeconds, or plan the time and make sure that the timeout of the tool that drains nodes is longer.",
    reference: "https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
    sources: &["kubernetes/kubectl pkg/drain/drain.go"],
    kind: RuleKind::Code {
        needs: |_| vec![pods_need()],
        evaluate: long_grace,
    },
    ..Rule::DEFAULT
};

/// Pods that do not terminate.
pub(crate) const TERMINATING: Rule = Rule {
    id: "pod-terminating",
    severity: Severity::Warning,
    title: "A pod is stuck in termination",
    why: "A drain waits until the pod is deleted. If a finalizer is never removed, or the kubelet of its node is down and cannot confirm that the containers have stopped, it waits indefinitely.",
    detection: "By metadata.deletionTimestamp, which includes the grace period, more than five minutes ago.",
    remedy: "Let the owner of the finalizer finish its work. Repair the node, or taint it with node.kubernetes.io/out-of-service if it is permanently down.",
    reference: "https://kubernetes.io/docs/tasks/run-application/force-delete-stateful-set-pod/",
    sources: &[
        "kubernetes/kubectl pkg/drain/filters.go",
        "kubernetes/apiserver pkg/registry/rest/delete.go",
    ],
    kind: RuleKind::Code {
        needs: |_| vec![pods_need()],
        evaluate: terminating,
    },
    ..Rule::DEFAULT
};

fn long_grace(context: &CheckContext<'_>) -> Vec<Finding> {
    let objects = context.pods().iter().filter_map(|pod| {
        let grace = pod
            .termination_grace_period_seconds
            .filter(|&grace| grace > LONG_GRACE_SECONDS)?;
        let detail = format!("terminationGracePeriodSeconds {grace}");
        let evidence = Evidence::new(EvidenceSource::Spec, detail);
        is_evicted_by_drain(pod).then(|| AffectedObject::pod(pod, evidence))
    });
    let message = "the pod may keep a drain waiting for more than five minutes";
    LONG_GRACE.findings(message, objects)
}

fn terminating(context: &CheckContext<'_>) -> Vec<Finding> {
    let objects = context.pods().iter().filter_map(|pod| {
        let late = context.now.duration_since(pod.deletion_timestamp?);
        if late <= DELETION_MARGIN {
            return None;
        }
        let mut detail = format!("overdue for {}", format_age(late));
        if !pod.finalizers.is_empty() {
            let names: Vec<&str> = pod.finalizers.iter().map(|name| &**name).collect();
            detail = format!("{detail}, finalizer {}", names.join(", "));
        } else if !pod.node_name.is_empty() {
            detail = format!("{detail} on node {}", pod.node_name);
        }
        let evidence = Evidence::new(EvidenceSource::Status, detail);
        Some(AffectedObject::pod(pod, evidence))
    });
    let message = "the pod is stuck in termination";
    TERMINATING.findings(message, objects)
}

/// As kubectl shows ages: `7m`, `3h`, `2d`.
pub(crate) fn format_age(time: SignedDuration) -> String {
    match (time.as_hours(), time.as_mins()) {
        (48.., _) => format!("{}d", time.as_hours() / 24),
        (2.., _) => format!("{}h", time.as_hours()),
        (_, minutes) => format!("{minutes}m"),
    }
}
