//! Flags, exit codes, streams: what stands between a shell and the library.
//!
//! Results go to stdout, everything else to stderr. Nothing here decides anything about clusters.

mod args;
mod called;
mod connected;
pub mod connection;
mod exit;
mod format;
mod gather;
mod interrupt;
mod log;
mod plan;
mod policy;
mod progress;
mod pseudonyms;
mod way;

pub use args::{CheckCommand, CheckFlags, Helper, SourceFlags};
pub use exit::{Exit, Stop};
pub use plan::{PlanCommand, PlanFlags};

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory, FromArgMatches};

use args::LookFlags;
use gather::Gathered;
use interrupt::interruptible;

use crate::catalog::Catalog;
use crate::check::{self, Situation, judge};
use crate::report::{self, Bind, Look, Styles, UpgradeReport, terminal};
use crate::snapshot;

/// Runs `kubectl upgrade-check` on this process's arguments, environment and streams.
#[must_use]
pub fn check_main() -> ExitCode {
    command_main(run)
}

/// Runs `kubectl upgrade-plan` on this process's arguments, environment and streams.
#[must_use]
pub fn plan_main() -> ExitCode {
    command_main(plan::run)
}

fn command_main<C>(run: fn(C) -> Result<Exit, Stop>) -> ExitCode
where
    C: CommandFactory + FromArgMatches + Send + 'static,
{
    let mut argv: Vec<OsString> = std::env::args_os().collect();
    let argv0 = argv.first().cloned().unwrap_or_default();
    let spelling = called::spelling(&argv0);
    let mut command = C::command();
    if !spelling.is_empty() {
        command = command.bin_name(spelling);
    }
    if called::asks_for_completion(&argv0) {
        let words = argv.split_off(1);
        return print(&called::complete(&mut command, words), Exit::Ready).into();
    }
    let parsed = command
        .try_get_matches_from_mut(argv)
        .and_then(|matches| C::from_arg_matches(&matches));
    match parsed {
        Ok(parsed) => interruptible(move || finish(run(parsed))).into(),
        Err(error) => {
            complain(&error);
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Ready
            };
            exit.into()
        }
    }
}

/// Prints help on stdout and what is wrong on stderr: clap knows which of its messages are which. It shows arguments as they
/// came, and those may have been copied from anywhere.
fn complain(error: &clap::Error) {
    let plain = error.to_string();
    let harmless = |letter: char| matches!(letter, '\n' | '\t') || !terminal::is_unsafe(letter);
    let mut lines = plain.lines();
    let first = lines.next().unwrap_or_default();
    if plain.chars().all(harmless) && !lines.clone().any(|line| line.starts_with("error:")) {
        let _ = error.print();
    } else {
        say(false, first);
        lines.for_each(|line| say(false, &format!("  {line}")));
    }
}

fn run(command: CheckCommand) -> Result<Exit, Stop> {
    let catalog = Arc::new(Catalog::embedded().map_err(Stop::could_not_run)?);
    match command.helper {
        None => check(&command.check, &catalog),
        Some(Helper::Rules(flags)) => {
            let hazards = match flags.all {
                true => check::hazards().map_err(Stop::could_not_run)?,
                false => Vec::new(),
            };
            let list = flags.list;
            let text = report::rules(list.output, rules()?, &hazards, &look(list.look));
            Ok(print(&text.map_err(Stop::could_not_run)?, Exit::Ready))
        }
        Some(Helper::Explain { id }) => {
            let look = look(LookFlags::default());
            let hazards = check::hazards().map_err(Stop::could_not_run)?;
            if let Some(hazard) = hazards.iter().find(|hazard| hazard.id == id) {
                return Ok(print(&report::explain_hazard(hazard, &look), Exit::Ready));
            }
            let text = report::explain(&id, rules()?, &look).map_err(Stop::usage)?;
            Ok(print(&text, Exit::Ready))
        }
        Some(Helper::Rbac(flags)) => {
            let access = gather::access(&flags.source, &catalog, &gather::BOTH)?;
            let bind = flags.bind_to.or(access.user.map(|name| Bind {
                kind: "User".to_owned(),
                name,
            }));
            let text = report::rbac(&access.requests, bind.as_ref());
            let text = text.map_err(Stop::could_not_run)?;
            Ok(print(&text, Exit::Ready))
        }
        Some(Helper::Catalog(flags)) => {
            let text = report::catalog(flags.output, &catalog, &look(flags.look));
            Ok(print(&text.map_err(Stop::could_not_run)?, Exit::Ready))
        }
        Some(Helper::Completion { shell }) => {
            Ok(completion::<CheckCommand>(shell, "kubectl-upgrade_check"))
        }
    }
}

/// A completion script for the file of this name.
fn completion<C: CommandFactory>(shell: clap_complete::Shell, name: &str) -> Exit {
    let mut script = Vec::new();
    // A fresh one: the name that kubectl called us by is not the one that shells know.
    clap_complete::generate(shell, &mut C::command(), name, &mut script);
    print(&String::from_utf8_lossy(&script), Exit::Ready)
}

fn rules() -> Result<&'static [&'static check::Rule], Stop> {
    check::rules().map_err(Stop::could_not_run)
}

fn check(flags: &CheckFlags, catalog: &Arc<Catalog>) -> Result<Exit, Stop> {
    // Files that cannot be used are told before a cluster is asked.
    let policy = policy::policy(&flags.policy, &flags.source.choice)?;
    let gathered = gather::gather(&flags.source, catalog, &gather::CHECK)?;
    let saved = keep(
        &gathered,
        flags.save_snapshot.as_deref(),
        flags.source.quiet,
    );
    let situation = Situation::new(&gathered.snapshot, catalog, &gathered.path, gathered.now);
    let judgement = judge(&situation, rules()?, &policy);
    for remark in &judgement.remarks {
        say(flags.source.quiet, &format!("note: {remark}"));
    }
    let document = UpgradeReport::new(&situation, &judgement);
    let text =
        report::render(flags.output, &document, &look(flags.look)).map_err(Stop::could_not_run)?;
    let exit = Exit::of(&judgement, flags.policy.allow_gaps);
    if let Some(note) = policy::why(&judgement, exit) {
        say(flags.source.quiet, &note);
    }
    let exit = print(&text, exit);
    // The report was not lost with the snapshot.
    saved.map(|()| exit)
}

/// Saves what was read where that is wanted, and says what there is to say of it. What is made of it is printed all the same.
fn keep(gathered: &Gathered, file: Option<&Path>, quiet: bool) -> Result<(), Stop> {
    let saved = match file {
        Some(file) => snapshot::save(&gathered.snapshot, file).map_err(Stop::could_not_run),
        None => Ok(()),
    };
    for note in &gathered.notes {
        say(quiet, note);
    }
    saved
}

fn look(flags: LookFlags) -> Look {
    let color = report::wants_color(
        flags.color.into(),
        &|name| std::env::var(name).ok(),
        std::io::stdout().is_terminal(),
    );
    Look {
        styles: Styles::new(color),
        headers: !flags.no_headers,
        width: std::io::stdout()
            .is_terminal()
            .then(terminal_size::terminal_size)
            .flatten()
            .map(|(width, _)| usize::from(width.0)),
    }
}

/// Prints a result. A reader that has gone away, as `head` does, is not an error: the code stays that of the result.
fn print(text: &str, exit: Exit) -> Exit {
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Ok(()) => exit,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => exit,
        Err(error) => {
            say(false, &format!("error: writing the result: {error}"));
            Exit::CouldNotRun
        }
    }
}

/// A line on stderr, unless it was asked to be quiet. What came from a cluster is escaped, and cut where it has no end.
fn say(quiet: bool, line: &str) {
    const LONGEST: usize = 20 * terminal::LIMIT;
    if !quiet {
        let _ = writeln!(std::io::stderr(), "{}", terminal::bounded(line, LONGEST));
    }
}

/// Why a command ended. Messages may have several lines, as install hints of credential plugins do; all but the first are
/// indented, so that none of them can look like a message of its own.
fn explain(message: &str) {
    let mut lines = message.lines().take(30);
    say(
        false,
        &format!("error: {}", lines.next().unwrap_or_default()),
    );
    for line in lines {
        say(false, &format!("  {line}"));
    }
}

fn finish(result: Result<Exit, Stop>) -> Exit {
    result.unwrap_or_else(|stop| {
        if !matches!(stop.exit, Exit::Interrupted | Exit::Terminated) {
            explain(&stop.message);
        }
        stop.exit
    })
}
