//! What an upgrade took to `UpgradeSummary`.

use super::ToDoc;
use super::event::milliseconds;
use super::same_variants;
use crate::api::v1::{
    API_VERSION, HopTimeDoc, NodeTimeDoc, OutcomeDoc, PhaseTimeDoc, PoolTimeDoc, SpanDoc, StallDoc,
    UpgradeSummary,
};
use crate::watch::{HopTime, NodeTime, Span, UpgradeOutcome, WatchSummary};

same_variants! {
    UpgradeOutcome => OutcomeDoc { Finished, Stalled, Failed, Unfinished }
}

impl UpgradeSummary {
    /// The document on what an upgrade took.
    #[must_use]
    pub fn new(summary: &WatchSummary) -> Self {
        let phases = summary.phases.iter();
        let pools = summary.pools.iter();
        let stalls = summary.stalls.iter();
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "UpgradeSummary".to_owned(),
            cluster: summary.cluster.clone(),
            goal: summary.goal.clone(),
            outcome: summary.outcome.to_doc(),
            span: summary.span.to_doc(),
            observed_until: milliseconds(summary.observed_until),
            done: summary.nodes_done.0,
            total: summary.nodes_done.1,
            phases: phases
                .map(|(phase, span)| PhaseTimeDoc {
                    phase: phase.to_doc(),
                    span: span.to_doc(),
                })
                .collect(),
            hops: summary.hops.to_doc(),
            pools: pools
                .map(|(name, (nodes, span))| PoolTimeDoc {
                    name: named(name),
                    nodes: *nodes,
                    span: span.to_doc(),
                })
                .collect(),
            nodes: summary.nodes.iter().filter_map(node_time).collect(),
            outages: summary.outages.to_doc(),
            stalls: stalls
                .map(|(span, message)| StallDoc {
                    message: message.clone(),
                    span: span.to_doc(),
                })
                .collect(),
        }
    }
}

fn named(name: &str) -> Option<String> {
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

fn node_time(node: &NodeTime) -> Option<NodeTimeDoc> {
    Some(NodeTimeDoc {
        name: node.name.clone(),
        pool: named(&node.pool),
        removed: node.is_removed,
        span: node.span()?.to_doc(),
        passes: node.passes.to_doc(),
    })
}

impl ToDoc<HopTimeDoc> for HopTime {
    fn to_doc(&self) -> HopTimeDoc {
        HopTimeDoc {
            cluster: self.cluster.clone(),
            version: self.version.to_string(),
            nodes: self.nodes,
            span: self.span.to_doc(),
        }
    }
}

impl ToDoc<SpanDoc> for Span {
    fn to_doc(&self) -> SpanDoc {
        let seconds = self.ended_at.map(|end| end.duration_since(self.started_at));
        SpanDoc {
            started_at: milliseconds(self.started_at),
            ended_at: self.ended_at.map(milliseconds),
            seconds: seconds.and_then(|time| u64::try_from(time.as_secs()).ok()),
        }
    }
}
