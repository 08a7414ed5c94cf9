//! What every command over clusters does, from flags to its result: read, evaluate, conclude, print.

use super::console::Console;
use super::evaluation::{ClusterCommand, Evaluated, Run, RunInfo};
use super::exit::{CliError, Exit};
use super::live;
use super::log::init_logging;
use crate::catalog::Catalog;
use crate::rules;
use crate::snapshot;

/// Runs a command.
pub(super) fn run<C: ClusterCommand>(
    command: &C,
    catalog: &'static Catalog,
) -> Result<Exit, CliError> {
    let flags = command.source();
    let console = Console::new(&flags.log);
    let policy = &command.policy()?;
    let rules = rules::rules().map_err(CliError::could_not_run)?;
    init_logging(&flags.log, flags.read.redact);
    let run = Run {
        command,
        flags,
        catalog,
        policy,
        rules,
    };
    let evaluated = match execute(&run) {
        Err(error) if error.exit == Exit::Blocked => {
            if let Some(text) = command.without_path(&error, catalog)? {
                Console::print(&text, error.exit);
            }
            return Err(error);
        }
        evaluated => evaluated?,
    };
    // If the snapshot cannot be saved, the result is printed nevertheless.
    let saved = match command.snapshot_file().zip(evaluated.snapshot) {
        Some((file, snapshot)) => snapshot::save(&snapshot, file).map_err(CliError::could_not_run),
        None => Ok(()),
    };
    for note in &evaluated.notes {
        console.note(note);
    }
    let now = evaluated.now;
    let info = RunInfo {
        policy,
        catalog,
        now,
    };
    let outcome = command.conclude(&evaluated.fleet, &info)?;
    for note in &outcome.notes {
        console.note(note);
    }
    let exit = Console::print(&outcome.text, outcome.exit);
    saved.map(|()| exit)
}

fn execute<'a, C: ClusterCommand>(run: &'a Run<'a, C>) -> Result<Evaluated<C::Part>, CliError> {
    let offline = &run.flags.offline;
    if offline.local {
        run.evaluate_files()
    } else if let Some(file) = &offline.snapshot {
        run.evaluate_snapshot(file)
    } else {
        live::evaluate_clusters(run)
    }
}
