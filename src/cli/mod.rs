//! Flags, exit codes and output of the commands.
//!
//! Results go to stdout, everything else to stderr.

mod args;
mod argv0;
pub mod connection_args;
mod exit;
mod format;
mod log;
mod plan;
mod policy;
mod redact;
mod session;
mod signals;
mod source;
mod spinner;
mod target;

pub use args::{CheckArgs, CheckCommand, CheckSubcommand, SourceArgs};
pub use exit::{CliError, Exit};
pub use plan::{PlanArgs, PlanCommand};

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::OutputArgs;
use signals::run_interruptible;
use source::RunInput;

use crate::api::v1::UpgradeReport;
use crate::catalog::Catalog;
use crate::fleet::{self, Fleet};
use crate::report::{self, RbacSubject, RenderOptions, Styles, terminal};
use crate::rules;
use crate::snapshot;

/// Runs `kubectl upgrade-check` on this process's arguments, environment and streams.
#[must_use]
pub fn check_main() -> ExitCode {
    command_main(run_check_command)
}

/// Runs `kubectl upgrade-plan` on this process's arguments, environment and streams.
#[must_use]
pub fn plan_main() -> ExitCode {
    command_main(plan::run_plan_command)
}

fn command_main<C>(run: fn(C) -> Result<Exit, CliError>) -> ExitCode
where
    C: CommandFactory + FromArgMatches + Send + 'static,
{
    let mut argv: Vec<OsString> = std::env::args_os().collect();
    let argv0 = argv.first().cloned().unwrap_or_default();
    let spelling = argv0::invocation_name(&argv0);
    let mut command = C::command();
    if !spelling.is_empty() {
        command = command.bin_name(spelling);
    }
    if argv0::is_completion_request(&argv0) {
        let words = argv.split_off(1);
        return print_result(
            &argv0::completion_candidates(&mut command, words),
            Exit::Success,
        )
        .into();
    }
    let parsed = command
        .try_get_matches_from_mut(argv)
        .and_then(|matches| C::from_arg_matches(&matches));
    match parsed {
        Ok(parsed) => run_interruptible(move || exit_code_for(run(parsed))).into(),
        Err(error) => {
            print_usage_error(&error);
            let exit = if error.use_stderr() {
                Exit::Usage
            } else {
                Exit::Success
            };
            exit.into()
        }
    }
}

/// Prints help on stdout and usage errors on stderr. clap does not escape arguments, which may be copied from anywhere.
fn print_usage_error(error: &clap::Error) {
    let plain = error.to_string();
    let harmless = |letter: char| matches!(letter, '\n' | '\t') || !terminal::is_unsafe(letter);
    let mut lines = plain.lines();
    let first = lines.next().unwrap_or_default();
    if plain.chars().all(harmless) && !lines.clone().any(|line| line.starts_with("error:")) {
        let _ = error.print();
    } else {
        eprint_line(false, first);
        lines.for_each(|line| eprint_line(false, &format!("  {line}")));
    }
}

fn run_check_command(command: CheckCommand) -> Result<Exit, CliError> {
    let catalog = Catalog::embedded().map_err(CliError::could_not_run)?;
    match command.subcommand {
        None => run_check(&command.check, catalog),
        Some(CheckSubcommand::Rules(flags)) => {
            let hazards = match flags.all {
                true => rules::hazards().map_err(CliError::could_not_run)?,
                false => Vec::new(),
            };
            let list = flags.list;
            let text = report::render_rules(
                list.output,
                rules()?,
                &hazards,
                catalog,
                &render_options(list.output_args),
            );
            Ok(print_result(
                &text.map_err(CliError::could_not_run)?,
                Exit::Success,
            ))
        }
        Some(CheckSubcommand::Explain { id }) => {
            let options = render_options(OutputArgs::default());
            let hazards = rules::hazards().map_err(CliError::could_not_run)?;
            if let Some(hazard) = hazards.iter().find(|hazard| hazard.id == id) {
                return Ok(print_result(
                    &report::explain_hazard(hazard, &options),
                    Exit::Success,
                ));
            }
            let text =
                report::explain_rule(&id, rules()?, catalog, &options).map_err(CliError::usage)?;
            Ok(print_result(&text, Exit::Success))
        }
        Some(CheckSubcommand::Rbac(flags)) => {
            let access =
                source::read_access(&flags.source, catalog, &source::CHECK_AND_PLAN_PROFILE)?;
            let bind = flags.bind_to.or(access.user.map(|name| RbacSubject {
                kind: "User".to_owned(),
                name,
            }));
            let text = report::render_rbac(&access.requests, bind.as_ref());
            let text = text.map_err(CliError::could_not_run)?;
            Ok(print_result(&text, Exit::Success))
        }
        Some(CheckSubcommand::Catalog(flags)) => {
            let text =
                report::render_catalog(flags.output, catalog, &render_options(flags.output_args));
            Ok(print_result(
                &text.map_err(CliError::could_not_run)?,
                Exit::Success,
            ))
        }
        Some(CheckSubcommand::Completion { shell }) => Ok(print_completion::<CheckCommand>(
            shell,
            "kubectl-upgrade_check",
        )),
    }
}

/// A completion script for the file of this name.
fn print_completion<C: CommandFactory>(shell: clap_complete::Shell, name: &str) -> Exit {
    let mut script = Vec::new();
    // A new command: shells do not know the name that kubectl uses.
    clap_complete::generate(shell, &mut C::command(), name, &mut script);
    print_result(&String::from_utf8_lossy(&script), Exit::Success)
}

fn rules() -> Result<&'static [&'static rules::Rule], CliError> {
    rules::rules().map_err(CliError::could_not_run)
}

fn run_check(flags: &CheckArgs, catalog: &'static Catalog) -> Result<Exit, CliError> {
    // Report invalid files before connecting.
    let policy = policy::load_policy(&flags.policy, &flags.source.rule_filter)?;
    let input = source::load_input(&flags.source, catalog, &source::CHECK_PROFILE)?;
    let saved = save_snapshot(&input, flags.save_snapshot.as_deref(), flags.source.quiet);
    let contexts = fleet::contexts(&input.snapshot, &input.paths, catalog, input.now);
    let fleet = Fleet::evaluate(contexts, rules()?, &policy);
    let evaluation = fleet.combined(&policy);
    for remark in &evaluation.remarks {
        eprint_line(flags.source.quiet, &format!("note: {remark}"));
    }
    let document = UpgradeReport::from_fleet(&fleet, &evaluation)
        .ok_or_else(|| CliError::could_not_run("there is nothing to check"))?;
    let text = report::render_report(flags.output, &document, &render_options(flags.output_args))
        .map_err(CliError::could_not_run)?;
    let exit = Exit::from_evaluation(&evaluation, flags.policy.allow_gaps);
    if let Some(note) = policy::exit_note(&evaluation, exit) {
        eprint_line(flags.source.quiet, &note);
    }
    let exit = print_result(&text, exit);
    // The report is printed even if the snapshot could not be saved.
    saved.map(|()| exit)
}

/// Saves the snapshot if requested, and prints the notes. An error does not keep the report from being printed.
fn save_snapshot(input: &RunInput, file: Option<&Path>, quiet: bool) -> Result<(), CliError> {
    let saved = match file {
        Some(file) => snapshot::save(&input.snapshot, file).map_err(CliError::could_not_run),
        None => Ok(()),
    };
    for note in &input.notes {
        eprint_line(quiet, note);
    }
    saved
}

fn render_options(flags: OutputArgs) -> RenderOptions {
    let color = report::wants_color(
        flags.color.into(),
        &|name| std::env::var(name).ok(),
        std::io::stdout().is_terminal(),
    );
    RenderOptions {
        styles: Styles::new(color),
        show_headers: !flags.no_headers,
        width: std::io::stdout()
            .is_terminal()
            .then(terminal_size::terminal_size)
            .flatten()
            .map(|(width, _)| usize::from(width.0)),
    }
}

/// Prints a result. A closed pipe is not an error: the exit code stays that of the result.
fn print_result(text: &str, exit: Exit) -> Exit {
    let mut stdout = std::io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    match written {
        Ok(()) => exit,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => exit,
        Err(error) => {
            eprint_line(false, &format!("error: cannot write the result: {error}"));
            Exit::CouldNotRun
        }
    }
}

/// Prints an escaped line of limited length on stderr, unless quiet.
fn eprint_line(quiet: bool, line: &str) {
    const LONGEST: usize = 20 * terminal::MAX_CHARS;
    if !quiet {
        let _ = writeln!(
            std::io::stderr(),
            "{}",
            terminal::escape_truncated(line, LONGEST)
        );
    }
}

/// Why a command ended. Messages may have several lines, as install hints of credential plugins do; all but the first are
/// indented, so that none of them can options like a message of its own.
fn print_error(message: &str) {
    let mut lines = message.lines().take(30);
    eprint_line(
        false,
        &format!("error: {}", lines.next().unwrap_or_default()),
    );
    for line in lines {
        eprint_line(false, &format!("  {line}"));
    }
}

fn exit_code_for(result: Result<Exit, CliError>) -> Exit {
    result.unwrap_or_else(|stop| {
        if !matches!(stop.exit, Exit::Interrupted | Exit::Terminated) {
            print_error(&stop.message);
        }
        stop.exit
    })
}
