//! How the fields of an API change on the way to its replacement, where more than `apiVersion` does.

use serde::Deserialize;

use super::api::Gvk;
use super::table::comma_separated;

/// What happens to a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldFate {
    /// It has another place or name.
    Move,
    /// It does not exist any more.
    Drop,
    /// It must be given.
    Require,
    /// It has another default.
    Default,
    /// Its values mean something else.
    Mean,
}

/// A row of `field-changes.tsv`. Rows of a kind apply in the order of the table.
#[derive(Debug, Clone, Deserialize)]
pub struct FieldChange {
    kind: String,
    #[serde(deserialize_with = "comma_separated")]
    from: Vec<String>,
    /// What happens to the field.
    #[serde(rename = "change")]
    pub fate: FieldFate,
    /// Path of the field, such as `spec.rules[].host`: `[]` is each element of a list.
    pub field: String,
    /// Where it moves to; empty unless it moves.
    pub into: String,
    /// For a field that moves, fields beside the new one, as `type: Utilization`; for a required one an example, and for a
    /// default the one before, as JSON.
    pub value: String,
    /// Additional advice; for a default the new one; may be empty.
    pub note: String,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: jiff::civil::Date,
}

impl FieldChange {
    /// Whether the row is about this API.
    #[must_use]
    pub fn applies_from(&self, api: &Gvk) -> bool {
        self.kind == api.kind && self.from.contains(&api.api_version())
    }

    /// `kind` and API versions that the row is about.
    pub fn apis(&self) -> impl Iterator<Item = Gvk> {
        let versions = self.from.iter();
        versions.map(|version| Gvk::new(version, &self.kind))
    }
}
