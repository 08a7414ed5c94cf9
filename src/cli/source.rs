//! From flags to a snapshot and the path of each of its clusters: a live cluster, a saved snapshot, or files alone.

use std::collections::BTreeSet;
use std::io::stdin;

use futures::FutureExt;
use jiff::Timestamp;

use super::args::SourceArgs;
use super::exit::CliError;
use super::log::init_logging;
use super::policy::rule_filter;
use super::redact::redact_snapshot;
use super::session::{ClusterSession, detection_requests, run_until_shutdown};
use super::target::{
    default_to_kubernetes, find_path, path_from_detected, starting_versions, unfinished_hop_hint,
};
use crate::catalog::{Catalog, Release};
use crate::manifests::files;
use crate::need::{
    ClusterId, Discovery, Need, NeedContext, ReadRequest, Verb, join_by_target, read_plan,
};
use crate::path::{StartingVersions, UpgradePath};
use crate::rules;
use crate::snapshot::{self, ClusterSnapshot, ManifestFilter, Snapshot};
use crate::watch;

/// What a command reads and reports.
pub(super) struct CommandProfile {
    /// The program that reads, for the `User-Agent` header.
    pub(super) program: &'static str,
    /// Needs beyond those of rules.
    extra_needs: fn(&Discovery) -> Vec<Need>,
    /// Whether it reports hops that are in progress.
    reports_unfinished_hops: bool,
    /// Whether it has no result without a cluster and without manifests.
    needs_input: bool,
}

/// `kubectl upgrade-check`.
pub(super) const CHECK_PROFILE: CommandProfile = CommandProfile {
    program: "kubectl-upgrade-check",
    extra_needs: |_| Vec::new(),
    reports_unfinished_hops: false,
    needs_input: true,
};

/// `kubectl upgrade-plan`.
pub(super) const PLAN_PROFILE: CommandProfile = CommandProfile {
    program: "kubectl-upgrade-plan",
    extra_needs: crate::plan::needs,
    reports_unfinished_hops: true,
    needs_input: false,
};

/// What both commands read, for `rbac`.
pub(super) const CHECK_AND_PLAN_PROFILE: CommandProfile = CommandProfile {
    program: CHECK_PROFILE.program,
    ..PLAN_PROFILE
};

/// The input of a check or a plan.
pub(super) struct RunInput {
    pub(super) snapshot: Snapshot,
    /// The path of each cluster of the snapshot, in its order; one path if it has no cluster.
    pub(super) paths: Vec<UpgradePath>,
    pub(super) now: Timestamp,
    /// Notes for stderr.
    pub(super) notes: Vec<String>,
}

/// Reads the input that the flags select.
pub(super) fn load_input(
    flags: &SourceArgs,
    catalog: &'static Catalog,
    task: &CommandProfile,
) -> Result<RunInput, CliError> {
    init_logging(&flags.log, flags.read.redact);
    if flags.offline.local && task.needs_input && flags.offline.filename.is_empty() {
        return Err(CliError::usage(
            "--local reads nothing but manifests: name them with -f PATH, or -f - for standard input",
        ));
    }
    let mut input = if flags.offline.local {
        input_from_files(flags, catalog)?
    } else if let Some(file) = &flags.offline.snapshot {
        input_from_snapshot(flags, file, catalog)?
    } else {
        input_from_cluster(flags, catalog, task)?
    };
    if !flags.offline.filename.is_empty() {
        let interest = ManifestFilter {
            has_cluster: !input.snapshot.clusters.is_empty(),
            // What the oldest cluster still serves may matter to it.
            from: input.paths.iter().map(|path| path.from).min().flatten(),
            // A saved snapshot may be checked for another target.
            to: None,
            oldest: input
                .paths
                .iter()
                .filter_map(|path| path.from.or(path.to))
                .min(),
        };
        input.snapshot.files =
            files::read(&flags.offline.filename, stdin().lock(), catalog, interest)
                .map_err(CliError::could_not_run)?;
    }
    if let Some(now) = flags.read.now {
        input.now = now;
    }
    if flags.read.redact {
        let note = redact_snapshot(&mut input.snapshot, catalog)?;
        input.notes.extend(note);
    }
    let remarks = input.paths.iter().flat_map(|path| &path.remarks);
    let remarks: BTreeSet<String> = remarks.map(|remark| format!("note: {remark}")).collect();
    input.notes.extend(remarks);
    if task.reports_unfinished_hops && flags.target.to.is_empty() {
        let first = input.snapshot.clusters.first();
        input
            .notes
            .extend(first.and_then(|cluster| unfinished_hop_hint(cluster, catalog)));
    }
    if input.paths.iter().all(|path| path.hops.is_empty()) && !task.reports_unfinished_hops {
        input.notes.push(format!(
            "nothing to upgrade: already at the target, or the catalog ({}) has no newer release; running version-independent checks only",
            catalog.date
        ));
    }
    Ok(input)
}

/// Files alone, with `--local`.
fn input_from_files(flags: &SourceArgs, catalog: &Catalog) -> Result<RunInput, CliError> {
    let path = find_path(
        &starting_versions(&flags.target.from, catalog)?,
        &default_to_kubernetes(&flags.target.to),
        catalog,
    )?;
    let now = Timestamp::now();
    Ok(RunInput {
        snapshot: Snapshot {
            taken_at: now,
            ..Snapshot::default()
        },
        paths: vec![path],
        now,
        notes: Vec::new(),
    })
}

fn input_from_snapshot(
    flags: &SourceArgs,
    file: &std::path::Path,
    catalog: &Catalog,
) -> Result<RunInput, CliError> {
    let snapshot = snapshot::load(file).map_err(CliError::could_not_run)?;
    let is_one_of_several = snapshot.clusters.len() > 1;
    let paths = snapshot.clusters.iter().map(|cluster| {
        let path = path_from_detected(cluster, &flags.target, catalog);
        path.map_err(|error| match is_one_of_several {
            true => error.in_cluster(&cluster.id),
            false => error,
        })
    });
    let mut paths = paths.collect::<Result<Vec<_>, _>>()?;
    if paths.is_empty() {
        let to = default_to_kubernetes(&flags.target.to);
        paths.push(find_path(&StartingVersions::default(), &to, catalog)?);
    }
    let now = snapshot.taken_at;
    let name = match flags.read.redact {
        true => "the snapshot".to_owned(),
        false => file.display().to_string(),
    };
    Ok(RunInput {
        notes: vec![format!(
            "{name} was taken at {now:.0}; that is the clock of this report"
        )],
        now,
        paths,
        snapshot,
    })
}

fn input_from_cluster(
    flags: &SourceArgs,
    catalog: &'static Catalog,
    task: &CommandProfile,
) -> Result<RunInput, CliError> {
    run_until_shutdown(async {
        let connected = ClusterSession::new(flags, catalog, task.program).await?;
        let (mut cluster, path) = connected.discover(flags, catalog).await?;
        let requests = read_requests(&cluster, &path, flags, catalog, task)?;
        let requests = cluster.unanswered(requests);
        let readings = connected.reader.read(&requests, &cluster.discovery);
        // Boxed, as in `discover`.
        cluster.merge(readings.boxed_local().await);
        let more = rules::follow_up_requests(&selected_rules(flags)?, &cluster, catalog);
        let readings = connected.reader.read(&more, &cluster.discovery);
        cluster.merge(readings.boxed_local().await);
        let now = Timestamp::now();
        Ok(RunInput {
            snapshot: Snapshot {
                taken_at: now,
                clusters: vec![cluster],
                ..Snapshot::default()
            },
            paths: vec![path],
            now,
            notes: connected.notes(flags),
        })
    })
}

/// Requests and user, for `rbac`.
pub(super) struct ReadAccess {
    pub(super) requests: Vec<ReadRequest>,
    /// The user name, if the API server has named it.
    pub(super) user: Option<String>,
}

/// The requests of a run, after reading only what they depend on.
pub(super) fn read_access(
    flags: &SourceArgs,
    catalog: &'static Catalog,
    task: &CommandProfile,
) -> Result<ReadAccess, CliError> {
    init_logging(&flags.log, flags.read.redact);
    // Report a wrong id before connecting.
    rule_filter(&flags.read.rule_filter)?;
    let without_user = |cluster: &ClusterSnapshot, path: &UpgradePath| {
        let requests = read_requests(cluster, path, flags, catalog, task)?;
        Ok(ReadAccess {
            requests: with_watches(requests, cluster, catalog),
            user: None,
        })
    };
    if flags.offline.local {
        let from = starting_versions(&flags.target.from, catalog)?;
        let path = find_path(&from, &default_to_kubernetes(&flags.target.to), catalog)?;
        let from = from.kubernetes.ok_or_else(|| {
            CliError::usage(
                "rbac --local requires --from kubernetes=VERSION: the permissions depend on both ends of the path",
            )
        })?;
        return without_user(&assumed_cluster(from, catalog), &path);
    }
    if let Some(file) = &flags.offline.snapshot {
        let snapshot = snapshot::load(file).map_err(CliError::could_not_run)?;
        let cluster = snapshot
            .clusters
            .first()
            .ok_or_else(|| CliError::usage(format!("{} contains no cluster", file.display())))?;
        return without_user(
            cluster,
            &path_from_detected(cluster, &flags.target, catalog)?,
        );
    }
    run_until_shutdown(async {
        let connected = ClusterSession::new(flags, catalog, task.program).await?;
        let (mut cluster, path) = connected.discover(flags, catalog).await?;
        let mut requests = read_requests(&cluster, &path, flags, catalog, task)?;
        let definitions = requests.iter().filter(|request| {
            request.is_full_list_of("apiextensions.k8s.io", "customresourcedefinitions")
        });
        let definitions: Vec<ReadRequest> = definitions.cloned().collect();
        let readings = connected.reader.read(&definitions, &cluster.discovery);
        cluster.merge(readings.boxed_local().await);
        let rules = selected_rules(flags)?;
        requests.extend(rules::follow_up_requests(&rules, &cluster, catalog));
        let user = match &flags.connection.impersonate {
            Some(user) => Some(user.clone()),
            None => connected.reader.user_from_forbidden(&requests).await,
        };
        Ok(ReadAccess {
            requests: with_watches(requests, &cluster, catalog),
            user,
        })
    })
}

/// These requests, and those that `upgrade-watch` follows, with the verb that this takes.
///
/// Pods of draining nodes and events are of all namespaces: a watch does without them where a run is narrowed to one.
fn with_watches(
    mut requests: Vec<ReadRequest>,
    cluster: &ClusterSnapshot,
    catalog: &Catalog,
) -> Vec<ReadRequest> {
    let mut needs = watch::watched_needs();
    if cluster.namespace.is_none() {
        needs.extend([watch::pods_on_node_need(""), watch::warnings_need()]);
    }
    for mut watched in read_plan(&needs, &cluster.discovery, catalog, None) {
        // A selector makes no difference to RBAC.
        let allowed = watched.rbac.clone();
        watched.rbac.verbs.push(Verb::Watch);
        let same = requests.iter_mut().filter(|one| one.rbac == allowed);
        let listed = same.map(|one| one.rbac.clone_from(&watched.rbac)).count();
        if listed == 0 {
            requests.push(watched);
        }
    }
    requests.sort_by(|a, b| a.target.cmp(&b.target));
    requests
}

/// A cluster of this release that serves the default APIs.
fn assumed_cluster(release: Release, catalog: &Catalog) -> ClusterSnapshot {
    let minor = release.minor();
    let served = catalog.apis.iter().filter(|api| {
        api.exists_in(minor) && api.serving_mode == crate::catalog::ServingMode::ByDefault
    });
    ClusterSnapshot {
        id: ClusterId(String::new()),
        context: None,
        server: String::new(),
        namespace: None,
        discovery: Discovery {
            group_versions: served.map(|api| api.gvk().api_version()).collect(),
            git_version: release,
            emulation_version: None,
        },
        ledger: Vec::new(),
    }
}

/// The rules that the flags select.
fn selected_rules(flags: &SourceArgs) -> Result<Vec<&'static rules::Rule>, CliError> {
    let rules = rules::rules().map_err(CliError::could_not_run)?;
    Ok(rule_filter(&flags.read.rule_filter)?.select(rules))
}

/// All requests for this path, including those of detection: one for each target, because a later result replaces an
/// earlier one.
fn read_requests(
    cluster: &ClusterSnapshot,
    path: &UpgradePath,
    flags: &SourceArgs,
    catalog: &Catalog,
    task: &CommandProfile,
) -> Result<Vec<ReadRequest>, CliError> {
    let discovery = &cluster.discovery;
    let context = NeedContext {
        path,
        catalog,
        discovery,
    };
    let rules = selected_rules(flags)?;
    let mut needs = rules::needs(&rules, &context);
    needs.extend((task.extra_needs)(discovery));
    let mut requests = read_plan(&needs, discovery, catalog, cluster.namespace.as_deref());
    requests.extend(detection_requests(discovery, catalog));
    Ok(join_by_target(requests))
}
