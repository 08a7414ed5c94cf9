//! Following an upgrade that somebody else drives.
//!
//! A watch is a fold: an [`Observation`] changes the rows of one [`ClusterSnapshot`](crate::snapshot::ClusterSnapshot) in
//! place, and [`UpgradeWatch::observe`] returns the [`WatchEvent`]s that follow from the change. A recording holds
//! observations, so replaying it gives the events of the live run, or others if the options differ.
//!
//! Nothing here reads a clock: time passes by the time of observations.

mod estimate;
mod event;
mod fold;
mod goal;
mod managed;
mod message;
mod observation;
mod picture;
mod recording;
#[cfg(test)]
mod tests;

pub use estimate::{RemainingTime, estimate_remaining};
pub use event::{EventKind, EventObject, EventScope, Progress, WatchEvent, UpgradePhase};
pub use fold::{UpgradeWatch, WatchOptions};
pub use goal::UpgradeGoal;
pub use managed::{MachinePhase, MachineState, ManagedRollout};
pub use observation::{Change, Observation};
pub use picture::{ControlPlaneState, NodePhase, NodeState, Picture, PoolProgress, RolloutState};
pub use recording::{Recording, RecordingError, RecordingHeader, RecordingWriter};

use crate::catalog::GroupResource;
use crate::facts::control_plane::control_plane_pods_need;
use crate::need::{DetailLevel, ListSelector, Need};

/// What is watched: nodes, and the objects of Cluster API.
#[must_use]
pub fn watched_needs() -> Vec<Need> {
    vec![
        Need::nodes(),
        managed::clusters_need(),
        managed::control_planes_need(),
        managed::machines_need(),
    ]
}

/// What is listed again and again, because it is little: static pods of the control plane and rollouts in kube-system.
#[must_use]
pub fn polled_needs() -> Vec<Need> {
    let mut needs = vec![control_plane_pods_need()];
    needs.extend(["daemonsets", "deployments"].map(system_workloads_need));
    needs
}

/// The workloads of a kind in kube-system.
pub(crate) fn system_workloads_need(plural: &str) -> Need {
    Need::labelled_in_namespace(
        GroupResource::new("apps", plural),
        "kube-system",
        "",
        DetailLevel::Typed,
    )
}

/// The pods of a node, which are listed while it drains.
#[must_use]
pub fn pods_on_node_need(node: &str) -> Need {
    let selector = ListSelector {
        labels: String::new(),
        fields: format!("spec.nodeName={node}"),
    };
    Need::selected(
        GroupResource::new("", "pods"),
        selector,
        DetailLevel::Typed,
    )
}
