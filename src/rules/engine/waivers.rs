//! Waivers: accepted findings, by object, each with a reason and a date on which it expires.
//!
//! A waiver names objects as the OBJECT column does: `kind/namespace/name`, and `kind/name` or `kind//name` where there is
//! no namespace, or as `-o name` does: `kind.group/name -n namespace`. `*` matches any characters inside a part, and alone
//! every object. Upper and lower case of the kind do not matter.

#[cfg(test)]
mod tests;

use jiff::civil::Date;
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::rules::{AffectedObject, Finding};
use crate::text::parsers::yaml_error_text;
use crate::text::{first_and_more, glob_matches, kind_text};

/// An invalid file of waivers. It fails the run, because a misread waiver would hide a finding.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaiversError {
    /// It is not YAML of this shape.
    #[error("{0}")]
    Format(String),
    /// It is another kind of document.
    #[error(
        "expected kind Waivers of kubectl-upgrade/v1, found {}",
        kind_text(kind, api_version)
    )]
    UnexpectedKind {
        /// Its `kind`.
        kind: String,
        /// Its `apiVersion`.
        api_version: String,
    },
    /// A value in it is invalid.
    #[error("line {line}, column {column}: {reason}")]
    InvalidValue {
        /// Its line, from 1.
        line: u64,
        /// Its column, from 1.
        column: u64,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WaiversFile {
    api_version: String,
    kind: String,
    waivers: Vec<WaiverSpec>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WaiverSpec {
    rule: Spanned<String>,
    objects: Spanned<Vec<Spanned<String>>>,
    owner: Spanned<String>,
    reason: Spanned<String>,
    expires: Spanned<String>,
}

/// An accepted object of a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// Who.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The last day on which it is valid.
    pub expires: Date,
}

/// The waivers of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Waivers(Vec<WaiverEntry>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct WaiverEntry {
    rule: String,
    objects: Vec<ObjectPattern>,
    waiver: Waiver,
}

impl Waivers {
    /// Reads a file. `unknown` says what is wrong with a rule's id, if anything is.
    ///
    /// # Errors
    /// When the text holds no waivers, or one that could not mean anything, with line and column.
    pub fn parse(
        text: &str,
        unknown: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, WaiversError> {
        let document: WaiversFile = serde_saphyr::from_str(text)
            .map_err(|error| WaiversError::Format(yaml_error_text(&error)))?;
        if (document.api_version.as_str(), document.kind.as_str())
            != ("kubectl-upgrade/v1", "Waivers")
        {
            return Err(WaiversError::UnexpectedKind {
                kind: document.kind,
                api_version: document.api_version,
            });
        }
        let entries = document
            .waivers
            .into_iter()
            .map(|row| parse_entry(row, unknown));
        Ok(Self(entries.collect::<Result<_, _>>()?))
    }

    /// The waiver of this object that expires last, if one is valid today.
    pub(crate) fn find(&self, rule: &str, object: &AffectedObject, today: Date) -> Option<&Waiver> {
        self.0
            .iter()
            .filter(|entry| entry.rule == rule && entry.waiver.expires >= today)
            .filter(|entry| entry.objects.iter().any(|pattern| pattern.matches(object)))
            .map(|entry| &entry.waiver)
            .max_by_key(|waiver| waiver.expires)
    }

    /// A remark about each object of a valid waiver that is not in a finding of its rule, for rules that could look at everything.
    pub(crate) fn unused_remarks(
        &self,
        today: Date,
        findings: &[Finding],
        is_complete: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let valid = self.0.iter().filter(|entry| entry.waiver.expires >= today);
        let complete = valid.filter(|entry| is_complete(&entry.rule));
        let unused = complete.flat_map(|entry| {
            let of_rule = || findings.iter().filter(|finding| finding.id == entry.rule);
            let objects = move || of_rule().flat_map(|finding| &finding.objects);
            let patterns = entry.objects.iter();
            patterns
                .filter(move |pattern| !objects().any(|object| pattern.matches(object)))
                .map(move |pattern| {
                    format!(
                        "the waiver of {} for {} by {} matches no finding: it is fixed, or the name is misspelt",
                        entry.rule, pattern.text, entry.waiver.owner
                    )
                })
        });
        unused.collect()
    }

    /// A remark about each expired waiver.
    pub(crate) fn expired_remarks(&self, today: Date) -> impl Iterator<Item = String> {
        let expired = self
            .0
            .iter()
            .filter(move |entry| entry.waiver.expires < today);
        expired.map(|entry| {
            let first = entry.objects.first().map_or("", |pattern| &pattern.text);
            let objects = first_and_more(first, entry.objects.len());
            format!(
                "the waiver of {} for {objects} by {} expired on {} and no longer counts",
                entry.rule, entry.waiver.owner, entry.waiver.expires
            )
        })
    }
}

fn parse_entry(
    row: WaiverSpec,
    unknown: &dyn Fn(&str) -> Option<String>,
) -> Result<WaiverEntry, WaiversError> {
    if let Some(why) = unknown(&row.rule.value) {
        return Err(invalid_value(&row.rule, why));
    }
    let expires = row.expires.value.parse().map_err(|_| {
        let why = format!("{:?} is no day, as 2026-12-31 is", row.expires.value);
        invalid_value(&row.expires, why)
    })?;
    for (name, text) in [("owner", &row.owner), ("reason", &row.reason)] {
        if text.value.trim().is_empty() {
            return Err(invalid_value(text, format!("{name} says nothing")));
        }
    }
    if row.objects.value.is_empty() {
        let why = "a waiver needs objects; use * for all".to_owned();
        return Err(invalid_value(&row.objects, why));
    }
    let objects = row.objects.value.into_iter().map(|text| {
        if text.value.split('/').next().is_none_or(str::is_empty) {
            let why = format!("{:?} is not kind/namespace/name", text.value);
            return Err(invalid_value(&text, why));
        }
        Ok(ObjectPattern { text: text.value })
    });
    Ok(WaiverEntry {
        rule: row.rule.value,
        objects: objects.collect::<Result<_, _>>()?,
        waiver: Waiver {
            owner: row.owner.value,
            reason: row.reason.value,
            expires,
        },
    })
}

fn invalid_value<T>(at: &Spanned<T>, why: String) -> WaiversError {
    WaiversError::InvalidValue {
        line: at.referenced.line(),
        column: at.referenced.column(),
        reason: why,
    }
}

/// `kind/namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ObjectPattern {
    text: String,
}

impl ObjectPattern {
    fn matches(&self, object: &AffectedObject) -> bool {
        if self.text == "*" {
            return true;
        }
        let (text, in_namespace) = match self.text.split_once(" -n ") {
            Some((text, namespace)) => (text, Some(namespace.trim())),
            None => (self.text.as_str(), None),
        };
        let (kind, place) = text.split_once('/').unwrap_or((text, ""));
        if !matches_kind(&kind.to_lowercase(), object) {
            return false;
        }
        let namespace = object.namespace.as_deref().unwrap_or_default();
        if let Some(within) = in_namespace {
            return glob_matches(within, namespace) && glob_matches(place, &object.name);
        }
        let parts = place.split_once('/');
        // The name of a cluster may hold slashes itself, and such names are never namespaced.
        parts.is_some_and(|(within, name)| {
            glob_matches(within, namespace) && glob_matches(name, &object.name)
        }) || (namespace.is_empty() && glob_matches(place, &object.name))
    }
}

/// Whether an object is of a kind, written with its group or without.
fn matches_kind(pattern: &str, object: &AffectedObject) -> bool {
    let kind = object.kind.to_lowercase();
    let group = object.api_version.split_once('/').map(|(group, _)| group);
    glob_matches(pattern, &kind)
        || group.is_some_and(|group| glob_matches(pattern, &format!("{kind}.{group}")))
}
