//! Cells that several tables and pages share.

use super::terminal;
use crate::api::v1::ObjectDoc;
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
    object
        .and_then(|object| object.evidence.first())
        .map_or_else(
            || NONE_CELL.to_owned(),
            |evidence| terminal::escape_cell(&evidence.detail).into_owned(),
        )
}
