//! Completion scripts.

use clap::{CommandFactory, Subcommand};
use clap_complete::{Shell, generate};

use super::console::Console;
use super::exit::Exit;

/// Subcommands.
#[derive(Debug, Subcommand)]
pub enum CompletionSubcommand {
    /// Print a completion script
    Completion {
        /// The shell
        shell: Shell,
    },
}

impl CompletionSubcommand {
    /// Prints the script of a command, for the file of this name.
    pub(super) fn print<C: CommandFactory>(&self, name: &str) -> Exit {
        let Self::Completion { shell } = self;
        let mut script = Vec::new();
        // A new command: shells do not know the name that kubectl uses.
        generate(*shell, &mut C::command(), name, &mut script);
        Console::print(&String::from_utf8_lossy(&script), Exit::Success)
    }
}
