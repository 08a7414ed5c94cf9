//! Platforms whose upgrade runs inside the cluster: how far it is, by the objects of what drives it.

mod kyma;
mod rollout;

use crate::catalog::GroupResource;
use crate::need::{Discovery, ListSelector, Need};
use crate::snapshot::ClusterView;

pub use rollout::{PlatformGoal, PlatformObject, PlatformPhase, PlatformRollout};

/// What runs in a cluster and is upgraded inside it; `None` without such a platform, or if it was not read.
pub(super) fn platform_rollout(view: ClusterView<'_>) -> Option<PlatformRollout> {
    kyma::rollout(view)
}

/// What is listed every few seconds where the server has APIs of a platform.
#[must_use]
pub fn platform_needs(discovery: &Discovery) -> Vec<Need> {
    kyma::needs(discovery)
}

/// Whether a list is one of those.
pub(super) fn is_of_platform(
    resource: &GroupResource,
    namespace: Option<&str>,
    selector: &ListSelector,
) -> bool {
    kyma::is_read(resource, namespace, &selector.labels)
}
