//! From a cluster to observations: nodes are watched, the rest is listed again and again, each API server is probed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::args::WatchArgs;
use super::viewer::Viewer;
use crate::catalog::Catalog;
use crate::cli::console::Console;
use crate::cli::exit::{CliError, Exit};
use crate::cli::progress::read_observer;
use crate::cli::session::{ClusterSession, connect, run_until_shutdown};
use crate::client::{ClusterReader, NoopObserver, ReadOptions, Timeout, WatchUpdate};
use crate::need::{Discovery, Need, ReadRequest, read_plan};
use crate::snapshot::{ReadOutcome, ReadResult};
use crate::watch::{
    Change, Observation, RecordingHeader, RecordingWriter, UpgradeWatch, WatchOptions,
    pods_on_node_need, polled_needs, watched_needs,
};

/// The program name for the `User-Agent` header.
const PROGRAM: &str = "kubectl-upgrade-watch";
/// How often an API server is probed, which also bounds how late an outage is seen.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// Time for a probe: an API server that takes longer is as good as away.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often small lists are read again.
const POLL_EVERY: Duration = Duration::from_secs(10);
/// Observations that wait to be folded.
const QUEUE: usize = 256;
/// Page size of lists, as in kubectl.
const PAGE_SIZE: u32 = 500;
/// Concurrent requests.
const MAX_IN_FLIGHT: usize = 4;
/// Draining nodes whose pods are read: those beyond are shown without the number of their pods.
const MAX_DRAINING_NODES: usize = 20;

/// Follows the cluster of the current context.
pub(super) fn follow(
    flags: &WatchArgs,
    catalog: &'static Catalog,
    options: WatchOptions,
) -> Result<Exit, CliError> {
    run_until_shutdown(follow_cluster(flags, catalog, options).boxed_local())
}

async fn follow_cluster(
    flags: &WatchArgs,
    catalog: &'static Catalog,
    options: WatchOptions,
) -> Result<Exit, CliError> {
    let deadline = flags.timeout.map(|timeout| Instant::now() + timeout);
    let connection = connect(PROGRAM, &flags.connection, false).await?;
    let reader = |timeout, observer| {
        let options = ReadOptions {
            timeout,
            page_size: PAGE_SIZE,
            max_in_flight: MAX_IN_FLIGHT,
        };
        ClusterReader::new(&connection, options, observer, catalog).map_err(CliError::could_not_run)
    };
    let prober = reader(Timeout::Total(PROBE_TIMEOUT), Arc::new(NoopObserver))?;
    let observer = read_observer(Console::new(&flags.log), false);
    let reader = reader(flags.connection.timeout(), observer)?;
    let session = ClusterSession {
        connection: connection.clone(),
        reader,
    };
    let discovery = session.read_discovery().await?;
    let id = session.cluster_id();
    let recording = match &flags.record {
        Some(file) => {
            let header = RecordingHeader::new(id.clone(), Timestamp::now());
            Some(RecordingWriter::create(file, &header).map_err(CliError::could_not_run)?)
        }
        None => None,
    };
    let watch = UpgradeWatch::new(id, catalog, options);
    let mut viewer = Viewer::new(flags, watch, recording);

    // First what explains the nodes, then the nodes: with them the first picture is complete.
    let mut watched = requests(&watched_needs(), &discovery, catalog);
    watched.sort_by_key(|request| request.is_full_list_of("", "nodes"));
    let polled = requests(&polled_needs(), &discovery, catalog);
    let mut poller = Poller::default();
    let mut first = vec![Change::Discovery(discovery.clone())];
    let results = session.reader.read(&polled, &discovery).await;
    first.extend(poller.changed(results));
    let results = session.reader.read(&watched, &discovery).await;
    require_nodes(results.last())?;
    let versions: Vec<Option<String>> = results
        .iter()
        .map(|result| result.resource_version.clone())
        .collect();
    first.extend(
        results
            .into_iter()
            .map(|result| Change::List(Box::new(result))),
    );
    for change in first {
        if let Some(exit) = viewer.observe(&now(change))? {
            return Ok(exit);
        }
    }

    let (sender, mut observations) = mpsc::channel(QUEUE);
    let (draining, draining_nodes) = watch::channel(draining_nodes(&viewer));
    let sources = async {
        let reader = &session.reader;
        let watches = watched.iter().zip(versions);
        let watches = watches.map(|(request, version)| {
            watch_objects(reader, request, &discovery, version, sender.clone()).boxed_local()
        });
        tokio::join!(
            join_all(watches),
            probe(&prober, reader, &discovery, sender.clone()),
            poller.poll(
                reader,
                polled,
                &discovery,
                catalog,
                draining_nodes,
                sender.clone()
            ),
        );
    };
    let fold = async {
        loop {
            let observation = tokio::select! {
                observation = observations.recv() => observation,
                () = sleep_until_deadline(deadline) => return Ok(viewer.exit_at_end()),
            };
            let Some(observation) = observation else {
                return Ok(viewer.exit_at_end());
            };
            if let Some(exit) = viewer.observe(&observation)? {
                return Ok(exit);
            }
            let now_draining = self::draining_nodes(&viewer);
            draining.send_if_modified(|names| {
                let is_new = *names != now_draining;
                *names = now_draining;
                is_new
            });
        }
    };
    tokio::select! {
        exit = fold => exit,
        () = sources => Err(CliError::could_not_run("the watch has ended")),
    }
}

async fn sleep_until_deadline(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

fn now(change: Change) -> Observation {
    Observation {
        at: Timestamp::now(),
        change,
    }
}

fn requests(needs: &[Need], discovery: &Discovery, catalog: &Catalog) -> Vec<ReadRequest> {
    read_plan(needs, discovery, catalog, None)
}

fn draining_nodes(viewer: &Viewer) -> BTreeSet<String> {
    let nodes = viewer.watch.draining_nodes().take(MAX_DRAINING_NODES);
    nodes.map(str::to_owned).collect()
}

/// # Errors
/// If the nodes cannot be read: there is nothing to follow without them.
fn require_nodes(nodes: Option<&ReadResult>) -> Result<(), CliError> {
    let why = match nodes.map(|result| &result.outcome) {
        Some(ReadOutcome::Complete) => return Ok(()),
        Some(ReadOutcome::Forbidden { why, .. } | ReadOutcome::Failed { why }) => why.as_str(),
        Some(ReadOutcome::NotServed) | None => "the API server does not serve them",
    };
    Err(CliError::could_not_run(format!("cannot read nodes: {why}")))
}

/// Follows the objects of one request.
async fn watch_objects(
    reader: &ClusterReader,
    request: &ReadRequest,
    discovery: &Discovery,
    resource_version: Option<String>,
    observations: mpsc::Sender<Observation>,
) {
    let (sender, mut updates) = mpsc::channel(QUEUE);
    let forward = async {
        while let Some(update) = updates.recv().await {
            let target = request.target.clone();
            let change = match update {
                WatchUpdate::Listed(result) => Change::List(result),
                WatchUpdate::Applied(rows) => Change::Apply { target, rows },
                WatchUpdate::Deleted {
                    namespace,
                    name,
                    uid,
                } => Change::Delete {
                    target,
                    namespace,
                    name,
                    uid,
                },
            };
            if observations.send(now(change)).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(
        reader.watch(request, discovery, resource_version, sender),
        forward
    );
}

/// Probes the API server; reads discovery again when the version changes.
async fn probe(
    prober: &ClusterReader,
    reader: &ClusterReader,
    discovery: &Discovery,
    observations: mpsc::Sender<Observation>,
) {
    let mut last = discovery.git_version.clone();
    let mut ticks = interval(PROBE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let change = match prober.probe().await {
            Ok(version) if version != last => {
                last = version.clone();
                if let Ok(discovery) = reader.discover().await
                    && observations
                        .send(now(Change::Discovery(discovery)))
                        .await
                        .is_err()
                {
                    return;
                }
                Change::Probe { version }
            }
            Ok(version) => Change::Probe { version },
            Err(error) => Change::Outage {
                why: error.to_string(),
            },
        };
        if observations.send(now(change)).await.is_err() {
            return;
        }
    }
}

/// Lists that are read again and again.
#[derive(Default)]
struct Poller {
    last: Vec<ReadResult>,
}

impl Poller {
    async fn poll(
        &mut self,
        reader: &ClusterReader,
        polled: Vec<ReadRequest>,
        discovery: &Discovery,
        catalog: &Catalog,
        mut draining: watch::Receiver<BTreeSet<String>>,
        observations: mpsc::Sender<Observation>,
    ) {
        loop {
            // At once when another node drains.
            let _ = tokio::time::timeout(POLL_EVERY, draining.changed()).await;
            let nodes = draining.borrow_and_update().clone();
            let needs: Vec<Need> = nodes.iter().map(|node| pods_on_node_need(node)).collect();
            let mut all = requests(&needs, discovery, catalog);
            all.extend(polled.iter().cloned());
            let results = reader.read(&all, discovery).await;
            for change in self.changed(results) {
                if observations.send(now(change)).await.is_err() {
                    return;
                }
            }
        }
    }

    /// The lists that differ from the last ones; failed ones only if there was none before.
    fn changed(&mut self, results: Vec<ReadResult>) -> Vec<Change> {
        let mut changes = Vec::new();
        for result in results {
            let last = self
                .last
                .iter_mut()
                .find(|last| last.target == result.target);
            let is_failed = matches!(result.outcome, ReadOutcome::Failed { .. });
            match last {
                Some(last)
                    if is_failed || last.rows == result.rows && last.outcome == result.outcome =>
                {
                    continue;
                }
                Some(last) => *last = result.clone(),
                None => self.last.push(result.clone()),
            }
            changes.push(Change::List(Box::new(result)));
        }
        changes
    }
}
