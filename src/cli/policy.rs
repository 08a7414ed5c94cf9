//! From flags and the files they name to a [`Policy`].

use std::fs;
use std::io::Read;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::args::{ChoiceFlags, PolicyFlags};
use super::exit::{Exit, Stop};
use crate::check::{self, Baseline, Choice, Judgement, Policy, Verdict, Visibility, Waivers};
use crate::report::{UnknownRule, terminal};

/// More than the report on any cluster; what goes on without an end is no file for us.
const LARGEST: u64 = 256 << 20;

/// Everything that weighs findings.
pub(super) fn policy(flags: &PolicyFlags, rules: &ChoiceFlags) -> Result<Policy, Stop> {
    Ok(Policy {
        choice: choice(rules)?,
        fail_on: flags.fail_on.into(),
        waivers: match &flags.waivers {
            Some(file) => waivers(file)?,
            None => Waivers::default(),
        },
        baseline: flags.baseline.as_deref().map(baseline).transpose()?,
        today: Timestamp::now().to_zoned(TimeZone::UTC).date(),
    })
}

/// Which rules speak. A name that is no rule's is never ignored: it would leave out, or let in, more than was meant.
pub(super) fn choice(flags: &ChoiceFlags) -> Result<Choice, Stop> {
    let rules = check::rules().map_err(Stop::could_not_run)?;
    let ids = |ids: &[String]| {
        let ids = ids.iter().map(|id| id.trim().to_owned());
        ids.map(|id| match unknown(&id) {
            Some(unknown) => Err(Stop::usage(unknown)),
            None => Ok(id),
        })
        .collect::<Result<_, _>>()
    };
    let choice = Choice {
        only: ids(&flags.only)?,
        skip: ids(&flags.skip)?,
    };
    if choice.of(rules).is_empty() {
        return Err(Stop::usage(
            "--only and --skip leave no rule: nothing would be checked",
        ));
    }
    Ok(choice)
}

/// What to say of an id that is no rule's.
fn unknown(id: &str) -> Option<String> {
    let rules = check::rules().ok()?;
    if rules.iter().any(|rule| rule.id == id) {
        return None;
    }
    let hazards = check::hazards().unwrap_or_default();
    Some(match hazards.iter().find(|hazard| hazard.id == id) {
        Some(hazard) => format!(
            "{id} is a hazard that no rule looks at {} (kubectl upgrade-check explain {id} tells more)",
            match hazard.state {
                Visibility::Planned => "yet",
                Visibility::Invisible => "because the API does not show it",
            }
        ),
        None => UnknownRule::new(id, rules).to_string(),
    })
}

fn waivers(file: &Path) -> Result<Waivers, Stop> {
    Waivers::parse(&read("waivers", file)?, &unknown)
        .map_err(|error| unusable("waivers", file, &error.to_string()))
}

fn baseline(file: &Path) -> Result<Baseline, Stop> {
    Baseline::parse(&read("baseline", file)?)
        .map_err(|error| unusable("baseline", file, &error.to_string()))
}

fn read(what: &str, file: &Path) -> Result<String, Stop> {
    let mut text = String::new();
    let read =
        fs::File::open(file).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
    read.map_err(|error| unusable(what, file, &error.to_string()))?;
    if text.len() as u64 > LARGEST {
        let why = format!("it is larger than {} MiB", LARGEST >> 20);
        return Err(unusable(what, file, &why));
    }
    // Some editors begin a file with a mark that is no part of it.
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn unusable(what: &str, file: &Path, why: &str) -> Stop {
    let file = file.display().to_string();
    Stop::could_not_run(format!("{what} {}: {why}", terminal::line(&file)))
}

/// A note where the exit code is not the one that the verdict would have.
pub(super) fn why(judgement: &Judgement, exit: Exit) -> Option<String> {
    let findings = match judgement.failing {
        1 => "1 finding counts".to_owned(),
        failing => format!("{failing} findings count"),
    };
    match (judgement.verdict, exit) {
        (Verdict::Ready | Verdict::Incomplete, Exit::Blocked) => {
            Some(format!("note: the exit code is 3: by --fail-on {findings}"))
        }
        (Verdict::Blocked, Exit::Ready | Exit::Incomplete) => Some(format!(
            "note: the exit code is {}: by --fail-on and --baseline none of the blockers counts",
            exit as u8
        )),
        _ => None,
    }
}
