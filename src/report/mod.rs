//! Renders documents: a file for each format. Nothing is decided here.
//!
//! | file | renders |
//! |---|---|
//! | `table`, `remedies`, `notices` | the table of `upgrade-check`, and the sections below it |
//! | `plan/` | [`UpgradePlan`](crate::api::v1::UpgradePlan) in every format |
//! | `page/` | Markdown and HTML; the templates are in `templates/` |
//! | `encode` | JSON and YAML |
//! | `name` | `-o name` |
//! | `rules`, `hazards` | `rules` and `explain` |
//! | `rbac`, `catalog` | `rbac` and `catalog` |
//! | `columns`, `stacked`, `wrap` | columns, rows too wide for the terminal, wrapped lines |
//! | `terminal`, `styles` | escaping, ages, colours |

mod catalog;
mod columns;
mod encode;
mod hazards;
mod name;
mod notices;
mod page;
mod plan;
mod rbac;
mod remedies;
mod rules;
mod stacked;
mod styles;
mod table;
pub mod terminal;
mod wrap;

use std::borrow::Cow;

use crate::api::v1::UpgradeReport;

pub use catalog::render_catalog;
pub use hazards::explain_hazard;
pub use plan::render_plan;
pub use rbac::{RbacSubject, render_rbac};
pub use rules::{UnknownRule, explain_rule, render_rules};
pub use styles::{ColorChoice, Styles, wants_color};

/// What `-o` chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutputFormat {
    /// A finding a line, and what to do.
    #[default]
    Table,
    /// More columns, and an object a line.
    Wide,
    /// The document as JSON.
    Json,
    /// The document as YAML.
    Yaml,
    /// `kind.group/name`, an object a line.
    Name,
    /// To put into a ticket or a change request. Lists of what is known have no such form and are tables.
    Markdown,
    /// A page of its own. Lists of what is known have no such form and are tables.
    Html,
}

/// How text for people looks.
#[derive(Debug, Clone, Copy)]
pub struct RenderOptions {
    /// Colours.
    pub styles: Styles,
    /// Whether tables have headers.
    pub show_headers: bool,
    /// Columns of the terminal: a wider table is told in lines below one another. None where nobody is looking, as in a
    /// pipe, where a row stays one line.
    pub width: Option<usize>,
}

impl RenderOptions {
    /// How wide a line of prose may be.
    fn prose_width(&self) -> usize {
        const WIDEST: usize = 100;
        const NARROWEST: usize = 40;
        self.width.unwrap_or(WIDEST).clamp(NARROWEST, WIDEST)
    }
}

impl Default for RenderOptions {
    /// Plain, with headers.
    fn default() -> Self {
        Self {
            styles: Styles::default(),
            show_headers: true,
            width: None,
        }
    }
}

/// A document that could not be written down. Cannot happen with the documents of this module, whose keys are all strings;
/// it is an error all the same, so that it would be seen.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// As JSON.
    #[error("the result cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// As YAML.
    #[error("the result cannot be written as YAML")]
    Yaml(#[from] serde_saphyr::SerializeError),
    /// As HTML.
    #[error("the result cannot be written as HTML")]
    Html(#[from] askama::Error),
}

/// A report in the wanted format, with a line break at the end unless it is empty.
///
/// # Errors
/// See [`RenderError`].
pub fn render_report(
    format: OutputFormat,
    report: &UpgradeReport,
    look: &RenderOptions,
) -> Result<String, RenderError> {
    let report = match format {
        OutputFormat::Json | OutputFormat::Yaml => Cow::Borrowed(report),
        _ => with_cluster_names(report),
    };
    let report = report.as_ref();
    match format {
        OutputFormat::Table => Ok(table::report_table(report, look, false)),
        OutputFormat::Markdown => Ok(page::check_markdown(report)),
        OutputFormat::Html => page::report_html(report),
        OutputFormat::Wide => Ok(table::report_table(report, look, true)),
        OutputFormat::Json => encode::to_json(report),
        OutputFormat::Yaml => encode::to_yaml(report),
        OutputFormat::Name => Ok(name::object_names(report)),
    }
}

/// The report with the name of the cluster before the text of each finding and gap; the same report if it has one cluster.
fn with_cluster_names(report: &UpgradeReport) -> Cow<'_, UpgradeReport> {
    if report.clusters.len() < 2 {
        return Cow::Borrowed(report);
    }
    let mut report = report.clone();
    let named = |cluster: Option<&String>, text: &str| match cluster {
        Some(cluster) => format!("{cluster}: {text}"),
        None => text.to_owned(),
    };
    for finding in report.findings.iter_mut().chain(&mut report.resolved) {
        let cluster = finding
            .objects
            .iter()
            .find_map(|object| object.cluster.as_ref());
        finding.message = named(cluster, &finding.message);
    }
    for gap in &mut report.gaps {
        gap.what = named(gap.cluster.as_ref(), &gap.what);
    }
    Cow::Owned(report)
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
