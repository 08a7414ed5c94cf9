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
//! | `measured` | what an earlier upgrade took |
//! | `result` | the plan |
//! | `combine` | the plans of several clusters as one |
//! | `window` | maintenance windows, and when they open |
//! | `schedule` | which steps go into which window |
//!
//! A plan is a pure function of cluster, findings and options. The state of a step is read from the cluster, never from a file
//! of our own, so a plan made half-way shows what is done.

mod addons;
mod builder;
mod combine;
mod completion;
mod draft;
mod drain;
mod estate;
mod hops;
mod inventory;
mod measured;
mod member;
mod pool_schedule;
mod remediation;
mod result;
mod schedule;
mod step;
mod step_builder;
mod template;
mod topology_request;
mod window;

pub use crate::catalog::DurationEstimate;
pub use combine::combine;
pub use measured::{MIN_MEASURED_NODES, MeasuredNode, MeasuredPool, MeasuredUpgrade};
pub use result::{Plan, PlanOptions, RemainingDuration};
pub use schedule::{Schedule, WindowSlot};
pub use step::{EACH_NODE, ScopeLevel, Step, StepScope, StepState, parallelism};
pub use window::{ParseWindowError, Window};

use crate::conditions;
use crate::need::{Discovery, Need};
use crate::rules::{CheckContext, Evaluation, Finding, Gap};

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

/// Plans the upgrade of one cluster; without a cluster, placeholders stand for its names.
#[must_use]
pub fn build(context: &CheckContext<'_>, evaluation: &Evaluation, options: &PlanOptions) -> Plan {
    let itinerary = hops::itinerary(context);
    let (mut steps, inventory_remarks) =
        builder::build_steps(context, &evaluation.findings, &itinerary, options);
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
    let measured = options.measured_in(context);
    remarks.extend(measured.map(MeasuredUpgrade::remark));
    let hop_plans = itinerary.hop_plans.into_iter();
    let mut plan = Plan {
        schedule: Schedule::default(),
        hops: hop_plans.map(|hop_plan| hop_plan.hop).collect(),
        findings,
        verdict: evaluation.verdict,
        rule_summary: evaluation.summary,
        gaps: plan_gaps(context, evaluation),
        remarks,
        omitted_done_steps,
        parallel: options.parallel.unwrap_or(1).max(1),
        steps,
    };
    if context.other_clusters.is_empty() {
        plan.schedule(options, context.now);
    }
    plan
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
    gaps.sort();
    gaps
}
