//! A platform with its releases and the supported upgrades between them.

use jiff::civil::Date;
use serde::Deserialize;

use super::edge::{
    Edge, EdgeConfidence, EdgeException, EdgeRule, KubernetesPrecondition, MatrixCell,
    UpgradeMatrix,
};
use super::name::PlatformName;
use crate::catalog::{Minor, MinorRange, Release, VersionSpec};

/// The first statement about a pair of releases.
struct EdgeStatement<'a> {
    is_supported: bool,
    confidence: EdgeConfidence,
    source: &'a str,
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
pub(super) struct DocLink {
    /// For upgrades to these minors.
    #[serde(rename = "to")]
    pub(super) target_minors: MinorRange,
    /// Only for upgrades that change the minor.
    #[serde(default)]
    #[serde(rename = "crossing")]
    pub(super) requires_minor_change: bool,
    /// URL with `{release}` and `{minor}` of the target.
    #[serde(rename = "url")]
    pub(super) url_template: String,
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
    pub(super) releases: Vec<PlatformRelease>,
    pub(super) exceptions: Vec<EdgeException>,
    pub(super) matrices: Vec<UpgradeMatrix>,
    pub(super) edge_rules: Vec<EdgeRule>,
    pub(super) kubernetes_preconditions: Vec<KubernetesPrecondition>,
    pub(super) guide_url_template: Option<String>,
    pub(super) links: Vec<DocLink>,
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

    /// The upgrade from one release to another; `None` if it is not supported.
    #[must_use]
    pub fn edge(&self, from: &Release, to: &Release) -> Option<Edge> {
        let statement = self
            .edge_statement(from, to)
            .filter(|statement| statement.is_supported)?;
        let precondition = self
            .kubernetes_preconditions
            .iter()
            .find(|row| row.from == from.minor() && row.to == to.minor());
        let begins = precondition
            .map(|row| format!("; begins on Kubernetes {}: {}", row.kubernetes, row.source));
        Some(Edge {
            confidence: statement.confidence,
            source: statement.source.to_owned() + &begins.unwrap_or_default(),
            required_kubernetes: precondition.map(|row| row.kubernetes),
        })
    }

    /// The source that rules an upgrade out; `None` if no source does.
    #[must_use]
    pub fn unsupported_citation(&self, from: &Release, to: &Release) -> Option<&str> {
        let statement = self.edge_statement(from, to)?;
        (!statement.is_supported).then_some(statement.source)
    }

    fn edge_statement(&self, from: &Release, to: &Release) -> Option<EdgeStatement<'_>> {
        if to.semver <= from.semver {
            return None;
        }
        let mut pairs = self.exceptions.iter();
        if let Some(pair) = pairs.find(|pair| pair.from.matches(from) && pair.to.matches(to)) {
            return Some(EdgeStatement {
                is_supported: pair.is_supported,
                confidence: pair.confidence,
                source: &pair.source,
            });
        }
        let mut cells = self
            .matrices
            .iter()
            .filter_map(|matrix| Some((matrix, matrix.cell(from, to)?)));
        if let Some((matrix, cell)) = cells.next() {
            return Some(EdgeStatement {
                is_supported: cell == MatrixCell::Supported,
                confidence: EdgeConfidence::Published,
                source: &matrix.source,
            });
        }
        let mut rules = self.edge_rules.iter();
        let rule = rules.find(|rule| rule.applies_to(from.minor(), to.minor()))?;
        Some(EdgeStatement {
            is_supported: !(rule.requires_later_date && self.was_released_before(to, from)),
            confidence: rule.confidence,
            source: &rule.source,
        })
    }

    /// Whether a release is known to be older than another.
    #[must_use]
    pub fn was_released_before(&self, one: &Release, other: &Release) -> bool {
        let day = |release| self.find_release(release).and_then(|row| row.released);
        day(one)
            .zip(day(other))
            .is_some_and(|(one, other)| one < other)
    }
}
