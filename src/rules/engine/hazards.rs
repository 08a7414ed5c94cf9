//! Hazards without a rule: those that are planned, and those that the API does not show.

use serde::Deserialize;

use jiff::civil::Date;

use crate::catalog::{CatalogError, load_table};
use crate::rules::Severity;

/// Why a hazard has no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CoverageState {
    /// A rule is possible but not written yet.
    Planned,
    /// The API does not show it.
    Invisible,
}

/// A hazard without a rule.
#[derive(Debug, Clone, Deserialize)]
pub struct Hazard {
    /// The id that its rule would have.
    pub id: String,
    /// The highest severity.
    pub severity: Severity,
    /// Why it has no rule.
    pub state: CoverageState,
    /// The targets it applies to, as a phrase.
    pub applies_to: String,
    /// One line.
    pub title: String,
    /// For invisible hazards: why the API does not show it, and what to check manually.
    #[serde(rename = "look")]
    pub manual_check: String,
    /// The source.
    pub source: String,
    /// The date on which the source was verified.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// Every hazard without a rule, by id.
///
/// # Errors
/// If the embedded table is broken, with its line. Cannot happen in a released binary: tests load the same bytes.
pub fn hazards() -> Result<Vec<Hazard>, CatalogError> {
    load_table(
        "hazards.tsv",
        include_str!("../../catalog/kubernetes/hazards.tsv"),
    )
}
