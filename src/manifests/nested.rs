//! Manifests anywhere within an object of a custom kind: policies, workflows, compositions and other wrappers that are in no
//! table.

use serde_json::Value;

use super::documents::{is_line_of_field, split_documents};
use super::parse;
use crate::catalog::{Apis, ManifestHolder};

/// Fields of which the values are no manifests that a controller applies.
const OWN_FIELDS: [&str; 2] = ["metadata", "status"];

/// Fields with prose, in which manifests are examples.
const PROSE_FIELDS: [&str; 4] = ["annotations", "description", "message", "summary"];

/// Fields with patterns that objects are compared with, as policies and tests have them: nobody applies those.
const PATTERN_FIELDS: [&str; 4] = ["match", "exclude", "validate", "error"];

/// What may be a manifest within an object.
pub(super) enum Nested<'a> {
    /// A mapping with an apiVersion, a kind and a body.
    Object(&'a Value),
    /// A text with lines of such a mapping, and the path of its field.
    Text(String, &'a str),
}

/// Whether a value names an API; a pattern such as `apps/*` or `!extensions/v1beta1` is compared with some.
pub(super) fn has_head(value: &Value) -> bool {
    let is_named = |field: &str| {
        let text = value[field].as_str();
        text.is_some_and(|text| !text.contains(['*', '!', '|']))
    };
    is_named("apiVersion") && is_named("kind")
}

/// The object that a controller writes for a value that names its API, name and namespace.
pub(super) fn named_object(value: &Value) -> Value {
    serde_json::json!({
        "apiVersion": value["apiVersion"],
        "kind": value["kind"],
        "metadata": {"name": value["name"], "namespace": value["namespace"]},
    })
}

/// Whether objects of a group may be of a custom kind.
pub(super) fn is_custom(api_version: &str, apis: &Apis) -> bool {
    api_version.split_once('/').is_some_and(|(group, _)| {
        group.contains('.') && !apis.iter().any(|api| api.group() == group)
    })
}

/// Whether a text names more apiVersions than those of its own objects.
pub(super) fn may_nest(text: &str, own: usize) -> bool {
    text.matches("apiVersion").nth(own).is_some()
}

/// What may be manifests within an object, except where rows say how it holds some.
pub(super) fn find<'a>(object: &'a Value, rows: &[&ManifestHolder]) -> Vec<Nested<'a>> {
    let mut found = Vec::new();
    let fields = object.as_object().into_iter().flatten();
    for (field, value) in fields.filter(|(field, _)| !OWN_FIELDS.contains(&field.as_str())) {
        walk(value, field.clone(), rows, &mut found);
    }
    found
}

/// The objects in a text that is YAML, but no manifest itself.
pub(super) fn objects_in(text: &str) -> Vec<Value> {
    let documents = split_documents(text).into_iter();
    let values = documents.flat_map(|document| parse::parse_values(document.text));
    let mut objects = Vec::new();
    for value in values {
        let mut found = Vec::new();
        walk(&value, String::new(), &[], &mut found);
        let found = found.into_iter().filter_map(|nested| match nested {
            Nested::Object(object) => Some(object.clone()),
            Nested::Text(..) => None,
        });
        objects.extend(found);
    }
    objects
}

fn walk<'a>(value: &'a Value, path: String, rows: &[&ManifestHolder], found: &mut Vec<Nested<'a>>) {
    if rows.iter().any(|row| row.path == path) {
        return;
    }
    match value {
        Value::Object(fields) => {
            let has_body = value["metadata"].is_object() || value["spec"].is_object();
            if has_head(value) && has_body {
                return found.push(Nested::Object(value));
            }
            for (field, below) in fields {
                // A patch with a target of its own is applied whatever API it names.
                let is_targeted = field == "patch" && fields.contains_key("target");
                let is_pattern = PATTERN_FIELDS.contains(&field.as_str());
                let is_prose = PROSE_FIELDS.contains(&field.as_str());
                if field != "metadata" && !is_targeted && !is_pattern && !is_prose {
                    let path = format!("{path}.{field}");
                    walk(below, path, rows, found);
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(item, path.clone(), rows, found);
            }
        }
        Value::String(text) if mentions_manifest(text) => found.push(Nested::Text(path, text)),
        _ => {}
    }
}

/// Whether a text has lines with an apiVersion and a kind, or is such a mapping in JSON.
fn mentions_manifest(text: &str) -> bool {
    let has_line = |field| text.lines().any(|line| is_line_of_field(line, field));
    let is_json = || text.trim_start().starts_with(['{', '[']);
    text.contains("apiVersion")
        && (has_line("apiVersion") && has_line("kind")
            || is_json() && text.contains("\"apiVersion\"") && text.contains("\"kind\""))
}
