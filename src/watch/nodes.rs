//! The nodes of a cluster as a watch follows them: keyed by name, and counted while they change.

#[cfg(test)]
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use super::goal::UpgradeGoal;
use super::progress::PoolProgress;
use crate::catalog::{Catalog, Release};
use crate::facts::nodes::{is_control_plane_node, pool_name, virtual_node_mark};
use crate::snapshot::NodeRow;

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
    is_ready: bool,
    is_cordoned: bool,
}

impl NodeState {
    /// `None` for a virtual node: no kubelet on it can be upgraded.
    pub(super) fn new(
        row: &NodeRow,
        goal: Option<&UpgradeGoal>,
        catalog: &Catalog,
    ) -> Option<Self> {
        if virtual_node_mark(catalog, row).is_some() {
            return None;
        }
        let is_control_plane = is_control_plane_node(row);
        let ready = row.condition("Ready");
        let pool = match is_control_plane {
            true => String::new(),
            false => pool_name(catalog, row).to_owned(),
        };
        let mut state = Self {
            pool,
            is_control_plane,
            version: row.kubelet_version.release().cloned(),
            phase: NodePhase::Unknown,
            is_ready: ready.is_some_and(|condition| condition.status == "True"),
            is_cordoned: row.is_unschedulable,
        };
        state.judge(goal, None);
        Some(state)
    }

    /// Decides what it is doing.
    pub(super) fn judge(&mut self, goal: Option<&UpgradeGoal>, pods_left: Option<usize>) {
        let version = self.version.as_ref();
        let is_reached = version.map(|version| goal.is_none_or(|goal| goal.is_reached_by(version)));
        self.phase = match (is_reached, self.is_ready, self.is_cordoned) {
            (None, ..) => NodePhase::Unknown,
            (Some(true), true, false) => NodePhase::Upgraded,
            (Some(true), true, true) => NodePhase::Cordoned,
            (Some(true), false, _) => NodePhase::Joining,
            (Some(false), _, true) => NodePhase::Draining { pods_left },
            (Some(false), false, false) => NodePhase::Down,
            (Some(false), true, false) => NodePhase::Waiting,
        };
    }

    /// Whether its pods are being evicted.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        matches!(self.phase, NodePhase::Draining { .. })
    }

    /// The pods that a drain still has to evict; `None` if it does not drain, or if they were not read.
    #[must_use]
    pub fn pods_left(&self) -> Option<usize> {
        match self.phase {
            NodePhase::Draining { pods_left } => pods_left,
            _ => None,
        }
    }
}

/// What became of a node.
#[derive(Debug)]
pub(super) struct NodeUpdate {
    pub(super) name: String,
    state: Update,
}

#[derive(Debug)]
enum Update {
    Gone,
    Virtual,
    Is(NodeState),
}

impl NodeUpdate {
    pub(super) fn new(row: &NodeRow, goal: Option<&UpgradeGoal>, catalog: &Catalog) -> Self {
        Self {
            name: row.name.clone(),
            state: NodeState::new(row, goal, catalog).map_or(Update::Virtual, Update::Is),
        }
    }

    /// The version of its kubelet; `None` of a node that is gone or virtual.
    pub(super) fn version(&self) -> Option<&Release> {
        match &self.state {
            Update::Is(state) => state.version.as_ref(),
            Update::Gone | Update::Virtual => None,
        }
    }

    pub(super) fn gone(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            state: Update::Gone,
        }
    }
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

/// Nodes by name, with counts that follow each change: a change costs what one node costs.
#[derive(Debug, Clone, Default)]
pub struct NodeTable {
    nodes: BTreeMap<String, NodeState>,
    virtual_nodes: BTreeSet<String>,
    /// The control plane first, then by name.
    pools: BTreeMap<(bool, String), PoolProgress>,
    kubelets: BTreeMap<Release, usize>,
    waiting: usize,
    tally: Tally,
    /// How many nodes were read from here.
    #[cfg(test)]
    visited: Cell<usize>,
}

impl NodeTable {
    /// A node; `None` also for a virtual one.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&NodeState> {
        self.visit(self.nodes.get(name))
    }

    /// The version of a node's kubelet.
    pub(super) fn version(&self, name: &str) -> Option<&Release> {
        self.nodes.get(name)?.version.as_ref()
    }

    /// All nodes by name, without virtual ones.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &NodeState)> {
        let nodes = self.nodes.iter();
        nodes.map(|(name, node)| (name.as_str(), self.visit(node)))
    }

    /// The number of nodes, without virtual ones.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// How many virtual nodes there are: no kubelet on them can be upgraded.
    #[must_use]
    pub fn virtual_count(&self) -> usize {
        self.virtual_nodes.len()
    }

    /// The pools, the control plane first, then by name.
    pub fn pools(&self) -> impl Iterator<Item = &PoolProgress> {
        self.pools.values()
    }

    /// The names of all nodes, virtual ones too.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.nodes.keys().chain(&self.virtual_nodes);
        names.map(String::as_str)
    }

    /// Takes note of what became of a node, and returns what it was. The pods of a node that goes on draining are kept.
    pub(super) fn update(
        &mut self,
        update: NodeUpdate,
        goal: Option<&UpgradeGoal>,
    ) -> Option<NodeState> {
        let before = self.remove(&update.name);
        match update.state {
            Update::Gone => {}
            Update::Virtual => {
                self.virtual_nodes.insert(update.name);
            }
            Update::Is(mut state) => {
                state.judge(goal, before.as_ref().and_then(NodeState::pods_left));
                self.insert(update.name, state);
            }
        }
        before
    }

    /// Takes note of how many pods of a node are left, and returns what it was; `None` if there is no such node.
    pub(super) fn set_pods_left(
        &mut self,
        name: &str,
        goal: Option<&UpgradeGoal>,
        pods_left: Option<usize>,
    ) -> Option<NodeState> {
        let before = self.remove(name)?;
        let mut state = before.clone();
        state.judge(goal, pods_left);
        self.insert(name.to_owned(), state);
        Some(before)
    }

    /// Judges all nodes by another goal: for the moment in which an upgrade is found.
    pub(super) fn judge_all(&mut self, goal: Option<&UpgradeGoal>) {
        let names: Vec<String> = self.nodes.keys().cloned().collect();
        for name in names {
            self.set_pods_left(&name, goal, None);
        }
    }

    fn insert(&mut self, name: String, state: NodeState) {
        self.count(&state, 1);
        self.nodes.insert(name, state);
    }

    fn remove(&mut self, name: &str) -> Option<NodeState> {
        self.virtual_nodes.remove(name);
        let state = self.nodes.remove(name)?;
        self.count(&state, -1);
        Some(self.visit(state))
    }

    /// The versions of all kubelets, and how many run each.
    pub(super) fn versions_and_counts(&self) -> impl Iterator<Item = (&Release, usize)> {
        self.kubelets
            .iter()
            .map(|(version, count)| (version, *count))
    }

    /// The versions of all kubelets.
    pub(super) fn versions(&self) -> impl Iterator<Item = &Release> {
        self.kubelets.keys()
    }

    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether anything has happened to a node.
    pub(super) fn have_begun(&self) -> bool {
        self.waiting < self.nodes.len()
    }

    fn count(&mut self, state: &NodeState, by: isize) {
        let change = |count: &mut usize| *count = count.saturating_add_signed(by);
        let key = (!state.is_control_plane, state.pool.clone());
        let pool = self
            .pools
            .entry(key.clone())
            .or_insert_with(|| PoolProgress {
                name: state.pool.clone(),
                is_control_plane: state.is_control_plane,
                ..PoolProgress::default()
            });
        let (of_pool, of_all) = match state.phase {
            NodePhase::Upgraded => (&mut pool.upgraded, &mut self.tally.upgraded),
            NodePhase::Joining | NodePhase::Cordoned => {
                (&mut pool.settling, &mut self.tally.settling)
            }
            _ => (&mut pool.old, &mut self.tally.old),
        };
        change(of_pool);
        change(of_all);
        if pool.total() == 0 {
            self.pools.remove(&key);
        }
        if state.phase == NodePhase::Waiting {
            change(&mut self.waiting);
        }
        if let Some(version) = &state.version {
            let kubelets = self.kubelets.entry(version.clone()).or_default();
            change(kubelets);
            if *kubelets == 0 {
                self.kubelets.remove(version);
            }
        }
    }

    #[cfg(test)]
    fn visit<T>(&self, node: T) -> T {
        self.visited.set(self.visited.get() + 1);
        node
    }

    #[cfg(not(test))]
    fn visit<T>(&self, node: T) -> T {
        node
    }

    /// How many nodes were read from here since the last call.
    #[cfg(test)]
    pub(super) fn take_visited(&self) -> usize {
        self.visited.take()
    }
}

/// The same nodes, whatever was read from them.
impl PartialEq for NodeTable {
    fn eq(&self, other: &Self) -> bool {
        self.nodes == other.nodes && self.virtual_nodes == other.virtual_nodes
    }
}
