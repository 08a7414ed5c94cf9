//! The evaluation of the clusters of a run, each by itself, for a command.
//!
//! A cluster is evaluated as soon as it was read, and what was read of it is dropped unless it is to be saved.

use std::collections::BTreeSet;
use std::path::Path;

use jiff::Timestamp;

use super::args::SourceArgs;
use super::exit::{CliError, Exit};
use super::management::Management;
use super::profile::CommandProfile;
use super::target::unfinished_hop_hint;
use crate::catalog::{Catalog, PlatformName};
use crate::fleet::{Fleet, FleetCluster, FleetMember};
use crate::need::ClusterId;
use crate::path::UpgradePath;
use crate::rules::{CheckContext, Evaluation, Policy, Rule};
use crate::snapshot::{
    ClusterSnapshot, ManifestFiles, RedactionKey, Snapshot, UnreadCluster, redact,
};

/// A command over clusters.
pub(super) trait ClusterCommand: Sync {
    /// What it reads and reports.
    const PROFILE: CommandProfile;

    /// What it makes of one cluster, while everything that was read of it is there.
    type Part: Send + 'static;

    /// The flags that select what is read.
    fn source(&self) -> &SourceArgs;

    /// `--save-snapshot`.
    fn snapshot_file(&self) -> Option<&Path>;

    /// The policy. Called before anything is read, so that invalid files are reported first.
    fn policy(&self) -> Result<Policy, CliError>;

    /// Its part of one cluster.
    fn part(&self, context: &CheckContext<'_>, evaluation: &Evaluation) -> Self::Part;

    /// The result for the clusters of the run.
    fn conclude(&self, fleet: &Fleet<Self::Part>, run: &RunInfo<'_>) -> Result<Outcome, CliError>;

    /// The document for a target that no path leads to; `None` if the error says all there is.
    fn without_path(
        &self,
        _error: &CliError,
        _catalog: &Catalog,
    ) -> Result<Option<String>, CliError> {
        Ok(None)
    }
}

/// What a result says of its run.
pub(super) struct RunInfo<'a> {
    pub(super) policy: &'a Policy,
    pub(super) catalog: &'a Catalog,
    pub(super) now: Timestamp,
}

/// The result of a command.
pub(super) struct Outcome {
    /// For stderr.
    pub(super) notes: Vec<String>,
    /// For stdout.
    pub(super) text: String,
    pub(super) exit: Exit,
}

/// A run of a command: what it needs to evaluate a cluster.
pub(super) struct Run<'a, C> {
    pub(super) command: &'a C,
    pub(super) flags: &'a SourceArgs,
    pub(super) catalog: &'static Catalog,
    pub(super) policy: &'a Policy,
    pub(super) rules: &'static [&'static Rule],
}

/// A cluster to evaluate, or the manifests alone.
pub(super) struct Input<'a> {
    pub(super) cluster: Option<ClusterSnapshot>,
    pub(super) path: UpgradePath,
    pub(super) files: ManifestFiles,
    pub(super) now: Timestamp,
    /// The clusters of the run, as results name them.
    pub(super) ids: &'a [ClusterId],
    /// The management cluster of the run.
    pub(super) management: Option<&'a Management>,
    /// For `--redact`.
    pub(super) key: Option<&'a RedactionKey>,
    /// Whether the snapshot is one whose names are pseudonyms.
    pub(super) is_redacted: bool,
}

/// What became of a cluster.
pub(super) enum ClusterResult<T> {
    Evaluated(Box<FleetMember<T>>),
    /// An earlier run could not read it, or it is another one by another name.
    Unread(UnreadCluster),
    Failed(UnreadCluster, CliError),
}

impl<T> ClusterResult<T> {
    /// A cluster from which no path leads to the target. With `--redact`, other reasons are left out: they may hold names.
    pub(super) fn without_path(cluster: &ClusterSnapshot, error: &CliError, redact: bool) -> Self {
        let cluster = UnreadCluster {
            id: cluster.id.clone(),
            context: cluster.context.clone(),
            why: match redact && error.exit != Exit::Blocked {
                true => "it has no path to the target; more is left out by --redact".to_owned(),
                false => error.message.clone(),
            },
            rbac: None,
            same_as: None,
        };
        Self::Failed(cluster, error.clone())
    }
}

/// The error of a run in which no cluster was evaluated: that of the only cluster, or each with its cluster.
fn joined_error<T>(results: Vec<ClusterResult<T>>) -> CliError {
    let failed = results.into_iter().filter_map(|result| match result {
        ClusterResult::Failed(cluster, error) => Some((cluster, error)),
        ClusterResult::Evaluated(_) | ClusterResult::Unread(_) => None,
    });
    let failed: Vec<(UnreadCluster, CliError)> = failed.collect();
    match &failed[..] {
        [] => CliError::could_not_run("there is nothing to read"),
        [(_, only)] => only.clone(),
        [(_, first), ..] => {
            let could_not_run = |(_, error): &(_, CliError)| error.exit == Exit::CouldNotRun;
            let lines = failed
                .iter()
                .map(|(cluster, error)| format!("{}: {}", cluster.id, error.message));
            CliError {
                exit: match failed.iter().any(could_not_run) {
                    true => Exit::CouldNotRun,
                    false => first.exit,
                },
                message: format!(
                    "none of the clusters could be evaluated\n{}",
                    Vec::from_iter(lines).join("\n")
                ),
            }
        }
    }
}

/// Everything that was read and evaluated.
pub(super) struct Evaluated<T> {
    pub(super) fleet: Fleet<T>,
    /// For `--save-snapshot`.
    pub(super) snapshot: Option<Snapshot>,
    pub(super) now: Timestamp,
    /// Notes for stderr.
    pub(super) notes: Vec<String>,
}

impl<'a, C: ClusterCommand> Run<'a, C> {
    /// Whether what was read is to be saved.
    pub(super) fn is_saved(&self) -> bool {
        self.command.snapshot_file().is_some()
    }

    /// Evaluates one cluster. Returns what was read of it too, as it would be saved.
    pub(super) fn evaluate(&self, input: Input<'_>) -> (FleetMember<C::Part>, Snapshot) {
        let management = input.management.filter(|one| {
            let cluster = input.cluster.as_ref();
            cluster.is_some_and(|cluster| one.looks_after(cluster))
        });
        let mut snapshot = Snapshot {
            taken_at: input.now,
            clusters: Vec::from_iter(input.cluster),
            unread: Vec::new(),
            files: input.files,
            is_redacted: input.is_redacted,
        };
        if let Some(key) = input.key {
            redact(&mut snapshot, key, self.catalog);
        }
        let cluster = snapshot.clusters.first();
        let (catalog, path) = (self.catalog, &input.path);
        let mut context = CheckContext::for_cluster(&snapshot, cluster, catalog, path, input.now);
        let others = input.ids.iter();
        let others = others.filter(|id| cluster.is_some_and(|own| own.id != **id));
        context.other_clusters = others.cloned().collect();
        if let Some((detected, release)) = context
            .detected
            .as_mut()
            .zip(management.and_then(|one| one.dkp.as_ref()))
        {
            let evidence = format!("its management cluster runs {release}");
            detected.accept_release(PlatformName::Dkp, release, &evidence);
        }
        let member =
            FleetMember::evaluate(&context, self.rules, self.policy, |context, evaluation| {
                self.command.part(context, evaluation)
            });
        (member, snapshot)
    }

    /// The clusters of the run together; an error if none of them was evaluated.
    pub(super) fn fleet(
        &self,
        results: Vec<ClusterResult<C::Part>>,
    ) -> Result<Fleet<C::Part>, CliError> {
        let is_evaluated =
            |result: &ClusterResult<C::Part>| matches!(result, ClusterResult::Evaluated(_));
        if !results.iter().any(is_evaluated) {
            return Err(joined_error(results));
        }
        let clusters = results.into_iter().map(|result| match result {
            ClusterResult::Evaluated(member) => FleetCluster::Evaluated(member),
            ClusterResult::Unread(cluster) => FleetCluster::Unread(cluster),
            ClusterResult::Failed(cluster, error) if error.exit == Exit::Blocked => {
                FleetCluster::WithoutPath(cluster)
            }
            ClusterResult::Failed(cluster, _) => FleetCluster::Unread(cluster),
        });
        Ok(Fleet::new(clusters.collect(), self.policy))
    }

    /// Notes that follow from the paths.
    pub(super) fn path_notes(&self, fleet: &Fleet<C::Part>) -> Vec<String> {
        let paths = || fleet.members.iter().map(|member| &member.path);
        let remarks = paths().flat_map(|path| &path.remarks);
        let remarks: BTreeSet<String> = remarks.map(|remark| format!("note: {remark}")).collect();
        let mut notes = Vec::from_iter(remarks);
        if paths().all(|path| path.hops.is_empty()) && !C::PROFILE.reports_unfinished_hops {
            notes.push(format!(
                "nothing to upgrade: already at the target, or the catalog ({}) has no newer release; running version-independent checks only",
                self.catalog.date
            ));
        }
        notes
    }

    /// What a cluster shows of a hop that is not finished, unless a target is given.
    pub(super) fn unfinished_hop_note(&self, cluster: &ClusterSnapshot) -> Option<String> {
        let is_wanted = C::PROFILE.reports_unfinished_hops && self.flags.target.to.is_empty();
        unfinished_hop_hint(cluster, self.catalog).filter(|_| is_wanted)
    }
}

/// A snapshot of these clusters, in the order of the fleet: without those that are in it under another name.
pub(super) fn joined_snapshot<T>(
    fleet: &Fleet<T>,
    read: Vec<Snapshot>,
    now: Timestamp,
) -> Option<Snapshot> {
    let mut joined: Option<Snapshot> = None;
    let unread: Vec<UnreadCluster> = fleet.unread.clone();
    for snapshot in read {
        match &mut joined {
            Some(joined) => joined.clusters.extend(snapshot.clusters),
            None => joined = Some(snapshot),
        }
    }
    let mut joined = joined?;
    let is_member = |id: &ClusterId| fleet.members.iter().any(|member| member.id() == Some(id));
    let is_dead_end = |id: &ClusterId| fleet.dead_ends.contains(id);
    joined
        .clusters
        .retain(|cluster| is_member(&cluster.id) || is_dead_end(&cluster.id));
    joined.unread = unread;
    // Its path is looked for again.
    let clusters = &joined.clusters;
    joined.unread.retain(|unread| {
        let mut read = clusters.iter();
        !read.any(|cluster| cluster.id == unread.id)
    });
    joined.taken_at = now;
    Some(joined)
}
