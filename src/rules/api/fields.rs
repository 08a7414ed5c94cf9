//! Which fields change with an API version, in words.

use crate::catalog::{Api, Catalog, FieldChange, FieldFate, Gvk};
use crate::text::names::CHECK;

/// What to change in a manifest beside its `apiVersion`; `None` if that is all.
pub(super) fn field_advice(catalog: &Catalog, from: &Gvk, to: &Gvk) -> Option<String> {
    let (meanings, changes): (Vec<_>, Vec<_>) = catalog
        .field_changes(from, to)
        .partition(|change| change.fate == FieldFate::Mean);
    let sentences = phrases_of_changes(&changes, &from.kind)
        .map(|phrases| format!("Change its fields too: {phrases}."))
        .into_iter();
    let meanings = meanings
        .into_iter()
        .map(|change| format!("Check {}: {}.", change.field, change.note));
    let sentences: Vec<String> = sentences.chain(meanings).collect();
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

/// A remedy with more changes than this has the first ones only; the explanation of a rule has them all.
const MAX_CHANGES: usize = 8;
/// How many the first ones are, to the end of those below one parent.
const FIRST_CHANGES: usize = 5;

/// The changes below each parent; parents with the same changes share them.
fn phrases_of_changes(changes: &[&FieldChange], kind: &str) -> Option<String> {
    let mut groups: Vec<(Vec<&str>, Vec<String>)> = Vec::new();
    for changes in changes.chunk_by(|a, b| parent_and_name(a).0 == parent_and_name(b).0) {
        let parent = changes.first().map(|change| parent_and_name(change).0)?;
        let phrases = changes.iter().map(|change| {
            let (parent, name) = parent_and_name(change);
            phrase(change, parent, name)
        });
        let phrases = phrases.collect();
        match groups.iter_mut().find(|(_, others)| *others == phrases) {
            Some((parents, _)) => parents.push(parent),
            None => groups.push((vec![parent], phrases)),
        }
    }
    let all: usize = groups.iter().map(|(_, phrases)| phrases.len()).sum();
    let limit = if all > MAX_CHANGES {
        FIRST_CHANGES
    } else {
        all
    };
    let mut listed = 0;
    let first = groups.iter().take_while(|(_, phrases)| {
        let has_room = listed < limit;
        listed += phrases.len();
        has_room
    });
    let first = first.map(|(parents, phrases)| match parents[..] {
        [""] => phrases.join(", "),
        _ => format!("in {}, {}", parents.join(" and "), phrases.join(", ")),
    });
    let mut first: Vec<String> = first.collect();
    if first.len() < groups.len() {
        first.push(format!(
            "'kubectl {CHECK} explain api-removed {kind}' lists all {all}"
        ));
    }
    (!first.is_empty()).then(|| first.join("; "))
}

/// All changes of the catalog, for the explanation of a rule: a line for each, below the versions that it is about. With a
/// kind, its removed versions and what changes on the way to their replacements; empty if it has none.
pub(super) fn describe_changes(catalog: &Catalog, kind: Option<&str>) -> String {
    match kind {
        Some(kind) => changes_of_kind(catalog, kind),
        None => all_changes(catalog),
    }
}

fn changes_of_kind(catalog: &Catalog, kind: &str) -> String {
    let mut out = String::new();
    let is_wanted = |api: &&Api| {
        let name = api.gvk().kind;
        name.eq_ignore_ascii_case(kind) || api.resource.eq_ignore_ascii_case(kind)
    };
    for api in catalog.apis.iter().filter(is_wanted) {
        let Some(removed) = api.removed else { continue };
        let gvk = api.gvk();
        let version = format!(
            "{} of {} is removed in {removed}",
            gvk.kind,
            gvk.api_version()
        );
        let Some(next) = catalog.apis.successor(api, None, removed).map(Api::gvk) else {
            out.push_str(&format!("{version}, with no replacement\n"));
            continue;
        };
        let next_name = match next.kind == gvk.kind {
            true => next.api_version(),
            false => next.to_string(),
        };
        out.push_str(&format!("{version}; use {next_name}\n"));
        let mut changes: Vec<String> = catalog
            .field_changes(&gvk, &next)
            .map(|change| phrase(change, "", &change.field))
            .collect();
        if changes.is_empty() {
            changes.push("only apiVersion changes".to_owned());
        }
        out.extend(changes.iter().map(|change| format!("  {change}\n")));
    }
    out
}

fn all_changes(catalog: &Catalog) -> String {
    let mut out = String::new();
    let versions = |change: &FieldChange| {
        let versions: Vec<String> = change.apis().map(|api| api.api_version()).collect();
        let kind = change.apis().next().map_or(String::new(), |api| api.kind);
        format!("{kind} of {}", versions.join(", "))
    };
    let groups = catalog.field_changes.iter().collect::<Vec<_>>();
    for changes in groups.chunk_by(|a, b| versions(a) == versions(b)) {
        out.extend(changes.first().map(|change| versions(change) + "\n"));
        for change in changes {
            out.push_str(&format!("  {}\n", phrase(change, "", &change.field)));
        }
    }
    out
}

fn parent_and_name(change: &FieldChange) -> (&str, &str) {
    change.field.rsplit_once('.').unwrap_or(("", &change.field))
}

/// A change of the field of this name below a parent.
fn phrase(change: &FieldChange, parent: &str, name: &str) -> String {
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
