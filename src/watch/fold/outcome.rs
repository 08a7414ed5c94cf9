//! How an upgrade goes: finished, stalled, or out of sight.

use jiff::{SignedDuration, Timestamp};

use super::super::event::{EventKind, WatchEvent};
use super::super::message;
use super::super::outage::{Outage, OutageKind};
use super::super::picture::Picture;
use super::super::progress::UpgradePhase;
use super::UpgradeWatch;
use crate::text::human_duration;

/// How long nothing may run the version that was found before the upgrade counts as taken back.
const TAKEN_BACK_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// How long replacements of nodes that were deleted are awaited: machines take minutes to join.
const AWAIT_NODES: SignedDuration = SignedDuration::from_mins(5);

impl UpgradeWatch<'_> {
    /// The state again, once it is certain that nothing is being upgraded.
    pub(super) fn check_idle(&mut self, at: Timestamp) -> Option<WatchEvent> {
        let picture = self.picture.as_ref().filter(|_| self.may_be_idle)?;
        let (is_idle, are_servers_known) = (picture.is_idle(), self.are_servers_known(picture));
        self.may_be_idle = is_idle && !are_servers_known;
        (is_idle && are_servers_known)
            .then(|| self.picture_event(at))
            .flatten()
    }

    pub(super) fn check_finished(&mut self, at: Timestamp) -> Option<WatchEvent> {
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
        let platform = self.followed_platform(picture);
        let text = match &picture.goal {
            _ if let Some(platform) = platform => message::platform_state(platform),
            Some(goal) => message::finished(picture, goal, self.missing),
            None => "all managed clusters are upgraded".to_owned(),
        };
        let scope = self.cluster_scope();
        Some(self.event(at, EventKind::Finished, scope, text))
    }

    /// An upgrade that was found and that nothing runs any more; once. For a while nothing may be seen to run the version:
    /// behind a load balancer some probes reach older API servers only.
    pub(super) fn check_taken_back(&mut self, at: Timestamp) -> Option<WatchEvent> {
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

    /// Notes whether replacements of deleted nodes are awaited. A cluster that had nodes is not finished without any.
    pub(super) fn await_nodes(&mut self, picture: &Picture, at: Timestamp) {
        let present = picture.nodes.tally().all();
        let is_fewer = self.managed.is_none()
            && picture.phase() == UpgradePhase::Finished
            && present < self.total;
        if !is_fewer {
            self.fewer_since = None;
            self.awaits_nodes = false;
            self.missing = 0;
            return;
        }
        let since = *self.fewer_since.get_or_insert(at);
        self.awaits_nodes = present == 0 || at.duration_since(since) < AWAIT_NODES;
        self.missing = self.total - present;
    }

    /// The API server answers, but no longer gives the nodes.
    pub(super) fn lose_sight(&mut self, at: Timestamp, why: &str) -> Option<WatchEvent> {
        self.is_blind = true;
        self.begin_outage(at, OutageKind::NodesForbidden, why)
    }

    pub(super) fn check_stall(&mut self, at: Timestamp) -> Option<WatchEvent> {
        if self.outage.is_some() {
            return None;
        }
        let phase = self.phase(self.picture.as_ref()?);
        if self.platform.is_at_rest() {
            return None;
        }
        if self.is_stalled || matches!(phase, UpgradePhase::Waiting | UpgradePhase::Finished) {
            return None;
        }
        let silence = at.duration_since(self.last_change_at?);
        if silence < self.stall_after() {
            return None;
        }
        self.is_stalled = true;
        let found = self.find_waits(at);
        let chain = self.waits.explain(&found).cloned();
        let links = chain.as_ref().map(|chain| &*chain.links);
        let links = links.unwrap_or_default();
        let present = self
            .picture
            .as_ref()
            .map(|picture| picture.nodes.tally().all());
        let fewer = present.map_or(0, |present| self.total.saturating_sub(present));
        let is_of_nodes = self.managed.is_none() && !self.platform.is_followed();
        let fewer = if is_of_nodes { fewer } else { 0 };
        let what = message::stalled_on(links).or_else(|| message::fewer_nodes(fewer));
        let text = format!(
            "nothing has changed for {}: {}",
            human_duration(silence),
            what.as_deref()
                .unwrap_or("no cause was found in the objects that are read")
        );
        let scope = self.scope_of(links);
        let mut event = self.event(at, EventKind::Stall, scope, text);
        event.objects = links.to_vec();
        event.chain = chain;
        Some(event)
    }

    /// Reports an outage when it begins, and once more when it turns out to be of another kind.
    pub(super) fn begin_outage(
        &mut self,
        at: Timestamp,
        kind: OutageKind,
        why: &str,
    ) -> Option<WatchEvent> {
        if self.outage.is_some_and(|outage| outage.kind >= kind) {
            return None;
        }
        if kind != OutageKind::NodesForbidden {
            // Probes from before may be of API servers that will have been replaced.
            self.probes.clear();
        }
        self.outages += u32::from(self.outage.is_none());
        let begun = self.outage.map(|outage| outage.since);
        let since = begun.or(self.confirmed_at).unwrap_or(at);
        self.outage = Some(Outage { since, kind });
        let text = format!("{}: {why}", kind.beginning());
        Some(self.event(at, EventKind::Outage, self.cluster_scope(), text))
    }

    pub(super) fn end_outage(&mut self, at: Timestamp) -> Option<WatchEvent> {
        let Outage { since, kind } = self.outage.take()?;
        let length = at.duration_since(since);
        // While nothing could be seen, nothing could be seen to change.
        self.last_change_at = self.last_change_at.map(|last| last + length);
        self.confirmed_at = Some(at);
        let scope = self.cluster_scope();
        let text = format!(
            "{} after {}, outage {}",
            kind.end(),
            human_duration(length),
            self.outages
        );
        Some(self.event(at, EventKind::Back, scope, text))
    }
}
