//! Clusters that Cluster API upgrades, by its objects on the management cluster.
//!
//! A Machine says exactly what it is: counts of its owners include surge and old machines. `TopologyReconciled` counts only if
//! its own `observedGeneration` is that of the Cluster: for up to two seconds after a change it still says True. `RollingOut`
//! is not read, because it is False between the steps of a chain and between pools.
//!
//! Source: kubernetes-sigs/cluster-api api/core/v1beta2, internal/controllers/topology/cluster/conditions.go (1.14.2).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::catalog::{GroupResource, Release};
use crate::need::{DetailLevel, Need};
use crate::snapshot::{ClusterView, ObjectRow};

const CLUSTER_LABEL: &str = "/metadata/labels/cluster.x-k8s.io~1cluster-name";
const CONTROL_PLANE_LABEL: &str = "/metadata/labels/cluster.x-k8s.io~1control-plane";
/// Fields of conditions in both contracts; `status.v1beta2` holds the new ones in objects of v1beta1.
const CONDITION_FIELDS: [&str; 2] = ["status.conditions", "status.v1beta2.conditions"];

/// The Clusters.
pub(super) fn clusters_need() -> Need {
    let fields = ["metadata.generation", "spec.topology.version"];
    capi_need("cluster.x-k8s.io", "clusters", &fields)
}

/// The control planes.
pub(super) fn control_planes_need() -> Need {
    let fields = ["metadata.labels", "spec.version"];
    capi_need(
        "controlplane.cluster.x-k8s.io",
        "kubeadmcontrolplanes",
        &fields,
    )
}

/// The Machines.
pub(super) fn machines_need() -> Need {
    let fields = [
        "metadata.deletionTimestamp",
        "metadata.labels",
        "spec.version",
    ];
    capi_need("cluster.x-k8s.io", "machines", &fields)
}

fn capi_need(group: &str, plural: &str, fields: &[&str]) -> Need {
    let resource = GroupResource::new(group, plural);
    Need::objects(resource, DetailLevel::Full).with_fields(&[fields, &CONDITION_FIELDS].concat())
}

/// What a Machine is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachinePhase {
    /// It runs an older version.
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
}

/// A Cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManagedRollout {
    /// The version that it is to reach: that of its topology, or else of its control plane.
    pub version: Option<Release>,
    /// The version that its control plane is to reach now: in a chain an intermediate one.
    pub control_plane_version: Option<Release>,
    /// Whether the topology says of the latest generation that it is reconciled; `None` without a topology.
    pub is_reconciled: Option<bool>,
    /// Its Machines by name.
    pub machines: BTreeMap<String, MachineState>,
}

impl ManagedRollout {
    /// Whether all parts are at the version.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_reconciled != Some(false)
            && self.control_plane_version.as_ref().is_none_or(|version| {
                self.version
                    .as_ref()
                    .is_none_or(|goal| version.semver >= goal.semver)
            })
            && self
                .machines
                .values()
                .all(|machine| machine.phase == MachinePhase::Upgraded)
    }
}

/// The Clusters of a management cluster by `namespace/name`; empty without Cluster API.
pub(super) fn rollouts(view: ClusterView<'_>) -> BTreeMap<String, ManagedRollout> {
    let mut rollouts: BTreeMap<String, ManagedRollout> = BTreeMap::new();
    for row in view.objects(&clusters_need()) {
        let rollout = rollouts.entry(key(row, &row.meta.name)).or_default();
        rollout.version = version_at(row, "/spec/topology/version");
        rollout.is_reconciled = rollout.version.is_some().then(|| is_reconciled(row));
    }
    for row in view.objects(&control_planes_need()) {
        if let Some(rollout) = rollout_of(&mut rollouts, row) {
            rollout.control_plane_version = version_at(row, "/spec/version");
            if rollout.version.is_none() {
                rollout.version.clone_from(&rollout.control_plane_version);
            }
        }
    }
    for row in view.objects(&machines_need()) {
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

fn rollout_of<'r>(
    rollouts: &'r mut BTreeMap<String, ManagedRollout>,
    row: &ObjectRow,
) -> Option<&'r mut ManagedRollout> {
    let cluster = row.object.pointer(CLUSTER_LABEL)?.as_str()?;
    rollouts.get_mut(&key(row, cluster))
}

fn version_at(row: &ObjectRow, pointer: &str) -> Option<Release> {
    row.object.pointer(pointer)?.as_str()?.parse().ok()
}

/// A condition of the new contract.
fn condition<'r>(row: &'r ObjectRow, kind: &str) -> Option<&'r Value> {
    let lists = ["/status/v1beta2/conditions", "/status/conditions"];
    let mut conditions = lists
        .iter()
        .filter_map(|pointer| row.object.pointer(pointer)?.as_array())
        .flatten();
    conditions.find(|condition| condition["type"] == kind)
}

fn is_reconciled(cluster: &ObjectRow) -> bool {
    condition(cluster, "TopologyReconciled").is_some_and(|condition| {
        let observed = condition["observedGeneration"].as_u64();
        let generation = cluster.object["metadata"]["generation"].as_u64();
        condition["status"] == "True" && (observed.is_none() || observed >= generation)
    })
}

fn machine_state(row: &ObjectRow, goal: Option<&Release>) -> MachineState {
    let version = version_at(row, "/spec/version");
    let is_reached = version
        .as_ref()
        .zip(goal)
        .is_some_and(|(version, goal)| version.semver >= goal.semver);
    let is_leaving = row.object.pointer("/metadata/deletionTimestamp").is_some();
    let available = condition(row, "Available").or_else(|| condition(row, "Ready"));
    let is_available = available.is_some_and(|condition| condition["status"] == "True");
    let phase = match (is_leaving, is_reached, is_available) {
        (true, ..) => leaving(row),
        (_, false, _) => MachinePhase::Old,
        (_, _, false) => MachinePhase::Joining,
        _ => MachinePhase::Upgraded,
    };
    MachineState {
        is_control_plane: row.object.pointer(CONTROL_PLANE_LABEL).is_some(),
        version,
        phase,
    }
}

/// By the condition `Deleting`, with its message in one line.
fn leaving(row: &ObjectRow) -> MachinePhase {
    let condition = condition(row, "Deleting").filter(|condition| condition["status"] == "True");
    let text = |field: &str| {
        let text = condition.and_then(|condition| condition[field].as_str());
        let words = text.unwrap_or_default().split_whitespace();
        words.collect::<Vec<_>>().join(" ")
    };
    MachinePhase::Leaving {
        reason: text("reason"),
        message: text("message"),
    }
}
