//! What rules on pods share.

use super::{Finding, Object, Rule, Said, Severity, Situation};
use crate::catalog::Resource;
use crate::evidence::Evidence;
use crate::need::{Depth, Need};
use crate::snapshot::{Phase, Picture, PodRow};

/// Pods, as rows of fields.
pub(crate) fn pods() -> Need {
    Need::objects(Resource::new("", "pods"), Depth::Fields)
}

/// Every pod of every cluster.
pub(super) fn all<'a>(
    situation: &Situation<'a>,
) -> impl Iterator<Item = (&'a Picture, &'a PodRow)> {
    let need = pods();
    let read: Vec<_> = situation.rows(&need).collect();
    read.into_iter()
        .flat_map(|(picture, rows)| rows.pods().iter().map(move |pod| (picture, pod)))
}

/// Whether a drain has to do with it at all: neither a mirror of a static pod, nor of a DaemonSet, nor at its end.
///
/// Source: kubernetes/kubectl pkg/drain/filters.go.
pub(crate) fn drained(pod: &PodRow) -> bool {
    !pod.mirror && !pod.owned_by("DaemonSet") && !pod.finished()
}

/// Whether an eviction asks budgets first: pods that have not started, are finished or are being deleted go without.
///
/// Source: kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go.
pub(super) fn guarded(pod: &PodRow) -> bool {
    drained(pod) && pod.phase != Phase::Pending && pod.deleted.is_none()
}

/// The pod as an object of a finding.
pub(super) fn object(picture: &Picture, pod: &PodRow, evidence: Evidence) -> Object {
    Object {
        cluster: Some(picture.id.clone()),
        namespace: Some(pod.namespace.to_string()),
        api_version: "v1".to_owned(),
        kind: "Pod".to_owned(),
        name: pod.name.clone(),
        owner: pod
            .owner
            .as_ref()
            .map(|owner| format!("{}/{}", owner.kind, owner.name)),
        evidence: vec![evidence],
    }
}

/// One finding for all objects, which holds already.
pub(super) fn one(
    rule: &Rule,
    severity: Severity,
    message: &str,
    objects: Vec<Object>,
) -> Option<Finding> {
    let said = Said {
        severity,
        ..Said::new(rule, "", message, objects)
    };
    Finding::new(rule, said)
}

/// The name of one thing, and how many there are besides it.
pub(super) fn and_more(first: &str, count: usize) -> String {
    match count {
        0 | 1 => first.to_owned(),
        count => format!("{first} and {} more", count - 1),
    }
}
