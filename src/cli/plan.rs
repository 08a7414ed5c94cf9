//! `kubectl upgrade-plan`: from flags to a plan.

use std::path::PathBuf;

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
  # Show the steps to the next minor, with the names of this cluster and the state of each step
  kubectl upgrade-plan

  # Show what remains of an upgrade over several minors
  kubectl upgrade-plan --to 1.29 --only-remaining

  # Write a runbook for a change request
  kubectl upgrade-plan --to 1.29 -o markdown > runbook.md

  # Show hops and generic steps, without a cluster
  kubectl upgrade-plan --local --from kyma=1.10 --to kyma=1.14

Exit codes:
  0  plan made
  1  could not run: no kubeconfig, unknown context, unauthorised, API server unreachable
  2  usage error
  3  no supported path to the target
  4  plan made with gaps
  130  interrupted
  143  terminated

The plan reads what 'kubectl upgrade-check' reads, and the objects whose state shows the
progress of steps. It never writes: you, or your pipeline, run the commands.";

/// Print the runbook for this cluster: the hops, and the steps in order, each with its state, commands, blocking findings,
/// completion condition and estimated duration, and whether it can be undone.
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
    /// A subcommand instead of the plan.
    #[command(subcommand)]
    pub subcommand: Option<PlanSubcommand>,
    /// The plan.
    #[command(flatten)]
    pub plan: PlanArgs,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum PlanSubcommand {
    /// Print a completion script
    Completion {
        /// The shell
        shell: Shell,
    },
}

/// Flags of the plan.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Number of nodes of a pool upgraded at a time, for durations [default: the pool's own setting if known, otherwise 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub parallel: Option<u32>,
    /// Maintenance window for steps that interrupt workloads, repeatable: days, times and time zone; steps that fit no window are marked
    #[arg(long, value_name = "\"Sat 22:00-04:00 Europe/Berlin\"")]
    pub window: Vec<Window>,
    /// Omit steps that are done; the summary counts them
    #[arg(long)]
    pub only_remaining: bool,
    /// Exit with 0 even if there are gaps
    #[arg(long)]
    pub allow_gaps: bool,
    /// Write what was read to this file; never includes contents of Secrets
    #[arg(long, value_name = "FILE")]
    pub save_snapshot: Option<PathBuf>,
    /// Output format
    #[arg(short, long, value_parser = format::format_parser(format::PLAN_FORMATS), default_value = "table")]
    pub output: OutputFormat,
    /// Output.
    #[command(flatten)]
    pub output_args: OutputArgs,
}

pub(super) fn run_plan_command(command: PlanCommand) -> Result<Exit, CliError> {
    let catalog = Catalog::embedded().map_err(CliError::could_not_run)?;
    match command.subcommand {
        Some(PlanSubcommand::Completion { shell }) => Ok(print_completion::<PlanCommand>(
            shell,
            "kubectl-upgrade_plan",
        )),
        None => run_plan(&command.plan, catalog),
    }
}

fn run_plan(flags: &PlanArgs, catalog: &'static Catalog) -> Result<Exit, CliError> {
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
                "no steps: nothing left to do for the target according to the catalog of {}",
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

/// Reports that no path leads to the target: as a document in formats for programs and change requests, otherwise as the
/// error alone.
fn report_no_path(flags: &PlanArgs, catalog: &Catalog, stop: CliError) -> Result<Exit, CliError> {
    let prints_document = match flags.output {
        OutputFormat::Json | OutputFormat::Yaml | OutputFormat::Markdown | OutputFormat::Html => {
            true
        }
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Name => false,
    };
    if prints_document {
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
