//! Fields that a template or placeholder takes: what they will hold is unknown until the manifest is rendered.

use std::fmt;

use super::header::{ManifestDocument, ManifestMetadata};
use crate::text::truncate;

/// What template languages put around a value: Helm and Jinja, shells and envsubst, ERB, Octopus, Concourse.
const MARKS: [&str; 9] = ["{{", "{%", "${", "$(", "<%", "#{", "((", "[[", "@@"];

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
        let letters = |value: &String| value.chars().find(|letter| !letter.is_ascii_graphic());
        let foreign = value.as_ref().and_then(letters);
        match value {
            Some(value) if value.trim().is_empty() => {
                write!(f, "{field} is blank; render the manifest first")
            }
            Some(value) if foreign.is_some() && !is_placeholder(value) && !value.contains('<') => {
                write!(
                    f,
                    "{} cannot be the {field}: it has the character U+{:04X}",
                    truncate(value, MAX_QUOTED),
                    foreign.map_or(0, u32::from)
                )
            }
            Some(value) if !may_be_marked(value) => write!(
                f,
                "{} cannot be the {field}; correct it, or render the manifest first",
                truncate(value, MAX_QUOTED)
            ),
            Some(value) => f.write_str(&unrendered(field, value)),
            None if self.is_missing => write!(f, "{field} is missing; render the manifest first"),
            None => {
                let shape = match *field {
                    "metadata" | "spec" => "mapping",
                    _ => "text",
                };
                write!(f, "{field} is not a {shape}; render the manifest first")
            }
        }
    }
}

/// What is said of a document that has a kind and no apiVersion.
pub(super) const MISSING_API_VERSION: &str = "apiVersion is missing; render the manifest first";

/// The apiVersion of what kustomize itself does; it has no version.
pub(super) const KUSTOMIZE_BUILTIN: &str = "builtin";

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
    let metadata = &document.metadata;
    let is_named = metadata.name.is_some() || metadata.generate_name.is_some();
    if let Some(field) = document.unreadable_field
        && (api_version.is_some() || kind.is_some() || is_named)
    {
        return Some(problem(field, None, false));
    }
    match (api_version, kind) {
        (Some(api_version), Some(kind)) => api_problem(api_version, kind),
        (None, Some(text)) if is_named && is_kind(text) => Some(problem("apiVersion", None, true)),
        (Some(text), None) if is_named && may_be_built_in(text) => {
            Some(problem("kind", None, true))
        }
        (None, None) if is_named && document.has_misspelt_head => {
            Some(problem("apiVersion", None, true))
        }
        _ => None,
    }
}

/// Whether an apiVersion may be one of Kubernetes. Files of other tools have one of their own, and no kind.
fn may_be_built_in(api_version: &str) -> bool {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    is_api_version(api_version) && (!group.contains('.') || group.ends_with(".k8s.io"))
}

/// What is wrong with an apiVersion and a kind.
pub(super) fn api_problem(api_version: &str, kind: &str) -> Option<FieldProblem> {
    let is_builtin = api_version == KUSTOMIZE_BUILTIN;
    let (field, value) = match (is_builtin || is_api_version(api_version), is_kind(kind)) {
        (false, _) => ("apiVersion", api_version),
        (true, false) => ("kind", kind),
        (true, true) => return None,
    };
    Some(FieldProblem {
        field,
        value: Some(value.to_owned()),
        is_missing: false,
    })
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
    // No name has a percent sign; others have colons and at signs, such as those of bindings.
    let is_marked = name.contains(['{', '}', '$', '<', '>', ' ', '%']) || is_wrapped(name);
    is_marked.then(|| FieldProblem {
        field: "name",
        value: Some(name.clone()),
        is_missing: false,
    })
}

/// `metadata` or `spec`, if it is there and no mapping: what a template leaves. Of custom resources, which may have any
/// shape, only what is marked as a placeholder.
pub(super) fn section_problem(
    document: &ManifestDocument,
    is_built_in: bool,
    text: &str,
) -> Option<FieldProblem> {
    let problem = |field, value| FieldProblem {
        field,
        value,
        is_missing: false,
    };
    if let Some((field, value)) = &document.misshapen_section {
        let counts = *field == "metadata" || is_built_in || is_placeholder(value);
        return counts.then(|| problem(field, Some(value.clone()).filter(|text| !text.is_empty())));
    }
    let is_ytt = text.contains("\nspec: #@ ");
    is_ytt.then(|| problem("spec", None))
}

/// What to report of a placeholder in a field that rules read.
pub(super) fn unrendered(field: &str, value: &str) -> String {
    format!(
        "{field} is a placeholder ({}); render the manifest first",
        truncate(value, MAX_QUOTED)
    )
}

/// Whether a text is certainly to be replaced.
pub(super) fn is_placeholder(text: &str) -> bool {
    MARKS.iter().any(|mark| text.contains(mark)) || is_wrapped(text)
}

/// Whether it looks like one, for a text that is no name.
fn may_be_marked(text: &str) -> bool {
    let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-./".contains(letter);
    !text.chars().all(is_name)
}

/// `__NAME__`, `@NAME@`, `@@NAME@@`, `%NAME%`.
fn is_wrapped(text: &str) -> bool {
    ["__", "@", "%"].iter().any(|mark| {
        let inner = text
            .strip_prefix(mark)
            .and_then(|rest| rest.strip_suffix(mark));
        inner.is_some_and(|inner| !inner.is_empty())
    })
}

/// `v1`, `policy/v1`: a group is a DNS subdomain, a version a DNS label; the core group has numbered versions.
///
/// Source: kubernetes/apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go.
fn is_api_version(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        label.starts_with(|first: char| first.is_ascii_alphanumeric())
            && label.bytes().all(|byte| is_letter(byte) || byte == b'-')
    };
    match text.split_once('/') {
        Some((group, version)) => {
            is_label(version)
                && version.starts_with(|first: char| first.is_ascii_alphabetic())
                && group.split('.').all(is_label)
        }
        None => {
            let number = text.strip_prefix('v');
            is_label(text)
                && number
                    .is_some_and(|number| number.starts_with(|first: char| first.is_ascii_digit()))
        }
    }
}

fn is_kind(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
