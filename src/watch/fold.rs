//! The fold: observations change the rows of a cluster and yield events.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::estimate::estimate_remaining;
use super::event::{EventKind, EventObject, EventScope, WatchEvent};
use super::goal::UpgradeGoal;
use super::observation::{Change, Observation};
use super::picture::{NodePhase, Picture, RolloutState, Tally};
use super::progress::{Progress, UpgradePhase};
use super::{managed, message, stall};
use crate::catalog::{Catalog, Release};
use crate::need::{ClusterId, Discovery, ReadTarget};
use crate::snapshot::{ClusterSnapshot, ClusterView, ReadOutcome, ReadResult, RowKey};
use crate::text::human_duration;

/// Probes that count as recent: behind a load balancer one probe sees one API server.
const RECENT_PROBES: usize = 8;

/// How to judge what is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchOptions {
    /// The version to reach; `None` to find it.
    pub goal: Option<UpgradeGoal>,
    /// How long nothing may change before the upgrade counts as stalled.
    pub stall_after: SignedDuration,
}

/// An upgrade as far as it was observed.
#[derive(Debug)]
pub struct UpgradeWatch<'c> {
    catalog: &'c Catalog,
    options: WatchOptions,
    id: ClusterId,
    cluster: Option<ClusterSnapshot>,
    /// Versions of the latest answers, oldest first.
    probes: VecDeque<Release>,
    picture: Option<Picture>,
    /// Rollouts in kube-system that were incomplete before the watch began: nobody waits for them.
    earlier_rollouts: BTreeSet<(&'static str, String)>,
    /// When each node that drains was first seen cordoned.
    draining_since: BTreeMap<String, Timestamp>,
    /// How many nodes or machines there are without surge: those at the beginning, and in the end those that are left.
    total: usize,
    started_at: Option<Timestamp>,
    finished_nodes: Vec<Timestamp>,
    last_change_at: Option<Timestamp>,
    /// When the API server last answered.
    confirmed_at: Option<Timestamp>,
    outage_since: Option<Timestamp>,
    outages: u32,
    is_stalled: bool,
    is_finished: bool,
    /// How many machines each managed cluster has without surge, as `total`; `None` unless they are counted, because one of
    /// these clusters was seen being upgraded and this cluster was not.
    machine_totals: Option<BTreeMap<String, usize>>,
}

impl<'c> UpgradeWatch<'c> {
    /// A watch of the cluster with this id.
    #[must_use]
    pub fn new(id: ClusterId, catalog: &'c Catalog, options: WatchOptions) -> Self {
        Self {
            catalog,
            options,
            id,
            cluster: None,
            probes: VecDeque::new(),
            picture: None,
            earlier_rollouts: BTreeSet::new(),
            draining_since: BTreeMap::new(),
            total: 0,
            started_at: None,
            finished_nodes: Vec::new(),
            last_change_at: None,
            confirmed_at: None,
            outage_since: None,
            outages: 0,
            is_stalled: false,
            is_finished: false,
            machine_totals: None,
        }
    }

    /// The state as it was last seen; `None` until version and nodes have been read.
    #[must_use]
    pub fn picture(&self) -> Option<&Picture> {
        self.picture.as_ref()
    }

    /// Whether nothing has changed for too long.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.is_stalled
    }

    /// Whether the API server does not answer.
    #[must_use]
    pub fn is_in_outage(&self) -> bool {
        self.outage_since.is_some()
    }

    /// Nodes that are cordoned and run an older version: their pods are worth reading.
    pub fn draining_nodes(&self) -> impl Iterator<Item = &str> {
        self.draining_since.keys().map(String::as_str)
    }

    /// Takes an observation and returns the events that follow from it.
    pub fn observe(&mut self, observation: &Observation) -> Vec<WatchEvent> {
        let at = observation.at;
        let mut events = Vec::new();
        if let Change::Outage { why } = &observation.change {
            events.extend(self.begin_outage(at, why));
            return events;
        }
        events.extend(self.end_outage(at));
        self.confirmed_at = Some(at);
        self.apply(&observation.change);
        events.extend(self.compare(at));
        events.extend(self.check_stall(at));
        events
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Discovery(discovery) => {
                self.record_version(&discovery.git_version);
                match &mut self.cluster {
                    Some(cluster) => cluster.discovery = discovery.clone(),
                    None => self.cluster = Some(self.empty_cluster(discovery)),
                }
            }
            Change::Probe { version } => self.record_version(version),
            Change::List(result) => {
                if let Some(cluster) = &mut self.cluster {
                    merge_list(cluster, result);
                }
            }
            Change::Apply { target, rows } => {
                if let Some(result) = self.reading_mut(target) {
                    result.rows.upsert_all(rows.clone());
                }
            }
            Change::Delete {
                target,
                namespace,
                name,
                uid,
            } => {
                let key = RowKey {
                    namespace,
                    name,
                    uid: *uid,
                };
                if let Some(result) = self.reading_mut(target) {
                    result.rows.remove(key);
                }
            }
            Change::Outage { .. } => {}
        }
    }

    fn record_version(&mut self, version: &Release) {
        if self.probes.len() == RECENT_PROBES {
            self.probes.pop_front();
        }
        self.probes.push_back(version.clone());
    }

    fn reading_mut(&mut self, target: &ReadTarget) -> Option<&mut ReadResult> {
        let ledger = &mut self.cluster.as_mut()?.ledger;
        ledger.iter_mut().find(|result| result.target == *target)
    }

    fn empty_cluster(&self, discovery: &Discovery) -> ClusterSnapshot {
        ClusterSnapshot {
            id: self.id.clone(),
            context: None,
            server: String::new(),
            namespace: None,
            discovery: discovery.clone(),
            ledger: Vec::new(),
        }
    }

    /// Compares the cluster with the last picture.
    fn compare(&mut self, at: Timestamp) -> Vec<WatchEvent> {
        let Some(mut picture) = self.new_picture() else {
            return Vec::new();
        };
        let Some(before) = self.picture.take() else {
            let rollouts = picture.rollouts.drain(..);
            self.earlier_rollouts = rollouts.map(|one| (one.kind, one.name)).collect();
            self.total = picture.node_tally().all();
            self.follow_nodes(None, &picture, at);
            self.last_change_at = Some(at);
            let text = message::picture(&picture);
            self.picture = Some(picture);
            let scope = self.cluster_scope();
            let mut events = vec![self.event(at, EventKind::Picture, scope, text)];
            events.extend(self.check_finished(at));
            return events;
        };
        self.forget_complete_rollouts(&mut picture.rollouts);
        let changes = message::changes(&before, &picture, &self.id.0);
        self.follow_nodes(Some(&before), &picture, at);
        self.picture = Some(picture);
        let mut events = Vec::new();
        if !changes.is_empty() {
            self.last_change_at = Some(at);
            if std::mem::take(&mut self.is_stalled) {
                let scope = self.cluster_scope();
                events.push(self.event(
                    at,
                    EventKind::Recovered,
                    scope,
                    "the upgrade goes on".to_owned(),
                ));
            }
        }
        let changes = changes.into_iter();
        events
            .extend(changes.map(|(scope, text)| self.event(at, EventKind::Progress, scope, text)));
        events.extend(self.check_finished(at));
        events
    }

    fn new_picture(&self) -> Option<Picture> {
        let cluster = self.cluster.as_ref()?;
        let view = ClusterView::new(cluster, self.catalog);
        view.nodes()?;
        let versions: BTreeSet<Release> = self.probes.iter().cloned().collect();
        let known = self
            .picture
            .as_ref()
            .and_then(|picture| picture.goal.as_ref());
        let goal = self.options.goal.as_ref().or(known);
        Some(Picture::new(view, versions, goal))
    }

    /// Leaves out rollouts that were incomplete before the watch began, until they have been complete once.
    fn forget_complete_rollouts(&mut self, rollouts: &mut Vec<RolloutState>) {
        self.earlier_rollouts.retain(|(kind, name)| {
            rollouts
                .iter()
                .any(|one| one.kind == *kind && one.name == *name)
        });
        rollouts.retain(|one| {
            !self
                .earlier_rollouts
                .contains(&(one.kind, one.name.clone()))
        });
    }

    /// Keeps what needs a history: nodes that drain, nodes that were finished, and the number of nodes.
    fn follow_nodes(&mut self, before: Option<&Picture>, after: &Picture, at: Timestamp) {
        self.draining_since.retain(|name, _| {
            let node = after.nodes.get(name);
            node.is_some_and(|node| matches!(node.phase, NodePhase::Draining { .. }))
        });
        for (name, node) in &after.nodes {
            if matches!(node.phase, NodePhase::Draining { .. }) {
                self.draining_since.entry(name.clone()).or_insert(at);
            }
        }
        if after.goal.is_none() && !after.is_idle() && self.machine_totals.is_none() {
            self.machine_totals = Some(managed::machine_counts(&after.managed));
            self.total = after.machine_tally().all();
        }
        let tally = self.tally(after);
        if self.is_over(after) {
            // Surge is gone, and what was removed does not come back.
            self.total = tally.all();
            if let Some(totals) = &mut self.machine_totals {
                *totals = managed::machine_counts(&after.managed);
            }
        }
        let Some(before) = before else {
            return;
        };
        let (earlier, done) = (self.done(before), self.done(after));
        // A node that is lost again is finished again later.
        let kept = self
            .finished_nodes
            .len()
            .saturating_sub(earlier.saturating_sub(done));
        self.finished_nodes.truncate(kept);
        self.finished_nodes
            .extend(std::iter::repeat_n(at, done.saturating_sub(earlier)));
        let has_begun = !matches!(
            self.phase(after),
            UpgradePhase::Waiting | UpgradePhase::Finished
        );
        if self.started_at.is_none() && has_begun {
            self.started_at = Some(at);
        }
    }

    fn check_finished(&mut self, at: Timestamp) -> Option<WatchEvent> {
        let picture = self.picture.as_ref()?;
        let is_finished = self.is_over(picture);
        if std::mem::replace(&mut self.is_finished, is_finished) || !is_finished {
            return None;
        }
        let text = match &picture.goal {
            Some(goal) => format!(
                "the control plane and all {} nodes run {}",
                picture.nodes.len(),
                goal.version()
            ),
            None => "all managed clusters are upgraded".to_owned(),
        };
        let scope = self.cluster_scope();
        Some(self.event(at, EventKind::Finished, scope, text))
    }

    fn check_stall(&mut self, at: Timestamp) -> Option<WatchEvent> {
        let phase = self.phase(self.picture.as_ref()?);
        if self.is_stalled || matches!(phase, UpgradePhase::Waiting | UpgradePhase::Finished) {
            return None;
        }
        let silence = at.duration_since(self.last_change_at?);
        if silence < self.options.stall_after {
            return None;
        }
        self.is_stalled = true;
        let chain = match self.picture.as_ref().zip(self.cluster.as_ref()) {
            Some((picture, cluster)) => {
                let view = ClusterView::new(cluster, self.catalog);
                stall::chain(picture, view, &self.draining_since, at)
            }
            None => Vec::new(),
        };
        let what = message::stalled_on(&chain);
        let text = format!(
            "nothing has changed for {}: {}",
            human_duration(silence),
            what.as_deref().unwrap_or("nothing that is read tells why")
        );
        let scope = match chain.first() {
            Some(object) if object.kind == "Node" => EventScope::Node(object.name.clone()),
            _ => self.cluster_scope(),
        };
        let mut event = self.event(at, EventKind::Stall, scope, text);
        event.objects.clone_from(&chain);
        event.chain = chain;
        Some(event)
    }

    fn begin_outage(&mut self, at: Timestamp, why: &str) -> Option<WatchEvent> {
        if self.outage_since.is_some() {
            return None;
        }
        self.outage_since = Some(self.confirmed_at.unwrap_or(at));
        self.outages += 1;
        let scope = self.cluster_scope();
        let text = format!("the API server does not answer: {why}");
        Some(self.event(at, EventKind::Outage, scope, text))
    }

    fn end_outage(&mut self, at: Timestamp) -> Option<WatchEvent> {
        let since = self.outage_since.take()?;
        let length = at.duration_since(since);
        // While nothing could be seen, nothing could be seen to change.
        self.last_change_at = self.last_change_at.map(|last| last + length);
        self.confirmed_at = Some(at);
        // Probes from before may be of API servers that have been replaced.
        self.probes.clear();
        let scope = self.cluster_scope();
        let text = format!(
            "the API server answers again after {}, outage {}",
            human_duration(length),
            self.outages
        );
        Some(self.event(at, EventKind::Back, scope, text))
    }

    fn cluster_scope(&self) -> EventScope {
        EventScope::Cluster(self.id.0.clone())
    }

    fn event(
        &self,
        at: Timestamp,
        kind: EventKind,
        scope: EventScope,
        message: String,
    ) -> WatchEvent {
        let age = self
            .confirmed_at
            .map(|confirmed| at.duration_since(confirmed));
        WatchEvent {
            at,
            kind,
            objects: object_of(&scope).into_iter().collect(),
            scope,
            message,
            progress: self.progress(at),
            pools: match (kind, &self.picture) {
                (EventKind::Picture, Some(picture)) => picture.pools(),
                _ => Vec::new(),
            },
            chain: Vec::new(),
            age_seconds: age.map_or(0, |age| u64::try_from(age.as_secs()).unwrap_or(0)),
        }
    }

    /// How far the upgrade is.
    #[must_use]
    pub fn progress(&self, at: Timestamp) -> Progress {
        let picture = self.picture.as_ref();
        let done = picture.map_or(0, |picture| self.done(picture));
        let estimate = self.started_at.and_then(|started| {
            estimate_remaining(started, &self.finished_nodes, self.total - done, at)
        });
        Progress {
            done,
            total: self.total,
            phase: match picture {
                Some(picture) if self.is_finished || self.is_over(picture) => {
                    UpgradePhase::Finished
                }
                Some(picture) => picture.phase(),
                None => UpgradePhase::Waiting,
            },
            started_at: self.started_at,
            remaining: estimate,
        }
    }

    /// A managed cluster that was not seen being upgraded is not: a machine may be broken.
    fn phase(&self, picture: &Picture) -> UpgradePhase {
        match picture.phase() {
            _ if self.is_over(picture) => UpgradePhase::Finished,
            _ if picture.goal.is_none() && self.machine_totals.is_none() => UpgradePhase::Waiting,
            phase => phase,
        }
    }

    fn is_over(&self, picture: &Picture) -> bool {
        picture.phase() == UpgradePhase::Finished
            || self.machine_totals.is_some()
                && picture.goal.is_none()
                && picture.are_managed_complete()
    }

    fn tally(&self, picture: &Picture) -> Tally {
        match self.machine_totals {
            Some(_) => picture.machine_tally(),
            None => picture.node_tally(),
        }
    }

    /// How many are certain to have been replaced: a surge node that is ready has replaced none yet.
    fn done(&self, picture: &Picture) -> usize {
        if let Some(totals) = &self.machine_totals {
            return managed::replaced_machines(&picture.managed, totals).min(self.total);
        }
        let tally = picture.node_tally();
        tally.upgraded.min(self.total.saturating_sub(tally.old))
    }
}

fn object_of(scope: &EventScope) -> Option<EventObject> {
    match scope {
        EventScope::Node(name) => Some(EventObject {
            kind: "Node",
            namespace: None,
            name: name.clone(),
            why: String::new(),
        }),
        EventScope::Cluster(_) => None,
    }
}

/// A failed list keeps the rows of the last one that succeeded: what cannot be read now has not gone.
fn merge_list(cluster: &mut ClusterSnapshot, result: &ReadResult) {
    let is_failed = matches!(result.outcome, ReadOutcome::Failed { .. });
    let has_rows = cluster
        .ledger
        .iter()
        .any(|old| old.target == result.target && old.outcome == ReadOutcome::Complete);
    if !(is_failed && has_rows) {
        cluster.merge(vec![result.clone()]);
    }
}
