//! From a path to steps, in order, each with its state in the cluster.
//!
//! | file | holds |
//! |---|---|
//! | `step` | what a step is |
//! | `hops` | the hops, a hop in progress first |
//! | `inventory` | control plane nodes and node pools, in the order of their upgrade |
//! | `pool_schedule` | the hops at which each pool is upgraded |
//! | `drain` | what draining a node evicts, and what blocks it |
//! | `draft` | a step without its state, and the hop it is drafted for |
//! | `step_builder` | a step template of a procedure, filled in for this cluster |
//! | `topology_request` | setting the version of a cluster topology |
//! | `template` | names and commands filled in for this cluster |
//! | `addons` | add-ons that are incompatible with the minor of a hop |
//! | `remediation` | blockers to resolve before a hop |
//! | `builder` | all of the above put together, hop by hop |
//! | `window` | maintenance windows, and when they open |
//! | `schedule` | which steps go into which window |
//!
//! A plan is a pure function of cluster, findings and options. The state of a step is read from the cluster, never from a file
//! of our own, so a plan made half-way shows what is done.

mod addons;
mod builder;
mod completion;
mod draft;
mod drain;
mod estate;
mod hops;
mod inventory;
mod member;
mod pool_schedule;
mod remediation;
mod schedule;
mod step;
mod step_builder;
mod template;
mod topology_request;
mod window;

pub use crate::catalog::DurationEstimate;
pub use schedule::{Schedule, WindowSlot};
pub use step::{EACH_NODE, ScopeLevel, Step, StepScope, StepState, parallelism};
pub use window::{ParseWindowError, Window};

use crate::conditions;
use crate::need::{Discovery, Need};
use crate::path::Hop;
use crate::rules::{CheckContext, Evaluation, Finding, Gap, Summary, Verdict};

/// What a user can ask of a plan.
#[derive(Debug, Clone, Default)]
pub struct PlanOptions {
    /// Nodes of a pool to upgrade at a time; by default what the pool itself says, or one.
    pub parallel: Option<u32>,
    /// Whether to omit steps that are done.
    pub only_remaining: bool,
    /// When disruptive steps may run; empty for any time.
    pub windows: Vec<Window>,
}

/// The whole plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// In order; the first may be in progress.
    pub hops: Vec<Hop>,
    /// In order.
    pub steps: Vec<Step>,
    /// The findings that gate steps, in the order of the evaluation.
    pub findings: Vec<Finding>,
    /// The verdict of the evaluation.
    pub verdict: Verdict,
    /// The counts of the evaluation.
    pub rule_summary: Summary,
    /// What could not be inspected.
    pub gaps: Vec<Gap>,
    /// Notes for the reader.
    pub remarks: Vec<String>,
    /// Number of steps omitted because they are done.
    pub omitted_done_steps: usize,
    /// Nodes of a pool upgraded at a time where each node is a step of its own. The duration of a step that upgrades a whole
    /// pool includes the pool's own parallelism.
    pub parallel: u32,
    /// The steps by maintenance window; empty without windows.
    pub schedule: Schedule,
}

/// How long the remaining steps take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RemainingDuration {
    /// The sum of known durations, with the plan's parallelism.
    pub estimate: DurationEstimate,
    /// Number of steps without a known maximum.
    pub unbounded_steps: usize,
}

impl Plan {
    /// Steps that are not done.
    pub fn remaining_steps(&self) -> impl Iterator<Item = &Step> {
        let steps = self.steps.iter();
        steps.filter(|step| step.state != StepState::Done)
    }

    /// Number of steps that are done, omitted ones included.
    #[must_use]
    pub fn done_count(&self) -> usize {
        self.omitted_done_steps + self.steps.len() - self.remaining_steps().count()
    }

    /// How long the remaining steps take, with workers of a pool in parallel.
    #[must_use]
    pub fn remaining_time(&self) -> RemainingDuration {
        let mut remaining = RemainingDuration::default();
        let (mut min, mut max) = (0, 0);
        for step in self.remaining_steps() {
            let parallel = parallelism(step.scope.pool.as_deref(), self.parallel);
            min += step
                .duration
                .min_seconds
                .unwrap_or_default()
                .div_ceil(parallel);
            match step.duration.max_seconds {
                Some(seconds) => max += seconds.div_ceil(parallel),
                None => remaining.unbounded_steps += 1,
            }
        }
        remaining.estimate.min_seconds = Some(min);
        remaining.estimate.max_seconds = Some(max);
        remaining
    }
}

/// What a plan needs in addition to what rules need.
#[must_use]
pub fn needs(discovery: &Discovery) -> Vec<Need> {
    let mut needs = conditions::needs(discovery);
    needs.extend(drain::needs());
    needs.extend(inventory::needs());
    needs.sort();
    needs.dedup();
    needs
}

/// Plans the upgrade of the first cluster; without a cluster, placeholders stand for its names.
#[must_use]
pub fn build(context: &CheckContext<'_>, evaluation: &Evaluation, options: &PlanOptions) -> Plan {
    let itinerary = hops::itinerary(context);
    let (mut steps, inventory_remarks) =
        builder::build_steps(context, &evaluation.findings, &itinerary, options.parallel);
    let all_steps = steps.len();
    if options.only_remaining {
        steps.retain(|step| step.state != StepState::Done);
    }
    let omitted_done_steps = all_steps - steps.len();
    let gates_a_step = |finding: &&Finding| {
        let mut steps = steps.iter();
        steps.any(|step| step.gates.contains(&finding.fingerprint))
    };
    let findings = evaluation.findings.iter().filter(gates_a_step);
    let findings = findings.cloned().collect();
    let mut remarks = evaluation.remarks.clone();
    remarks.extend(inventory_remarks);
    remarks.extend(namespace_scope_remark(context));
    let parallel = options.parallel.unwrap_or(1).max(1);
    let schedule = match options.windows.is_empty() {
        true => Schedule::default(),
        false => schedule::schedule_steps(&steps, &options.windows, parallel, context.now),
    };
    let unscheduled = schedule.unscheduled.iter();
    remarks.extend(unscheduled.map(|id| format!("{id} fits into none of the remaining windows")));
    let hop_plans = itinerary.hop_plans.into_iter();
    Plan {
        schedule,
        hops: hop_plans.map(|hop_plan| hop_plan.hop).collect(),
        findings,
        verdict: evaluation.verdict,
        rule_summary: evaluation.summary,
        gaps: plan_gaps(context, evaluation),
        remarks,
        omitted_done_steps,
        parallel,
        steps,
    }
}

/// What the plan of a single namespace cannot include.
fn namespace_scope_remark(context: &CheckContext<'_>) -> Option<String> {
    let namespace = context.namespace()?;
    Some(format!(
        "only the namespace {namespace} was inspected: the plan does not include drains and blockers elsewhere"
    ))
}

/// The gaps of the evaluation, and those of what only the plan needs.
fn plan_gaps(context: &CheckContext<'_>, evaluation: &Evaluation) -> Vec<Gap> {
    let mut gaps = evaluation.gaps.clone();
    if let Some(cluster) = context.cluster {
        for need in needs(&cluster.discovery) {
            let Err(missing) = cluster.rows_for(&need, context.catalog) else {
                continue;
            };
            let is_same =
                |gap: &Gap| gap.what == missing.what && gap.cluster == Some(cluster.id.clone());
            if !gaps.iter().any(is_same) {
                gaps.push(Gap {
                    what: missing.what,
                    why: missing.why,
                    cluster: Some(cluster.id.clone()),
                    rules: Vec::new(),
                    rbac: missing.rbac,
                });
            }
        }
    }
    gaps.extend(context.other_clusters.iter().map(|other| Gap {
        what: format!("the plan of the cluster {}", other.id),
        why: "a plan covers one cluster: the first of the snapshot".to_owned(),
        cluster: Some(other.id.clone()),
        rules: Vec::new(),
        rbac: None,
    }));
    gaps.sort();
    gaps
}
