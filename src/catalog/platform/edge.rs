//! Supported upgrades between releases of a platform, and their sources.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use super::Platform;
use crate::catalog::{Minor, MinorRange, Release, VersionSpec};

/// How well a source supports an upgrade. Ordered: strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgeConfidence {
    /// The vendor published exactly this upgrade, in a matrix or a guide.
    Published,
    /// It follows from a published rule of the vendor.
    #[serde(rename = "rule")]
    FromRule,
    /// It is not published, but inferred.
    Inferred,
}

/// A supported upgrade between two releases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// How well the source supports it.
    pub confidence: EdgeConfidence,
    /// Source.
    pub source: String,
    /// Kubernetes minors required before the upgrade, if the source names them.
    pub required_kubernetes: Option<MinorRange>,
}

impl Edge {
    /// The source, with a prefix if it only implies the upgrade.
    #[must_use]
    pub fn citation(&self) -> String {
        match self.confidence {
            EdgeConfidence::Inferred => format!("inferred: {}", self.source),
            EdgeConfidence::Published | EdgeConfidence::FromRule => self.source.clone(),
        }
    }
}

/// A statement about one pair of versions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EdgeException {
    /// A release, or a minor for all of its releases.
    pub(super) from: VersionSpec,
    /// A release, or a minor for all of its releases.
    pub(super) to: VersionSpec,
    #[serde(rename = "supported")]
    pub(super) is_supported: bool,
    #[serde(rename = "strength")]
    pub(super) confidence: EdgeConfidence,
    pub(super) source: String,
    #[serde(rename = "horizon")]
    pub(super) verified_on: Date,
}

/// A published upgrade matrix.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpgradeMatrix {
    pub(super) source: String,
    #[serde(rename = "horizon")]
    pub(super) verified_on: Date,
    pub(super) from: Vec<Release>,
    /// For each target release, one cell per column.
    pub(super) to: BTreeMap<Release, Vec<MatrixCell>>,
}

/// A cell of an upgrade matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum MatrixCell {
    #[serde(rename = "yes")]
    Supported,
    #[serde(rename = "no")]
    Unsupported,
    /// Not an upgrade: the same release or an older one.
    #[serde(rename = "-")]
    NoUpgrade,
}

impl UpgradeMatrix {
    pub(super) fn cell(&self, from: &Release, to: &Release) -> Option<MatrixCell> {
        let column = self.from.iter().position(|one| one.semver == from.semver)?;
        let (_, row) = self.to.iter().find(|(one, _)| one.semver == to.semver)?;
        row.get(column).copied()
    }
}

/// The targets of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EdgeTarget {
    /// Newer patches of the same minor.
    Patch,
    /// Any patch of the next minor.
    NextMinor,
    /// Any patch of this minor.
    Minor(Minor),
}

impl<'de> Deserialize<'de> for EdgeTarget {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "patch" => Ok(Self::Patch),
            "next-minor" => Ok(Self::NextMinor),
            minor => minor
                .parse()
                .map(Self::Minor)
                .map_err(serde::de::Error::custom),
        }
    }
}

/// A rule for supported upgrades.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EdgeRule {
    /// Applies to upgrades from these minors.
    pub(super) from: MinorRange,
    pub(super) to: EdgeTarget,
    /// Excludes targets released before the source release.
    #[serde(default)]
    #[serde(rename = "notOlder")]
    pub(super) requires_later_date: bool,
    #[serde(rename = "strength")]
    pub(super) confidence: EdgeConfidence,
    pub(super) source: String,
    #[serde(rename = "horizon")]
    pub(super) verified_on: Date,
}

impl EdgeRule {
    fn applies_to(&self, from: Minor, to: Minor) -> bool {
        self.from.contains(from)
            && match self.to {
                EdgeTarget::Patch => to == from,
                EdgeTarget::NextMinor => to == from.next(),
                EdgeTarget::Minor(minor) => to == minor,
            }
    }
}

/// Kubernetes minors required before an upgrade from one minor to another.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KubernetesPrecondition {
    pub(super) from: Minor,
    pub(super) to: Minor,
    pub(super) kubernetes: MinorRange,
    pub(super) source: String,
    #[serde(rename = "horizon")]
    pub(super) verified_on: Date,
}

/// The first statement about a pair of releases.
struct EdgeStatement<'a> {
    is_supported: bool,
    confidence: EdgeConfidence,
    source: &'a str,
}

impl Platform {
    /// The upgrade from one release to another; `None` if it is not supported.
    #[must_use]
    pub fn edge(&self, from: &Release, to: &Release) -> Option<Edge> {
        let said = self
            .edge_statement(from, to)
            .filter(|said| said.is_supported)?;
        let starts = self
            .kubernetes_preconditions
            .iter()
            .find(|standing| standing.from == from.minor() && standing.to == to.minor());
        let begins = starts.map(|standing| {
            let (kubernetes, source) = (standing.kubernetes, &standing.source);
            format!("; begins on Kubernetes {kubernetes}: {source}")
        });
        Some(Edge {
            confidence: said.confidence,
            source: said.source.to_owned() + &begins.unwrap_or_default(),
            required_kubernetes: starts.map(|standing| standing.kubernetes),
        })
    }

    /// The source that rules an upgrade out; `None` if no source does.
    #[must_use]
    pub fn unsupported_citation(&self, from: &Release, to: &Release) -> Option<&str> {
        let said = self
            .edge_statement(from, to)
            .filter(|said| !said.is_supported)?;
        Some(said.source)
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
