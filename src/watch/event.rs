//! What a watch reports.

use jiff::Timestamp;

use super::chains::WaitChain;
use super::object::EventObject;
use super::progress::{PoolProgress, Progress};
use crate::conditions::CompletionStatus;

/// Something that a person or a pipeline should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchEvent {
    /// When it was observed.
    pub at: Timestamp,
    /// What kind of event it is.
    pub kind: EventKind,
    /// What it is about.
    pub scope: EventScope,
    /// A sentence without a full stop.
    pub message: String,
    /// The objects that it is about.
    pub objects: Vec<EventObject>,
    /// How far the upgrade is.
    pub progress: Progress,
    /// The node pools, the control plane first; only in a picture.
    pub pools: Vec<PoolProgress>,
    /// What holds the upgrade up, or held it up until now; `None` for any other event.
    pub chain: Option<WaitChain>,
    /// The step of the plan that became done or was begun.
    pub step: Option<StepChange>,
    /// Seconds since the API server last confirmed the state.
    pub age_seconds: u64,
}

/// What became of a step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepChange {
    /// Its id in the plan.
    pub id: String,
    /// How far it is.
    pub status: CompletionStatus,
}

/// Kinds of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    /// The whole state: the first event of a watch, and again once it is certain that nothing is being upgraded.
    Picture,
    /// Something changed.
    Progress,
    /// Nothing has changed for too long.
    Stall,
    /// Something is found that holds the upgrade up.
    Blocker,
    /// Progress after a stall, or the end of a blocker.
    Recovered,
    /// The API server does not answer.
    Outage,
    /// It answers again.
    Back,
    /// The upgrade is complete.
    Finished,
    /// The upgrade was given up.
    Failed,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventScope {
    /// The cluster.
    Cluster(String),
    /// A node.
    Node(String),
}
