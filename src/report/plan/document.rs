//! The plan as data: what `-o json` and `-o yaml` print and what every other format is made from.
//!
//! Names and order of keys are a promise to other tools: keys are added, never renamed, and always present.

use serde::Serialize;

use super::super::document::{
    API_VERSION, ClusterDoc, DocumentMetadata, FindingDoc, HopDoc, format_rfc3339,
};
use super::text;
use crate::conditions::CompletionCondition;
use crate::path::HopId;
use crate::plan::{DurationEstimate, Plan, ScopeLevel, Step, StepState, WindowSlot};
use crate::rules::{CheckContext, Gap};

/// The name by which a plan says who made it.
pub(super) const PLAN_TOOL: &str = "kubectl-upgrade-plan";

/// The answer to "what exactly, in what order?".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradePlan {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `UpgradePlan`.
    pub kind: String,
    /// When and by what it was made.
    pub metadata: DocumentMetadata,
    /// What was looked at.
    pub cluster: ClusterDoc,
    /// The hops, the one under way included; empty where there is nothing to do, and where nothing leads to the target.
    pub path: Vec<HopDoc>,
    /// Why there is no path to the target; null where there is one.
    pub no_path: Option<String>,
    /// In order.
    pub steps: Vec<StepDoc>,
    /// The findings that gate steps.
    pub findings: Vec<FindingDoc>,
    /// When steps may run.
    pub windows: Vec<WindowDoc>,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
    /// What else must be known.
    pub remarks: Vec<String>,
    /// Counts and sums.
    pub summary: PlanSummary,
}

/// Something that is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepDoc {
    /// The same for the same hop, action and place, run after run.
    pub id: String,
    /// In which hop.
    pub hop: HopId,
    /// Where.
    pub scope: ScopeDoc,
    /// What is done.
    pub title: String,
    /// How far it is.
    pub state: StepState,
    /// Of a step under way: how many of how many; else null.
    pub progress: Option<ProgressDoc>,
    /// In order, for a shell.
    pub commands: Vec<String>,
    /// Fingerprints of `findings` that must be out of the way.
    pub gates: Vec<String>,
    /// How to tell that it is done.
    pub done_when: ConditionDoc,
    /// How long it takes.
    pub duration_seconds: DurationDoc,
    /// On what basis.
    pub basis: String,
    /// Who is interrupted.
    pub interrupts: Vec<String>,
    /// Whether there is a way back.
    pub reversible: bool,
    /// Pages for people.
    pub links: Vec<String>,
    /// Objects to be changed, and by whom.
    pub objects: Vec<String>,
}

/// Where a step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeDoc {
    /// What kind of place.
    pub level: ScopeLevel,
    /// Which one.
    pub name: String,
    /// Of a worker its pool; else null.
    pub pool: Option<String>,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProgressDoc {
    /// So many are done.
    pub done: usize,
    /// Of so many.
    pub total: usize,
}

/// How to tell that a step is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConditionDoc {
    /// For people.
    pub text: String,
    /// For programs.
    pub condition: CompletionCondition,
}

/// Seconds; null where nothing is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DurationDoc {
    /// At least.
    pub low: Option<u64>,
    /// At most.
    pub high: Option<u64>,
}

/// A window and what is done in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WindowDoc {
    /// As it was asked for.
    pub window: String,
    /// When it opens, RFC 3339, UTC; the time of the plan where it is open already.
    pub start: String,
    /// When it closes.
    pub end: String,
    /// Ids of the steps that are planned for it, in order.
    pub steps: Vec<String>,
}

/// Counts and sums.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanSummary {
    /// Steps, those that were left out because they are done included.
    pub steps: usize,
    /// Steps that are done.
    pub done: usize,
    /// What is left takes so long, as far as that is known.
    pub duration_seconds: DurationDoc,
    /// Steps that are left and of which it is not known how long they take at most.
    pub unknown_durations: usize,
    /// Nodes of a pool at a time that this is reckoned with, where they are steps of their own; of a pool that is one step
    /// its basis says it.
    pub parallel: u32,
    /// Ids of steps that are left and from which no way leads back.
    pub points_of_no_return: Vec<String>,
    /// Ids of steps that fit into no opening that is left.
    pub no_window: Vec<String>,
    /// Things that could not be looked at.
    pub gaps: usize,
}

impl UpgradePlan {
    /// The document on a plan: decides nothing.
    #[must_use]
    pub fn new(situation: &CheckContext<'_>, plan: &Plan) -> Self {
        Self {
            cluster: ClusterDoc::from_context(situation),
            path: plan.hops.iter().map(HopDoc::new).collect(),
            steps: plan.steps.iter().map(StepDoc::new).collect(),
            windows: plan.schedule.slots.iter().map(WindowDoc::new).collect(),
            findings: plan
                .findings
                .iter()
                .map(FindingDoc::without_policy)
                .collect(),
            gaps: plan.gaps.clone(),
            remarks: plan.remarks.clone(),
            summary: PlanSummary::new(plan),
            ..Self::empty(DocumentMetadata::new(
                PLAN_TOOL,
                situation.now,
                situation.catalog.date,
            ))
        }
    }

    /// There is no path, for this reason.
    #[must_use]
    pub fn without_path(metadata: DocumentMetadata, why: &str) -> Self {
        Self {
            no_path: Some(why.to_owned()),
            ..Self::empty(metadata)
        }
    }

    fn empty(metadata: DocumentMetadata) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "UpgradePlan".to_owned(),
            metadata,
            cluster: ClusterDoc::default(),
            path: Vec::new(),
            no_path: None,
            steps: Vec::new(),
            findings: Vec::new(),
            windows: Vec::new(),
            gaps: Vec::new(),
            remarks: Vec::new(),
            summary: PlanSummary::default(),
        }
    }
}

impl StepDoc {
    fn new(step: &Step) -> Self {
        Self {
            id: step.id.clone(),
            hop: step.hop.clone(),
            scope: ScopeDoc {
                level: step.scope.level,
                name: step.scope.name.clone(),
                pool: step.scope.pool.clone(),
            },
            title: step.title.clone(),
            state: step.state,
            progress: step
                .progress
                .map(|(done, total)| ProgressDoc { done, total }),
            commands: step.commands.clone(),
            gates: step.gates.clone(),
            done_when: ConditionDoc {
                text: text::describe_condition(&step.done_when),
                condition: step.done_when.clone(),
            },
            duration_seconds: DurationDoc::new(&step.duration),
            basis: step.duration.basis.clone(),
            interrupts: step.interrupts.clone(),
            reversible: step.is_reversible,
            links: step.links.clone(),
            objects: step.objects.clone(),
        }
    }
}

impl WindowDoc {
    fn new(slot: &WindowSlot) -> Self {
        Self {
            window: slot.window.clone(),
            start: format_rfc3339(slot.start),
            end: format_rfc3339(slot.end),
            steps: slot.steps.clone(),
        }
    }
}

impl DurationDoc {
    fn new(takes: &DurationEstimate) -> Self {
        Self {
            low: takes.min_seconds,
            high: takes.max_seconds,
        }
    }
}

impl PlanSummary {
    fn new(plan: &Plan) -> Self {
        let left = plan.remaining_steps();
        let takes = plan.remaining_time();
        Self {
            steps: plan.steps.len() + plan.omitted_done_steps,
            done: plan.done_count(),
            duration_seconds: DurationDoc::new(&takes.estimate),
            unknown_durations: takes.unbounded_steps,
            parallel: plan.parallel,
            points_of_no_return: left
                .filter(|step| !step.is_reversible)
                .map(|step| step.id.clone())
                .collect(),
            no_window: plan.schedule.unscheduled.clone(),
            gaps: plan.gaps.len(),
        }
    }
}
