//! `kubectl upgrade-plan`: from flags to a plan.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use jiff::Timestamp;

use super::args::{OutputArgs, SourceArgs};
use super::exit::{CliError, Exit};
use super::{
    eprint_line, format, policy, print_completion, print_result, render_options, rules,
    save_snapshot, source,
};
use crate::api::v1::{DocumentMetadata, UpgradePlan};
use crate::catalog::Catalog;
use crate::fleet;
use crate::plan::{self, PlanOptions, Window};
use crate::report::{self, OutputFormat};
use crate::rules::{Policy, evaluate};

const AFTER_HELP: &str = "\
Examples:
  # The steps to the next minor, with the names of this cluster and what is done of them
  kubectl upgrade-plan

  # Over several minors; what is left of it, half-way
  kubectl upgrade-plan --to 1.29 --only-remaining

  # A runbook for a change request
  kubectl upgrade-plan --to 1.29 -o markdown > runbook.md

  # Without a cluster: the hops, and the steps that hold for any
  kubectl upgrade-plan --local --from kyma=1.10 --to kyma=1.14

Exit codes:
  0  plan made
  1  could not run at all (no kubeconfig, unknown context, unauthorised, nobody there)
  2  usage
  3  no supported path to the target
  4  plan made, but something could not be looked at
  130  interrupted
  143  terminated

What is read: what 'kubectl upgrade-check' reads. Nothing is ever written; people and pipelines act.";

/// Prints the runbook for this cluster: the hops, then the steps in order, each with how far it is, its commands, what must
/// be out of the way, how to tell that it is done, how long it takes, and whether there is a way back.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-upgrade-plan",
    version,
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true,
    max_term_width = 120
)]
pub struct PlanCommand {
    /// A helper in place of the plan.
    #[command(subcommand)]
    pub subcommand: Option<PlanSubcommand>,
    /// The plan.
    #[command(flatten)]
    pub plan: PlanArgs,
}

/// Helpers.
#[derive(Debug, Subcommand)]
pub enum PlanSubcommand {
    /// Print a completion script
    Completion {
        /// For which shell
        shell: Shell,
    },
}

/// Flags of the plan.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Where to look.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Nodes of a pool at a time that durations are reckoned with [default: the pool's own setting, where it shows; else 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub parallel: Option<u32>,
    /// When steps may run that interrupt somebody, repeatable: days, times and time zone; steps that fit none are named
    #[arg(long, value_name = "\"Sat 22:00-04:00 Europe/Berlin\"")]
    pub window: Vec<Window>,
    /// Leave out what is done; the summary counts it
    #[arg(long)]
    pub only_remaining: bool,
    /// Gaps are listed, but the exit code is 0
    #[arg(long)]
    pub allow_gaps: bool,
    /// Write what was read to this file, for later or for a colleague; contents of Secrets are never in it
    #[arg(long, value_name = "FILE")]
    pub save_snapshot: Option<PathBuf>,
    /// Format of the plan
    #[arg(short, long, value_parser = format::format_parser(format::PLAN_FORMATS), default_value = "table")]
    pub output: OutputFormat,
    /// How to print.
    #[command(flatten)]
    pub output_args: OutputArgs,
}

pub(super) fn run_plan_command(command: PlanCommand) -> Result<Exit, CliError> {
    let catalog = Arc::new(Catalog::embedded().map_err(CliError::could_not_run)?);
    match command.subcommand {
        Some(PlanSubcommand::Completion { shell }) => Ok(print_completion::<PlanCommand>(
            shell,
            "kubectl-upgrade_plan",
        )),
        None => run_plan(&command.plan, &catalog),
    }
}

fn run_plan(flags: &PlanArgs, catalog: &Arc<Catalog>) -> Result<Exit, CliError> {
    let policy = Policy {
        rule_filter: policy::rule_filter(&flags.source.rule_filter)?,
        ..Policy::default()
    };
    let input = match source::load_input(&flags.source, catalog, &source::PLAN_PROFILE) {
        Err(stop) if stop.exit == Exit::Blocked => return report_no_path(flags, catalog, stop),
        input => input?,
    };
    let saved = save_snapshot(&input, flags.save_snapshot.as_deref(), flags.source.quiet);
    let contexts = fleet::contexts(&input.snapshot, &input.paths, catalog, input.now);
    // A plan covers one cluster. It lists the others as gaps.
    let Some(context) = contexts.into_iter().next() else {
        return Err(CliError::could_not_run("there is nothing to plan for"));
    };
    let evaluation = evaluate(&context, rules()?, &policy);
    let options = PlanOptions {
        parallel: flags.parallel,
        only_remaining: flags.only_remaining,
        windows: flags.window.clone(),
    };
    let plan = plan::build(&context, &evaluation, &options);
    for remark in &plan.remarks {
        eprint_line(flags.source.quiet, &format!("note: {remark}"));
    }
    if plan.steps.is_empty() {
        eprint_line(
            flags.source.quiet,
            &format!(
                "no steps: nothing is left to do on the way to the target, as far as the catalog of {} knows",
                catalog.date
            ),
        );
    }
    let exit = match plan.gaps.is_empty() || flags.allow_gaps {
        true => Exit::Success,
        false => Exit::Incomplete,
    };
    let exit = print_plan(flags, &UpgradePlan::new(&context, &plan), exit)?;
    // The plan was not lost with the snapshot.
    saved.map(|()| exit)
}

/// No path leads to the target. Programs get a document all the same, and a file for a change request is a page that says so;
/// on a terminal the error says it.
fn report_no_path(flags: &PlanArgs, catalog: &Catalog, stop: CliError) -> Result<Exit, CliError> {
    let tells = match flags.output {
        OutputFormat::Json | OutputFormat::Yaml | OutputFormat::Markdown | OutputFormat::Html => {
            true
        }
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Name => false,
    };
    if tells {
        let now = flags.source.now.unwrap_or_else(Timestamp::now);
        let metadata = DocumentMetadata::new(source::PLAN_PROFILE.program, now, catalog.date);
        print_plan(
            flags,
            &UpgradePlan::without_path(metadata, &stop.message),
            stop.exit,
        )?;
    }
    Err(stop)
}

fn print_plan(flags: &PlanArgs, document: &UpgradePlan, exit: Exit) -> Result<Exit, CliError> {
    let text = report::render_plan(flags.output, document, &render_options(flags.output_args));
    Ok(print_result(&text.map_err(CliError::could_not_run)?, exit))
}
