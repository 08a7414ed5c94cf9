//! The live view of `upgrade-watch` on a terminal, and the terminal after it.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use pty_process::blocking::Pty;

use crate::watch::{PROGRAM, recording};

/// A watch on a terminal of its own.
struct OnTerminal {
    child: Child,
    pty: Arc<Pty>,
    screen: Arc<Mutex<vt100::Parser>>,
    /// Whatever was written to it.
    written: Arc<Mutex<Vec<u8>>>,
    watching: Option<JoinHandle<()>>,
    _folder: tempfile::TempDir,
}

impl OnTerminal {
    /// Replays the recording with these flags on a terminal of this name and width.
    fn new(term: &str, columns: u16, flags: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = recording(folder.path());
        let (pty, pts) = pty_process::blocking::open().expect("a terminal");
        pty.resize(pty_process::Size::new(24, columns))
            .expect("a size");
        let mut command = Command::new(PROGRAM);
        command
            .env_clear()
            .env("TERM", term)
            .arg("--replay")
            .arg(&file)
            .args(flags);
        let child = pty_process::blocking::Command::from(command).spawn(pts);
        let pty = Arc::new(pty);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(24, columns, 200)));
        let written = Arc::new(Mutex::new(Vec::new()));
        let (from, onto, all) = (Arc::clone(&pty), Arc::clone(&screen), Arc::clone(&written));
        let watching = thread::spawn(move || {
            let mut bytes = [0; 4096];
            // An error is the end: nobody holds the other side any more.
            while let Ok(count @ 1..) = (&*from).read(&mut bytes) {
                all.lock().expect("no panic").extend(&bytes[..count]);
                onto.lock().expect("no panic").process(&bytes[..count]);
            }
        });
        Self {
            child: child.expect("it starts"),
            pty,
            screen,
            written,
            watching: Some(watching),
            _folder: folder,
        }
    }

    fn shown(&self) -> String {
        self.screen.lock().expect("no panic").screen().contents()
    }

    fn is_other_screen(&self) -> bool {
        self.screen
            .lock()
            .expect("no panic")
            .screen()
            .alternate_screen()
    }

    fn eventually(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is_so(self) {
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "{what}: {}",
                self.shown()
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// What `stty` says of the terminal.
    fn settings(&self) -> String {
        let terminal = self.pty.as_fd().try_clone_to_owned().expect("a terminal");
        let output = Command::new("stty").arg("-a").stdin(terminal).output();
        String::from_utf8(output.expect("stty").stdout).expect("UTF-8")
    }

    fn press(&self, keys: &[u8]) {
        (&*self.pty).write_all(keys).expect("a key");
    }

    fn kill(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &pid]).status();
        assert!(status.is_ok_and(|status| status.success()));
    }

    /// Waits for the end, and checks that the terminal is as it was. Returns the exit code and what is shown.
    fn end(&mut self) -> (Option<i32>, String) {
        let status = self.child.wait().expect("a status");
        let watching = self.watching.take().expect("once");
        watching.join().expect("no panic");
        let screen = self.screen.lock().expect("no panic");
        let screen = screen.screen();
        assert!(!screen.hide_cursor(), "the cursor is there");
        assert!(!screen.alternate_screen(), "the normal screen is back");
        (status.code(), screen.contents())
    }
}

/// A replay that takes a while.
const SLOW: [&str; 2] = ["--speed", "10"];

#[test]
fn the_last_state_stays_as_text() {
    let mut watch = OnTerminal::new("xterm", 80, &[]);
    let (code, shown) = watch.end();
    assert_eq!(code, Some(0), "{shown}");
    for part in [
        "shop: upgrade to 1.37: API server v1.37.0, 2 of 2 nodes upgraded",
        "gold  ████████████████████  2/2          done",
        "02:02:00Z  the control plane and all 2 nodes run 1.37",
    ] {
        assert_eq!(shown.matches(part).count(), 1, "{part}: {shown}");
    }
}

#[test]
fn while_the_api_server_is_away_the_age_of_the_state_is_shown() {
    let away = "The API server has not answered for";
    let mut watch = OnTerminal::new("xterm", 80, &SLOW);
    watch.eventually("an outage", |watch| watch.shown().contains(away));
    watch.press(b"\x03");
    let (code, shown) = watch.end();
    assert_eq!(code, Some(130), "{shown}");
    assert!(shown.contains(away), "the last state stays: {shown}");
}

#[test]
fn every_exit_restores_the_terminal() {
    type End = fn(&OnTerminal);
    let ends: [(&str, i32, End); 4] = [
        ("q", 130, |watch| watch.press(b"q")),
        ("Ctrl-C", 130, |watch| watch.press(b"\x03")),
        ("SIGTERM", 143, |watch| watch.kill("-TERM")),
        ("SIGINT", 130, |watch| watch.kill("-INT")),
    ];
    for (name, exit, end) in ends {
        let mut watch = OnTerminal::new("xterm", 80, &SLOW);
        let before = watch.settings();
        watch.eventually("the view", |watch| watch.shown().contains("q quit"));
        assert!(watch.is_other_screen(), "{name}");
        assert_ne!(watch.settings(), before, "{name}: keys are read one by one");
        end(&watch);
        watch.eventually("the settings are back", |watch| watch.settings() == before);
        let (code, shown) = watch.end();
        assert_eq!(code, Some(exit), "{name}: {shown}");
        assert!(shown.contains("shop: upgrade to 1.37"), "{name}: {shown}");
    }
}

#[test]
fn keys_fold_pause_and_explain() {
    let mut watch = OnTerminal::new("xterm", 80, &SLOW);
    watch.eventually("the view", |watch| watch.shown().contains("q quit"));
    watch.press(b"?");
    watch.eventually("help", |watch| watch.shown().contains("KEYS"));
    watch.press(b"?p");
    watch.eventually("it says that it is paused", |watch| {
        watch.shown().contains("Paused: the state of")
    });
    watch.press(b"p");
    watch.eventually("it goes on", |watch| !watch.shown().contains("Paused"));
    watch.press(b"q");
    assert_eq!(watch.end().0, Some(130));
}

#[test]
fn a_narrow_terminal_says_what_the_view_needs() {
    let mut watch = OnTerminal::new("xterm", 50, &SLOW);
    watch.eventually("it says so", |watch| {
        watch.shown().contains("needs 60 columns")
    });
    let wide = pty_process::Size::new(24, 80);
    watch
        .screen
        .lock()
        .expect("no panic")
        .screen_mut()
        .set_size(24, 80);
    watch.pty.resize(wide).expect("a size");
    watch.eventually("the view", |watch| watch.shown().contains("PHASES"));
    watch.press(b"q");
    watch.end();
}

#[test]
fn a_frame_writes_what_differs_and_is_shown_at_once() {
    let mut watch = OnTerminal::new("xterm", 80, &SLOW);
    watch.eventually("the end", |watch| {
        watch.shown().contains("node gold-1 is cordoned")
    });
    watch.press(b"q");
    watch.end();
    let written = watch.written.lock().expect("no panic").clone();
    let written = String::from_utf8_lossy(&written).into_owned();
    assert!(written.contains("\u{1b}[?2026h"), "synchronized output");
    let view = written.split("\u{1b}[?1049l").next().unwrap_or_default();
    assert_eq!(
        view.matches("q quit").count(),
        1,
        "what stays is written once"
    );
    assert!(!view.contains("\u{1b}[?1000h"), "the mouse is left alone");
}

#[test]
fn lines_are_printed_if_asked_for_or_if_the_terminal_cannot_be_redrawn() {
    for (term, flags) in [("xterm", &["--plain"][..]), ("dumb", &[]), ("", &[])] {
        let (code, shown) = OnTerminal::new(term, 80, flags).end();
        assert_eq!(code, Some(0), "{shown}");
        let line = "02:01:00Z  1/2  node gold-1 is cordoned";
        assert!(shown.contains(line), "{term} {flags:?}: {shown}");
    }
}

#[test]
fn a_notification_rings_and_says_what_happened() {
    let text = "\u{7}\u{1b}]9;shop: finished: the control plane and all 2 nodes run 1.37\u{7}";
    for (flags, expected) in [
        (&["--notify", "--plain"][..], 1),
        (&["--notify"], 1),
        (&["--plain"], 0),
    ] {
        let mut watch = OnTerminal::new("xterm", 80, flags);
        watch.end();
        let written = watch.written.lock().expect("no panic").clone();
        let written = String::from_utf8_lossy(&written).into_owned();
        assert_eq!(
            written.matches(text).count(),
            expected,
            "{flags:?}: {written:?}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_stopped_watch_gives_the_terminal_back_and_takes_it_again() {
    let mut watch = OnTerminal::new("xterm", 80, &SLOW);
    let before = watch.settings();
    watch.eventually("the view", |watch| watch.shown().contains("q quit"));
    watch.press(b"\x1a");
    let pid = watch.child.id();
    watch.eventually("it is stopped", |_| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        stat.is_ok_and(|stat| stat.contains(") T "))
    });
    watch.eventually("the normal screen", |watch| !watch.is_other_screen());
    assert_eq!(watch.settings(), before);
    watch.kill("-CONT");
    watch.eventually("the view is back", |watch| {
        watch.is_other_screen() && watch.shown().contains("q quit")
    });
    watch.press(b"q");
    assert_eq!(watch.end().0, Some(130));
}
