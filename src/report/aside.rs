//! What stands below the table and asks for nothing: what is waived, what went away, what else must be known.

use super::advice::{SHOWN, more, prose, push};
use super::grid::grid;
use super::table::object_cell;
use super::{Look, UpgradeReport, terminal};

/// What somebody has taken on, who and why; empty where there is nothing.
pub(super) fn waived(report: &UpgradeReport, look: &Look, wide: bool) -> String {
    let rows = report.findings.iter().flat_map(|finding| {
        finding.objects.iter().filter_map(|object| {
            let waiver = object.waiver.as_ref()?;
            Some(vec![
                terminal::cell(&finding.id).into_owned(),
                object_cell(object),
                format!("until {}", terminal::cell(&waiver.expires)),
                format!(
                    "{}: {}",
                    terminal::cell(&waiver.owner),
                    prose(&waiver.reason)
                ),
            ])
        })
    });
    listed("Waived", rows.collect(), look, wide)
}

/// What the baseline has and is gone; empty where there is nothing.
pub(super) fn resolved(report: &UpgradeReport, look: &Look, wide: bool) -> String {
    let rows = report.resolved.iter().flat_map(|finding| {
        finding.objects.iter().map(|object| {
            vec![
                finding.severity.word().to_owned(),
                terminal::cell(&finding.id).into_owned(),
                object_cell(object),
                terminal::cell(&finding.message).into_owned(),
            ]
        })
    });
    listed("Gone since the baseline", rows.collect(), look, wide)
}

fn listed(heading: &str, mut rows: Vec<Vec<String>>, look: &Look, wide: bool) -> String {
    let mut out = String::new();
    if rows.is_empty() {
        return out;
    }
    push(&mut out, 0, &look.styles.heading(heading));
    let all = rows.len();
    let shown = if wide { all } else { SHOWN };
    rows.truncate(shown);
    for line in grid(None, rows) {
        push(&mut out, 2, &line);
    }
    more(&mut out, 2, all, shown);
    out
}

/// What else must be known of this answer; empty where there is nothing.
pub(super) fn remarks(remarks: &[String], look: &Look) -> String {
    let mut out = String::new();
    if remarks.is_empty() {
        return out;
    }
    push(&mut out, 0, &look.styles.heading("Mind"));
    for remark in remarks {
        push(&mut out, 2, &prose(remark));
    }
    out
}
