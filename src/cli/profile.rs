//! What each command reads and reports.

use crate::need::{Discovery, Need};
use crate::text::names::{CHECK_PROGRAM, PLAN_PROGRAM};

/// What a command reads and reports.
pub(super) struct CommandProfile {
    /// The program that reads, for the `User-Agent` header.
    pub(super) program: &'static str,
    /// Needs beyond those of rules.
    pub(super) extra_needs: fn(&Discovery) -> Vec<Need>,
    /// Whether it reports hops that are in progress.
    pub(super) reports_unfinished_hops: bool,
    /// Whether it has no result without a cluster and without manifests.
    pub(super) needs_input: bool,
}

/// `kubectl upgrade-check`.
pub(super) const CHECK_PROFILE: CommandProfile = CommandProfile {
    program: CHECK_PROGRAM,
    extra_needs: |_| Vec::new(),
    reports_unfinished_hops: false,
    needs_input: true,
};

/// `kubectl upgrade-plan`.
pub(super) const PLAN_PROFILE: CommandProfile = CommandProfile {
    program: PLAN_PROGRAM,
    extra_needs: crate::plan::needs,
    reports_unfinished_hops: true,
    needs_input: false,
};

/// What both commands read, for `rbac`.
pub(super) const CHECK_AND_PLAN_PROFILE: CommandProfile = CommandProfile {
    program: CHECK_PROFILE.program,
    ..PLAN_PROFILE
};
