//! Flags, exit codes and output of the commands.
//!
//! Results go to stdout, everything else to stderr.

mod args;
mod argv0;
mod check;
mod color;
mod completion;
mod console;
mod evaluation;
mod exit;
mod fleet;
mod format;
mod hints;
mod kustomize;
mod live;
mod log;
mod management;
mod plan;
mod policy;
mod profile;
mod progress;
mod redact;
mod run;
mod session;
mod signals;
mod source;
mod target;
mod watch;

pub use args::{
    CheckArgs, CheckCommand, CheckSubcommand, FleetArgs, LogArgs, OfflineArgs, ReadArgs,
    SourceArgs, TargetArgs,
};
pub use exit::{CliError, Exit};
pub use plan::{PlanArgs, PlanCommand};
pub use watch::{WatchArgs, WatchCommand};

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use args::OutputArgs;
use completion::CompletionSubcommand;
use console::Console;
use signals::run_interruptible;

use crate::catalog::Catalog;
use crate::report::{self, RbacSubject};
use crate::rules;

/// Runs `kubectl upgrade-check` on this process's arguments, environment and streams.
#[must_use]
pub fn check_main() -> ExitCode {
    command_main(run_check_command)
}

/// Runs `kubectl upgrade-plan` on this process's arguments, environment and streams.
#[must_use]
pub fn plan_main() -> ExitCode {
    command_main(|command: PlanCommand, catalog| match command.subcommand {
        None => run::run(&command.plan, catalog),
        Some(script) => print_script::<PlanCommand>(&script, "kubectl-upgrade_plan"),
    })
}

/// Runs `kubectl upgrade-watch` on this process's arguments, environment and streams.
#[must_use]
pub fn watch_main() -> ExitCode {
    command_main(|command: WatchCommand, catalog| match command.subcommand {
        None => watch::run(&command.watch, catalog),
        Some(script) => print_script::<WatchCommand>(&script, "kubectl-upgrade_watch"),
    })
}

/// Parses the arguments and runs a command.
fn command_main<C>(run: fn(C, &'static Catalog) -> Result<Exit, CliError>) -> ExitCode
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
        let candidates = argv0::completion_candidates(&mut command, words);
        return Console::print(&candidates, Exit::Success).into();
    }
    let parsed = command
        .try_get_matches_from_mut(argv)
        .and_then(|matches| C::from_arg_matches(&matches));
    match parsed {
        Ok(parsed) => run_interruptible(move || {
            let catalog = Catalog::embedded().map_err(CliError::could_not_run);
            catalog
                .and_then(|catalog| run(parsed, catalog))
                .unwrap_or_else(|error| Console::print_error(&error))
        })
        .into(),
        Err(mut error) => {
            hints::add_tip(&mut error);
            Console::print_clap(&error).into()
        }
    }
}

fn run_check_command(command: CheckCommand, catalog: &'static Catalog) -> Result<Exit, CliError> {
    let Some(subcommand) = command.subcommand else {
        return run::run(&command.check, catalog);
    };
    let rules = rules::rules().map_err(CliError::could_not_run)?;
    let hazards = rules::hazards().map_err(CliError::could_not_run)?;
    let text = match subcommand {
        CheckSubcommand::Rules(flags) => {
            let hazards = if flags.all { &hazards[..] } else { &[] };
            let look = Console::render_options(flags.list.output_args);
            report::render_rules(flags.list.output, rules, hazards, catalog, &look)
                .map_err(CliError::could_not_run)?
        }
        CheckSubcommand::Explain { id } => {
            let look = Console::render_options(OutputArgs::default());
            report::explain(&id, rules, &hazards, catalog, &look).map_err(CliError::usage)?
        }
        CheckSubcommand::Rbac(flags) => {
            let access =
                source::read_access(&flags.source, catalog, &profile::CHECK_AND_PLAN_PROFILE)?;
            let bind = flags.bind_to.or(access.user.map(|name| RbacSubject {
                kind: "User".to_owned(),
                name,
            }));
            report::render_rbac(&access.rules, bind.as_ref(), !flags.no_secrets)
                .map_err(CliError::could_not_run)?
        }
        CheckSubcommand::Catalog(flags) => {
            let look = Console::render_options(flags.output_args);
            let today = jiff::Timestamp::now()
                .to_zoned(jiff::tz::TimeZone::UTC)
                .date();
            report::render_catalog(flags.output, catalog, today, &look)
                .map_err(CliError::could_not_run)?
        }
        CheckSubcommand::Completion(script) => {
            return print_script::<CheckCommand>(&script, "kubectl-upgrade_check");
        }
    };
    Ok(Console::print(&text, Exit::Success))
}

fn print_script<C: CommandFactory>(
    subcommand: &CompletionSubcommand,
    name: &str,
) -> Result<Exit, CliError> {
    Ok(Console::print(&subcommand.script::<C>(name), Exit::Success))
}
