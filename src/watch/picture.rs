//! The state of an upgrade at a time. Each part of it is replaced by itself, when the rows that it is computed from change.

use std::collections::{BTreeMap, BTreeSet};

use super::goal::UpgradeGoal;
use super::managed::{self, MachinePhase, MachineState, ManagedRollout};
use super::needs::{pods_on_node_need, system_workloads_need};
use super::nodes::{NodeState, NodeTable, NodeUpdate, Tally};
use super::plans::{self, NodePlan};
use super::platform::PlatformRollout;
use super::progress::{PoolProgress, UpgradePhase};
use crate::catalog::Release;
use crate::facts::control_plane::{APISERVER, control_plane_pods, control_plane_pods_need};
use crate::facts::pods::is_evicted_by_drain;
use crate::facts::workloads::{RolloutStatus, rollout_status};
use crate::snapshot::{ClusterView, NodeRow, PodRow, Rows};

/// How many static pods there are of each component and version.
pub(super) type StaticPodCounts = BTreeMap<(&'static str, Option<Release>), usize>;

/// The control plane.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ControlPlaneState {
    /// The versions that API servers reported lately; more than one while some are old.
    pub api_servers: BTreeSet<Release>,
    /// Visible static pods by component and version, with the number of each; `None` if they could not be read.
    pub static_pods: Option<StaticPodCounts>,
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

/// The state of an upgrade.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// The version to reach; `None` while nothing is being upgraded.
    pub goal: Option<UpgradeGoal>,
    /// The control plane.
    pub control_plane: ControlPlaneState,
    /// Rollouts in kube-system that are not complete.
    pub rollouts: Vec<RolloutState>,
    /// The nodes.
    pub nodes: NodeTable,
    /// Clusters that Cluster API upgrades from here, by `namespace/name`.
    pub managed: BTreeMap<String, ManagedRollout>,
    /// Plans of the system-upgrade-controller by `namespace/name`.
    pub plans: BTreeMap<String, NodePlan>,
    /// The platform; `None` without one that is upgraded from within.
    pub platform: Option<PlatformRollout>,
    machines: Tally,
    managed_phase: UpgradePhase,
}

impl Picture {
    /// Of a cluster whose API servers reported these versions lately.
    pub(super) fn new(
        view: ClusterView<'_>,
        nodes: &[NodeRow],
        api_servers: BTreeSet<Release>,
        goal: Option<&UpgradeGoal>,
    ) -> Self {
        let mut picture = Self {
            goal: goal.cloned(),
            control_plane: ControlPlaneState {
                api_servers,
                static_pods: static_pods(view),
            },
            rollouts: incomplete_rollouts(view),
            nodes: NodeTable::default(),
            managed: BTreeMap::new(),
            plans: plans::plans(view),
            platform: None,
            machines: Tally::default(),
            managed_phase: UpgradePhase::Waiting,
        };
        picture.set_managed(managed::rollouts(view));
        let nodes = nodes.iter();
        let updates: Vec<NodeUpdate> = nodes
            .map(|row| NodeUpdate::new(row, goal, view.catalog))
            .collect();
        // Found first: another goal judges all nodes again.
        if picture.goal.is_none() {
            let kubelets: BTreeSet<&Release> =
                updates.iter().filter_map(NodeUpdate::version).collect();
            picture.goal = picture.goal_among(kubelets.into_iter());
        }
        for update in updates {
            picture.set_node(update);
        }
        picture
    }

    /// The goal, of which kubelets run these versions.
    fn goal_among<'a>(
        &'a self,
        kubelets: impl Iterator<Item = &'a Release>,
    ) -> Option<UpgradeGoal> {
        let pods = self.control_plane.static_pods.iter().flatten();
        let pods = pods.filter_map(|((_, version), _)| version.as_ref());
        let versions = self.control_plane.api_servers.iter().chain(pods);
        plans::pending_version(&self.plans)
            .map(UpgradeGoal::Planned)
            .or_else(|| UpgradeGoal::find(versions.chain(kubelets)))
    }

    /// Finds out whether an upgrade has begun; returns whether it has since the last call.
    pub(super) fn find_goal(&mut self) -> bool {
        if self.goal.is_some() {
            return false;
        }
        self.goal = self.goal_among(self.nodes.versions());
        if self.goal.is_some() {
            self.nodes.judge_all(self.goal.as_ref());
        }
        self.goal.is_some()
    }

    /// Replaces the managed clusters and returns the former ones.
    pub(super) fn set_managed(
        &mut self,
        managed: BTreeMap<String, ManagedRollout>,
    ) -> BTreeMap<String, ManagedRollout> {
        let before = std::mem::replace(&mut self.managed, managed);
        self.machines = machine_tally(&self.managed);
        self.managed_phase = managed_phase(&self.managed);
        before
    }

    /// Takes note of what became of a node; returns its name and what it was.
    pub(super) fn set_node(&mut self, update: NodeUpdate) -> (String, Option<NodeState>) {
        let name = update.name.clone();
        (name, self.nodes.update(update, self.goal.as_ref()))
    }

    /// Takes note of how many pods of a node are left; returns what it was.
    pub(super) fn set_pods_left(
        &mut self,
        node: &str,
        pods_left: Option<usize>,
    ) -> Option<NodeState> {
        let goal = self.goal.as_ref();
        self.nodes.set_pods_left(node, goal, pods_left)
    }

    /// The pools, the control plane first, then by name.
    #[must_use]
    pub fn pools(&self) -> Vec<PoolProgress> {
        self.nodes.pools().cloned().collect()
    }

    /// Nodes that are not upgraded yet.
    #[must_use]
    pub fn remaining_nodes(&self) -> usize {
        self.nodes.len() - self.nodes.tally().upgraded
    }

    /// Whether the platform is being upgraded.
    pub(super) fn is_platform_upgrading(&self) -> bool {
        self.platform
            .as_ref()
            .is_some_and(PlatformRollout::is_upgrading)
    }

    /// Whether nothing is being upgraded, neither this cluster nor its platform nor a cluster that it manages.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.goal.is_none() && !self.is_platform_upgrading() && !self.is_upgrading_managed()
    }

    /// Whether a managed cluster is being upgraded.
    pub(super) fn is_upgrading_managed(&self) -> bool {
        self.managed.values().any(ManagedRollout::is_upgrading)
    }

    /// Whether all parts of the managed clusters are at their versions.
    pub(super) fn are_managed_complete(&self) -> bool {
        self.managed_phase == UpgradePhase::Waiting
    }

    /// The machines of the managed clusters.
    pub(super) fn machine_tally(&self) -> Tally {
        self.machines
    }

    /// Whether a part runs the version, or a Plan still has to bring it; also if no API server answers.
    pub(super) fn is_goal_in_sight(&self, goal: &UpgradeGoal) -> bool {
        let servers = &self.control_plane.api_servers;
        let nodes = self.nodes.tally();
        servers.is_empty()
            || servers.iter().any(|version| goal.is_reached_by(version))
            || self.control_plane.has_reached(goal)
            || nodes.upgraded + nodes.settling > 0
            || self.plans.values().any(|plan| plan.behind > 0)
    }

    /// What the upgrade is doing.
    #[must_use]
    pub fn phase(&self) -> UpgradePhase {
        let Some(goal) = &self.goal else {
            return self.managed_phase;
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
        match () {
            () if !has_begun && !self.nodes.have_begun() => UpgradePhase::Waiting,
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
    /// Whether the static pods show which versions all API servers run.
    pub(super) fn shows_api_servers(&self) -> bool {
        let pods = self.static_pods.iter().flatten();
        let mut servers = pods
            .filter(|((component, _), _)| *component == APISERVER)
            .peekable();
        servers.peek().is_some() && servers.all(|((_, version), _)| version.is_some())
    }

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

fn machine_tally(managed: &BTreeMap<String, ManagedRollout>) -> Tally {
    let mut tally = Tally::default();
    for machine in managed.values().flat_map(|one| one.machines.values()) {
        match machine.phase {
            MachinePhase::Upgraded => tally.upgraded += 1,
            MachinePhase::Joining => tally.settling += 1,
            MachinePhase::Old | MachinePhase::Leaving { .. } => tally.old += 1,
        }
    }
    tally
}

/// What the upgrades of managed clusters are doing; waiting if all of them are complete.
fn managed_phase(managed: &BTreeMap<String, ManagedRollout>) -> UpgradePhase {
    let mut machines = managed.values().flat_map(|one| one.machines.values());
    let is_unfinished_server = |machine: &MachineState| {
        machine.is_control_plane && machine.phase != MachinePhase::Upgraded
    };
    match () {
        () if managed.values().all(ManagedRollout::is_complete) => UpgradePhase::Waiting,
        () if machines.any(is_unfinished_server) => UpgradePhase::ControlPlane,
        () => UpgradePhase::Nodes,
    }
}

/// The static pods of the control plane by component and version; `None` if they could not be read.
pub(super) fn static_pods(view: ClusterView<'_>) -> Option<StaticPodCounts> {
    view.rows(&control_plane_pods_need())?;
    let mut counts = StaticPodCounts::new();
    for pod in control_plane_pods(view) {
        *counts.entry((pod.component, pod.release())).or_insert(0) += 1;
    }
    Some(counts)
}

/// The pods that a drain of a node still has to evict; `None` if its pods were not read.
pub(super) fn pods_to_evict<'a>(
    view: ClusterView<'a>,
    node: &str,
) -> Option<impl Iterator<Item = &'a PodRow>> {
    let rows = view.rows(&pods_on_node_need(node))?;
    Some(rows.pods().iter().filter(|pod| is_evicted_by_drain(pod)))
}

/// Rollouts in kube-system that are not complete.
pub(super) fn incomplete_rollouts(view: ClusterView<'_>) -> Vec<RolloutState> {
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
