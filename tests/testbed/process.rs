//! Child processes that cannot outlive the tests.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// Runs the command after `$1` with its output appended to the file `$1`, prints
/// its process id, and kills it when standard input ends. The tests hold the other
/// end of that pipe, so it ends when they close it and also when they are killed.
const GUARD: &str = r#"
log=$1
shift
exec 3<&0
"$@" </dev/null >>"$log" 2>&1 3<&- &
child=$!
(read -r line <&3; kill -9 "$child") >/dev/null 2>&1 &
watcher=$!
exec 3<&-
echo "$child"
wait "$child"
status=$?
kill "$watcher"
exit "$status"
"#;

/// A program running beside the tests. It is killed and waited for on drop, and
/// it is also killed when the tests die without dropping anything.
pub(crate) struct Process {
    guard: Child,
    /// The process id of the program itself, not of the shell that guards it.
    pub(crate) pid: u32,
    log: PathBuf,
}

impl Process {
    /// Starts `program` in the folder `dir` with nothing in its environment but
    /// `PATH` and `HOME` (which is `dir`); what it prints goes to `dir/NAME.log`,
    /// after what an earlier process of that name left there.
    pub(crate) fn start(dir: &Path, name: &str, program: &Path, args: &[String]) -> Self {
        let log = dir.join(format!("{name}.log"));
        let mut guard = Command::new("sh");
        guard.args(["-c", GUARD, "guard"]).arg(&log);
        guard.arg(program).args(args).current_dir(dir);
        guard.env_clear().env("HOME", dir);
        if let Some(path) = std::env::var_os("PATH") {
            guard.env("PATH", path);
        }
        let mut guard = guard
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run sh for {name}: {error}"));
        let mut line = String::new();
        if let Some(stdout) = guard.stdout.take() {
            // An empty line fails to parse below.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        let pid = line
            .trim()
            .parse()
            .unwrap_or_else(|_| panic!("{name} did not start: its guard said {line:?}"));
        Self { guard, pid, log }
    }

    /// How the program ended; `None` while it runs.
    pub(crate) fn exit_status(&mut self) -> Option<ExitStatus> {
        self.guard.try_wait().ok().flatten()
    }

    /// What the program printed so far, after what an earlier one left in its log.
    pub(crate) fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The last lines of [`log`](Self::log).
    pub(crate) fn log_tail(&self) -> String {
        let text = self.log();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(25)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Closes the pipe, upon which the guard kills the program and ends.
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Whether a process of this id exists.
pub(crate) fn is_alive(pid: u32) -> bool {
    Command::new("sh")
        .args(["-c", "kill -0 \"$1\" 2>/dev/null", "sh", &pid.to_string()])
        .status()
        .is_ok_and(|status| status.success())
}
