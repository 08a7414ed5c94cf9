//! `-o junit`: a test case for each rule that looked at something, as JUnit's XML has it.

use std::collections::BTreeMap;

use super::cells::{evidence_cell, object_cell};
use super::options::RenderOptions;
use super::{scope, terminal};
use crate::api::v1::UpgradeReport;
use crate::text::names::CHECK;

/// Gaps of no rule are of this case.
const READING: &str = "reading";

/// What a rule found at or above `--fail-on` that is open, and what it could not look at.
#[derive(Default)]
struct Case {
    failures: Vec<String>,
    errors: Vec<String>,
}

/// Failures are open findings at or above `--fail-on`; gaps are errors. Parsers expect one of each in a case.
pub(super) fn report_junit(report: &UpgradeReport, look: &RenderOptions) -> String {
    let rules = look.evaluated.iter();
    let mut cases: BTreeMap<&str, Case> = rules.map(|id| (id.as_str(), Case::default())).collect();
    for finding in &report.findings {
        let case = cases.entry(&finding.id).or_default();
        let open = finding.objects.iter().filter(|object| object.is_open());
        let mut lines: Vec<String> = open
            .map(|object| {
                format!(
                    "  {}   {}",
                    object_cell(object),
                    evidence_cell(Some(object))
                )
            })
            .collect();
        let fails = look.failing.contains(&finding.severity.as_str());
        if fails && !lines.is_empty() {
            let severity = finding.severity.as_str();
            lines.insert(0, format!("{severity}: {}", finding.message));
            lines.push(format!("  {}", finding.remedy));
            case.failures.push(lines.join("\n"));
        }
    }
    for gap in &report.gaps {
        let text = format!("{}: {}", gap.what, gap.why);
        let of_no_rule = gap.rules.is_empty().then_some(READING);
        for rule in gap.rules.iter().map(String::as_str).chain(of_no_rule) {
            cases.entry(rule).or_default().errors.push(text.clone());
        }
    }
    let failures = cases.values().filter(|case| !case.failures.is_empty());
    let errors = cases.values().filter(|case| !case.errors.is_empty());
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\"",
        cases.len(),
        failures.count(),
        errors.count()
    );
    let place = scope::several_clusters(&report.clusters)
        .unwrap_or_else(|| scope::scope_phrase(&report.cluster, &report.path));
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"kubectl {CHECK}\" {counts}>\n<testsuite name=\"{}\" timestamp=\"{}\" {counts}>\n",
        escape(&place),
        report.metadata.generated_at
    );
    for (rule, case) in &cases {
        out.push_str(&format!(
            "<testcase classname=\"kubectl {CHECK}\" name=\"{}\">",
            escape(rule)
        ));
        push_outcome(&mut out, "failure", &case.failures);
        push_outcome(&mut out, "error", &case.errors);
        out.push_str("</testcase>\n");
    }
    out + "</testsuite>\n</testsuites>\n"
}

fn push_outcome(out: &mut String, element: &str, texts: &[String]) {
    let Some(first) = texts.first().and_then(|text| text.lines().next()) else {
        return;
    };
    let lines: Vec<String> = texts
        .iter()
        .flat_map(|text| text.lines())
        .map(escape)
        .collect();
    out.push_str(&format!(
        "<{element} message=\"{}\">{}</{element}>",
        escape(first),
        lines.join("\n")
    ));
}

/// A line for elements and attributes: XML has no way to write most control characters.
fn escape(line: &str) -> String {
    let line = terminal::escape_line(line);
    let mut out = String::new();
    for letter in line.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            letter => out.push(letter),
        }
    }
    out
}
