//! What is read of an `UpgradeSummary` as a basis for durations.

use serde::Deserialize;

/// What is read of an [`UpgradeSummary`](super::UpgradeSummary) to plan by it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MeasuredSummary {
    /// The cluster.
    pub(super) cluster: String,
    /// UID of the namespace kube-system; null if unknown, as in summaries of older releases.
    #[serde(default)]
    pub(super) cluster_uid: Option<String>,
    /// The version that it led to.
    pub(super) goal: Option<String>,
    /// How it ended.
    pub(super) outcome: String,
    /// When.
    pub(super) span: MeasuredSpan,
    /// The phases.
    pub(super) phases: Vec<MeasuredPart>,
    /// The pools.
    pub(super) pools: Vec<MeasuredPart>,
    /// The nodes.
    pub(super) nodes: Vec<MeasuredNodeTime>,
}

/// When something was.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MeasuredSpan {
    /// When it ended.
    pub(super) ended_at: Option<String>,
    /// How long it took.
    pub(super) seconds: Option<u64>,
}

/// A phase or a pool.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct MeasuredPart {
    /// Of a phase.
    pub(super) phase: Option<String>,
    /// Of a pool.
    pub(super) name: Option<String>,
    /// Of a pool: its nodes.
    #[serde(default)]
    pub(super) nodes: u64,
    /// How long it took.
    pub(super) seconds: Option<u64>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MeasuredNodeTime {
    /// Its pool.
    pub(super) pool: Option<String>,
    /// Whether it ran the control plane; false in summaries of older releases.
    #[serde(default)]
    pub(super) control_plane: bool,
    /// The work on it.
    pub(super) passes: Vec<MeasuredSpan>,
}

impl MeasuredSummary {
    /// Reads the JSON of `kubectl upgrade-watch --summary FILE.json`.
    ///
    /// # Errors
    /// Says what the text is instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document = super::parse_document(text, "UpgradeSummary")?;
        serde_json::from_value(document).map_err(|error| error.to_string())
    }
}
