//! The plan, and what a user can ask of it.

use jiff::Timestamp;

use super::measured::MeasuredUpgrade;
use super::schedule::{self, Schedule};
use super::step::{Step, StepState, parallelism};
use super::window::Window;
use crate::catalog::DurationEstimate;
use crate::path::Hop;
use crate::rules::{CheckContext, Finding, Gap, Summary, Verdict};

/// What a user can ask of a plan.
#[derive(Debug, Clone, Default)]
pub struct PlanOptions {
    /// Nodes of a pool to upgrade at a time; by default what the pool itself says, or one.
    pub parallel: Option<u32>,
    /// Whether to omit steps that are done.
    pub only_remaining: bool,
    /// When disruptive steps may run; empty for any time.
    pub windows: Vec<Window>,
    /// An earlier upgrade, as a basis for durations of the cluster that it is of.
    pub measured: Option<MeasuredUpgrade>,
}

impl PlanOptions {
    /// The earlier upgrade, if it is of the cluster to plan for.
    pub(super) fn measured_in(&self, context: &CheckContext<'_>) -> Option<&MeasuredUpgrade> {
        let cluster = context.cluster?;
        let measured = self.measured.as_ref();
        measured.filter(|measured| measured.is_of_snapshot(cluster))
    }
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
    /// The sum over steps with a known maximum, with the plan's parallelism.
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

    /// Plans the steps for the maintenance windows.
    pub(super) fn schedule(&mut self, options: &PlanOptions, now: Timestamp) {
        if options.windows.is_empty() {
            return;
        }
        let steps = &self.steps;
        self.schedule = schedule::schedule_steps(steps, &options.windows, self.parallel, now);
        let unscheduled = self.schedule.unscheduled.iter();
        let remarks = unscheduled.map(|id| format!("{id} fits into none of the remaining windows"));
        self.remarks.extend(remarks);
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
            let Some(longest) = step.duration.max_seconds else {
                remaining.unbounded_steps += 1;
                continue;
            };
            let shortest = step.duration.min_seconds.unwrap_or_default();
            min += shortest.div_ceil(parallel);
            max += longest.div_ceil(parallel);
        }
        remaining.estimate.min_seconds = Some(min);
        remaining.estimate.max_seconds = Some(max);
        remaining
    }
}
