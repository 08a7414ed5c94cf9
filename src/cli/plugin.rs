//! The plugins, and how one was called.

use std::ffi::{OsStr, OsString};

use clap::{Command, CommandFactory};

use super::args::CheckCommand;
use super::argv0::{invocation_name, is_completion_request, plugin_name};
use super::plan::PlanCommand;
use super::watch::WatchCommand;
use crate::text::names;

/// One of the plugins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plugin {
    Check,
    Plan,
    Watch,
}

impl Plugin {
    pub(super) const ALL: [Self; 3] = [Self::Check, Self::Plan, Self::Watch];

    /// Its name, as typed after `kubectl`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Check => names::CHECK,
            Self::Plan => names::PLAN,
            Self::Watch => names::WATCH,
        }
    }

    /// The argument of the suite's program that selects it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Plan => "plan",
            Self::Watch => "watch",
        }
    }

    /// The plugin that this argument selects.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|plugin| word == plugin.word() || word == plugin.name())
    }

    /// The plugin that a program of this name is.
    pub(super) fn of_program(argv0: &OsStr) -> Option<Self> {
        let name = plugin_name(argv0)?;
        Self::ALL.into_iter().find(|plugin| plugin.name() == name)
    }

    /// Its command line.
    pub(super) fn command(self) -> Command {
        match self {
            Self::Check => CheckCommand::command(),
            Self::Plan => PlanCommand::command(),
            Self::Watch => WatchCommand::command(),
        }
    }
}

/// How a plugin was called.
pub(super) struct Invocation {
    /// The program and the arguments of the plugin.
    pub(super) argv: Vec<OsString>,
    /// The command as typed: `kubectl upgrade-check`.
    pub(super) spelling: String,
    /// Whether kubectl asks for completion of the arguments.
    pub(super) is_completion_request: bool,
}

impl Invocation {
    pub(super) fn new(argv: Vec<OsString>) -> Self {
        let program = argv.first().cloned().unwrap_or_default();
        Self {
            spelling: invocation_name(&program),
            is_completion_request: is_completion_request(&program),
            argv,
        }
    }

    /// As this process was called.
    pub(super) fn of_process() -> Self {
        Self::new(std::env::args_os().collect())
    }

    /// By the first argument of the suite's program.
    pub(super) fn of_suite(mut argv: Vec<OsString>, plugin: Plugin) -> Self {
        argv.remove(1);
        let invocation = Self::new(argv);
        Self {
            spelling: format!("{} {}", invocation.spelling, plugin.word()),
            ..invocation
        }
    }
}
