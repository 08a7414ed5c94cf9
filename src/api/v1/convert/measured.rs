//! `UpgradeSummary` to what an upgrade took, for the next plan.

use crate::api::v1::MeasuredSummary;
use crate::plan::{MIN_MEASURED_NODES, MeasuredNode, MeasuredPool, MeasuredUpgrade};
use crate::text::pluralize;

impl MeasuredSummary {
    /// The upgrade that was measured.
    ///
    /// # Errors
    /// If it was not finished, or if too few nodes were measured: it says little about another one.
    pub fn to_internal(&self) -> Result<MeasuredUpgrade, String> {
        let ended = self.span.ended_at.as_ref();
        let Some(ended) = ended.filter(|_| self.outcome == "finished") else {
            return Err(format!(
                "the upgrade of {} was not finished when its watch ended (outcome: {})",
                self.cluster, self.outcome
            ));
        };
        let nodes = self.nodes.iter().filter_map(|node| {
            let passes = node.passes.iter().map(|pass| pass.seconds);
            Some(MeasuredNode {
                pool: node.pool.clone().unwrap_or_default(),
                is_control_plane: node.control_plane,
                seconds: passes.sum::<Option<u64>>()?,
            })
        });
        let nodes: Vec<MeasuredNode> = nodes.collect();
        if nodes.len() < MIN_MEASURED_NODES {
            return Err(format!(
                "it measured {}; durations need at least {MIN_MEASURED_NODES}",
                pluralize(nodes.len(), "node")
            ));
        }
        let pools = self.pools.iter().filter_map(|pool| {
            Some(MeasuredPool {
                name: pool.name.clone().unwrap_or_default(),
                nodes: pool.nodes,
                seconds: pool.seconds?,
            })
        });
        let phases = self.phases.iter();
        let phases = phases.filter(|phase| phase.phase.as_deref() == Some("control-plane"));
        Ok(MeasuredUpgrade {
            cluster: self.cluster.clone(),
            uid: self.cluster_uid.clone(),
            date: ended.get(..10).unwrap_or(ended).to_owned(),
            goal: self.goal.clone(),
            nodes,
            pools: pools.collect(),
            control_planes: phases.filter_map(|phase| phase.seconds).collect(),
        })
    }
}
