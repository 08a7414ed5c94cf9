//! Manifests anywhere within an object of a custom kind, or within a document that is no manifest: policies, workflows,
//! compositions, playbooks, values of charts and other wrappers that are in no table.

use std::borrow::Cow;

use serde_json::Value;

use super::documents::{is_line_of_field, split_documents};
use super::{encoded, parse};
use crate::catalog::{Apis, ManifestHolder};

/// Fields of which the values are no manifests that a controller applies.
const OWN_FIELDS: [&str; 2] = ["metadata", "status"];

/// Fields with prose, in which manifests are examples.
const PROSE_FIELDS: [&str; 6] = [
    "annotations",
    "description",
    "example",
    "examples",
    "message",
    "summary",
];

/// Fields with patterns that objects are compared with, as policies and tests have them: nobody applies those.
const PATTERN_FIELDS: [&str; 5] = ["match", "exclude", "validate", "error", "asserts"];

/// Programs that apply manifests which a script hands them.
const APPLIERS: [&str; 2] = ["kubectl", "oc "];

/// What may be a manifest within an object.
pub(super) enum Nested<'a> {
    /// A mapping with an apiVersion, a kind and a body, and its path.
    Object(&'a Value, String),
    /// A text with lines of such a mapping, and the path of its field.
    Text(Cow<'a, str>, String),
    /// A text that cannot be decoded, the path of its field, and why.
    Unreadable(&'static str, String),
}

/// Whether a value names an API; a pattern such as `apps/*` or `!extensions/v1beta1` is compared with some.
pub(super) fn has_head(value: &Value) -> bool {
    let is_named = |field: &str| {
        let text = value[field].as_str();
        text.is_some_and(|text| !text.contains(['*', '!', '|']))
    };
    is_named("apiVersion") && is_named("kind")
}

/// The object that a controller writes for a value that names its API, name and namespace, or for a text that names its API
/// alone: `policy/v1/PodDisruptionBudget`.
pub(super) fn named_object(value: &Value) -> Option<Value> {
    let text = value.as_str().and_then(|text| text.rsplit_once('/'));
    let (api_version, kind) = match text {
        Some((api_version, kind)) => (api_version.into(), kind.into()),
        None if has_head(value) => (value["apiVersion"].clone(), value["kind"].clone()),
        None => return None,
    };
    let (name, namespace) = match text {
        Some(_) => ("cloned".into(), Value::Null),
        None => (value["name"].clone(), value["namespace"].clone()),
    };
    Some(serde_json::json!({
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
    }))
}

/// Whether objects of a group may be of a custom kind.
pub(super) fn is_custom(api_version: &str, apis: &Apis) -> bool {
    api_version.split_once('/').is_some_and(|(group, _)| {
        group.contains('.') && !apis.iter().any(|api| api.group() == group)
    })
}

/// Whether a text names more apiVersions than those of its own objects, or may do so in another encoding.
pub(super) fn may_nest(text: &str, own: usize) -> bool {
    text.matches("apiVersion").nth(own).is_some() || is_encoded(text)
}

/// Whether a text may hold others in an encoding.
fn is_encoded(text: &str) -> bool {
    let has_field = |field| text.lines().any(|line| line.contains(field));
    has_field("encoding") && text.contains("content")
        || text.contains("data:") && has_field("ignition")
}

/// Whether a text is, or holds, a script that hands manifests to a program.
pub(super) fn is_script(text: &str) -> bool {
    text.contains("<<") && names_applier(text)
}

/// Whether a text names a program that applies manifests.
pub(super) fn names_applier(text: &str) -> bool {
    APPLIERS.iter().any(|applier| text.contains(applier))
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

/// What may be manifests within a document that is no object.
pub(super) fn find_in_document(document: &Value) -> Vec<Nested<'_>> {
    let mut found = Vec::new();
    if !is_suite(document) {
        walk(document, String::new(), &[], &mut found);
    }
    found
}

/// Whether a document holds tests of a chart, which compare what is rendered with manifests.
/// Source: helm-unittest/helm-unittest DOCUMENT.md.
fn is_suite(document: &Value) -> bool {
    let is_of_chart = document["suite"].is_string() || document["templates"].is_array();
    is_of_chart && document["tests"].is_array()
}

/// The same in the texts of an object that a function selects, by the path of the field and the text.
pub(super) fn find_texts<'a>(
    object: &'a Value,
    is_wanted: impl Fn(&str, &str) -> bool,
) -> Vec<Nested<'a>> {
    let mut found = Vec::new();
    let mut values = vec![(object, String::new())];
    while let Some((value, path)) = values.pop() {
        match value {
            Value::Object(fields) => {
                let below = fields.iter();
                values.extend(below.map(|(field, below)| (below, joined(&path, field))));
            }
            Value::Array(items) => values.extend(items.iter().map(|item| (item, path.clone()))),
            Value::String(text) if mentions_manifest(text) && is_wanted(&path, text) => {
                found.push(Nested::Text(Cow::Borrowed(text), path));
            }
            _ => {}
        }
    }
    found.reverse();
    found
}

/// The manifests in a text that is YAML, but none itself, as cloud-init's user data; texts within are read as well.
pub(super) fn manifests_in(text: &str) -> Vec<String> {
    let documents = split_documents(text).into_iter();
    let values = documents.flat_map(|document| parse::parse_values(document.text));
    let mut manifests = Vec::new();
    for value in values {
        for nested in find_in_document(&value) {
            match nested {
                Nested::Object(object, _) => manifests.push(object.to_string()),
                Nested::Text(text, _) => manifests.push(text.into_owned()),
                Nested::Unreadable(..) => {}
            }
        }
    }
    manifests
}

/// The manifests among the here-documents of a script: the lines between `<<EOF` and `EOF`.
pub(super) fn here_documents(script: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        let Some((_, rest)) = line
            .split_once("<<")
            .filter(|(_, rest)| !rest.starts_with('<'))
        else {
            continue;
        };
        let word = rest.trim_start_matches(['-', '~', ' ', '"', '\'', '\\']);
        let end = word.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
        let word = &word[..end.unwrap_or(word.len())];
        if word.is_empty() {
            continue;
        }
        let body: Vec<&str> = lines
            .by_ref()
            .take_while(|line| line.trim() != word)
            .collect();
        let text = body.join("\n");
        if mentions_manifest(&text) {
            found.push(text);
        }
    }
    found
}

fn joined(path: &str, field: &str) -> String {
    match path.is_empty() {
        true => field.to_owned(),
        false => format!("{path}.{field}"),
    }
}

fn walk<'a>(value: &'a Value, path: String, rows: &[&ManifestHolder], found: &mut Vec<Nested<'a>>) {
    if rows.iter().any(|row| row.path == path) {
        return;
    }
    match value {
        Value::Object(fields) => {
            let has_body = value["metadata"].is_object() || value["spec"].is_object();
            if has_head(value) && has_body {
                return found.push(Nested::Object(value, path));
            }
            for (field, below) in fields {
                // A patch with a target of its own is applied whatever API it names.
                let is_targeted = field == "patch" && fields.contains_key("target");
                let is_pattern = PATTERN_FIELDS.contains(&field.as_str());
                let is_prose = PROSE_FIELDS.contains(&field.as_str());
                if field == "metadata" || is_targeted || is_pattern || is_prose {
                    continue;
                }
                let path = joined(&path, field);
                match decoded_field(value, field, below) {
                    Some(Ok(text)) if mentions_manifest(&text) => {
                        found.push(Nested::Text(Cow::Owned(text), path));
                    }
                    // Binary files are no manifests.
                    Some(Ok(_) | Err(encoded::BINARY)) => {}
                    Some(Err(why)) => found.push(Nested::Unreadable(why, path)),
                    None => walk(below, path, rows, found),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                walk(item, path.clone(), rows, found);
            }
        }
        Value::String(text) if mentions_manifest(text) => {
            found.push(Nested::Text(Cow::Borrowed(text), path));
        }
        _ => {}
    }
}

/// The text of a file that is in another encoding.
fn decoded_field(file: &Value, field: &str, value: &Value) -> Option<Result<String, &'static str>> {
    let text = value.as_str()?;
    match field {
        "content" => encoded::file_content(text, file["encoding"].as_str()?),
        "source" => encoded::data_url(text, file["compression"] == "gzip"),
        _ => None,
    }
}

/// Whether a text has lines with an apiVersion and a kind, or is such a mapping in JSON. Markdown with examples has them
/// between fences.
fn mentions_manifest(text: &str) -> bool {
    let has_line = |field| text.lines().any(|line| is_line_of_field(line, field));
    let is_json = || text.trim_start().starts_with(['{', '[']);
    // A mapping in braces, which may also be a command that only mentions some.
    let is_flow = || text.contains("apiVersion:") && text.contains("kind:");
    text.contains("apiVersion")
        && !text.contains("```")
        && (has_line("apiVersion") && has_line("kind")
            || is_json() && text.contains("\"apiVersion\"") && text.contains("\"kind\"")
            || is_flow() && !manifests_in(text).is_empty())
}
