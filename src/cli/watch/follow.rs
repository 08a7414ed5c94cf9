//! Follows a cluster: the first reads, then whatever its sources report, until it is over.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::args::WatchArgs;
use super::plan::planned_steps;
use super::redaction::Redaction;
use super::sources::{
    Poller, QUEUE, now, poll_wanted, probe, requests, watch_drains, watch_objects,
};
use super::viewer::{REDRAW_EVERY, Viewer};
use crate::api::v1::FollowedPlan;
use crate::catalog::Catalog;
use crate::cli::console::Console;
use crate::cli::exit::{CliError, Exit};
use crate::cli::progress::read_observer;
use crate::cli::session::{ClusterSession, connect, default_id, run_until_shutdown};
use crate::client::{ClusterReader, NoopObserver, ReadObserver, ReadOptions, Timeout};
use crate::kubeconfig::Connection;
use crate::need::{ClusterId, Discovery, ReadRequest};
use crate::snapshot::{ReadOutcome, ReadResult, RedactionKey, Uid};
use crate::text::names::WATCH_PROGRAM;
use crate::watch::{
    Change, RecordingHeader, RecordingWriter, UpgradeWatch, WatchOptions, platform_needs,
    polled_needs, warnings_need, watched_needs,
};

/// The program name for the `User-Agent` header.
/// Time for a probe: an API server that takes longer is as good as away.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
/// Page size of lists, as in kubectl.
const PAGE_SIZE: u32 = 500;
/// Concurrent requests.
const MAX_IN_FLIGHT: usize = 4;

/// Follows the cluster of the current context.
pub(super) fn follow(
    flags: &WatchArgs,
    catalog: &'static Catalog,
    options: WatchOptions,
    plan: Option<FollowedPlan>,
) -> Result<Exit, CliError> {
    run_until_shutdown(follow_cluster(flags, catalog, options, plan).boxed_local())
}

async fn follow_cluster(
    flags: &WatchArgs,
    catalog: &'static Catalog,
    options: WatchOptions,
    plan: Option<FollowedPlan>,
) -> Result<Exit, CliError> {
    let deadline = flags.timeout.map(|timeout| Instant::now() + timeout);
    let connection = connect(WATCH_PROGRAM, &flags.connection, true).await?;
    let timeout = flags.connection.timeout();
    // Progress is printed until the first picture.
    let first = {
        let observer = read_observer(Console::new(&flags.log), flags.redact);
        let reader = reader(&connection, timeout, observer, catalog)?;
        let session = ClusterSession {
            id: default_id(&connection),
            connection: connection.clone(),
            reader,
        };
        FirstReads::of(&session, catalog).await?
    };
    let context = connection.context.as_deref();
    let names: Vec<&str> = context.into_iter().chain([&*connection.server]).collect();
    let steps = planned_steps(flags, plan.as_ref(), &names, first.uid)?;
    let mut viewer = viewer(flags, catalog, options, &first, plan)?;
    viewer.watch.follow_plan(steps);
    for change in first.changes {
        if let Some(exit) = viewer.observe(now(change))? {
            return Ok(exit);
        }
    }
    let reader = reader(&connection, timeout, Arc::new(NoopObserver), catalog)?;
    let probes = Timeout::Total(PROBE_TIMEOUT);
    let prober = self::reader(&connection, probes, Arc::new(NoopObserver), catalog)?;
    let discovery = first.discovery;
    let (sender, mut observations) = mpsc::channel(QUEUE);
    let (draining, draining_nodes) = watch::channel(BTreeSet::new());
    let (wanting, wanted_needs) = watch::channel(Vec::new());
    let (awaiting, are_probes_awaited) = watch::channel(false);
    let sources = async {
        let (reader, discovery) = (&reader, &discovery);
        let watches = first.watched.iter().map(|(request, version)| {
            watch_objects(reader, request, discovery, version.clone(), sender.clone()).boxed_local()
        });
        let mut poller = first.poller;
        // Events explain waits but are not needed: they are read after the first picture, and may be refused.
        let warnings = requests(&[warnings_need()], discovery, catalog);
        let warnings = warnings.iter().map(|request| {
            let watch = watch_objects(reader, request, discovery, None, sender.clone());
            watch.boxed_local()
        });
        tokio::join!(
            join_all(watches),
            join_all(warnings),
            probe(
                &prober,
                reader,
                discovery,
                are_probes_awaited,
                sender.clone()
            ),
            poller.poll(reader, first.polled, discovery, sender.clone()),
            watch_drains(reader, discovery, catalog, draining_nodes, sender.clone()),
            poll_wanted(reader, discovery, catalog, wanted_needs, sender.clone()),
        );
    };
    let fold = async {
        let mut ticks = interval(REDRAW_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            send_if_new(&draining, viewer.draining_nodes());
            send_if_new(&wanting, viewer.wanted_needs());
            awaiting.send_replace(viewer.watch.awaits_probes());
            let observation = tokio::select! {
                observation = observations.recv() => observation,
                _ = ticks.tick() => {
                    viewer.tick(Timestamp::now())?;
                    continue;
                }
                key = viewer.next_key() => match viewer.act(key)? {
                    Some(exit) => return Ok(exit),
                    None => continue,
                },
                () = sleep_until_deadline(deadline) => {
                    viewer.draw(Timestamp::now(), true)?;
                    viewer.note_timeout(flags.timeout.unwrap_or_default());
                    return Ok(viewer.exit_at_end());
                }
            };
            let Some(observation) = observation else {
                return Ok(viewer.exit_at_end());
            };
            if let Some(exit) = viewer.observe(observation)? {
                return Ok(exit);
            }
        }
    };
    tokio::select! {
        exit = fold => exit,
        () = sources => Err(CliError::could_not_run("the watch has ended")),
    }
}

fn send_if_new<T: PartialEq>(sender: &watch::Sender<T>, value: T) {
    sender.send_if_modified(|last| {
        let is_new = *last != value;
        *last = value;
        is_new
    });
}

fn reader(
    connection: &Connection,
    timeout: Timeout,
    observer: Arc<dyn ReadObserver>,
    catalog: &'static Catalog,
) -> Result<ClusterReader, CliError> {
    let options = ReadOptions {
        timeout,
        page_size: PAGE_SIZE,
        max_in_flight: MAX_IN_FLIGHT,
    };
    ClusterReader::new(connection, options, observer, catalog).map_err(CliError::could_not_run)
}

/// What is read before the first picture.
struct FirstReads {
    id: ClusterId,
    uid: Option<Uid>,
    discovery: Discovery,
    /// What is watched from now on, each from the resource version of its list.
    watched: Vec<(ReadRequest, Option<String>)>,
    polled: Vec<ReadRequest>,
    poller: Poller,
    changes: Vec<Change>,
}

impl FirstReads {
    /// All at once. The nodes are folded last: with them the first picture is complete.
    async fn of(session: &ClusterSession, catalog: &Catalog) -> Result<Self, CliError> {
        let discovery = session.read_discovery().await?;
        let system = requests(&[RedactionKey::need()], &discovery, catalog);
        let polled = [polled_needs(), platform_needs(&discovery)].concat();
        let polled = requests(&polled, &discovery, catalog);
        let mut watched = requests(&watched_needs(), &discovery, catalog);
        watched.sort_by_key(|request| request.is_full_list_of("", "nodes"));
        let all = [&system[..], &polled, &watched].concat();
        let results = session.reader.read(&all, &discovery).boxed_local().await;
        let mut results = results.into_iter();
        let of_system: Vec<ReadResult> = results.by_ref().take(system.len()).collect();
        let mut system = of_system.iter().flat_map(|result| result.rows.metadata());
        let mut poller = Poller::default();
        let mut changes = vec![Change::Discovery(discovery.clone())];
        let of_polled = results.by_ref().take(polled.len()).collect();
        changes.extend(poller.changed(of_polled));
        require_nodes(results.as_slice().last())?;
        let versions = results.as_slice().iter();
        let versions = versions.map(|result| result.resource_version.clone());
        let watched = watched.into_iter().zip(versions.collect::<Vec<_>>());
        changes.extend(results.map(|result| Change::List(Box::new(result))));
        Ok(Self {
            id: session.id.clone(),
            uid: system.find_map(|row| row.uid),
            watched: watched.collect(),
            polled,
            poller,
            changes,
            discovery,
        })
    }
}

fn viewer(
    flags: &WatchArgs,
    catalog: &'static Catalog,
    options: WatchOptions,
    first: &FirstReads,
    plan: Option<FollowedPlan>,
) -> Result<Viewer, CliError> {
    let mut header = RecordingHeader::new(first.id.clone(), Timestamp::now());
    header.uid = first.uid;
    let redaction = match flags.redact {
        true => Some(Redaction::new(
            first.uid,
            catalog,
            Console::new(&flags.log),
        )?),
        false => None,
    };
    if let Some(redaction) = &redaction {
        header = redaction.header(header);
    }
    let recording = match &flags.record {
        Some(file) => {
            Some(RecordingWriter::create(file, &header).map_err(CliError::could_not_run)?)
        }
        None => None,
    };
    let watch = UpgradeWatch::new(header.cluster, catalog, options);
    Viewer::new(
        flags,
        catalog,
        watch,
        recording,
        redaction,
        (first.uid, plan),
    )
}

async fn sleep_until_deadline(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
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
