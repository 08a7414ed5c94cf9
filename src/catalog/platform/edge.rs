//! Which release may go to which, and how that is known.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, Serialize};

use super::Platform;
use crate::catalog::{Minor, Release, Span, Wanted};

/// How a statement is known. Ordered: the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strength {
    /// The vendor published it of exactly these releases, as a cell of a matrix or in a guide.
    Published,
    /// It follows from a rule that the vendor published.
    Rule,
    /// Nobody published it; it follows from what was.
    Inferred,
}

/// A hop that is supported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// How that is known.
    pub strength: Strength,
    /// Where that was read.
    pub source: String,
    /// Which Kubernetes must run when the hop begins, where that was said of the hop itself.
    pub starts: Option<Span>,
}

impl Edge {
    /// The source, with a word before it where nobody published the edge.
    #[must_use]
    pub fn cited(&self) -> String {
        match self.strength {
            Strength::Inferred => format!("inferred: {}", self.source),
            Strength::Published | Strength::Rule => self.source.clone(),
        }
    }
}

/// A pair of which something is known by itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pair {
    /// A release, or a minor for all of its releases.
    pub(super) from: Wanted,
    /// A release, or a minor for all of its releases.
    pub(super) to: Wanted,
    pub(super) supported: bool,
    pub(super) strength: Strength,
    pub(super) source: String,
    pub(super) horizon: Date,
}

/// A published matrix.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Matrix {
    pub(super) source: String,
    pub(super) horizon: Date,
    pub(super) from: Vec<Release>,
    /// For each target, a cell for each column.
    pub(super) to: BTreeMap<Release, Vec<Cell>>,
}

/// A cell of a matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Cell {
    #[serde(rename = "yes")]
    Supported,
    #[serde(rename = "no")]
    Unsupported,
    /// No upgrade: the same release, or an older one.
    #[serde(rename = "-")]
    NoUpgrade,
}

impl Matrix {
    pub(super) fn cell(&self, from: &Release, to: &Release) -> Option<Cell> {
        let column = self.from.iter().position(|one| one.semver == from.semver)?;
        let (_, row) = self.to.iter().find(|(one, _)| one.semver == to.semver)?;
        row.get(column).copied()
    }
}

/// Where a rule leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leads {
    /// To a newer patch of the same minor.
    Patch,
    /// To any patch of the next minor.
    NextMinor,
    /// To any patch of this minor.
    Minor(Minor),
}

impl<'de> Deserialize<'de> for Leads {
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
pub(super) struct Jump {
    /// From releases of these minors.
    pub(super) from: Span,
    pub(super) to: Leads,
    /// Never to a release that came out before the one that is left.
    #[serde(default)]
    pub(super) not_older: bool,
    pub(super) strength: Strength,
    pub(super) source: String,
    pub(super) horizon: Date,
}

impl Jump {
    fn speaks(&self, from: Minor, to: Minor) -> bool {
        self.from.contains(from)
            && match self.to {
                Leads::Patch => to == from,
                Leads::NextMinor => to == from.next(),
                Leads::Minor(minor) => to == minor,
            }
    }
}

/// Which Kubernetes must run when a hop from one minor to another begins.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Standing {
    pub(super) from: Minor,
    pub(super) to: Minor,
    pub(super) kubernetes: Span,
    pub(super) source: String,
    pub(super) horizon: Date,
}

/// What the first that knows a pair says of it.
struct Statement<'a> {
    supported: bool,
    strength: Strength,
    source: &'a str,
}

impl Platform {
    /// The edge from a release to another; none where the hop is not supported.
    #[must_use]
    pub fn edge(&self, from: &Release, to: &Release) -> Option<Edge> {
        let said = self.statement(from, to).filter(|said| said.supported)?;
        let starts = self
            .starts
            .iter()
            .find(|standing| standing.from == from.minor() && standing.to == to.minor());
        let begins = starts.map(|standing| {
            let (kubernetes, source) = (standing.kubernetes, &standing.source);
            format!("; begins on Kubernetes {kubernetes}: {source}")
        });
        Some(Edge {
            strength: said.strength,
            source: said.source.to_owned() + &begins.unwrap_or_default(),
            starts: starts.map(|standing| standing.kubernetes),
        })
    }

    /// Who says that there is no edge; none where nobody does, and where there is one.
    #[must_use]
    pub fn refusal(&self, from: &Release, to: &Release) -> Option<&str> {
        let said = self.statement(from, to).filter(|said| !said.supported)?;
        Some(said.source)
    }

    fn statement(&self, from: &Release, to: &Release) -> Option<Statement<'_>> {
        if to.semver <= from.semver {
            return None;
        }
        let mut pairs = self.pairs.iter();
        if let Some(pair) = pairs.find(|pair| pair.from.is_meant(from) && pair.to.is_meant(to)) {
            return Some(Statement {
                supported: pair.supported,
                strength: pair.strength,
                source: &pair.source,
            });
        }
        let mut cells = self
            .matrices
            .iter()
            .filter_map(|matrix| Some((matrix, matrix.cell(from, to)?)));
        if let Some((matrix, cell)) = cells.next() {
            return Some(Statement {
                supported: cell == Cell::Supported,
                strength: Strength::Published,
                source: &matrix.source,
            });
        }
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| rule.speaks(from.minor(), to.minor()))?;
        Some(Statement {
            supported: !(rule.not_older && self.is_older(to, from)),
            strength: rule.strength,
            source: &rule.source,
        })
    }

    /// Whether it is known that a release came out before another.
    #[must_use]
    pub fn is_older(&self, one: &Release, other: &Release) -> bool {
        let day = |release| self.find(release).and_then(|row| row.released);
        day(one)
            .zip(day(other))
            .is_some_and(|(one, other)| one < other)
    }
}
