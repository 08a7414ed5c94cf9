//! What every command over clusters does, from flags to its result: read, evaluate, conclude, print.

use std::path::Path;

use super::args::SourceArgs;
use super::console::Console;
use super::exit::{CliError, Exit};
use super::source::{self, CommandProfile};
use crate::catalog::Catalog;
use crate::fleet::{self, Fleet};
use crate::rules::{self, Policy};
use crate::snapshot;

/// A command over clusters.
pub(super) trait ClusterCommand {
    /// What it reads and reports.
    const PROFILE: CommandProfile;

    /// The flags that select what is read.
    fn source(&self) -> &SourceArgs;

    /// `--save-snapshot`.
    fn snapshot_file(&self) -> Option<&Path>;

    /// The policy. Called before anything is read, so that invalid files are reported first.
    fn policy(&self) -> Result<Policy, CliError>;

    /// The result for the clusters that were read.
    fn conclude(&self, fleet: &Fleet<'_>, policy: &Policy) -> Result<Outcome, CliError>;

    /// The document for a target that no path leads to; `None` if the error says all there is.
    fn without_path(
        &self,
        _error: &CliError,
        _catalog: &Catalog,
    ) -> Result<Option<String>, CliError> {
        Ok(None)
    }
}

/// The result of a command.
pub(super) struct Outcome {
    /// For stderr.
    pub(super) notes: Vec<String>,
    /// For stdout.
    pub(super) text: String,
    pub(super) exit: Exit,
}

/// Runs a command.
pub(super) fn run<C: ClusterCommand>(
    command: &C,
    catalog: &'static Catalog,
) -> Result<Exit, CliError> {
    let source = command.source();
    let console = Console::new(&source.log);
    let policy = command.policy()?;
    let rules = rules::rules().map_err(CliError::could_not_run)?;
    let input = match source::load_input(source, catalog, &C::PROFILE) {
        Err(error) if error.exit == Exit::Blocked => {
            if let Some(text) = command.without_path(&error, catalog)? {
                Console::print(&text, error.exit);
            }
            return Err(error);
        }
        input => input?,
    };
    // If the snapshot cannot be saved, the result is printed nevertheless.
    let saved = match command.snapshot_file() {
        Some(file) => snapshot::save(&input.snapshot, file).map_err(CliError::could_not_run),
        None => Ok(()),
    };
    for note in &input.notes {
        console.note(note);
    }
    let contexts = fleet::contexts(&input.snapshot, &input.paths, catalog, input.now);
    let fleet = Fleet::evaluate(contexts, rules, &policy);
    let outcome = command.conclude(&fleet, &policy)?;
    for note in &outcome.notes {
        console.note(note);
    }
    let exit = Console::print(&outcome.text, outcome.exit);
    saved.map(|()| exit)
}
