//! Releases of Kubernetes and how long they are supported.

use jiff::civil::Date;
use serde::Deserialize;

use super::{Minor, Release};

/// How sure a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// It happened.
    #[serde(rename = "known")]
    Confirmed,
    /// It was announced when the source was read.
    Planned,
}

/// A minor of Kubernetes.
#[derive(Debug, Clone, Deserialize)]
pub struct KubernetesRelease {
    /// Which one.
    pub minor: Minor,
    /// The day of `.0`.
    pub released: Date,
    /// The last day of support.
    pub end_of_life: Date,
    /// The newest patch seen.
    pub newest_patch: Release,
    /// Whether dates happened or were announced.
    pub certainty: Certainty,
    /// Where the row was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// All minors that the catalog knows, oldest first.
#[derive(Debug)]
pub struct KubernetesReleases(Vec<KubernetesRelease>);

impl KubernetesReleases {
    pub(super) fn new(mut rows: Vec<KubernetesRelease>) -> Self {
        rows.sort_by_key(|row| row.minor);
        Self(rows)
    }

    /// Every row, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &KubernetesRelease> {
        self.0.iter()
    }

    /// The row of a minor.
    #[must_use]
    pub fn find(&self, minor: Minor) -> Option<&KubernetesRelease> {
        self.0.iter().find(|row| row.minor == minor)
    }

    /// The newest minor that has shipped as far as the catalog knows; a removal beyond it is only scheduled.
    #[must_use]
    pub fn newest(&self) -> Option<&KubernetesRelease> {
        self.0.last()
    }

    /// The oldest minor that the catalog knows.
    #[must_use]
    pub fn oldest(&self) -> Option<&KubernetesRelease> {
        self.0.first()
    }
}
