//! Progress of reads on stderr.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use super::eprint_line;
use crate::client::{NoopObserver, ReadObserver};
use crate::report::terminal;
use crate::text::ellipsize;

/// Fits into a line of 80.
const MAX_MESSAGE_CHARS: usize = 50;

/// Columns kept free at the end of the line: a terminal prints `^C` there, and without room it would start another line and
/// leave ours in place.
const RESERVED_COLUMNS: u16 = 4;

/// The terminal on stderr, reported as narrower than it is, because lines are padded to the full width.
#[derive(Debug)]
struct NarrowedTerminal(Term);

impl TermLike for NarrowedTerminal {
    fn width(&self) -> u16 {
        self.0.size().1.saturating_sub(RESERVED_COLUMNS).max(1)
    }

    fn height(&self) -> u16 {
        self.0.size().0
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_up(lines)
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.0.move_cursor_down(lines)
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_right(columns)
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.0.move_cursor_left(columns)
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.0.write_line(line)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.0.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.0.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A line that shows what is being read, with counts.
struct SpinnerObserver {
    bar: ProgressBar,
    /// Resources being read, with the number of objects so far.
    in_progress: Mutex<BTreeMap<String, usize>>,
    /// Whether to hide names.
    redact: bool,
}

impl SpinnerObserver {
    fn update(&self, change: impl FnOnce(&mut BTreeMap<String, usize>)) {
        let mut current = self
            .in_progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        change(&mut current);
        let shown: Vec<String> = current
            .iter()
            .map(|(what, objects)| match objects {
                0 => what.clone(),
                objects => format!("{what}: {objects}"),
            })
            .collect();
        let message = ellipsize(&shown.join(", "), MAX_MESSAGE_CHARS).into_owned();
        self.bar.set_message(message);
    }
}

/// The resource without its selector, which would make the line too long.
fn resource_name(what: &str) -> String {
    terminal::escape_line(what.split(" (").next().unwrap_or(what)).into_owned()
}

impl ReadObserver for SpinnerObserver {
    fn on_planned(&self, requests: usize) {
        // Reads come in rounds.
        self.bar.inc_length(requests as u64);
    }

    fn on_started(&self, what: &str) {
        self.update(|current| {
            current.entry(resource_name(what)).or_default();
        });
    }

    fn on_objects_read(&self, what: &str, objects: usize) {
        self.update(|current| {
            current.insert(resource_name(what), objects);
        });
    }

    fn on_finished(&self, what: &str) {
        self.update(|current| {
            current.remove(&resource_name(what));
        });
        self.bar.inc(1);
    }

    fn on_backoff(&self, failure: &str) {
        self.bar.suspend(|| announce_backoff(failure, self.redact));
    }
}

/// Prints notes about retries only.
struct PlainObserver {
    redact: bool,
}

impl ReadObserver for PlainObserver {
    fn on_started(&self, _what: &str) {}
    fn on_planned(&self, _requests: usize) {}
    fn on_objects_read(&self, _what: &str, _objects: usize) {}
    fn on_finished(&self, _what: &str) {}

    fn on_backoff(&self, failure: &str) {
        announce_backoff(failure, self.redact);
    }
}

fn announce_backoff(failure: &str, redact: bool) {
    // The failure includes the address of the server.
    let failure = match redact {
        true => "the API server is throttled or unavailable",
        false => failure,
    };
    eprint_line(false, &format!("note: {failure}; retrying after a delay"));
}

impl Drop for SpinnerObserver {
    fn drop(&mut self) {
        // Also when Ctrl-C ends the read.
        self.bar.finish_and_clear();
    }
}

/// A spinner if stderr is a terminal, otherwise notes about retries only; nothing with `--quiet`.
pub(super) fn read_observer(quiet: bool, redact: bool) -> Arc<dyn ReadObserver> {
    let is_dumb = std::env::var_os("TERM").is_some_and(|name| name == "dumb");
    if quiet {
        return Arc::new(NoopObserver);
    }
    if is_dumb || !io::stderr().is_terminal() {
        return Arc::new(PlainObserver { redact });
    }
    // Buffered, so that a line is drawn at once.
    let terminal = NarrowedTerminal(Term::buffered_stderr());
    let target = ProgressDrawTarget::term_like_with_hz(Box::new(terminal), 20);
    let bar = ProgressBar::with_draw_target(Some(0), target);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} read; now {msg}") {
        bar.set_style(style);
    }
    bar.set_message("connecting to the API server");
    bar.enable_steady_tick(Duration::from_millis(100));
    Arc::new(SpinnerObserver {
        bar,
        redact,
        in_progress: Mutex::default(),
    })
}
