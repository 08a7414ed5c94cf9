//! `CatalogSummary`.

use serde::Serialize;

use super::words;

/// What `kubectl upgrade-check catalog -o json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogSummary {
    /// [`API_VERSION`](super::API_VERSION).
    pub api_version: String,
    /// `CatalogSummary`.
    pub kind: String,
    /// The day on which the newest source was read, `YYYY-MM-DD`.
    pub date: String,
    /// Number of API versions with a known lifecycle.
    pub apis: usize,
    /// The platforms.
    pub platforms: Vec<PlatformReleases>,
}

/// The known releases of a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformReleases {
    /// `kubernetes`, `kyma`, `dkp`.
    pub name: String,
    /// The day on which the newest source was read, `YYYY-MM-DD`.
    pub date: String,
    /// The oldest minor; null if there is none.
    pub oldest: Option<String>,
    /// The newest minor; null if there is none.
    pub newest: Option<String>,
    /// Oldest first.
    pub releases: Vec<MinorDoc>,
}

/// A minor of a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MinorDoc {
    /// `1.25`.
    pub minor: String,
    /// `1.25.16`.
    pub newest_patch: String,
    /// The day of the first release, `YYYY-MM-DD`; null if unknown.
    pub released: Option<String>,
    /// The last day of upstream support, `YYYY-MM-DD`; null if unknown.
    pub end_of_life: Option<String>,
    /// The Kubernetes minors that its newest patch supports; null if unknown, and for Kubernetes itself.
    pub kubernetes: Option<MinorRangeDoc>,
    /// Whether the dates are confirmed or planned.
    pub certainty: CertaintyDoc,
}

words! {
    /// Whether dates are confirmed or planned.
    CertaintyDoc { Confirmed = "known", Planned = "planned", Beta = "beta", }
}

/// An inclusive range of Kubernetes minors; an open end is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MinorRangeDoc {
    /// `1.21`.
    pub oldest: Option<String>,
    /// `1.22`.
    pub newest: Option<String>,
}
