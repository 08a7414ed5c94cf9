//! The report as a page.

use askama::Template;

use super::markdown::{blank, cell, finding, gap, list, text};
use super::{FindingView, GapView, cluster_facts, edge, made, plain};
use crate::check::Verdict;
use crate::report::terminal::count;
use crate::report::{RenderError, UpgradeReport, advice};

/// The whole report.
struct Page {
    title: String,
    made: String,
    verdict: &'static str,
    facts: Vec<(&'static str, String)>,
    /// Hops, and why they are supported.
    hops: Vec<(String, String)>,
    findings: Vec<FindingView>,
    findings_are: &'static str,
    resolved: Vec<String>,
    gaps: Vec<GapView>,
    remarks: Vec<String>,
}

/// The template. Whatever it puts in is encoded.
#[derive(Template)]
#[template(path = "check.html", whitespace = "minimize")]
struct CheckPage {
    page: Page,
}

impl Page {
    fn new(report: &UpgradeReport) -> Self {
        let resolved = report.resolved.iter();
        Self {
            title: format!(
                "Upgrade check: {}",
                advice::scope(&report.cluster, &report.path)
            ),
            made: made(&report.metadata),
            verdict: match report.verdict {
                Verdict::Ready => "ready",
                Verdict::Blocked => "blocked",
                Verdict::Incomplete => "incomplete",
            },
            facts: facts(report),
            hops: report.path.iter().map(edge).collect(),
            findings: FindingView::all(&report.findings),
            findings_are: "Findings",
            resolved: resolved
                .map(|it| format!("{}: {}", plain(&it.id), plain(&it.message)))
                .collect(),
            gaps: report.gaps.iter().map(GapView::new).collect(),
            remarks: report.remarks.iter().map(|remark| plain(remark)).collect(),
        }
    }
}

fn facts(report: &UpgradeReport) -> Vec<(&'static str, String)> {
    let summary = &report.summary;
    let mut facts = cluster_facts(&report.cluster);
    let found = [
        count(summary.blockers, "blocker"),
        count(summary.warnings, "warning"),
        count(summary.notes, "note"),
    ];
    facts.push(("Found", found.join(", ")));
    facts.push(("Waived", summary.waived.to_string()));
    facts.push(("Skipped", count(summary.skipped, "rule")));
    facts.push(("Not looked at", count(summary.gaps, "gap")));
    facts
}

/// The report as Markdown.
pub(in crate::report) fn markdown(report: &UpgradeReport) -> String {
    let page = Page::new(report);
    let mut out = format!("# {}\n\n", text(&page.title));
    out.push_str(&format!("**{}**\n\n{}\n\n", page.verdict, text(&page.made)));
    out.push_str("| | |\n| --- | --- |\n");
    for (name, value) in &page.facts {
        out.push_str(&format!("| {name} | {} |\n", cell(value)));
    }
    if !page.hops.is_empty() {
        blank(&mut out);
        out.push_str("| Hop | Why it is supported |\n| --- | --- |\n");
    }
    for (title, source) in &page.hops {
        out.push_str(&format!("| {} | {} |\n", cell(title), cell(source)));
    }
    let item = |it: &String| format!("- {}\n", text(it));
    list(&mut out, page.findings_are, &page.findings, finding);
    list(&mut out, "Gone since the baseline", &page.resolved, item);
    list(&mut out, "Not looked at", &page.gaps, gap);
    list(&mut out, "Mind", &page.remarks, item);
    out
}

/// The report as HTML.
pub(in crate::report) fn html(report: &UpgradeReport) -> Result<String, RenderError> {
    let page = CheckPage {
        page: Page::new(report),
    };
    // Templates lose their last line break.
    Ok(page.render()? + "\n")
}
