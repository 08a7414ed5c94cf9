//! Cells that several tables and pages share.

use super::terminal;
use crate::api::v1::{EvidenceDoc, EvidenceSourceDoc, ObjectDoc};
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

/// Places of an object in a cell.
const MAX_PLACES: usize = 3;

/// The strongest evidence. An object in several files has each of them, because each must change.
pub(super) fn evidence_cell(object: Option<&ObjectDoc>) -> String {
    let evidence = object.map_or(&[][..], |object| &object.evidence);
    let Some(first) = evidence.first() else {
        return NONE_CELL.to_owned();
    };
    let others = evidence.iter().skip(1);
    let others: Vec<&EvidenceDoc> = others
        .filter(|other| first.source == EvidenceSourceDoc::File && other.source == first.source)
        .collect();
    let listed = others.iter().take(MAX_PLACES - 1).copied();
    let listed = std::iter::once(first).chain(listed).map(evidence_text);
    let mut texts: Vec<String> = listed.collect();
    if others.len() >= MAX_PLACES {
        texts.push(format!("{} more", others.len() + 1 - MAX_PLACES));
    }
    texts.join(", ")
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
