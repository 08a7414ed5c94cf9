//! The program that is all three plugins. It is what releases ship: the plugins share nearly all of their code.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Command;

use super::argv0::invocation_name;
use super::command;
use super::console::Console;
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

/// Help, the version, or a usage error.
fn print_overview(argv: Vec<OsString>) -> ExitCode {
    let called = argv.first().cloned().unwrap_or_default();
    let plugins = Plugin::ALL.map(|plugin| {
        let about = plugin.command().get_about().cloned();
        Command::new(plugin.word()).about(about.unwrap_or_default())
    });
    let mut command = Command::new(SUITE_PROGRAM)
        .bin_name(invocation_name(&called))
        .version(env!("CARGO_PKG_VERSION"))
        .about("Before, during and after an upgrade of Kubernetes")
        .disable_help_subcommand(true)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(plugins);
    match command.try_get_matches_from_mut(argv) {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => Console::print_clap(&error).into(),
    }
}
