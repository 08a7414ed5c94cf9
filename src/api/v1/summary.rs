//! `UpgradeSummary`.

use serde::Serialize;

use super::{DurationDoc, EventObjectDoc, PhaseDoc, words};

/// What `kubectl upgrade-watch --summary FILE.json` writes. Times are RFC 3339; seconds are null for what had not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeSummary {
    /// [`API_VERSION`](super::API_VERSION).
    pub api_version: String,
    /// `UpgradeSummary`.
    pub kind: String,
    /// The cluster, as the watch was told to call it.
    pub cluster: String,
    /// UID of the namespace kube-system; null if unknown, or if names are pseudonyms.
    pub cluster_uid: Option<String>,
    /// The version to reach; null if nothing was upgraded.
    pub goal: Option<String>,
    /// How it ended.
    pub outcome: OutcomeDoc,
    /// The whole of it, as far as the watch saw it.
    pub span: SpanDoc,
    /// When the watch ended, or the recording.
    pub observed_until: String,
    /// Nodes that are done.
    pub done: usize,
    /// Nodes.
    pub total: usize,
    /// What it did, one after the other.
    pub phases: Vec<PhaseTimeDoc>,
    /// The minors that clusters were brought to, in the order in which they were begun.
    pub hops: Vec<HopTimeDoc>,
    /// Pools by name.
    pub pools: Vec<PoolTimeDoc>,
    /// Nodes, in the order in which they were begun.
    pub nodes: Vec<NodeTimeDoc>,
    /// When the API server did not answer.
    pub outages: Vec<SpanDoc>,
    /// When nothing changed for too long.
    pub stalls: Vec<HoldDoc>,
    /// What was found to hold it up, whether or not something else changed meanwhile.
    pub blockers: Vec<HoldDoc>,
    /// What the plan expected, beside what it took; null without a plan.
    pub plan: Option<PlanTimeDoc>,
}

words! {
    /// How an upgrade ended.
    OutcomeDoc { Finished = "finished", Stalled = "stalled", Failed = "failed", Unfinished = "unfinished", }
}

/// A time from which to which something lasted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SpanDoc {
    /// When it began.
    pub started_at: String,
    /// When it ended; null if it had not.
    pub ended_at: Option<String>,
    /// How long it took.
    pub seconds: Option<u64>,
}

/// A phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PhaseTimeDoc {
    /// The phase.
    pub phase: PhaseDoc,
    /// When.
    #[serde(flatten)]
    pub span: SpanDoc,
}

/// A minor that a cluster was brought to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HopTimeDoc {
    /// The cluster, or `namespace/name` of a managed one.
    pub cluster: String,
    /// The minor, such as `1.37`.
    pub version: String,
    /// Nodes or machines that ran it when it ended.
    pub nodes: usize,
    /// From when the control plane first ran it, or was first to run it, until the next hop began or all was done.
    #[serde(flatten)]
    pub span: SpanDoc,
}

/// The work on a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PoolTimeDoc {
    /// Its name; null for nodes without a pool and for the control plane.
    pub name: Option<String>,
    /// Whether these are the nodes of the control plane.
    pub control_plane: bool,
    /// Nodes that were worked on.
    pub nodes: usize,
    /// From the first to the last.
    #[serde(flatten)]
    pub span: SpanDoc,
}

/// The work on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeTimeDoc {
    /// Its name.
    pub name: String,
    /// Its pool; null without one.
    pub pool: Option<String>,
    /// Whether it runs the control plane.
    pub control_plane: bool,
    /// Whether it was removed.
    pub removed: bool,
    /// Pods that a drain was seen to evict; null if its pods were not read.
    pub evicted_pods: Option<usize>,
    /// From the beginning of the first pass to the end of the last one.
    #[serde(flatten)]
    pub span: SpanDoc,
    /// Each time that it was worked on: from its cordon until it was ready again, or gone.
    pub passes: Vec<SpanDoc>,
    /// What was done in these times, in order.
    pub parts: Vec<NodePartTimeDoc>,
}

words! {
    /// A part of the work on a node.
    NodePartDoc { Drain = "drain", NotReady = "not-ready", Cordoned = "cordoned", }
}

/// A part of the work on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodePartTimeDoc {
    /// The part.
    pub part: NodePartDoc,
    /// When.
    #[serde(flatten)]
    pub span: SpanDoc,
}

/// A stall or a blocker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HoldDoc {
    /// What the upgrade was held up by.
    pub message: String,
    /// Why, by a stable name such as `image-pull`; null if that is unknown.
    pub cause: Option<String>,
    /// The objects, from the one that waited to the one that it waited for.
    pub chain: Vec<EventObjectDoc>,
    /// From when it was reported until there was progress.
    #[serde(flatten)]
    pub span: SpanDoc,
}

/// What a plan expected, beside what it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanTimeDoc {
    /// How long the plan expected all steps to take.
    pub expected_seconds: DurationDoc,
    /// The steps that were seen to begin or to be done, in the order of the plan.
    pub steps: Vec<StepTimeDoc>,
}

/// A step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepTimeDoc {
    /// Its id.
    pub id: String,
    /// What it does.
    pub title: String,
    /// How long the plan expected it to take.
    pub expected_seconds: DurationDoc,
    /// When it was seen to begin; null if it was not.
    pub started_at: Option<String>,
    /// When it was seen to be done; null if it was not.
    pub ended_at: Option<String>,
    /// How long it took; null unless both were seen.
    pub seconds: Option<u64>,
}
