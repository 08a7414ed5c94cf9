//! Values that depend on the command line that is being typed: entries of its kubeconfig, namespaces and version of its
//! cluster, releases and rules.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Arg, Command, FromArgMatches};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};

use crate::catalog::{Catalog, GroupResource, Minor, PlatformName, Release};
use crate::cli::session::connect;
use crate::client::{ClusterReader, NoopObserver, ReadOptions};
use crate::kubeconfig::{self, ConnectOptions, Env, KubeconfigEntries, Timeout};
use crate::need::{DetailLevel, Discovery, Need, read_plan};
use crate::path::UpgradeTarget;
use crate::rules;
use crate::snapshot;
use crate::text::names::SUITE_PROGRAM;

/// Shorter than the time for all candidates.
const REQUEST_TIMEOUT: Duration = Duration::from_millis(700);

/// What was typed before the word that is completed.
#[derive(Debug, Default)]
struct Typed {
    connection: ConnectOptions,
    from: Vec<UpgradeTarget>,
    snapshot: Option<PathBuf>,
}

impl Typed {
    /// From these words, the last of which is completed. What cannot be understood is left out.
    fn parse(command: &Command, words: &[OsString]) -> Self {
        let before = words.split_last().map_or(&[][..], |(_, before)| before);
        let name = OsString::from(command.get_name());
        let argv = std::iter::once(&name).chain(before);
        let command = command.clone().ignore_errors(true);
        let Ok(matches) = command.try_get_matches_from(argv) else {
            return Self::default();
        };
        let matches = match matches.subcommand() {
            Some((_, matches)) => matches.clone(),
            None => matches,
        };
        let from = matches.try_get_many::<UpgradeTarget>("from").ok().flatten();
        let snapshot = matches.try_get_one::<PathBuf>("snapshot").ok().flatten();
        // clap panics where a subcommand has none of these flags.
        let connects = matches.try_contains_id("context").is_ok();
        let connection = connects.then(|| ConnectOptions::from_arg_matches(&matches));
        Self {
            connection: connection.and_then(Result::ok).unwrap_or_default(),
            from: from.into_iter().flatten().cloned().collect(),
            snapshot: snapshot.cloned(),
        }
    }

    fn entries(&self) -> KubeconfigEntries {
        kubeconfig::entries(&self.connection, &Env::process()).unwrap_or_default()
    }

    /// The version of Kubernetes that is typed, or that the API server has, and what is found by asking it more.
    fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&ClusterReader, Release, &'static Catalog) -> Option<T>,
    ) -> Option<T> {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().ok()?;
        let timeout = Timeout::Total(REQUEST_TIMEOUT);
        let flags = ConnectOptions {
            request_timeout: Some(timeout),
            ..self.connection.clone()
        };
        let answer = async {
            let catalog = Catalog::embedded().ok()?;
            let connection = connect(SUITE_PROGRAM, &flags, false).await.ok()?;
            let options = ReadOptions {
                timeout,
                page_size: 500,
                max_in_flight: 1,
            };
            let observer = Arc::new(NoopObserver);
            let reader = ClusterReader::new(&connection, options, observer, catalog).ok()?;
            let version = reader.probe().await.ok()?;
            question(&reader, version, catalog).await
        };
        // All requests together, so that values that need no answer are offered in time.
        let bounded = async { tokio::time::timeout(REQUEST_TIMEOUT, answer).await };
        runtime.block_on(bounded).ok()?
    }

    fn namespaces(&self) -> Vec<String> {
        let names = self.ask(async |reader, git_version, catalog| {
            let discovery = Discovery {
                git_version,
                emulation_version: None,
                group_versions: BTreeSet::from(["v1".to_owned()]),
            };
            let namespaces = GroupResource::new("", "namespaces");
            let need = Need::objects(namespaces, DetailLevel::Metadata);
            let requests = read_plan(&[need], &discovery, catalog, None);
            let results = reader.read(&requests, &discovery).await;
            let rows = results.iter().flat_map(|result| result.rows.metadata());
            Some(rows.map(|row| row.name.clone()).collect())
        });
        names.unwrap_or_default()
    }

    /// Where an upgrade starts; `None` if that is not known.
    fn start(&self) -> Option<Start> {
        if !self.from.is_empty() {
            let platform = |from: &UpgradeTarget| from.platform.unwrap_or(PlatformName::Kubernetes);
            let mut from = self.from.iter();
            return Some(Start {
                minor: from
                    .find(|from| platform(from) == PlatformName::Kubernetes)
                    .map(|from| from.version.minor()),
                platforms: self.from.iter().map(platform).collect(),
            });
        }
        match &self.snapshot {
            Some(file) => {
                let snapshot = snapshot::load(file).ok()?;
                let cluster = snapshot.clusters.first()?;
                Some(Start::of(&cluster.discovery))
            }
            None => self.ask(async |reader, _, _| {
                let discovery = reader.discover().await.ok()?;
                Some(Start::of(&discovery))
            }),
        }
    }
}

/// API groups by which a platform is offered as a target.
const PLATFORM_GROUPS: [(PlatformName, &str); 3] = [
    (PlatformName::Kyma, ".kyma-project.io"),
    (PlatformName::Dkp, ".d2iq.io"),
    (PlatformName::Dkp, ".mesosphere.io"),
];

/// What runs before an upgrade.
struct Start {
    minor: Option<Minor>,
    platforms: BTreeSet<PlatformName>,
}

impl Start {
    fn of(discovery: &Discovery) -> Self {
        let groups = discovery.group_versions.iter();
        let groups = groups.filter_map(|text| Some(text.split_once('/')?.0));
        let platforms = groups.flat_map(|group| {
            let own = PLATFORM_GROUPS.iter();
            own.filter(move |(_, suffix)| group.ends_with(suffix))
        });
        Self {
            minor: Some(discovery.git_version.minor()),
            platforms: platforms.map(|(platform, _)| *platform).collect(),
        }
    }
}

/// The command whose values are completed from what is typed.
pub(super) fn with_live_values(command: Command, words: &[OsString]) -> Command {
    let typed = Arc::new(Typed::parse(&command, words));
    let subcommand = |subcommand: Command| subcommand.mut_args(|arg| live_arg(arg, &typed));
    command
        .mut_args(|arg| live_arg(arg, &typed))
        .mut_subcommands(subcommand)
}

fn live_arg(arg: Arg, typed: &Arc<Typed>) -> Arg {
    let values: fn(&Typed) -> Vec<CompletionCandidate> = match arg.get_id().as_str() {
        "context" => |typed| plain(typed.entries().contexts),
        "contexts" => |typed| {
            let all = std::iter::once("all".to_owned());
            plain(typed.entries().contexts.into_iter().chain(all))
        },
        "cluster" => |typed| plain(typed.entries().clusters),
        "user" => |typed| plain(typed.entries().users),
        "namespace" => |typed| plain(typed.namespaces()),
        "only" | "skip" | "id" => |_| rule_ids(),
        "kind" => |_| plain(removed_kinds()),
        "to" => return versions_arg(arg, typed, true),
        "from" => return versions_arg(arg, typed, false),
        _ => return arg,
    };
    let typed = Arc::clone(typed);
    arg.add(ArgValueCandidates::new(move || values(&typed)))
}

fn plain(values: impl IntoIterator<Item = String>) -> Vec<CompletionCandidate> {
    values.into_iter().map(CompletionCandidate::new).collect()
}

fn rule_ids() -> Vec<CompletionCandidate> {
    let rules = rules::rules().unwrap_or_default().iter();
    let candidates =
        rules.map(|rule| CompletionCandidate::new(rule.id).help(Some(rule.title.into())));
    candidates.collect()
}

/// Kinds of which the catalog knows a removed version, for `explain api-removed`.
fn removed_kinds() -> BTreeSet<String> {
    let apis = Catalog::embedded().ok().map(|catalog| catalog.apis.iter());
    let removed = apis.into_iter().flatten();
    let removed = removed.filter(|api| api.removed.is_some() && api.listable);
    removed.map(|api| api.gvk().kind).collect()
}

fn versions_arg(arg: Arg, typed: &Arc<Typed>, is_target: bool) -> Arg {
    let typed = Arc::clone(typed);
    let complete = move |word: &OsStr| {
        let word = word.to_string_lossy();
        let mut found = versions(&word, &typed, is_target).unwrap_or_default();
        found.retain(|candidate| candidate.get_value().to_string_lossy().starts_with(&*word));
        found
    };
    arg.add(ArgValueCompleter::new(complete))
}

/// Versions of the platform that the word names, otherwise those of Kubernetes and the names of other platforms. Of targets,
/// those that are ahead of what runs, and the platforms that do.
fn versions(word: &str, typed: &Typed, is_target: bool) -> Option<Vec<CompletionCandidate>> {
    let catalog = Catalog::embedded().ok()?;
    let (prefix, platform) = match word.split_once('=') {
        Some((name, _)) => (format!("{name}="), name.to_lowercase().parse().ok()?),
        None => (String::new(), PlatformName::Kubernetes),
    };
    if platform != PlatformName::Kubernetes {
        let releases = catalog.platform(platform)?.releases().iter();
        let values =
            releases.map(|row| CompletionCandidate::new(format!("{prefix}{}", row.release)));
        return Some(values.collect());
    }
    let start = is_target.then(|| typed.start()).flatten();
    let minor = start.as_ref().and_then(|start| start.minor);
    let releases = catalog.kubernetes_releases.iter();
    let ahead =
        releases.filter(|row| row.is_released() && minor.is_none_or(|minor| row.minor > minor));
    let kubernetes = ahead.map(|row| {
        let help = format!("Kubernetes {}", row.newest_patch);
        CompletionCandidate::new(format!("{prefix}{}", row.minor)).help(Some(help.into()))
    });
    let platforms = [PlatformName::Kyma, PlatformName::Dkp];
    let platforms = platforms
        .into_iter()
        .filter(|name| {
            let mut start = start.iter();
            prefix.is_empty() && start.all(|start| start.platforms.contains(name))
        })
        .map(|name| CompletionCandidate::new(format!("{name}=")));
    Some(kubernetes.chain(platforms).collect())
}
