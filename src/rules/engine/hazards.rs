//! Hazards that no rule of ours looks at: those that wait for one, and those that nothing in the API shows.

use serde::Deserialize;

use jiff::civil::Date;

use crate::catalog::{CatalogError, load_table};
use crate::rules::Severity;

/// Why no rule looks at a hazard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CoverageState {
    /// A rule could see it, and is not written yet.
    Planned,
    /// No client that only reads the API can see it.
    Invisible,
}

/// A hazard without a rule.
#[derive(Debug, Clone, Deserialize)]
pub struct Hazard {
    /// The id that its rule has, or would have.
    pub id: String,
    /// How bad it is at its worst.
    pub severity: Severity,
    /// Why no rule looks at it.
    pub state: CoverageState,
    /// From which target on it matters, in words.
    pub applies_to: String,
    /// One line.
    pub title: String,
    /// Of what the API does not show: why not, and what to look at by hand.
    #[serde(rename = "look")]
    pub manual_check: String,
    /// Where it was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// Every hazard without a rule, by id.
///
/// # Errors
/// When the embedded table is broken, with its line. Cannot happen in a released binary: tests load the same bytes.
pub fn hazards() -> Result<Vec<Hazard>, CatalogError> {
    load_table(
        "hazards.tsv",
        include_str!("../../catalog/kubernetes/hazards.tsv"),
    )
}
