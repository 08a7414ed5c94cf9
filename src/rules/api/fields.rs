//! Which fields change with an API version, in words.

use crate::catalog::{Catalog, FieldChange, FieldFate, Gvk};

/// What to change in a manifest beside its `apiVersion`; `None` if that is all.
pub(super) fn field_advice(catalog: &Catalog, from: &Gvk, to: &Gvk) -> Option<String> {
    let (meanings, changes): (Vec<_>, Vec<_>) = catalog
        .field_changes(from, to)
        .partition(|change| change.fate == FieldFate::Mean);
    let sentences = phrases_of_changes(&changes)
        .map(|phrases| format!("Change its fields too: {phrases}."))
        .into_iter();
    let meanings = meanings
        .into_iter()
        .map(|change| format!("Check {}: {}.", change.field, change.note));
    let sentences: Vec<String> = sentences.chain(meanings).collect();
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

/// The changes below each parent; parents with the same changes share them.
fn phrases_of_changes(changes: &[&FieldChange]) -> Option<String> {
    let mut groups: Vec<(Vec<&str>, Vec<String>)> = Vec::new();
    for changes in changes.chunk_by(|a, b| parent_and_name(a).0 == parent_and_name(b).0) {
        let parent = changes.first().map(|change| parent_and_name(change).0)?;
        let phrases = changes.iter().map(|change| phrase(change)).collect();
        match groups.iter_mut().find(|(_, others)| *others == phrases) {
            Some((parents, _)) => parents.push(parent),
            None => groups.push((vec![parent], phrases)),
        }
    }
    let groups = groups.iter().map(|(parents, phrases)| match parents[..] {
        [""] => phrases.join(", "),
        _ => format!("in {}, {}", parents.join(" and "), phrases.join(", ")),
    });
    let groups: Vec<String> = groups.collect();
    (!groups.is_empty()).then(|| groups.join("; "))
}

fn parent_and_name(change: &FieldChange) -> (&str, &str) {
    change.field.rsplit_once('.').unwrap_or(("", &change.field))
}

fn phrase(change: &FieldChange) -> String {
    let (parent, name) = parent_and_name(change);
    let FieldChange { note, value, .. } = change;
    let remark = match note.as_str() {
        "" => String::new(),
        note => format!(" ({note})"),
    };
    match change.fate {
        FieldFate::Move => {
            let beside = match value.as_str() {
                "" => String::new(),
                value => format!(" with {value}"),
            };
            let below = change.into.strip_prefix(parent);
            let into = below
                .and_then(|rest| rest.strip_prefix('.'))
                .filter(|_| !parent.is_empty())
                .unwrap_or(&change.into);
            format!("{name} becomes {into}{beside}{remark}")
        }
        FieldFate::Drop => format!("{name} does not exist any more{remark}"),
        FieldFate::Require if value.is_empty() => format!("{name} is required{remark}"),
        FieldFate::Require => {
            format!("{name} is required, such as {}{remark}", unquoted(value))
        }
        FieldFate::Default => {
            format!("{name} defaults to {note} instead of {}", unquoted(value))
        }
        FieldFate::Mean => format!("{name} has another meaning{remark}"),
    }
}

/// A JSON value; a string without its quotes.
fn unquoted(json: &str) -> &str {
    let inner = json
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(json)
}
