//! Fields of manifests that rules read, beside names and versions.
//!
//! They are few, and of few kinds: a document is parsed a second time only if it may hold one of them.

use serde_json::Value;

use super::header::ManifestDocument;
use super::held::SetMembers;
use super::{held, nested, parse, placeholders};
use crate::catalog::{Catalog, ManifestFields};

/// Groups of configurations that components of Kubernetes and kubeadm read.
const CONFIGURATION_GROUPS: [&str; 3] = [".config.k8s.io/", "kubeadm.k8s.io/", "audit.k8s.io/"];

/// The values of the documents in a text, in their order; none if neither their fields nor what they hold is read.
pub(super) fn parse_contents(
    text: &str,
    documents: &[ManifestDocument],
    members: &SetMembers<'_>,
    catalog: &Catalog,
) -> Vec<Value> {
    let is_member = || members.keys().any(|member| text.contains(&member.name));
    let is_read = documents
        .iter()
        .any(|document| is_read_kind(document, catalog))
        && (may_hold_fields(text, &catalog.manifest_fields)
            || held::may_hold(text, catalog)
            || is_member());
    match is_read || may_nest(text, documents, catalog) {
        true => parse::parse_values(text),
        false => Vec::new(),
    }
}

/// Whether a document is, by its apiVersion and kind, a manifest.
pub(super) fn has_head(document: &ManifestDocument) -> bool {
    document.api_version.is_some() && document.kind.is_some()
}

/// Whether a text may hold configurations of components, as ConfigMaps and Secrets do.
fn holds_configurations(text: &str) -> bool {
    ["ConfigMap", "Secret"]
        .iter()
        .any(|kind| text.contains(kind))
        && CONFIGURATION_GROUPS
            .iter()
            .any(|group| text.contains(group))
}

/// Whether a text names the API of a configuration that a component reads.
pub(super) fn is_configuration(text: &str) -> bool {
    let mut lines = text.lines().filter(|line| line.contains("apiVersion"));
    lines.any(|line| {
        CONFIGURATION_GROUPS
            .iter()
            .any(|group| line.contains(group))
    })
}

/// Whether objects of custom kinds, or documents that are no manifests, may hold manifests anywhere.
pub(super) fn may_nest(text: &str, documents: &[ManifestDocument], catalog: &Catalog) -> bool {
    fn heads(documents: &[ManifestDocument]) -> impl Iterator<Item = &str> {
        let items = documents.iter().flat_map(|document| &document.items);
        let items = items
            .flatten()
            .filter_map(|item| item.api_version.as_deref());
        let own = documents
            .iter()
            .filter_map(|document| document.api_version.as_deref());
        own.chain(items)
    }
    let is_headless = || documents.iter().any(|document| !has_head(document));
    let mut settings = catalog.component_settings.iter();
    if settings.any(|row| row.may_be_in_file(text)) && is_headless() {
        return true;
    }
    let is_custom = |api_version| nested::is_custom(api_version, &catalog.apis);
    nested::may_nest(text, heads(documents).count())
        && (is_headless()
            || nested::is_script(text)
            || holds_configurations(text)
            || heads(documents).any(is_custom))
}

/// Whether a document, or an item of a list, is of a kind that is read.
fn is_read_kind(document: &ManifestDocument, catalog: &Catalog) -> bool {
    let kind = document.kind.as_deref().unwrap_or_default();
    let kind = kind.strip_suffix("List").unwrap_or(kind);
    let mut holders = catalog.manifest_holders.iter();
    catalog.manifest_fields.iter().any(|row| row.kind == kind)
        || holders.any(|row| row.is_of_kind(kind) && !row.is_elsewhere())
        || document
            .items
            .iter()
            .flatten()
            .any(|item| is_read_kind(item, catalog))
}

/// Whether a text names one of these kinds, and what must be mentioned beside it, or a placeholder may hide it.
fn may_hold_fields(text: &str, rows: &[ManifestFields]) -> bool {
    let mut rows = rows
        .iter()
        .filter(|row| text.contains(&row.kind))
        .peekable();
    rows.peek().is_some() && {
        let is_placeholder = placeholders::is_placeholder(text);
        rows.any(|row| {
            let mut mentioned = row.mentioned.iter();
            row.mentioned.is_empty()
                || (is_placeholder && !row.is_read_by_mention())
                || mentioned.any(|name| text.contains(name))
        })
    }
}

/// The items of a list, or the objects of a Template.
pub(super) fn items(list: &Value) -> &[Value] {
    let items = list.get("items").or_else(|| list.get("objects"));
    items.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The rows of a kind of which rules read fields.
pub(super) fn fields_rows<'a>(
    api_version: &str,
    kind: &str,
    catalog: &'a Catalog,
) -> impl Iterator<Item = &'a ManifestFields> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let rows = catalog.manifest_fields.iter();
    rows.filter(move |row| row.group == group && row.kind == kind)
}

/// The first place that rules read where a placeholder is, and the placeholder: text in place of a mapping or sequence, or
/// a key of a mapping.
pub(super) fn unrendered_field<'a>(
    object: &'a Value,
    row: &'a ManifestFields,
) -> Option<(&'a str, &'a str)> {
    row.paths.iter().find_map(|path| {
        let mut steps = path.split('.').peekable();
        let mut value = object;
        let mut field = "";
        while let Some(step) = steps.next() {
            let below = value.get(step.trim_end_matches(['[', ']', '{', '}']));
            // What is in a sequence decides by what it holds, not by its place.
            let Some(below) = below else {
                return sequence_placeholder(value).map(|text| (field, text));
            };
            field = step;
            value = below;
            if let Some(text) = value.as_str().filter(|_| steps.peek().is_some()) {
                return placeholders::is_placeholder(text).then_some((field, text));
            }
        }
        key_placeholder(value).map(|text| (field, text))
    })
}

/// An item that is a placeholder.
fn sequence_placeholder(value: &Value) -> Option<&str> {
    let mut texts = value.as_array()?.iter().filter_map(Value::as_str);
    texts.find(|text| placeholders::is_placeholder(text))
}

/// A placeholder that takes the value, one of its keys, or the `key` of a requirement.
fn key_placeholder(value: &Value) -> Option<&str> {
    let marked = |text: &&str| placeholders::is_placeholder(text);
    match value {
        Value::String(text) => Some(text.as_str()).filter(marked),
        Value::Array(items) => items.iter().find_map(key_placeholder),
        Value::Object(fields) => fields.iter().find_map(|(name, field)| {
            let is_nested = field.is_object() || field.is_array() || name == "key";
            let own = Some(name.as_str()).filter(marked);
            own.or_else(|| is_nested.then(|| key_placeholder(field))?)
        }),
        _ => None,
    }
}
