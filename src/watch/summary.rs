//! What an upgrade took: for a report after it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::chains::WaitChain;
use super::event::{EventKind, EventScope, WatchEvent};
use super::fold::UpgradeWatch;
use super::node_times::{NodeTime, NodeTimes};
use super::picture::Picture;
use super::progress::UpgradePhase;
use super::span::Span;
use crate::catalog::Minor;
use crate::conditions::CompletionStatus;

/// What held an upgrade up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// In a sentence.
    pub message: String,
    /// The objects, and why; `None` if that is unknown.
    pub chain: Option<WaitChain>,
    /// From when it was reported until there was progress.
    pub span: Span,
}

/// A step of a plan as it was ticked off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepTime {
    /// When it was seen to begin; `None` if it was not.
    pub started_at: Option<Timestamp>,
    /// When it was seen to be done; `None` if it was not.
    pub ended_at: Option<Timestamp>,
}

/// What became of an upgrade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpgradeOutcome {
    /// All parts run the version.
    Finished,
    /// It was stalled when the watch ended.
    Stalled,
    /// It failed, or was taken back.
    Failed,
    /// The watch ended before it did.
    Unfinished,
}

/// A minor that a cluster was brought to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HopTime {
    /// The cluster, or `namespace/name` of a managed one.
    pub cluster: String,
    /// The minor.
    pub version: Minor,
    /// Nodes or machines that ran it when it ended, or the watch. In a chain over several minors workers may leave out some.
    pub nodes: usize,
    /// From when the control plane first ran it, or was first to run it, until the next hop began or all was done.
    pub span: Span,
}

/// What an upgrade took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchSummary {
    /// The cluster.
    pub cluster: String,
    /// The version to reach; `None` if nothing was upgraded.
    pub goal: Option<String>,
    /// The whole of it, as far as the watch saw it.
    pub span: Span,
    /// When the watch ended, or the recording.
    pub observed_until: Timestamp,
    /// How it ended.
    pub outcome: UpgradeOutcome,
    /// Nodes that are done, and all of them.
    pub nodes_done: (usize, usize),
    /// What it did, one after the other.
    pub phases: Vec<(UpgradePhase, Span)>,
    /// The minors that clusters were brought to, in the order in which they were begun.
    pub hops: Vec<HopTime>,
    /// Pools by whether they are the control plane and by name, with the number of their nodes that were worked on.
    pub pools: BTreeMap<(bool, String), (usize, Span)>,
    /// Nodes, in the order in which they were begun.
    pub nodes: Vec<NodeTime>,
    /// When the API server did not answer.
    pub outages: Vec<Span>,
    /// When nothing changed for too long, and what it was held up by.
    pub stalls: Vec<Hold>,
    /// What was found to hold it up, whether or not something else changed meanwhile.
    pub blockers: Vec<Hold>,
    /// The steps of a plan that were seen to begin or to be done, by id.
    pub steps: BTreeMap<String, StepTime>,
}

/// Gathers what a summary says while a watch goes on.
#[derive(Debug, Default)]
pub struct SummaryBuilder {
    first: Option<Timestamp>,
    has_failed: bool,
    phases: Vec<(UpgradePhase, Span)>,
    hops: Vec<HopTime>,
    /// The newest minor of each cluster.
    minors: BTreeMap<String, Minor>,
    nodes: NodeTimes,
    outages: Vec<Span>,
    stalls: Vec<Hold>,
    blockers: Vec<Hold>,
    steps: BTreeMap<String, StepTime>,
}

impl SummaryBuilder {
    /// Takes the events that followed from an observation.
    pub fn add(&mut self, watch: &UpgradeWatch<'_>, events: &[WatchEvent]) {
        for event in events {
            let at = event.at;
            self.first.get_or_insert(at);
            self.add_phase(event.progress.phase, at);
            let is_away =
                |outages: &[Span]| outages.last().is_some_and(|span| span.ended_at.is_none());
            match event.kind {
                EventKind::Outage if is_away(&self.outages) => {}
                EventKind::Outage => {
                    let age = i64::try_from(event.age_seconds).unwrap_or(0);
                    let since = at - jiff::SignedDuration::from_secs(age);
                    self.outages.push(Span::from(since));
                }
                EventKind::Back => close(self.outages.last_mut(), at),
                EventKind::Stall => self.stalls.push(hold(event)),
                EventKind::Blocker => self.blockers.push(hold(event)),
                EventKind::Recovered => self.recover(event),
                EventKind::Failed => self.has_failed = true,
                EventKind::Picture => {
                    // Joined half-way: no event says when these were begun.
                    for name in watch.in_flight().keys() {
                        self.nodes.follow(watch, name, at);
                    }
                }
                EventKind::Progress | EventKind::Finished => {}
            }
            if let Some(change) = &event.step {
                let step = self.steps.entry(change.id.clone()).or_default();
                match change.status {
                    CompletionStatus::Done => step.ended_at = Some(at),
                    CompletionStatus::InProgress { .. } => step.started_at = Some(at),
                    _ => step.ended_at = None,
                }
            }
            if let EventScope::Node(name) = &event.scope {
                self.nodes.follow(watch, name, at);
            }
            if let Some(picture) = watch.picture() {
                self.follow_hops(watch, picture, at);
            }
        }
    }

    fn follow_hops(&mut self, watch: &UpgradeWatch<'_>, picture: &Picture, at: Timestamp) {
        let is_finished = watch.progress(at).phase == UpgradePhase::Finished;
        let own = picture.control_plane.api_servers.last();
        let own = own.map(|version| {
            let nodes: Vec<_> = picture.nodes.versions_and_counts().collect();
            (watch.cluster_name(), version.minor(), nodes, is_finished)
        });
        let managed = picture.managed.iter().filter_map(|(name, rollout)| {
            let version = rollout.control_plane_version.as_ref()?;
            let machines = rollout.machines.values();
            let machines = machines.filter_map(|machine| Some((machine.version.as_ref()?, 1)));
            let is_done = rollout.is_complete();
            Some((name.as_str(), version.minor(), machines.collect(), is_done))
        });
        for (cluster, minor, nodes, is_done) in own.into_iter().chain(managed) {
            let last = self.minors.insert(cluster.to_owned(), minor);
            let is_hop = match last {
                Some(last) => minor > last,
                // Joined half-way: a part is older than the control plane.
                None => nodes.iter().any(|(version, _)| version.minor() < minor),
            };
            let mut hops = self.hops.iter_mut().rev();
            let open = hops.find(|hop| hop.cluster == cluster && hop.span.ended_at.is_none());
            if let Some(open) = open {
                let of_hop = nodes
                    .iter()
                    .filter(|(version, _)| version.minor() == open.version);
                open.nodes = of_hop.map(|(_, count)| count).sum();
                open.span.ended_at = (is_hop || is_done).then_some(at);
            }
            if is_hop {
                self.hops.push(HopTime {
                    cluster: cluster.to_owned(),
                    version: minor,
                    nodes: 0,
                    span: Span::from(at),
                });
            }
        }
    }

    fn add_phase(&mut self, phase: UpgradePhase, at: Timestamp) {
        if self.phases.last().is_some_and(|(last, _)| *last == phase) {
            return;
        }
        close(self.phases.last_mut().map(|(_, span)| span), at);
        if phase == UpgradePhase::Finished {
            return;
        }
        self.phases.push((phase, Span::from(at)));
    }

    /// Ends the blocker that the event names, or else the stall.
    fn recover(&mut self, event: &WatchEvent) {
        let is_of = |hold: &&mut Hold| {
            let (one, other) = (hold.chain.as_ref(), event.chain.as_ref());
            let is_same = one.zip(other).is_some_and(|(one, other)| one.names(other));
            is_same && hold.span.ended_at.is_none()
        };
        let blocker = self.blockers.iter_mut().rev().find(is_of);
        let hold = blocker.or_else(|| self.stalls.last_mut());
        close(hold.map(|hold| &mut hold.span), event.at);
    }

    /// The summary at this time.
    #[must_use]
    pub fn finish(&self, watch: &UpgradeWatch<'_>, at: Timestamp) -> WatchSummary {
        let progress = watch.progress(at);
        let is_finished = progress.phase == UpgradePhase::Finished;
        let nodes = self.nodes.finish();
        let is_over = is_finished || self.has_failed;
        let goal = watch.picture().and_then(|picture| picture.goal.as_ref());
        WatchSummary {
            cluster: watch.cluster_name().to_owned(),
            goal: goal.map(super::UpgradeGoal::version),
            span: Span {
                started_at: progress.started_at.or(self.first).unwrap_or(at),
                ended_at: is_over.then_some(at),
            },
            observed_until: at,
            outcome: match (is_finished, watch.is_stalled()) {
                (true, _) => UpgradeOutcome::Finished,
                _ if self.has_failed => UpgradeOutcome::Failed,
                (false, true) => UpgradeOutcome::Stalled,
                (false, false) => UpgradeOutcome::Unfinished,
            },
            nodes_done: (progress.done, progress.total),
            phases: self.phases.clone(),
            hops: self.hops.clone(),
            pools: pools(&nodes),
            nodes,
            outages: self.outages.clone(),
            stalls: self.stalls.clone(),
            blockers: self.blockers.clone(),
            steps: self.steps.clone(),
        }
    }
}

fn close(span: Option<&mut Span>, at: Timestamp) {
    if let Some(span) = span {
        span.ended_at.get_or_insert(at);
    }
}

fn hold(event: &WatchEvent) -> Hold {
    Hold {
        message: event.message.clone(),
        chain: event.chain.clone(),
        span: Span::from(event.at),
    }
}

/// From the first node of a pool that was begun to the last one that was done.
fn pools(nodes: &[NodeTime]) -> BTreeMap<(bool, String), (usize, Span)> {
    let mut pools: BTreeMap<(bool, String), (usize, Span)> = BTreeMap::new();
    for node in nodes {
        let Some(of_node) = node.span() else {
            continue;
        };
        let pool = (node.is_control_plane, node.pool.clone());
        let (count, span) = pools.entry(pool).or_insert((0, of_node));
        *count += 1;
        span.started_at = span.started_at.min(of_node.started_at);
        let ends = span.ended_at.zip(of_node.ended_at);
        span.ended_at = ends.map(|(one, other)| one.max(other));
    }
    pools
}
