//! Sections below the table: remedies and gaps.

use std::collections::BTreeSet;

use super::cells::{evidence_cell, object_cell};
use super::cluster_names;
use super::options::RenderOptions;
use super::stacked;
use super::terminal;
use super::totals;
use super::wrap::wrap;
use crate::api::v1::{
    BaselineDoc, FindingDoc, GapDoc, ObjectDoc, PermissionDoc, SeverityDoc, UpgradeReport,
};
use crate::text::names::CHECK;
use crate::text::pluralize;

/// Maximum number of objects of a blocker, and of gaps, without `-o wide`.
pub(super) const MAX_LISTED: usize = 10;

/// What to do about each finding that is open; empty if there is none. In a wide table the objects are above.
pub(super) fn remedies_section(report: &UpgradeReport, look: &RenderOptions, wide: bool) -> String {
    let mut out = String::new();
    let findings = report
        .findings
        .iter()
        .filter(|finding| !finding.is_waived() && (wide || !finding.is_in_baseline()));
    for finding in findings {
        match out.is_empty() {
            true => push_indented(&mut out, 0, &look.styles.heading("What to do")),
            false => out.push('\n'),
        }
        let mut finding = finding.clone();
        if report.clusters.len() > 1 {
            cluster_names::name_finding_cluster(&mut finding);
        }
        let is_listed = finding.severity != SeverityDoc::Blocker && finding.objects.len() == 1;
        push_remedy(&mut out, &finding, look, !wide && !is_listed);
    }
    if !out.is_empty() {
        out.push_str(&format!("\nkubectl {CHECK} explain RULE tells more\n"));
    }
    out
}

/// One finding: its message, remedy and, if asked for, objects.
pub(super) fn push_remedy(
    out: &mut String,
    finding: &FindingDoc,
    look: &RenderOptions,
    with_objects: bool,
) {
    let rule = look.styles.heading(&terminal::escape_line(&finding.id));
    let head = format!("{}: {}", finding.id, finding.message);
    let head = wrap(&escape_prose(&head), "", look.prose_width());
    let plain = format!("{}:", terminal::escape_line(&finding.id));
    out.push_str(&head.replacen(&plain, &format!("{rule}:"), 1));
    out.push_str(&wrap(
        &escape_prose(&finding.remedy),
        "  ",
        look.prose_width(),
    ));
    if with_objects {
        push_objects(out, finding, look);
    }
    if !finding.reference.is_empty() {
        let reference = terminal::escape_line(&finding.reference);
        push_indented(out, 2, &format!("See {reference}"));
    }
}

/// The open objects of a finding: evidence that all share is named once, and many objects are counted by namespace and owner.
fn push_objects(out: &mut String, finding: &FindingDoc, look: &RenderOptions) {
    let objects = finding.objects.iter();
    let open: Vec<&ObjectDoc> = objects
        .filter(|object| object.waiver.is_none() && object.baseline != Some(BaselineDoc::Known))
        .collect();
    let evidence = |object: &&ObjectDoc| evidence_cell(Some(object));
    let shared = open.first().map(evidence);
    let shared =
        shared.filter(|first| open.len() > 1 && open.iter().all(|one| evidence(one) == *first));
    if let Some(shared) = &shared {
        out.push_str(&wrap(
            &format!("each: {shared}"),
            "    ",
            look.prose_width(),
        ));
    }
    let rows = open.iter().take(MAX_LISTED).map(|object| match shared {
        Some(_) => vec![object_cell(object)],
        None => vec![object_cell(object), evidence_cell(Some(object))],
    });
    out.push_str(&stacked::columns_or_stacked(rows.collect(), 4, look.width));
    push_more_hint(out, 4, open.len(), MAX_LISTED);
    if open.len() > MAX_LISTED {
        for (name, counts) in totals::by_place(open) {
            let counts = format!("by {name}: {counts}");
            out.push_str(&wrap(&counts, "    ", look.prose_width()));
        }
    }
}

/// Each gap with its reason and fix; empty if there is none.
pub(super) fn gaps_section(gaps: &[GapDoc], look: &RenderOptions, wide: bool) -> String {
    if gaps.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    push_indented(&mut out, 0, &look.styles.heading("Gaps"));
    if let Some(refusals) = refusals(gaps) {
        out.push_str(&wrap(&refusals, "  ", look.prose_width()));
    }
    let limit = if wide { gaps.len() } else { MAX_LISTED };
    for gap in gaps.iter().take(limit) {
        push_gap(&mut out, gap, look.prose_width());
    }
    push_more_hint(&mut out, 2, gaps.len(), limit);
    if gaps.iter().filter(|gap| gap.rbac.is_some()).count() == 1 {
        push_indented(
            &mut out,
            2,
            &format!("kubectl {CHECK} rbac prints a ClusterRole with these permissions"),
        );
    }
    out
}

/// What a user who was refused several reads needs first: `user "limited" may not read 34 resources; 40 rules not fully
/// checked; to fix: …`.
fn refusals(gaps: &[GapDoc]) -> Option<String> {
    let refused: Vec<&GapDoc> = gaps.iter().filter(|gap| gap.rbac.is_some()).collect();
    if refused.len() < 2 {
        return None;
    }
    let rules: BTreeSet<&String> = refused.iter().flat_map(|gap| &gap.rules).collect();
    let mut users = refused.iter().filter_map(|gap| refused_user(&gap.why));
    let user = users.next().map_or_else(
        || "the user".to_owned(),
        |user| format!("user \"{}\"", terminal::escape_line(user)),
    );
    Some(format!(
        "{user} may not read {}; {} not fully checked; to fix: 'kubectl {CHECK} rbac' prints what an administrator must apply",
        pluralize(refused.len(), "resource"),
        pluralize(rules.len(), "rule"),
    ))
}

/// The user whom the API server names in a refusal: `… User "limited" cannot list resource …`.
fn refused_user(why: &str) -> Option<&str> {
    let (_, rest) = why.split_once("User \"")?;
    rest.split_once('"').map(|(user, _)| user)
}

/// A gap with more rules than this lists the first ones only.
const MAX_RULES: usize = 12;
const FIRST_RULES: usize = 6;

fn push_gap(out: &mut String, gap: &GapDoc, width: usize) {
    let what = format!(
        "{}: {}",
        terminal::escape_line(&gap.what),
        escape_prose(&gap.why)
    );
    out.push_str(&wrap(&what, "  ", width));
    if let Some(rbac) = &gap.rbac {
        let allow = format!("fix: {}", permission_phrase(rbac));
        out.push_str(&wrap(&allow, "    ", width));
    }
    if !gap.rules.is_empty() {
        let (first, more) = match gap.rules.get(..FIRST_RULES) {
            Some(first) if gap.rules.len() > MAX_RULES => (first, gap.rules.len() - FIRST_RULES),
            _ => (&gap.rules[..], 0),
        };
        let mut rules = format!("not fully checked: {}", escape_prose(&first.join(", ")));
        if more > 0 {
            rules.push_str(&format!(" and {more} more rules (-o json lists them)"));
        }
        out.push_str(&wrap(&rules, "    ", width));
    }
}

/// `grant list on secrets in namespace shop`.
pub(super) fn permission_phrase(rule: &PermissionDoc) -> String {
    let group = match rule.api_groups.first().map(String::as_str) {
        None | Some("") => String::new(),
        Some(group) => format!(".{group}"),
    };
    let resources = rule
        .resources
        .iter()
        .map(|plural| format!("{plural}{group}"));
    let what: Vec<String> = resources
        .chain(rule.non_resource_urls.iter().cloned())
        .collect();
    let mut text = format!("grant {} on {}", rule.verbs.join(", "), what.join(", "));
    if !rule.resource_names.is_empty() {
        text.push_str(&format!(" ({})", rule.resource_names.join(", ")));
    }
    if let Some(namespace) = &rule.namespace {
        text.push_str(&format!(" in namespace {namespace}"));
    }
    terminal::escape_line(&text).into_owned()
}

/// Escapes a sentence and limits its length.
pub(super) fn escape_prose(text: &str) -> String {
    terminal::escape_truncated(text, 4 * terminal::MAX_CHARS).into_owned()
}

pub(super) fn push_more_hint(out: &mut String, indent: usize, all: usize, listed: usize) {
    if let Some(rest) = all.checked_sub(listed).filter(|rest| *rest > 0) {
        push_indented(out, indent, &format!("and {rest} more; -o wide lists all"));
    }
}

pub(super) fn push_indented(out: &mut String, indent: usize, line: &str) {
    out.push_str(&" ".repeat(indent));
    out.push_str(line);
    out.push('\n');
}
