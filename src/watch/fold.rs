//! The fold: observations change the rows of a cluster and yield events.

mod extras;
mod outcome;
mod platform;
mod refresh;
mod rows;
mod waits;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::chains::{WaitChain, WaitTracker};
use super::drains::{Drains, InFlight};
use super::estimate::estimate_remaining;
use super::event::{EventKind, EventScope, WatchEvent};
use super::goal::UpgradeGoal;
use super::managed::ManagedProgress;
use super::message;
use super::needs::Part;
use super::nodes::Tally;
use super::novelty::Novelty;
use super::object::EventObject;
use super::observation::{Change, Observation};
use super::outage::{Outage, OutageKind};
use super::picture::Picture;
use super::platform::{PlatformGoal, PlatformProgress};
use super::progress::{Progress, UpgradePhase};
use super::steps::{PlanProgress, PlannedStep};
use super::warnings::Warnings;
use crate::catalog::{Catalog, Release};
use crate::need::{ClusterId, Need};
use crate::snapshot::{ClusterSnapshot, ReadOutcome};

/// Probes that count as recent: behind a load balancer one probe sees one API server. That none of them reaches one of three
/// is improbable.
pub(super) const RECENT_PROBES: usize = 8;

/// How to judge what is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchOptions {
    /// The version to reach; `None` to find it.
    pub goal: Option<UpgradeGoal>,
    /// The release of a platform to reach; `None` to follow Kubernetes, and a platform that is being upgraded.
    pub platform: Option<PlatformGoal>,
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
    plan: PlanProgress,
    warnings: Warnings,
    waits: WaitTracker,
    /// What is to be listed now to find out what holds the upgrade up.
    wanted: Vec<Need>,
    /// Managed clusters that were seen being upgraded and are not complete.
    upgrading: BTreeSet<String>,
    /// When that was last judged.
    judged_at: Option<Timestamp>,
    /// Whether it was said that warnings cannot be read.
    has_reported_gap: bool,
    /// How many nodes or machines there are without surge: those at the beginning, and in the end those that are left.
    total: usize,
    started_at: Option<Timestamp>,
    finished_nodes: Vec<Timestamp>,
    novelty: Novelty,
    /// When something changed that was news.
    last_change_at: Option<Timestamp>,
    /// When the API server last answered.
    confirmed_at: Option<Timestamp>,
    outage: Option<Outage>,
    /// Whether the API server answers but refuses the nodes.
    is_blind: bool,
    outages: u32,
    is_stalled: bool,
    is_finished: bool,
    is_taken_back: bool,
    /// The progress of managed clusters; `None` unless their machines are counted, because one of these clusters was seen
    /// being upgraded and this cluster was not.
    managed: Option<ManagedProgress>,
    platform: PlatformProgress,
    /// Since when no part of the cluster runs the version that was found.
    unreached_since: Option<Timestamp>,
    /// Since when all nodes are upgraded, but fewer than there were: their replacements may not have joined yet.
    fewer_since: Option<Timestamp>,
    /// Whether these replacements are still awaited.
    awaits_nodes: bool,
    /// How many nodes there are fewer than at the beginning, once they are no longer awaited.
    missing: usize,
    /// Whether no upgrade was found so far, and not all API servers are known that could show one.
    may_be_idle: bool,
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
            plan: PlanProgress::default(),
            warnings: Warnings::default(),
            waits: WaitTracker::default(),
            wanted: Vec::new(),
            upgrading: BTreeSet::new(),
            judged_at: None,
            has_reported_gap: false,
            total: 0,
            started_at: None,
            finished_nodes: Vec::new(),
            novelty: Novelty::default(),
            last_change_at: None,
            confirmed_at: None,
            outage: None,
            is_blind: false,
            outages: 0,
            is_stalled: false,
            is_finished: false,
            is_taken_back: false,
            managed: None,
            platform: PlatformProgress::default(),
            unreached_since: None,
            fewer_since: None,
            awaits_nodes: false,
            missing: 0,
            may_be_idle: false,
        }
    }

    /// Ticks off these steps from now on.
    pub fn follow_plan(&mut self, steps: Vec<PlannedStep>) {
        self.plan = PlanProgress::new(steps);
    }

    /// The name of the cluster.
    #[must_use]
    pub fn cluster_name(&self) -> &str {
        &self.id.0
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

    /// Whether it is certain that nothing is being upgraded.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        let picture = self.picture.as_ref();
        self.options.platform.is_none()
            && picture.is_some_and(|picture| picture.is_idle() && self.are_servers_known(picture))
    }

    /// Whether what is left to know are the versions of API servers behind the same address: more probes tell.
    #[must_use]
    pub fn awaits_probes(&self) -> bool {
        let is_open =
            |picture: &Picture| picture.goal.is_none() || picture.phase() == UpgradePhase::Finished;
        let picture = self.picture.as_ref();
        picture.is_some_and(|picture| is_open(picture) && !self.are_servers_known(picture))
    }

    /// Whether all API servers are known: by their static pods, or by enough probes since the last outage.
    fn are_servers_known(&self, picture: &Picture) -> bool {
        picture.control_plane.shows_api_servers() || self.probes.len() == RECENT_PROBES
    }

    /// Whether nothing has changed for too long.
    #[must_use]
    pub fn is_stalled(&self) -> bool {
        self.is_stalled
    }

    /// Nodes that are cordoned and run an older version, whose pods are worth reading: those of a limited number of nodes.
    #[must_use]
    pub fn draining_nodes(&self) -> &BTreeSet<String> {
        self.drains.followed()
    }

    /// How far the plan is; `None` without one.
    #[must_use]
    pub fn plan_progress(&self) -> Option<String> {
        (!self.plan.is_empty()).then(|| self.plan.progress())
    }

    /// What holds the upgrade up now, as far as it was reported, the longest wait first.
    #[must_use]
    pub fn chains(&self) -> &[WaitChain] {
        self.waits.reported()
    }

    /// What is to be listed every few seconds, from now until it is no longer wanted, to find out what holds the upgrade up.
    #[must_use]
    pub fn wanted_needs(&self) -> &[Need] {
        &self.wanted
    }

    /// The nodes in flight.
    #[must_use]
    pub fn in_flight(&self) -> &BTreeMap<String, InFlight> {
        self.drains.in_flight()
    }

    /// The state at this time as an event; `None` before the first picture.
    #[must_use]
    pub fn picture_event(&self, at: Timestamp) -> Option<WatchEvent> {
        let picture = self.picture.as_ref()?;
        let text = self.picture_text(picture);
        Some(self.event(at, EventKind::Picture, self.cluster_scope(), text))
    }

    fn picture_text(&self, picture: &Picture) -> String {
        if !self.platform.is_followed() {
            return message::picture(picture, self.are_servers_known(picture));
        }
        let goal = self.options.platform.as_ref();
        message::platform_picture(picture.platform.as_ref(), goal)
    }

    /// The outage, if there is one.
    #[must_use]
    pub fn outage(&self) -> Option<Outage> {
        self.outage
    }

    /// Takes an observation and returns the events that follow from it.
    pub fn observe(&mut self, observation: &Observation) -> Vec<WatchEvent> {
        self.take(observation).unwrap_or_default()
    }

    /// Takes an observation and returns the events that follow from it; `None` if it says nothing new about an object, so
    /// that it need not be recorded.
    pub fn take(&mut self, observation: &Observation) -> Option<Vec<WatchEvent>> {
        let at = observation.at;
        if let Change::Outage {
            why,
            is_unauthorized,
        } = &observation.change
        {
            let kind = match is_unauthorized {
                true => OutageKind::Unauthorized,
                false => OutageKind::Unreachable,
            };
            return Some(self.begin_outage(at, kind, why).into_iter().collect());
        }
        match &observation.change {
            Change::List(result) if Part::of(&result.target) == Part::Warnings => {
                return self.take_list_of_warnings(result, at);
            }
            Change::Apply { target, rows } if Part::of(target) == Part::Warnings => {
                return self.take_warnings(rows, at);
            }
            _ => {}
        }
        if let Some(why) = refused_nodes(&observation.change) {
            return Some(self.lose_sight(at, why).into_iter().collect());
        }
        let touched = self.apply(&observation.change)?;
        self.is_blind &= !touched.is_of_nodes();
        self.plan.is_outdated |= !matches!(observation.change, Change::Probe { .. });
        let mut events = Vec::new();
        // A stream that is still open delivers changes although new requests are refused.
        let is_answer = !matches!(
            observation.change,
            Change::Apply { .. } | Change::Delete { .. }
        );
        if is_answer && !self.is_blind {
            events.extend(self.end_outage(at));
        }
        if !self.is_blind {
            self.confirmed_at = Some(at);
        }
        events.extend(self.compare(touched, at));
        // With the probes, that is every few seconds: a plan may have thousands of steps.
        if matches!(observation.change, Change::Probe { .. }) && self.plan.is_outdated {
            events.extend(self.tick_off(at));
        }
        events.extend(self.check_stall(at));
        Some(events)
    }

    /// The warnings about a node in flight and its pods, or about rollouts if the name is empty.
    pub fn warnings<'w>(&'w self, node: &'w str) -> impl Iterator<Item = String> + 'w {
        self.warnings.lines(node)
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
            chain: None,
            step: None,
            age_seconds: age.map_or(0, |age| u64::try_from(age.as_secs()).unwrap_or(0)),
        }
    }

    /// How far the upgrade is.
    #[must_use]
    pub fn progress(&self, at: Timestamp) -> Progress {
        let picture = self.picture.as_ref();
        let done = picture.map_or(0, |picture| self.done(picture));
        let estimate = self.started_at.and_then(|started| {
            estimate_remaining(
                started,
                &self.finished_nodes,
                self.total.saturating_sub(done),
                at,
            )
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
        if let Some(phase) = self.platform.phase(picture.platform.as_ref()) {
            return phase;
        }
        match picture.phase() {
            _ if self.is_over(picture) => UpgradePhase::Finished,
            _ if picture.goal.is_none() && self.managed.is_none() => UpgradePhase::Waiting,
            UpgradePhase::Finished => UpgradePhase::Nodes,
            phase => phase,
        }
    }

    fn is_over(&self, picture: &Picture) -> bool {
        if self.platform.is_followed() {
            return self.platform.is_complete();
        }
        picture.phase() == UpgradePhase::Finished
            && !picture.is_platform_upgrading()
            && !self.awaits_nodes
            && (self.is_finished || self.are_servers_known(picture))
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
        if let Some(platform) = self.followed_platform(picture) {
            return platform.done_for(self.options.platform.as_ref());
        }
        if let Some(progress) = &self.managed {
            return progress.replaced(&picture.managed).min(self.total);
        }
        let tally = picture.nodes.tally();
        tally.upgraded.min(self.total.saturating_sub(tally.old))
    }
}

/// Why the nodes are refused, if this says so.
fn refused_nodes(change: &Change) -> Option<&str> {
    match change {
        Change::List(result) if Part::of(&result.target) == Part::Nodes => match &result.outcome {
            ReadOutcome::Forbidden { why, .. } => Some(why),
            _ => None,
        },
        _ => None,
    }
}

fn object_of(scope: &EventScope) -> Option<EventObject> {
    match scope {
        EventScope::Node(name) => Some(EventObject::new("Node", None, name, "")),
        EventScope::Cluster(_) => None,
    }
}
