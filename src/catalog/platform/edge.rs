//! Statements about supported upgrades between releases, with their sources.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

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
    pub(super) fn applies_to(&self, from: Minor, to: Minor) -> bool {
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
