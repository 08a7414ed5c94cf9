//! What every command over clusters does, from flags to its result: read, evaluate, conclude, print.

use std::path::Path;

use super::console::Console;
use super::evaluation::{ClusterCommand, Evaluated, Run, RunInfo};
use super::exit::{CliError, Exit};
use super::live;
use super::log::init_logging;
use crate::catalog::Catalog;
use crate::rules;
use crate::snapshot;
use crate::snapshot::{ClusterSnapshot, Snapshot};
use crate::text::pluralize;

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
        Some((file, snapshot)) => snapshot::save(&snapshot, file)
            .map(|()| console.note(&saved_note(file, &snapshot)))
            .map_err(CliError::could_not_run),
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

/// `saved shop.snapshot (17 kB, 344 objects)`.
fn saved_note(file: &Path, snapshot: &Snapshot) -> String {
    let in_clusters = snapshot.clusters.iter().map(ClusterSnapshot::objects_read);
    let objects = in_clusters.sum::<usize>() + snapshot.files.objects_read();
    let bytes = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    let size = match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    };
    format!(
        "saved {} ({size}, {})",
        file.display(),
        pluralize(objects, "object")
    )
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
