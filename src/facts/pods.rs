//! Pods, and which of them a drain evicts.

use crate::catalog::GroupResource;
use crate::need::{DetailLevel, Need};
use crate::snapshot::{PodPhase, PodRow};

/// All pods.
pub(crate) fn pods_need() -> Need {
    Need::objects(GroupResource::new("", "pods"), DetailLevel::Typed)
}

/// Whether a drain evicts the pod: not a mirror pod, not managed by a DaemonSet, and not finished.
///
/// Source: kubernetes/kubectl pkg/drain/filters.go.
pub(crate) fn is_evicted_by_drain(pod: &PodRow) -> bool {
    !pod.is_mirror && !pod.is_controlled_by("DaemonSet") && !pod.is_finished()
}

/// Whether an eviction of the pod respects budgets; they do not protect pods that are pending, finished or being deleted.
///
/// Source: kubernetes/kubernetes pkg/registry/core/pod/storage/eviction.go.
pub(crate) fn checks_budgets(pod: &PodRow) -> bool {
    is_evicted_by_drain(pod) && pod.phase != PodPhase::Pending && pod.deletion_timestamp.is_none()
}
