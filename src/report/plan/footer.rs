//! Sections below the steps: blocking findings, windows and the summary.

use std::collections::BTreeSet;

use super::super::options::RenderOptions;
use super::super::stacked::columns_or_stacked;
use super::super::wrap::wrap;
use super::super::{remedies, scope, terminal};
use super::text;
use crate::api::v1::{FindingDoc, StepDoc, StepStateDoc, UpgradePlan, WindowDoc};
use crate::text::pluralize;

/// The findings that block a step.
pub(super) fn gating_findings<'a>(
    plan: &'a UpgradePlan,
    step: &'a StepDoc,
) -> impl Iterator<Item = &'a FindingDoc> {
    let findings = plan.findings.iter();
    findings.filter(|finding| step.gates.contains(&finding.fingerprint))
}

/// The findings that block steps that are not done, with their remedies.
pub(super) fn blocking_findings(plan: &UpgradePlan, look: &RenderOptions) -> String {
    let mut out = String::new();
    let open = |step: &&StepDoc| step.state != StepStateDoc::Done;
    let open: Vec<&StepDoc> = plan.steps.iter().filter(open).collect();
    for finding in &plan.findings {
        let gated = open
            .iter()
            .filter(|step| step.gates.contains(&finding.fingerprint));
        let gated = gated.count();
        if gated == 0 {
            continue;
        }
        match out.is_empty() {
            true => remedies::push_indented(&mut out, 0, &look.styles.heading("Blocking findings")),
            false => out.push('\n'),
        }
        remedies::push_remedy(&mut out, finding, look, true);
        remedies::push_indented(&mut out, 2, &format!("Blocks {}", pluralize(gated, "step")));
    }
    out
}

/// The maintenance windows; empty without `--window`.
pub(super) fn windows_section(plan: &UpgradePlan, look: &RenderOptions) -> String {
    let mut out = String::new();
    if plan.windows.is_empty() {
        return out;
    }
    remedies::push_indented(&mut out, 0, &look.styles.heading("Windows"));
    let rows = plan.windows.iter().map(|window| {
        let steps = with_proof(pluralize(window.steps.len(), "step"), window);
        vec![
            text::window_time(&window.start, window),
            text::window_time(&window.end, window),
            terminal::escape_cell(&window.window).into_owned(),
            steps,
        ]
    });
    out + &columns_or_stacked(rows.collect(), 2, look.width)
}

/// What a window holds, and whether that is known to fit.
pub(super) fn with_proof(steps: String, window: &WindowDoc) -> String {
    match window.proven {
        true => steps,
        false => format!("{steps} (unknown length: not proven to fit)"),
    }
}

/// When the windows open that steps are planned for, each once.
pub(super) fn window_starts(plan: &UpgradePlan, steps: &[&StepDoc]) -> Vec<String> {
    let planned = |window: &&WindowDoc| {
        let mut ids = window.steps.iter();
        ids.any(|id| steps.iter().any(|step| step.id == *id))
    };
    let windows = plan.windows.iter().filter(planned);
    windows
        .map(|window| text::window_time(&window.start, window))
        .collect()
}

/// The last line: counts, time left and scope.
pub(super) fn summary_line(plan: &UpgradePlan, look: &RenderOptions) -> String {
    let parts = summary_parts(plan).join("; ");
    let scope = scope::several_clusters(&plan.clusters)
        .unwrap_or_else(|| scope::scope_phrase(&plan.cluster, &plan.path));
    wrap(
        &format!("plan: {parts} ({scope})"),
        "",
        look.width.unwrap_or(usize::MAX),
    )
}

/// Counts and sums.
pub(super) fn summary_parts(plan: &UpgradePlan) -> Vec<String> {
    let summary = &plan.summary;
    if summary.steps == 0 {
        let nothing = "nothing left to do".to_owned();
        let gaps = (summary.gaps > 0).then(|| pluralize(summary.gaps, "gap"));
        return std::iter::once(nothing).chain(gaps).collect();
    }
    let mut parts = vec![format!(
        "{}, {} done",
        pluralize(summary.steps, "step"),
        summary.done
    )];
    let blocked = |step: &&StepDoc| step.state == StepStateDoc::Blocked;
    let blocked: Vec<&StepDoc> = plan.steps.iter().filter(blocked).collect();
    if !blocked.is_empty() {
        let gates: BTreeSet<&String> = blocked.iter().flat_map(|step| &step.gates).collect();
        let by = match gates.len() {
            0 => String::new(),
            number => format!(" by {}", pluralize(number, "finding")),
        };
        parts.push(format!("{} blocked{by}", blocked.len()));
    }
    if summary.done < summary.steps {
        parts.push(format!("time left: {}", remaining_phrase(plan)));
    }
    let points = summary.points_of_no_return.len();
    if points > 0 {
        let noun = if points == 1 { "step" } else { "steps" };
        parts.push(format!("{points} irreversible {noun} left"));
    }
    if summary.gaps > 0 {
        parts.push(pluralize(summary.gaps, "gap"));
    }
    parts
}

/// `1h–3h, plus 2 steps of unknown duration`.
pub(super) fn remaining_phrase(plan: &UpgradePlan) -> String {
    let summary = &plan.summary;
    let seconds = summary.duration_seconds;
    let mut bounds = [seconds.low, seconds.high].into_iter().flatten();
    match bounds.any(|bound| bound > 0) {
        true => text::format_sum(seconds, summary.unknown_durations),
        false => "unknown".to_owned(),
    }
}
