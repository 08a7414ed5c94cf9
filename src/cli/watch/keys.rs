//! The keys of the live view.

use std::thread;
use std::time::Duration;

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tokio::sync::mpsc;

/// How long to wait for a key before looking whether anybody wants one.
const WAIT: Duration = Duration::from_millis(200);

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyAction {
    /// To end the watch.
    Quit,
    /// To stop the process.
    Suspend,
    /// To freeze the view, or to go on.
    Pause,
    /// To fold long sections, or to unfold them.
    Fold,
    /// To show or hide the help.
    Help,
    /// To go up or down by a number of lines.
    Scroll(isize),
    /// To go up or down by a number of screens.
    Page(isize),
    /// To draw it: the terminal has another size.
    Redraw,
    /// To write it whole: something else wrote to the terminal.
    Repaint,
}

/// Reads keys on a thread of their own until the receiver is gone.
pub(super) fn read_keys() -> mpsc::UnboundedReceiver<KeyAction> {
    let (sender, receiver) = mpsc::unbounded_channel();
    // Not joined: it ends with the process, or soon after the receiver.
    thread::spawn(move || {
        while !sender.is_closed() {
            match event::poll(WAIT).and_then(|is_there| is_there.then(event::read).transpose()) {
                Ok(Some(event)) => {
                    if let Some(action) = action(&event) {
                        let _ = sender.send(action);
                    }
                }
                Ok(None) => {}
                // The terminal is gone.
                Err(_) => return,
            }
        }
    });
    receiver
}

fn action(event: &Event) -> Option<KeyAction> {
    match event {
        Event::Resize(..) => Some(KeyAction::Redraw),
        Event::Key(key) if key.kind != KeyEventKind::Release => key_action(*key),
        _ => None,
    }
}

fn key_action(key: KeyEvent) -> Option<KeyAction> {
    let has_control = key.modifiers.contains(KeyModifiers::CONTROL);
    Some(match key.code {
        KeyCode::Char('c') if has_control => KeyAction::Quit,
        KeyCode::Char('z') if has_control => KeyAction::Suspend,
        KeyCode::Char('l') if has_control => KeyAction::Repaint,
        _ if has_control => return None,
        KeyCode::Char('q') => KeyAction::Quit,
        KeyCode::Char('p' | ' ') => KeyAction::Pause,
        KeyCode::Char('f') | KeyCode::Enter => KeyAction::Fold,
        KeyCode::Char('?' | 'h') => KeyAction::Help,
        KeyCode::Up | KeyCode::Char('k') => KeyAction::Scroll(-1),
        KeyCode::Down | KeyCode::Char('j') => KeyAction::Scroll(1),
        KeyCode::PageUp => KeyAction::Page(-1),
        KeyCode::PageDown => KeyAction::Page(1),
        KeyCode::Home => KeyAction::Scroll(isize::MIN),
        KeyCode::End => KeyAction::Scroll(isize::MAX),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

    use super::{KeyAction, action};

    #[test]
    fn keys_ask_for_what_the_help_says() {
        let control = |letter| KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL);
        let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
        for (key, expected) in [
            (control('c'), Some(KeyAction::Quit)),
            (plain(KeyCode::Char('q')), Some(KeyAction::Quit)),
            (control('q'), None),
            (control('z'), Some(KeyAction::Suspend)),
            (plain(KeyCode::Char('z')), None),
            (plain(KeyCode::Char('j')), Some(KeyAction::Scroll(1))),
            (plain(KeyCode::PageUp), Some(KeyAction::Page(-1))),
        ] {
            assert_eq!(action(&Event::Key(key)), expected, "{key:?}");
        }
    }
}
