//! A program that is run to its end, and the most memory that it took.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::testbed::run::Run;

/// No run may take longer.
const DEADLINE: Duration = Duration::from_secs(120);

/// Runs it without input; bytes of memory at its peak.
#[track_caller]
pub(super) fn run(mut command: Command) -> (Run, u64) {
    let shown = format!("{command:?}");
    let start = Instant::now();
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program under test");
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let pid = child.id().to_string();
    let (ended, end) = channel::<()>();
    // Waiting with wait4 has no time-out.
    let watch = thread::spawn(move || {
        if end.recv_timeout(DEADLINE).is_err() {
            let _ = Command::new("kill").args(["-KILL", &pid]).status();
        }
    });
    let usage = child.wait4().expect("a child of ours");
    let _ = ended.send(());
    let _ = watch.join();
    let text = |bytes: Receiver<Vec<u8>>| {
        String::from_utf8_lossy(&bytes.recv().unwrap_or_default()).into_owned()
    };
    let run = Run {
        command: shown,
        code: usage.status.code().unwrap_or(-1),
        stdout: text(stdout),
        stderr: text(stderr),
        seconds: start.elapsed().as_secs_f64(),
    };
    (run, usage.rusage.maxrss)
}

fn collect(pipe: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (send, receive) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = send.send(bytes);
    });
    receive
}
