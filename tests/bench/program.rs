//! The programs that are run: the one under test, and this one as the bare client.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::client;
use crate::measure::{Output, Sample, measure};
use crate::plan::Plan;
use crate::testbed::cluster::Cluster;
use crate::testbed::process::Process;
use crate::testbed::run::scrubbed;

/// The program under test.
pub(crate) const CHECK: &str = env!("CARGO_BIN_EXE_kubectl-upgrade-check");
/// The program that follows an upgrade.
pub(crate) const WATCH: &str = env!("CARGO_BIN_EXE_kubectl-upgrade-watch");
/// Ready, blocked, incomplete: it has run.
const RAN: [i32; 3] = [0, 3, 4];

/// A cluster with a folder for files of ours.
pub(crate) struct Bench {
    cluster: Cluster,
    folder: TempDir,
}

impl Bench {
    /// Starts a cluster of this scale; its kubelets are as new as its API server unless they are given.
    pub(crate) fn start(version: &str, scale: f64, kubelet: Option<&str>) -> Self {
        let mut options = Cluster::options(version);
        options.kubelet = kubelet.map(str::to_owned);
        options.scale = Some(scale);
        let quota = "--quota-backend-bytes=8589934592";
        options.etcd_args.push(quota.to_owned());
        Self {
            cluster: options.start(),
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub(crate) fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// The process ids of the API server and of etcd.
    pub(crate) fn servers(&self) -> (u32, u32) {
        let pid = |server: &Option<Process>| server.as_ref().expect("it runs").pid;
        (pid(&self.cluster.apiserver), pid(&self.cluster.etcd))
    }

    pub(crate) fn kubeconfig(&self) -> String {
        self.cluster.kubeconfig().to_string_lossy().into_owned()
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program with its log on, outside of all measurements: its requests and its report.
    pub(crate) fn record(&self, args: &[&str]) -> (Plan, Value) {
        self.record_of(CHECK, args)
    }

    /// The same of another program of the suite.
    pub(crate) fn record_of(&self, program: &str, args: &[&str]) -> (Plan, Value) {
        let log = self.file("log");
        let output = self
            .command_of(
                program.as_ref(),
                &[args, &["-v", "6", "-o", "json"]].concat(),
            )
            .stderr(fs::File::create(&log).expect("a log"))
            .output()
            .expect("the program runs");
        let log = fs::read_to_string(&log).expect("the log");
        let report = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("no report: {error}\n{log}"));
        (Plan::recorded(&self.kubeconfig(), &log), report)
    }

    /// Runs the program and throws its report away.
    pub(crate) fn check(&self, args: &[&str]) -> Sample {
        self.check_with(CHECK.as_ref(), args)
    }

    /// Runs the bare client.
    pub(crate) fn bare(&self, plan: &Plan) -> Sample {
        let path = self.file("plan.json");
        fs::write(&path, serde_json::to_vec(plan).expect("JSON")).expect("the plan is written");
        let mut command = Command::new(std::env::current_exe().expect("our own path"));
        command.arg(client::FLAG).arg(&path);
        measure(&mut command, self.servers(), &[0], Output::Kept)
    }

    /// The same with another build of the program.
    pub(crate) fn check_with(&self, program: &Path, args: &[&str]) -> Sample {
        let mut command = self.command_of(program, args);
        measure(&mut command, self.servers(), &RAN, Output::ThrownAway)
    }

    pub(crate) fn command_of(&self, program: &Path, args: &[&str]) -> Command {
        let mut command = quiet(program, self.folder.path());
        command
            .env("KUBECONFIG", self.cluster.kubeconfig())
            .args(args);
        command
    }
}

/// The program under test, quiet, with nothing of our environment.
pub(crate) fn quiet_check(home: &Path) -> Command {
    quiet(CHECK.as_ref(), home)
}

fn quiet(program: &Path, home: &Path) -> Command {
    let mut command = scrubbed(program, home);
    command.stderr(Stdio::null());
    command
}
