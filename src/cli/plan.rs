//! `kubectl upgrade-plan`: from flags to a plan.

use std::path::{Path, PathBuf};

use clap::{Args, Parser};
use jiff::Timestamp;

use super::args::{INPUT, OUTPUT, OutputArgs, SourceArgs};
use super::completion::CompletionSubcommand;
use super::console::{Console, remark_line};
use super::evaluation::{ClusterCommand, Outcome, RunInfo};
use super::exit::{CliError, Exit};
use super::profile::{CommandProfile, PLAN_PROFILE};
use super::{format, policy};
use crate::api::v1::{DocumentMetadata, MeasuredSummary, UpgradePlan};
use crate::catalog::Catalog;
use crate::fleet::Fleet;
use crate::plan::{self, MeasuredUpgrade, Plan, PlanOptions, Window};
use crate::report::{self, OutputFormat};
use crate::rules::{CheckContext, Evaluation, Policy};
use crate::text::names::{PLAN_PROGRAM, WATCH, expand};
use crate::text::os_error_text;

const AFTER_HELP: &str = "\
Examples:
  # Show the steps to the next minor, with the names of this cluster and the state of each step
  kubectl {plan}

  # Show what remains of an upgrade over several minors
  kubectl {plan} --to 1.29 --only-remaining

  # Write a runbook for a change request
  kubectl {plan} --to 1.29 -o markdown > runbook.md

  # Plan a management cluster of DKP with what the clusters that it looks after show of themselves
  kubectl {plan} --context mgmt --clusters all --to dkp=2.2.2

  # Base durations on what the last upgrade of this cluster took
  kubectl {watch} --summary last.json
  kubectl {plan} --durations last.json

  # Show hops and generic steps, without a cluster
  kubectl {plan} --local --from kyma=1.10 --to kyma=1.14

Exit codes:
  0  plan created
  1  could not run: no kubeconfig, unknown context, unauthorized, API server unreachable
  2  usage error
  3  no supported path to the target
  4  plan created with gaps
  130  interrupted
  143  terminated

The plan reads what 'kubectl {check}' reads, and the objects whose state shows the \
progress of steps. It never writes: you, or your pipeline, run the commands.

Flags follow the plugin's name: 'kubectl {plan} --context test', not 'kubectl --context \
test {plan}'. Completion of 'kubectl {plan} <TAB>' requires kubectl 1.26.";

const DURATIONS_HELP: &str = "\
What an earlier upgrade of this cluster took, as the basis of durations: a file that kubectl {watch} --summary FILE.json \
wrote, or - for standard input";

/// Print the runbook for this cluster: the hops, and the steps in order, each with its state, commands, blocking findings,
/// completion condition and estimated duration, and whether it can be undone.
#[derive(Debug, Parser)]
#[command(
    name = PLAN_PROGRAM,
    version,
    after_help = expand(AFTER_HELP),
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true,
    max_term_width = 120
)]
pub struct PlanCommand {
    /// A subcommand instead of the plan.
    #[command(subcommand)]
    pub subcommand: Option<CompletionSubcommand>,
    /// The plan.
    #[command(flatten)]
    pub plan: PlanArgs,
}

/// Flags of the plan.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Number of nodes of a pool upgraded at a time, for durations [default: the pool's own setting if known, otherwise 1]
    #[arg(long, value_name = "N", value_parser = format::number_in::<u32>(1, u32::MAX), help_heading = INPUT)]
    pub parallel: Option<u32>,
    /// Maintenance window for steps that interrupt workloads, repeatable: days, times and time zone; steps that fit no window are marked
    #[arg(long, value_name = "\"Sat 22:00-04:00 Europe/Berlin\"", help_heading = INPUT)]
    pub window: Vec<Window>,
    /// What an earlier upgrade of the cluster took.
    #[arg(long, value_name = "SUMMARY.json", help_heading = INPUT, conflicts_with = "local", help = expand(DURATIONS_HELP))]
    pub durations: Option<PathBuf>,
    /// The upgrade that `durations` holds.
    #[arg(skip)]
    measured: Option<MeasuredUpgrade>,
    /// Omit steps that are done; the summary counts them
    #[arg(long, help_heading = OUTPUT)]
    pub only_remaining: bool,
    /// Exit with 0 even if there are gaps
    #[arg(long, help_heading = OUTPUT)]
    pub allow_gaps: bool,
    /// Write what was read to this file; never includes contents of Secrets
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub save_snapshot: Option<PathBuf>,
    /// Output format
    #[arg(short, long, value_parser = format::format_parser(format::PLAN_FORMATS), default_value = "table", help_heading = OUTPUT)]
    pub output: OutputFormat,
    /// Output.
    #[command(flatten)]
    pub output_args: OutputArgs,
}

impl ClusterCommand for PlanArgs {
    const PROFILE: CommandProfile = PLAN_PROFILE;

    type Part = Plan;

    fn source(&self) -> &SourceArgs {
        &self.source
    }

    fn snapshot_file(&self) -> Option<&Path> {
        self.save_snapshot.as_deref()
    }

    fn policy(&self) -> Result<Policy, CliError> {
        policy::narrowing_policy(&self.source.read.rule_filter)
    }

    fn part(&self, context: &CheckContext<'_>, evaluation: &Evaluation) -> Plan {
        plan::build(context, evaluation, &self.plan_options())
    }

    fn conclude(&self, fleet: &Fleet<Plan>, run: &RunInfo<'_>) -> Result<Outcome, CliError> {
        self.check_durations(fleet)?;
        let Some(plan) = plan::combine(fleet, &self.plan_options()) else {
            return Err(CliError::could_not_run("there is nothing to plan for"));
        };
        let remarks = plan.remarks.iter();
        let mut notes: Vec<String> = remarks.map(|remark| remark_line(remark)).collect();
        if plan.steps.is_empty() {
            notes.push(format!(
                "no steps: nothing left to do for the target according to the catalog of {}",
                run.catalog.date
            ));
        }
        let document = UpgradePlan::from_fleet(fleet, &plan, (run.now, run.catalog.date));
        Ok(Outcome {
            notes,
            text: self.render(&document)?,
            exit: match plan.gaps.is_empty() || self.allow_gaps {
                _ if !fleet.dead_ends.is_empty() => Exit::Blocked,
                true => Exit::Success,
                false => Exit::Incomplete,
            },
        })
    }

    /// A document in formats for programs and change requests; otherwise the error is enough.
    fn without_path(
        &self,
        error: &CliError,
        catalog: &Catalog,
    ) -> Result<Option<String>, CliError> {
        use OutputFormat::{
            Csv, Html, Json, Junit, Markdown, Name, Summary, Table, Waivers, Wide, Yaml,
        };
        match self.output {
            Json | Yaml | Markdown | Html => {
                let now = self.source.read.now.unwrap_or_else(Timestamp::now);
                let metadata = DocumentMetadata::new(PLAN_PROFILE.program, now, catalog.date);
                self.render(&UpgradePlan::without_path(metadata, &error.message))
                    .map(Some)
            }
            Table | Wide | Name | Summary | Csv | Junit | Waivers => Ok(None),
        }
    }
}

impl PlanArgs {
    /// Reads the file of `--durations`.
    ///
    /// # Errors
    /// If it is not what an upgrade took.
    pub(super) fn read_durations(&mut self) -> Result<(), CliError> {
        let Some(path) = &self.durations else {
            return Ok(());
        };
        let usage = |why: String| CliError::usage(format!("--durations {}: {why}", path.display()));
        let is_stdin = path.as_os_str() == "-";
        if is_stdin && self.source.reads_stdin() {
            return Err(usage("-f reads standard input".to_owned()));
        }
        let text = match is_stdin {
            true => std::io::read_to_string(std::io::stdin()),
            false => std::fs::read_to_string(path),
        };
        let text = text.map_err(|error| usage(os_error_text(&error)))?;
        let summary = MeasuredSummary::parse(&text).map_err(|why| {
            usage(format!(
                "{why}; --durations reads what kubectl {WATCH} --summary FILE.json writes"
            ))
        })?;
        self.measured = Some(summary.to_internal().map_err(usage)?);
        Ok(())
    }

    /// # Errors
    /// If what was measured is of none of the clusters.
    fn check_durations(&self, fleet: &Fleet<Plan>) -> Result<(), CliError> {
        let (Some(measured), Some(path)) = (&self.measured, &self.durations) else {
            return Ok(());
        };
        let clusters = || {
            fleet
                .members
                .iter()
                .filter_map(|member| member.cluster.as_ref())
        };
        let is_of_one = clusters().any(|cluster| {
            let uid = cluster.uid.map(|uid| uid.to_string());
            let names = cluster.context.as_deref().into_iter();
            let names: Vec<&str> = names.chain([&*cluster.server, &cluster.id.0]).collect();
            measured.is_of(uid.as_deref(), &names)
        });
        if is_of_one {
            return Ok(());
        }
        let names: Vec<&str> = clusters().map(|cluster| cluster.id.0.as_str()).collect();
        let uid = measured
            .uid
            .as_ref()
            .filter(|_| names.contains(&&*measured.cluster));
        let uid = uid.map_or_else(String::new, |uid| {
            format!(": the UID of namespace kube-system is another one than {uid}")
        });
        Err(CliError::usage(format!(
            "--durations {}: it is of cluster {}, and this plan is of {}{uid}",
            path.display(),
            measured.cluster,
            names.join(", ")
        )))
    }

    fn plan_options(&self) -> PlanOptions {
        PlanOptions {
            parallel: self.parallel,
            only_remaining: self.only_remaining,
            windows: self.window.clone(),
            measured: self.measured.clone(),
        }
    }

    fn render(&self, document: &UpgradePlan) -> Result<String, CliError> {
        let look = Console::render_options(self.output_args);
        report::render_plan(self.output, document, &look).map_err(CliError::could_not_run)
    }
}
