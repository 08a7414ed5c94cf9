//! Ctrl-C on a terminal.

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use crate::process::{INT, catches};
use crate::programs::check_command;
use crate::proxy::{Action, Seen};
use crate::table::Row;
use crate::testbed::run::eventually;
use crate::wire::Fault;
use crate::world::{ARGS, World};

pub(crate) const FAULTS: &[Fault] = &[("terminal::interrupted", interrupted)];

const CTRL_C: &[u8] = b"\x03";

fn interrupted(world: &World, row: &Row) {
    let proxy = world.proxy(|seen: &Seen| match seen.path.ends_with("/pods") {
        true => Action::Silence,
        false => Action::Forward,
    });
    let (pty, pts) = pty_process::blocking::open().expect("a terminal");
    pty.resize(pty_process::Size::new(24, 80)).expect("a size");
    let config = world.kubeconfig(&format!("http://127.0.0.1:{}", proxy.port));
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = check_command(&config, home.path());
    command.args(ARGS);
    let command = pty_process::blocking::Command::from(command);
    let mut child = command.spawn(pts).expect("it starts");

    let pty = Arc::new(pty);
    let screen = Arc::new(Mutex::new(vt100::Parser::new(24, 80, 0)));
    let (from, onto) = (Arc::clone(&pty), Arc::clone(&screen));
    let watching = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        // An error is the end: nobody holds the other side any more.
        while let Ok(count) = (&*from).read(&mut bytes) {
            if count == 0 {
                break;
            }
            onto.lock().expect("no panic").process(&bytes[..count]);
        }
    });
    let shown = || screen.lock().expect("no panic").screen().contents();
    eventually("the line of progress", 60, || shown().contains("now pods"));
    eventually("it listens for Ctrl-C", 60, || catches(child.id(), INT));
    (&*pty).write_all(CTRL_C).expect("a key");
    let mut status = None;
    eventually("it ends", 60, || {
        status = child.try_wait().expect("a status");
        status.is_some()
    });
    watching.join().expect("no panic");

    assert_eq!(status.and_then(|status| status.code()), Some(row.exit));
    assert_eq!(shown(), "", "nothing is left on the terminal");
    let is_hidden = screen.lock().expect("no panic").screen().hide_cursor();
    assert!(!is_hidden, "the cursor is there");
}
