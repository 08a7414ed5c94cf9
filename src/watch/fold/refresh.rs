//! From the rows of the cluster to the picture, part by part.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::super::event::{EventKind, EventScope, WatchEvent};
use super::super::managed::ManagedProgress;
use super::super::message::{self, ScopedMessage};
use super::super::needs::Part;
use super::super::nodes::NodeState;
use super::super::picture::{self, Picture, RolloutState, pods_to_evict};
use super::super::platform::platform_rollout;
use super::super::progress::UpgradePhase;
use super::super::{history, managed, plans};
use super::UpgradeWatch;
use super::rows::Touched;
use crate::catalog::Release;
use crate::need::ReadTarget;
use crate::snapshot::{ClusterSnapshot, ClusterView, ReadOutcome};

impl UpgradeWatch<'_> {
    /// Brings the picture up to date, and reports what changed.
    pub(super) fn compare(&mut self, touched: Touched, at: Timestamp) -> Vec<WatchEvent> {
        let Some(mut picture) = self.picture.take() else {
            return self.begin(at);
        };
        let done_before = self.done(&picture);
        let is_of_waits = matches!(touched, Touched::Waits | Touched::PodsOf(_));
        let is_of_pods = matches!(touched, Touched::PodsOf(_));
        let mut changes = self.refresh(&mut picture, touched, at);
        let has_changed = self.novelty.take(&changes, &picture);
        if is_of_pods {
            changes.retain(|(scope, _)| self.is_due(&picture, scope, at));
        }
        self.follow_progress(&picture, done_before, at);
        self.picture = Some(picture);
        let mut events = Vec::new();
        if has_changed {
            self.last_change_at = Some(at);
            if std::mem::take(&mut self.is_stalled) {
                let text = "the upgrade continues".to_owned();
                events.push(self.event(at, EventKind::Recovered, self.cluster_scope(), text));
            }
        }
        let changes = changes.into_iter();
        events
            .extend(changes.map(|(scope, text)| self.event(at, EventKind::Progress, scope, text)));
        events.extend(self.check_idle(at));
        events.extend(self.check_waits(is_of_waits, at));
        events.extend(self.check_finished(at));
        events.extend(self.check_platform_failed(at));
        events.extend(self.check_taken_back(at));
        events
    }

    /// Whether it is time to report the progress of a drain again: not each pod is worth an event.
    pub(super) fn is_due(&mut self, picture: &Picture, scope: &EventScope, at: Timestamp) -> bool {
        let EventScope::Node(name) = scope else {
            return true;
        };
        let pods_left = picture.nodes.get(name).and_then(NodeState::pods_left);
        self.drains.is_due(name, pods_left, at)
    }

    /// The first picture, as soon as version and nodes have been read.
    pub(super) fn begin(&mut self, at: Timestamp) -> Vec<WatchEvent> {
        let Some(cluster) = &self.cluster else {
            return Vec::new();
        };
        let view = ClusterView::new(cluster, self.catalog);
        let Some(nodes) = view.nodes() else {
            return Vec::new();
        };
        let versions = self.probes.iter().cloned().collect();
        let mut picture = Picture::new(view, nodes, versions, self.options.goal.as_ref());
        picture.platform = platform_rollout(view, self.options.platform.as_ref());
        let rollouts = picture.rollouts.drain(..);
        self.earlier_rollouts = rollouts.map(|one| (one.kind, one.name)).collect();
        self.total = picture.nodes.tally().all();
        self.drains.set_all(&picture.nodes, at);
        let of_nodes = history::of_nodes(nodes, &picture.nodes, at);
        let is_of_machines = self.count_machines(&picture);
        self.follow_platform(&picture, at);
        let mut history = match is_of_machines {
            true => history::of_machines(picture.managed.values(), at),
            false => of_nodes,
        };
        let are_servers_known = self.are_servers_known(&picture);
        let mut text = self.picture_text(&picture);
        self.may_be_idle = picture.is_idle() && !are_servers_known;
        let is_of_nodes = picture.goal.is_some() && !self.platform.is_followed();
        if !history.is_empty() && (is_of_machines || is_of_nodes) {
            text += &message::history(&history);
            // The first one shows when it ended, not when it began.
            self.started_at = Some(history.remove(0));
            self.finished_nodes = history;
        }
        self.last_change_at = Some(at);
        self.picture = Some(picture);
        if !self.plan.is_empty() {
            self.tick_off(at);
            text += &format!("; {}; {}", self.plan.progress(), self.plan.limits());
        }
        let mut text = text.trim_end_matches("; ").to_owned();
        if let Some(refused) = self.cluster.as_ref().and_then(refused_lists) {
            text += &format!("; not shown, because they may not be listed: {refused}");
        }
        let mut events = vec![self.event(at, EventKind::Picture, self.cluster_scope(), text)];
        events.extend(self.check_platform_failed(at));
        events.extend(self.check_finished(at));
        events
    }

    /// Replaces the part of the picture that the touched rows are of, and says what changed in it.
    pub(super) fn refresh(
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
        // The machines of clusters are parts of DKP.
        let is_of_platform = match &touched {
            Touched::Platform => true,
            Touched::Managed => picture.platform.is_some(),
            _ => false,
        };
        let is_of_plans = match &touched {
            Touched::Plans => true,
            Touched::Nodes(_) => !picture.plans.is_empty(),
            _ => false,
        };
        match touched {
            Touched::Nothing | Touched::Plans | Touched::Platform | Touched::Waits => {}
            Touched::ApiServers => {
                let versions: BTreeSet<Release> = self.probes.iter().cloned().collect();
                if picture.control_plane.api_servers != versions {
                    of_cluster.push(message::api_servers(&versions));
                    picture.control_plane.api_servers = versions;
                    self.plan.is_outdated = true;
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
        if is_of_platform {
            let platform = platform_rollout(view, self.options.platform.as_ref());
            of_cluster.extend(message::platform(
                picture.platform.as_ref(),
                platform.as_ref(),
            ));
            picture.platform = platform;
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
            self.drains.set(&name, after, at);
            let text = message::node(&name, before.as_ref(), after, picture.goal.as_ref());
            messages.extend(text.map(|text| (EventScope::Node(name), text)));
        }
        messages.extend(managed);
        let in_flight = self.drains.in_flight();
        self.warnings
            .retain_nodes(|node| in_flight.contains_key(node));
        self.forget_rows();
        messages
    }

    /// Drops the pods of nodes that no longer drain, and lists that are no longer wanted.
    pub(super) fn forget_rows(&mut self) {
        let followed = self.drains.followed();
        let wanted = &self.wanted;
        if let Some(cluster) = &mut self.cluster {
            cluster
                .ledger
                .retain(|result| match Part::of(&result.target) {
                    Part::PodsOf(node) => followed.contains(node),
                    Part::Waits => wanted.iter().any(|need| need.target == result.target),
                    _ => true,
                });
        }
    }

    /// Keeps what needs a history: the nodes that were finished, their number, and when it began.
    pub(super) fn follow_progress(&mut self, picture: &Picture, done_before: usize, at: Timestamp) {
        let done_before = match self.count_machines(picture) {
            true => self.done(picture),
            false => done_before,
        };
        self.follow_platform(picture, at);
        self.await_nodes(picture, at);
        if self.is_over(picture) {
            // Surge is gone, and what was removed does not come back.
            self.total = match self.followed_platform(picture) {
                Some(platform) => platform.total,
                None => self.tally(picture).all(),
            };
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
    pub(super) fn count_machines(&mut self, picture: &Picture) -> bool {
        let begins = picture.goal.is_none()
            && picture.is_upgrading_managed()
            && self.managed.is_none()
            && !self.platform.is_followed();
        if begins {
            self.managed = Some(ManagedProgress::new(&picture.managed));
            self.total = picture.machine_tally().all();
        }
        if let Some(progress) = &mut self.managed {
            progress.follow(&picture.managed);
        }
        begins
    }
}

/// The lists that were refused, `pods in kube-system, daemonsets.apps in kube-system`; `None` if all were permitted.
fn refused_lists(cluster: &ClusterSnapshot) -> Option<String> {
    let refused = cluster.ledger.iter().filter_map(|result| {
        let ReadOutcome::Forbidden { rbac, .. } = &result.outcome else {
            return None;
        };
        let ReadTarget::Objects { resource, .. } = &result.target else {
            return None;
        };
        Some(match &rbac.namespace {
            Some(namespace) => format!("{resource} in {namespace}"),
            None => resource.to_string(),
        })
    });
    let refused: BTreeSet<String> = refused.collect();
    let refused = Vec::from_iter(refused).join(", ");
    (!refused.is_empty()).then_some(refused)
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
