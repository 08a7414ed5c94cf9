//! Fields that a template or placeholder takes: what they will hold is unknown until the manifest is rendered.

use std::fmt;

use super::header::{ManifestDocument, ManifestMetadata};
use crate::text::truncate;

/// Characters of a value that are quoted in a message.
const MAX_QUOTED: usize = 60;

/// A field whose value cannot be one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldProblem {
    pub(super) field: &'static str,
    /// The value; `None` if there is none or it is no text.
    pub(super) value: Option<String>,
    is_missing: bool,
}

impl fmt::Display for FieldProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, value, .. } = self;
        match value {
            Some(value) => write!(
                f,
                "{field} is a placeholder ({}); render the manifest first",
                truncate(value, MAX_QUOTED)
            ),
            None if self.is_missing => write!(f, "{field} is missing; render the manifest first"),
            None => write!(f, "{field} is not a text; render the manifest first"),
        }
    }
}

/// What is wrong with the apiVersion or kind of a document that is, or will be, a manifest.
///
/// A document that has neither is none, and one without the other only if it has a name.
pub(super) fn head_problem(document: &ManifestDocument) -> Option<FieldProblem> {
    let problem = |field, value: Option<&String>, is_missing| FieldProblem {
        field,
        value: value.cloned(),
        is_missing,
    };
    let (api_version, kind) = (document.api_version.as_ref(), document.kind.as_ref());
    if let Some(field) = document.unreadable_field
        && (api_version.is_some() || kind.is_some() || document.metadata.name.is_some())
    {
        return Some(problem(field, None, false));
    }
    match (api_version, kind) {
        (Some(text), Some(_)) if !is_api_version(text) => {
            Some(problem("apiVersion", Some(text), false))
        }
        (Some(_), Some(text)) if !is_kind(text) => Some(problem("kind", Some(text), false)),
        (None, Some(text)) if document.metadata.name.is_some() && is_kind(text) => {
            Some(problem("apiVersion", None, true))
        }
        (Some(text), None) if document.metadata.name.is_some() && is_api_version(text) => {
            Some(problem("kind", None, true))
        }
        _ => None,
    }
}

/// Whether the name is one that only rendering gives. ytt writes values as comments: its `name:` is null.
pub(super) fn name_problem(metadata: &ManifestMetadata, text: &str) -> Option<FieldProblem> {
    let Some(name) = &metadata.name else {
        let is_ytt = metadata.generate_name.is_none() && text.contains("name: #@ ");
        return is_ytt.then_some(FieldProblem {
            field: "name",
            value: None,
            is_missing: false,
        });
    };
    let is_marked = name.contains(['{', '}', '$', '<', '>', ' ']);
    let is_wrapped = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
    (is_marked || is_wrapped).then(|| FieldProblem {
        field: "name",
        value: Some(name.clone()),
        is_missing: false,
    })
}

/// `v1`, `policy/v1`: a group is a DNS subdomain, a version a DNS label.
///
/// Source: kubernetes/apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go.
fn is_api_version(text: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.starts_with(|first: char| first.is_ascii_alphanumeric())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let (group, version) = text.split_once('/').unwrap_or(("", text));
    is_label(version)
        && version.starts_with(|first: char| first.is_ascii_alphabetic())
        && (!text.contains('/') || group.split('.').all(is_label))
}

fn is_kind(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
