//! The terminal while a view owns it: the other screen, keys instead of lines, and one place for whatever else is printed.
//!
//! Exactly one view at a time. It gives the terminal back when it is closed, on a panic and before the process is stopped;
//! until then what goes to stderr is kept, shown in the view, and printed when the terminal is back.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Stdout, Write, stdout};
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{execute, queue};
use ratatui::{Frame, Terminal};

/// Lines for stderr that are kept.
const MAX_KEPT: usize = 500;

const CLOSED: u8 = 0;
const OPEN: u8 = 1;
/// Open, and keys are read one by one.
const OPEN_RAW: u8 = 2;

/// Who has the terminal.
static OWNER: AtomicU8 = AtomicU8::new(CLOSED);
/// Held while a frame is drawn, and while the process is stopped.
static DRAWING: Mutex<()> = Mutex::new(());
/// Whether something else was on the terminal since the last frame.
static IS_STALE: AtomicBool = AtomicBool::new(false);
static KEPT: Mutex<Kept> = Mutex::new(Kept {
    is_on: false,
    lines: VecDeque::new(),
    dropped: 0,
});

struct Kept {
    is_on: bool,
    lines: VecDeque<String>,
    dropped: usize,
}

/// The terminal of a view.
pub(super) struct ViewTerminal {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl ViewTerminal {
    /// Takes the terminal.
    ///
    /// # Errors
    /// If the terminal cannot do that.
    pub(super) fn open(reads_keys: bool) -> io::Result<Self> {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let before = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                restore();
                before(info);
            }));
        });
        // Where stderr goes elsewhere, it disturbs nobody.
        lock(&KEPT).is_on = io::stderr().is_terminal();
        enter(reads_keys)?;
        Ok(Self {
            terminal: Terminal::new(CrosstermBackend::new(stdout()))?,
        })
    }

    /// Draws a frame: only what differs from the last one is written, and the terminal shows it at once.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        let _drawing = lock(&DRAWING);
        if OWNER.load(Ordering::Acquire) == CLOSED {
            return Ok(());
        }
        if IS_STALE.swap(false, Ordering::AcqRel) {
            self.terminal.clear()?;
        }
        queue!(stdout(), BeginSynchronizedUpdate)?;
        let drawn = self.terminal.draw(render).map(|_| ());
        execute!(stdout(), EndSynchronizedUpdate)?;
        drawn
    }
}

impl Drop for ViewTerminal {
    fn drop(&mut self) {
        restore();
    }
}

fn enter(reads_keys: bool) -> io::Result<()> {
    if reads_keys {
        enable_raw_mode()?;
    }
    OWNER.store(if reads_keys { OPEN_RAW } else { OPEN }, Ordering::Release);
    execute!(stdout(), EnterAlternateScreen, Hide)
}

/// Gives the terminal back, if a view has it. Returns who had it.
fn leave() -> u8 {
    let owner = OWNER.swap(CLOSED, Ordering::AcqRel);
    if owner != CLOSED {
        let _ = execute!(stdout(), EndSynchronizedUpdate, LeaveAlternateScreen, Show);
    }
    if owner == OPEN_RAW {
        let _ = disable_raw_mode();
    }
    owner
}

/// Gives the terminal back, if a view has it, and prints what was kept for stderr.
pub(super) fn restore() {
    leave();
    let (lines, dropped) = {
        let mut kept = lock(&KEPT);
        kept.is_on = false;
        (
            std::mem::take(&mut kept.lines),
            std::mem::take(&mut kept.dropped),
        )
    };
    let mut stderr = io::stderr();
    if dropped > 0 {
        let _ = writeln!(stderr, "note: {dropped} earlier lines were left out");
    }
    for line in lines {
        let _ = writeln!(stderr, "{line}");
    }
}

/// Lends the terminal to `other`, such as the shell while the process is stopped.
#[cfg(unix)]
pub(super) fn lend(other: impl FnOnce()) {
    let _drawing = lock(&DRAWING);
    let owner = leave();
    other();
    if owner != CLOSED && enter(owner == OPEN_RAW).is_ok() {
        IS_STALE.store(true, Ordering::Release);
    }
}

/// Keeps a line for stderr while a view has the terminal. Returns whether it did.
pub(super) fn keep(line: &str) -> bool {
    let mut kept = lock(&KEPT);
    if !kept.is_on {
        return false;
    }
    if kept.lines.len() == MAX_KEPT {
        kept.lines.pop_front();
        kept.dropped += 1;
    }
    kept.lines.push_back(line.to_owned());
    true
}

/// The lines that are kept, the oldest first.
pub(super) fn kept() -> Vec<String> {
    lock(&KEPT).lines.iter().cloned().collect()
}

/// Also after a panic elsewhere: a terminal that is not restored is worse than what a lock protects.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
