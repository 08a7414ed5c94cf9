//! Following an upgrade that somebody else drives.
//!
//! A watch is a fold: an [`Observation`] changes the rows of one [`ClusterSnapshot`](crate::snapshot::ClusterSnapshot) in
//! place, and [`UpgradeWatch::observe`] returns the [`WatchEvent`]s that follow from the change. A recording holds
//! observations, so replaying it gives the events of the live run, or others if the options differ.
//!
//! Nothing here reads a clock: time passes by the time of observations.

mod chains;
mod drains;
mod estimate;
mod event;
mod fold;
mod goal;
mod history;
mod managed;
mod message;
mod needs;
mod node_times;
mod nodes;
mod novelty;
mod object;
mod observation;
mod outage;
mod picture;
mod plans;
mod platform;
mod progress;
mod recording;
mod redaction;
mod span;
mod steps;
mod summary;
#[cfg(test)]
mod tests;
mod trim;
mod warnings;

pub use chains::{WaitCause, WaitChain, wait_needs};
pub use drains::InFlight;
pub use estimate::{RemainingTime, estimate_remaining};
pub use event::{EventKind, EventScope, StepChange, WatchEvent};
pub use fold::{UpgradeWatch, WatchOptions};
pub use goal::UpgradeGoal;
pub use managed::{MachinePhase, MachineState, ManagedRollout};
pub use needs::{platform_needs, pods_on_node_need, polled_needs, watched_needs};
pub use node_times::{NodePart, NodeTime};
pub use nodes::{NodePhase, NodeState, NodeTable};
pub use object::EventObject;
pub use observation::{Change, Observation};
pub use outage::{Outage, OutageKind};
pub use picture::{ControlPlaneState, Picture, RolloutState};
pub use plans::NodePlan;
pub use platform::{PlatformGoal, PlatformObject, PlatformPhase, PlatformRollout};
pub use progress::{PoolProgress, Progress, UpgradePhase};
pub use recording::{Recording, RecordingError, RecordingHeader, RecordingWriter};
pub use redaction::redact_observation;
pub use span::Span;
pub use steps::PlannedStep;
pub use summary::{Hold, HopTime, StepTime, SummaryBuilder, UpgradeOutcome, WatchSummary};
pub use trim::trim;
pub use warnings::warnings_need;
