//! Live clusters: several at a time, each evaluated as soon as it was read.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::{self, Scope};

use futures::{FutureExt, StreamExt, stream};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::console::Console;
use super::evaluation::{ClusterCommand, ClusterResult, Evaluated, Input, Run, joined_snapshot};
use super::exit::{CliError, Exit};
use super::fleet::{NoKubeconfig, Source, managed_sources, sources_of_contexts};
use super::management::{Management, path_in_run};
use super::progress::RunProgress;
use super::redact::redaction_key;
use super::session::{ClusterSession, connect, default_id, run_until_shutdown};
use super::source::{read_requests, selected_rules};
use crate::fleet::FleetMember;
use crate::kubeconfig::ConnectOptions;
use crate::need::{ClusterId, PolicyRule};
use crate::path::UpgradePath;
use crate::rules;
use crate::snapshot::{ClusterSnapshot, RedactionKey, Redactor, Snapshot, Uid, UnreadCluster};

/// What the evaluation of each cluster must know of the run.
#[derive(Default)]
struct RunSetting {
    /// The clusters, as results name them; empty if there is one.
    ids: Vec<ClusterId>,
    management: Option<Management>,
    key: Option<RedactionKey>,
}

/// What the clusters of a run share.
struct Reading<'env, C> {
    run: &'env Run<'env, C>,
    progress: RunProgress,
    setting: Arc<RunSetting>,
    /// The first cluster with a UID, by its place in the run.
    by_uid: RefCell<BTreeMap<Uid, (usize, ClusterId)>>,
    /// Notes on reads, and hints for after those on the path.
    notes: RefCell<Vec<(usize, String)>>,
    hints: RefCell<Vec<(usize, String)>>,
}

/// A cluster and what is kept of it.
struct OneCluster<T> {
    place: usize,
    result: ClusterResult<T>,
    /// What was read, if it is to be saved.
    snapshot: Option<Snapshot>,
}

/// Why a cluster was not evaluated.
struct Failure {
    error: CliError,
    rbac: Option<PolicyRule>,
    /// What was read before.
    cluster: Option<Box<ClusterSnapshot>>,
}

impl From<CliError> for Failure {
    fn from(error: CliError) -> Self {
        Self {
            error,
            rbac: None,
            cluster: None,
        }
    }
}

/// Reads and evaluates the clusters that the flags select.
pub(super) fn evaluate_clusters<'env, C: ClusterCommand>(
    run: &'env Run<'env, C>,
) -> Result<Evaluated<C::Part>, CliError> {
    thread::scope(|scope| run_until_shutdown(evaluate_sources(run, scope).boxed_local()))
}

async fn evaluate_sources<'scope, 'env, C: ClusterCommand>(
    run: &'env Run<'env, C>,
    scope: &'scope Scope<'scope, 'env>,
) -> Result<Evaluated<C::Part>, CliError> {
    let mut reading = Reading {
        run,
        progress: RunProgress::new(Console::new(&run.flags.log), run.flags.read.redact),
        setting: Arc::default(),
        by_uid: RefCell::default(),
        notes: RefCell::default(),
        hints: RefCell::default(),
    };
    let sources = reading.open_sources().await?;
    let reading = &reading;
    let most = usize::from(run.flags.fleet.max_clusters);
    let reads = sources.into_iter().enumerate();
    let reads = reads.map(|(place, source)| reading.evaluate(place, source, scope).boxed_local());
    let reads = stream::iter(reads).buffer_unordered(most);
    let mut done: Vec<OneCluster<C::Part>> = reads.collect().await;
    done.sort_by_key(|one| one.place);
    let (mut results, mut snapshots) = (Vec::new(), Vec::new());
    for one in done {
        results.push(one.result);
        snapshots.extend(one.snapshot);
    }
    let fleet = run.fleet(results)?;
    let now = run.flags.read.now.unwrap_or_else(Timestamp::now);
    let sorted = |notes: &RefCell<Vec<(usize, String)>>| {
        let mut notes = notes.take();
        notes.sort();
        notes.into_iter().map(|(_, note)| note).collect::<Vec<_>>()
    };
    let path_notes = run.path_notes(&fleet);
    Ok(Evaluated {
        snapshot: joined_snapshot(&fleet, snapshots, now),
        notes: [sorted(&reading.notes), path_notes, sorted(&reading.hints)].concat(),
        fleet,
        now,
    })
}

impl<'env, C: ClusterCommand> Reading<'env, C> {
    /// The clusters of the run. A management cluster is opened to see which there are, and with `--redact` the first that
    /// can be, because its UID is the key.
    async fn open_sources(&mut self) -> Result<Vec<Source>, CliError> {
        let flags = self.run.flags;
        let mut sources = sources_of_contexts(flags)?;
        let mut setting = RunSetting::default();
        if !flags.fleet.clusters.is_empty() {
            let (session, cluster) = self
                .open(sources.remove(0))
                .await
                .map_err(|failure| failure.error)?;
            let path = path_in_run(&cluster, &flags.target, None, self.run.catalog)?;
            setting.management = Management::new(&cluster, &path, self.run.catalog);
            let managed = managed_sources(&session, &cluster, &flags.fleet, self.run.catalog)?;
            sources.push(Source::Opened(Box::new((session, cluster))));
            sources.extend(managed);
        }
        self.progress.clusters(sources.len());
        if flags.read.redact {
            let mut opened = Vec::new();
            let mut rest = sources.into_iter();
            for source in rest.by_ref() {
                let source = self.open_for_key(source).await;
                let has_key = matches!(source, Source::Opened(_));
                opened.push(source);
                if has_key {
                    break;
                }
            }
            opened.extend(rest);
            sources = opened;
            let first = sources.iter().find_map(|source| match source {
                Source::Opened(opened) => Some(&opened.1),
                _ => None,
            });
            let (key, note) = redaction_key(first, false)?;
            self.notes.borrow_mut().extend(note.map(|note| (0, note)));
            setting.key = Some(key);
        }
        if sources.len() > 1 {
            let names = sources.iter();
            let names = names.map(|source| (source.id(), source.context().is_some()));
            setting.ids = names
                .map(|(id, has_context)| self.name_in_results(&setting.key, id, has_context))
                .collect();
        }
        self.setting = Arc::new(setting);
        Ok(sources)
    }

    async fn open_for_key(&self, source: Source) -> Source {
        let unread = unread_cluster(source.id(), source.context());
        match self.open(source).await {
            Ok(opened) => Source::Opened(Box::new(opened)),
            Err(failure) => Source::Failed(Box::new((unread(&failure), failure.error))),
        }
    }

    /// The id of a cluster as results name it.
    fn name_in_results(
        &self,
        key: &Option<RedactionKey>,
        id: ClusterId,
        has_context: bool,
    ) -> ClusterId {
        let Some(key) = key else {
            return id;
        };
        let redactor = Redactor::new(key, self.run.catalog);
        match has_context {
            true => redactor.redact_cluster_id(&id),
            false => redactor.redact_managed_id(&id),
        }
    }

    /// Connects, and reads what detection needs.
    async fn open(&self, source: Source) -> Result<(ClusterSession, ClusterSnapshot), Failure> {
        let (flags, catalog) = (self.run.flags, self.run.catalog);
        let several = !flags.fleet.contexts.is_empty();
        let (connection, id) = match source {
            Source::Opened(opened) => return Ok(*opened),
            Source::Failed(failed) => return Err(failed.1.into()),
            Source::Flags(options) => {
                let program = C::PROFILE.program;
                let may_ask = !several && !flags.reads_stdin();
                (connect(program, &options, may_ask).await?, None)
            }
            Source::Managed(cluster) => {
                let options = ConnectOptions {
                    program: C::PROFILE.program.to_owned(),
                    ..flags.connection.clone()
                };
                let connection = cluster.connection(&options).await;
                let connection = connection.map_err(|NoKubeconfig { why, rbac }| Failure {
                    rbac,
                    ..CliError::could_not_run(why).into()
                })?;
                (connection, Some(cluster.id))
            }
        };
        let several = several || !flags.fleet.clusters.is_empty();
        let name = id.clone().unwrap_or_else(|| default_id(&connection));
        let name = several.then(|| name.to_string());
        let observer = self.progress.observer(name);
        let session = ClusterSession::open(connection, id, flags, observer, catalog)?;
        let cluster = session.discover(flags, catalog).await?;
        Ok((session, cluster))
    }

    /// Reads a cluster and evaluates it.
    async fn evaluate<'scope>(
        &self,
        place: usize,
        source: Source,
        scope: &'scope Scope<'scope, 'env>,
    ) -> OneCluster<C::Part> {
        let unread = unread_cluster(source.id(), source.context());
        let outcome = self.read_and_evaluate(place, source, scope).await;
        self.progress.cluster_done();
        let (result, snapshot) = match outcome {
            Ok((result, snapshot)) => (result, snapshot),
            Err(failure) => {
                let mut cluster = unread(&failure);
                let mut saved = failure.cluster.map(|cluster| Snapshot {
                    clusters: vec![*cluster],
                    ..Snapshot::default()
                });
                if let Some(key) = &self.setting.key {
                    Redactor::new(key, self.run.catalog).redact_unread(&mut cluster);
                    if failure.error.exit == Exit::Blocked {
                        // Versions only.
                        cluster.why.clone_from(&failure.error.message);
                    }
                    if let Some(saved) = &mut saved {
                        crate::snapshot::redact(saved, key, self.run.catalog);
                    }
                }
                (ClusterResult::Failed(cluster, failure.error), saved)
            }
        };
        OneCluster {
            place,
            result,
            snapshot: snapshot.filter(|_| self.run.is_saved()),
        }
    }

    async fn read_and_evaluate<'scope>(
        &self,
        place: usize,
        source: Source,
        scope: &'scope Scope<'scope, 'env>,
    ) -> Result<(ClusterResult<C::Part>, Option<Snapshot>), Failure> {
        let run = self.run;
        let (session, cluster) = self.open(source).await?;
        let target = &run.flags.target;
        let management = self.setting.management.as_ref();
        let path = match path_in_run(&cluster, target, management, run.catalog) {
            Ok(path) => path,
            Err(error) => {
                return Err(Failure {
                    cluster: Some(Box::new(cluster)),
                    ..error.into()
                });
            }
        };
        if let Some(first) = self.first_with_uid(place, &cluster) {
            let mut same = UnreadCluster {
                context: cluster.context.clone(),
                ..UnreadCluster::same_as(cluster.id.clone(), first)
            };
            if let Some(key) = &self.setting.key {
                Redactor::new(key, run.catalog).redact_unread(&mut same);
            }
            return Ok((ClusterResult::Unread(same), None));
        }
        let cluster = self.read(&session, cluster, &path).await?;
        self.note(place, &session, &cluster);
        let now = run.flags.read.now.unwrap_or_else(Timestamp::now);
        let files = run.read_files(true, &[&path])?;
        let setting = Arc::clone(&self.setting);
        let (sender, receiver) = oneshot::channel();
        scope.spawn(move || {
            let _ = sender.send(run.evaluate(Input {
                cluster: Some(cluster),
                path,
                files,
                now,
                ids: &setting.ids,
                management: setting.management.as_ref(),
                key: setting.key.as_ref(),
                is_redacted: false,
            }));
        });
        let evaluated: Result<(FleetMember<C::Part>, Snapshot), _> = receiver.await;
        let (member, snapshot) =
            evaluated.map_err(|_| CliError::could_not_run("the evaluation ended early"))?;
        Ok((ClusterResult::Evaluated(Box::new(member)), Some(snapshot)))
    }

    /// The cluster that this one is by another name, if that comes first in the run.
    fn first_with_uid(&self, place: usize, cluster: &ClusterSnapshot) -> Option<ClusterId> {
        let mut by_uid = self.by_uid.borrow_mut();
        let own = (place, cluster.id.clone());
        let first = by_uid.entry(cluster.uid()?).or_insert_with(|| own.clone());
        if *first > own {
            *first = own;
            return None;
        }
        (first.0 != place).then(|| first.1.clone())
    }

    /// Reads what the rules and the command need.
    async fn read(
        &self,
        session: &ClusterSession,
        mut cluster: ClusterSnapshot,
        path: &UpgradePath,
    ) -> Result<ClusterSnapshot, CliError> {
        let (flags, catalog) = (self.run.flags, self.run.catalog);
        let requests = read_requests(&cluster, path, flags, catalog, &C::PROFILE)?;
        let requests = cluster.unanswered(requests);
        let readings = session.reader.read(&requests, &cluster.discovery);
        // Boxed, as in `discover`.
        cluster.merge(readings.boxed_local().await);
        let more = rules::follow_up_requests(&selected_rules(flags)?, &cluster, catalog);
        let readings = session.reader.read(&more, &cluster.discovery);
        cluster.merge(readings.boxed_local().await);
        Ok(cluster)
    }

    /// Notes on the read of a cluster, which they name if there are several.
    fn note(&self, place: usize, session: &ClusterSession, cluster: &ClusterSnapshot) {
        let name = self.setting.ids.get(place);
        let named = |note: String| match name {
            Some(name) => (place, format!("{name}: {note}")),
            None => (place, note),
        };
        let notes = session.notes(self.run.flags).into_iter();
        self.notes.borrow_mut().extend(notes.map(named));
        let hint = self.run.unfinished_hop_note(cluster);
        self.hints.borrow_mut().extend(hint.map(named));
    }
}

/// What is said of a cluster that was not evaluated.
fn unread_cluster(
    id: ClusterId,
    context: Option<String>,
) -> impl FnOnce(&Failure) -> UnreadCluster {
    move |failure| UnreadCluster {
        id,
        context,
        why: failure.error.message.clone(),
        rbac: failure.rbac.clone(),
        same_as: None,
    }
}
