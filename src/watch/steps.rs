//! The steps of a plan, ticked off by what a watch sees.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::event::StepChange;
use crate::catalog::Release;
use crate::conditions::{CompletionCondition, CompletionStatus, ConditionEvaluator};
use crate::detect::DetectedCluster;
use crate::snapshot::ClusterView;
use crate::text::{first_and_more, pluralize};

/// A step that is to be ticked off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// Its id in the plan.
    pub id: String,
    /// What to do.
    pub title: String,
    /// When it is done; `None` if a newer program wrote a condition that this one does not know.
    pub condition: Option<CompletionCondition>,
}

/// How far the steps of a plan are.
#[derive(Debug, Default)]
pub(super) struct PlanProgress {
    steps: Vec<(PlannedStep, CompletionStatus)>,
    /// Whether anything has changed since the steps were last evaluated.
    pub(super) is_outdated: bool,
}

impl PlanProgress {
    pub(super) fn new(steps: Vec<PlannedStep>) -> Self {
        let steps = steps.into_iter();
        Self {
            steps: steps
                .map(|step| (step, CompletionStatus::Unknown))
                .collect(),
            is_outdated: true,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Evaluates all steps, and returns those that became done, were begun, or are no longer done.
    pub(super) fn evaluate(
        &mut self,
        view: ClusterView<'_>,
        api_servers: &BTreeSet<Release>,
        now: Timestamp,
    ) -> Vec<(StepChange, String)> {
        self.is_outdated = false;
        let mut detected = DetectedCluster::new(view.cluster, view.catalog);
        if let Some(oldest) = api_servers.first() {
            // While some API servers are old, the step is not done.
            detected.kubernetes.clone_from(oldest);
        }
        let evaluator = ConditionEvaluator::new(view, &detected, None, now);
        let mut changes = Vec::new();
        for (step, status) in &mut self.steps {
            let new = match &step.condition {
                Some(condition) if is_observed(condition) => evaluator.evaluate(condition),
                _ => continue,
            };
            let old = std::mem::replace(status, new);
            let text = match (old, new) {
                (CompletionStatus::Done, CompletionStatus::Done) => continue,
                (_, CompletionStatus::Done) => format!("step done: {}", step.title),
                (CompletionStatus::Done, _) => format!("step no longer done: {}", step.title),
                (CompletionStatus::InProgress { .. }, _) => continue,
                (_, CompletionStatus::InProgress { .. }) => format!("step begun: {}", step.title),
                _ => continue,
            };
            let id = step.id.clone();
            changes.push((StepChange { id, status: new }, text));
        }
        changes
    }

    /// How far the plan is.
    pub(super) fn progress(&self) -> String {
        let done = self.steps.iter();
        let done = done.filter(|(_, status)| *status == CompletionStatus::Done);
        let steps = pluralize(self.steps.len(), "step");
        format!("plan: {} of {steps} done", done.count())
    }

    /// Which steps a watch cannot tick off; empty if it can all.
    pub(super) fn limits(&self) -> String {
        let count = |is_it: &dyn Fn(&PlannedStep) -> bool| {
            let steps = self.steps.iter().filter(|(step, _)| is_it(step));
            steps
                .map(|(step, _)| step.title.as_str())
                .collect::<Vec<_>>()
        };
        let mut limits = Vec::new();
        let by_hand = count(&|step| step.condition == Some(CompletionCondition::Manual));
        if !by_hand.is_empty() {
            limits.push(format!("{} confirmed manually", by_hand.len()));
        }
        let unseen = count(&|step| {
            let condition = step.condition.as_ref();
            condition.is_none_or(|condition| {
                *condition != CompletionCondition::Manual && !is_observed(condition)
            })
        });
        if let Some(first) = unseen.first() {
            limits.push(format!(
                "{} not followed, because a watch does not read what they depend on: {}",
                unseen.len(),
                first_and_more(first, unseen.len())
            ));
        }
        limits.join("; ")
    }
}

/// Whether a watch reads all that the condition depends on.
fn is_observed(condition: &CompletionCondition) -> bool {
    use CompletionCondition as Condition;
    match condition {
        Condition::ApiServer(_) | Condition::ControlPlane { .. } | Condition::Nodes { .. } => true,
        // A probe does not show which minor is emulated.
        Condition::Emulation { .. }
        | Condition::Manual
        | Condition::Backup { .. }
        | Condition::KubeadmControlPlane { .. }
        | Condition::MachineDeployment { .. }
        | Condition::NoBlockers { .. }
        | Condition::FindingsResolved { .. }
        | Condition::Addon { .. }
        | Condition::KubeProxy(_)
        | Condition::Platform { .. }
        | Condition::PlatformApps { .. }
        | Condition::AppDeployment { .. }
        | Condition::KommanderCluster { .. }
        | Condition::KymaInstaller { .. }
        | Condition::KymaInstalled { .. } => false,
    }
}
