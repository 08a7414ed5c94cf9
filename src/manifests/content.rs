//! Fields of manifests that rules read, beside names and versions.
//!
//! They are few, and of few kinds: a document is parsed a second time only if it may hold one of them.

use serde::Deserialize;
use serde_json::Value;

use crate::catalog::{Catalog, ManifestFields};
use crate::snapshot;

/// Maximum bytes of a document: as much as an API server takes in one request, and what it costs as values is bounded.
const MAX_DOCUMENT_BYTES: usize = 3 << 20;

/// The values of the documents in a text, in their order; none if rules read no fields of them.
pub(super) fn parse_contents(text: &str, catalog: &Catalog) -> Vec<Value> {
    if text.len() > MAX_DOCUMENT_BYTES || !may_hold_fields(text, &catalog.manifest_fields) {
        return Vec::new();
    }
    let body = text.trim_start();
    let body = body.strip_prefix("---").unwrap_or(body).trim_start();
    if body.starts_with('{') {
        let values = serde_json::Deserializer::from_str(body).into_iter::<Value>();
        let values: Vec<Value> = values.map_while(Result::ok).collect();
        if !values.is_empty() {
            return values;
        }
    }
    let parsed = serde_saphyr::with_deserializer_from_str_with_options(
        text,
        super::parse::yaml_options(text),
        |parser| Value::deserialize(parser),
    );
    Vec::from_iter(parsed.ok())
}

/// Whether a text names one of these kinds, and what must be mentioned beside it.
fn may_hold_fields(text: &str, rows: &[ManifestFields]) -> bool {
    // Rows that mention the same are next to each other: the text is searched for it once.
    rows.chunk_by(|a, b| a.mentioned == b.mentioned)
        .any(|rows| {
            let is_mentioned = rows
                .first()
                .is_some_and(|row| text.contains(&row.mentioned));
            is_mentioned && rows.iter().any(|row| text.contains(&row.kind))
        })
}

/// The items of a list, or the objects of a Template.
pub(super) fn items(list: &Value) -> &[Value] {
    let items = list.get("items").or_else(|| list.get("objects"));
    items.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What is kept of an object of this kind.
pub(super) fn kept_fields(
    object: &Value,
    api_version: &str,
    kind: &str,
    catalog: &Catalog,
) -> Option<Box<Value>> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let mut rows = catalog.manifest_fields.iter();
    let row = rows.find(|row| row.group == group && row.kind == kind)?;
    snapshot::kept_fields(object, row).map(Box::new)
}
