//! Waivers: objects of findings that somebody has taken on, with a reason and until a day.
//!
//! A waiver names objects as the OBJECT column does: `kind/namespace/name`, and `kind/name` or `kind//name` where there is
//! no namespace. `*` stands for any run of characters inside a part. Upper and lower case of the kind do not matter.

#[cfg(test)]
mod tests;

use jiff::civil::Date;
use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::rules::AffectedObject;

/// A file of waivers that cannot be used: one that is misread would hide something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WaiversError {
    /// It is no such file.
    #[error("{0}")]
    Format(String),
    /// It is a file of something else.
    #[error("it is a {kind} of {api_version}, not Waivers of kubectl-upgrade/v1")]
    UnexpectedKind {
        /// Its `kind`.
        kind: String,
        /// Its `apiVersion`.
        api_version: String,
    },
    /// A value in it means nothing.
    #[error("line {line}, column {column}: {reason}")]
    InvalidValue {
        /// Where, from 1.
        line: u64,
        /// Where in the line, from 1.
        column: u64,
        /// What is wrong with it.
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

/// What is said of an object that somebody has taken on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// Who.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The last day on which it counts.
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
            .map_err(|error| WaiversError::Format(error.without_snippet().to_string()))?;
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

    /// The waiver that holds for this object longest, if one counts today.
    pub(crate) fn find(&self, rule: &str, object: &AffectedObject, today: Date) -> Option<&Waiver> {
        self.0
            .iter()
            .filter(|entry| entry.rule == rule && entry.waiver.expires >= today)
            .filter(|entry| entry.objects.iter().any(|pattern| pattern.matches(object)))
            .map(|entry| &entry.waiver)
            .max_by_key(|waiver| waiver.expires)
    }

    /// A line on each waiver that no longer counts.
    pub(crate) fn expired_remarks(&self, today: Date) -> impl Iterator<Item = String> {
        let expired = self
            .0
            .iter()
            .filter(move |entry| entry.waiver.expires < today);
        expired.map(|entry| {
            let first = entry.objects.first().map_or("", |pattern| &pattern.text);
            let more = match entry.objects.len() {
                0 | 1 => String::new(),
                all => format!(" and {} more", all - 1),
            };
            format!(
                "the waiver of {} for {first}{more} by {} expired on {} and no longer counts",
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
        let why = "a waiver without objects waives nothing; */*/* stands for all".to_owned();
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
        let (kind, place) = self.text.split_once('/').unwrap_or((&self.text, ""));
        if !glob_matches(&kind.to_lowercase(), &object.kind.to_lowercase()) {
            return false;
        }
        let namespace = object.namespace.as_deref().unwrap_or_default();
        let parts = place.split_once('/');
        // The name of a cluster may hold slashes itself, and such names are never namespaced.
        parts.is_some_and(|(within, name)| {
            glob_matches(within, namespace) && glob_matches(name, &object.name)
        }) || (namespace.is_empty() && glob_matches(place, &object.name))
    }
}

/// Whether a text fits a pattern in which `*` stands for any run of characters.
fn glob_matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    // The leftmost place for each piece leaves most for those behind it, so no other needs to be tried.
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let tail = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some((_, after)) = text.split_once(piece) else {
            return false;
        };
        text = after;
    }
    text.ends_with(tail)
}
