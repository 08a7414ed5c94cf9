//! Conditions, places and durations in words.

use jiff::SignedDuration;

use super::super::remedies;
use super::super::terminal::{self, human_duration};
use super::group::{HopGroups, StepGroup};
use crate::api::v1::{DurationDoc, StepDoc, StepStateDoc};
use crate::text::pluralize;

/// Longer than any command that names can make.
const MAX_COMMAND_CHARS: usize = 10 * terminal::MAX_CHARS;

/// `60s–10m`; what is not known is said to be so.
pub(super) fn format_duration(takes: DurationDoc) -> String {
    let told = |seconds: u64| {
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        human_duration(SignedDuration::from_secs(seconds))
    };
    match (takes.low, takes.high) {
        (None, None) => "unknown".to_owned(),
        (Some(low), None) => format!("{} or more", told(low)),
        (None, Some(high)) => format!("up to {}", told(high)),
        (Some(low), Some(high)) if low == high => told(low),
        (Some(low), Some(high)) => format!("{}–{}", told(low), told(high)),
    }
}

/// How long what is left of a hop takes, as far as that is known.
pub(super) fn remaining_duration(hop: &HopGroups<'_>, parallel: u32) -> String {
    let mut sum = DurationDoc::default();
    let mut unknown = 0;
    for fold in hop
        .groups
        .iter()
        .filter(|fold| fold.state() != StepStateDoc::Done)
    {
        let of_fold = fold.duration(parallel);
        unknown += fold
            .steps
            .iter()
            .filter(|step| step.duration_seconds.high.is_none())
            .count();
        let add = |sum: Option<u64>, more: Option<u64>| match (sum, more) {
            (None, more) => more,
            (sum, more) => sum.map(|sum| sum + more.unwrap_or(0)),
        };
        sum.low = add(sum.low, of_fold.low);
        sum.high = add(sum.high, of_fold.high);
    }
    match (sum == DurationDoc::default(), unknown) {
        (true, 0) => "nothing is left".to_owned(),
        (true, _) => "unknown".to_owned(),
        (false, 0) => format_duration(sum),
        (false, _) => format!(
            "{} and {} of unknown length",
            format_duration(sum),
            pluralize(unknown, "step")
        ),
    }
}

/// `Kubernetes 1.24.17 → 1.25.16`, harmless.
pub(super) fn hop_title(hop: &HopGroups<'_>) -> String {
    let (from, to) = match hop.path_hop {
        Some(edge) => (edge.from.as_ref(), &edge.to),
        None => (None, &hop.hop.to),
    };
    remedies::hop_title(hop.hop.platform, from, to)
}

/// Where a step is done: `node a-1 of pool pool-a`, harmless.
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

/// Where steps that are alike are done: `7 of 12 nodes of pool pool-a: a-6 a-7 ...`, with so many names; harmless.
pub(super) fn format_scopes(fold: &StepGroup<'_>, named: usize) -> String {
    if let [only] = fold.steps[..] {
        return format_scope(only);
    }
    let number = fold.steps.len();
    let nodes = match number == fold.total {
        true => pluralize(number, "node"),
        false => format!("{number} of {}", pluralize(fold.total, "node")),
    };
    let pool = fold.first().scope.pool.as_ref();
    let pool = pool.map(|pool| format!(" of pool {}", terminal::escape_cell(pool)));
    if named == 0 {
        return format!("{nodes}{}", pool.unwrap_or_default());
    }
    let names = fold.steps.iter().take(named);
    let mut names: Vec<_> = names
        .map(|step| terminal::escape_cell(&step.scope.name))
        .collect();
    if number > named {
        names.push("...".into());
    }
    format!("{nodes}{}: {}", pool.unwrap_or_default(), names.join(" "))
}

/// A command as one harmless line. It is never cut, for half a command is another command.
pub(super) fn escape_command(command: &str) -> String {
    match command.chars().nth(MAX_COMMAND_CHARS) {
        None => terminal::escape(command).into_owned(),
        Some(_) => {
            let length = command.chars().count();
            format!("# a command of {length} characters, too long to be shown: see -o json")
        }
    }
}
