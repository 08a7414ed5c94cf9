//! The last line of a report: verdict, counts, exit code if it differs, and scope.

use std::collections::BTreeSet;

use super::options::RenderOptions;
use super::scope;
use super::terminal;
use super::wrap::wrap;
use crate::api::v1::{ObjectDoc, SeverityDoc, UpgradeReport};
use crate::text::pluralize;

/// `blocked: 4 blockers (302 objects in 6 namespaces), 1 note; 84 rules, 344 objects read (context shop, 1.24.17 → 1.25.16)`.
pub(super) fn verdict_line(report: &UpgradeReport, look: &RenderOptions) -> String {
    let summary = &report.summary;
    let findings = report.findings.iter();
    let in_baseline = findings.filter(|finding| !finding.is_waived() && finding.is_in_baseline());
    let number = |number: usize, word: &str| (number > 0).then(|| format!("{number} {word}"));
    let some = |number: usize, noun: &str| (number > 0).then(|| pluralize(number, noun));
    let aside = [
        number(summary.waived, "waived"),
        number(in_baseline.count(), "in the baseline"),
        number(report.resolved.len(), "resolved since"),
        some(summary.skipped, "rule").map(|rules| format!("{rules} skipped")),
        some(summary.gaps, "gap"),
        look.exit_reason
            .as_deref()
            .map(|reason| terminal::escape_line(reason).into_owned()),
    ];
    let inspected = inspected_phrase(report);
    let found = match (found_phrase(report), &inspected) {
        // Without a cluster, what was checked is the news.
        (None, Some(_)) if !has_cluster(report) => None,
        (None, _) => Some("nothing found".to_owned()),
        (found, _) => found,
    };
    let counts = found
        .into_iter()
        .chain(aside.into_iter().flatten())
        .chain(inspected);
    let counts: Vec<String> = counts.collect();
    let line = format!(
        "{}: {} ({})",
        look.styles.verdict(report.verdict),
        counts.join("; "),
        scope::several_clusters(&report.clusters)
            .unwrap_or_else(|| scope::scope_phrase(&report.cluster, &report.path))
    );
    wrap(&line, "", look.width.unwrap_or(usize::MAX))
}

/// `4 blockers (302 objects in 6 namespaces), 1 note`; none without findings.
pub(super) fn found_phrase(report: &UpgradeReport) -> Option<String> {
    let summary = &report.summary;
    let counts = [
        (SeverityDoc::Blocker, summary.blockers),
        (SeverityDoc::Warning, summary.warnings),
        (SeverityDoc::Note, summary.notes),
    ];
    let counts: Vec<_> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
    let objects = counts
        .iter()
        .map(|(severity, _)| objects_of(report, *severity));
    let objects: Vec<_> = objects.collect();
    // Of all severities or of none: after the last one, the objects would pass for those of all.
    let is_counted = counts
        .iter()
        .zip(&objects)
        .any(|((_, count), objects)| objects.len() > *count);
    let phrases = counts.iter().zip(&objects);
    let phrases = phrases.map(|((severity, count), objects)| {
        let found = pluralize(*count, severity.as_str());
        match is_counted {
            true => format!("{found} ({})", place_phrase(objects)),
            false => found,
        }
    });
    let phrases: Vec<String> = phrases.collect();
    (!phrases.is_empty()).then(|| phrases.join(", "))
}

/// The objects of all findings of a severity, without waived ones.
fn objects_of(report: &UpgradeReport, severity: SeverityDoc) -> BTreeSet<ObjectIdentity<'_>> {
    let findings = report.findings.iter();
    findings
        .filter(|finding| finding.severity == severity)
        .flat_map(|finding| &finding.objects)
        .filter(|object| object.waiver.is_none())
        .map(object_key)
        .collect()
}

/// `302 objects in 6 namespaces`, or `4 objects, 2 in 1 namespace` if the others are in none.
fn place_phrase(objects: &BTreeSet<ObjectIdentity<'_>>) -> String {
    let places = objects.iter();
    let places: Vec<_> = places
        .filter_map(|(cluster, _, namespace, _)| Some((cluster, (*namespace)?)))
        .collect();
    let namespaces: BTreeSet<_> = places.iter().collect();
    let all = pluralize(objects.len(), "object");
    let within = pluralize(namespaces.len(), "namespace");
    match places.len() {
        0 => all,
        number if number == objects.len() => format!("{all} in {within}"),
        number => format!("{all}, {number} in {within}"),
    }
}

/// Cluster, kind, namespace and name.
type ObjectIdentity<'a> = (Option<&'a str>, &'a str, Option<&'a str>, &'a str);

fn object_key(object: &ObjectDoc) -> ObjectIdentity<'_> {
    (
        object.cluster.as_deref(),
        &object.kind,
        object.namespace.as_deref(),
        &object.name,
    )
}

fn has_cluster(report: &UpgradeReport) -> bool {
    report.clusters.len() > 1 || report.cluster.context.is_some() || report.cluster.server.is_some()
}

/// `84 rules, 344 objects read, 2 manifests checked`, or `1 manifest checked` without a cluster.
fn inspected_phrase(report: &UpgradeReport) -> Option<String> {
    let summary = &report.summary;
    let manifests = summary.manifests_read;
    let checked = (manifests > 0).then(|| format!("{} checked", pluralize(manifests, "manifest")));
    if !has_cluster(report) {
        return checked;
    }
    let read = format!(
        "{}, {} read",
        pluralize(summary.rules_evaluated, "rule"),
        pluralize(summary.objects_read.saturating_sub(manifests), "object")
    );
    Some(match checked {
        Some(checked) => format!("{read}, {checked}"),
        None => read,
    })
}
