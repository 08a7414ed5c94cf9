//! `UpgradeEvent`.

use serde::Serialize;

use super::{DurationDoc, StepStateDoc, words};

/// A line that `kubectl upgrade-watch -o json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeEvent {
    /// [`API_VERSION`](super::API_VERSION).
    pub api_version: String,
    /// `UpgradeEvent`.
    pub kind: String,
    /// When it was observed, RFC 3339.
    pub time: String,
    /// What kind of event it is.
    #[serde(rename = "type")]
    pub event_type: EventTypeDoc,
    /// What it is about.
    pub scope: EventScopeDoc,
    /// A sentence.
    pub message: String,
    /// The objects that it is about.
    pub objects: Vec<EventObjectDoc>,
    /// How far the upgrade is.
    pub progress: UpgradeProgressDoc,
    /// The node pools, the control plane first; only in a picture.
    pub pools: Vec<PoolDoc>,
    /// The objects that hold the upgrade up, from the one that waits to the one that it waits for.
    pub chain: Vec<EventObjectDoc>,
    /// More on the chain; null without one.
    pub wait: Option<WaitDoc>,
    /// The step of the plan that became done or was begun; null for any other event.
    pub step: Option<EventStepDoc>,
    /// Seconds since the API server last confirmed the state.
    pub age: u64,
}

/// What holds an upgrade up, beside the objects of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaitDoc {
    /// Why it waits, by a stable name such as `image-pull`.
    pub cause: String,
    /// Since when, RFC 3339.
    pub since: String,
    /// The command that shows more.
    pub command: String,
    /// What people do.
    pub advice: String,
}

/// A step of a plan that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventStepDoc {
    /// Its id in the plan.
    pub id: String,
    /// Its state.
    pub state: StepStateDoc,
}

words! {
    /// Kind of an event.
    EventTypeDoc {
        Picture = "picture",
        Progress = "progress",
        Stall = "stall",
        Blocker = "blocker",
        Recovered = "recovered",
        Outage = "outage",
        Back = "back",
        Finished = "finished",
        Failed = "failed",
    }
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventScopeDoc {
    /// `cluster` or `node`.
    pub level: String,
    /// Its name.
    pub name: String,
}

/// An object of an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EventObjectDoc {
    /// Its kind.
    pub kind: String,
    /// Its namespace; null for cluster-scoped objects.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// What is known of it; empty if it is only named.
    pub why: String,
}

/// The nodes of a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolDoc {
    /// Its name; null for workers without a pool and for the control plane.
    pub name: Option<String>,
    /// Whether these are the nodes of the control plane.
    pub control_plane: bool,
    /// Nodes.
    pub nodes: usize,
    /// Nodes that run the version, are ready and schedulable.
    pub done: usize,
    /// Nodes that run the version and are not ready, or still cordoned.
    pub settling: usize,
}

/// How far an upgrade is, in nodes; while only a platform is upgraded, in its parts, such as components.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeProgressDoc {
    /// Nodes that are upgraded.
    pub done: usize,
    /// Nodes.
    pub total: usize,
    /// Whole percent.
    pub percent: usize,
    /// What is being upgraded.
    pub phase: PhaseDoc,
    /// When the watch first saw the upgrade under way; null if it is not.
    pub started_at: Option<String>,
    /// Estimated seconds that are left; null without a basis.
    pub eta_seconds: Option<DurationDoc>,
    /// What the estimate rests on; empty without one.
    pub basis: String,
}

words! {
    /// What is being upgraded.
    PhaseDoc {
        Waiting = "waiting",
        ControlPlane = "control-plane",
        Addons = "addons",
        Nodes = "nodes",
        Platform = "platform",
        Finished = "finished",
    }
}
