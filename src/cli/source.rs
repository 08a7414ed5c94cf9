//! Input other than a live cluster: manifests alone and saved snapshots. And what a cluster is asked for.

use std::io::stdin;
use std::path::Path;

use futures::FutureExt;
use jiff::Timestamp;

use super::args::SourceArgs;
use super::evaluation::{ClusterCommand, ClusterResult, Evaluated, Input, Run};
use super::exit::CliError;
use super::fleet::kubeconfig_permissions;
use super::kustomize;
use super::log::init_logging;
use super::management::{Management, path_in_run};
use super::policy::rule_filter;
use super::profile::CommandProfile;
use super::redact::redaction_key;
use super::session::{ClusterSession, detection_requests, run_until_shutdown};
use super::target::{default_to_kubernetes, find_path, path_from_detected, starting_versions};
use crate::catalog::{Catalog, Release};
use crate::fleet::Fleet;
use crate::manifests::files;
use crate::need::{
    ClusterId, Discovery, Need, NeedContext, PolicyRule, ReadRequest, Verb, join_by_target,
    read_plan,
};
use crate::path::{StartingVersions, UpgradePath};
use crate::rules;
use crate::snapshot::{self, ClusterSnapshot, ManifestFiles, ManifestFilter, Snapshot, redact};
use crate::watch;

impl<C: ClusterCommand> Run<'_, C> {
    /// Manifests alone, with `--local`.
    pub(super) fn evaluate_files(&self) -> Result<Evaluated<C::Part>, CliError> {
        let (flags, catalog) = (self.flags, self.catalog);
        if C::PROFILE.needs_input && !flags.offline.has_manifests() {
            return Err(CliError::usage(
                "--local reads nothing but manifests: name them with -f PATH, or -f - for standard input",
            ));
        }
        let path = find_path(
            &starting_versions(&flags.target.from, catalog)?,
            &default_to_kubernetes(&flags.target.to),
            catalog,
        )?;
        let files = self.read_files(false, &[&path])?;
        let now = flags.read.now.unwrap_or_else(Timestamp::now);
        let (key, note) = match flags.read.redact {
            true => redaction_key(None, false).map(|(key, note)| (Some(key), note))?,
            false => (None, None),
        };
        let (member, snapshot) = self.evaluate(Input {
            cluster: None,
            path,
            files,
            now,
            ids: &[],
            management: None,
            key: key.as_ref(),
            is_redacted: false,
        });
        let fleet = self.fleet(vec![ClusterResult::Evaluated(Box::new(member))])?;
        let mut notes = Vec::from_iter(note);
        notes.extend(self.path_notes(&fleet));
        Ok(Evaluated {
            fleet,
            snapshot: Some(snapshot),
            now,
            notes,
        })
    }

    /// The manifests of `-f`, for clusters with these paths.
    pub(super) fn read_files(
        &self,
        has_cluster: bool,
        paths: &[&UpgradePath],
    ) -> Result<ManifestFiles, CliError> {
        let offline = &self.flags.offline;
        if !offline.has_manifests() {
            return Ok(ManifestFiles::default());
        }
        let interest = ManifestFilter {
            has_cluster,
            // What the oldest cluster still serves may matter to it.
            from: paths.iter().map(|path| path.from).min().flatten(),
            // A saved snapshot may be checked for another target.
            to: None,
            oldest: paths.iter().filter_map(|path| path.from.or(path.to)).min(),
        };
        let read = match &offline.kustomize {
            Some(directory) => {
                let rendered = kustomize::render(directory)?;
                let input = (kustomize::NAME, rendered.as_slice());
                files::read(&["-".into()], input, self.catalog, interest)
            }
            None => {
                let input = (files::STDIN_NAME, stdin().lock());
                files::read(&offline.filename, input, self.catalog, interest)
            }
        };
        read.map_err(CliError::could_not_run)
    }

    /// A saved snapshot.
    pub(super) fn evaluate_snapshot(&self, file: &Path) -> Result<Evaluated<C::Part>, CliError> {
        let (flags, catalog) = (self.flags, self.catalog);
        let mut snapshot = snapshot::load(file).map_err(CliError::could_not_run)?;
        check_namespace(&snapshot, flags)?;
        let now = flags.read.now.unwrap_or(snapshot.taken_at);
        let name = match flags.read.redact {
            true => "the snapshot".to_owned(),
            false => file.display().to_string(),
        };
        let taken_at = snapshot.taken_at;
        let mut notes = vec![format!(
            "{name} was taken at {taken_at:.0}; that is the clock of this report"
        )];
        let mut paths = self.paths_of(&snapshot);
        if flags.offline.has_manifests() {
            let found: Vec<&UpgradePath> = paths.iter().flatten().collect();
            snapshot.files = self.read_files(!snapshot.clusters.is_empty(), &found)?;
        }
        let hint = snapshot.clusters.first();
        let hint = hint.and_then(|cluster| self.unfinished_hop_note(cluster));
        if flags.read.redact {
            let first = snapshot.clusters.first();
            let (key, note) = redaction_key(first, snapshot.is_redacted)?;
            notes.extend(note);
            redact(&mut snapshot, &key, catalog);
        }
        if snapshot.clusters.is_empty() {
            let to = default_to_kubernetes(&flags.target.to);
            paths.push(find_path(&StartingVersions::default(), &to, catalog));
        }
        let fleet = self.evaluate_loaded(&mut snapshot, paths, now)?;
        notes.extend(self.path_notes(&fleet));
        notes.extend(hint);
        Ok(Evaluated {
            fleet,
            snapshot: Some(snapshot),
            now,
            notes,
        })
    }

    /// The path of each cluster of a snapshot.
    fn paths_of(&self, snapshot: &Snapshot) -> Vec<Result<UpgradePath, CliError>> {
        let mut management = None;
        let mut paths: Vec<Result<UpgradePath, CliError>> = Vec::new();
        for cluster in &snapshot.clusters {
            let target = &self.flags.target;
            let path = path_in_run(cluster, target, management.as_ref(), self.catalog);
            if let (Ok(path), true) = (&path, paths.is_empty()) {
                management = Management::new(cluster, path, self.catalog);
            }
            paths.push(path);
        }
        paths
    }

    /// The clusters of a snapshot, or its manifests alone.
    fn evaluate_loaded(
        &self,
        snapshot: &mut Snapshot,
        paths: Vec<Result<UpgradePath, CliError>>,
        now: Timestamp,
    ) -> Result<Fleet<C::Part>, CliError> {
        let clusters = std::mem::take(&mut snapshot.clusters);
        let first = clusters.first().zip(paths.first());
        let management = first.and_then(|(cluster, path)| {
            let path = path.as_ref().ok()?;
            Management::new(cluster, path, self.catalog)
        });
        let read = clusters.iter().map(|cluster| &cluster.id);
        let unread = snapshot.unread.iter().map(|cluster| &cluster.id);
        let ids: Vec<ClusterId> = read.chain(unread).cloned().collect();
        let mut inputs: Vec<Option<ClusterSnapshot>> = clusters.into_iter().map(Some).collect();
        inputs.resize_with(paths.len(), || None);
        let mut results = Vec::new();
        for (cluster, path) in inputs.into_iter().zip(paths) {
            let path = match (path, cluster) {
                (Ok(path), cluster) => (path, cluster),
                (Err(error), Some(cluster)) if ids.len() > 1 => {
                    results.push(ClusterResult::without_path(
                        &cluster,
                        &error,
                        self.flags.read.redact,
                    ));
                    snapshot.clusters.push(cluster);
                    continue;
                }
                (Err(error), _) => return Err(error),
            };
            let (path, cluster) = path;
            let (member, one) = self.evaluate(Input {
                cluster,
                path,
                files: std::mem::take(&mut snapshot.files),
                now,
                ids: &ids,
                management: management.as_ref(),
                key: None,
                is_redacted: snapshot.is_redacted,
            });
            snapshot.clusters.extend(one.clusters);
            snapshot.files = one.files;
            results.push(ClusterResult::Evaluated(Box::new(member)));
        }
        let unread = snapshot.unread.iter().cloned();
        results.extend(unread.map(ClusterResult::Unread));
        self.fleet(results)
    }
}

/// Refuses to narrow a saved snapshot to a namespace: its lists are those of the namespaces that it was taken of.
fn check_namespace(snapshot: &Snapshot, flags: &SourceArgs) -> Result<(), CliError> {
    let wanted = flags.connection.namespace.as_ref();
    let Some(wanted) = wanted.filter(|_| !flags.connection.all_namespaces) else {
        return Ok(());
    };
    let is_taken_of = |cluster: &ClusterSnapshot| cluster.namespace.as_ref() == Some(wanted);
    match snapshot.clusters.iter().all(is_taken_of) {
        true => Ok(()),
        false => Err(CliError::usage(format!(
            "--namespace {wanted}: the snapshot was not taken of this namespace alone; leave the flag out, or take one with it"
        ))),
    }
}

/// Permissions and user, for `rbac`.
pub(super) struct ReadAccess {
    pub(super) rules: Vec<PolicyRule>,
    /// The user name, if the API server has named it.
    pub(super) user: Option<String>,
}

/// The permissions that a run takes on one cluster, after reading only what they depend on.
pub(super) fn read_access(
    flags: &SourceArgs,
    catalog: &'static Catalog,
    task: &CommandProfile,
) -> Result<ReadAccess, CliError> {
    init_logging(&flags.log, flags.read.redact);
    // Report a wrong id before connecting.
    rule_filter(&flags.read.rule_filter)?;
    if !flags.fleet.contexts.is_empty() {
        return Err(CliError::usage(
            "rbac prints the roles of one cluster: run it with --context for each of them",
        ));
    }
    let without_user = |cluster: &ClusterSnapshot, path: &UpgradePath| {
        let requests = read_requests(cluster, path, flags, catalog, task)?;
        Ok(ReadAccess {
            rules: permissions(requests, cluster, catalog),
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
        let mut cluster = connected.discover(flags, catalog).await?;
        let path = path_from_detected(&cluster, &flags.target, catalog)?;
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
        let secrets = kubeconfig_permissions(&cluster, &flags.fleet, catalog)?;
        let mut rules = permissions(requests, &cluster, catalog);
        rules.extend(secrets);
        Ok(ReadAccess { rules, user })
    })
}

/// The permissions that these requests take.
fn permissions(
    requests: Vec<ReadRequest>,
    cluster: &ClusterSnapshot,
    catalog: &Catalog,
) -> Vec<PolicyRule> {
    let requests = with_watches(requests, cluster, catalog).into_iter();
    requests.map(|request| request.rbac).collect()
}

/// These requests, and those that `upgrade-watch` follows, with the verb that this takes.
///
/// Pods of draining nodes, events and what shows why a node does not drain are of all namespaces: a watch does without them where a run is narrowed to one.
fn with_watches(
    mut requests: Vec<ReadRequest>,
    cluster: &ClusterSnapshot,
    catalog: &Catalog,
) -> Vec<ReadRequest> {
    let mut needs = watch::watched_needs();
    if cluster.namespace.is_none() {
        needs.extend([watch::pods_on_node_need(""), watch::warnings_need()]);
        // What holds an upgrade up is looked for in whichever namespace it is.
        let waits = watch::wait_needs().into_iter().map(Need::in_all_namespaces);
        let waits: Vec<Need> = waits.collect();
        requests.extend(read_plan(&waits, &cluster.discovery, catalog, None));
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
    // These are listed every few seconds.
    let polled = watch::platform_needs(&cluster.discovery);
    for polled in read_plan(&polled, &cluster.discovery, catalog, None) {
        if !requests.iter().any(|one| one.target == polled.target) {
            requests.push(polled);
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
pub(super) fn selected_rules(flags: &SourceArgs) -> Result<Vec<&'static rules::Rule>, CliError> {
    let rules = rules::rules().map_err(CliError::could_not_run)?;
    Ok(rule_filter(&flags.read.rule_filter)?.select(rules))
}

/// All requests for this path, including those of detection: one for each target, because a later result replaces an
/// earlier one.
pub(super) fn read_requests(
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
    if flags.read.rule_filter.owner_label.is_some() {
        needs.push(rules::namespace_labels_need());
    }
    let mut requests = read_plan(&needs, discovery, catalog, cluster.namespace.as_deref());
    requests.extend(detection_requests(discovery, catalog));
    Ok(join_by_target(requests))
}
