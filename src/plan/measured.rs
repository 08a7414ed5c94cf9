//! What an earlier upgrade of the same cluster took, as a basis for durations.

use super::draft::StepTarget;
use crate::catalog::{Completion, DurationEstimate};
use crate::snapshot::ClusterSnapshot;
use crate::text::pluralize;

/// Fewer nodes say little about others.
pub const MIN_MEASURED_NODES: usize = 3;

/// An earlier upgrade that was watched to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasuredUpgrade {
    /// The cluster, as its watch called it.
    pub cluster: String,
    /// The UID of namespace kube-system; `None` if unknown.
    pub uid: Option<String>,
    /// The day on which it ended.
    pub date: String,
    /// The version that it led to; `None` if that was not written down.
    pub goal: Option<String>,
    /// Its nodes.
    pub nodes: Vec<MeasuredNode>,
    /// Its pools of workers.
    pub pools: Vec<MeasuredPool>,
    /// How long each upgrade of the control plane took, in seconds.
    pub control_planes: Vec<u64>,
}

/// The work on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasuredNode {
    /// Its pool; empty without one.
    pub pool: String,
    /// Whether it ran the control plane.
    pub is_control_plane: bool,
    /// From its cordon until it was ready again or gone.
    pub seconds: u64,
}

/// The work on a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MeasuredPool {
    /// Its name; empty for workers without one.
    pub name: String,
    /// How many nodes were worked on.
    pub nodes: u64,
    /// From the first to the last.
    pub seconds: u64,
}

impl MeasuredUpgrade {
    /// Whether it is of this cluster: by UID, or by name where one of the UIDs is unknown.
    #[must_use]
    pub fn is_of(&self, uid: Option<&str>, names: &[&str]) -> bool {
        match self.uid.as_deref().zip(uid) {
            Some((measured, uid)) => measured == uid,
            None => names.contains(&&*self.cluster),
        }
    }

    pub(super) fn is_of_snapshot(&self, cluster: &ClusterSnapshot) -> bool {
        let uid = cluster.uid().map(|uid| uid.to_string());
        let names = cluster.context.as_deref().into_iter();
        let names: Vec<&str> = names.chain([&*cluster.server, &cluster.id.0]).collect();
        self.is_of(uid.as_deref(), &names)
    }

    /// What a reader should know of it.
    pub(super) fn remark(&self) -> String {
        let goal = self.goal.as_ref();
        let goal = goal.map_or_else(String::new, |goal| format!(" to {goal}"));
        let nodes = pluralize(self.nodes.len(), "node");
        format!(
            "durations are based on the upgrade{goal} that ended on {}, with {nodes}; steps that were not measured in it keep published ones",
            self.date
        )
    }

    /// How long such a step takes; `None` if nothing like it was measured often enough.
    pub(super) fn duration(
        &self,
        done_when: &Completion,
        target: &StepTarget<'_>,
    ) -> Option<DurationEstimate> {
        match (done_when, target) {
            (Completion::Nodes | Completion::MachineDeployment, StepTarget::Worker(pool, _)) => {
                self.node(
                    |node| !node.is_control_plane && node.pool == pool.name,
                    &pool.name,
                )
            }
            (Completion::Nodes | Completion::MachineDeployment, StepTarget::Pool(pool)) => {
                self.pool(&pool.name, pool.nodes.len() as u64)
            }
            (Completion::Nodes, StepTarget::ControlPlaneNode(_)) => {
                self.node(|node| node.is_control_plane, "of the control plane")
            }
            (
                Completion::ApiServer | Completion::CapiControlPlane | Completion::ControlPlane,
                StepTarget::Cluster,
            ) => {
                let min_seconds = Some(*self.control_planes.iter().min()?);
                Some(DurationEstimate {
                    min_seconds,
                    max_seconds: self.control_planes.iter().max().copied(),
                    basis: format!("measured on {}, control plane", self.date),
                })
            }
            _ => None,
        }
    }

    /// What nine of ten such nodes took at least, and at most.
    fn node(&self, is_one: impl Fn(&MeasuredNode) -> bool, pool: &str) -> Option<DurationEstimate> {
        let nodes = self.nodes.iter().filter(|node| is_one(node));
        let mut seconds: Vec<u64> = nodes.map(|node| node.seconds).collect();
        if seconds.len() < MIN_MEASURED_NODES {
            return None;
        }
        seconds.sort_unstable();
        let last = seconds.len() - 1;
        let tenth = last / 10;
        let pool = match pool {
            "" => "without a pool".to_owned(),
            "of the control plane" => pool.to_owned(),
            name => format!("pool {name}"),
        };
        Some(DurationEstimate {
            min_seconds: Some(seconds[tenth]),
            max_seconds: Some(seconds[last - tenth]),
            basis: format!(
                "measured on {}, {}, {pool}",
                self.date,
                pluralize(seconds.len(), "node")
            ),
        })
    }

    /// The time of the whole pool, for as many nodes as it has now, and as much shorter or longer as single nodes were.
    fn pool(&self, name: &str, nodes: u64) -> Option<DurationEstimate> {
        let of_node = self.node(|node| !node.is_control_plane && node.pool == name, name)?;
        let (low, high) = (of_node.min_seconds?, of_node.max_seconds?);
        let pool = self.pools.iter().find(|pool| pool.name == name)?;
        let whole = (pool.seconds * nodes).div_ceil(pool.nodes.max(1));
        let middle = (low + high).div_ceil(2).max(1);
        Some(DurationEstimate {
            min_seconds: Some(whole * low / middle),
            max_seconds: Some((whole * high).div_ceil(middle)),
            basis: format!("{}, at the pace of that upgrade", of_node.basis),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{MeasuredNode, MeasuredPool, MeasuredUpgrade};

    fn measured(seconds: &[u64]) -> MeasuredUpgrade {
        let nodes = seconds.iter().map(|seconds| MeasuredNode {
            pool: "gold".to_owned(),
            is_control_plane: false,
            seconds: *seconds,
        });
        MeasuredUpgrade {
            cluster: "shop".to_owned(),
            uid: Some("a".to_owned()),
            date: "2026-11-29".to_owned(),
            goal: Some("1.37".to_owned()),
            nodes: nodes.collect(),
            pools: vec![MeasuredPool {
                name: "gold".to_owned(),
                nodes: seconds.len() as u64,
                seconds: seconds.iter().sum(),
            }],
            control_planes: Vec::new(),
        }
    }

    #[test]
    fn a_pool_scales_with_its_nodes() {
        let found = measured(&[100; 4]).pool("gold", 8).expect("an estimate");
        assert_eq!(
            (found.min_seconds, found.max_seconds),
            (Some(800), Some(800))
        );
        assert_eq!(
            found.basis,
            "measured on 2026-11-29, 4 nodes, pool gold, at the pace of that upgrade"
        );
        let found = measured(&[60, 90, 120])
            .pool("gold", 3)
            .expect("an estimate");
        assert_eq!(
            (found.min_seconds, found.max_seconds),
            (Some(180), Some(360))
        );
    }

    #[test]
    fn two_nodes_are_too_few_and_so_is_another_pool() {
        assert_eq!(measured(&[100, 100]).pool("gold", 8), None);
        assert_eq!(measured(&[100; 4]).pool("silver", 8), None);
    }

    #[test]
    fn one_node_of_many_that_hung_does_not_count() {
        let mut seconds = [100; 20];
        seconds[7] = 9000;
        let found = measured(&seconds)
            .node(|_| true, "gold")
            .expect("an estimate");
        assert_eq!(
            (found.min_seconds, found.max_seconds),
            (Some(100), Some(100))
        );
    }

    #[test]
    fn another_cluster_is_known_by_uid_or_else_by_name() {
        let mut measured = measured(&[100; 4]);
        assert!(measured.is_of(Some("a"), &["renamed"]));
        assert!(!measured.is_of(Some("b"), &["shop"]));
        assert!(measured.is_of(None, &["shop"]));
        measured.uid = None;
        assert!(!measured.is_of(Some("b"), &["other"]));
    }
}
