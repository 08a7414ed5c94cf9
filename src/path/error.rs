//! Why there is no way.

use crate::catalog::PlatformName;

/// Hops of one path: Kubernetes took ten years for the first forty minors.
pub(super) const MOST_HOPS: u32 = 100;

/// Why there is no way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A platform that does not run here, or is not known at all.
    #[error(
        "platform {name} is not installed in this cluster: {running}. Try --to {first}=VERSION"
    )]
    UnknownPlatform {
        /// The platform of the target.
        name: PlatformName,
        /// The installed platforms, as a clause.
        running: String,
        /// The outermost installed platform.
        first: PlatformName,
    },
    /// The same platform twice.
    #[error("{0} is named twice; give one target for each platform")]
    DuplicateTarget(String),
    /// A version that more than one platform has.
    #[error("the target {version} may be meant of more than one platform: say {spellings}")]
    Ambiguous {
        /// As it was written.
        version: String,
        /// `--to kyma=1.18 or --to kubernetes=1.18`.
        spellings: String,
    },
    /// Down.
    #[error("the target {to} is older than the running {from}: {instead}")]
    Downgrade {
        /// What runs.
        from: String,
        /// What was asked for.
        to: String,
        /// What the platform offers instead.
        instead: String,
    },
    /// A start that is no release.
    #[error("{release} is no release of {platform} that the catalog of {date} knows{near}")]
    UnknownStart {
        /// The platform, as people write it.
        platform: String,
        /// What runs.
        release: String,
        /// Of the catalog.
        date: String,
        /// `: of 1.16 it knows 1.16.0-rc1, …`, or nothing.
        near: String,
    },
    /// A target of Kubernetes, platforms that it must fit, and nobody knows where it stands.
    #[error(
        "which Kubernetes runs must be known to say how it goes along with the platform: say --from kubernetes=VERSION"
    )]
    StartRequired,
    /// A slip of the fingers, or a server that says nonsense.
    #[error(
        "the target {to} is more than {MOST_HOPS} minors away from the running {from}; is that what was meant?"
    )]
    TargetTooFar {
        /// What runs.
        from: String,
        /// What was asked for.
        to: String,
    },
    /// Nothing leads there.
    #[error(
        "no supported path from {from} to {to}: {missing}; the nearest reachable release is {nearest}"
    )]
    NoPath {
        /// What runs.
        from: String,
        /// What was asked for.
        to: String,
        /// The edge that is missing.
        missing: String,
        /// The release nearest to the target that can be reached; what runs where nothing can.
        nearest: String,
    },
}

impl PathError {
    /// Whether the question was a good one and the answer is that there is no way.
    #[must_use]
    pub const fn is_no_path(&self) -> bool {
        matches!(self, Self::NoPath { .. })
    }
}
