//! What exactly, in what order: from a path to steps, each with its state as the cluster shows it.
//!
//! | file | holds |
//! |---|---|
//! | `course` | the hops, the one that is under way first |
//! | `layout` | nodes of the control plane and pools, in the order in which they go |
//! | `machines` | the objects of Cluster API that the cluster is made from |
//! | `pools` | at which hops each pool moves |
//! | `rolling` | how many machines of a pool go at a time, by what it says itself |
//! | `sequence` | in what order a topology upgrades its pools, and what holds them back |
//! | `drain` | what draining a node meets |
//! | `draft` | one step of a procedure, with this cluster's own names |
//! | `expand` | from a procedure of the catalog to the steps of a hop |
//! | `addons` | add-ons that are not for the minor of a hop |
//! | `apis` | APIs that go, as steps before their hop |
//! | `window` | maintenance windows, and when they open |
//! | `schedule` | which steps fit into them |
//! | `fill` | names and commands with this cluster's own words in them |
//!
//! A plan is a pure function of a situation, its findings and what was wished. A step's state is read from the cluster, never
//! from a file that we keep: asked half-way, the same question shows what is done.

mod addons;
mod builder;
mod capi;
mod drain;
mod hops;
mod inventory;
mod kubelet_skew;
mod remediation;
mod rollout_strategy;
mod schedule;
mod step;
mod template;
mod topology_order;
mod window;

pub use schedule::{Schedule, WindowSlot};
pub use window::{ParseWindowError, Window};

use crate::conditions;
use crate::conditions::{CompletionCondition, CompletionStatus};
use crate::need::{ClusterId, Discovery, Need};
use crate::path::{Hop, HopId};
use crate::rules::{CheckContext, Evaluation, Finding, Gap, Summary, Verdict};

/// What a person wants of a plan.
#[derive(Debug, Clone, Default)]
pub struct PlanOptions {
    /// How many nodes of a pool at a time; none for as many as the pool itself says, and one where it says nothing.
    pub parallel: Option<u32>,
    /// Leave out what is done.
    pub only_remaining: bool,
    /// When steps may run that interrupt somebody; none for any time.
    pub windows: Vec<Window>,
}

/// The whole plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// In order; the first may be one that is under way.
    pub hops: Vec<Hop>,
    /// In order.
    pub steps: Vec<Step>,
    /// The findings that gate steps, in the order of the judgement.
    pub findings: Vec<Finding>,
    /// The verdict of the rules on the cluster.
    pub verdict: Verdict,
    /// The counts of the rules.
    pub rule_summary: Summary,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
    /// What else must be known.
    pub remarks: Vec<String>,
    /// Steps that were left out because they are done.
    pub omitted_done_steps: usize,
    /// How many nodes of a pool at a time durations are reckoned with, where its nodes are steps of their own. A pool that is
    /// one step has it in the basis of its duration.
    pub parallel: u32,
    /// The windows that are used; empty where none was asked for.
    pub schedule: Schedule,
}

/// Something that a person or a pipeline does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Stable: the same for the same hop, action and place.
    pub id: String,
    /// In which hop.
    pub hop: HopId,
    /// What is done, wherever: the same for all nodes of a pool.
    pub action: ActionId,
    /// Where.
    pub scope: StepScope,
    /// What is done, without a full stop.
    pub title: String,
    /// The title with [`EACH_NODE`] in place of the node's name: the same for all nodes of a pool.
    pub shared_title: String,
    /// How far it is.
    pub state: StepState,
    /// Of a step under way: so many of so many.
    pub progress: Option<(usize, usize)>,
    /// In order, for a shell; a line that begins with `#` says where the next ones run.
    pub commands: Vec<String>,
    /// Fingerprints of the findings that must be out of the way.
    pub gates: Vec<String>,
    /// How to tell that it is done.
    pub done_when: CompletionCondition,
    /// How long it takes.
    pub duration: DurationEstimate,
    /// Who is interrupted.
    pub interrupts: Vec<String>,
    /// Whether there is a way back.
    pub is_reversible: bool,
    /// Pages for people.
    pub links: Vec<String>,
    /// What it is about: objects to be changed, and by whom.
    pub objects: Vec<String>,
}

/// Identifies an action among those of one hop: the id of the procedure's step template, or one made from an add-on or a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionId(String);

impl ActionId {
    pub(crate) fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Stands for the node's name in [`Step::shared_title`].
pub const EACH_NODE: &str = "each node";

/// How long a step takes, in seconds. What was neither published nor observed is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DurationEstimate {
    /// At least.
    pub min_seconds: Option<u64>,
    /// At most.
    pub max_seconds: Option<u64>,
    /// On what basis.
    pub basis: String,
}

/// Where a step runs. Ordered from far to near.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScopeLevel {
    /// A cluster.
    Cluster,
    /// A pool of nodes.
    Pool,
    /// A node.
    Node,
}

/// Where a step runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepScope {
    /// What kind of place.
    pub level: ScopeLevel,
    /// Which one.
    pub name: String,
    /// Of a node that is a worker: its pool.
    pub pool: Option<String>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// The cluster shows that it is done.
    Done,
    /// It is under way.
    InProgress,
    /// It is to be done.
    Todo,
    /// It is to be done, and something stands in its way.
    Blocked,
    /// The cluster does not show it: a person knows.
    Manual,
    /// It could not be seen.
    Unknown,
}

impl StepState {
    /// As documents write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::InProgress => "doing",
            Self::Todo => "todo",
            Self::Blocked => "blocked",
            Self::Manual => "by-hand",
            Self::Unknown => "unknown",
        }
    }
}

impl ScopeLevel {
    /// As documents write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Pool => "pool",
            Self::Node => "node",
        }
    }
}

/// What is left of a plan takes so long.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemainingTime {
    /// As far as it is known, with so many nodes of a pool at a time as was wished.
    pub estimate: DurationEstimate,
    /// Steps of which it is not known how long they take at most.
    pub unbounded_steps: usize,
}

impl Plan {
    /// Steps that are not done.
    pub fn remaining_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps
            .iter()
            .filter(|step| step.state != StepState::Done)
    }

    /// How many steps are done, those that were left out included.
    #[must_use]
    pub fn done_count(&self) -> usize {
        self.omitted_done_steps + self.steps.len() - self.remaining_steps().count()
    }

    /// How long what is left takes. Workers of a pool go side by side.
    #[must_use]
    pub fn remaining_time(&self) -> RemainingTime {
        let mut left = RemainingTime::default();
        let (mut low, mut high) = (0, 0);
        for step in self.remaining_steps() {
            let by = parallelism(step.scope.pool.as_deref(), self.parallel);
            low += step.duration.min_seconds.unwrap_or_default().div_ceil(by);
            match step.duration.max_seconds {
                Some(seconds) => high += seconds.div_ceil(by),
                None => left.unbounded_steps += 1,
            }
        }
        left.estimate.min_seconds = Some(low);
        left.estimate.max_seconds = Some(high);
        left
    }
}

/// With how many others of its kind a step goes together, itself included: workers of a pool, so many as was wished. Of a pool
/// that is one step it is in the duration already.
#[must_use]
pub fn parallelism(pool: Option<&str>, parallel: u32) -> u64 {
    pool.map_or(1, |_| u64::from(parallel.max(1)))
}

/// What a plan looks at beyond what rules look at, on a server that serves this.
#[must_use]
pub fn needs(survey: &Discovery) -> Vec<Need> {
    let mut needs = conditions::needs(survey);
    needs.extend(drain::needs());
    needs.extend(inventory::needs());
    needs.sort();
    needs.dedup();
    needs
}

/// Makes a plan of a judged situation. Of several clusters, the first is planned for; without one, names stand for themselves.
#[must_use]
pub fn build(situation: &CheckContext<'_>, judgement: &Evaluation, wishes: &PlanOptions) -> Plan {
    let course = hops::itinerary(situation);
    let (mut steps, held) =
        builder::build_steps(situation, &judgement.findings, &course, wishes.parallel);
    let done_before = match wishes.only_remaining {
        true => {
            let all = steps.len();
            steps.retain(|step| step.state != StepState::Done);
            all - steps.len()
        }
        false => 0,
    };
    let gates = |finding: &&Finding| {
        let mut steps = steps.iter();
        steps.any(|step| step.gates.contains(&finding.fingerprint))
    };
    let findings = judgement.findings.iter().filter(gates).cloned().collect();
    let mut remarks = judgement.remarks.clone();
    remarks.extend(course.remarks);
    remarks.extend(held);
    remarks.extend(namespace_scope_remark(situation));
    let parallel = wishes.parallel.unwrap_or(1).max(1);
    let schedule = match wishes.windows.is_empty() {
        true => Schedule::default(),
        false => schedule::schedule_steps(&steps, &wishes.windows, parallel, situation.now),
    };
    remarks.extend(unscheduled_remarks(&schedule));
    Plan {
        schedule,
        hops: course.hop_plans.into_iter().map(|leg| leg.hop).collect(),
        findings,
        verdict: judgement.verdict,
        rule_summary: judgement.summary,
        gaps: plan_gaps(situation, judgement),
        remarks,
        omitted_done_steps: done_before,
        parallel,
        steps,
    }
}

/// What a plan of one namespace cannot know.
fn namespace_scope_remark(situation: &CheckContext<'_>) -> Option<String> {
    let namespace = situation.namespace()?;
    Some(format!(
        "only the namespace {namespace} was looked at: what drains meet elsewhere, and what blocks there, is not in this plan"
    ))
}

/// Steps that fit no window, to be said aloud.
fn unscheduled_remarks(schedule: &Schedule) -> impl Iterator<Item = String> {
    let misfits = schedule.unscheduled.iter();
    misfits.map(|id| format!("{id} fits into no window that is left"))
}

/// What rules could not see, and what only the plan looks at.
fn plan_gaps(situation: &CheckContext<'_>, judgement: &Evaluation) -> Vec<Gap> {
    let mut gaps = judgement.gaps.clone();
    if let Some(picture) = situation.cluster {
        for need in needs(&picture.discovery) {
            let Err(unmet) = picture.rows_for(&need, situation.catalog) else {
                continue;
            };
            let told =
                |gap: &Gap| gap.what == unmet.what && gap.cluster == Some(picture.id.clone());
            if !gaps.iter().any(told) {
                gaps.push(Gap {
                    what: unmet.what,
                    why: unmet.why,
                    cluster: Some(picture.id.clone()),
                    rules: Vec::new(),
                    rbac: unmet.rbac,
                });
            }
        }
    }
    gaps.extend(situation.other_clusters.iter().map(|other| Gap {
        what: format!("the plan of the cluster {}", other.id),
        why: "a plan covers one cluster: the first of the snapshot".to_owned(),
        cluster: Some(other.id.clone()),
        rules: Vec::new(),
        rbac: None,
    }));
    gaps.sort();
    gaps
}

/// The state of a step: how far it is, and whether something stands in its way.
fn step_state(progress: CompletionStatus, is_gated: bool) -> (StepState, Option<(usize, usize)>) {
    match progress {
        CompletionStatus::Done => (StepState::Done, None),
        CompletionStatus::InProgress { done, total: of } => {
            (StepState::InProgress, Some((done, of)))
        }
        CompletionStatus::Todo | CompletionStatus::Unknown | CompletionStatus::Manual
            if is_gated =>
        {
            (StepState::Blocked, None)
        }
        CompletionStatus::Todo => (StepState::Todo, None),
        CompletionStatus::Unknown => (StepState::Unknown, None),
        CompletionStatus::Manual => (StepState::Manual, None),
    }
}

/// The cluster that is planned for, as steps name it.
fn cluster_name(id: Option<&ClusterId>) -> String {
    id.map_or_else(
        || template::CLUSTER_PLACEHOLDER.to_owned(),
        ToString::to_string,
    )
}
