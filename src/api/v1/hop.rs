//! Hops.

use serde::{Deserialize, Serialize};

use crate::catalog::{PlatformName, VersionSpec};

/// A hop of the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HopDoc {
    /// The platform it upgrades.
    pub platform: PlatformName,
    /// The version it leaves; null if the start is unknown.
    pub from: Option<VersionSpec>,
    /// The version it reaches; a minor if the catalog knows no patch of it.
    pub to: VersionSpec,
    /// Why this hop is supported.
    pub source: String,
}

/// A hop by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HopIdDoc {
    /// The platform it upgrades.
    pub platform: PlatformName,
    /// The minor for Kubernetes (`1.25`), the release for other platforms (`2.2.0`).
    pub to: VersionSpec,
}
