//! Cells that several tables and pages share.

use super::terminal;
use crate::api::v1::{EvidenceDoc, ObjectDoc};
use crate::rules::object_path;

/// What kubectl prints for an empty cell.
pub(super) const NONE_CELL: &str = "<none>";

/// `kind/namespace/name`.
pub(super) fn object_cell(object: &ObjectDoc) -> String {
    terminal::escape_cell(&object_path(
        &object.kind,
        object.namespace.as_deref(),
        &object.name,
    ))
    .into_owned()
}

/// The strongest evidence.
pub(super) fn evidence_cell(object: Option<&ObjectDoc>) -> String {
    let evidence = object.and_then(|object| object.evidence.first());
    evidence.map_or_else(|| NONE_CELL.to_owned(), evidence_text)
}

/// The detail of a piece of evidence, and the day on which its writer left it, unless the detail ends with it.
pub(super) fn evidence_text(evidence: &EvidenceDoc) -> String {
    let detail = terminal::escape_cell(&evidence.detail);
    let time = evidence.time.filter(|_| evidence.writer.is_some());
    match time.map(|time| time.strftime("%Y-%m-%d").to_string()) {
        Some(day) if !detail.ends_with(&day) => format!("{detail} on {day}"),
        _ => detail.into_owned(),
    }
}
