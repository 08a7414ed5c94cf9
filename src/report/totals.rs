//! How the objects of findings divide into namespaces and owners, and what passed.

use std::collections::BTreeMap;

use super::cells::NONE_CELL;
use super::options::RenderOptions;
use super::terminal::escape_cell;
use super::wrap::wrap;
use crate::api::v1::{ObjectDoc, UpgradeReport};
use crate::text::pluralize;

/// Names in a line of counts; the others are counted together.
const MAX_NAMED: usize = 20;

/// Counts by namespace and by owner, each if there are several: `ux-team-0 17 · ux-team-1 12`.
pub(super) fn by_place<'a>(
    objects: impl IntoIterator<Item = &'a ObjectDoc> + Clone,
) -> Vec<(&'static str, String)> {
    let namespace = |object: &'a ObjectDoc| object.namespace.as_deref();
    let owner = |object: &'a ObjectDoc| object.owner.as_deref();
    let groupings = [
        ("namespace", counts(objects.clone(), namespace)),
        ("owner", counts(objects, owner)),
    ];
    let is_named = |(name, _): &&(&str, usize)| *name != NONE_CELL;
    let several = groupings
        .into_iter()
        .filter(|(_, counts)| counts.iter().filter(is_named).count() > 1);
    several
        .map(|(name, counts)| (name, join(&counts)))
        .collect()
}

/// How many objects have each value, most first.
fn counts<'a>(
    objects: impl IntoIterator<Item = &'a ObjectDoc>,
    key: impl Fn(&'a ObjectDoc) -> Option<&'a str>,
) -> Vec<(&'a str, usize)> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for object in objects {
        *counts.entry(key(object).unwrap_or(NONE_CELL)).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

fn join(counts: &[(&str, usize)]) -> String {
    let named = counts.iter().take(MAX_NAMED);
    let mut texts: Vec<String> = named
        .map(|(name, count)| format!("{} {count}", escape_cell(name)))
        .collect();
    if let Some(rest) = counts.get(MAX_NAMED..).filter(|rest| !rest.is_empty()) {
        let objects: usize = rest.iter().map(|(_, count)| count).sum();
        texts.push(format!("{} others {objects}", rest.len()));
    }
    texts.join(" · ")
}

/// The open objects of all findings by namespace and owner; empty if they are few, unless `always`.
pub(super) fn totals_section(report: &UpgradeReport, look: &RenderOptions, always: bool) -> String {
    const FEW: usize = 10;
    let findings = report.findings.iter();
    let open: Vec<&ObjectDoc> = findings
        .flat_map(|finding| &finding.objects)
        .filter(|object| object.is_open())
        .collect();
    let mut out = String::new();
    if open.len() <= FEW && !always {
        return out;
    }
    for (name, counts) in by_place(open) {
        let heading = format!("Objects by {name}");
        out.push_str(&format!("{}\n", look.styles.heading(&heading)));
        out.push_str(&wrap(&counts, "  ", look.prose_width()));
    }
    out
}

/// The findings that the baseline has, in a line; empty without any.
pub(super) fn known_section(report: &UpgradeReport, wide: bool) -> String {
    let findings = report.findings.iter();
    let known = findings.filter(|finding| !finding.is_waived() && finding.is_in_baseline());
    let mut by_severity: Vec<(&str, usize)> = Vec::new();
    // Findings are sorted by severity.
    for finding in known {
        let word = finding.severity.as_str();
        match by_severity.last_mut().filter(|(last, _)| *last == word) {
            Some((_, count)) => *count += 1,
            None => by_severity.push((word, 1)),
        }
    }
    if by_severity.is_empty() || wide {
        return String::new();
    }
    let words = by_severity.iter();
    let words: Vec<String> = words.map(|(word, count)| pluralize(*count, word)).collect();
    let hint = "-o wide lists them";
    format!("Known from the baseline: {}; {hint}\n", words.join(", "))
}

/// The rules that found nothing, if they are asked for.
pub(super) fn passed_section(look: &RenderOptions) -> String {
    let mut out = String::new();
    let Some(passed) = look.passed.as_deref().filter(|passed| !passed.is_empty()) else {
        return out;
    };
    out.push_str(&format!("{}\n", look.styles.heading("Passed")));
    out.push_str(&wrap(&passed.join(", "), "  ", look.prose_width()));
    out
}
