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

pub use edge::{Edge, Strength};
pub(super) use load::embedded;

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Minor, Release, Span, Wanted};
use edge::{Jump, Matrix, Pair, Standing};

/// What can be detected and upgraded. Ordered outermost first: what comes later carries what comes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    pub const fn word(self) -> &'static str {
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

impl fmt::Display for PlatformName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A text that names no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no platform; there are kubernetes, kyma, dkp and cluster-api")]
pub struct NotAPlatform(pub String);

impl FromStr for PlatformName {
    type Err = NotAPlatform;

    fn from_str(text: &str) -> Result<Self, NotAPlatform> {
        let known = Self::ALL.into_iter().find(|name| name.word() == text);
        known.ok_or_else(|| NotAPlatform(text.to_owned()))
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
    pub kubernetes: Option<Span>,
    /// The Kubernetes that it brings along; a minor alone where the patch is not known.
    pub ships: Option<Wanted>,
    /// How sure the range is.
    pub basis: Option<Strength>,
    /// The guide to hops into its minor, where there is one.
    pub guide: Option<String>,
    /// Where the row was read.
    pub source: String,
    /// The day up to which the source was read.
    pub horizon: Date,
}

/// After which minor a platform has no more releases.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ending {
    /// The last one.
    pub minor: Minor,
    /// What there is in its place.
    pub then: String,
    /// Where that was read.
    pub source: String,
    /// The day up to which the source was read.
    pub horizon: Date,
}

/// A page for people about hops.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Link {
    /// For hops to these minors.
    to: Span,
    /// Only for hops that change the minor.
    #[serde(default)]
    crossing: bool,
    /// With `{release}` and `{minor}` of the release that is reached.
    url: String,
}

/// A product with releases.
#[derive(Debug, Clone)]
pub struct Platform {
    /// Which one.
    pub name: PlatformName,
    /// As people write it.
    pub title: String,
    /// What there is in place of a downgrade.
    pub going_back: String,
    /// Where its releases end, if they do.
    pub ends: Option<Ending>,
    /// The newest day up to which a source was read.
    pub date: Date,
    releases: Vec<PlatformRelease>,
    pairs: Vec<Pair>,
    matrices: Vec<Matrix>,
    rules: Vec<Jump>,
    starts: Vec<Standing>,
    guides: Option<String>,
    links: Vec<Link>,
}

impl Platform {
    /// Its releases, oldest first.
    #[must_use]
    pub fn releases(&self) -> &[PlatformRelease] {
        &self.releases
    }

    /// The row of a release.
    #[must_use]
    pub fn find(&self, release: &Release) -> Option<&PlatformRelease> {
        self.releases
            .iter()
            .find(|row| row.release.semver == release.semver)
    }

    /// Its newest release that is known.
    #[must_use]
    pub fn newest(&self) -> Option<&PlatformRelease> {
        self.releases.last()
    }

    /// The releases of a minor, oldest first.
    pub fn patches(&self, minor: Minor) -> impl DoubleEndedIterator<Item = &PlatformRelease> {
        self.releases
            .iter()
            .filter(move |row| row.release.minor() == minor)
    }

    /// Pages for people about a hop: release notes, then guides.
    #[must_use]
    pub fn links(&self, from: &Release, to: &Release) -> Vec<String> {
        let crosses = from.minor() != to.minor();
        let links = self
            .links
            .iter()
            .filter(|link| link.to.contains(to.minor()) && (crosses || !link.crossing));
        let mut found: Vec<String> = links
            .map(|link| {
                link.url
                    .replace("{release}", &to.raw)
                    .replace("{minor}", &to.minor().to_string())
            })
            .collect();
        let guide = self.find(to).and_then(|row| row.guide.as_ref());
        if let (true, Some(guide), Some(guides)) = (crosses, guide, &self.guides) {
            found.push(guides.replace("{guide}", guide));
        }
        found
    }
}
