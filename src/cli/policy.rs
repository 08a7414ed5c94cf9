//! From flags and the files they name to a [`Policy`].

use std::fs;
use std::io::Read;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::args::{PolicyArgs, RuleFilterArgs};
use super::exit::{CliError, Exit};
use crate::report::{UnknownRule, terminal};
use crate::rules;
use crate::rules::{Baseline, CoverageState, Evaluation, Policy, RuleFilter, Verdict, Waivers};
use crate::text::names::CHECK;
use crate::text::pluralize;

/// Larger than any report; guards against endless files.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Waivers, baseline and `--fail-on`.
pub(super) fn load_policy(flags: &PolicyArgs, rules: &RuleFilterArgs) -> Result<Policy, CliError> {
    Ok(Policy {
        rule_filter: rule_filter(rules)?,
        fail_on: flags.fail_on.into(),
        waivers: match &flags.waivers {
            Some(file) => load_waivers(file)?,
            None => Waivers::default(),
        },
        baseline: flags.baseline.as_deref().map(load_baseline).transpose()?,
        today: Timestamp::now().to_zoned(TimeZone::UTC).date(),
    })
}

/// `--only` and `--skip`. An unknown id is an error: ignoring it would evaluate other rules than intended.
pub(super) fn rule_filter(flags: &RuleFilterArgs) -> Result<RuleFilter, CliError> {
    let rules = rules::rules().map_err(CliError::could_not_run)?;
    let ids = |ids: &[String]| {
        let ids = ids.iter().map(|id| id.trim().to_owned());
        ids.map(|id| match unknown_rule_message(&id) {
            Some(unknown) => Err(CliError::usage(unknown)),
            None => Ok(id),
        })
        .collect::<Result<_, _>>()
    };
    let choice = RuleFilter {
        only: ids(&flags.only)?,
        skip: ids(&flags.skip)?,
    };
    if choice.select(rules).is_empty() {
        return Err(CliError::usage("--only and --skip exclude every rule"));
    }
    Ok(choice)
}

/// The error for an id that no rule has.
fn unknown_rule_message(id: &str) -> Option<String> {
    let rules = rules::rules().ok()?;
    if rules.iter().any(|rule| rule.id == id) {
        return None;
    }
    let hazards = rules::hazards().unwrap_or_default();
    Some(match hazards.iter().find(|hazard| hazard.id == id) {
        Some(hazard) => format!(
            "hazard {id} is not checked{}; run 'kubectl {CHECK} explain {id}' for details",
            match hazard.state {
                CoverageState::Planned => " yet",
                CoverageState::Invisible => ": the API does not expose it",
            }
        ),
        None => UnknownRule::new(id, rules).to_string(),
    })
}

fn load_waivers(file: &Path) -> Result<Waivers, CliError> {
    Waivers::parse(&read_limited("waivers", file)?, &unknown_rule_message)
        .map_err(|error| unusable_file("waivers", file, &error.to_string()))
}

fn load_baseline(file: &Path) -> Result<Baseline, CliError> {
    Baseline::parse(&read_limited("baseline", file)?)
        .map_err(|error| unusable_file("baseline", file, &error.to_string()))
}

fn read_limited(what: &str, file: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let read = fs::File::open(file)
        .and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_string(&mut text));
    read.map_err(|error| unusable_file(what, file, &error.to_string()))?;
    if text.len() as u64 > MAX_FILE_BYTES {
        let why = format!("it is larger than {} MiB", MAX_FILE_BYTES >> 20);
        return Err(unusable_file(what, file, &why));
    }
    // Byte order mark of some editors.
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn unusable_file(what: &str, file: &Path, why: &str) -> CliError {
    let file = file.display().to_string();
    CliError::could_not_run(format!("{what} {}: {why}", terminal::escape_line(&file)))
}

/// A note if the exit code does not follow from the verdict.
pub(super) fn exit_note(evaluation: &Evaluation, exit: Exit) -> Option<String> {
    match (evaluation.verdict, exit) {
        (Verdict::Ready | Verdict::Incomplete, Exit::Blocked) => Some(format!(
            "note: exit code 3: {} at or above --fail-on",
            pluralize(evaluation.failing_findings, "finding")
        )),
        (Verdict::Blocked, Exit::Success | Exit::Incomplete) => Some(format!(
            "note: exit code {}: no blocker is new or reaches --fail-on",
            exit as u8
        )),
        _ => None,
    }
}
