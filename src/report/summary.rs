//! `UpgradeSummary` in JSON, Markdown and HTML.

use askama::Template;
use jiff::SignedDuration;

use super::encode;
use super::options::RenderError;
use super::page::markdown::{cell, text};
use super::terminal::escape_line;
use crate::api::v1::{SpanDoc, UpgradeSummary};
use crate::text::human_duration;

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
}

/// Texts that are escaped for terminals and not yet encoded.
struct SummaryView {
    title: String,
    facts: Vec<(&'static str, String)>,
    tables: Vec<SummaryTable>,
}

struct SummaryTable {
    title: &'static str,
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl SummaryView {
    fn new(summary: &UpgradeSummary) -> Self {
        let cluster = escape_line(&summary.cluster);
        let title = match &summary.goal {
            Some(goal) => format!("Upgrade of {cluster} to {}", escape_line(goal)),
            None => format!("Watch of {cluster}"),
        };
        let [started, ended, time] = times(&summary.span);
        let mut facts = vec![
            ("Outcome", summary.outcome.as_str().to_owned()),
            (
                "Nodes",
                format!("{} of {} done", summary.done, summary.total),
            ),
            ("Started", started),
            match summary.span.ended_at {
                Some(_) => ("Ended", ended),
                None => ("Watched until", summary.observed_until.clone()),
            },
            ("Duration", time),
        ];
        facts.retain(|(_, value)| !value.is_empty());
        let name = |name: &Option<String>| match name {
            Some(name) => escape_line(name).into_owned(),
            None => "<none>".to_owned(),
        };
        let table = |title, first: &[&'static str], rows: Vec<Vec<String>>| SummaryTable {
            title,
            header: [first, &["Started", "Ended", "Duration"]].concat(),
            rows,
        };
        let row = |first: Vec<String>, span: &SpanDoc| [first, times(span).to_vec()].concat();
        let phases = summary.phases.iter();
        let hops = summary.hops.iter();
        let pools = summary.pools.iter();
        let nodes = summary.nodes.iter();
        let outages = summary.outages.iter();
        let stalls = summary.stalls.iter();
        let mut tables = vec![
            table(
                "Phases",
                &["Phase"],
                phases
                    .map(|phase| row(vec![phase.phase.as_str().to_owned()], &phase.span))
                    .collect(),
            ),
            table(
                "Hops",
                &["Cluster", "To", "Nodes"],
                hops.map(|hop| {
                    let cluster = escape_line(&hop.cluster).into_owned();
                    let first = vec![cluster, hop.version.clone(), hop.nodes.to_string()];
                    row(first, &hop.span)
                })
                .collect(),
            ),
            table(
                "Pools",
                &["Pool", "Nodes"],
                pools
                    .map(|pool| row(vec![name(&pool.name), pool.nodes.to_string()], &pool.span))
                    .collect(),
            ),
            table(
                "Outages of the API server",
                &[],
                outages.map(|outage| row(Vec::new(), outage)).collect(),
            ),
            table(
                "Stalls",
                &["Held up by"],
                stalls
                    .map(|stall| row(vec![escape_line(&stall.message).into_owned()], &stall.span))
                    .collect(),
            ),
            table(
                "Nodes",
                &["Node", "Pool", "Removed", "Passes"],
                nodes
                    .map(|node| {
                        let removed = if node.removed { "yes" } else { "" };
                        let node_name = escape_line(&node.name).into_owned();
                        row(
                            vec![
                                node_name,
                                name(&node.pool),
                                removed.to_owned(),
                                node.passes.len().to_string(),
                            ],
                            &node.span,
                        )
                    })
                    .collect(),
            ),
        ];
        tables.retain(|table| !table.rows.is_empty());
        Self {
            title,
            facts,
            tables,
        }
    }
}

/// When it began, when it ended, and how long it took.
fn times(span: &SpanDoc) -> [String; 3] {
    let seconds = span.seconds.and_then(|seconds| i64::try_from(seconds).ok());
    let time = seconds.map(|seconds| human_duration(SignedDuration::from_secs(seconds)));
    [
        span.started_at.clone(),
        span.ended_at.clone().unwrap_or_default(),
        time.unwrap_or_default(),
    ]
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
