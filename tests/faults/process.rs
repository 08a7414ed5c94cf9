//! A disk that is full, and readers that have gone away.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::programs::check_command;
use crate::proxy::{Action, Answer, Proxy, Seen};
use crate::table::Row;
use crate::testbed::run::Run;
use crate::testbed::run::eventually;
use crate::testbed::run::run;
use crate::testbed::run::scrubbed;
use crate::wire::Fault;
use crate::world::{ARGS, World};

pub(crate) const FAULTS: &[Fault] = &[
    ("process::disk_full", disk_full),
    ("process::stdout_closed", stdout_closed),
    ("process::stderr_closed", stderr_closed),
    (
        "process::interrupted_at_its_input",
        interrupted_at_its_input,
    ),
];

/// No file may grow; what a full disk is to a program, without one.
const NO_ROOM: &str = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";

fn disk_full(world: &World, row: &Row) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("cluster.snapshot");
    let shown = file.display().to_string();
    let proxy = world.proxy(|_| Action::Forward);
    let run_it = world.check(&proxy, &["--save-snapshot", &shown]);
    assert_eq!(run_it.code, 0, "{}", run_it.stderr);
    let before = fs::read(&file).expect("a snapshot");

    let config = kubeconfig(world, &proxy);
    let mut command = scrubbed(Path::new("/bin/sh"), folder.path());
    command.env("KUBECONFIG", &config).args(["-c", NO_ROOM]);
    command.arg(env!("CARGO_BIN_EXE_kubectl-upgrade-check"));
    command.args(ARGS).args(["--save-snapshot", &shown]);
    let full = run(command, "");
    assert_eq!(full.code, row.exit, "{}", full.stderr);
    // The report comes all the same.
    world.judge_as(row, 0, &full, &[]);

    assert!(
        fs::read(&file).expect("a snapshot") == before,
        "it survives"
    );
    let left: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
    assert_eq!(left.len(), 1, "nothing is left beside it: {left:?}");
    let saved = ["--snapshot", &shown, "--to", "1.25", "--fail-on", "never"];
    let mut command = check_command(&config, folder.path());
    command.args(saved);
    assert_eq!(run(command, "").code, 0, "and can be read");
}

fn kubeconfig(world: &World, proxy: &Proxy) -> std::path::PathBuf {
    world.kubeconfig(&format!("http://127.0.0.1:{}", proxy.port))
}

fn command(world: &World, proxy: &Proxy, home: &Path) -> Command {
    let mut command = check_command(&kubeconfig(world, proxy), home);
    command.args(ARGS);
    command
}

fn stdout_closed(world: &World, row: &Row) {
    // A gap, so that the code is one that nothing else gives.
    let proxy = world.proxy(|seen: &Seen| {
        if seen.path.ends_with("/pods") {
            return Action::Answer(Answer::status(403, "Forbidden", "pods is forbidden"));
        }
        Action::Forward
    });
    let open = world.check(&proxy, &[]);
    assert_eq!(open.code, row.exit, "{}", open.stderr);
    let home = tempfile::tempdir().expect("a temporary folder");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let child = command(world, &proxy, home.path())
        .stdin(Stdio::null())
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let closed = child.wait_with_output().expect("it ends");
    assert_eq!(closed.status.code(), Some(row.exit));
    let stderr = String::from_utf8_lossy(&closed.stderr);
    assert_eq!(stderr, open.stderr, "it says nothing about the pipe");
}

fn stderr_closed(world: &World, row: &Row) {
    let proxy = world.proxy(|_| Action::Forward);
    let home = tempfile::tempdir().expect("a temporary folder");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let child = command(world, &proxy, home.path())
        // There is much to say.
        .args(["-v", "9"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(writer)
        .spawn()
        .expect("it starts");
    let closed = child.wait_with_output().expect("it ends");
    let run = Run {
        command: "with stderr closed".to_owned(),
        code: closed.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&closed.stdout).into_owned(),
        stderr: String::new(),
        seconds: 0.0,
    };
    world.judge(row, &run, &[]);
}

fn interrupted_at_its_input(_world: &World, row: &Row) {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = check_command(Path::new("/nowhere"), home.path());
    command.args(["--local", "--to", "1.25", "-f", "-"]);
    let (code, output) = end_by(INT, &mut command, || true);
    assert_eq!(code, Some(row.exit));
    assert_eq!(output, "");
}

/// A signal: its name for `kill`, and its number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signal(&'static str, u32);

/// What Ctrl-C sends.
pub(crate) const INT: Signal = Signal("INT", 2);
/// What `kill` sends.
pub(crate) const TERM: Signal = Signal("TERM", 15);

/// Starts a program whose input stays open, sends it a signal when it is `ready`, and waits for its end. Returns the code
/// and all that it printed.
pub(crate) fn end_by(
    signal: Signal,
    command: &mut Command,
    mut ready: impl FnMut() -> bool,
) -> (Option<i32>, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // Held until the end: it shall not end because its input does.
    let input = child.stdin.take();
    let pid = child.id();
    eventually("it listens for the signal", 60, || {
        catches(pid, signal) && ready()
    });
    let kill = Command::new("kill")
        .args([format!("-{}", signal.0), pid.to_string()])
        .status();
    assert!(kill.expect("kill runs").success());
    let mut status = None;
    eventually("it ends", 60, || {
        status = child.try_wait().expect("a status");
        status.is_some()
    });
    drop(input);
    let output = child.wait_with_output().expect("what it printed");
    let printed = [output.stdout, output.stderr].concat();
    let code = status.and_then(|status| status.code());
    (code, String::from_utf8_lossy(&printed).into_owned())
}

/// Whether a process has a handler for a signal, by its bit of `SigCgt`: see proc_pid_status(5).
pub(crate) fn catches(pid: u32, signal: Signal) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let mask = text.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal.1 - 1) & 1 == 1)
}
