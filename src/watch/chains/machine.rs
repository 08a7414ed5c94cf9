//! Clusters that Cluster API upgrades: Machines, control planes, pools, and what each says it waits for.
//!
//! Source: kubernetes-sigs/cluster-api api/core/v1beta2, core/reconcilers/machine, controlplane/kubeadm/reconcilers (1.14.2).

use jiff::Timestamp;
use serde_json::Value;

use super::cause::{Patience, WaitCause};
use super::chain::{Found, Waits};
use super::reads::{self, text_at};
use crate::detect::{self, CapiCondition};
use crate::facts::capi;
use crate::need::Need;
use crate::snapshot::ObjectRow;
use crate::watch::managed::{MachinePhase, ManagedRollout};
use crate::watch::object::EventObject;

const CLUSTER_LABEL: &str = "/metadata/labels/cluster.x-k8s.io~1cluster-name";
const PAUSED_ANNOTATION: &str = "/metadata/annotations/cluster.x-k8s.io~1paused";
/// What a Machine that is being deleted waits for: a condition of v1beta2 with its reason, or one of v1beta1 that is False.
const DELETION_STEPS: &[(&str, &str, WaitCause)] = &[
    (
        "WaitingForPreDrainHook",
        "PreDrainDeleteHookSucceeded",
        WaitCause::MachineHook,
    ),
    ("DrainingNode", "DrainingSucceeded", WaitCause::MachineDrain),
    (
        "WaitingForVolumeDetach",
        "VolumeDetachSucceeded",
        WaitCause::MachineVolumeDetach,
    ),
    (
        "WaitingForPreTerminateHook",
        "PreTerminateDeleteHookSucceeded",
        WaitCause::MachineHook,
    ),
];

/// The clusters that are being upgraded, by `namespace/name`.
fn upgrading<'a>(waits: &Waits<'a>) -> impl Iterator<Item = (&'a str, &'a ManagedRollout)> {
    let rollouts = waits.picture.managed.iter();
    let names = waits.upgrading;
    rollouts
        .filter(|(name, _)| names.contains(*name))
        .map(|(name, rollout)| (name.as_str(), rollout))
}

/// The pools of clusters that are being upgraded.
pub(super) fn needs(waits: &Waits<'_>) -> Vec<Need> {
    let is_any = upgrading(waits).next().is_some();
    is_any
        .then(reads::machine_deployments)
        .into_iter()
        .collect()
}

/// For each cluster that is being upgraded: why nothing can go on in it, or else what its parts wait for.
pub(super) fn find(waits: &Waits<'_>) -> Vec<Found> {
    let found = upgrading(waits).flat_map(|(name, rollout)| {
        let cluster = Cluster::new(waits, name, rollout);
        cluster
            .halted()
            .map_or_else(|| cluster.parts(), |halted| vec![halted])
    });
    found.collect()
}

/// A Cluster that is being upgraded.
struct Cluster<'a> {
    waits: Waits<'a>,
    namespace: &'a str,
    name: &'a str,
    rollout: &'a ManagedRollout,
}

impl<'a> Cluster<'a> {
    fn new(waits: &Waits<'a>, name: &'a str, rollout: &'a ManagedRollout) -> Self {
        let (namespace, name) = name.split_once('/').unwrap_or(("", name));
        Self {
            waits: *waits,
            namespace,
            name,
            rollout,
        }
    }

    fn object(&self, kind: &str, name: &str, why: impl Into<String>) -> EventObject {
        EventObject::new(kind, Some(self.namespace), name, why)
    }

    fn is_own(&self, row: &ObjectRow) -> bool {
        row.meta.namespace.as_deref() == Some(self.namespace)
            && text_at(&row.object, CLUSTER_LABEL) == self.name
    }

    fn row(&self) -> Option<&'a ObjectRow> {
        let rows = self.waits.view.objects(&detect::capi_clusters_need());
        rows.iter().find(|row| {
            row.meta.name == self.name && row.meta.namespace.as_deref() == Some(self.namespace)
        })
    }

    /// Nothing goes on in a Cluster that is paused or does not answer; what its parts say may be out of date.
    fn halted(&self) -> Option<Found> {
        let row = self.row()?;
        let since = |condition: &CapiCondition<'_>| condition.since.unwrap_or(self.waits.at);
        if let Some(paused) = pause(&row.object) {
            let cluster = self.object("Cluster", self.name, paused.0);
            let since = paused.1.unwrap_or(self.waits.at);
            return Some(Found::new(WaitCause::Paused, vec![cluster], since));
        }
        let probe = CapiCondition::find(&row.object, "RemoteConnectionProbe");
        let failed = probe.filter(|probe| probe.status == "False")?;
        let why = format!("cannot be reached: {}", failed.message);
        let cluster = self.object("Cluster", self.name, why);
        let machine = self.rollout.machines.iter().find(|(_, machine)| {
            matches!(
                machine.phase,
                MachinePhase::Leaving { .. } | MachinePhase::Joining
            )
        });
        let machine =
            machine.map(|(name, _)| self.object("Machine", name, "waits for its cluster"));
        let links = machine.into_iter().chain([cluster]).collect();
        Some(Found::new(
            WaitCause::ClusterUnreachable,
            links,
            since(&failed),
        ))
    }

    fn parts(&self) -> Vec<Found> {
        let machines = self.waits.view.objects(&capi::machines_need()).iter();
        let machines = machines.filter(|row| self.is_own(row)).filter_map(|row| {
            let machine = self.rollout.machines.get(&row.meta.name)?;
            match machine.phase {
                MachinePhase::Leaving { .. } => Some(self.leaving(row)),
                MachinePhase::Joining => Some(self.joining(row)),
                MachinePhase::Old | MachinePhase::Upgraded => None,
            }
        });
        let mut found: Vec<Found> = machines.collect();
        found.sort_by_key(|one| one.chain.cause == WaitCause::MachineNode);
        let joining = found.iter().position(|one| {
            one.chain.cause >= WaitCause::MachineInfrastructure
                && one.chain.cause <= WaitCause::MachineNode
        });
        let waiting = self.control_plane().into_iter().chain(self.on_hold());
        // Before new machines, as what these wait for may be what the control plane waits for.
        found.splice(
            joining.unwrap_or(found.len())..joining.unwrap_or(found.len()),
            waiting,
        );
        found.extend(self.paused_parts());
        found.extend(self.topology());
        found
    }

    /// What a Machine that is being deleted waits for.
    fn leaving(&self, row: &ObjectRow) -> Found {
        let object = &row.object;
        let deleting = CapiCondition::find(object, "Deleting").filter(|one| one.status == "True");
        let step = DELETION_STEPS.iter().find_map(|(reason, kind, cause)| {
            let condition = match &deleting {
                Some(deleting) => (deleting.reason == *reason)
                    .then_some(())
                    .and_then(|()| CapiCondition::find(object, "Deleting")),
                None => CapiCondition::find(object, kind).filter(|one| one.status == "False"),
            }?;
            Some((*cause, condition))
        });
        let (cause, condition) = match step {
            Some((cause, condition)) => (cause, Some(condition)),
            None => (WaitCause::MachineDeletion, deleting),
        };
        let (reason, message, mut since) = condition.map_or_else(Default::default, |condition| {
            (
                condition.reason.to_owned(),
                condition.message,
                condition.since,
            )
        });
        if cause == WaitCause::MachineDrain {
            let begun = text_at(object, "/status/deletion/nodeDrainStartTime");
            since = begun.parse().ok().or(since);
        }
        let held = held_pod(&message);
        // The pod and the budget say the same in fewer words.
        let more = if held.is_empty() { &*message } else { "" };
        let colon = if more.is_empty() { "" } else { ": " };
        let why = format!("is being deleted: {reason}{colon}{more}");
        let mut links = vec![self.object("Machine", &row.meta.name, why)];
        links.extend(held);
        let found = Found::new(cause, links, since.unwrap_or(self.waits.at));
        let own = format!("{} {}", self.namespace, row.meta.name);
        let command = format!(
            "kubectl describe machine {} -n {}",
            row.meta.name, self.namespace
        );
        found.owned_by(&own).with_command(command)
    }

    /// What a new Machine waits for. Its infrastructure waits for the bootstrap data.
    fn joining(&self, row: &ObjectRow) -> Found {
        let steps = [
            (
                ["BootstrapConfigReady", "BootstrapReady"],
                WaitCause::MachineBootstrap,
                "its bootstrap data",
            ),
            (
                ["InfrastructureReady", "InfrastructureReady"],
                WaitCause::MachineInfrastructure,
                "its infrastructure",
            ),
            (
                ["NodeHealthy", "NodeReady"],
                WaitCause::MachineNode,
                "its node",
            ),
        ];
        let waits = steps.into_iter().find_map(|(kinds, cause, what)| {
            let condition = kinds
                .into_iter()
                .find_map(|kind| CapiCondition::find(&row.object, kind))?;
            (condition.status != "True").then_some((cause, what, condition))
        });
        let (cause, why, since) = match waits {
            Some((cause, what, condition)) => {
                let colon = if condition.message.is_empty() {
                    ""
                } else {
                    ": "
                };
                let why = format!(
                    "runs the new version and waits for {what}{colon}{}",
                    condition.message
                );
                (cause, why, condition.since)
            }
            None => (
                WaitCause::MachineNode,
                "runs the new version and is not available".to_owned(),
                None,
            ),
        };
        let machine = self.object("Machine", &row.meta.name, why);
        Found::new(cause, vec![machine], since.unwrap_or(self.waits.at))
    }

    /// What a control plane waits for before it creates or deletes a machine.
    fn control_plane(&self) -> Option<Found> {
        let rows = self
            .waits
            .view
            .objects(&detect::kubeadm_control_planes_need());
        let row = rows.iter().find(|row| self.is_own(row))?;
        let kinds = ["ScalingDown", "ScalingUp"].into_iter();
        let mut blocked = kinds.filter_map(|kind| CapiCondition::find(&row.object, kind));
        let blocked =
            blocked.find(|one| one.status == "True" && one.message.contains("blocked because"))?;
        let cluster = self.object("Cluster", self.name, "waits for its control plane");
        let plane = self.object(
            "KubeadmControlPlane",
            &row.meta.name,
            format!("waits: {}", blocked.message),
        );
        let since = blocked.since.unwrap_or(self.waits.at);
        Some(Found::new(
            WaitCause::ControlPlaneWaits,
            vec![cluster, plane],
            since,
        ))
    }

    /// A pool on hold, or a lifecycle hook that blocks.
    fn on_hold(&self) -> Option<Found> {
        let wait = self
            .rollout
            .waits_for
            .as_ref()
            .filter(|wait| !wait.contains("blocked because"))?;
        let cluster = self.object("Cluster", self.name, format!("waits: {wait}"));
        Some(Found::new(WaitCause::OnHold, vec![cluster], self.waits.at))
    }

    /// Control plane or pools that are paused by themselves.
    fn paused_parts(&self) -> Vec<Found> {
        let pools = self
            .waits
            .read(&reads::machine_deployments())
            .unwrap_or_default();
        let planes = self
            .waits
            .view
            .objects(&detect::kubeadm_control_planes_need());
        let parts = pools.iter().map(|row| ("MachineDeployment", row));
        let parts = parts.chain(planes.iter().map(|row| ("KubeadmControlPlane", row)));
        let own = parts.filter(|(_, row)| self.is_own(row));
        let found = own.filter_map(|(kind, row)| {
            let (why, since) = pause(&row.object)?;
            let cluster = self.object("Cluster", self.name, "is being upgraded");
            let links = vec![cluster, self.object(kind, &row.meta.name, why)];
            Some(Found::new(
                WaitCause::Paused,
                links,
                since.unwrap_or(self.waits.at),
            ))
        });
        found.collect()
    }

    /// What the topology says when it is neither reconciled nor being upgraded.
    fn topology(&self) -> Option<Found> {
        let row = self.row()?;
        let condition = CapiCondition::find(&row.object, "TopologyReconciled");
        let since = condition.as_ref().and_then(|condition| condition.since);
        let has_failed =
            condition.is_some_and(|one| one.status == "False" && one.reason == "ReconcileFailed");
        let text = &self.rollout.topology;
        let cluster = self.object("Cluster", self.name, text.clone());
        let found = Found::new(
            WaitCause::TopologyFails,
            vec![cluster],
            since.unwrap_or(self.waits.at),
        );
        match (text.is_empty(), has_failed) {
            (true, _) => None,
            (false, true) => Some(found),
            (false, false) => Some(found.with_patience(Patience::UntilStall)),
        }
    }
}

/// How an object is paused, and since when if it says so.
fn pause(object: &Value) -> Option<(String, Option<Timestamp>)> {
    let condition = CapiCondition::find(object, "Paused").filter(|one| one.status == "True");
    if let Some(condition) = condition {
        return Some((format!("is paused: {}", condition.message), condition.since));
    }
    let has_annotation = object.pointer(PAUSED_ANNOTATION).is_some();
    let why = match (object["spec"]["paused"] == true, has_annotation) {
        (true, _) => "is paused: spec.paused is true",
        (_, true) => "is paused by the annotation cluster.x-k8s.io/paused",
        _ => return None,
    };
    Some((why.to_owned(), None))
}

/// The pod and the budget in the message of a drain, objects of the workload cluster: `Pod shop/web-1: cannot evict pod as it
/// would violate the pod's disruption budget. The disruption budget web needs 1 healthy pods and has 1 currently`.
fn held_pod(message: &str) -> Vec<EventObject> {
    let parsed = message.split_once("Pod ").and_then(|(_, rest)| {
        let (pod, rest) = rest.split_once(": cannot evict")?;
        let (namespace, name) = pod.split_once('/')?;
        let (_, rest) = rest.split_once("The disruption budget ")?;
        let (budget, needs) = rest.split_once(" needs ")?;
        let needs = needs.split(" * ").next().unwrap_or(needs);
        Some((namespace, name, budget, needs))
    });
    let Some((namespace, name, budget, needs)) = parsed else {
        return Vec::new();
    };
    vec![
        EventObject::new(
            "Pod",
            Some(namespace),
            name,
            "of the workload cluster is held by a budget",
        ),
        EventObject::new(
            "PodDisruptionBudget",
            Some(namespace),
            budget,
            format!("needs {needs}"),
        ),
    ]
}
