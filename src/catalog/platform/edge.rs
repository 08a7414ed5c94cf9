//! Which release may go to which, and how that is known.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use super::Platform;
use crate::catalog::{Minor, MinorRange, Release, VersionSpec};

/// How a statement is known. Ordered: the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EdgeConfidence {
    /// The vendor published it of exactly these releases, as a cell of a matrix or in a guide.
    Published,
    /// It follows from a rule that the vendor published.
    #[serde(rename = "rule")]
    FromRule,
    /// Nobody published it; it follows from what was.
    Inferred,
}

/// A hop that is supported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// How that is known.
    pub confidence: EdgeConfidence,
    /// Where that was read.
    pub source: String,
    /// Which Kubernetes must run when the hop begins, where that was said of the hop itself.
    pub required_kubernetes: Option<MinorRange>,
}

impl Edge {
    /// The source, with a word before it where nobody published the edge.
    #[must_use]
    pub fn citation(&self) -> String {
        match self.confidence {
            EdgeConfidence::Inferred => format!("inferred: {}", self.source),
            EdgeConfidence::Published | EdgeConfidence::FromRule => self.source.clone(),
        }
    }
}

/// A pair of which something is known by itself.
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

/// A published matrix.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UpgradeMatrix {
    pub(super) source: String,
    #[serde(rename = "horizon")]
    pub(super) verified_on: Date,
    pub(super) from: Vec<Release>,
    /// For each target, a cell for each column.
    pub(super) to: BTreeMap<Release, Vec<MatrixCell>>,
}

/// A cell of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum MatrixCell {
    #[serde(rename = "yes")]
    Supported,
    #[serde(rename = "no")]
    Unsupported,
    /// No upgrade: the same release, or an older one.
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

/// Where a rule leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EdgeTarget {
    /// To a newer patch of the same minor.
    Patch,
    /// To any patch of the next minor.
    NextMinor,
    /// To any patch of this minor.
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

/// A rule about edges.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EdgeRule {
    /// From releases of these minors.
    pub(super) from: MinorRange,
    pub(super) to: EdgeTarget,
    /// Never to a release that came out before the one that is left.
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

/// Which Kubernetes must run when a hop from one minor to another begins.
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

/// What the first that knows a pair says of it.
struct EdgeStatement<'a> {
    is_supported: bool,
    confidence: EdgeConfidence,
    source: &'a str,
}

impl Platform {
    /// The edge from a release to another; none where the hop is not supported.
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

    /// Who says that there is no edge; none where nobody does, and where there is one.
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

    /// Whether it is known that a release came out before another.
    #[must_use]
    pub fn was_released_before(&self, one: &Release, other: &Release) -> bool {
        let day = |release| self.find_release(release).and_then(|row| row.released);
        day(one)
            .zip(day(other))
            .is_some_and(|(one, other)| one < other)
    }
}
