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
use ratatui::layout::{Position, Rect};
use ratatui::{Frame, Terminal};

/// Lines for stderr that are kept.
const MAX_KEPT: usize = 500;

/// No view has the terminal.
const CLOSED: u8 = 0;
/// A view has it.
const OPEN: u8 = 1;
/// A view has lent it to whoever stops the process.
const LENT: u8 = 2;

/// Who has the terminal.
static OWNER: AtomicU8 = AtomicU8::new(CLOSED);
/// Whether keys are read one by one.
static READS_KEYS: AtomicBool = AtomicBool::new(false);
/// Held while a frame is drawn, and while the terminal is lent or taken back.
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
        READS_KEYS.store(reads_keys, Ordering::Release);
        enter()?;
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
        if OWNER.load(Ordering::Acquire) != OPEN {
            return Ok(());
        }
        if IS_STALE.swap(false, Ordering::AcqRel) {
            // Not `clear`: that asks the terminal for the cursor, and the answer looks like a key.
            let size = self.terminal.size()?;
            self.terminal.resize(Rect::from((Position::ORIGIN, size)))?;
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

fn enter() -> io::Result<()> {
    if READS_KEYS.load(Ordering::Acquire) {
        enable_raw_mode()?;
    }
    OWNER.store(OPEN, Ordering::Release);
    execute!(stdout(), EnterAlternateScreen, Hide)
}

/// Makes the terminal what it was. What cannot be written to it any more does not matter.
fn leave() {
    let _ = execute!(stdout(), EndSynchronizedUpdate, LeaveAlternateScreen, Show);
    if READS_KEYS.load(Ordering::Acquire) {
        let _ = disable_raw_mode();
    }
}

/// Gives the terminal back, if a view has it.
pub(super) fn close() {
    if OWNER.swap(CLOSED, Ordering::AcqRel) == OPEN {
        leave();
    }
}

/// Gives the terminal back, if a view has it, and prints what was kept for stderr.
pub(super) fn restore() {
    close();
    let (lines, dropped) = {
        let mut kept = lock(&KEPT);
        kept.is_on = false;
        let lines = std::mem::take(&mut kept.lines);
        (lines, std::mem::take(&mut kept.dropped))
    };
    let mut stderr = io::stderr();
    if dropped > 0 {
        let _ = writeln!(stderr, "note: {dropped} earlier lines were left out");
    }
    for line in lines {
        let _ = writeln!(stderr, "{line}");
    }
}

/// Makes the next frame write everything: something else may have written to the terminal.
pub(super) fn repaint() {
    IS_STALE.store(true, Ordering::Release);
}

/// Lends the terminal of a view to the shell.
#[cfg(unix)]
pub(super) fn lend() {
    let _drawing = lock(&DRAWING);
    let lent = OWNER.compare_exchange(OPEN, LENT, Ordering::AcqRel, Ordering::Acquire);
    if lent.is_ok() {
        leave();
    }
}

/// Takes the terminal back that was lent, unless the view was closed meanwhile.
#[cfg(unix)]
pub(super) fn take_back() {
    let _drawing = lock(&DRAWING);
    if OWNER.load(Ordering::Acquire) == LENT && enter().is_ok() {
        repaint();
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

#[cfg(all(test, unix))]
mod tests {
    use std::io::{IsTerminal, Read, stdout};
    use std::os::fd::AsFd;
    use std::process::Command;

    use super::ViewTerminal;

    /// What the other process prints before its view is open.
    const READY: &str = "about to panic";

    /// Panics while a view is open if this process runs on a terminal: the test below starts it there.
    #[test]
    fn panic_with_a_view() {
        if std::env::var_os("PANIC_WITH_A_VIEW").is_some() && stdout().is_terminal() {
            let view = ViewTerminal::open(true);
            super::keep(READY);
            assert!(view.is_err(), "a panic with a view");
        }
    }

    #[test]
    fn a_panic_restores_the_terminal() {
        let (pty, pts) = pty_process::blocking::open().expect("a terminal");
        let size = pty_process::Size::new(24, 80);
        pty.resize(size).expect("a size");
        let settings = || {
            let terminal = pty.as_fd().try_clone_to_owned().expect("a terminal");
            let output = Command::new("stty").arg("-a").stdin(terminal).output();
            String::from_utf8(output.expect("stty").stdout).expect("UTF-8")
        };
        let before = settings();
        let program = std::env::current_exe().expect("this program");
        let mut command = Command::new(program);
        command.args([
            "--exact",
            "cli::terminal::tests::panic_with_a_view",
            "--nocapture",
        ]);
        command
            .env("PANIC_WITH_A_VIEW", "1")
            .env("TERM", "xterm")
            .env("RUST_BACKTRACE", "0");
        let command = pty_process::blocking::Command::from(command);
        let mut child = command.spawn(pts).expect("it starts");
        let (mut written, mut bytes) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = (&pty).read(&mut bytes) {
            written.extend(&bytes[..count]);
        }
        let status = child.wait().expect("a status");
        assert!(!status.success(), "it has panicked");
        let mut screen = vt100::Parser::new(24, 80, 0);
        screen.process(&written);
        let screen = screen.screen();
        assert!(!screen.hide_cursor() && !screen.alternate_screen());
        let shown = screen.contents();
        assert!(
            shown.contains("a panic with a view"),
            "the message is on the normal screen: {shown}"
        );
        assert!(shown.contains(READY), "and what was kept: {shown}");
        assert!(
            String::from_utf8_lossy(&written).contains("\u{1b}[?1049h"),
            "there was a view"
        );
        assert_eq!(settings(), before);
    }
}
