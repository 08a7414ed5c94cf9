//! Where observations come from: watches, lists that are read every few seconds, and probes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::{AbortHandle, abortable};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use crate::catalog::Catalog;
use crate::client::{ClusterReader, WatchUpdate};
use crate::need::{Discovery, Need, ReadRequest, read_plan};
use crate::snapshot::{ReadOutcome, ReadResult};
use crate::watch::{Change, Observation, pods_on_node_need, warnings_need};

/// How often an API server is probed, which also bounds how late an outage is seen.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// The same while an answer waits for more probes.
const PROBE_SOON: Duration = Duration::from_millis(500);
/// How often small lists are read again.
const POLL_EVERY: Duration = Duration::from_secs(10);
/// How often lists are read again that show what the upgrade waits for.
const POLL_WANTED_EVERY: Duration = Duration::from_secs(5);
/// The most objects of such a list.
const MAX_WANTED: u64 = 1_000;
/// Observations that wait to be folded.
pub(super) const QUEUE: usize = 256;

/// An observation of now, to the millisecond: each digit takes room in a recording.
pub(super) fn now(change: Change) -> Observation {
    let now = Timestamp::now();
    Observation {
        at: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
        change,
    }
}

/// The requests for these needs, of all namespaces.
pub(super) fn requests(
    needs: &[Need],
    discovery: &Discovery,
    catalog: &Catalog,
) -> Vec<ReadRequest> {
    read_plan(needs, discovery, catalog, None)
}

/// Follows the objects of one request.
pub(super) async fn watch_objects(
    reader: &ClusterReader,
    request: &ReadRequest,
    discovery: &Discovery,
    resource_version: Option<String>,
    observations: mpsc::Sender<Observation>,
) {
    let (sender, mut updates) = mpsc::channel(QUEUE);
    let forward = async {
        let is_warnings = request.target == warnings_need().target;
        let mut is_refused = false;
        while !is_refused && let Some(update) = updates.recv().await {
            if let WatchUpdate::Listed(result) = &update {
                // Anything else may be refused for a while in an upgrade.
                is_refused = is_warnings && matches!(result.outcome, ReadOutcome::Forbidden { .. });
            }
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

/// Probes the API server, more often while `is_awaited`; reads discovery again when the version changes.
pub(super) async fn probe(
    prober: &ClusterReader,
    reader: &ClusterReader,
    discovery: &Discovery,
    mut is_awaited: watch::Receiver<bool>,
    observations: mpsc::Sender<Observation>,
) {
    let mut last = discovery.git_version.clone();
    loop {
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
                is_unauthorized: error.is_about_credentials(),
                why: error.to_string(),
            },
        };
        if observations.send(now(change)).await.is_err() {
            return;
        }
        let soon = async {
            let _ = is_awaited.wait_for(|is_awaited| *is_awaited).await;
            sleep(PROBE_SOON).await;
        };
        let _ = timeout(PROBE_EVERY, soon).await;
    }
}

/// Follows the pods of the nodes that drain.
pub(super) async fn watch_drains(
    reader: &ClusterReader,
    discovery: &Discovery,
    catalog: &Catalog,
    mut draining: watch::Receiver<BTreeSet<String>>,
    observations: mpsc::Sender<Observation>,
) {
    let mut running = FuturesUnordered::new();
    let mut handles: BTreeMap<String, AbortHandle> = BTreeMap::new();
    loop {
        let changed = tokio::select! {
            changed = draining.changed() => changed,
            _ = running.next(), if !running.is_empty() => continue,
        };
        if changed.is_err() {
            return;
        }
        let nodes = draining.borrow_and_update().clone();
        handles.retain(|node, handle| {
            let is_draining = nodes.contains(node);
            if !is_draining {
                handle.abort();
            }
            is_draining
        });
        for node in nodes {
            if handles.contains_key(&node) {
                continue;
            }
            let observations = observations.clone();
            let need = pods_on_node_need(&node);
            let (watch, handle) = abortable(async move {
                for request in requests(&[need], discovery, catalog) {
                    watch_objects(reader, &request, discovery, None, observations.clone()).await;
                }
            });
            running.push(watch.boxed_local());
            handles.insert(node, handle);
        }
    }
}

/// Reads the lists that are wanted now, at once when others are wanted, and every few seconds.
pub(super) async fn poll_wanted(
    reader: &ClusterReader,
    discovery: &Discovery,
    catalog: &Catalog,
    mut wanted: watch::Receiver<Vec<Need>>,
    observations: mpsc::Sender<Observation>,
) {
    let mut poller = Poller::default();
    loop {
        let needs = wanted.borrow_and_update().clone();
        let mut requests = requests(&needs, discovery, catalog);
        for request in &mut requests {
            request.max_objects = Some(MAX_WANTED);
        }
        poller.forget_others(&requests);
        let results = reader.read(&requests, discovery).await;
        for change in poller.changed(results) {
            if observations.send(now(change)).await.is_err() {
                return;
            }
        }
        let is_over = match requests.is_empty() {
            true => wanted.changed().await.is_err(),
            false => {
                let changed = timeout(POLL_WANTED_EVERY, wanted.changed()).await;
                changed.is_ok_and(|changed| changed.is_err())
            }
        };
        if is_over {
            return;
        }
    }
}

/// Lists that are read every few seconds.
#[derive(Default)]
pub(super) struct Poller {
    last: Vec<ReadResult>,
}

impl Poller {
    pub(super) async fn poll(
        &mut self,
        reader: &ClusterReader,
        polled: Vec<ReadRequest>,
        discovery: &Discovery,
        observations: mpsc::Sender<Observation>,
    ) {
        loop {
            sleep(POLL_EVERY).await;
            let results = reader.read(&polled, discovery).await;
            for change in self.changed(results) {
                if observations.send(now(change)).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Forgets the lists that are not read any more: when they are again, they are news.
    fn forget_others(&mut self, requests: &[ReadRequest]) {
        let is_read = |result: &ReadResult| requests.iter().any(|one| one.target == result.target);
        self.last.retain(is_read);
    }

    /// The lists that differ from the last ones; failed ones say nothing unless they were never read.
    pub(super) fn changed(&mut self, results: Vec<ReadResult>) -> Vec<Change> {
        let mut changes = Vec::new();
        for result in results {
            let has_failed = matches!(result.outcome, ReadOutcome::Failed { .. });
            let mut last = self.last.iter_mut();
            match last.find(|last| last.target == result.target) {
                Some(_) if has_failed => continue,
                Some(last) if last.rows == result.rows && last.outcome == result.outcome => {
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
