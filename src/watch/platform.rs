//! Platforms whose upgrade runs inside the cluster: how far it is, by the objects of what drives it.

mod dkp;
mod kyma;
mod progress;
mod rollout;

use crate::catalog::{GroupResource, PlatformName};
use crate::need::{Discovery, ListSelector, Need};
use crate::snapshot::ClusterView;

pub(super) use progress::PlatformProgress;
pub use rollout::{PlatformGoal, PlatformObject, PlatformPhase, PlatformRollout};

/// What runs in a cluster and is upgraded inside it; `None` without such a platform, or if it was not read.
pub(super) fn platform_rollout(
    view: ClusterView<'_>,
    goal: Option<&PlatformGoal>,
) -> Option<PlatformRollout> {
    let is_wanted = |name: PlatformName| goal.is_none_or(|goal| goal.platform == name);
    let dkp = is_wanted(PlatformName::Dkp).then(|| dkp::rollout(view, goal));
    let kyma = || is_wanted(PlatformName::Kyma).then(|| kyma::rollout(view));
    dkp.flatten().or_else(|| kyma().flatten())
}

/// What shows how far a platform is; empty where the server has no APIs of one.
pub(super) fn needs(discovery: &Discovery) -> Vec<Need> {
    let mut needs = kyma::needs(discovery);
    needs.extend(dkp::needs(discovery));
    needs
}

/// Whether a list is one of those.
pub(super) fn is_of_platform(
    resource: &GroupResource,
    namespace: Option<&str>,
    selector: &ListSelector,
) -> bool {
    dkp::is_read(resource) || kyma::is_read(resource, namespace, &selector.labels)
}
