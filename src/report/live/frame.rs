//! The lines as a frame, or as text.

use ratatui::Frame;
use ratatui::layout::Rect;

use super::line::{Tone, ToneLine, wrapped};
use super::sections;
use super::{LiveView, LiveViewState, MIN_COLUMNS};
use crate::report::options::RenderOptions;

/// Events in the text that stays.
const LAST_EVENTS: usize = 10;
/// The width of the text that stays where the terminal has none.
const DEFAULT_COLUMNS: usize = 100;

/// The keys, for the last line and for the help.
const KEYS: [(&str, &str, &str); 6] = [
    (
        "q",
        "quit",
        "end the watch, as Ctrl-C does; the upgrade goes on",
    ),
    ("p", "pause", "freeze the view; the watch goes on"),
    (
        "f",
        "fold",
        "show all pools, nodes, chains and notes, or fold them",
    ),
    ("↑↓", "scroll", "scroll by a line, also with j and k"),
    (
        "PgUp PgDn",
        "",
        "scroll by a screen; Home and End go to the ends",
    ),
    ("?", "help", "show or hide this help"),
];

/// Draws the view. Returns the first line that is shown: where there are fewer lines than `state` scrolls by, the last ones
/// are.
pub fn draw_live_view(
    frame: &mut Frame<'_>,
    view: &LiveView,
    state: LiveViewState,
    is_colored: bool,
) -> usize {
    let area = frame.area();
    let (width, height) = (usize::from(area.width), usize::from(area.height));
    if area.width < MIN_COLUMNS {
        let text = format!(
            "The live view needs {MIN_COLUMNS} columns, and this terminal has {width}. The watch goes on; make the terminal wider, or use --plain."
        );
        draw(
            frame,
            &wrapped(Tone::Warning, &text, width, ["", ""]),
            0,
            is_colored,
        );
        return state.scroll;
    }
    let mut heading = sections::heading(view, width);
    if state.is_paused {
        let time = view.picture.time.get(11..19).unwrap_or_default();
        let text = format!("Paused: the state of {time}Z; the watch goes on, p resumes the view");
        heading.extend(wrapped(Tone::Warning, &text, width, ["", ""]));
    }
    heading.push(ToneLine::default());
    heading.truncate(height);
    // With a line between.
    let footer = match height.saturating_sub(heading.len()) {
        ..2 => 0,
        2..6 => 1,
        _ => 2,
    };
    let room = height - heading.len() - footer;
    let body = match state.shows_help {
        true => help(width),
        false => sections::body(view, state.is_folded, width, Some(room)),
    };
    let scroll = state.scroll.min(body.len().saturating_sub(room));
    let shown = &body[scroll..body.len().min(scroll + room)];
    draw(frame, &heading, 0, is_colored);
    draw(frame, shown, heading.len(), is_colored);
    if footer > 0 {
        let below = body.len() - scroll - shown.len();
        let line = footer_line(state, scroll, below).cut(width);
        draw(frame, &[line], height - 1, is_colored);
    }
    scroll
}

/// The whole view as the text that stays on the terminal, with a line break at the end.
#[must_use]
pub fn live_view_text(view: &LiveView, look: &RenderOptions) -> String {
    let width = look.width.unwrap_or(DEFAULT_COLUMNS);
    let mut view = view.clone();
    let first = view.events.len().saturating_sub(LAST_EVENTS);
    view.events.drain(..first);
    // They are printed where notes are.
    view.notes.clear();
    let mut lines = sections::heading(&view, width);
    lines.push(ToneLine::default());
    lines.extend(sections::body(&view, true, width, None));
    let lines = lines.into_iter().map(|line| {
        let text = line.to_text(&look.styles);
        text.trim_end().to_owned() + "\n"
    });
    lines.collect()
}

fn draw(frame: &mut Frame<'_>, lines: &[ToneLine], top: usize, is_colored: bool) {
    let area = frame.area();
    for (row, line) in (top..usize::from(area.height)).zip(lines) {
        let Ok(row) = u16::try_from(row) else {
            return;
        };
        let row = Rect::new(area.x, area.y + row, area.width, 1);
        frame.render_widget(line.to_frame(is_colored), row);
    }
}

fn footer_line(state: LiveViewState, above: usize, below: usize) -> ToneLine {
    let mut text = String::new();
    if state.has_keys {
        let keys = KEYS.iter().filter(|(_, word, _)| !word.is_empty());
        let keys: Vec<String> = keys.map(|(key, word, _)| format!("{key} {word}")).collect();
        text = keys.join("  ");
    }
    match (above, below) {
        (0, 0) => {}
        (0, below) => text += &format!("   ↓ {below}"),
        (above, 0) => text += &format!("   ↑ {above}"),
        (above, below) => text += &format!("   ↑ {above} ↓ {below}"),
    }
    ToneLine::new(Tone::Muted, text)
}

fn help(width: usize) -> Vec<ToneLine> {
    let mut lines = vec![ToneLine::new(Tone::Heading, "KEYS")];
    for (key, _, what) in KEYS {
        lines.extend(wrapped(
            Tone::Plain,
            what,
            width,
            [&format!("{key:<12}"), &" ".repeat(12)],
        ));
    }
    lines.push(ToneLine::default());
    let bars = "In bars, █ is done, ▒ runs the new version and is not ready yet, and ░ is left. A line that begins with ! must not be missed.";
    lines.extend(wrapped(Tone::Plain, bars, width, ["", ""]));
    lines
}
