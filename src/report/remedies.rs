//! Sections below the table: remedies, gaps and the verdict.

use super::cells::{evidence_cell, object_cell};
use super::cluster_names;
use super::options::RenderOptions;
use super::stacked;
use super::terminal;
use super::wrap::wrap;
use crate::api::v1::{
    ClusterDoc, EvaluatedClusterDoc, FindingDoc, GapDoc, HopDoc, ObjectDoc, PermissionDoc,
    SeverityDoc, UpgradeReport,
};
use crate::catalog::{PlatformName, VersionSpec};
use crate::text::names::CHECK;
use crate::text::pluralize;

/// Maximum number of objects of a blocker, and of gaps, without `-o wide`.
pub(super) const MAX_LISTED: usize = 10;

/// How to fix each blocker; empty if there is none.
pub(super) fn remedies_section(report: &UpgradeReport, look: &RenderOptions, wide: bool) -> String {
    let mut out = String::new();
    let blockers = report
        .findings
        .iter()
        .filter(|finding| finding.severity == SeverityDoc::Blocker && !finding.is_waived());
    for finding in blockers {
        if out.is_empty() {
            push_indented(&mut out, 0, &look.styles.heading("What to do"));
        } else {
            out.push('\n');
        }
        let mut finding = finding.clone();
        if report.clusters.len() > 1 {
            cluster_names::name_finding_cluster(&mut finding);
        }
        push_remedy(&mut out, &finding, look, wide);
    }
    out
}

/// One finding: its message, remedy and objects.
pub(super) fn push_remedy(
    out: &mut String,
    finding: &FindingDoc,
    look: &RenderOptions,
    wide: bool,
) {
    let rule = look.styles.heading(&terminal::escape_line(&finding.id));
    push_indented(
        out,
        0,
        &format!("{rule}: {}", escape_prose(&finding.message)),
    );
    out.push_str(&wrap(
        &escape_prose(&finding.remedy),
        "  ",
        look.prose_width(),
    ));
    let open: Vec<&ObjectDoc> = finding
        .objects
        .iter()
        .filter(|object| object.waiver.is_none())
        .collect();
    let limit = if wide { open.len() } else { MAX_LISTED };
    let rows = open
        .iter()
        .take(limit)
        .map(|object| vec![object_cell(object), evidence_cell(Some(object))])
        .collect();
    out.push_str(&stacked::columns_or_stacked(rows, 4, look.width));
    push_more_hint(out, 4, open.len(), limit);
    if !finding.reference.is_empty() {
        let reference = terminal::escape_line(&finding.reference);
        push_indented(out, 2, &format!("See {reference}"));
    }
}

/// Each gap with its reason and fix; empty if there is none.
pub(super) fn gaps_section(gaps: &[GapDoc], look: &RenderOptions, wide: bool) -> String {
    if gaps.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    push_indented(&mut out, 0, &look.styles.heading("Gaps"));
    let limit = if wide { gaps.len() } else { MAX_LISTED };
    for gap in gaps.iter().take(limit) {
        push_gap(&mut out, gap, look.prose_width());
    }
    push_more_hint(&mut out, 2, gaps.len(), limit);
    if gaps.iter().any(|gap| gap.rbac.is_some()) {
        push_indented(
            &mut out,
            2,
            &format!("kubectl {CHECK} rbac prints a ClusterRole with these permissions"),
        );
    }
    out
}

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
        let rules = format!("not fully checked: {}", escape_prose(&gap.rules.join(", ")));
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

/// The last line: verdict, counts and scope.
pub(super) fn verdict_line(report: &UpgradeReport, look: &RenderOptions) -> String {
    let summary = &report.summary;
    let some = |number: usize, noun: &str| (number > 0).then(|| pluralize(number, noun));
    let found: Vec<String> = [
        some(summary.blockers, "blocker"),
        some(summary.warnings, "warning"),
        some(summary.notes, "note"),
    ]
    .into_iter()
    .flatten()
    .collect();
    let found = if found.is_empty() {
        "nothing found".to_owned()
    } else {
        found.join(", ")
    };
    let in_baseline = report
        .findings
        .iter()
        .filter(|finding| !finding.is_waived() && finding.is_in_baseline())
        .count();
    let number = |number: usize, word: &str| (number > 0).then(|| format!("{number} {word}"));
    let aside = [
        number(summary.waived, "waived"),
        number(in_baseline, "in the baseline"),
        number(report.resolved.len(), "resolved since"),
        some(summary.skipped, "rule").map(|rules| format!("{rules} skipped")),
        some(summary.gaps, "gap"),
    ];
    let counts: Vec<String> = std::iter::once(found)
        .chain(aside.into_iter().flatten())
        .collect();
    format!(
        "{}: {} ({})\n",
        look.styles.verdict(report.verdict),
        counts.join("; "),
        several_clusters(&report.clusters)
            .unwrap_or_else(|| scope_phrase(&report.cluster, &report.path))
    )
}

/// `3 clusters`; none if the run has no more than one.
pub(super) fn several_clusters(clusters: &[EvaluatedClusterDoc]) -> Option<String> {
    (clusters.len() > 1).then(|| format!("{} clusters", clusters.len()))
}

/// The scope of a verdict: cluster, path, namespace.
pub(super) fn scope_phrase(cluster: &ClusterDoc, path: &[HopDoc]) -> String {
    let place = match (&cluster.context, &cluster.server) {
        (Some(context), _) => format!("context {}", terminal::escape_line(context)),
        (None, Some(server)) => format!("server {}", terminal::escape_line(server)),
        (None, None) => "no cluster".to_owned(),
    };
    let mut parts = vec![place];
    parts.extend(format_path(cluster, path));
    if let Some(namespace) = &cluster.namespace {
        parts.push(format!(
            "namespace {} only",
            terminal::escape_line(namespace)
        ));
    }
    parts.join(", ")
}

/// `1.24.17 → 1.25.16 → 1.26.15`, with names if there are several platforms; without a hop `stays at 1.25.16`.
pub(super) fn format_path(cluster: &ClusterDoc, path: &[HopDoc]) -> Option<String> {
    if path.is_empty() {
        let version = cluster.kubernetes_version.as_ref()?;
        return Some(format!("stays at {}", terminal::escape_line(version)));
    }
    let alone = path
        .iter()
        .all(|hop| hop.platform == PlatformName::Kubernetes);
    let legs = path.chunk_by(|hop, next| hop.platform == next.platform);
    let legs: Vec<String> = legs.map(|hops| format_hops(hops, alone)).collect();
    Some(legs.join(", "))
}

/// `1.26.15`, with names if there are several platforms; none without a hop.
pub(super) fn format_targets(path: &[HopDoc]) -> Option<String> {
    let legs = path.chunk_by(|hop, next| hop.platform == next.platform);
    let last: Vec<&HopDoc> = legs.filter_map(<[HopDoc]>::last).collect();
    let texts = last.iter().map(|hop| match hop.platform {
        PlatformName::Kubernetes if last.len() == 1 => format_version(&hop.to),
        platform => format!("{} {}", platform.title(), format_version(&hop.to)),
    });
    let texts: Vec<String> = texts.collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// Hops of one platform that follow each other.
fn format_hops(hops: &[HopDoc], alone: bool) -> String {
    let start = hops.first().and_then(|hop| hop.from.as_ref());
    let stops = start.into_iter().chain(hops.iter().map(|hop| &hop.to));
    let stops: Vec<_> = stops.map(format_version).collect();
    let to = if start.is_none() { "to " } else { "" };
    let name = match hops.first() {
        Some(hop) if !alone => format!("{} ", hop.platform.title()),
        _ => String::new(),
    };
    format!("{to}{name}{}", stops.join(" → "))
}

/// `Kubernetes 1.24.17 → 1.25.16`, escaped.
pub(super) fn hop_title(
    platform: PlatformName,
    from: Option<&VersionSpec>,
    to: &VersionSpec,
) -> String {
    let (platform, to) = (platform.title(), format_version(to));
    match from {
        Some(from) => format!("{platform} {} → {to}", format_version(from)),
        None => format!("{platform} to {to}"),
    }
}

/// Suffixes of versions come from the cluster.
fn format_version(version: &VersionSpec) -> String {
    terminal::escape_line(&version.to_string()).into_owned()
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
