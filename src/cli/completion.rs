//! Completion scripts.

use clap::{CommandFactory, Subcommand};
use clap_complete::{Shell, generate};

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
    /// The script of a command, for the file of this name.
    pub(super) fn script<C: CommandFactory>(&self, name: &str) -> String {
        let Self::Completion { shell } = self;
        let mut script = Vec::new();
        // A new command: shells do not know the name that kubectl uses.
        generate(*shell, &mut C::command(), name, &mut script);
        String::from_utf8_lossy(&script).into_owned()
    }
}
