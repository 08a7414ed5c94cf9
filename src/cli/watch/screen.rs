//! The live view of a watch on a terminal.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::keys::{KeyAction, read_keys};
use super::model::live_view;
use super::suspend;
use crate::api::v1::UpgradeEvent;
use crate::cli::args::OutputArgs;
use crate::cli::color::wants_color;
use crate::cli::console::Console;
use crate::cli::exit::Exit;
use crate::cli::terminal::{self, ViewTerminal};
use crate::report::{LiveView, LiveViewState, draw_live_view, live_view_text};
use crate::watch::UpgradeWatch;

/// Events that are kept.
const MAX_EVENTS: usize = 200;
/// The shortest time between two drawings: faster changes cannot be read.
const MIN_INTERVAL: Duration = Duration::from_millis(100);

/// The view, the terminal that it is on, and what the reader has chosen to see.
pub(super) struct Screen {
    terminal: ViewTerminal,
    keys: Option<mpsc::UnboundedReceiver<KeyAction>>,
    output: OutputArgs,
    is_colored: bool,
    events: VecDeque<UpgradeEvent>,
    stall: Option<UpgradeEvent>,
    state: LiveViewState,
    /// The latest state.
    latest: Option<LiveView>,
    /// The state that is shown while the view is paused.
    frozen: Option<LiveView>,
    last: Option<Instant>,
}

impl Screen {
    /// `None` if stdout is not a terminal that can be redrawn.
    pub(super) fn new(output: OutputArgs) -> Option<Self> {
        let env = |name: &str| std::env::var(name).ok();
        let term = env("TERM").unwrap_or_default();
        let is_dumb = cfg!(unix) && matches!(&*term, "" | "dumb");
        if !io::stdout().is_terminal() || is_dumb {
            return None;
        }
        let reads_keys = io::stdin().is_terminal();
        let terminal = ViewTerminal::open(reads_keys).ok()?;
        suspend::give_terminal_back_when_stopped();
        Some(Self {
            terminal,
            keys: reads_keys.then(read_keys),
            output,
            is_colored: wants_color(output.color, &env, true),
            events: VecDeque::new(),
            stall: None,
            state: LiveViewState {
                has_keys: reads_keys,
                ..LiveViewState::default()
            },
            latest: None,
            frozen: None,
            last: None,
        })
    }

    /// Adds an event, to be shown with the next drawing.
    pub(super) fn add(&mut self, event: UpgradeEvent, is_stalled: bool) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        if !is_stalled {
            self.stall = None;
        } else if !event.chain.is_empty() || self.stall.is_none() {
            self.stall = Some(event.clone());
        }
        self.events.push_back(event);
    }

    /// Draws the state, unless it was drawn just before.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub(super) fn draw(
        &mut self,
        watch: &UpgradeWatch<'_>,
        now: Timestamp,
        is_last: bool,
    ) -> io::Result<()> {
        let is_soon = self.last.is_some_and(|last| last.elapsed() < MIN_INTERVAL);
        if is_soon && !is_last {
            return Ok(());
        }
        let events = self.events.iter().cloned().collect();
        let Some(view) = live_view(watch, now, self.stall.as_ref(), events) else {
            return Ok(());
        };
        self.latest = Some(view);
        self.last = Some(Instant::now());
        self.redraw()
    }

    fn redraw(&mut self) -> io::Result<()> {
        let shown = self.frozen.as_ref().or(self.latest.as_ref());
        let Some(view) = shown else {
            return Ok(());
        };
        let mut view = view.clone();
        view.notes = terminal::kept();
        let (state, is_colored) = (self.state, self.is_colored);
        let mut scroll = state.scroll;
        self.terminal
            .draw(|frame| scroll = draw_live_view(frame, &view, state, is_colored))?;
        self.state.scroll = scroll;
        Ok(())
    }

    /// Waits for a key; for ever if none are read.
    pub(super) async fn next_key(&mut self) -> KeyAction {
        if let Some(keys) = &mut self.keys {
            if let Some(key) = keys.recv().await {
                return key;
            }
            // The terminal is gone.
            self.keys = None;
        }
        std::future::pending().await
    }

    /// A key that was pressed; `None` if there is none.
    pub(super) fn pressed_key(&mut self) -> Option<KeyAction> {
        self.keys.as_mut()?.try_recv().ok()
    }

    /// Does what a key asks for. Returns the exit code if it ends the watch.
    ///
    /// # Errors
    /// If the terminal is gone.
    pub(super) fn act(&mut self, key: KeyAction) -> io::Result<Option<Exit>> {
        let state = &mut self.state;
        match key {
            KeyAction::Quit => return Ok(Some(Exit::Interrupted)),
            KeyAction::Suspend => suspend::stop(),
            KeyAction::Pause => {
                state.is_paused = !state.is_paused;
                self.frozen = self.latest.clone().filter(|_| state.is_paused);
            }
            KeyAction::Fold => state.is_folded = !state.is_folded,
            KeyAction::Help => {
                state.shows_help = !state.shows_help;
                state.scroll = 0;
            }
            KeyAction::Scroll(lines) => state.scroll = state.scroll.saturating_add_signed(lines),
            KeyAction::Page(pages) => {
                let rows = terminal_size::terminal_size().map_or(24, |(_, rows)| rows.0);
                let lines = pages * isize::try_from(rows / 2).unwrap_or(1);
                state.scroll = state.scroll.saturating_add_signed(lines);
            }
            KeyAction::Redraw => {}
            KeyAction::Repaint => terminal::repaint(),
        }
        self.redraw()?;
        Ok(None)
    }
}

impl Drop for Screen {
    /// However the watch ends: the latest state stays as text, and what was kept for stderr follows it.
    fn drop(&mut self) {
        terminal::close();
        if std::thread::panicking() {
            return;
        }
        if let Some(view) = &self.latest {
            let look = Console::render_options(self.output);
            Console::print(&live_view_text(view, &look), Exit::Success);
        }
    }
}
