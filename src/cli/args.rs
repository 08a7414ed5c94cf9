//! The command line of `kubectl upgrade-check`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::Timestamp;

use super::connection_args::ConnectionArgs;
use super::format;
use crate::path::UpgradeTarget;
use crate::report::{ColorChoice, OutputFormat, RbacSubject};
use crate::rules::FailOn;

const AFTER_HELP: &str = "\
Examples:
  # May the current cluster go to the next minor?
  kubectl upgrade-check

  # To a certain one, with the manifests that are about to be applied
  kubectl upgrade-check --to 1.29 -f deploy/

  # A rendered chart in a pipeline, without a cluster
  helm template ./chart | kubectl upgrade-check --local --to 1.29 -f -

  # Save what was read; look at it later, or let a colleague do so
  kubectl upgrade-check --save-snapshot shop.snapshot
  kubectl upgrade-check --snapshot shop.snapshot -o wide

  # The same for somebody who must not know the names
  kubectl upgrade-check --redact --save-snapshot redacted.snapshot

  # In a pipeline: what was there yesterday, and what a team has taken on, does not fail it
  kubectl upgrade-check --baseline yesterday.json --waivers waivers.yaml

  # What must I be allowed to read?
  kubectl upgrade-check rbac | kubectl apply -f -

Exit codes:
  0  ready
  1  could not run at all (no kubeconfig, unknown context, unauthorised, nobody there)
  2  usage
  3  blocked: at least one finding at or above --fail-on; or no supported path to the target
  4  incomplete: nothing blocks, but something could not be looked at
  130  interrupted
  143  terminated

What is read: what the API server says of itself, nodes, pods and what keeps them (workloads, budgets, volumes),
webhooks, aggregated APIs and CRDs, Helm's release records, and the metadata of kinds that lose an API version on the
way. Nothing is ever written. See 'rbac' for the exact list.";

/// Tells whether a cluster may be upgraded: which objects, charts and clients the upgrade would break, and what could
/// not be looked at.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-upgrade-check",
    version,
    after_help = AFTER_HELP,
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true,
    max_term_width = 120
)]
pub struct CheckCommand {
    /// A helper in place of the check.
    #[command(subcommand)]
    pub subcommand: Option<CheckSubcommand>,
    /// The check.
    #[command(flatten)]
    pub check: CheckArgs,
}

/// Helpers.
#[derive(Debug, Subcommand)]
pub enum CheckSubcommand {
    /// List every rule
    Rules(RulesArgs),
    /// Tell why a rule matters, how it is detected and how to mend what it finds
    Explain {
        /// Id of the rule, as in the RULE column
        id: String,
    },
    /// Print the ClusterRoles and bindings that hold exactly what the check reads
    Rbac(Box<RbacArgs>),
    /// Tell what is known: platforms and their releases, APIs, and the date of the facts
    Catalog(ListArgs),
    /// Print a completion script
    Completion {
        /// For which shell
        shell: Shell,
    },
}

/// Flags of the check.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Where to look.
    #[command(flatten)]
    pub source: SourceArgs,
    /// What counts.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Write what was read to this file, for later or for a colleague; contents of Secrets are never in it
    #[arg(long, value_name = "FILE")]
    pub save_snapshot: Option<PathBuf>,
    /// Format of the report
    #[arg(short, long, value_parser = format::format_parser(format::REPORT_FORMATS), default_value = "table")]
    pub output: OutputFormat,
    /// How to print.
    #[command(flatten)]
    pub output_args: OutputArgs,
}

/// Where to look and where to go.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// Target, repeatable; a minor stands for its newest patch [default: the next supported hop]
    #[arg(long, value_name = "[PLATFORM=]VERSION")]
    pub to: Vec<UpgradeTarget>,
    /// Ask no API server: only -f is read. Needs --to
    #[arg(long, requires = "to", conflicts_with = "snapshot")]
    pub local: bool,
    /// Where we start, under --local, repeatable; without it every hazard up to the target counts
    #[arg(long, value_name = "[PLATFORM=]VERSION", requires = "local")]
    pub from: Vec<UpgradeTarget>,
    /// Manifests about to be applied, repeatable; directories are walked, - is stdin
    #[arg(short, long, value_name = "PATH")]
    pub filename: Vec<PathBuf>,
    /// Read a saved snapshot in place of the cluster
    #[arg(long, value_name = "FILE")]
    pub snapshot: Option<PathBuf>,
    /// Pseudonyms in place of names (of namespaces, objects, nodes, users, hosts), in every output and in a saved snapshot;
    /// names that everybody knows stay, free text is dropped. The key is the UID of kube-system: every run on this cluster
    /// gives the same pseudonyms. Waivers, baselines and logs speak of real names and cannot be used with it
    #[arg(long, conflicts_with = "verbosity")]
    pub redact: bool,
    /// Which rules speak.
    #[command(flatten)]
    pub rule_filter: RuleFilterArgs,
    /// The clock, for a reproducible run [default: now, or the time of the snapshot]
    #[arg(long, value_name = "RFC3339")]
    pub now: Option<Timestamp>,
    /// Objects a page, where the API server pages
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub chunk_size: u32,
    /// Requests in flight at a time: few, for a control plane has other things to do
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub max_in_flight: u8,
    /// Log level: 4 waits and retries, 6 requests, 8 everything
    #[arg(short, long = "v", value_name = "LEVEL", default_value_t = 0)]
    pub verbosity: u8,
    /// Results only, no notes on stderr
    #[arg(short, long)]
    pub quiet: bool,
    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// Which rules speak. What only other rules need is not read.
#[derive(Debug, Args)]
pub struct RuleFilterArgs {
    /// Check by these rules only; comma-separated, repeatable
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Leave these rules out; comma-separated, repeatable; the summary counts them
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    pub skip: Vec<String>,
}

/// What counts.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// From which severity on a finding makes the exit code 3; the verdict stays as it is
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOnArg::Blocker)]
    pub fail_on: FailOnArg,
    /// Findings that somebody has taken on: a file that names rule, objects, owner, reason and expires of each. They stay
    /// visible, and no longer block. An expired waiver does not count; the day is today's, not that of --now
    #[arg(long, value_name = "FILE", conflicts_with = "redact")]
    pub waivers: Option<PathBuf>,
    /// An earlier report, of -o json: what it knows stays visible, and only what is new makes the exit code 3
    #[arg(long, value_name = "REPORT.json", conflicts_with = "redact")]
    pub baseline: Option<PathBuf>,
    /// Gaps are listed and the verdict stays incomplete, but the exit code is 0
    #[arg(long)]
    pub allow_gaps: bool,
}

/// `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOnArg {
    /// Blockers
    Blocker,
    /// Warnings and blockers
    Warning,
    /// Every finding
    Note,
    /// None
    Never,
}

impl From<FailOnArg> for FailOn {
    fn from(line: FailOnArg) -> Self {
        match line {
            FailOnArg::Blocker => Self::Blocker,
            FailOnArg::Warning => Self::Warning,
            FailOnArg::Note => Self::Note,
            FailOnArg::Never => Self::Never,
        }
    }
}

/// Flags of `rules`.
#[derive(Debug, Args)]
pub struct RulesArgs {
    /// Also the hazards that no rule looks at yet, and those that no client that only reads can see
    #[arg(long)]
    pub all: bool,
    /// Format and look.
    #[command(flatten)]
    pub list: ListArgs,
}

/// Flags of `rbac`.
#[derive(Debug, Args)]
pub struct RbacArgs {
    /// To whom the role is given: user:NAME, group:NAME or serviceaccount:NAMESPACE/NAME [default: you, where the API
    /// server refuses you a read, else the group kubectl-upgrade-readers]
    #[arg(long, value_name = "KIND:NAME", value_parser = parse_rbac_subject)]
    pub bind_to: Option<RbacSubject>,
    /// Where to look.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Flags of lists about the suite itself.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Format
    #[arg(short, long, value_parser = format::format_parser(format::LIST_FORMATS), default_value = "table")]
    pub output: OutputFormat,
    /// How to print.
    #[command(flatten)]
    pub output_args: OutputArgs,
}

/// How to print.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct OutputArgs {
    /// No headers in tables
    #[arg(long)]
    pub no_headers: bool,
    /// When to colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorArg::Auto)]
    pub color: ColorArg,
}

/// `--color`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorArg {
    /// On a terminal that wants it
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl From<ColorArg> for ColorChoice {
    fn from(color: ColorArg) -> Self {
        match color {
            ColorArg::Auto => Self::Auto,
            ColorArg::Always => Self::Always,
            ColorArg::Never => Self::Never,
        }
    }
}

/// Reads `--bind-to`.
fn parse_rbac_subject(text: &str) -> Result<RbacSubject, String> {
    let bound = |kind: &str, name: String| RbacSubject {
        kind: kind.to_owned(),
        name,
    };
    match text.split_once(':') {
        Some(("user", name)) if !name.is_empty() => Ok(bound("User", name.to_owned())),
        Some(("group", name)) if !name.is_empty() => Ok(bound("Group", name.to_owned())),
        Some(("serviceaccount", name)) if name.contains('/') => {
            let name = name.replacen('/', ":", 1);
            Ok(bound("User", format!("system:serviceaccount:{name}")))
        }
        _ => Err("expected user:NAME, group:NAME or serviceaccount:NAMESPACE/NAME".to_owned()),
    }
}
