//! Whether a platform is what an upgrade is counted by, and how that ends.

use jiff::{SignedDuration, Timestamp};

use super::rollout::{PlatformGoal, PlatformPhase, PlatformRollout};
use crate::watch::progress::UpgradePhase;

/// How long a platform must be at rest to be complete while more may follow.
const AWAIT_PARTS: SignedDuration = SignedDuration::from_mins(5);

/// What is known of the upgrade of a platform beside its state.
#[derive(Debug, Default)]
pub(crate) struct PlatformProgress {
    /// Whether it is what is counted: the user named it, or nothing else was being upgraded when it was.
    is_followed: bool,
    /// Whether it has ended.
    is_complete: bool,
    /// Since when it is at rest.
    settled_since: Option<Timestamp>,
    /// Whether it was said that it was given up.
    has_failed: bool,
}

impl PlatformProgress {
    /// Whether it is what is counted.
    pub(crate) fn is_followed(&self) -> bool {
        self.is_followed
    }

    /// Whether its upgrade has ended.
    pub(crate) fn is_complete(&self) -> bool {
        self.is_followed && self.is_complete
    }

    /// Whether it is only awaited that nothing follows.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.is_followed && self.settled_since.is_some()
    }

    /// Counts nodes from now on. Returns whether the platform was counted before.
    pub(crate) fn give_way(&mut self) -> bool {
        std::mem::take(&mut self.is_followed)
    }

    /// Counts the parts of the platform from now on.
    pub(crate) fn begin(&mut self) {
        self.is_followed = true;
    }

    /// Takes note of its state.
    pub(crate) fn follow(
        &mut self,
        rollout: &PlatformRollout,
        goal: Option<&PlatformGoal>,
        at: Timestamp,
    ) {
        if !rollout.is_complete(goal) {
            self.settled_since = None;
            self.is_complete = false;
            return;
        }
        let since = *self.settled_since.get_or_insert(at);
        self.is_complete = rollout.is_final || at.duration_since(since) >= AWAIT_PARTS;
    }

    /// What it is doing; `None` if it is not followed.
    pub(crate) fn phase(&self, rollout: Option<&PlatformRollout>) -> Option<UpgradePhase> {
        self.is_followed.then_some(())?;
        let is_active = rollout.is_some_and(PlatformRollout::is_active);
        Some(match is_active || self.settled_since.is_some() {
            _ if self.is_complete => UpgradePhase::Finished,
            true => UpgradePhase::Platform,
            false => UpgradePhase::Waiting,
        })
    }

    /// Whether what drives it has given up since the last call.
    pub(crate) fn has_just_failed(&mut self, rollout: &PlatformRollout) -> bool {
        let has_failed = self.is_followed && matches!(rollout.phase, PlatformPhase::Failed { .. });
        !std::mem::replace(&mut self.has_failed, has_failed) && has_failed
    }
}
