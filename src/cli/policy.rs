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
use crate::rules::{
    Baseline, CoverageState, Evaluation, FailOn, Policy, Rule, RuleFilter, Verdict, Waivers,
};
use crate::text::names::CHECK;
use crate::text::{glob_matches, os_error_text, pluralize};

/// Larger than any report; guards against endless files.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Waivers, baseline and `--fail-on`.
pub(super) fn load_policy(flags: &PolicyArgs, rules: &RuleFilterArgs) -> Result<Policy, CliError> {
    Ok(Policy {
        fail_on: flags.fail_on.into(),
        waivers: match &flags.waivers {
            Some(file) => load_waivers(file)?,
            None => Waivers::default(),
        },
        baseline: flags.baseline.as_deref().map(load_baseline).transpose()?,
        today: Timestamp::now().to_zoned(TimeZone::UTC).date(),
        ..narrowing_policy(rules)?
    })
}

/// The flags that choose rules and objects.
pub(super) fn narrowing_policy(flags: &RuleFilterArgs) -> Result<Policy, CliError> {
    Ok(Policy {
        rule_filter: rule_filter(flags)?,
        owner_label: flags.owner_label.clone(),
        skip_namespaces: flags.skip_namespace.clone(),
        ..Policy::default()
    })
}

/// `--only` and `--skip`. An unknown id is an error: ignoring it would evaluate other rules than intended.
pub(super) fn rule_filter(flags: &RuleFilterArgs) -> Result<RuleFilter, CliError> {
    let rules = rules::rules().map_err(CliError::could_not_run)?;
    let ids = |ids: &[String]| -> Result<Vec<String>, CliError> {
        let ids = ids.iter().map(|id| matching_rules(id.trim(), rules));
        Ok(ids.collect::<Result<Vec<_>, _>>()?.concat())
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

/// The rules that an id names, in which `*` matches any characters.
fn matching_rules(id: &str, rules: &[&Rule]) -> Result<Vec<String>, CliError> {
    if !id.contains('*') {
        return match unknown_rule_message(id) {
            Some(unknown) => Err(CliError::usage(unknown)),
            None => Ok(vec![id.to_owned()]),
        };
    }
    let matching = rules.iter().filter(|rule| glob_matches(id, rule.id));
    let matching: Vec<String> = matching.map(|rule| rule.id.to_owned()).collect();
    match matching.is_empty() {
        true => Err(CliError::usage(UnknownRule::new(id, &[]))),
        false => Ok(matching),
    }
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
    read.map_err(|error| unusable_file(what, file, &os_error_text(&error)))?;
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

/// Why the exit code is another than that of the verdict, if it is.
pub(super) fn exit_reason(evaluation: &Evaluation, policy: &Policy, exit: Exit) -> Option<String> {
    let reason = match (evaluation.verdict, exit) {
        (Verdict::Ready | Verdict::Incomplete, Exit::Blocked) => format!(
            "{} at or above --fail-on {}",
            pluralize(evaluation.failing_findings, "finding"),
            policy.fail_on.as_str(),
        ),
        (Verdict::Blocked, Exit::Success | Exit::Incomplete) => match policy.fail_on {
            FailOn::Never => "--fail-on never".to_owned(),
            _ => "all blockers are in the baseline".to_owned(),
        },
        (Verdict::Incomplete, Exit::Success) => "--allow-gaps".to_owned(),
        _ => return None,
    };
    Some(format!("exit code {}: {reason}", exit as u8))
}
