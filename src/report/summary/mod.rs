//! `UpgradeSummary` in JSON, Markdown and HTML.

mod timeline;
mod view;

use askama::Template;

use super::encode;
use super::options::RenderError;
use super::page::markdown::{cell, text};
use crate::api::v1::UpgradeSummary;
use timeline::{Timeline, timeline};
use view::SummaryView;

/// The format of a summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryFormat {
    /// The document.
    Json,
    /// For a ticket.
    Markdown,
    /// A standalone page.
    Html,
}

/// A summary in a format.
///
/// # Errors
/// See [`RenderError`].
pub fn render_summary(
    summary: &UpgradeSummary,
    format: SummaryFormat,
) -> Result<String, RenderError> {
    match format {
        SummaryFormat::Json => encode::to_json(summary),
        SummaryFormat::Markdown => Ok(markdown(&SummaryView::new(summary))),
        SummaryFormat::Html => {
            let page = SummaryPage {
                page: SummaryView::new(summary),
                timeline: timeline(summary),
            };
            // Templates lose their last line break.
            Ok(page.render()? + "\n")
        }
    }
}

/// The template. Whatever it puts in is encoded.
#[derive(Template)]
#[template(path = "summary.html", whitespace = "minimize")]
struct SummaryPage {
    page: SummaryView,
    timeline: Option<Timeline>,
}

fn markdown(view: &SummaryView) -> String {
    let mut out = format!("# {}\n\n", text(&view.title));
    for (name, value) in &view.facts {
        out += &format!("* {name}: {}\n", text(value));
    }
    for table in &view.tables {
        out += &format!("\n## {}\n\n", table.title);
        out += &format!("| {} |\n", table.header.join(" | "));
        out += &format!("|{}\n", " --- |".repeat(table.header.len()));
        for row in &table.rows {
            let cells: Vec<String> = row.iter().map(|value| cell(value)).collect();
            out += &format!("| {} |\n", cells.join(" | "));
        }
    }
    out
}
