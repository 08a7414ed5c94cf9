//! The state of an upgrade at a time, computed from the rows of the cluster.

use std::collections::{BTreeMap, BTreeSet};

use super::goal::UpgradeGoal;
use super::managed::{self, MachinePhase, ManagedRollout};
use super::needs::{pods_on_node_need, system_workloads_need};
use super::plans::{self, NodePlan};
use super::progress::{PoolProgress, UpgradePhase};
use crate::catalog::Release;
use crate::facts::control_plane::{ControlPlanePod, control_plane_pods, control_plane_pods_need};
use crate::facts::nodes::{is_control_plane_node, pool_name, virtual_node_mark};
use crate::facts::pods::is_evicted_by_drain;
use crate::facts::workloads::{RolloutStatus, rollout_status};
use crate::snapshot::{ClusterView, NodeRow, PodRow, Rows};

/// What a node is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodePhase {
    /// It runs an older version, and nothing has begun.
    Waiting,
    /// It runs an older version and is cordoned.
    Draining {
        /// The pods that a drain still has to evict; `None` if they were not read.
        pods_left: Option<usize>,
    },
    /// It runs an older version and is not ready.
    Down,
    /// It runs the new version and is not ready yet.
    Joining,
    /// It runs the new version, is ready and is still cordoned.
    Cordoned,
    /// It runs the new version, is ready and schedulable.
    Upgraded,
    /// Its version cannot be read.
    Unknown,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeState {
    /// Its pool; empty without one, and for nodes of the control plane.
    pub pool: String,
    /// Whether it runs the control plane.
    pub is_control_plane: bool,
    /// The version of its kubelet; `None` if it cannot be read.
    pub version: Option<Release>,
    /// What it is doing.
    pub phase: NodePhase,
}

/// The control plane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlPlaneState {
    /// The versions that API servers reported lately; more than one while some are old.
    pub api_servers: BTreeSet<Release>,
    /// Visible static pods by component and version, with the number of each; `None` if they could not be read.
    pub static_pods: Option<BTreeMap<(&'static str, Option<Release>), usize>>,
}

/// A workload in kube-system whose rollout is not complete.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RolloutState {
    /// `DaemonSet` or `Deployment`.
    pub kind: &'static str,
    /// Name.
    pub name: String,
    /// Why it is not complete, as `kubectl rollout status` says.
    pub why: String,
    /// Whether its controller has given up.
    pub has_failed: bool,
}

/// Nodes or machines by what they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// They run an older version, or are being deleted.
    pub(super) old: usize,
    /// They run the new version and are not ready for work.
    pub(super) settling: usize,
    /// They run the new version and are ready for work.
    pub(super) upgraded: usize,
}

impl Tally {
    /// All of them, surge included.
    pub(super) fn all(self) -> usize {
        self.old + self.settling + self.upgraded
    }
}

/// The state of an upgrade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The version to reach; `None` while nothing is being upgraded.
    pub goal: Option<UpgradeGoal>,
    /// The control plane.
    pub control_plane: ControlPlaneState,
    /// Rollouts in kube-system that are not complete.
    pub rollouts: Vec<RolloutState>,
    /// Nodes by name, without virtual ones.
    pub nodes: BTreeMap<String, NodeState>,
    /// How many virtual nodes there are: no kubelet on them can be upgraded.
    pub virtual_nodes: usize,
    /// Clusters that Cluster API upgrades from here, by `namespace/name`.
    pub managed: BTreeMap<String, ManagedRollout>,
    /// Plans of the system-upgrade-controller by `namespace/name`.
    pub plans: BTreeMap<String, NodePlan>,
}

impl Picture {
    /// Of a cluster whose API servers reported these versions lately.
    pub(super) fn new(
        view: ClusterView<'_>,
        api_servers: BTreeSet<Release>,
        known_goal: Option<&UpgradeGoal>,
    ) -> Self {
        let rows = view.nodes().unwrap_or_default().iter();
        let (virtual_nodes, rows): (Vec<&NodeRow>, Vec<&NodeRow>) =
            rows.partition(|node| virtual_node_mark(view.catalog, node).is_some());
        let pods = control_plane_pods(view);
        let pod_versions: Vec<Release> = pods.iter().filter_map(ControlPlanePod::release).collect();
        let kubelets = rows
            .iter()
            .filter_map(|node| node.kubelet_version.release());
        let plans = plans::plans(view);
        let goal = known_goal
            .cloned()
            .or_else(|| plans::pending_version(&plans).map(UpgradeGoal::Planned))
            .or_else(|| UpgradeGoal::find(api_servers.iter().chain(&pod_versions).chain(kubelets)));
        let static_pods = view.rows(&control_plane_pods_need()).map(|_| {
            let mut counts = BTreeMap::new();
            for pod in &pods {
                *counts.entry((pod.component, pod.release())).or_insert(0) += 1;
            }
            counts
        });
        let nodes = rows.iter().map(|node| {
            let state = NodeState::new(view, node, goal.as_ref());
            (node.name.clone(), state)
        });
        Self {
            control_plane: ControlPlaneState {
                api_servers,
                static_pods,
            },
            rollouts: incomplete_rollouts(view),
            managed: managed::rollouts(view),
            plans,
            nodes: nodes.collect(),
            virtual_nodes: virtual_nodes.len(),
            goal,
        }
    }

    /// The pools, the control plane first, then by name.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolProgress> {
        let mut pools: BTreeMap<(bool, &str), PoolProgress> = BTreeMap::new();
        for node in self.nodes.values() {
            let key = (!node.is_control_plane, node.pool.as_str());
            let pool = pools.entry(key).or_insert_with(|| PoolProgress {
                name: node.pool.clone(),
                is_control_plane: node.is_control_plane,
                ..PoolProgress::default()
            });
            match node.phase {
                NodePhase::Upgraded => pool.upgraded += 1,
                NodePhase::Joining | NodePhase::Cordoned => pool.settling += 1,
                _ => pool.old += 1,
            }
        }
        pools.into_values().collect()
    }

    /// Nodes that are not upgraded yet.
    #[must_use]
    pub fn remaining_nodes(&self) -> usize {
        let nodes = self.nodes.values();
        nodes
            .filter(|node| node.phase != NodePhase::Upgraded)
            .count()
    }

    /// Whether nothing is being upgraded, neither this cluster nor one that it manages.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.goal.is_none() && !self.managed.values().any(ManagedRollout::is_upgrading)
    }

    /// The nodes of this cluster.
    pub(super) fn node_tally(&self) -> Tally {
        let mut tally = Tally::default();
        for node in self.nodes.values() {
            match node.phase {
                NodePhase::Upgraded => tally.upgraded += 1,
                NodePhase::Joining | NodePhase::Cordoned => tally.settling += 1,
                _ => tally.old += 1,
            }
        }
        tally
    }

    /// The machines of the managed clusters.
    pub(super) fn machine_tally(&self) -> Tally {
        let mut tally = Tally::default();
        let machines = self.managed.values().flat_map(|one| one.machines.values());
        for machine in machines {
            match machine.phase {
                MachinePhase::Upgraded => tally.upgraded += 1,
                MachinePhase::Joining => tally.settling += 1,
                MachinePhase::Old | MachinePhase::Leaving { .. } => tally.old += 1,
            }
        }
        tally
    }

    /// Whether all parts of the managed clusters are at their versions.
    pub(super) fn are_managed_complete(&self) -> bool {
        self.managed.values().all(ManagedRollout::is_complete)
    }

    fn managed_phase(&self) -> UpgradePhase {
        let mut machines = self.managed.values().flat_map(|one| one.machines.values());
        match () {
            () if self.are_managed_complete() => UpgradePhase::Waiting,
            () if machines.any(|machine| {
                machine.is_control_plane && machine.phase != MachinePhase::Upgraded
            }) =>
            {
                UpgradePhase::ControlPlane
            }
            () => UpgradePhase::Nodes,
        }
    }

    /// What the upgrade is doing.
    #[must_use]
    pub fn phase(&self) -> UpgradePhase {
        let Some(goal) = &self.goal else {
            return self.managed_phase();
        };
        let servers = &self.control_plane.api_servers;
        let reached = servers
            .iter()
            .filter(|version| goal.is_reached_by(version))
            .count();
        let has_old_pod = self.control_plane.has_older_than(goal);
        let has_begun = reached > 0
            || self.control_plane.has_reached(goal)
            || self.plans.values().any(|plan| !plan.applying.is_empty());
        let is_planned = |plan: &NodePlan| plan.control_plane_behind > 0;
        let nodes_have_begun = self
            .nodes
            .values()
            .any(|node| node.phase != NodePhase::Waiting);
        match () {
            () if !has_begun && !nodes_have_begun => UpgradePhase::Waiting,
            () if reached < servers.len() || has_old_pod || self.plans.values().any(is_planned) => {
                UpgradePhase::ControlPlane
            }
            () if self.remaining_nodes() > 0 => UpgradePhase::Nodes,
            () if !self.rollouts.is_empty() => UpgradePhase::Addons,
            () => UpgradePhase::Finished,
        }
    }
}

impl ControlPlaneState {
    fn has_older_than(&self, goal: &UpgradeGoal) -> bool {
        let mut versions = self.static_pods.iter().flatten();
        versions.any(|((_, version), _)| {
            version
                .as_ref()
                .is_some_and(|version| !goal.is_reached_by(version))
        })
    }

    fn has_reached(&self, goal: &UpgradeGoal) -> bool {
        let mut versions = self.static_pods.iter().flatten();
        versions.any(|((_, version), _)| {
            version
                .as_ref()
                .is_some_and(|version| goal.is_reached_by(version))
        })
    }
}

impl NodeState {
    fn new(view: ClusterView<'_>, node: &NodeRow, goal: Option<&UpgradeGoal>) -> Self {
        let version = node.kubelet_version.release().cloned();
        let is_control_plane = is_control_plane_node(node);
        let is_ready = node
            .condition("Ready")
            .is_some_and(|condition| condition.status == "True");
        let is_reached = version
            .as_ref()
            .map(|version| goal.is_none_or(|goal| goal.is_reached_by(version)));
        let phase = match (is_reached, is_ready, node.is_unschedulable) {
            (None, ..) => NodePhase::Unknown,
            (Some(true), true, false) => NodePhase::Upgraded,
            (Some(true), true, true) => NodePhase::Cordoned,
            (Some(true), false, _) => NodePhase::Joining,
            (Some(false), _, true) => NodePhase::Draining {
                pods_left: pods_to_evict(view, &node.name).map(Iterator::count),
            },
            (Some(false), false, false) => NodePhase::Down,
            (Some(false), true, false) => NodePhase::Waiting,
        };
        let pool = match is_control_plane {
            true => String::new(),
            false => pool_name(view.catalog, node).to_owned(),
        };
        Self {
            pool,
            is_control_plane,
            version,
            phase,
        }
    }
}

/// The pods that a drain of a node still has to evict; `None` if its pods were not read.
pub(super) fn pods_to_evict<'a>(
    view: ClusterView<'a>,
    node: &str,
) -> Option<impl Iterator<Item = &'a PodRow>> {
    let rows = view.rows(&pods_on_node_need(node))?;
    Some(rows.pods().iter().filter(|pod| is_evicted_by_drain(pod)))
}

fn incomplete_rollouts(view: ClusterView<'_>) -> Vec<RolloutState> {
    let kinds = [("DaemonSet", "daemonsets"), ("Deployment", "deployments")];
    let rollouts = kinds.into_iter().flat_map(|(kind, plural)| {
        let rows = view.rows(&system_workloads_need(plural));
        let rows = rows.map(Rows::workloads).unwrap_or_default().iter();
        rows.filter(|row| !row.is_being_deleted)
            .filter_map(move |row| {
                let (why, has_failed) = match rollout_status(kind, row) {
                    RolloutStatus::Done | RolloutStatus::Paused(_) => return None,
                    RolloutStatus::InProgress(why) => (why, false),
                    RolloutStatus::Failed(why) => (why, true),
                };
                let name = row.meta.name.clone();
                Some(RolloutState {
                    kind,
                    name,
                    why,
                    has_failed,
                })
            })
    });
    rollouts.collect()
}
