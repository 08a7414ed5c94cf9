//! What an upgrade took: for a report after it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::event::{EventKind, EventScope, WatchEvent};
use super::fold::UpgradeWatch;
use super::nodes::NodePhase;
use super::progress::UpgradePhase;

/// A time from which to which something lasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it began, as far as the watch saw it.
    pub started_at: Timestamp,
    /// When it ended; `None` if it had not when the watch did.
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

/// The work on a node: from its cordon, or from when it was not ready, until it was ready again or gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTime {
    /// Its name.
    pub name: String,
    /// Its pool; empty without one.
    pub pool: String,
    /// How long it took.
    pub span: Span,
    /// Whether it was removed: replaced by another one, or surge.
    pub is_removed: bool,
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
    /// How it ended.
    pub outcome: UpgradeOutcome,
    /// Nodes that are done, and all of them.
    pub nodes_done: (usize, usize),
    /// What it did, one after the other.
    pub phases: Vec<(UpgradePhase, Span)>,
    /// Pools by name, with the number of their nodes that were worked on.
    pub pools: BTreeMap<String, (usize, Span)>,
    /// Nodes, in the order in which they were begun.
    pub nodes: Vec<NodeTime>,
    /// When the API server did not answer.
    pub outages: Vec<Span>,
    /// When nothing changed for too long, and what it was held up by.
    pub stalls: Vec<(Span, String)>,
}

/// Gathers what a summary says while a watch goes on.
#[derive(Debug, Default)]
pub struct SummaryBuilder {
    first: Option<Timestamp>,
    has_failed: bool,
    phases: Vec<(UpgradePhase, Span)>,
    begun: BTreeMap<String, (Timestamp, String)>,
    nodes: Vec<NodeTime>,
    outages: Vec<Span>,
    stalls: Vec<(Span, String)>,
}

impl SummaryBuilder {
    /// Takes the events that followed from an observation.
    pub fn add(&mut self, watch: &UpgradeWatch<'_>, events: &[WatchEvent]) {
        for event in events {
            let at = event.at;
            self.first.get_or_insert(at);
            self.add_phase(event.progress.phase, at);
            let open = |started_at| Span {
                started_at,
                ended_at: None,
            };
            match event.kind {
                EventKind::Outage => {
                    let age = i64::try_from(event.age_seconds).unwrap_or(0);
                    let since = at - jiff::SignedDuration::from_secs(age);
                    self.outages.push(open(since));
                }
                EventKind::Back => close(self.outages.last_mut(), at),
                EventKind::Stall => self.stalls.push((open(at), event.message.clone())),
                EventKind::Recovered => close(self.stalls.last_mut().map(|(span, _)| span), at),
                EventKind::Failed => self.has_failed = true,
                EventKind::Picture | EventKind::Progress | EventKind::Finished => {}
            }
            if let EventScope::Node(name) = &event.scope {
                self.follow_node(watch, name, at);
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
        let span = Span {
            started_at: at,
            ended_at: None,
        };
        self.phases.push((phase, span));
    }

    fn follow_node(&mut self, watch: &UpgradeWatch<'_>, name: &str, at: Timestamp) {
        let node = watch.picture().and_then(|picture| picture.nodes.get(name));
        if let (Some(flight), Some(node)) = (watch.in_flight().get(name), node) {
            let begun = self.begun.entry(name.to_owned());
            begun.or_insert_with(|| (flight.since, node.pool.clone()));
            return;
        }
        let Some((started_at, pool)) = self.begun.remove(name) else {
            return;
        };
        let is_done = node.is_none_or(|node| node.phase == NodePhase::Upgraded);
        // One that was uncordoned as it was before has taken no time of the upgrade.
        if is_done {
            self.nodes.push(NodeTime {
                name: name.to_owned(),
                pool,
                span: Span {
                    started_at,
                    ended_at: Some(at),
                },
                is_removed: node.is_none(),
            });
        }
    }

    /// The summary at this time.
    #[must_use]
    pub fn finish(&self, watch: &UpgradeWatch<'_>, at: Timestamp) -> WatchSummary {
        let progress = watch.progress(at);
        let is_finished = progress.phase == UpgradePhase::Finished;
        let mut nodes = self.nodes.clone();
        let unfinished = self
            .begun
            .iter()
            .map(|(name, (started_at, pool))| NodeTime {
                name: name.clone(),
                pool: pool.clone(),
                span: Span {
                    started_at: *started_at,
                    ended_at: None,
                },
                is_removed: false,
            });
        nodes.extend(unfinished);
        nodes.sort_by_key(|node| node.span.started_at);
        let goal = watch.picture().and_then(|picture| picture.goal.as_ref());
        WatchSummary {
            cluster: watch.cluster_name().to_owned(),
            goal: goal.map(super::UpgradeGoal::version),
            span: Span {
                started_at: progress.started_at.or(self.first).unwrap_or(at),
                ended_at: is_finished.then_some(at),
            },
            outcome: match (is_finished, watch.is_stalled()) {
                (true, _) => UpgradeOutcome::Finished,
                _ if self.has_failed => UpgradeOutcome::Failed,
                (false, true) => UpgradeOutcome::Stalled,
                (false, false) => UpgradeOutcome::Unfinished,
            },
            nodes_done: (progress.done, progress.total),
            phases: self.phases.clone(),
            pools: pools(&nodes),
            nodes,
            outages: self.outages.clone(),
            stalls: self.stalls.clone(),
        }
    }
}

fn close(span: Option<&mut Span>, at: Timestamp) {
    if let Some(span) = span {
        span.ended_at.get_or_insert(at);
    }
}

/// From the first node of a pool that was begun to the last one that was done.
fn pools(nodes: &[NodeTime]) -> BTreeMap<String, (usize, Span)> {
    let mut pools: BTreeMap<String, (usize, Span)> = BTreeMap::new();
    let mut counted = BTreeSet::new();
    for node in nodes {
        let (count, span) = pools.entry(node.pool.clone()).or_insert((0, node.span));
        // A node that was worked on twice is one node.
        *count += usize::from(counted.insert(&node.name));
        span.started_at = span.started_at.min(node.span.started_at);
        let ends = span.ended_at.zip(node.span.ended_at);
        span.ended_at = ends.map(|(one, other)| one.max(other));
    }
    pools
}
