//! Clusters that Cluster API upgrades, by its objects on the management cluster.
//!
//! A Machine says exactly what it is: counts of its owners include surge and old machines. `TopologyReconciled` counts only if
//! its own `observedGeneration` is that of the Cluster: for up to two seconds after a change it still says True. `RollingOut`
//! is not read, because it is False between the steps of a chain and between pools.
//!
//! Source: kubernetes-sigs/cluster-api api/core/v1beta2, internal/controllers/topology/cluster/conditions.go (1.14.2).

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalog::Release;
use crate::detect::{self, CapiCondition};
use crate::facts::capi::{self, TopologyOrder};
use crate::need::Need;
use crate::snapshot::{ClusterView, ObjectRow};

const CLUSTER_LABEL: &str = "/metadata/labels/cluster.x-k8s.io~1cluster-name";
const CONTROL_PLANE_LABEL: &str = "/metadata/labels/cluster.x-k8s.io~1control-plane";
/// Part of the reasons of `TopologyReconciled` while an upgrade runs: `ClusterUpgrading`,
/// `MachineDeploymentsUpgradePending`, `MachineDeploymentsUpgradeDeferred`.
const UPGRADE_REASON: &str = "Upgrad";
/// The same while it waits for a person: a pool is deferred or on hold, or a lifecycle hook blocks.
const WAIT_REASONS: [&str; 2] = ["Deferred", "HookBlocking"];
/// Part of the message of `ScalingDown` while it waits: without it, scaling down is the end of a surge.
const BLOCKED: &str = "blocked because";

/// Clusters, control planes and Machines.
pub(super) fn needs() -> [Need; 3] {
    [
        detect::capi_clusters_need(),
        detect::kubeadm_control_planes_need(),
        capi::machines_need(),
    ]
}

/// What a Machine is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachinePhase {
    /// It runs another version, an older one unless the Cluster goes back.
    Old,
    /// It runs the version and is not available yet.
    Joining,
    /// It runs the version and is available.
    Upgraded,
    /// It is being deleted.
    Leaving {
        /// Why it is still there, in one word: `DrainingNode`; empty if unknown.
        reason: String,
        /// The same in a sentence.
        message: String,
    },
}

/// A Machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineState {
    /// Whether it is of the control plane.
    pub is_control_plane: bool,
    /// `spec.version`; `None` if it cannot be parsed.
    pub version: Option<Release>,
    /// What it is doing.
    pub phase: MachinePhase,
    /// Since when it has been available; `None` if it is not, or if that is not reported.
    pub available_since: Option<Timestamp>,
}

/// A Cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManagedRollout {
    /// The version that it is to reach: that of its topology, or else of its control plane, or else the newest of its
    /// Machines.
    pub version: Option<Release>,
    /// The version that its control plane is to reach now: in a chain an intermediate one.
    pub control_plane_version: Option<Release>,
    /// Whether the topology says of the latest generation that it is reconciled; `None` without a topology.
    pub is_reconciled: Option<bool>,
    /// What the topology says if it is not; empty if nothing.
    pub topology: String,
    /// Why the upgrade waits, as Cluster or control plane say: a pool is on hold, a machine must become healthy first.
    pub waits_for: Option<String>,
    /// Its Machines by name.
    pub machines: BTreeMap<String, MachineState>,
}

impl ManagedRollout {
    /// Whether all parts are at the version.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_reconciled != Some(false)
            && !self.is_control_plane_behind()
            && self
                .machines
                .values()
                .all(|machine| machine.phase == MachinePhase::Upgraded)
    }

    /// Whether any part is still to be upgraded. A Machine that is broken, or a topology that cannot be reconciled, is no
    /// upgrade.
    #[must_use]
    pub fn is_upgrading(&self) -> bool {
        self.is_reconciled == Some(false) && self.topology.contains(UPGRADE_REASON)
            || self.is_control_plane_behind()
            || self
                .machines
                .values()
                .any(|machine| machine.phase == MachinePhase::Old)
    }

    fn is_control_plane_behind(&self) -> bool {
        let versions = self
            .control_plane_version
            .as_ref()
            .zip(self.version.as_ref());
        versions.is_some_and(|(version, goal)| version.semver < goal.semver)
    }

    /// Takes over what the Cluster says.
    fn read_cluster(&mut self, row: &ObjectRow) {
        let Some(topology) = TopologyOrder::from_cluster(&row.object) else {
            return;
        };
        self.version = topology.version;
        let reconciled = topology.reconciled;
        self.is_reconciled = Some(reconciled.as_ref().is_some_and(|report| report.is_done));
        self.topology = match reconciled {
            Some(report) if !report.is_done => report.description,
            _ => String::new(),
        };
        let condition = CapiCondition::find(&row.object, "TopologyReconciled");
        let waits = condition.filter(|condition| {
            let is_wait = |reason: &&str| condition.reason.contains(*reason);
            condition.status == "False" && WAIT_REASONS.iter().any(is_wait)
        });
        self.waits_for = waits.map(|condition| condition.message);
    }

    /// Takes over what the control plane says.
    fn read_control_plane(&mut self, row: &ObjectRow) {
        self.control_plane_version = version_at(row, "/spec/version");
        if self.version.is_none() {
            self.version.clone_from(&self.control_plane_version);
        }
        let condition = CapiCondition::find(&row.object, "ScalingDown");
        let blocked = condition
            .filter(|condition| condition.status == "True" && condition.message.contains(BLOCKED));
        if let Some(blocked) = blocked {
            self.waits_for = Some(blocked.message);
        }
    }
}

/// What is kept of managed clusters from when one of them was seen being upgraded.
#[derive(Debug)]
pub(super) struct ManagedProgress {
    /// How many Machines each Cluster has without surge: those at the beginning, and in the end those that are left.
    totals: BTreeMap<String, usize>,
    /// The newest version that each was to reach.
    newest: BTreeMap<String, Release>,
}

impl ManagedProgress {
    pub(super) fn new(rollouts: &BTreeMap<String, ManagedRollout>) -> Self {
        let mut progress = Self {
            totals: BTreeMap::new(),
            newest: BTreeMap::new(),
        };
        progress.count(rollouts);
        progress
    }

    /// Counts the Machines again.
    pub(super) fn count(&mut self, rollouts: &BTreeMap<String, ManagedRollout>) {
        let counts = rollouts.iter();
        self.totals = counts
            .map(|(name, rollout)| (name.clone(), rollout.machines.len()))
            .collect();
    }

    /// Takes note of the versions that Clusters are to reach.
    pub(super) fn follow(&mut self, rollouts: &BTreeMap<String, ManagedRollout>) {
        for (name, rollout) in rollouts {
            let newest = self.newest.get(name);
            if let Some(version) = &rollout.version
                && newest.is_none_or(|newest| version > newest)
            {
                self.newest.insert(name.clone(), version.clone());
            }
        }
    }

    /// How many Machines are certain to have been replaced: a surge of one Cluster has replaced none, in no other Cluster
    /// either.
    pub(super) fn replaced(&self, rollouts: &BTreeMap<String, ManagedRollout>) -> usize {
        let replaced = rollouts.iter().map(|(name, rollout)| {
            let count = |is_counted: fn(&MachinePhase) -> bool| {
                let machines = rollout.machines.values();
                machines
                    .filter(|machine| is_counted(&machine.phase))
                    .count()
            };
            let old =
                count(|phase| matches!(phase, MachinePhase::Old | MachinePhase::Leaving { .. }));
            let upgraded = count(|phase| *phase == MachinePhase::Upgraded);
            let total = self.totals.get(name).copied().unwrap_or_default();
            upgraded.min(total.saturating_sub(old))
        });
        replaced.sum()
    }

    /// A Cluster that is to run an older version than before, and the newer one.
    pub(super) fn taken_back<'p>(
        &'p self,
        rollouts: &'p BTreeMap<String, ManagedRollout>,
    ) -> Option<(&'p str, &'p Release)> {
        rollouts.iter().find_map(|(name, rollout)| {
            let newest = self.newest.get(name)?;
            (rollout.version.as_ref()? < newest).then_some((name.as_str(), newest))
        })
    }
}

/// The Clusters of a management cluster by `namespace/name`; empty without Cluster API.
pub(super) fn rollouts(view: ClusterView<'_>) -> BTreeMap<String, ManagedRollout> {
    let mut rollouts: BTreeMap<String, ManagedRollout> = BTreeMap::new();
    let [clusters, control_planes, machines] = needs();
    for row in view.objects(&clusters) {
        let rollout = rollouts.entry(key(row, &row.meta.name)).or_default();
        rollout.read_cluster(row);
    }
    for row in view.objects(&control_planes) {
        if let Some(rollout) = rollout_of(&mut rollouts, row) {
            rollout.read_control_plane(row);
        }
    }
    let machines = view.objects(&machines);
    let mut newest: BTreeMap<String, Release> = BTreeMap::new();
    for row in machines {
        if let Some((cluster, version)) = cluster_of(row).zip(version_at(row, "/spec/version")) {
            let entry = newest.entry(cluster).or_insert_with(|| version.clone());
            *entry = version.max(entry.clone());
        }
    }
    for (name, rollout) in &mut rollouts {
        if rollout.version.is_none() {
            rollout.version = newest.remove(name);
        }
    }
    for row in machines {
        if let Some(rollout) = rollout_of(&mut rollouts, row) {
            let state = machine_state(row, rollout.version.as_ref());
            rollout.machines.insert(row.meta.name.clone(), state);
        }
    }
    rollouts
}

fn key(row: &ObjectRow, name: &str) -> String {
    format!(
        "{}/{name}",
        row.meta.namespace.as_deref().unwrap_or_default()
    )
}

/// The Cluster that an object belongs to, as `namespace/name`.
fn cluster_of(row: &ObjectRow) -> Option<String> {
    Some(key(row, row.object.pointer(CLUSTER_LABEL)?.as_str()?))
}

fn rollout_of<'r>(
    rollouts: &'r mut BTreeMap<String, ManagedRollout>,
    row: &ObjectRow,
) -> Option<&'r mut ManagedRollout> {
    rollouts.get_mut(&cluster_of(row)?)
}

fn version_at(row: &ObjectRow, pointer: &str) -> Option<Release> {
    row.object.pointer(pointer)?.as_str()?.parse().ok()
}

fn machine_state(row: &ObjectRow, goal: Option<&Release>) -> MachineState {
    let version = version_at(row, "/spec/version");
    // Without a version of its own, a Machine is upgraded by whatever made it.
    let is_reached = version
        .as_ref()
        .zip(goal)
        .is_none_or(|(version, goal)| version == goal);
    let is_leaving = row.object.pointer("/metadata/deletionTimestamp").is_some();
    let phase = match (is_leaving, is_reached, is_available(row)) {
        (true, ..) => leaving(row),
        (_, false, _) => MachinePhase::Old,
        (_, _, false) => MachinePhase::Joining,
        _ => MachinePhase::Upgraded,
    };
    MachineState {
        is_control_plane: row.object.pointer(CONTROL_PLANE_LABEL).is_some(),
        version,
        phase,
        available_since: available_since(row),
    }
}

/// `Available` of v1beta2. `Ready` of v1beta1 does not include the node.
fn is_available(row: &ObjectRow) -> bool {
    let condition = |kind| CapiCondition::find(&row.object, kind);
    let is_true = |condition: CapiCondition<'_>| condition.status == "True";
    match condition("Available") {
        Some(available) => is_true(available),
        None => {
            condition("Ready").is_some_and(is_true) && condition("NodeHealthy").is_some_and(is_true)
        }
    }
}

fn available_since(row: &ObjectRow) -> Option<Timestamp> {
    let available = CapiCondition::find(&row.object, "Available")?;
    available.since.filter(|_| available.status == "True")
}

/// Why a Machine that is being deleted is still there.
fn leaving(row: &ObjectRow) -> MachinePhase {
    let deleting = CapiCondition::find(&row.object, "Deleting");
    let deleting = deleting
        .filter(|condition| condition.status == "True")
        .or_else(|| Some(capi::draining_condition(&row.object)?.1));
    let (reason, message) = deleting.map_or_else(Default::default, |condition| {
        (condition.reason.to_owned(), condition.message)
    });
    MachinePhase::Leaving { reason, message }
}
