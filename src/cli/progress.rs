//! How a long read is getting on, on stderr when that is a terminal.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cluster::{Progress, Silent};

/// Fits into a line of 80 with room for the `^C` that a terminal prints: in a full line it would begin another one.
const LONGEST: usize = 50;

/// A line that shows what is being read and how much of it came.
struct Line {
    bar: ProgressBar,
    /// What is being read now, and how many objects of it came.
    current: Mutex<BTreeMap<String, usize>>,
}

impl Line {
    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, usize>)) {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut current);
        let shown: Vec<String> = current
            .iter()
            .map(|(what, objects)| match objects {
                0 => what.clone(),
                objects => format!("{what}: {objects}"),
            })
            .collect();
        let mut shown = shown.join(", ");
        if let Some((end, _)) = shown.char_indices().nth(LONGEST) {
            shown.truncate(end);
            shown.push('…');
        }
        self.bar.set_message(shown);
    }
}

/// The resource alone: selectors make the line too long.
fn name(what: &str) -> String {
    what.split(" (").next().unwrap_or(what).to_owned()
}

impl Progress for Line {
    fn planned(&self, requests: usize) {
        // Reads come in rounds.
        self.bar.inc_length(requests as u64);
    }

    fn begun(&self, what: &str) {
        self.change(|current| {
            current.entry(name(what)).or_default();
        });
    }

    fn read(&self, what: &str, objects: usize) {
        self.change(|current| {
            current.insert(name(what), objects);
        });
    }

    fn done(&self, what: &str) {
        self.change(|current| {
            current.remove(&name(what));
        });
        self.bar.inc(1);
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Takes the line away and restores the cursor, also when Ctrl-C ends the read.
        self.bar.finish_and_clear();
    }
}

/// Progress where somebody sees it, silence elsewhere.
pub(super) fn progress(quiet: bool) -> Arc<dyn Progress> {
    if quiet || !std::io::stderr().is_terminal() {
        return Arc::new(Silent);
    }
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} read; now {msg}") {
        bar.set_style(style);
    }
    bar.set_message("asking the API server");
    bar.enable_steady_tick(Duration::from_millis(100));
    Arc::new(Line {
        bar,
        current: Mutex::default(),
    })
}
