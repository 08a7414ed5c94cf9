//! `--plan`: the plan whose steps are ticked off.

use std::path::Path;

use super::args::WatchArgs;
use crate::api::v1::FollowedPlan;
use crate::cli::exit::CliError;
use crate::snapshot::Uid;
use crate::text::names::PLAN;
use crate::watch::PlannedStep;

/// Reads a plan.
///
/// # Errors
/// If it cannot be read, or is no plan.
pub(super) fn read_plan_file(path: &Path) -> Result<FollowedPlan, CliError> {
    let usage = |why: String| CliError::usage(format!("--plan {}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| usage(error.to_string()))?;
    FollowedPlan::parse(&text).map_err(|why| {
        usage(format!(
            "{why}; --plan reads what kubectl {PLAN} -o json prints"
        ))
    })
}

/// The steps of the plan; none without one.
///
/// # Errors
/// If the plan is of another cluster than the one with this UID. Where one of the two is unknown, than the one with these
/// names: its context or the URL of its API server.
pub(super) fn planned_steps(
    flags: &WatchArgs,
    plan: Option<&FollowedPlan>,
    names: &[&str],
    uid: Option<Uid>,
) -> Result<Vec<PlannedStep>, CliError> {
    let Some(plan) = plan else {
        return Ok(Vec::new());
    };
    let of_plan = [&plan.cluster.context, &plan.cluster.server];
    let of_plan: Vec<&str> = of_plan.into_iter().flatten().map(String::as_str).collect();
    let uids = plan.cluster.uid.clone().zip(uid.map(|uid| uid.to_string()));
    let is_of_this = match &uids {
        Some((of_plan, of_cluster)) => of_plan == of_cluster,
        None => of_plan.iter().any(|name| names.contains(name)),
    };
    if !is_of_this {
        let file = flags.plan.clone().unwrap_or_default();
        let made_for = match of_plan.is_empty() {
            true => "no cluster (it was made with --local)".to_owned(),
            false => format!("cluster {}", of_plan.join(", ")),
        };
        let uids = uids.map_or_else(String::new, |(of_plan, of_cluster)| {
            format!(
                ": the UID of namespace kube-system is {of_cluster} here, and {of_plan} in the plan"
            )
        });
        return Err(CliError::usage(format!(
            "--plan {}: it was made for {made_for}, and this is {}{uids}",
            file.display(),
            names.join(", ")
        )));
    }
    Ok(plan.planned_steps())
}
