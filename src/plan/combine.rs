//! The plans of several clusters as one, in the order of the run.
//!
//! The plan of a management cluster of DKP has the steps of the clusters that it looks after. What such a cluster shows of
//! itself goes there: its blockers are resolved before its first step, and hold back the steps that they concern. Every
//! other cluster has its steps behind those of the clusters before it.

use super::result::{Plan, PlanOptions};
use super::step::{Step, StepState};
use super::template;
use crate::conditions::CompletionCondition;
use crate::fleet::{Fleet, FleetMember, MemberCluster};
use crate::rules::{Finding, Gap, Severity};

/// The plan of a run; none if no cluster was planned for.
#[must_use]
pub fn combine(fleet: &Fleet<Plan>, options: &PlanOptions) -> Option<Plan> {
    let (first, others) = fleet.members.split_first()?;
    let mut plan = first.part.clone();
    if !fleet.has_several() {
        return Some(plan);
    }
    plan.gaps.clear();
    for member in &fleet.members {
        plan.gaps.extend(member_gaps(member));
    }
    for member in others {
        plan.add(member);
    }
    plan.gaps.extend(fleet.missing().map(|(_, gap)| gap));
    plan.gaps.sort();
    plan.gaps.dedup();
    plan.remarks.extend(fleet.same_remarks());
    plan.remarks.sort();
    plan.remarks.dedup();
    plan.schedule(options, first.now);
    Some(plan)
}

/// The gaps of a cluster's plan, but those about other clusters that the run has.
fn member_gaps(member: &FleetMember<Plan>) -> Vec<Gap> {
    let gaps = member.part.gaps.iter();
    let is_own = |gap: &&Gap| {
        gap.cluster
            .as_ref()
            .is_none_or(|id| Some(id) == member.id())
    };
    let kept = gaps.filter(|gap| is_own(gap) || member.evaluation.gaps.contains(gap));
    kept.cloned().collect()
}

impl Plan {
    fn add(&mut self, member: &FleetMember<Plan>) {
        let Some(cluster) = &member.cluster else {
            return;
        };
        self.remarks.extend(member.part.remarks.iter().cloned());
        let is_of_member = |step: &Step| {
            let cluster_of_step = step.cluster.as_ref();
            cluster_of_step.is_some_and(|id| cluster.known_ids.contains(id))
        };
        match self.steps.iter().position(is_of_member) {
            Some(first) => self.add_blockers(&member.part, cluster, first),
            None => {
                let steps = member.part.steps.iter();
                self.steps
                    .extend(steps.map(|step| with_prefix(step, cluster)));
                self.hops.extend(member.part.hops.iter().cloned());
                self.omitted_done_steps += member.part.omitted_done_steps;
                self.findings.extend(member.part.findings.iter().cloned());
            }
        }
    }

    /// Puts the blockers of a cluster before its first step, and lets them hold back its steps.
    fn add_blockers(&mut self, own: &Self, cluster: &MemberCluster, first: usize) {
        let blockers = own.findings.iter();
        let blockers: Vec<&Finding> = blockers
            .filter(|finding| finding.severity == Severity::Blocker)
            .collect();
        let steps = self.steps.iter_mut().skip(first);
        for step in steps.filter(|step| {
            let upgraded = step.cluster.as_ref();
            upgraded.is_some_and(|id| cluster.known_ids.contains(id))
        }) {
            let gates = blockers.iter().filter(|finding| holds_back(finding, step));
            let gates: Vec<String> = gates.map(|finding| finding.fingerprint.clone()).collect();
            if step.state == StepState::Todo && !gates.is_empty() {
                step.state = StepState::Blocked;
            }
            step.gates.extend(gates);
        }
        let Some(place) = self.steps.get(first) else {
            return;
        };
        let (hop, planned_for) = (place.hop.clone(), place.planned_for.clone());
        let resolving = own
            .steps
            .iter()
            .filter(|step| matches!(step.done_when, CompletionCondition::FindingsResolved { .. }));
        let resolving: Vec<Step> = resolving
            .map(|step| Step {
                hop: hop.clone(),
                planned_for: planned_for.clone(),
                ..with_prefix(step, cluster)
            })
            .collect();
        self.steps.splice(first..first, resolving);
        self.findings.extend(blockers.into_iter().cloned());
    }
}

/// A step of another cluster's plan, whose id begins with that of the cluster. Without a context, its commands say where they
/// run: the current context is that of the management cluster.
fn with_prefix(step: &Step, cluster: &MemberCluster) -> Step {
    let mut commands = step.commands.clone();
    let runs_there = commands
        .first()
        .is_some_and(|line| line != template::ON_MANAGEMENT);
    if runs_there && cluster.context.is_none() {
        let place = template::shell_comment(&format!("on the cluster {}:", cluster.id));
        commands.insert(0, place);
    }
    Step {
        id: format!("{}/{}", cluster.id, step.id),
        commands,
        ..step.clone()
    }
}

/// Whether a blocker of a cluster holds back a step that its management cluster does: the upgrade of its control plane, and
/// of a pool if it blocks drains.
fn holds_back(finding: &Finding, step: &Step) -> bool {
    match step.done_when {
        CompletionCondition::KubeadmControlPlane { .. }
        | CompletionCondition::KommanderCluster { .. } => !finding.gates_drains,
        CompletionCondition::MachineDeployment { .. } => finding.gates_drains,
        _ => false,
    }
}
