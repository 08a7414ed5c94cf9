//! How far a platform is on its way to a release.

use jiff::SignedDuration;

use crate::catalog::{PlatformName, Release, VersionSpec};
use crate::snapshot::MetaRow;

/// The release that a platform is to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformGoal {
    /// The platform.
    pub platform: PlatformName,
    /// The release; a minor means any of its patches.
    pub version: VersionSpec,
}

/// How far a platform is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformRollout {
    /// The platform.
    pub platform: PlatformName,
    /// The release that its driver installs; `None` if that cannot be told.
    pub release: Option<Release>,
    /// Parts that are installed.
    pub done: usize,
    /// Parts in all; more than are left to do while some may have been dropped by the release.
    pub total: usize,
    /// What one of the parts is called.
    pub part: &'static str,
    /// The part that is being installed.
    pub current: Option<String>,
    /// What shows it.
    pub shown_by: PlatformObject,
    /// What keeps that from going on, and why; `None` if nothing else is known.
    pub root: Option<(PlatformObject, String)>,
    /// How long one part may take before it counts as stuck.
    pub part_timeout: SignedDuration,
    /// Whether it is complete as soon as it is at rest; otherwise more may follow.
    pub is_final: bool,
    /// Clusters that others upgrade, with their versions.
    pub others: Vec<String>,
    /// Whether what is going on is an upgrade: a part that fails may have failed before.
    pub is_upgrade: bool,
    /// What is going on.
    pub phase: PlatformPhase,
}

/// The object that shows how far a platform is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlatformObject {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// What a platform is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlatformPhase {
    /// Nothing is requested, and what was requested is done.
    Settled,
    /// The release was changed and nothing has begun: what the objects show is of the release before.
    Pending {
        /// Whether its driver was told to begin.
        is_requested: bool,
        /// What it waits for.
        why: String,
    },
    /// Some parts may be done, and nobody has begun the next one.
    Between {
        /// That part.
        next: String,
    },
    /// It is being installed.
    Working,
    /// Something failed and is tried again.
    Retrying {
        /// What failed.
        why: String,
    },
    /// Something failed or waits, and nothing but a person goes on.
    Held {
        /// What it is.
        why: String,
    },
    /// What drives it gave up.
    Failed {
        /// What failed.
        why: String,
    },
}

impl PlatformObject {
    /// The object of this kind that a row is of.
    pub(super) fn of(kind: &'static str, row: &MetaRow) -> Self {
        Self {
            kind,
            namespace: row.namespace.clone(),
            name: row.name.clone(),
        }
    }
}

impl PlatformRollout {
    /// A platform of which nothing but this is known.
    pub(super) fn new(platform: PlatformName, part: &'static str, phase: PlatformPhase) -> Self {
        Self {
            platform,
            release: None,
            done: 0,
            total: 0,
            part,
            current: None,
            shown_by: PlatformObject::default(),
            root: None,
            part_timeout: SignedDuration::ZERO,
            is_final: true,
            others: Vec::new(),
            is_upgrade: true,
            phase,
        }
    }

    /// Whether an upgrade is under way, or was given up half-way.
    #[must_use]
    pub fn is_upgrading(&self) -> bool {
        self.is_upgrade && self.is_active()
    }

    /// Whether something is going on.
    #[must_use]
    pub fn is_active(&self) -> bool {
        match &self.phase {
            PlatformPhase::Settled | PlatformPhase::Between { .. } => false,
            PlatformPhase::Pending { is_requested, .. } => *is_requested,
            PlatformPhase::Working
            | PlatformPhase::Retrying { .. }
            | PlatformPhase::Held { .. }
            | PlatformPhase::Failed { .. } => true,
        }
    }

    /// Whether it runs the release of the goal, or what was requested if there is none, and nothing is left to do.
    #[must_use]
    pub fn is_complete(&self, goal: Option<&PlatformGoal>) -> bool {
        let is_reached = goal.is_none_or(|goal| {
            let release = self.release.as_ref();
            goal.platform == self.platform
                && release.is_some_and(|release| match &goal.version {
                    VersionSpec::Release(wanted) => release.semver >= wanted.semver,
                    VersionSpec::Minor(minor) => release.minor() >= *minor,
                })
        });
        self.phase == PlatformPhase::Settled && is_reached
    }

    /// The parts that count as done: none before the release of the goal is being installed.
    #[must_use]
    pub fn done_for(&self, goal: Option<&PlatformGoal>) -> usize {
        match self.phase {
            PlatformPhase::Settled if !self.is_complete(goal) => 0,
            _ => self.done,
        }
    }

    /// `Kyma 1.14.0`.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.release {
            Some(release) => format!("{} {release}", self.platform.title()),
            None => self.platform.title().to_owned(),
        }
    }
}
