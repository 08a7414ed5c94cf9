//! `--notify`: the terminal rings and shows a notification when somebody should look.

use std::io::{self, IsTerminal, Write};

use crate::report::terminal::escape_truncated;
use crate::watch::{EventKind, WatchEvent};

/// Characters of a notification: what desktops show of one.
const MAX_CHARS: usize = 120;

/// The terminal that is notified; `None` if there is none.
pub(super) struct Notifier {
    is_stdout: bool,
    /// Whether the terminal takes more than a bell.
    takes_text: bool,
}

impl Notifier {
    pub(super) fn new() -> Option<Self> {
        let is_stdout = io::stdout().is_terminal();
        let term = std::env::var("TERM").unwrap_or_default();
        (is_stdout || io::stderr().is_terminal()).then_some(Self {
            is_stdout,
            takes_text: !matches!(&*term, "" | "dumb"),
        })
    }

    /// Notifies of an event, if somebody should look. A terminal that is gone is noticed elsewhere.
    pub(super) fn notify(&self, cluster: &str, event: &WatchEvent) {
        let Some(text) = notification(cluster, event, self.takes_text) else {
            return;
        };
        let _ = match self.is_stdout {
            true => send(&mut io::stdout().lock(), &text),
            false => send(&mut io::stderr().lock(), &text),
        };
    }
}

fn send(terminal: &mut impl Write, text: &str) -> io::Result<()> {
    terminal.write_all(text.as_bytes())?;
    terminal.flush()
}

/// A bell, and OSC 9 with a text that is escaped; neither moves the cursor.
fn notification(cluster: &str, event: &WatchEvent, takes_text: bool) -> Option<String> {
    let what = match event.kind {
        EventKind::Stall => "stalled",
        EventKind::Blocker => "blocked",
        EventKind::Recovered => "recovered",
        EventKind::Finished => "finished",
        EventKind::Failed => "failed",
        EventKind::Picture | EventKind::Progress | EventKind::Outage | EventKind::Back => {
            return None;
        }
    };
    if !takes_text {
        return Some("\u{7}".to_owned());
    }
    let text = match event.message.starts_with(what) {
        true => format!("{cluster}: {}", event.message),
        false => format!("{cluster}: {what}: {}", event.message),
    };
    let text = escape_truncated(&text, MAX_CHARS);
    Some(format!("\u{7}\u{1b}]9;{text}\u{7}"))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::notification;
    use crate::watch::{EventKind, EventScope, Progress, UpgradePhase, WatchEvent};

    fn event(kind: EventKind) -> WatchEvent {
        WatchEvent {
            at: Timestamp::UNIX_EPOCH,
            kind,
            scope: EventScope::Cluster("shop".to_owned()),
            message: "node a\u{7}\u{1b}]52;c;AAAA\u{7} hangs".to_owned(),
            objects: Vec::new(),
            progress: Progress {
                done: 0,
                total: 1,
                phase: UpgradePhase::Nodes,
                started_at: None,
                remaining: None,
            },
            pools: Vec::new(),
            chain: None,
            step: None,
            age_seconds: 0,
        }
    }

    #[test]
    fn a_name_cannot_end_the_notification() {
        let text = notification("shop", &event(EventKind::Stall), true).expect("a notification");
        let inner = text
            .strip_prefix("\u{7}\u{1b}]9;")
            .and_then(|text| text.strip_suffix('\u{7}'));
        assert_eq!(inner, Some("shop: stalled: node a^G^[]52;c;AAAA^G hangs"));
    }

    #[test]
    fn only_what_somebody_should_look_at_rings() {
        assert_eq!(
            notification("shop", &event(EventKind::Progress), true),
            None
        );
        assert_eq!(notification("shop", &event(EventKind::Outage), true), None);
        let bell = notification("shop", &event(EventKind::Finished), false);
        assert_eq!(
            bell.as_deref(),
            Some("\u{7}"),
            "a terminal that would print the text"
        );
    }
}
