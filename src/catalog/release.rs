//! Kubernetes releases and their support periods.

use jiff::civil::Date;
use serde::Deserialize;

use super::{Minor, Release};

/// Whether a date is in the past or announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// It happened.
    #[serde(rename = "known")]
    Confirmed,
    /// It was announced when the source was checked.
    Planned,
    /// Only a beta was published; what it removes may still change before the release.
    Beta,
}

/// A Kubernetes minor.
#[derive(Debug, Clone, Deserialize)]
pub struct KubernetesRelease {
    /// The version.
    pub minor: Minor,
    /// Release date of patch 0.
    pub released: Date,
    /// The last day of support.
    pub end_of_life: Date,
    /// Newest patch.
    pub newest_patch: Release,
    /// Whether its dates are in the past or announced.
    pub certainty: Certainty,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

impl KubernetesRelease {
    /// Whether its patch 0 was published, or was about to be when the source was checked.
    #[must_use]
    pub fn is_released(&self) -> bool {
        self.certainty != Certainty::Beta
    }
}

/// All cataloged minors, oldest first.
#[derive(Debug)]
pub struct KubernetesReleases(Vec<KubernetesRelease>);

impl KubernetesReleases {
    pub(super) fn new(mut rows: Vec<KubernetesRelease>) -> Self {
        rows.sort_by_key(|row| row.minor);
        Self(rows)
    }

    /// All rows, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &KubernetesRelease> {
        self.0.iter()
    }

    /// Finds a minor.
    #[must_use]
    pub fn find(&self, minor: Minor) -> Option<&KubernetesRelease> {
        self.0.iter().find(|row| row.minor == minor)
    }

    /// The newest released minor: the newest default target.
    #[must_use]
    pub fn newest(&self) -> Option<&KubernetesRelease> {
        self.0.iter().rfind(|row| row.is_released())
    }

    /// The newest minor of which a release or a beta is known; later removals are only scheduled.
    #[must_use]
    pub fn newest_known(&self) -> Option<&KubernetesRelease> {
        self.0.last()
    }

    /// A minor of which only a beta is known.
    #[must_use]
    pub fn beta(&self, minor: Minor) -> Option<&KubernetesRelease> {
        self.find(minor).filter(|row| !row.is_released())
    }

    /// ` (as of 1.38.0-beta.0)` for what is known only from a beta, otherwise empty.
    #[must_use]
    pub fn beta_suffix(&self, minor: Minor) -> String {
        self.beta(minor)
            .map_or_else(String::new, |row| format!(" (as of {})", row.newest_patch))
    }

    /// The oldest cataloged minor.
    #[must_use]
    pub fn oldest(&self) -> Option<&KubernetesRelease> {
        self.0.first()
    }
}
