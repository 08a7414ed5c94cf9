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

/// The line of a run: prints progress on a terminal, notes about retries everywhere.
pub(super) struct RunProgress(Arc<ProgressLine>);

struct ProgressLine {
    console: Console,
    /// `None` if stderr is not a terminal.
    terminal: Option<Term>,
    state: Mutex<ProgressState>,
    /// Whether to hide names.
    redact: bool,
}

/// Reports the reads of one cluster.
struct ProgressObserver {
    line: Arc<ProgressLine>,
    /// The cluster, if there are several.
    cluster: Option<String>,
}

#[derive(Default)]
struct ProgressState {
    /// Clusters of the run, if there are several.
    clusters: usize,
    clusters_done: usize,
    /// By cluster; without several, that without a name.
    reads: BTreeMap<String, ClusterReads>,
}

#[derive(Default)]
struct ClusterReads {
    planned: usize,
    finished: usize,
    /// Resources being read, with the number of objects so far.
    in_progress: BTreeMap<String, usize>,
}

impl ProgressState {
    fn line(&self) -> String {
        if self.clusters > 1 {
            let open = self.reads.iter();
            let open = open
                .map(|(cluster, reads)| format!("{cluster} {}/{}", reads.finished, reads.planned));
            let open = ellipsize(&Vec::from_iter(open).join(", "), MAX_LIST_CHARS).into_owned();
            return format!(
                "{}/{} clusters; now {open}",
                self.clusters_done, self.clusters
            );
        }
        let Some(reads) = self.reads.values().find(|reads| reads.planned > 0) else {
            return "connecting to the API server".to_owned();
        };
        let resources = reads
            .in_progress
            .iter()
            .map(|(what, objects)| match objects {
                0 => what.clone(),
                objects => format!("{what}: {objects}"),
            });
        let resources = Vec::from_iter(resources).join(", ");
        let resources = ellipsize(&resources, MAX_LIST_CHARS);
        format!("{}/{} read; now {resources}", reads.finished, reads.planned)
    }
}

impl RunProgress {
    pub(super) fn new(console: Console, redact: bool) -> Self {
        Self(ProgressLine::begin(console, redact))
    }

    /// How many clusters the run has.
    pub(super) fn clusters(&self, clusters: usize) {
        self.0.update(|state| state.clusters = clusters);
    }

    /// A cluster is done.
    pub(super) fn cluster_done(&self) {
        self.0.update(|state| state.clusters_done += 1);
    }

    /// The observer of a cluster, which has a name if there are several.
    pub(super) fn observer(&self, cluster: Option<String>) -> Arc<dyn ReadObserver> {
        ProgressObserver::of(&self.0, cluster)
    }
}

impl Drop for RunProgress {
    /// Clears the line, also when Ctrl-C ends the read: a request that is still open then may keep the line itself until the
    /// process is gone.
    fn drop(&mut self) {
        self.0.clear();
    }
}

impl ProgressLine {
    fn begin(console: Console, redact: bool) -> Arc<Self> {
        let is_dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
        let has_terminal = !is_dumb && !console.is_quiet && std::io::stderr().is_terminal();
        let line = ProgressLine {
            console,
            // Buffered, so that a line is drawn at once.
            terminal: has_terminal.then(Term::buffered_stderr),
            state: Mutex::default(),
            redact,
        };
        line.update(|_| ());
        Arc::new(line)
    }

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

impl ProgressObserver {
    fn of(line: &Arc<ProgressLine>, cluster: Option<String>) -> Arc<dyn ReadObserver> {
        if line.console.is_quiet {
            return Arc::new(NoopObserver);
        }
        let hidden = line.redact && cluster.is_some();
        Arc::new(Self {
            line: Arc::clone(line),
            cluster: match hidden {
                true => Some("a cluster".to_owned()),
                false => cluster.map(|name| terminal::escape_line(&name).into_owned()),
            },
        })
    }

    fn update(&self, change: impl FnOnce(&mut ClusterReads)) {
        let name = self.cluster.as_deref().unwrap_or_default();
        self.line
            .update(|state| change(state.reads.entry(name.to_owned()).or_default()));
    }
}

/// The resource without its selector, which would make the line too long.
fn resource_name(target: &str) -> String {
    terminal::escape_line(target.split(" (").next().unwrap_or(target)).into_owned()
}

impl ReadObserver for ProgressObserver {
    fn on_planned(&self, requests: usize) {
        // Reads come in rounds.
        self.update(|reads| reads.planned += requests);
    }

    fn on_started(&self, target: &str) {
        self.update(|reads| {
            reads.in_progress.entry(resource_name(target)).or_default();
        });
    }

    fn on_objects_read(&self, target: &str, objects: usize) {
        self.update(|reads| {
            reads.in_progress.insert(resource_name(target), objects);
        });
    }

    fn on_finished(&self, target: &str) {
        self.update(|reads| {
            reads.in_progress.remove(&resource_name(target));
            reads.finished += 1;
        });
    }

    fn on_backoff(&self, failure: &str) {
        // The failure includes the address of the server.
        let failure = match self.line.redact {
            true => "the API server is throttled or unavailable",
            false => failure,
        };
        self.line.clear();
        let cluster = self.cluster.as_ref().map(|cluster| format!("{cluster}: "));
        let cluster = cluster.unwrap_or_default();
        self.line
            .console
            .note(&format!("note: {cluster}{failure}; retrying after a delay"));
    }
}

impl Drop for ProgressObserver {
    /// Its cluster is read. What else is read draws the line; after the end of the run nothing may.
    fn drop(&mut self) {
        let name = self.cluster.as_deref().unwrap_or_default();
        let state = self.line.state.lock();
        let mut state = state.unwrap_or_else(PoisonError::into_inner);
        state.reads.remove(name);
    }
}

impl Drop for ProgressLine {
    /// Clears the line, also when Ctrl-C ends the read.
    fn drop(&mut self) {
        self.clear();
    }
}

/// Progress of one cluster if stderr is a terminal, otherwise notes about retries only; nothing with `--quiet`.
pub(super) fn read_observer(console: Console, redact: bool) -> Arc<dyn ReadObserver> {
    ProgressObserver::of(&ProgressLine::begin(console, redact), None)
}

#[cfg(test)]
mod tests {
    use super::ProgressState;

    #[test]
    fn the_line_counts_and_fits() {
        let mut state = ProgressState::default();
        assert_eq!(state.line(), "connecting to the API server");
        let reads = state.reads.entry(String::new()).or_default();
        (reads.planned, reads.finished) = (12, 3);
        reads.in_progress.insert("nodes".to_owned(), 0);
        reads.in_progress.insert("pods".to_owned(), 1500);
        assert_eq!(state.line(), "3/12 read; now nodes, pods: 1500");
        let reads = state.reads.entry(String::new()).or_default();
        for number in 0..20 {
            reads.in_progress.insert(format!("resource-{number}"), 1);
        }
        assert!(state.line().chars().count() < 76, "{}", state.line());
    }

    #[test]
    fn several_clusters_share_the_line() {
        let mut state = ProgressState {
            clusters: 40,
            clusters_done: 5,
            ..ProgressState::default()
        };
        for name in ["east", "west"] {
            let reads = state.reads.entry(name.to_owned()).or_default();
            (reads.planned, reads.finished) = (12, 3);
        }
        assert_eq!(state.line(), "5/40 clusters; now east 3/12, west 3/12");
        for number in 0..20 {
            state.reads.entry(format!("cluster-{number}")).or_default();
        }
        assert!(state.line().chars().count() < 76, "{}", state.line());
    }
}
