//! The command line of `kubectl upgrade-watch`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser};

use crate::cli::args::{INPUT, LogArgs, OUTPUT, OutputArgs};
use crate::cli::completion::CompletionSubcommand;
use crate::cli::format;
use crate::kubeconfig::{ConnectOptions, parse_duration};
use crate::path::UpgradeTarget;
use crate::report::EventFormat;
use crate::text::names::{WATCH_PROGRAM, expand};

const AFTER_HELP: &str = "\
Examples:
  # Follow the upgrade that is in progress
  kubectl {watch}

  # Print the current progress and exit
  kubectl {watch} --once

  # In a pipeline: wait until the cluster runs 1.29, at most two hours
  kubectl {watch} --to 1.29 --timeout 2h

  # Follow an upgrade of Kyma, or of DKP from its management cluster
  kubectl {watch} --to kyma=1.14
  kubectl {watch} --to dkp=2.3

  # Tick off the steps of a plan
  kubectl {plan} --to 1.29 -o json > plan.json
  kubectl {watch} --plan plan.json

  # Record the watch, and replay it later
  kubectl {watch} --record shop.recording
  kubectl {watch} --replay shop.recording --stall-after 5m

Exit codes:
  0  finished, or nothing is being upgraded; with --once always
  1  could not run: no kubeconfig, unknown context, unauthorized, API server unreachable
  2  usage error
  3  the upgrade was taken back or given up, or --timeout passed while it was stalled
  4  --timeout passed before the upgrade began, while it was making progress, or while the API server was unreachable
  130  interrupted, or ended with q
  143  terminated

The watch lists and watches nodes, the objects of Cluster API, the pods of nodes while they \
drain, and events of type Warning (optional); it lists the static pods of the control plane, and \
the DaemonSets and Deployments in kube-system, and the objects of DKP and Kyma where they are served, every few \
seconds. It never writes. Times are in \
UTC.";

const PLAN_HELP: &str = "\
Tick off the steps of this plan, the output of kubectl {plan} -o json; without --to, follow the upgrade to the \
Kubernetes version that it leads to";

const REDACT_HELP: &str = "\
Replace names by pseudonyms, in the output and in the recording: the same as those of {check} --redact";

/// Follow an upgrade that another tool or person runs: control plane, node pools, add-ons, outages and stalls.
#[derive(Debug, Parser)]
#[command(
    name = WATCH_PROGRAM,
    version,
    after_help = expand(AFTER_HELP),
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true,
    max_term_width = 120
)]
pub struct WatchCommand {
    /// A subcommand instead of the watch.
    #[command(subcommand)]
    pub subcommand: Option<CompletionSubcommand>,
    /// The watch.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// Flags of the watch.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// Version that the upgrade leads to, of Kubernetes or as dkp=VERSION or kyma=VERSION; a minor means any of its patches
    /// [default: the newest minor of Kubernetes that a part of the cluster runs, if others run an older one]
    #[arg(long, help_heading = INPUT, value_name = "[PLATFORM=]VERSION")]
    pub to: Option<UpgradeTarget>,
    /// Show the current state and end
    #[arg(long, help_heading = OUTPUT, conflicts_with_all = ["timeout", "record", "replay"])]
    pub once: bool,
    /// A plan whose steps are ticked off.
    #[arg(long, help_heading = INPUT, value_name = "FILE", conflicts_with = "redact", help = expand(PLAN_HELP))]
    pub plan: Option<PathBuf>,
    /// Give up after this time, such as 90m or 2h [default: never]
    #[arg(long, help_heading = OUTPUT, value_name = "TIME", value_parser = parse_duration, conflicts_with = "replay")]
    pub timeout: Option<Duration>,
    /// Report a stall if nothing changes for this time
    #[arg(long, help_heading = OUTPUT, value_name = "TIME", value_parser = parse_duration, default_value = "15m")]
    pub stall_after: Duration,
    /// Write everything that is observed to this file, which must not exist; --replay reads it
    #[arg(long, help_heading = OUTPUT, value_name = "FILE", conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// When the watch ends, write what the upgrade took to this file: .md, .html or .json
    #[arg(long, help_heading = OUTPUT, value_name = "FILE", conflicts_with = "once")]
    pub summary: Option<PathBuf>,
    /// Read a recording instead of the cluster
    #[arg(long, help_heading = INPUT, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// Replay this many times as fast as it happened [default: without waiting]
    #[arg(long, help_heading = INPUT, value_name = "N", requires = "replay", value_parser = format::number_in::<u32>(1, u32::MAX))]
    pub speed: Option<u32>,
    /// Print a line for each change also on a terminal, instead of the live view; for screen readers
    #[arg(long, help_heading = OUTPUT)]
    pub plain: bool,
    /// Ring the terminal, and show a notification where it can (OSC 9), when the upgrade is blocked, stalled, recovered,
    /// finished or failed
    #[arg(long, help_heading = OUTPUT, conflicts_with = "once")]
    pub notify: bool,
    /// Whether names are replaced by pseudonyms.
    #[arg(long, help_heading = OUTPUT, help = expand(REDACT_HELP))]
    pub redact: bool,
    /// Output format
    #[arg(short, long, help_heading = OUTPUT, value_parser = format::event_format_parser(), default_value = "text")]
    pub output: EventFormat,
    /// Output.
    #[command(flatten)]
    pub output_args: OutputArgs,
    /// What to print beside the result.
    #[command(flatten)]
    pub log: LogArgs,
    /// Connection.
    #[command(flatten)]
    pub connection: ConnectOptions,
}
