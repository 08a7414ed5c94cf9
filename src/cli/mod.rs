//! Flags, exit codes and output of the commands.
//!
//! Results go to stdout, everything else to stderr.

mod args;
mod argv0;
mod check;
mod color;
mod command;
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
mod plugin;
mod policy;
mod profile;
mod progress;
mod redact;
mod run;
mod session;
mod signals;
mod source;
mod suite;
mod target;
mod terminal;
mod watch;

pub use args::{
    CheckArgs, CheckCommand, CheckSubcommand, FleetArgs, LogArgs, OfflineArgs, ReadArgs,
    SourceArgs, TargetArgs,
};
pub use exit::{CliError, Exit};
pub use plan::{PlanArgs, PlanCommand};
pub use suite::suite_main;
pub use watch::{WatchArgs, WatchCommand, live_view};

use std::process::ExitCode;

use plugin::{Invocation, Plugin};

/// Runs `kubectl upgrade-check` on this process's arguments, environment and streams.
#[must_use]
pub fn check_main() -> ExitCode {
    command::run(Plugin::Check, Invocation::of_process())
}

/// Runs `kubectl upgrade-plan` on this process's arguments, environment and streams.
#[must_use]
pub fn plan_main() -> ExitCode {
    command::run(Plugin::Plan, Invocation::of_process())
}

/// Runs `kubectl upgrade-watch` on this process's arguments, environment and streams.
#[must_use]
pub fn watch_main() -> ExitCode {
    command::run(Plugin::Watch, Invocation::of_process())
}
