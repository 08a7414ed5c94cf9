//! The hops of a plan, each with its steps in groups.
//!
//! Steps of a group differ only in their node: they have the same hop, action, pool and state.

use crate::api::v1::{
    DurationDoc, HopDoc, HopIdDoc, ScopeLevelDoc, StepDoc, StepStateDoc, UpgradePlan,
};
use crate::plan::parallelism;

/// One hop and its steps.
pub(super) struct HopGroups<'a> {
    /// The cluster whose plan it belongs to, if there are several.
    pub(super) cluster: Option<&'a str>,
    /// Its steps, in order.
    pub(super) steps: &'a [StepDoc],
    /// As steps name it.
    pub(super) hop: &'a HopIdDoc,
    /// As the path has it; none where it has no such hop.
    pub(super) path_hop: Option<&'a HopDoc>,
    /// In order.
    pub(super) groups: Vec<StepGroup<'a>>,
}

/// Steps that are alike.
pub(super) struct StepGroup<'a> {
    /// Never empty.
    pub(super) steps: Vec<&'a StepDoc>,
    /// As many there are with those in other states.
    pub(super) total: usize,
    pub(super) first: &'a StepDoc,
}

/// The plan, hop by hop.
pub(super) fn group_by_hop(plan: &UpgradePlan) -> Vec<HopGroups<'_>> {
    let key = |step: &StepDoc| (step.planned_for.clone(), step.hop.clone());
    let hops = plan.steps.chunk_by(|one, next| key(one) == key(next));
    hops.filter_map(|steps| {
        let first = steps.first()?;
        let to = &first.hop;
        let planned_for = first.planned_for.as_deref();
        let mut clusters = plan.clusters.iter();
        let cluster = clusters.find(|cluster| Some(cluster.id.as_str()) == planned_for);
        let path = cluster.map_or(&plan.path, |cluster| &cluster.path);
        Some(HopGroups {
            cluster: planned_for.filter(|_| plan.clusters.len() > 1),
            steps,
            hop: to,
            path_hop: path.iter().find(|hop| hop.id() == *to),
            groups: group_steps(steps),
        })
    })
    .collect()
}

fn group_steps(steps: &[StepDoc]) -> Vec<StepGroup<'_>> {
    let mut folds: Vec<StepGroup<'_>> = Vec::new();
    for alike in steps.chunk_by(|one, next| action_key(one) == action_key(next)) {
        let mut of_action: Vec<StepGroup<'_>> = Vec::new();
        for step in alike {
            match of_action
                .iter_mut()
                .find(|group| group.state() == step.state)
            {
                Some(group) => group.steps.push(step),
                None => of_action.push(StepGroup {
                    steps: vec![step],
                    total: alike.len(),
                    first: step,
                }),
            }
        }
        folds.extend(of_action);
    }
    folds
}

/// Steps with the same key differ only in their node.
fn action_key(step: &StepDoc) -> (&str, Option<&str>) {
    let action = match step.scope.level {
        ScopeLevelDoc::Node => &step.shared.action,
        _ => &step.id,
    };
    (action, step.scope.pool.as_deref())
}

impl StepGroup<'_> {
    pub(super) fn state(&self) -> StepStateDoc {
        self.first.state
    }

    /// The title; of several steps the one that names no node.
    pub(super) fn title(&self) -> &str {
        match self.steps[..] {
            [only] => &only.title,
            _ => &self.first.shared.title,
        }
    }

    /// The text that all steps share; `None` if they differ.
    pub(super) fn common_text(&self, text: impl Fn(&StepDoc) -> String) -> Option<String> {
        let first = text(self.first);
        let mut steps = self.steps.iter();
        steps.all(|step| text(step) == first).then_some(first)
    }

    /// How to tell that they are done; of several steps the text that names no node.
    pub(super) fn done_when(&self) -> &str {
        match self.steps[..] {
            [only] => &only.done_when.text,
            _ => &self.first.shared.done_when,
        }
    }

    /// Sum of the estimated durations, with this many nodes of a pool at a time.
    pub(super) fn duration(&self, parallel: u32) -> DurationDoc {
        let mut sum = DurationDoc {
            low: None,
            high: Some(0),
        };
        for step in &self.steps {
            let by = parallelism(step.scope.pool.as_deref(), parallel);
            if let Some(low) = step.duration_seconds.low {
                sum.low = Some(sum.low.unwrap_or(0) + low.div_ceil(by));
            }
            let high = step.duration_seconds.high.map(|high| high.div_ceil(by));
            sum.high = sum.high.zip(high).map(|(sum, high)| sum + high);
        }
        sum
    }
}

/// The step to do next: the first that is not done.
///
/// Of some steps a cluster does not show whether they are done, such as a backup by hand. They are taken for done where later
/// steps show that people went on: one in progress, an irreversible one that is done by the evidence of the cluster, or any that is done behind such a one.
pub(super) fn next_step(plan: &UpgradePlan) -> Option<&StepDoc> {
    let steps = &plan.steps;
    let has_begun =
        |step: &StepDoc| matches!(step.state, StepStateDoc::Done | StepStateDoc::InProgress);
    let committed = steps
        .iter()
        .position(|step| has_begun(step) && !step.reversible && !step.evidence.is_empty());
    let is_passed = |at: usize| {
        let later = steps.iter().enumerate().skip(at + 1);
        later.clone().any(|(later, step)| match step.state {
            StepStateDoc::InProgress => true,
            StepStateDoc::Done => committed.is_some_and(|committed| committed <= later),
            _ => false,
        })
    };
    let mut open = steps
        .iter()
        .enumerate()
        .filter(|(at, step)| match step.state {
            StepStateDoc::Done => false,
            StepStateDoc::Manual | StepStateDoc::Unknown => !is_passed(*at),
            StepStateDoc::InProgress | StepStateDoc::Todo | StepStateDoc::Blocked => true,
        });
    open.next().map(|(_, step)| step)
}
