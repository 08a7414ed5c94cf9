//! Completion: scripts for shells, and answers to kubectl and to these scripts.
//!
//! Candidates are those of the command line that is being typed: the namespaces are those of its cluster.

pub(super) mod candidates;
mod live;

use clap::Subcommand;
use clap_complete::Shell;
use clap_complete::env::Shells;

/// Names the shell for which a script asks for candidates.
pub(super) const SHELL_VARIABLE: &str = "KUBECTL_UPGRADE_COMPLETE";

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
    /// The script for the program of this name, which must be on PATH.
    pub(super) fn script(&self, program: &str) -> String {
        let Self::Completion { shell } = self;
        let mut script = Vec::new();
        if let Some(shell) = Shells::builtins().completer(&shell.to_string()) {
            // Writing to memory does not fail.
            let _ =
                shell.write_registration(SHELL_VARIABLE, program, program, program, &mut script);
        }
        String::from_utf8_lossy(&script).into_owned()
    }
}
