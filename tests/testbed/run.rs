//! Programs that are run to their end: kubectl, helm, and the one under test.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// No command of a test may take longer.
const DEADLINE: Duration = Duration::from_secs(180);

/// What a program did.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// The program and its arguments, for messages.
    pub(crate) command: String,
    /// The exit code; -1 after a signal.
    pub(crate) code: i32,
    /// All of standard output.
    pub(crate) stdout: String,
    /// All of standard error.
    pub(crate) stderr: String,
    /// Wall-clock time from start to end.
    pub(crate) seconds: f64,
}

impl Run {
    /// The same run, if the program succeeded.
    ///
    /// # Panics
    /// With the command and what it printed, when it failed.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        let Self {
            command,
            code,
            stdout,
            stderr,
            seconds,
        } = &self;
        assert!(
            *code == 0,
            "`{command}` failed with {code} after {seconds} s\n{stdout}{stderr}"
        );
        self
    }
}

/// Runs `command` to its end, with `stdin` as its standard input.
///
/// # Panics
/// When it cannot be started or takes longer than three minutes.
#[track_caller]
pub(crate) fn run(mut command: Command, stdin: &str) -> Run {
    let words: Vec<_> = command
        .get_args()
        .map(|arg| arg.to_string_lossy())
        .collect();
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or_default().to_string_lossy();
    let shown = format!("{name} {}", words.join(" "));
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run `{shown}`: {error}"));
    let stdout = child.stdout.take().map(collect);
    let stderr = child.stderr.take().map(collect);
    if let Some(mut pipe) = child.stdin.take() {
        // A program may end without reading its input.
        let _ = pipe.write_all(stdin.as_bytes());
    }
    let code = wait(&mut child, &shown, start);
    let seconds = start.elapsed().as_secs_f64();
    Run {
        command: shown,
        code,
        stdout: text(stdout),
        stderr: text(stderr),
        seconds,
    }
}

/// A command with nothing in its environment but `PATH`, an empty or own `home`,
/// and where a coverage run collects its data.
pub(crate) fn scrubbed(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("HOME", home).current_dir(home);
    for name in ["PATH", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Calls `done` four times a second until it says yes.
///
/// # Panics
/// When it has not by then; `what` names the thing waited for.
#[track_caller]
pub(crate) fn eventually(what: &str, seconds: u64, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !done() {
        assert!(Instant::now() < deadline, "not within {seconds} s: {what}");
        thread::sleep(Duration::from_millis(250));
    }
}

fn collect(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        bytes
    })
}

fn text(reader: Option<thread::JoinHandle<Vec<u8>>>) -> String {
    let bytes = reader
        .and_then(|reader| reader.join().ok())
        .unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[track_caller]
fn wait(child: &mut Child, shown: &str, start: Instant) -> i32 {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return status.code().unwrap_or(-1),
            Ok(None) if start.elapsed() < DEADLINE => thread::sleep(Duration::from_millis(2)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                panic!("`{shown}` was still running after {} s", DEADLINE.as_secs());
            }
            Err(error) => panic!("cannot wait for `{shown}`: {error}"),
        }
    }
}
