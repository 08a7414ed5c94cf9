//! The program that is all three plugins. It is what releases ship: the plugins share nearly all of their code.

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::Command;

use super::argv0::invocation_name;
use super::command;
use super::completion::candidates;
use super::console::Console;
use super::exit::Exit;
use super::plugin::{Invocation, Plugin};
use crate::text::names::SUITE_PROGRAM;

/// Runs the plugin by whose name this process was called, otherwise the one that its first argument names.
#[must_use]
pub fn suite_main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let called = argv.first().cloned().unwrap_or_default();
    if let Some(plugin) = Plugin::of_program(&called) {
        return command::run(plugin, Invocation::new(argv));
    }
    let first = argv.get(1).and_then(|word| word.to_str());
    match first.and_then(Plugin::of_word) {
        Some(plugin) => command::run(plugin, Invocation::of_suite(argv, plugin)),
        None => print_overview(argv),
    }
}

/// The command that selects a plugin.
fn overview(called: &OsStr) -> Command {
    let plugins = Plugin::ALL.map(|plugin| {
        let about = plugin.command().get_about().cloned();
        Command::new(plugin.word()).about(about.unwrap_or_default())
    });
    Command::new(SUITE_PROGRAM)
        .bin_name(invocation_name(called))
        .version(env!("CARGO_PKG_VERSION"))
        .about("Before, during and after an upgrade of Kubernetes")
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(plugins)
}

/// Candidates, help, the version, or a usage error.
fn print_overview(argv: Vec<OsString>) -> ExitCode {
    let invocation = Invocation::new(argv);
    let mut argv = invocation.argv;
    let mut command = overview(argv.first().map_or(OsStr::new(""), OsString::as_os_str));
    if invocation.is_completion_request {
        let answer = candidates::for_kubectl(command, argv.split_off(1));
        return Console::print(&answer, Exit::Success).into();
    }
    match command.try_get_matches_from_mut(argv) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => Console::print_clap(&error).into(),
    }
}
