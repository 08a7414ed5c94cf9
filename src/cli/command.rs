//! From the arguments of a plugin to its run.

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use super::args::{CheckCommand, CheckSubcommand, OutputArgs};
use super::completion::{CompletionSubcommand, SHELL_VARIABLE, candidates};
use super::console::Console;
use super::exit::{CliError, Exit};
use super::plan::PlanCommand;
use super::plugin::{Invocation, Plugin};
use super::signals::run_interruptible;
use super::watch::WatchCommand;
use super::{hints, profile, run, source, watch};
use crate::catalog::Catalog;
use crate::report::{self, RbacSubject};
use crate::rules;
use crate::text::names::plugin_file;

/// Runs a plugin.
pub(super) fn run(plugin: Plugin, invocation: Invocation) -> ExitCode {
    match plugin {
        Plugin::Check => run_command(run_check, invocation),
        Plugin::Plan => run_command(run_plan, invocation),
        Plugin::Watch => run_command(run_watch, invocation),
    }
}

/// Parses the arguments and runs a command.
fn run_command<C>(
    run: fn(C, &'static Catalog) -> Result<Exit, CliError>,
    invocation: Invocation,
) -> ExitCode
where
    C: CommandFactory + FromArgMatches + Send + 'static,
{
    let mut command = C::command();
    if !invocation.spelling.is_empty() {
        command = command.bin_name(invocation.spelling);
    }
    let mut argv = invocation.argv;
    if invocation.is_completion_request {
        let answer = candidates::for_kubectl(command, argv.split_off(1));
        return Console::print(&answer, Exit::Success).into();
    }
    if let Some(shell) = std::env::var_os(SHELL_VARIABLE) {
        let answer = candidates::for_shell(command, &shell, argv);
        return Console::print(&answer, Exit::Success).into();
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
        Err(error) => Console::print_clap(&hints::improve(error, &mut command)).into(),
    }
}

fn run_plan(mut command: PlanCommand, catalog: &'static Catalog) -> Result<Exit, CliError> {
    match command.subcommand {
        None => {
            command.plan.read_durations()?;
            run::run(&command.plan, catalog)
        }
        Some(script) => print_script(&script, Plugin::Plan),
    }
}

fn run_watch(command: WatchCommand, catalog: &'static Catalog) -> Result<Exit, CliError> {
    match command.subcommand {
        None => watch::run(&command.watch, catalog),
        Some(script) => print_script(&script, Plugin::Watch),
    }
}

fn run_check(command: CheckCommand, catalog: &'static Catalog) -> Result<Exit, CliError> {
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
        CheckSubcommand::Explain { id, kind } => {
            let look = Console::render_options(OutputArgs::default());
            report::explain(&id, kind.as_deref(), rules, &hazards, catalog, &look)
                .map_err(CliError::usage)?
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
            return print_script(&script, Plugin::Check);
        }
    };
    Ok(Console::print(&text, Exit::Success))
}

fn print_script(subcommand: &CompletionSubcommand, plugin: Plugin) -> Result<Exit, CliError> {
    let script = subcommand.script(&plugin_file(plugin.name()));
    Ok(Console::print(&script, Exit::Success))
}
