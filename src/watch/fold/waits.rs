//! What holds the upgrade up: when it is judged, and what is said of it.

use jiff::{SignedDuration, Timestamp};

use super::super::chains::{self, Found, WaitChain, Waits};
use super::super::event::{EventKind, EventScope, WatchEvent};
use super::super::message;
use super::super::progress::UpgradePhase;
use super::UpgradeWatch;
use crate::snapshot::ClusterView;

/// How often it is judged while no list that was wanted for it changes: time passes, too.
const JUDGE_EVERY: SignedDuration = SignedDuration::from_secs(5);

impl UpgradeWatch<'_> {
    /// What holds the upgrade up now; nothing while it waits or has ended.
    pub(super) fn find_waits(&self, at: Timestamp) -> Vec<Found> {
        self.waits_now(at)
            .map_or_else(Vec::new, |waits| chains::find(&waits))
    }

    fn waits_now(&self, at: Timestamp) -> Option<Waits<'_>> {
        let (picture, cluster) = self.picture.as_ref().zip(self.cluster.as_ref())?;
        let is_idle = matches!(
            self.phase(picture),
            UpgradePhase::Waiting | UpgradePhase::Finished
        );
        (!is_idle).then(|| Waits {
            view: ClusterView::new(cluster, self.catalog),
            picture,
            draining_since: self.drains.since(),
            followed: self.drains.followed(),
            in_flight: self.drains.in_flight(),
            upgrading: &self.upgrading,
            at,
        })
    }

    /// Judges it, if that is due, and reports what has begun and what has ended.
    pub(super) fn check_waits(&mut self, is_news: bool, at: Timestamp) -> Vec<WatchEvent> {
        let is_soon = |judged| at.duration_since(judged) < JUDGE_EVERY;
        if self.outage.is_some() || !is_news && self.judged_at.is_some_and(is_soon) {
            return Vec::new();
        }
        self.judged_at = Some(at);
        for (name, rollout) in self.picture.iter().flat_map(|picture| &picture.managed) {
            if rollout.is_upgrading() {
                self.upgrading.insert(name.clone());
            } else if rollout.is_complete() {
                self.upgrading.remove(name);
            }
        }
        let judged = self
            .waits_now(at)
            .map(|waits| (chains::find(&waits), chains::needs(&waits)));
        let (changes, wanted) = match judged {
            Some((found, wanted)) => (self.waits.update(found, at), wanted),
            None => (self.waits.end_all(), Vec::new()),
        };
        if self.wanted != wanted {
            self.wanted = wanted;
            self.forget_rows();
        }
        let ended = changes
            .ended
            .into_iter()
            .map(|chain| (EventKind::Recovered, chain));
        let begun = changes
            .begun
            .into_iter()
            .map(|chain| (EventKind::Blocker, chain));
        let events = ended.chain(begun);
        events
            .map(|(kind, chain)| self.wait_event(kind, chain, at))
            .collect()
    }

    fn wait_event(&self, kind: EventKind, chain: WaitChain, at: Timestamp) -> WatchEvent {
        let text = match kind {
            EventKind::Blocker => message::blocked(&chain),
            _ => message::unblocked(&chain),
        };
        WatchEvent {
            objects: chain.links.clone(),
            chain: Some(chain.clone()),
            ..self.event(at, kind, self.scope_of(&chain.links), text)
        }
    }

    /// The node that a chain begins with, or else the cluster.
    pub(super) fn scope_of(&self, links: &[super::EventObject]) -> EventScope {
        match links.first() {
            Some(object) if object.kind == "Node" => EventScope::Node(object.name.clone()),
            _ => self.cluster_scope(),
        }
    }
}
