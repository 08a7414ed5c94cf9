//! `upgrade-watch` beside client-go's shared informers, both while the same kind of rollout goes on.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use wait4::Wait4;

use crate::Settings;
use crate::measure::{Output, Samples, measure, status};
use crate::page;
use crate::program::{Bench, WATCH};
use crate::rollout::{Changed, Rollout};
use crate::testbed::assets::built;

/// The API server, and the nodes before the rollout.
const NEW: &str = "1.37.0";
const OLD: &str = "1.36.3";
/// How long a line may take to come before it counts as lost.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client that followed the rollout.
#[derive(Default)]
pub(crate) struct Followed {
    /// Until the first picture, or until all informers had synchronized.
    pub(crate) ready_seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_bytes: f64,
}

/// What was measured.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) seconds: u64,
    /// A bare download of the lists that the first picture is made of, and that picture.
    pub(crate) bare: Samples,
    pub(crate) once: Samples,
    pub(crate) informers: Followed,
    pub(crate) watch: Followed,
    /// Seconds from the request that changed a node to the line about it, sorted; changes without a line.
    pub(crate) latencies: Vec<f64>,
    pub(crate) lost: usize,
    /// Size of the recording when the rollout began, and at its end.
    pub(crate) recording: (u64, u64),
}

/// Starts a cluster and measures both.
pub(crate) fn run(settings: &Settings) -> String {
    eprintln!("watch: loading a cluster of scale {}", settings.scale);
    let bench = Bench::start(NEW, settings.scale, Some(OLD));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut rollout = runtime.block_on(Rollout::new(&bench.kubeconfig(), NEW));
    let mut measured = Measured {
        seconds: settings.watch,
        ..Measured::default()
    };
    let (plan, _) = bench.record_of(WATCH, &["--once", "--to", NEW]);
    for _ in 0..settings.runs {
        measured.bare.0.push(bench.bare(&plan));
        let mut once = bench.command_of(WATCH.as_ref(), &["--once", "--to", NEW, "-o", "json"]);
        let sample = measure(&mut once, bench.servers(), &[0], Output::ThrownAway);
        measured.once.0.push(sample);
    }

    eprintln!("watch: informers");
    let program = built().join(format!("v{NEW}/informers"));
    let (followed, _) = follow(bench.command_of(&program, &[]), || {
        runtime.block_on(rollout.run(settings.watch))
    });
    measured.informers = followed;

    eprintln!("watch: upgrade-watch");
    let recording = bench.file("recording");
    let args = ["--to", NEW, "-o", "json", "--record"];
    let path = recording.to_string_lossy();
    let command = bench.command_of(WATCH.as_ref(), &[&args[..], &[&*path]].concat());
    let size = || fs::metadata(&recording).map_or(0, |file| file.len());
    let (followed, (changed, lines)) = follow(command, || {
        // The first lists are written out.
        thread::sleep(Duration::from_secs(3));
        measured.recording.0 = size();
        runtime.block_on(rollout.run(settings.watch))
    });
    measured.recording.1 = size();
    measured.watch = followed;
    (measured.latencies, measured.lost) = latencies(&changed, &lines);
    page::watch(&measured)
}

/// A line of a client, and when it came.
type Line = (Instant, String);

/// Starts a client, does something once its first line has come, and ends it.
fn follow(
    mut command: Command,
    rollout: impl FnOnce() -> Vec<Changed>,
) -> (Followed, (Vec<Changed>, Vec<Line>)) {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = child.stdout.take().expect("it is piped");
    let lines: Arc<Mutex<Vec<Line>>> = Arc::default();
    let sink = Arc::clone(&lines);
    let reader = thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            sink.lock().expect("lines").push((Instant::now(), line));
        }
    });
    while lines.lock().expect("lines").is_empty() {
        assert!(!has_ended(&mut child), "{command:?} has ended");
        thread::sleep(Duration::from_millis(5));
    }
    let ready_seconds = lines.lock().expect("lines")[0]
        .0
        .duration_since(start)
        .as_secs_f64();
    let changed = rollout();
    thread::sleep(PATIENCE);
    // Not ru_maxrss: it counts the memory of this process as well, which the child shares until it executes the program.
    let peak_bytes = status(child.id(), "VmHWM:");
    let pid = child.id().to_string();
    let _ = Command::new("kill").args(["-TERM", &pid]).status();
    let done = child.wait4().expect("the client ends");
    reader.join().expect("lines");
    let lines = std::mem::take(&mut *lines.lock().expect("lines"));
    let followed = Followed {
        ready_seconds,
        cpu_seconds: (done.rusage.utime + done.rusage.stime).as_secs_f64(),
        peak_bytes,
    };
    (followed, (changed, lines))
}

fn has_ended(child: &mut Child) -> bool {
    !matches!(child.try_wait(), Ok(None))
}

/// Seconds from each change to the first line after it that names the node.
fn latencies(changed: &[Changed], lines: &[Line]) -> (Vec<f64>, usize) {
    let seconds = changed.iter().map(|(node, at)| {
        let line = lines
            .iter()
            .find(|(when, line)| when >= at && line.contains(&format!("{node}\"")))?;
        Some(line.0.duration_since(*at).as_secs_f64())
    });
    let seconds: Vec<Option<f64>> = seconds.collect();
    let lost = seconds.iter().filter(|second| second.is_none()).count();
    let mut found: Vec<f64> = seconds.into_iter().flatten().collect();
    found.sort_by(f64::total_cmp);
    (found, lost)
}
