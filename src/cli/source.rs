//! From flags to a snapshot and a path: a live cluster, a saved snapshot, or files alone.

use std::io::stdin;
use std::sync::Arc;

use futures::FutureExt;
use jiff::Timestamp;

use super::args::SourceArgs;
use super::exit::CliError;
use super::log::init_logging;
use super::policy::rule_filter;
use super::redact::{redact_input, redaction_key_need};
use super::session::{ClusterSession, detection_requests, run_until_shutdown};
use super::target::{
    default_to_kubernetes, find_path, path_from_detected, starting_versions, unfinished_hop_hint,
};
use crate::catalog::{Catalog, Release};
use crate::detect;
use crate::manifests::files;
use crate::need::{ClusterId, Discovery, Need, NeedContext, ReadRequest, read_plan};
use crate::path::{StartingVersions, UpgradePath};
use crate::rules;
use crate::snapshot::{self, ClusterSnapshot, ManifestFilter, Snapshot};

/// What a command reads and reports.
pub(super) struct CommandProfile {
    /// The program that reads, for the `User-Agent` header.
    pub(super) program: &'static str,
    /// Needs beyond those of rules.
    extra_needs: fn(&Discovery) -> Vec<Need>,
    /// Whether it reports hops that are in progress.
    reports_unfinished_hops: bool,
}

/// `kubectl upgrade-check`.
pub(super) const CHECK_PROFILE: CommandProfile = CommandProfile {
    program: "kubectl-upgrade-check",
    extra_needs: |_| Vec::new(),
    reports_unfinished_hops: false,
};

/// `kubectl upgrade-plan`.
pub(super) const PLAN_PROFILE: CommandProfile = CommandProfile {
    program: "kubectl-upgrade-plan",
    extra_needs: crate::plan::needs,
    reports_unfinished_hops: true,
};

/// What both commands read, for `rbac`.
pub(super) const CHECK_AND_PLAN_PROFILE: CommandProfile = CommandProfile {
    program: CHECK_PROFILE.program,
    ..PLAN_PROFILE
};

/// The input of a check or a plan.
pub(super) struct RunInput {
    pub(super) snapshot: Snapshot,
    pub(super) path: UpgradePath,
    pub(super) now: Timestamp,
    /// Notes for stderr.
    pub(super) notes: Vec<String>,
}

/// Reads the input that the flags select.
pub(super) fn load_input(
    flags: &SourceArgs,
    catalog: &Arc<Catalog>,
    task: &CommandProfile,
) -> Result<RunInput, CliError> {
    init_logging(flags);
    let mut gathered = if flags.local {
        input_from_files(flags, catalog)?
    } else if let Some(file) = &flags.snapshot {
        input_from_snapshot(flags, file, catalog)?
    } else {
        input_from_cluster(flags, catalog, task)?
    };
    if !flags.filename.is_empty() {
        let interest = ManifestFilter {
            has_cluster: !gathered.snapshot.clusters.is_empty(),
            from: gathered.path.from,
            // A saved snapshot may be checked for another target.
            to: None,
        };
        gathered.snapshot.files = files::read(&flags.filename, stdin().lock(), catalog, interest)
            .map_err(CliError::could_not_run)?;
    }
    if let Some(now) = flags.now {
        gathered.now = now;
    }
    if flags.redact {
        redact_input(&mut gathered, catalog)?;
    }
    let remarks = gathered.path.remarks.iter();
    gathered
        .notes
        .extend(remarks.map(|remark| format!("note: {remark}")));
    if task.reports_unfinished_hops && flags.to.is_empty() {
        let first = gathered.snapshot.clusters.first();
        gathered.notes.extend(first.and_then(unfinished_hop_hint));
    }
    if gathered.path.hops.is_empty() && !task.reports_unfinished_hops {
        gathered.notes.push(format!(
            "nothing to upgrade: already at the target, or the catalog ({}) has no newer release; running version-independent checks only",
            catalog.date
        ));
    }
    Ok(gathered)
}

/// Files alone, with `--local`.
fn input_from_files(flags: &SourceArgs, catalog: &Catalog) -> Result<RunInput, CliError> {
    let path = find_path(
        &starting_versions(flags, catalog)?,
        &default_to_kubernetes(&flags.to),
        catalog,
    )?;
    let now = Timestamp::now();
    Ok(RunInput {
        snapshot: Snapshot {
            is_redacted: false,
            taken_at: now,
            clusters: Vec::new(),
            files: snapshot::ManifestFiles::default(),
        },
        path,
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
    let path = match snapshot.clusters.first() {
        Some(picture) => path_from_detected(picture, flags, catalog)?,
        None => find_path(
            &StartingVersions::default(),
            &default_to_kubernetes(&flags.to),
            catalog,
        )?,
    };
    let now = snapshot.taken_at;
    let shown = match flags.redact {
        true => "the snapshot".to_owned(),
        false => file.display().to_string(),
    };
    Ok(RunInput {
        notes: vec![format!(
            "{shown} was taken at {now:.0}; this report uses that time"
        )],
        now,
        path,
        snapshot,
    })
}

fn input_from_cluster(
    flags: &SourceArgs,
    catalog: &Arc<Catalog>,
    task: &CommandProfile,
) -> Result<RunInput, CliError> {
    run_until_shutdown(async {
        let connected = ClusterSession::new(flags, catalog, task.program).await?;
        let (mut picture, path) = connected.discover(flags, catalog).await?;
        let mut requests = read_requests(&picture, &path, flags, catalog, task)?;
        requests.retain(|request| !picture.has_answer_for(request));
        let readings = connected.reader.read(&requests, &picture.discovery);
        // Boxed, as in `discover`.
        picture.merge(readings.boxed_local().await);
        let now = Timestamp::now();
        Ok(RunInput {
            snapshot: Snapshot {
                is_redacted: false,
                taken_at: now,
                clusters: vec![picture],
                files: snapshot::ManifestFiles::default(),
            },
            path,
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
    catalog: &Arc<Catalog>,
    task: &CommandProfile,
) -> Result<ReadAccess, CliError> {
    init_logging(flags);
    // Report a wrong id before connecting.
    rule_filter(&flags.rule_filter)?;
    let nobody = |requests| ReadAccess {
        requests,
        user: None,
    };
    if flags.local {
        let from = starting_versions(flags, catalog)?;
        let path = find_path(&from, &default_to_kubernetes(&flags.to), catalog)?;
        let from = from.kubernetes.ok_or_else(|| {
            CliError::usage(
                "rbac --local requires --from kubernetes=VERSION: the permissions depend on both ends of the path",
            )
        })?;
        let picture = assumed_cluster(from, catalog);
        return Ok(nobody(read_requests(
            &picture, &path, flags, catalog, task,
        )?));
    }
    if let Some(file) = &flags.snapshot {
        let snapshot = snapshot::load(file).map_err(CliError::could_not_run)?;
        let picture = snapshot
            .clusters
            .first()
            .ok_or_else(|| CliError::usage(format!("{} contains no cluster", file.display())))?;
        let path = path_from_detected(picture, flags, catalog)?;
        return Ok(nobody(read_requests(picture, &path, flags, catalog, task)?));
    }
    run_until_shutdown(async {
        let connected = ClusterSession::new(flags, catalog, task.program).await?;
        let (picture, path) = connected.discover(flags, catalog).await?;
        let requests = read_requests(&picture, &path, flags, catalog, task)?;
        let user = match &flags.connection.impersonate {
            Some(user) => Some(user.clone()),
            None => connected.reader.user_from_forbidden(&requests).await,
        };
        Ok(ReadAccess { requests, user })
    })
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

/// All requests for this path, including those of detection.
fn read_requests(
    picture: &ClusterSnapshot,
    path: &UpgradePath,
    flags: &SourceArgs,
    catalog: &Catalog,
    task: &CommandProfile,
) -> Result<Vec<ReadRequest>, CliError> {
    let survey = &picture.discovery;
    let asking = NeedContext {
        path,
        catalog,
        discovery: survey,
    };
    let rules =
        rule_filter(&flags.rule_filter)?.select(rules::rules().map_err(CliError::could_not_run)?);
    let detection = detect::needs(survey);
    let mut needs = rules::needs(&rules, &asking);
    needs.extend((task.extra_needs)(survey));
    if flags.redact {
        needs.extend(redaction_key_need(&needs));
    }
    needs.retain(|need| !detection.contains(need));
    let mut requests = read_plan(&needs, survey, catalog, picture.namespace.as_deref());
    requests.extend(detection_requests(survey, catalog));
    requests.sort_by(|a, b| a.target.cmp(&b.target));
    Ok(requests)
}
