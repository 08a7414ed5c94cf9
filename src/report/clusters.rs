//! The clusters of a run, a row for each.

use console::measure_text_width;

use super::cells::NONE_CELL;
use super::columns::format_columns;
use super::options::RenderOptions;
use super::remedies::push_indented;
use super::scope;
use super::stacked::stacked_rows;
use super::terminal;
use crate::api::v1::EvaluatedClusterDoc;

/// The columns.
pub(super) const HEADER: [&str; 9] = [
    "CLUSTER", "VERSION", "PLATFORM", "TARGET", "RESULT", "BLOCKERS", "WARNINGS", "NOTES", "GAPS",
];

/// What is not known of a cluster that was not read.
const UNKNOWN_CELL: &str = "<unknown>";

/// A row for each cluster, escaped; empty if the run has no more than one.
pub(super) fn cluster_rows(clusters: &[EvaluatedClusterDoc]) -> Vec<Vec<String>> {
    let rows = clusters.iter().filter(|_| clusters.len() > 1);
    rows.map(cluster_row).collect()
}

fn cluster_row(cluster: &EvaluatedClusterDoc) -> Vec<String> {
    let EvaluatedClusterDoc {
        id,
        cluster,
        path,
        verdict,
        summary,
    } = cluster;
    let version = cluster.kubernetes_version.as_deref();
    let unread = version.is_none().then(|| UNKNOWN_CELL.to_owned());
    let counts = [
        summary.blockers,
        summary.warnings,
        summary.notes,
        summary.gaps,
    ];
    let mut cells = vec![
        terminal::escape_cell(id).into_owned(),
        terminal::escape_cell(version.unwrap_or(UNKNOWN_CELL)).into_owned(),
        unread.clone().unwrap_or_else(|| platform_cell(cluster)),
        unread.unwrap_or_else(|| scope::format_targets(path).unwrap_or(NONE_CELL.to_owned())),
        verdict.as_str().to_owned(),
    ];
    cells.extend(counts.map(|count| count.to_string()));
    cells
}

/// What runs upon Kubernetes, or else who provides it.
fn platform_cell(cluster: &crate::api::v1::ClusterDoc) -> String {
    let platforms = cluster.platforms.iter().skip(1);
    let platforms = platforms.map(|platform| match &platform.version {
        Some(version) => format!("{} {version}", platform.name),
        None => platform.name.clone(),
    });
    let platforms = Vec::from_iter(platforms).join(", ");
    let provider = cluster.provider.clone().unwrap_or_default();
    let text = match (platforms.is_empty(), provider.is_empty()) {
        (false, _) => platforms,
        (true, false) => provider,
        (true, true) => NONE_CELL.to_owned(),
    };
    terminal::escape_cell(&text).into_owned()
}

/// The table of the clusters; empty if the run has no more than one.
pub(super) fn clusters_section(clusters: &[EvaluatedClusterDoc], look: &RenderOptions) -> String {
    let rows = cluster_rows(clusters);
    let header = look.show_headers.then_some(&HEADER[..]);
    let mut lines = format_columns(header, rows.clone());
    let fits = |limit| lines.iter().all(|line| measure_text_width(line) <= limit);
    if let Some(limit) = look.width.filter(|limit| !fits(*limit)) {
        let rows: Vec<Vec<String>> = rows.into_iter().map(stacked_row).collect();
        lines = stacked_rows(&rows, limit);
    }
    let mut out = String::new();
    for line in lines {
        push_indented(&mut out, 0, &line);
    }
    out
}

/// The cells of a row that does not fit: name, verdict and version first, the counts with their names.
fn stacked_row(cells: Vec<String>) -> Vec<String> {
    let named = HEADER.iter().zip(&cells).skip(5);
    let counts = named.map(|(name, count)| format!("{} {count}", name.to_lowercase()));
    let counts = Vec::from_iter(counts).join(", ");
    let pick = |at: usize| cells.get(at).cloned().unwrap_or_default();
    vec![pick(0), pick(4), pick(1), pick(2), pick(3), counts]
}
