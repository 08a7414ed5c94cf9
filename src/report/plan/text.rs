//! Scopes, durations and commands as text.

use jiff::{SignedDuration, Timestamp};

use super::super::scope;
use super::super::terminal;
use super::group::{HopGroups, StepGroup};
use crate::api::v1::{DurationDoc, StepDoc, StepStateDoc, WindowDoc};
use crate::text::human_duration;
use crate::text::pluralize;

/// Longer than any command made of valid names.
const MAX_COMMAND_CHARS: usize = 10 * terminal::MAX_CHARS;

/// `60s–10m`, `unknown`.
pub(super) fn format_duration(takes: DurationDoc) -> String {
    let format = |seconds: u64| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        human_duration(SignedDuration::from_secs(seconds))
    };
    match (takes.low, takes.high) {
        (None, None) => "unknown".to_owned(),
        (Some(low), None) => format!("at least {}", format(low)),
        (None, Some(high)) => format!("up to {}", format(high)),
        (Some(low), Some(high)) if low == high => format(low),
        (Some(low), Some(high)) => format!("{}–{}", format(low), format(high)),
    }
}

/// Estimated time left of a hop.
pub(super) fn remaining_duration(hop: &HopGroups<'_>, parallel: u32) -> String {
    let mut sum = DurationDoc::default();
    let mut unknown = 0;
    for group in hop
        .groups
        .iter()
        .filter(|group| group.state() != StepStateDoc::Done)
    {
        let of_group = group.duration(parallel);
        unknown += group
            .steps
            .iter()
            .filter(|step| step.duration_seconds.high.is_none())
            .count();
        let add = |sum: Option<u64>, more: Option<u64>| match (sum, more) {
            (None, more) => more,
            (sum, more) => sum.map(|sum| sum + more.unwrap_or(0)),
        };
        sum.low = add(sum.low, of_group.low);
        sum.high = add(sum.high, of_group.high);
    }
    match (sum == DurationDoc::default(), unknown) {
        (true, 0) => "none".to_owned(),
        _ => format_sum(sum, unknown),
    }
}

/// A sum of durations, and how many steps of unknown duration it leaves out: `1h–3h, plus 2 steps of unknown duration`.
pub(super) fn format_sum(sum: DurationDoc, unknown: usize) -> String {
    match (sum == DurationDoc::default(), unknown) {
        (true, _) => "unknown".to_owned(),
        (false, 0) => format_duration(sum),
        (false, _) => format!(
            "{}, plus {} of unknown duration",
            format_duration(sum),
            pluralize(unknown, "step")
        ),
    }
}

/// `Kubernetes 1.24.17 → 1.25.16`, escaped.
pub(super) fn hop_title(hop: &HopGroups<'_>) -> String {
    let (from, to) = match hop.path_hop {
        Some(edge) => (edge.from.as_ref(), &edge.to),
        None => (None, &hop.hop.to),
    };
    let title = scope::hop_title(hop.hop.platform, from, to);
    match hop.cluster {
        Some(cluster) => format!("{}: {title}", terminal::escape_line(cluster)),
        None => title,
    }
}

/// A time of a window in the window's own time zone: `Sat 2026-12-05 22:00 CET`. As it is where the zone is unknown.
pub(super) fn window_time(time: &str, window: &WindowDoc) -> String {
    let zone = window.window.split_whitespace().last();
    let local = zone.and_then(|zone| {
        let time: Timestamp = time.parse().ok()?;
        let zoned = time.in_tz(zone).ok()?;
        Some(zoned.strftime("%a %Y-%m-%d %H:%M %Z").to_string())
    });
    terminal::escape_cell(&local.unwrap_or_else(|| time.to_owned())).into_owned()
}

/// `node a-1 of pool pool-a`, escaped.
pub(super) fn format_scope(step: &StepDoc) -> String {
    let scope = &step.scope;
    let pool = scope
        .pool
        .as_ref()
        .map(|pool| format!(" of pool {}", terminal::escape_cell(pool)));
    let level = scope.level.as_str();
    format!(
        "{level} {}{}",
        terminal::escape_cell(&scope.name),
        pool.unwrap_or_default()
    )
}

/// `7 of 12 nodes of pool pool-a: a-6 a-7 ...` with at most `named` names, escaped.
pub(super) fn format_scopes(group: &StepGroup<'_>, named: usize) -> String {
    if let [only] = group.steps[..] {
        return format_scope(only);
    }
    let number = group.steps.len();
    let nodes = match number == group.total {
        true => pluralize(number, "node"),
        false => format!("{number} of {}", pluralize(group.total, "node")),
    };
    let pool = group.first.scope.pool.as_ref();
    let pool = pool.map(|pool| format!(" of pool {}", terminal::escape_cell(pool)));
    if named == 0 {
        return format!("{nodes}{}", pool.unwrap_or_default());
    }
    let names = group.steps.iter().take(named);
    let mut names: Vec<_> = names
        .map(|step| terminal::escape_cell(&step.scope.name))
        .collect();
    if number > named {
        names.push("...".into());
    }
    format!("{nodes}{}: {}", pool.unwrap_or_default(), names.join(" "))
}

/// A command as one escaped line. Never truncated: a truncated command is another command.
pub(super) fn escape_command(command: &str) -> String {
    match command.chars().nth(MAX_COMMAND_CHARS) {
        None => terminal::escape(command).into_owned(),
        Some(_) => {
            let length = command.chars().count();
            format!("# command of {length} characters omitted; see -o json")
        }
    }
}
