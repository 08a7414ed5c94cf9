//! `RuleList`.

use serde::Serialize;

use super::{SeverityDoc, words};

/// What `kubectl upgrade-check rules -o json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleList {
    /// [`API_VERSION`](super::API_VERSION).
    pub api_version: String,
    /// `RuleList`.
    pub kind: String,
    /// Sorted by id.
    pub items: Vec<RuleDoc>,
}

/// A rule, or a hazard without one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleDoc {
    /// Stable, kebab-case.
    pub id: String,
    /// The highest severity of its findings.
    pub severity: SeverityDoc,
    /// One line.
    pub title: String,
    /// The platforms it applies to.
    pub platforms: Vec<String>,
    /// The targets it applies to, in words.
    pub applies_to: String,
    /// Whether a read-only client can detect it.
    #[serde(rename = "visible")]
    pub is_visible: bool,
    /// Whether it is checked.
    pub state: RuleStateDoc,
    /// How it is detected; what to check manually if the API does not show it.
    #[serde(rename = "how")]
    pub detection: String,
}

words! {
    /// Whether a hazard is checked.
    RuleStateDoc { Checked = "checked", Planned = "planned", Invisible = "invisible", }
}
