//! What rules on pods share.

use crate::catalog::GroupResource;
use crate::evidence::Evidence;
use crate::need::{DetailLevel, Need};
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, Severity};
use crate::snapshot::{PodPhase, PodRow, Rows};

/// Pods, as rows of fields.
pub(crate) fn pods_need() -> Need {
    Need::objects(GroupResource::new("", "pods"), DetailLevel::Typed)
}

/// Every pod of the cluster.
pub(crate) fn all_pods<'a>(context: &CheckContext<'a>) -> impl Iterator<Item = &'a PodRow> {
    context.rows(&pods_need()).into_iter().flat_map(Rows::pods)
}

/// Whether a drain has to do with it at all: neither a mirror of a static pod, nor of a DaemonSet, nor at its end.
///
/// Source: kubernetes/kubectl pkg/drain/filters.go.
pub(crate) fn is_evicted_by_drain(pod: &PodRow) -> bool {
    !pod.is_mirror && !pod.is_controlled_by("DaemonSet") && !pod.is_finished()
}

/// Whether an eviction asks budgets first: pods that have not started, are finished or are being deleted go without.
///
/// Source: kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go.
pub(crate) fn checks_budgets(pod: &PodRow) -> bool {
    is_evicted_by_drain(pod) && pod.phase != PodPhase::Pending && pod.deletion_timestamp.is_none()
}

/// The pod as an object of a finding.
pub(crate) fn pod_object(pod: &PodRow, evidence: Evidence) -> AffectedObject {
    AffectedObject {
        cluster: None,
        namespace: Some(pod.namespace.to_string()),
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        name: pod.name.clone(),
        owner: pod
            .controller
            .as_ref()
            .map(|owner| format!("{}/{}", owner.kind, owner.name)),
        evidence: vec![evidence],
    }
}

/// One finding for all objects, which holds already.
pub(crate) fn single_finding(
    rule: &Rule,
    severity: Severity,
    message: &str,
    objects: Vec<AffectedObject>,
) -> Option<Finding> {
    let said = FindingDraft {
        severity,
        ..FindingDraft::new(rule, "", message, objects)
    };
    Finding::new(rule, said)
}

/// The name of one thing, and how many there are besides it.
pub(crate) fn first_and_count(first: &str, count: usize) -> String {
    match count {
        0 | 1 => first.to_owned(),
        count => format!("{first} and {} more", count - 1),
    }
}
