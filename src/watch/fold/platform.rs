//! An upgrade of a platform beside one of Kubernetes.

use jiff::{SignedDuration, Timestamp};

use super::super::event::{EventKind, WatchEvent};
use super::super::message;
use super::super::picture::Picture;
use super::super::platform::{PlatformPhase, PlatformRollout};
use super::UpgradeWatch;

impl UpgradeWatch<'_> {
    /// Takes note of the state of the platform. An upgrade of Kubernetes that was found comes first.
    pub(super) fn follow_platform(&mut self, picture: &Picture, at: Timestamp) {
        let goal = self.options.platform.as_ref();
        if goal.is_none() && picture.goal.is_some() {
            if self.platform.give_way() {
                self.total = picture.nodes.tally().all();
            }
            return;
        }
        if goal.is_some() || picture.is_platform_upgrading() && self.managed.is_none() {
            self.platform.begin();
        }
        if let Some(rollout) = self.followed_platform(picture) {
            self.total = rollout.total;
            self.platform.follow(rollout, goal, at);
        }
    }

    /// The platform, if it is what is counted.
    pub(super) fn followed_platform<'p>(
        &self,
        picture: &'p Picture,
    ) -> Option<&'p PlatformRollout> {
        let rollout = picture.platform.as_ref();
        rollout.filter(|_| self.platform.is_followed())
    }

    /// How long nothing may change: a part of a platform may take longer than a node.
    pub(super) fn stall_after(&self) -> SignedDuration {
        let rollout = self.picture.as_ref();
        let rollout = rollout.and_then(|picture| self.followed_platform(picture));
        let working = rollout.filter(|rollout| rollout.phase == PlatformPhase::Working);
        let limit = working.map(|rollout| rollout.part_timeout);
        self.options.stall_after.max(limit.unwrap_or_default())
    }

    /// What drives the platform has given up; once.
    pub(super) fn check_platform_failed(&mut self, at: Timestamp) -> Option<WatchEvent> {
        let rollout = self.picture.as_ref()?.platform.as_ref()?;
        let text = message::platform_state(rollout);
        self.platform
            .has_just_failed(rollout)
            .then(|| self.event(at, EventKind::Failed, self.cluster_scope(), text))
    }
}
