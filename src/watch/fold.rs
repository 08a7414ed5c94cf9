//! The fold: observations change the rows of a cluster and yield events.

use std::collections::{BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::drains::Drains;
use super::estimate::estimate_remaining;
use super::event::{EventKind, EventObject, EventScope, WatchEvent};
use super::goal::UpgradeGoal;
use super::managed::{self, ManagedProgress};
use super::message::{self, ScopedMessage};
use super::needs::Part;
use super::nodes::{NodeState, NodeUpdate, Tally};
use super::observation::{Change, Observation};
use super::picture::{self, Picture, RolloutState, pods_to_evict};
use super::progress::{Progress, UpgradePhase};
use super::{history, plans, stall};
use crate::catalog::{Catalog, Release};
use crate::need::{ClusterId, Discovery, ReadTarget};
use crate::snapshot::{ClusterSnapshot, ClusterView, ReadOutcome, ReadResult, RowKey, Rows};
use crate::text::human_duration;

/// Probes that count as recent: behind a load balancer one probe sees one API server.
const RECENT_PROBES: usize = 8;

/// How long nothing may run the version that was found before the upgrade counts as taken back.
const TAKEN_BACK_AFTER: SignedDuration = SignedDuration::from_mins(5);

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
    drains: Drains,
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
    is_taken_back: bool,
    /// The progress of managed clusters; `None` unless their machines are counted, because one of these clusters was seen
    /// being upgraded and this cluster was not.
    managed: Option<ManagedProgress>,
    /// Since when no part of the cluster runs the version that was found.
    unreached_since: Option<Timestamp>,
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
            drains: Drains::default(),
            total: 0,
            started_at: None,
            finished_nodes: Vec::new(),
            last_change_at: None,
            confirmed_at: None,
            outage_since: None,
            outages: 0,
            is_stalled: false,
            is_finished: false,
            is_taken_back: false,
            managed: None,
            unreached_since: None,
        }
    }

    /// The state as it was last seen; `None` until version and nodes have been read.
    #[must_use]
    pub fn picture(&self) -> Option<&Picture> {
        self.picture.as_ref()
    }

    /// Whether Plans of the system-upgrade-controller are read. An API server that has just started may not serve them yet.
    #[must_use]
    pub fn has_plans(&self) -> bool {
        let mut ledger = self.cluster.iter().flat_map(|cluster| &cluster.ledger);
        ledger.any(|result| Part::of(&result.target) == Part::Plans)
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

    /// Nodes that are cordoned and run an older version, whose pods are worth reading: those of a limited number of nodes.
    #[must_use]
    pub fn draining_nodes(&self) -> &BTreeSet<String> {
        self.drains.followed()
    }

    /// Takes an observation and returns the events that follow from it.
    pub fn observe(&mut self, observation: &Observation) -> Vec<WatchEvent> {
        self.take(observation).unwrap_or_default()
    }

    /// Takes an observation and returns the events that follow from it; `None` if it says nothing new about an object, so
    /// that it need not be recorded.
    pub fn take(&mut self, observation: &Observation) -> Option<Vec<WatchEvent>> {
        let at = observation.at;
        if let Change::Outage { why } = &observation.change {
            return Some(self.begin_outage(at, why).into_iter().collect());
        }
        let touched = self.apply(&observation.change)?;
        let mut events: Vec<WatchEvent> = self.end_outage(at).into_iter().collect();
        self.confirmed_at = Some(at);
        events.extend(self.compare(touched, at));
        events.extend(self.check_stall(at));
        Some(events)
    }

    /// Changes the rows of the cluster; `None` if they say the same already.
    fn apply(&mut self, change: &Change) -> Option<Touched> {
        match change {
            Change::Discovery(discovery) => {
                self.record_version(&discovery.git_version);
                match &mut self.cluster {
                    Some(cluster) => cluster.discovery = discovery.clone(),
                    None => self.cluster = Some(self.empty_cluster(discovery)),
                }
                Some(Touched::ApiServers)
            }
            Change::Probe { version } => {
                self.record_version(version);
                Some(Touched::ApiServers)
            }
            Change::List(result) => self.merge_list(result),
            Change::Apply { target, rows } => {
                let held = self.reading_mut(target)?;
                let has_changed = held.rows.upsert_all(rows.clone());
                has_changed.then(|| self.touched(target, rows))
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
                let has_changed = self.reading_mut(target)?.rows.remove(key);
                has_changed.then(|| match Part::of(target) {
                    Part::Nodes => Touched::Nodes(vec![NodeUpdate::gone(name)]),
                    part => Touched::from(part),
                })
            }
            Change::Outage { .. } => None,
        }
    }

    /// A list that failed says nothing: what cannot be read now has not gone.
    fn merge_list(&mut self, result: &ReadResult) -> Option<Touched> {
        if matches!(result.outcome, ReadOutcome::Failed { .. }) {
            return None;
        }
        self.cluster.as_ref()?;
        if let Part::PodsOf(node) = Part::of(&result.target)
            && !self.drains.followed().contains(node)
        {
            return None;
        }
        let mut touched = self.touched(&result.target, &result.rows);
        if let (Touched::Nodes(updates), Some(picture)) = (&mut touched, &self.picture) {
            let listed: BTreeSet<&str> = result.rows.nodes().iter().map(|row| &*row.name).collect();
            let gone = picture.nodes.names().filter(|name| !listed.contains(name));
            updates.extend(gone.map(NodeUpdate::gone));
        }
        if let Some(cluster) = &mut self.cluster {
            cluster.merge(vec![result.clone()]);
        }
        Some(touched)
    }

    /// What is computed from these rows.
    fn touched(&self, target: &ReadTarget, rows: &Rows) -> Touched {
        let goal = self
            .picture
            .as_ref()
            .and_then(|picture| picture.goal.as_ref());
        match Part::of(target) {
            Part::Nodes => {
                let rows = rows.nodes().iter();
                Touched::Nodes(
                    rows.map(|row| NodeUpdate::new(row, goal, self.catalog))
                        .collect(),
                )
            }
            part => Touched::from(part),
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

    /// Brings the picture up to date, and reports what changed.
    fn compare(&mut self, touched: Touched, at: Timestamp) -> Vec<WatchEvent> {
        let Some(mut picture) = self.picture.take() else {
            return self.begin(at);
        };
        let done_before = self.done(&picture);
        let changes = self.refresh(&mut picture, touched, at);
        self.follow_progress(&picture, done_before, at);
        self.picture = Some(picture);
        let mut events = Vec::new();
        if !changes.is_empty() {
            self.last_change_at = Some(at);
            if std::mem::take(&mut self.is_stalled) {
                let text = "the upgrade goes on".to_owned();
                events.push(self.event(at, EventKind::Recovered, self.cluster_scope(), text));
            }
        }
        let changes = changes.into_iter();
        events
            .extend(changes.map(|(scope, text)| self.event(at, EventKind::Progress, scope, text)));
        events.extend(self.check_finished(at));
        events.extend(self.check_taken_back(at));
        events
    }

    /// The first picture, as soon as version and nodes have been read.
    fn begin(&mut self, at: Timestamp) -> Vec<WatchEvent> {
        let Some(cluster) = &self.cluster else {
            return Vec::new();
        };
        let view = ClusterView::new(cluster, self.catalog);
        let Some(nodes) = view.nodes() else {
            return Vec::new();
        };
        let versions = self.probes.iter().cloned().collect();
        let mut picture = Picture::new(view, nodes, versions, self.options.goal.as_ref());
        let rollouts = picture.rollouts.drain(..);
        self.earlier_rollouts = rollouts.map(|one| (one.kind, one.name)).collect();
        self.total = picture.nodes.tally().all();
        self.drains.set_all(&picture.nodes, at);
        let of_nodes = history::of_nodes(nodes, &picture.nodes, at);
        let is_of_machines = self.count_machines(&picture);
        let mut history = match is_of_machines {
            true => history::of_machines(picture.managed.values(), at),
            false => of_nodes,
        };
        let mut text = message::picture(&picture);
        if !history.is_empty() && (is_of_machines || picture.goal.is_some()) {
            text += &message::history(&history);
            // The first one shows when it ended, not when it began.
            self.started_at = Some(history.remove(0));
            self.finished_nodes = history;
        }
        self.last_change_at = Some(at);
        self.picture = Some(picture);
        let mut events = vec![self.event(at, EventKind::Picture, self.cluster_scope(), text)];
        events.extend(self.check_finished(at));
        events
    }

    /// Replaces the part of the picture that the touched rows are of, and says what changed in it.
    fn refresh(
        &mut self,
        picture: &mut Picture,
        touched: Touched,
        at: Timestamp,
    ) -> Vec<ScopedMessage> {
        let Some(cluster) = &self.cluster else {
            return Vec::new();
        };
        let view = ClusterView::new(cluster, self.catalog);
        let mut nodes = Vec::new();
        let mut managed = Vec::new();
        let mut of_cluster = Vec::new();
        let is_of_plans = match &touched {
            Touched::Plans => true,
            Touched::Nodes(_) => !picture.plans.is_empty(),
            _ => false,
        };
        match touched {
            Touched::Nothing | Touched::Plans => {}
            Touched::ApiServers => {
                let versions: BTreeSet<Release> = self.probes.iter().cloned().collect();
                if picture.control_plane.api_servers != versions {
                    of_cluster.push(message::api_servers(&versions));
                    picture.control_plane.api_servers = versions;
                }
            }
            Touched::StaticPods => {
                let pods = picture::static_pods(view);
                of_cluster =
                    message::static_pods(picture.control_plane.static_pods.as_ref(), pods.as_ref());
                picture.control_plane.static_pods = pods;
            }
            Touched::Rollouts => {
                let mut rollouts = picture::incomplete_rollouts(view);
                forget_earlier(&mut self.earlier_rollouts, &mut rollouts);
                of_cluster = message::rollouts(&picture.rollouts, &rollouts);
                picture.rollouts = rollouts;
            }
            Touched::Managed => {
                let before = picture.set_managed(managed::rollouts(view));
                managed = message::managed(&before, &picture.managed);
            }
            Touched::PodsOf(node) => {
                let pods_left = pods_to_evict(view, &node).map(Iterator::count);
                nodes.extend(
                    picture
                        .set_pods_left(&node, pods_left)
                        .map(|old| (node, Some(old))),
                );
            }
            Touched::Nodes(updates) => {
                let updates = updates.into_iter();
                nodes = updates.map(|update| picture.set_node(update)).collect();
            }
        }
        if is_of_plans {
            let before = std::mem::replace(&mut picture.plans, plans::plans(view));
            of_cluster.extend(message::plans(&before, &picture.plans));
        }
        let mut messages = Vec::new();
        if picture.find_goal()
            && let Some(goal) = &picture.goal
        {
            messages.push((self.cluster_scope(), message::goal(goal)));
            self.drains.set_all(&picture.nodes, at);
        }
        let of_cluster = of_cluster.into_iter();
        messages.extend(of_cluster.map(|text| (self.cluster_scope(), text)));
        for (name, before) in nodes {
            let after = picture.nodes.get(&name);
            let is_draining = after.is_some_and(NodeState::is_draining);
            self.drains.set(&name, is_draining, at);
            let text = message::node(&name, before.as_ref(), after, picture.goal.as_ref());
            messages.extend(text.map(|text| (EventScope::Node(name), text)));
        }
        messages.extend(managed);
        self.forget_pods();
        messages
    }

    /// Drops the pods of nodes that no longer drain.
    fn forget_pods(&mut self) {
        let followed = self.drains.followed();
        if let Some(cluster) = &mut self.cluster {
            cluster
                .ledger
                .retain(|result| match Part::of(&result.target) {
                    Part::PodsOf(node) => followed.contains(node),
                    _ => true,
                });
        }
    }

    /// Keeps what needs a history: the nodes that were finished, their number, and when it began.
    fn follow_progress(&mut self, picture: &Picture, done_before: usize, at: Timestamp) {
        let done_before = match self.count_machines(picture) {
            true => self.done(picture),
            false => done_before,
        };
        if self.is_over(picture) {
            // Surge is gone, and what was removed does not come back.
            self.total = self.tally(picture).all();
            if let Some(progress) = &mut self.managed {
                progress.count(&picture.managed);
            }
        }
        let done = self.done(picture);
        // A node that is lost again is finished again later.
        let lost = done_before.saturating_sub(done);
        self.finished_nodes
            .truncate(self.finished_nodes.len().saturating_sub(lost));
        self.finished_nodes
            .extend(std::iter::repeat_n(at, done.saturating_sub(done_before)));
        let has_begun = !matches!(
            self.phase(picture),
            UpgradePhase::Waiting | UpgradePhase::Finished
        );
        if self.started_at.is_none() && has_begun {
            self.started_at = Some(at);
        }
    }

    /// Counts machines instead of nodes from when a managed cluster is seen being upgraded and this cluster is not. Returns
    /// whether that is now.
    fn count_machines(&mut self, picture: &Picture) -> bool {
        let begins = picture.goal.is_none() && !picture.is_idle() && self.managed.is_none();
        if begins {
            self.managed = Some(ManagedProgress::new(&picture.managed));
            self.total = picture.machine_tally().all();
        }
        if let Some(progress) = &mut self.managed {
            progress.follow(&picture.managed);
        }
        begins
    }

    fn check_finished(&mut self, at: Timestamp) -> Option<WatchEvent> {
        let picture = self.picture.as_ref()?;
        let is_finished = self.is_over(picture);
        if std::mem::replace(&mut self.is_finished, is_finished) || !is_finished {
            return None;
        }
        let taken_back = self.managed.as_ref().filter(|_| picture.goal.is_none());
        let taken_back = taken_back.and_then(|progress| progress.taken_back(&picture.managed));
        if let Some((cluster, version)) = taken_back {
            let text = format!("the upgrade of cluster {cluster} to v{version} was taken back");
            return Some(self.event(at, EventKind::Failed, self.cluster_scope(), text));
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

    /// An upgrade that was found and that nothing runs any more; once. For a while nothing may be seen to run the version:
    /// behind a load balancer some probes reach older API servers only.
    fn check_taken_back(&mut self, at: Timestamp) -> Option<WatchEvent> {
        let picture = self.picture.as_ref()?;
        let goal = picture
            .goal
            .as_ref()
            .filter(|_| self.options.goal.is_none())?;
        if picture.is_goal_in_sight(goal) {
            self.unreached_since = None;
            return None;
        }
        let was_within = |since: Timestamp| at.duration_since(since) < TAKEN_BACK_AFTER;
        let since = *self.unreached_since.get_or_insert(at);
        if self.is_taken_back || was_within(since) {
            return None;
        }
        let text = format!(
            "the upgrade to {} was taken back: nothing runs it",
            goal.version()
        );
        self.is_taken_back = true;
        Some(self.event(at, EventKind::Failed, self.cluster_scope(), text))
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
                stall::chain(picture, view, self.drains.since(), at)
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
        // Probes from before may be of API servers that will have been replaced.
        self.probes.clear();
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
                Some(_) if self.is_finished => UpgradePhase::Finished,
                Some(picture) => self.phase(picture),
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
            _ if picture.goal.is_none() && self.managed.is_none() => UpgradePhase::Waiting,
            phase => phase,
        }
    }

    fn is_over(&self, picture: &Picture) -> bool {
        picture.phase() == UpgradePhase::Finished
            || self.managed.is_some() && picture.goal.is_none() && picture.are_managed_complete()
    }

    fn tally(&self, picture: &Picture) -> Tally {
        match self.managed {
            Some(_) => picture.machine_tally(),
            None => picture.nodes.tally(),
        }
    }

    /// How many are certain to have been replaced: a surge node that is ready has replaced none yet.
    fn done(&self, picture: &Picture) -> usize {
        if let Some(progress) = &self.managed {
            return progress.replaced(&picture.managed).min(self.total);
        }
        let tally = picture.nodes.tally();
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

/// Leaves out rollouts that were incomplete before the watch began, until they have been complete once.
fn forget_earlier(
    earlier: &mut BTreeSet<(&'static str, String)>,
    rollouts: &mut Vec<RolloutState>,
) {
    let is = |one: &RolloutState, kind: &str, name: &str| one.kind == kind && one.name == name;
    earlier.retain(|(kind, name)| rollouts.iter().any(|one| is(one, kind, name)));
    rollouts.retain(|one| !earlier.iter().any(|(kind, name)| is(one, kind, name)));
}

/// The part of the picture that an observation changed.
#[derive(Debug)]
enum Touched {
    Nothing,
    ApiServers,
    Nodes(Vec<NodeUpdate>),
    PodsOf(String),
    StaticPods,
    Rollouts,
    Managed,
    Plans,
}

impl From<Part<'_>> for Touched {
    fn from(part: Part<'_>) -> Self {
        match part {
            Part::PodsOf(node) => Self::PodsOf(node.to_owned()),
            Part::StaticPods => Self::StaticPods,
            Part::Rollouts => Self::Rollouts,
            Part::Managed => Self::Managed,
            Part::Plans => Self::Plans,
            Part::Nodes | Part::None => Self::Nothing,
        }
    }
}
