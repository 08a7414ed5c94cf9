//! Progress of reads on stderr.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use console::Term;

use super::console::Console;
use crate::client::{NoopObserver, ReadObserver};
use crate::report::terminal;
use crate::text::{ellipsize, truncate};

/// Maximum length of the list of resources: the line fits into 80 columns.
const MAX_LIST_CHARS: usize = 50;

/// Columns kept free at the end of the line: a terminal prints `^C` there, and without room it would start another line and
/// leave ours in place.
const RESERVED_COLUMNS: usize = 4;

/// Prints progress on a terminal, notes about retries everywhere.
struct ProgressObserver {
    console: Console,
    /// `None` if stderr is not a terminal.
    terminal: Option<Term>,
    state: Mutex<ProgressState>,
    /// Whether to hide names.
    redact: bool,
}

#[derive(Default)]
struct ProgressState {
    planned: usize,
    finished: usize,
    /// Resources being read, with the number of objects so far.
    in_progress: BTreeMap<String, usize>,
}

impl ProgressState {
    fn line(&self) -> String {
        if self.planned == 0 {
            return "connecting to the API server".to_owned();
        }
        let resources = self
            .in_progress
            .iter()
            .map(|(what, objects)| match objects {
                0 => what.clone(),
                objects => format!("{what}: {objects}"),
            });
        let resources = Vec::from_iter(resources).join(", ");
        let resources = ellipsize(&resources, MAX_LIST_CHARS);
        format!("{}/{} read; now {resources}", self.finished, self.planned)
    }
}

impl ProgressObserver {
    /// Changes the state and draws it; without a terminal there is nothing to do.
    fn update(&self, change: impl FnOnce(&mut ProgressState)) {
        let Some(terminal) = &self.terminal else {
            return;
        };
        // Locked while drawing, so that lines do not mix.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let columns = usize::from(terminal.size().1).saturating_sub(RESERVED_COLUMNS);
        let _ = terminal.clear_line();
        let _ = terminal.write_str(truncate(&state.line(), columns));
        let _ = terminal.flush();
    }

    fn clear(&self) {
        if let Some(terminal) = &self.terminal {
            let _ = terminal.clear_line();
            let _ = terminal.flush();
        }
    }
}

/// The resource without its selector, which would make the line too long.
fn resource_name(target: &str) -> String {
    terminal::escape_line(target.split(" (").next().unwrap_or(target)).into_owned()
}

impl ReadObserver for ProgressObserver {
    fn on_planned(&self, requests: usize) {
        // Reads come in rounds.
        self.update(|state| state.planned += requests);
    }

    fn on_started(&self, target: &str) {
        self.update(|state| {
            state.in_progress.entry(resource_name(target)).or_default();
        });
    }

    fn on_objects_read(&self, target: &str, objects: usize) {
        self.update(|state| {
            state.in_progress.insert(resource_name(target), objects);
        });
    }

    fn on_finished(&self, target: &str) {
        self.update(|state| {
            state.in_progress.remove(&resource_name(target));
            state.finished += 1;
        });
    }

    fn on_backoff(&self, failure: &str) {
        // The failure includes the address of the server.
        let failure = match self.redact {
            true => "the API server is throttled or unavailable",
            false => failure,
        };
        self.clear();
        self.console
            .note(&format!("note: {failure}; retrying after a delay"));
    }
}

impl Drop for ProgressObserver {
    /// Clears the line, also when Ctrl-C ends the read.
    fn drop(&mut self) {
        self.clear();
    }
}

/// Progress if stderr is a terminal, otherwise notes about retries only; nothing with `--quiet`.
pub(super) fn read_observer(console: Console, redact: bool) -> Arc<dyn ReadObserver> {
    if console.is_quiet {
        return Arc::new(NoopObserver);
    }
    let is_dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
    let has_terminal = !is_dumb && std::io::stderr().is_terminal();
    let observer = ProgressObserver {
        console,
        // Buffered, so that a line is drawn at once.
        terminal: has_terminal.then(Term::buffered_stderr),
        state: Mutex::default(),
        redact,
    };
    observer.update(|_| ());
    Arc::new(observer)
}

#[cfg(test)]
mod tests {
    use super::ProgressState;

    #[test]
    fn the_line_counts_and_fits() {
        let mut state = ProgressState::default();
        assert_eq!(state.line(), "connecting to the API server");
        state.planned = 12;
        state.finished = 3;
        state.in_progress.insert("nodes".to_owned(), 0);
        state.in_progress.insert("pods".to_owned(), 1500);
        assert_eq!(state.line(), "3/12 read; now nodes, pods: 1500");
        for number in 0..20 {
            state.in_progress.insert(format!("resource-{number}"), 1);
        }
        assert!(state.line().chars().count() < 76, "{}", state.line());
    }
}
