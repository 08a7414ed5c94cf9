//! What a run cost: its own time and memory, and those of the servers.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use wait4::Wait4;

/// Ticks a second in /proc/PID/stat; Linux has had this value on every machine it runs Kubernetes on.
const TICKS: f64 = 100.0;

/// One run of a client.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample {
    pub(crate) seconds: f64,
    /// Bytes at its peak.
    pub(crate) peak: f64,
    /// Seconds of processor time.
    pub(crate) client: f64,
    pub(crate) server: f64,
    pub(crate) etcd: f64,
    /// Bytes by which the API server's memory grew for a while.
    pub(crate) growth: f64,
    /// What it printed.
    pub(crate) stdout: String,
}

/// What becomes of what a command prints.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Output {
    Kept,
    ThrownAway,
}

/// Runs a command to its end.
pub(crate) fn measure(
    command: &mut Command,
    servers: (u32, u32),
    good: &[i32],
    output: Output,
) -> Sample {
    let before = (cpu(servers.0), cpu(servers.1));
    // 5 sets the peak to what is used now; see proc_pid_clear_refs(5).
    let _ = fs::write(format!("/proc/{}/clear_refs", servers.0), "5");
    let resting = status(servers.0, "VmRSS:");
    let out = tempfile::NamedTempFile::new().expect("a temporary file");
    let file = out.reopen().expect("a temporary file");
    command.stdin(Stdio::null()).stdout(match output {
        Output::Kept => Stdio::from(file),
        Output::ThrownAway => Stdio::null(),
    });
    let start = Instant::now();
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let done = child
        .wait4()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let seconds = start.elapsed().as_secs_f64();
    let code = done.status.code().unwrap_or(-1);
    assert!(good.contains(&code), "{command:?} ended with {code}");
    Sample {
        seconds,
        peak: done.rusage.maxrss as f64,
        client: (done.rusage.utime + done.rusage.stime).as_secs_f64(),
        server: cpu(servers.0) - before.0,
        etcd: cpu(servers.1) - before.1,
        growth: status(servers.0, "VmHWM:") - resting,
        stdout: fs::read_to_string(out.path()).unwrap_or_default(),
    }
}

/// Seconds of processor time of a process so far; nothing where there is no /proc.
fn cpu(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The second field, the name in brackets, may have spaces in it.
    let rest = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = rest
        .split_whitespace()
        .map(|field| field.parse().unwrap_or(0.0))
        .collect();
    fields
        .get(11..13)
        .map_or(0.0, |times| times.iter().sum::<f64>() / TICKS)
}

/// A line of /proc/PID/status, in bytes.
pub(crate) fn status(pid: u32, name: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .unwrap_or_default();
    let kib: f64 = line
        .split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0.0);
    kib * 1024.0
}

/// Several runs of the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(pub(crate) Vec<Sample>);

impl Samples {
    pub(crate) fn median(&self, of: fn(&Sample) -> f64) -> f64 {
        let values = self.sorted(of);
        let middle = values.len() / 2;
        match values.len() % 2 {
            _ if values.is_empty() => 0.0,
            1 => values[middle],
            _ => (values[middle - 1] + values[middle]) / 2.0,
        }
    }

    pub(crate) fn range(&self, of: fn(&Sample) -> f64) -> (f64, f64) {
        let values = self.sorted(of);
        (
            values.first().copied().unwrap_or(0.0),
            values.last().copied().unwrap_or(0.0),
        )
    }

    /// The numbers that the bare client prints, of the last run: requests and bytes.
    pub(crate) fn traffic(&self) -> (u64, u64) {
        let text = self.0.last().map_or("", |sample| &sample.stdout);
        let mut numbers = text
            .split_whitespace()
            .map(|number| number.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }

    fn sorted(&self, of: fn(&Sample) -> f64) -> Vec<f64> {
        let mut values: Vec<f64> = self.0.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values
    }
}
