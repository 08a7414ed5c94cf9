//! Why there is no upgrade path.

use crate::catalog::PlatformName;

/// Longest accepted distance to a target, in minors: Kubernetes took ten years for its first forty.
pub(super) const MOST_HOPS: u32 = 100;

/// Why there is no upgrade path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// The cluster does not run the platform of a target.
    #[error(
        "{title} was not found, only {running}; use --to {first}=VERSION, or with --local state its release with --from {name}=VERSION", title = .name.title()
    )]
    UnknownPlatform {
        /// The platform of the target.
        name: PlatformName,
        /// The platforms that were found.
        running: String,
        /// The outermost installed platform.
        first: PlatformName,
    },
    /// The platform of a target is installed, but its release is unknown.
    #[error(
        "the release of {title} could not be determined, so the path to {platform}={to} is unknown; state the running release with --from {platform}=VERSION", title = .platform.title()
    )]
    ReleaseUnknown {
        /// The platform of the target.
        platform: PlatformName,
        /// The target.
        to: String,
    },
    /// Two targets for one platform.
    #[error("{0} has two targets; give one per platform")]
    DuplicateTarget(PlatformName),
    /// More than one installed platform has the version.
    #[error("target {version} is ambiguous; use {spellings}")]
    Ambiguous {
        /// The version of the target.
        version: String,
        /// `--to kyma=1.18 or --to kubernetes=1.18`.
        spellings: String,
    },
    /// The target is older than the running version.
    #[error("target {to} is older than the running {from}: {instead}")]
    Downgrade {
        /// The running version.
        from: String,
        /// The target.
        to: String,
        /// What to do instead of a downgrade.
        instead: String,
    },
    /// The starting version is not in the catalog.
    #[error("{platform} has no release {release} in the catalog ({date}){near}")]
    UnknownStart {
        /// Title of the platform.
        platform: String,
        /// The running version.
        release: String,
        /// Date of the catalog.
        date: String,
        /// `; known releases of 1.16: 1.16.0-rc1, …`, or empty.
        near: String,
    },
    /// The target is no release.
    #[error(
        "Kubernetes {version} was never published, as far as the catalog ({date}) knows; the nearest releases are {nearest}"
    )]
    NeverPublished {
        /// The target.
        version: String,
        /// Date of the catalog.
        date: String,
        /// Releases near it.
        nearest: String,
    },
    /// The target is older than the catalog.
    #[error("Kubernetes {version} is older than the catalog ({date}), which begins with {oldest}")]
    BeforeCatalog {
        /// The target.
        version: String,
        /// Date of the catalog.
        date: String,
        /// The oldest minor.
        oldest: String,
    },
    /// There is a Kubernetes target and a platform that restricts it, but the running Kubernetes version is unknown.
    #[error(
        "the running Kubernetes version is unknown, so the platform's requirements cannot be checked; use --from kubernetes=VERSION"
    )]
    StartRequired,
    /// A typo in the target, or a server that reports an invalid version.
    #[error("target {to} is more than {MOST_HOPS} minors away from the running {from}")]
    TargetTooFar {
        /// The running version.
        from: String,
        /// The target.
        to: String,
    },
    /// The platform has no such release.
    #[error("{missing}; the nearest reachable release is {nearest}")]
    UnknownTarget {
        /// What the catalog has of the platform.
        missing: String,
        /// The reachable release nearest to the target; the running one if none is.
        nearest: String,
    },
    /// No supported upgrades lead to the target.
    #[error(
        "no supported path from {from} to {to}: {missing}; the nearest reachable release is {nearest}"
    )]
    NoPath {
        /// The running version.
        from: String,
        /// The target.
        to: String,
        /// The missing upgrade.
        missing: String,
        /// The reachable release nearest to the target; the running one if none is.
        nearest: String,
    },
}

impl PathError {
    /// Whether the target is valid but not reachable, rather than a usage error.
    #[must_use]
    pub const fn is_no_path(&self) -> bool {
        matches!(self, Self::NoPath { .. })
    }
}
