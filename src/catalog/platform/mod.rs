//! Platforms: products with releases, the edges between them, and what they ask of Kubernetes.
//!
//! A platform is a YAML file in `platforms/` and a table beside it with a release a row. Adding a release is adding that
//! row: rules give it its edges, until a matrix or a pair says something else.
//!
//! # Edges
//!
//! Two shapes exist in the field and both fit: a published matrix, as of DKP, and a rule with exceptions, as of Kyma and of
//! Kubernetes. For a pair of releases the first that knows it speaks: `pairs`, then `matrices`, then `rules`. Every edge has
//! its source and its [`Strength`]. `starts` says which Kubernetes must run when a hop begins.
//!
//! # Procedures
//!
//! What is done in a hop will stand in the same file, under the key `procedure`: a list of steps in their order, each with
//! `id`, `title`, `from` and `to` (ranges of minors in which it applies), `scope` (fleet, management, workspace, project,
//! cluster, pool or node), `commands` (templates), `gates` (ids of rules), `done` (one of the typed conditions, or by hand),
//! `duration` (`low`, `high`, `basis`), `interrupts`, `reversible`, `source` and `horizon`.

mod edge;
mod load;
#[cfg(test)]
mod tests;

pub use edge::{Edge, EdgeConfidence};
pub(super) use load::embedded;

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize, Serializer};

use super::{Minor, MinorRange, Release, VersionSpec};
use edge::{EdgeException, EdgeRule, KubernetesPrecondition, UpgradeMatrix};

/// What can be detected and upgraded. Ordered outermost first: what comes later carries what comes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlatformName {
    /// D2iQ Kubernetes Platform.
    Dkp,
    /// Kyma.
    Kyma,
    /// Cluster API.
    ClusterApi,
    /// Kubernetes itself.
    Kubernetes,
}

impl PlatformName {
    /// All of them, outermost first.
    pub const ALL: [Self; 4] = [Self::Dkp, Self::Kyma, Self::ClusterApi, Self::Kubernetes];

    /// As it is written in flags and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dkp => "dkp",
            Self::Kyma => "kyma",
            Self::ClusterApi => "cluster-api",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// As people write it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Dkp => "DKP",
            Self::Kyma => "Kyma",
            Self::ClusterApi => "Cluster API",
            Self::Kubernetes => "Kubernetes",
        }
    }
}

impl Serialize for PlatformName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for PlatformName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no platform; there are kubernetes, kyma, dkp and cluster-api")]
pub struct ParsePlatformError(pub String);

impl FromStr for PlatformName {
    type Err = ParsePlatformError;

    fn from_str(text: &str) -> Result<Self, ParsePlatformError> {
        let known = Self::ALL.into_iter().find(|name| name.as_str() == text);
        known.ok_or_else(|| ParsePlatformError(text.to_owned()))
    }
}

/// A release of a platform: a row of its table.
#[derive(Debug, Clone, Deserialize)]
pub struct PlatformRelease {
    /// Which one.
    pub release: Release,
    /// The day it came out; none where that is not known.
    pub released: Option<Date>,
    /// The minors of Kubernetes it runs on; none where nothing is known of them.
    #[serde(rename = "kubernetes")]
    pub kubernetes_range: Option<MinorRange>,
    /// The Kubernetes that it brings along; a minor alone where the patch is not known.
    #[serde(rename = "ships")]
    pub bundled_kubernetes: Option<VersionSpec>,
    /// How sure the range is.
    #[serde(rename = "basis")]
    pub range_confidence: Option<EdgeConfidence>,
    /// The guide to hops into its minor, where there is one.
    pub guide: Option<String>,
    /// Where the row was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// After which minor a platform has no more releases.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndOfLine {
    /// The last one.
    #[serde(rename = "minor")]
    pub last_minor: Minor,
    /// What there is in its place.
    #[serde(rename = "then")]
    pub replacement: String,
    /// Where that was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A page for people about hops.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DocLink {
    /// For hops to these minors.
    #[serde(rename = "to")]
    target_minors: MinorRange,
    /// Only for hops that change the minor.
    #[serde(default)]
    #[serde(rename = "crossing")]
    requires_minor_change: bool,
    /// With `{release}` and `{minor}` of the release that is reached.
    #[serde(rename = "url")]
    url_template: String,
}

/// A product with releases.
#[derive(Debug, Clone)]
pub struct Platform {
    /// Which one.
    pub name: PlatformName,
    /// As people write it.
    pub title: String,
    /// What there is in place of a downgrade.
    pub downgrade_advice: String,
    /// Where its releases end, if they do.
    pub end_of_line: Option<EndOfLine>,
    /// The newest day up to which a source was read.
    pub date: Date,
    releases: Vec<PlatformRelease>,
    exceptions: Vec<EdgeException>,
    matrices: Vec<UpgradeMatrix>,
    edge_rules: Vec<EdgeRule>,
    kubernetes_preconditions: Vec<KubernetesPrecondition>,
    guide_url_template: Option<String>,
    links: Vec<DocLink>,
}

impl Platform {
    /// Its releases, oldest first.
    #[must_use]
    pub fn releases(&self) -> &[PlatformRelease] {
        &self.releases
    }

    /// The row of a release.
    #[must_use]
    pub fn find_release(&self, release: &Release) -> Option<&PlatformRelease> {
        self.releases
            .iter()
            .find(|row| row.release.semver == release.semver)
    }

    /// Its newest release that is known.
    #[must_use]
    pub fn newest_release(&self) -> Option<&PlatformRelease> {
        self.releases.last()
    }

    /// The releases of a minor, oldest first.
    pub fn patches_of(&self, minor: Minor) -> impl DoubleEndedIterator<Item = &PlatformRelease> {
        self.releases
            .iter()
            .filter(move |row| row.release.minor() == minor)
    }

    /// Pages for people about a hop: release notes, then guides.
    #[must_use]
    pub fn links(&self, from: &Release, to: &Release) -> Vec<String> {
        let crosses = from.minor() != to.minor();
        let links = self.links.iter().filter(|link| {
            link.target_minors.contains(to.minor()) && (crosses || !link.requires_minor_change)
        });
        let mut found: Vec<String> = links
            .map(|link| {
                link.url_template
                    .replace("{release}", &to.raw)
                    .replace("{minor}", &to.minor().to_string())
            })
            .collect();
        let guide = self.find_release(to).and_then(|row| row.guide.as_ref());
        if let (true, Some(guide), Some(guides)) = (crosses, guide, &self.guide_url_template) {
            found.push(guides.replace("{guide}", guide));
        }
        found
    }
}
