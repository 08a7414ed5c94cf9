//! Sections below the table that require no action: waived and resolved findings, remarks.

use super::cells::object_cell;
use super::options::RenderOptions;
use super::remedies::{MAX_LISTED, escape_prose, push_indented, push_more_hint};
use super::stacked::columns_or_stacked;
use super::terminal;
use super::wrap::wrap;
use crate::api::v1::UpgradeReport;

/// Waived objects, by whom and why; empty if there are none.
pub(super) fn waived_section(report: &UpgradeReport, look: &RenderOptions, wide: bool) -> String {
    let rows = report.findings.iter().flat_map(|finding| {
        finding.objects.iter().filter_map(|object| {
            let waiver = object.waiver.as_ref()?;
            Some(vec![
                terminal::escape_cell(&finding.id).into_owned(),
                object_cell(object),
                format!("until {}", terminal::escape_cell(&waiver.expires)),
                format!(
                    "{}: {}",
                    terminal::escape_cell(&waiver.owner),
                    escape_prose(&waiver.reason)
                ),
            ])
        })
    });
    list_section("Waived", rows.collect(), look, wide)
}

/// Findings of the baseline that are gone; empty if there are none.
pub(super) fn resolved_section(report: &UpgradeReport, look: &RenderOptions, wide: bool) -> String {
    let rows = report.resolved.iter().flat_map(|finding| {
        finding.objects.iter().map(|object| {
            vec![
                finding.severity.as_str().to_owned(),
                terminal::escape_cell(&finding.id).into_owned(),
                object_cell(object),
                terminal::escape_cell(&finding.message).into_owned(),
            ]
        })
    });
    list_section("Resolved since the baseline", rows.collect(), look, wide)
}

fn list_section(
    heading: &str,
    mut rows: Vec<Vec<String>>,
    look: &RenderOptions,
    wide: bool,
) -> String {
    let mut out = String::new();
    if rows.is_empty() {
        return out;
    }
    push_indented(&mut out, 0, &look.styles.heading(heading));
    let all = rows.len();
    let limit = if wide { all } else { MAX_LISTED };
    rows.truncate(limit);
    out.push_str(&columns_or_stacked(rows, 2, look.width));
    push_more_hint(&mut out, 2, all, limit);
    out
}

/// Remarks; empty if there are none.
pub(super) fn remarks_section(remarks: &[String], look: &RenderOptions) -> String {
    let mut out = String::new();
    if remarks.is_empty() {
        return out;
    }
    push_indented(&mut out, 0, &look.styles.heading("Remarks"));
    for remark in remarks {
        out.push_str(&wrap(&escape_prose(remark), "  ", look.prose_width()));
    }
    out
}
