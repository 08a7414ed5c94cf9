//! One hop of a path, and its identity in findings and steps.

use std::fmt;

use crate::catalog::{Edge, EdgeConfidence, Minor, PlatformName, VersionSpec};

/// An upgrade of one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The platform it upgrades.
    pub platform: PlatformName,
    /// The version it leaves; `None` if the start is unknown (`--local` without `--from`).
    pub from: Option<VersionSpec>,
    /// The version it reaches; a minor if the catalog knows no patch of it.
    pub to: VersionSpec,
    /// Citation that supports the hop.
    pub source: String,
    /// How well the source supports it.
    pub confidence: EdgeConfidence,
}

impl Hop {
    /// A hop along an edge of the catalog; without an edge the hop is inferred.
    pub(super) fn new(
        platform: PlatformName,
        from: Option<VersionSpec>,
        to: VersionSpec,
        edge: Option<&Edge>,
    ) -> Self {
        Self {
            platform,
            from,
            to,
            source: edge.map(Edge::citation).unwrap_or_default(),
            confidence: edge.map_or(EdgeConfidence::Inferred, |edge| edge.confidence),
        }
    }

    /// The minor it reaches, of its own platform.
    #[must_use]
    pub fn minor(&self) -> Minor {
        self.to.minor()
    }
}

/// Identifies a hop in findings and steps: by the minor for Kubernetes, by the release for other platforms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
pub struct HopId {
    /// The platform it upgrades.
    pub platform: PlatformName,
    /// `1.25` for Kubernetes, `2.2.0` for other platforms.
    pub to: VersionSpec,
}

impl HopId {
    /// The id of a hop of this platform to this version.
    #[must_use]
    pub fn new(platform: PlatformName, to: &VersionSpec) -> Self {
        let to = match platform {
            PlatformName::Kubernetes => VersionSpec::Minor(to.minor()),
            _ => to.clone(),
        };
        Self { platform, to }
    }
}

impl From<&Hop> for HopId {
    fn from(hop: &Hop) -> Self {
        Self::new(hop.platform, &hop.to)
    }
}

impl fmt::Display for HopId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.platform, self.to)
    }
}
