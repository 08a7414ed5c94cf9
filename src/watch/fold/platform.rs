//! An upgrade of a platform: whether it is what is followed, and how it ends.

use jiff::{SignedDuration, Timestamp};

use super::super::event::{EventKind, WatchEvent};
use super::super::message;
use super::super::picture::Picture;
use super::super::platform::{PlatformPhase, PlatformRollout};
use super::super::progress::UpgradePhase;
use super::UpgradeWatch;

/// How long a platform must be at rest to be complete while parts are still at the release before: they may be next.
const AWAIT_PARTS: SignedDuration = SignedDuration::from_mins(5);

/// What is known of the upgrade of a platform beside its state.
#[derive(Debug, Default)]
pub(super) struct PlatformProgress {
    /// Whether it is what is counted: the user named it, or nothing else was being upgraded when it was.
    pub(super) is_followed: bool,
    /// Whether it has ended.
    pub(super) is_complete: bool,
    /// Since when it is at rest.
    settled_since: Option<Timestamp>,
    /// Whether it was said that it was given up.
    has_failed: bool,
}

impl PlatformProgress {
    /// Whether it is only awaited that nothing follows.
    pub(super) fn is_at_rest(&self) -> bool {
        self.is_followed && self.settled_since.is_some()
    }
}

impl UpgradeWatch<'_> {
    /// Takes note of the state of the platform.
    pub(super) fn follow_platform(&mut self, picture: &Picture, at: Timestamp) {
        let goal = self.options.platform.as_ref();
        let progress = &mut self.platform;
        let rollout = picture.platform.as_ref();
        let is_upgrading = rollout.is_some_and(PlatformRollout::is_upgrading);
        if goal.is_none() && picture.goal.is_some() {
            if std::mem::take(&mut progress.is_followed) {
                self.total = picture.nodes.tally().all();
            }
            return;
        }
        progress.is_followed |= goal.is_some() || is_upgrading && self.managed.is_none();
        let Some(rollout) = rollout.filter(|_| progress.is_followed) else {
            return;
        };
        self.total = rollout.total;
        if !rollout.is_complete(goal) {
            progress.settled_since = None;
            progress.is_complete = false;
            return;
        }
        let since = *progress.settled_since.get_or_insert(at);
        progress.is_complete =
            rollout.done == rollout.total || at.duration_since(since) >= AWAIT_PARTS;
    }

    /// What the platform is doing, if it is followed.
    pub(super) fn platform_phase(&self, picture: &Picture) -> Option<UpgradePhase> {
        self.platform.is_followed.then_some(())?;
        let rollout = picture.platform.as_ref();
        let has_begun = |rollout: &PlatformRollout| {
            rollout.is_upgrading() || self.platform.settled_since.is_some()
        };
        Some(match rollout.is_some_and(has_begun) {
            _ if self.platform.is_complete => UpgradePhase::Finished,
            true => UpgradePhase::Platform,
            false => UpgradePhase::Waiting,
        })
    }

    /// How long nothing may change: a part of a platform may take longer than a node.
    pub(super) fn stall_after(&self) -> SignedDuration {
        let picture = self.picture.as_ref();
        let rollout = picture.and_then(|picture| picture.platform.as_ref());
        let is_working = |rollout: &&PlatformRollout| {
            self.platform.is_followed && rollout.phase == PlatformPhase::Working
        };
        let limit = rollout
            .filter(is_working)
            .map(|rollout| rollout.part_timeout);
        self.options.stall_after.max(limit.unwrap_or_default())
    }

    /// What drives the platform has given up; once.
    pub(super) fn check_platform_failed(&mut self, at: Timestamp) -> Option<WatchEvent> {
        let rollout = self.picture.as_ref()?.platform.as_ref()?;
        let has_failed =
            self.platform.is_followed && matches!(rollout.phase, PlatformPhase::Failed { .. });
        if std::mem::replace(&mut self.platform.has_failed, has_failed) || !has_failed {
            return None;
        }
        let text = message::platform_state(rollout);
        Some(self.event(at, EventKind::Failed, self.cluster_scope(), text))
    }
}
