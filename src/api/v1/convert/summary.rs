//! What an upgrade took to `UpgradeSummary`.

use super::ToDoc;
use super::event::milliseconds;
use super::same_variants;
use crate::api::v1::{
    API_VERSION, FollowedPlan, HoldDoc, HopTimeDoc, NodePartDoc, NodePartTimeDoc, NodeTimeDoc,
    OutcomeDoc, PhaseTimeDoc, PlanTimeDoc, PoolTimeDoc, SpanDoc, StepTimeDoc, UpgradeSummary,
};
use crate::watch::{Hold, HopTime, NodePart, NodeTime, Span, UpgradeOutcome, WatchSummary};

same_variants! {
    UpgradeOutcome => OutcomeDoc { Finished, Stalled, Failed, Unfinished }
    NodePart => NodePartDoc { Drain, NotReady, Cordoned }
}

impl UpgradeSummary {
    /// The document on what an upgrade took; with a plan, beside what the plan expected.
    #[must_use]
    pub fn new(summary: &WatchSummary, uid: Option<String>, plan: Option<&FollowedPlan>) -> Self {
        let phases = summary.phases.iter();
        let pools = summary.pools.iter();
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "UpgradeSummary".to_owned(),
            cluster: summary.cluster.clone(),
            cluster_uid: uid,
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
                .map(|((is_control_plane, name), (nodes, span))| PoolTimeDoc {
                    name: named(name),
                    control_plane: *is_control_plane,
                    nodes: *nodes,
                    span: span.to_doc(),
                })
                .collect(),
            nodes: summary.nodes.iter().filter_map(node_time).collect(),
            outages: summary.outages.to_doc(),
            stalls: summary.stalls.to_doc(),
            blockers: summary.blockers.to_doc(),
            plan: plan.map(|plan| plan_time(plan, summary)),
        }
    }
}

fn plan_time(plan: &FollowedPlan, summary: &WatchSummary) -> PlanTimeDoc {
    let steps = plan.steps.iter().filter_map(|step| {
        let time = summary.steps.get(&step.id)?;
        let span = time.started_at.zip(time.ended_at);
        let seconds = span.map(|(start, end)| end.duration_since(start).as_secs());
        Some(StepTimeDoc {
            id: step.id.clone(),
            title: step.title.clone(),
            expected_seconds: step.duration_seconds,
            started_at: time.started_at.map(milliseconds),
            ended_at: time.ended_at.map(milliseconds),
            seconds: seconds.and_then(|seconds| u64::try_from(seconds).ok()),
        })
    });
    PlanTimeDoc {
        expected_seconds: plan.summary.duration_seconds,
        steps: steps.collect(),
    }
}

fn named(name: &str) -> Option<String> {
    Some(name.to_owned()).filter(|name| !name.is_empty())
}

fn node_time(node: &NodeTime) -> Option<NodeTimeDoc> {
    Some(NodeTimeDoc {
        name: node.name.clone(),
        pool: named(&node.pool),
        control_plane: node.is_control_plane,
        removed: node.is_removed,
        evicted_pods: node.evicted_pods,
        span: node.span()?.to_doc(),
        passes: node.passes.to_doc(),
        parts: node
            .parts
            .iter()
            .map(|(part, span)| NodePartTimeDoc {
                part: part.to_doc(),
                span: span.to_doc(),
            })
            .collect(),
    })
}

impl ToDoc<HoldDoc> for Hold {
    fn to_doc(&self) -> HoldDoc {
        let chain = self.chain.as_ref();
        HoldDoc {
            message: self.message.clone(),
            cause: chain.map(|chain| chain.cause.id().to_owned()),
            chain: chain.map_or_else(Vec::new, |chain| chain.links.to_doc()),
            span: self.span.to_doc(),
        }
    }
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
