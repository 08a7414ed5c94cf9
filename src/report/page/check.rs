//! The report as a page.

use askama::Template;

use super::markdown::{cell, code, link, render_within_limits, text as markdown};
use super::{
    FindingView, GapView, MAX_OBJECTS, SourceView, cluster_facts, escape_all, escape_plain,
    generated_line, hop_row,
};
use crate::api::v1::UpgradeReport;
use crate::report::options::RenderError;
use crate::report::{clusters, scope, verdict};
use crate::text::pluralize;

/// The whole report.
#[derive(Template)]
#[template(path = "check.md")]
struct ReportView {
    title: String,
    made: String,
    verdict: &'static str,
    /// The counts of findings.
    found: String,
    facts: Vec<(&'static str, String)>,
    clusters: Vec<Vec<String>>,
    /// Hops and their sources.
    hops: Vec<(String, SourceView)>,
    findings: Vec<FindingView>,
    findings_are: &'static str,
    resolved: Vec<String>,
    gaps: Vec<GapView>,
    remarks: Vec<String>,
}

/// The template, which encodes values.
#[derive(Template)]
#[template(path = "check.html", whitespace = "minimize")]
struct CheckPage {
    page: ReportView,
}

impl ReportView {
    /// With at most `limit` objects of a finding.
    fn new(report: &UpgradeReport, limit: usize) -> Self {
        let resolved = report.resolved.iter();
        Self {
            title: format!(
                "Upgrade check: {}",
                scope::several_clusters(&report.clusters)
                    .unwrap_or_else(|| scope::scope_phrase(&report.cluster, &report.path))
            ),
            made: generated_line(&report.metadata),
            verdict: report.verdict.as_str(),
            found: verdict::found_phrase(report).unwrap_or_else(|| "nothing found".to_owned()),
            facts: report_facts(report),
            clusters: clusters::cluster_rows(&report.clusters),
            hops: report.path.iter().map(hop_row).collect(),
            findings: FindingView::numbered(&report.findings, limit),
            findings_are: "Findings",
            resolved: resolved
                .map(|finding| {
                    let (id, message) = (escape_plain(&finding.id), escape_plain(&finding.message));
                    format!("{id}: {message}")
                })
                .collect(),
            gaps: report.gaps.iter().map(GapView::new).collect(),
            remarks: escape_all(&report.remarks),
        }
    }
}

fn report_facts(report: &UpgradeReport) -> Vec<(&'static str, String)> {
    let summary = &report.summary;
    let mut facts = match report.clusters.len() {
        0 | 1 => cluster_facts(&report.cluster),
        _ => Vec::new(),
    };
    let found = [
        pluralize(summary.blockers, "blocker"),
        pluralize(summary.warnings, "warning"),
        pluralize(summary.notes, "note"),
    ];
    facts.push(("Found", found.join(", ")));
    facts.push(("Waived", summary.waived.to_string()));
    facts.push(("Skipped", pluralize(summary.skipped, "rule")));
    facts.push(("Gaps", summary.gaps.to_string()));
    facts
}

/// The report as Markdown.
pub(crate) fn report_markdown(report: &UpgradeReport) -> Result<String, RenderError> {
    render_within_limits(|limit| ReportView::new(report, limit))
}

/// The report as HTML.
pub(crate) fn report_html(report: &UpgradeReport) -> Result<String, RenderError> {
    let page = CheckPage {
        page: ReportView::new(report, MAX_OBJECTS),
    };
    // Templates lose their last line break.
    Ok(page.render()? + "\n")
}
