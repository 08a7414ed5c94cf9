//! Setting the version of a cluster topology: whether that has been done, whether Cluster API would accept it, and what it
//! reports.

use super::draft::{HopContext, StepTarget};
use super::step_builder::StepBuilder;
use super::template;
use crate::catalog::{Completion, MachineOwner, StepTemplate, VersionSpec};
use crate::conditions::VersionGoal;

/// What must be known before the version of a topology is set.
pub(super) struct TopologyRequest {
    /// Whether the topology is set to the version, or to a later one.
    is_made: bool,
    /// Says so, or what to know before.
    remarks: Vec<String>,
    /// What the topology controller reports.
    evidence: Vec<String>,
}

impl TopologyRequest {
    /// Adds the remarks to the commands, in place of them if there is nothing left to run. Returns whether the request is
    /// made, and the evidence.
    pub(super) fn apply(self, commands: &mut Vec<String>) -> (bool, Vec<String>) {
        if self.is_made {
            commands.retain(|command| command.starts_with('#'));
        }
        let remarks = self.remarks.iter();
        let remarks = remarks.map(|remark| template::shell_comment(remark));
        commands.splice(0..0, remarks);
        (self.is_made, self.evidence)
    }
}

impl StepBuilder<'_> {
    /// Of a step that sets the version of the topology; none for other steps.
    pub(super) fn topology_request(
        &self,
        hop: &HopContext<'_>,
        template: &StepTemplate,
    ) -> Option<TopologyRequest> {
        let topology = self.inventory.capi.topology.as_ref();
        let topology = topology.filter(|_| template.done_when == Completion::CapiControlPlane)?;
        let goal = VersionGoal::new(hop.node_release, hop.hop_plan.version_precision);
        let version = topology.version.as_ref();
        let is_made = version.is_some_and(|version| goal.is_reached_by(version));
        let unfinished = topology.reconciled.as_ref();
        let unfinished = unfinished.filter(|report| !report.is_done);
        let mut remarks = Vec::new();
        if let (Some(version), true) = (version, is_made) {
            remarks.push(format!(
                "spec.topology.version is {} already: Cluster API rolls it out",
                version.without_suffix()
            ));
        } else if let (Some(version), Some(_), 0) = (version, unfinished, hop.kubernetes_hop_index)
        {
            remarks.push(format!(
                "Cluster API refuses another version until {} is rolled out to all pools",
                version.without_suffix()
            ));
        }
        if let (Some(chain), false, 0) = (&self.chain, is_made, hop.kubernetes_hop_index) {
            remarks.push(chain_remark(chain));
        }
        let cluster = self.inventory.capi.display_name();
        Some(TopologyRequest {
            is_made,
            remarks,
            evidence: unfinished
                .map(|report| format!("Cluster {cluster}: {}", report.description))
                .into_iter()
                .collect(),
        })
    }

    /// Machines of the step whose nodes are being drained.
    pub(super) fn draining_machines(
        &self,
        template: &StepTemplate,
        target: &StepTarget<'_>,
    ) -> Vec<String> {
        let machines = self.inventory.capi.draining_machines.iter();
        let is_of_step = |deployment: Option<&str>| match (&template.done_when, target) {
            (Completion::CapiControlPlane, _) => deployment.is_none(),
            (Completion::MachineDeployment | Completion::Nodes, StepTarget::Pool(pool)) => {
                pool.machine_owner == MachineOwner::MachineDeployment
                    && deployment == Some(pool.name.as_str())
            }
            _ => false,
        };
        machines
            .filter(|machine| is_of_step(machine.deployment.as_deref()))
            .map(|machine| machine.description.clone())
            .collect()
    }
}

fn chain_remark(chain: &VersionSpec) -> String {
    format!(
        "one patch may cover all hops: set v{chain} once the blockers of all of them are fixed, and Cluster API takes the control plane through the minors in between and the pools directly to it"
    )
}
