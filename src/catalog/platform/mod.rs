//! Platforms: products with releases, supported upgrades between them, and Kubernetes requirements.
//!
//! A platform is a YAML file in `platforms/` and a table next to it with one release per row. To add a release, add a row:
//! rules provide its edges, unless a matrix or a pair overrides them.
//!
//! # Edges
//!
//! Vendors publish either a matrix (DKP) or a rule with exceptions (Kyma, Kubernetes). For a pair of releases, the first
//! statement counts: `pairs`, then `matrices`, then `rules`. Every edge has a source and an [`EdgeConfidence`]. `starts`
//! lists the Kubernetes minors required before an upgrade.

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

/// A platform that can be detected and upgraded. Ordered outermost first: each runs on the later ones.
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

    /// The name in flags and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dkp => "dkp",
            Self::Kyma => "kyma",
            Self::ClusterApi => "cluster-api",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// Display name.
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

/// An unknown platform name.
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

/// A release of a platform.
#[derive(Debug, Clone, Deserialize)]
pub struct PlatformRelease {
    /// The version.
    pub release: Release,
    /// Release date, if known.
    pub released: Option<Date>,
    /// Supported Kubernetes minors, if known.
    #[serde(rename = "kubernetes")]
    pub kubernetes_range: Option<MinorRange>,
    /// The bundled Kubernetes version; a minor if the patch is unknown.
    #[serde(rename = "ships")]
    pub bundled_kubernetes: Option<VersionSpec>,
    /// How well the source supports the range.
    #[serde(rename = "basis")]
    pub range_confidence: Option<EdgeConfidence>,
    /// The upgrade guide for its minor, if any.
    pub guide: Option<String>,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// The last minor of a discontinued platform.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EndOfLine {
    /// The last minor.
    #[serde(rename = "minor")]
    pub last_minor: Minor,
    /// What replaces it.
    #[serde(rename = "then")]
    pub replacement: String,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A link to documentation about upgrades.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct DocLink {
    /// For upgrades to these minors.
    #[serde(rename = "to")]
    target_minors: MinorRange,
    /// Only for upgrades that change the minor.
    #[serde(default)]
    #[serde(rename = "crossing")]
    requires_minor_change: bool,
    /// URL with `{release}` and `{minor}` of the target.
    #[serde(rename = "url")]
    url_template: String,
}

/// A product with releases and supported upgrades.
#[derive(Debug, Clone)]
pub struct Platform {
    /// The version.
    pub name: PlatformName,
    /// Display name.
    pub title: String,
    /// What to do instead of a downgrade.
    pub downgrade_advice: String,
    /// Its end of line, if discontinued.
    pub end_of_line: Option<EndOfLine>,
    /// Date of the newest check of a source.
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

    /// Finds a release.
    #[must_use]
    pub fn find_release(&self, release: &Release) -> Option<&PlatformRelease> {
        self.releases
            .iter()
            .find(|row| row.release.semver == release.semver)
    }

    /// Its newest cataloged release.
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

    /// Links for an upgrade: release notes, then guides.
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
