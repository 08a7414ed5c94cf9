//! Renders documents: a file for each format. Nothing is decided here.
//!
//! | file | renders |
//! |---|---|
//! | `table`, `remedies`, `totals`, `notices`, `verdict` | the table of `upgrade-check`, and the sections below it |
//! | `scope` | what a document is about, in a phrase |
//! | `plan/` | [`UpgradePlan`](crate::api::v1::UpgradePlan) in every format |
//! | `clusters`, `cluster_names` | a row for each cluster of a run, and their names in texts |
//! | `page/` | Markdown and HTML; the templates are in `templates/` |
//! | `encode` | JSON and YAML |
//! | `name`, `csv`, `junit`, `waivers` | `-o name`, `-o csv`, `-o junit`, `-o waivers` |
//! | `event`, `live/` | lines of `upgrade-watch`, and its live view |
//! | `summary` | what an upgrade took |
//! | `rules` | `rules` and `explain` |
//! | `rbac`, `catalog` | `rbac` and `catalog` |
//! | `columns`, `stacked`, `wrap` | columns, rows too wide for the terminal, wrapped lines |
//! | `options`, `styles`, `terminal` | formats, colours, escaping |

mod catalog;
mod cells;
mod cluster_names;
mod clusters;
mod columns;
mod csv;
mod encode;
mod event;
mod junit;
mod live;
mod name;
mod notices;
mod options;
mod page;
mod plan;
mod rbac;
mod remedies;
mod rules;
mod scope;
mod stacked;
mod styles;
mod summary;
mod table;
pub mod terminal;
mod totals;
mod verdict;
mod waivers;
mod wrap;

use std::borrow::Cow;

use crate::api::v1::UpgradeReport;

pub use catalog::render_catalog;
pub use event::render_event;
pub use live::{
    InFlightRow, LiveView, LiveViewState, MIN_COLUMNS, PhaseRow, StuckChain, Tone, draw_live_view,
    live_view_text,
};
pub use options::{EventFormat, OutputFormat, RenderError, RenderOptions};
pub use plan::render_plan;
pub use rbac::{RbacSubject, render_rbac};
pub use rules::{ExplainError, UnknownRule, explain, render_rules};
pub use styles::Styles;
pub use summary::{SummaryFormat, render_summary};

/// A report in the given format, with a line break at the end unless it is empty.
///
/// # Errors
/// See [`RenderError`].
pub fn render_report(
    format: OutputFormat,
    report: &UpgradeReport,
    look: &RenderOptions,
) -> Result<String, RenderError> {
    let report = match format {
        OutputFormat::Json
        | OutputFormat::Yaml
        | OutputFormat::Csv
        | OutputFormat::Junit
        | OutputFormat::Waivers => Cow::Borrowed(report),
        // Tables have findings by cluster.
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Summary => {
            with_cluster_names(report, false)
        }
        OutputFormat::Markdown | OutputFormat::Html | OutputFormat::Name => {
            with_cluster_names(report, true)
        }
    };
    let report = report.as_ref();
    match format {
        OutputFormat::Table => Ok(table::report_table(report, look, false)),
        OutputFormat::Markdown => page::check_markdown(report),
        OutputFormat::Html => page::report_html(report),
        OutputFormat::Wide => Ok(table::report_table(report, look, true)),
        OutputFormat::Json => encode::to_json(report),
        OutputFormat::Yaml => encode::to_yaml(report),
        OutputFormat::Name => Ok(name::object_names(report)),
        OutputFormat::Summary => Ok(table::summary_table(report, look)),
        OutputFormat::Csv => Ok(csv::report_csv(report, look.show_headers)),
        OutputFormat::Waivers => Ok(waivers::waivers_stub(report)),
        OutputFormat::Junit => Ok(junit::report_junit(report, look)),
    }
}

/// The report with the name of the cluster before the text of each gap and resolved finding, and of findings if asked; the
/// same report if it has one cluster.
fn with_cluster_names(report: &UpgradeReport, findings: bool) -> Cow<'_, UpgradeReport> {
    if report.clusters.len() < 2 {
        return Cow::Borrowed(report);
    }
    let mut report = report.clone();
    let found = report.findings.iter_mut().filter(|_| findings);
    found
        .chain(&mut report.resolved)
        .for_each(cluster_names::name_finding_cluster);
    report
        .gaps
        .iter_mut()
        .for_each(cluster_names::name_gap_cluster);
    Cow::Owned(report)
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
