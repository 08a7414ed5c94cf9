//! The command line of `kubectl upgrade-check`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::color::ColorArg;
use super::completion::CompletionSubcommand;
use super::format;
use crate::kubeconfig::ConnectOptions;
use crate::path::UpgradeTarget;
use crate::report::{OutputFormat, RbacSubject};
use crate::rules::FailOn;
use crate::text::names::{CHECK_PROGRAM, expand};

/// Flags of what to read and check.
pub(super) const INPUT: &str = "What to look at";
/// Flags of what to print, and of the exit code.
pub(super) const OUTPUT: &str = "What to print";

const AFTER_HELP: &str = "\
Examples:
  # Check whether the current cluster is ready for the next minor
  kubectl {check}

  # Check for a specific minor, including manifests that are about to be applied
  kubectl {check} --to 1.29 -f deploy/

  # Check a rendered chart in CI, without a cluster
  helm template ./chart | kubectl {check} --local --to 1.29 -f -

  # Save what was read, and check it later or elsewhere
  kubectl {check} --save-snapshot shop.snapshot
  kubectl {check} --snapshot shop.snapshot -o wide

  # Save a snapshot with names replaced by pseudonyms
  kubectl {check} --redact --save-snapshot redacted.snapshot

  # In CI: fail only on findings that are new and not waived
  kubectl {check} --baseline yesterday.json --waivers waivers.yaml

  # Check several clusters in one run, eight at a time
  kubectl {check} --contexts test,stage,prod
  kubectl {check} --contexts all --max-clusters 8

  # Check a management cluster of DKP or Cluster API and the clusters that it looks after
  kubectl {check} --context mgmt --clusters all

  # Grant the permissions that the check requires
  kubectl {check} rbac | kubectl apply -f -

Exit codes:
  0  ready
  1  could not run: no kubeconfig, unknown context, unauthorized, API server unreachable
  2  usage error
  3  blocked: at least one finding at or above --fail-on, or no supported path to the target
  4  incomplete: nothing blocks, but there are gaps
  130  interrupted
  143  terminated

The check reads version and discovery, nodes, pods, workloads, disruption budgets, volumes, \
webhooks, aggregated APIs, CRDs, Helm release records, and the metadata of kinds that lose an \
API version on the path. It never writes. Run 'kubectl {check} rbac' for the exact list. \
With several clusters the exit code is that of the worst; one that cannot be read is a gap. With \
--clusters it gets the Secrets that hold the kubeconfigs of managed clusters, by name. \
Lists come from the watch cache of servers from 1.33 on, and may be slightly stale; older \
servers are read from etcd, in chunks.

Flags follow the plugin's name: 'kubectl {check} --context test', not 'kubectl --context \
test {check}'. Completion of 'kubectl {check} <TAB>' requires kubectl 1.26.";

/// Check whether a cluster is ready to upgrade: which objects, charts and clients would break, and what could not be
/// inspected.
#[derive(Debug, Parser)]
#[command(
    name = CHECK_PROGRAM,
    version,
    after_help = expand(AFTER_HELP),
    args_conflicts_with_subcommands = true,
    subcommand_precedence_over_arg = true,
    max_term_width = 120
)]
pub struct CheckCommand {
    /// A subcommand instead of the check.
    #[command(subcommand)]
    pub subcommand: Option<CheckSubcommand>,
    /// The check.
    #[command(flatten)]
    pub check: CheckArgs,
}

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum CheckSubcommand {
    /// List every rule
    Rules(RulesArgs),
    /// Explain why a rule matters, how it is detected and how to fix its findings
    Explain {
        /// Id of the rule, as in the RULE column
        id: String,
        /// Kind of objects: what to change for this kind alone, for rules that know it
        kind: Option<String>,
    },
    /// Print ClusterRoles and bindings with exactly the permissions that the check requires
    Rbac(Box<RbacArgs>),
    /// Show the catalog: platforms, their releases, APIs, and the date of its sources
    Catalog(ListArgs),
    /// Scripts for shells.
    #[command(flatten)]
    Completion(CompletionSubcommand),
}

/// Flags of the check.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,
    /// Policy.
    #[command(flatten)]
    pub policy: PolicyArgs,
    /// Write what was read to this file; never includes contents of Secrets
    #[arg(long, value_name = "FILE", help_heading = OUTPUT)]
    pub save_snapshot: Option<PathBuf>,
    /// Output format
    #[arg(short, long, value_parser = format::format_parser(format::REPORT_FORMATS), default_value = "table", help_heading = OUTPUT)]
    pub output: OutputFormat,
    /// List the rules that found nothing as well
    #[arg(long, help_heading = OUTPUT)]
    pub show_passed: bool,
    /// Output.
    #[command(flatten)]
    pub output_args: OutputArgs,
}

/// What to read, and the target.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// Target and start.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Clusters of the run.
    #[command(flatten)]
    pub fleet: FleetArgs,
    /// Input other than a cluster.
    #[command(flatten)]
    pub offline: OfflineArgs,
    /// How to read.
    #[command(flatten)]
    pub read: ReadArgs,
    /// What to print beside the result.
    #[command(flatten)]
    pub log: LogArgs,
    /// Connection.
    #[command(flatten)]
    pub connection: ConnectOptions,
}

impl SourceArgs {
    /// Whether standard input holds manifests.
    pub(super) fn reads_stdin(&self) -> bool {
        let mut names = self.offline.filename.iter();
        names.any(|path| path.as_os_str() == "-")
    }
}

/// Target and start of the upgrade.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// Target of the upgrade, repeatable; a minor version means its latest patch release [default: the next supported hop]
    #[arg(long, value_name = "[PLATFORM=]VERSION", help_heading = INPUT)]
    pub to: Vec<UpgradeTarget>,
    /// Start of the upgrade where it cannot be detected, repeatable: with --local, or if the release of a platform is unknown
    /// [default: as detected; with --local unknown, every hazard up to the target applies]
    #[arg(long, value_name = "[PLATFORM=]VERSION", help_heading = INPUT)]
    pub from: Vec<UpgradeTarget>,
}

/// Several clusters in one run.
#[derive(Debug, Args)]
pub struct FleetArgs {
    /// Read the clusters of these kubeconfig contexts in one run, in this order; comma-separated, repeatable; or all
    #[arg(long, value_name = "NAME,...|all", value_delimiter = ',', help_heading = INPUT, conflicts_with_all = [
        "clusters", "local", "snapshot", "filename", "context", "cluster", "user", "server", "token",
        "certificate_authority", "client_certificate", "client_key", "insecure_skip_tls_verify", "tls_server_name",
    ])]
    pub contexts: Vec<String>,
    /// Read the clusters that this management cluster of DKP or Cluster API looks after as well, with the kubeconfigs that it
    /// keeps in Secrets: NAME or NAMESPACE/NAME, comma-separated, repeatable; or all
    #[arg(long, value_name = "NAME,...|all", value_delimiter = ',', help_heading = INPUT, conflicts_with_all = ["local", "snapshot", "filename"])]
    pub clusters: Vec<String>,
    /// Maximum number of clusters that are read at a time
    #[arg(long, value_name = "N", help_heading = INPUT, default_value_t = 4, value_parser = format::number_in::<u8>(1, 64))]
    pub max_clusters: u8,
}

/// Input other than a cluster.
#[derive(Debug, Args)]
pub struct OfflineArgs {
    /// Check only the manifests given with -f, without a cluster. Requires --to
    #[arg(long, requires = "to", conflicts_with_all = ["snapshot", "namespace"], conflicts_with_all = ConnectOptions::SERVER_FLAGS, help_heading = INPUT)]
    pub local: bool,
    /// Manifests that are about to be applied, repeatable: files, directories (recursively), or - for stdin
    #[arg(short, long, value_name = "PATH", help_heading = INPUT)]
    pub filename: Vec<PathBuf>,
    /// Kustomization to render with `kubectl kustomize` and check like -f
    #[arg(short = 'k', long, value_name = "DIR", help_heading = INPUT, conflicts_with_all = ["filename", "contexts", "clusters"])]
    pub kustomize: Option<PathBuf>,
    /// Accepted as in kubectl: directories are always processed recursively
    #[arg(short = 'R', long, help_heading = INPUT)]
    pub recursive: bool,
    /// Read a saved snapshot instead of the cluster
    #[arg(long, value_name = "FILE", conflicts_with_all = ConnectOptions::SERVER_FLAGS, help_heading = INPUT)]
    pub snapshot: Option<PathBuf>,
}

impl OfflineArgs {
    /// Whether manifests are given.
    pub(super) fn has_manifests(&self) -> bool {
        !self.filename.is_empty() || self.kustomize.is_some()
    }
}

/// How to read.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// Replace names of namespaces, objects, nodes, users and hosts with pseudonyms, in all output and in a saved snapshot;
    /// well-known names are kept; free text is removed. Pseudonyms are stable for a cluster (the key is the UID of
    /// kube-system). Cannot be combined with --waivers, --baseline and -v, which use real names
    #[arg(long, conflicts_with = "verbosity", help_heading = OUTPUT)]
    pub redact: bool,
    /// Rule filter.
    #[command(flatten)]
    pub rule_filter: RuleFilterArgs,
    /// Time to use as now, for reproducible output [default: now, or the time of the snapshot]
    #[arg(long, value_name = "RFC3339", help_heading = INPUT, value_parser = parse_time)]
    pub now: Option<Timestamp>,
    /// Page size of list requests
    #[arg(long, value_name = "N", help_heading = INPUT, default_value_t = 500, value_parser = format::number_in::<u32>(1, u32::MAX))]
    pub chunk_size: u32,
    /// Maximum number of concurrent requests
    #[arg(long, value_name = "N", help_heading = INPUT, default_value_t = 4, value_parser = format::number_in::<u8>(1, 64))]
    pub max_in_flight: u8,
}

/// What to print beside the result.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// Number for the log level verbosity: 4 retries, 6 requests, 8 everything
    #[arg(short, long = "v", value_name = "LEVEL", default_value_t = 0, help_heading = OUTPUT, value_parser = format::number_in::<u8>(0, 255))]
    pub verbosity: u8,
    /// Print results only, no notes on stderr
    #[arg(short, long, help_heading = OUTPUT)]
    pub quiet: bool,
}

/// Rule filter. What only excluded rules need is not read.
#[derive(Debug, Args)]
pub struct RuleFilterArgs {
    /// Evaluate only these rules; comma-separated, repeatable; * matches any characters
    #[arg(long, value_name = "ID", value_delimiter = ',', help_heading = INPUT)]
    pub only: Vec<String>,
    /// Skip these rules; comma-separated, repeatable; * matches any characters; the summary counts them
    #[arg(long, value_name = "ID", value_delimiter = ',', help_heading = INPUT)]
    pub skip: Vec<String>,
    /// Leave objects of these namespaces out of findings; comma-separated, repeatable; * matches any characters; a remark counts
    /// them
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',', help_heading = INPUT)]
    pub skip_namespace: Vec<String>,
    /// Label of namespaces whose value is shown as the owner of their objects
    #[arg(long, value_name = "KEY", help_heading = INPUT)]
    pub owner_label: Option<String>,
}

/// Policy.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    /// Exit with code 3 if a finding has at least this severity (does not change the verdict)
    #[arg(long, help_heading = OUTPUT, value_enum, value_name = "SEVERITY", default_value_t = FailOnArg::Blocker)]
    pub fail_on: FailOnArg,
    /// File of accepted findings, each with rule, objects, owner, reason and expires. Waived findings are still shown but do not block.
    /// Expired waivers are ignored; expiry is checked against today's date, not --now
    #[arg(long, value_name = "FILE", conflicts_with = "redact", help_heading = OUTPUT)]
    pub waivers: Option<PathBuf>,
    /// Earlier -o json report; known findings stay listed, only new ones fail the run
    #[arg(long, value_name = "REPORT.json", conflicts_with = "redact", help_heading = OUTPUT)]
    pub baseline: Option<PathBuf>,
    /// Exit with 0 if there are gaps but nothing blocks (does not change the verdict)
    #[arg(long, help_heading = OUTPUT)]
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
    /// Include hazards without a rule: those not checked yet, and those that a read-only client cannot detect
    #[arg(long)]
    pub all: bool,
    /// Output.
    #[command(flatten)]
    pub list: ListArgs,
}

/// Flags of `rbac`.
#[derive(Debug, Args)]
pub struct RbacArgs {
    /// Subject to bind the role to: user:NAME, group:NAME or serviceaccount:NAMESPACE/NAME [default: your user if the API
    /// server names it, otherwise the group kubectl-upgrade-readers]
    #[arg(long, value_name = "KIND:NAME", value_parser = parse_rbac_subject)]
    pub bind_to: Option<RbacSubject>,
    /// Print the role for users who must not read Secrets; what Helm keeps in them is then a gap
    #[arg(long)]
    pub no_secrets: bool,
    /// What to read.
    #[command(flatten)]
    pub source: SourceArgs,
}

/// Flags of lists.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Output format
    #[arg(short, long, value_parser = format::format_parser(format::LIST_FORMATS), default_value = "table")]
    pub output: OutputFormat,
    /// Output.
    #[command(flatten)]
    pub output_args: OutputArgs,
}

/// Output.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct OutputArgs {
    /// Do not print headers of tables
    #[arg(long, help_heading = OUTPUT)]
    pub no_headers: bool,
    /// When to use colors; auto: if stdout is a terminal and NO_COLOR is unset
    #[arg(long, help_heading = OUTPUT, value_enum, value_name = "WHEN", default_value_t = ColorArg::Auto)]
    pub color: ColorArg,
}

/// Parses `--now`.
fn parse_time(text: &str) -> Result<Timestamp, String> {
    let time = text.parse();
    time.map_err(|_| "expected a time such as 2026-12-05T22:00:00Z".to_owned())
}

/// Parses `--bind-to`.
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
