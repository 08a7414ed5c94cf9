//! What only these tests do to a cluster, and what they read of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::time::Instant;

use serde_json::Value;

use crate::programs::{check, command_of};
use crate::testbed::assets::{Assets, Missing, built};
use crate::testbed::cluster::Cluster;
use crate::testbed::folder::audit_dir;
use crate::testbed::options::{ATTEMPTS, Options};
use crate::testbed::run::{Run, run};

/// A program that was stopped in its tracks. Dropping lets it go on.
pub(crate) struct Frozen(u32);

impl Drop for Frozen {
    fn drop(&mut self) {
        signal(self.0, "CONT");
    }
}

fn signal(pid: u32, name: &str) {
    let mut command = Command::new("kill");
    command.args([format!("-{name}"), pid.to_string()]);
    let status = command.status().expect("kill runs");
    assert!(status.success(), "kill -{name} {pid}");
}

impl Options {
    /// Adds kube-controller-manager and kube-scheduler.
    pub(crate) fn with_controllers(mut self) -> Self {
        self.controllers = true;
        self
    }

    /// Adds kwok, which plays the kubelet of every Node.
    pub(crate) fn with_kwok(mut self) -> Self {
        self.kwok = true;
        self
    }

    /// Fills etcd with a large cluster before the API server starts: 1 is 5,000 nodes
    /// and 150,000 pods.
    pub(crate) fn loaded(mut self, scale: f64) -> Self {
        self.scale = Some(scale);
        self
    }
}

impl Cluster {
    /// Starts etcd and the API server of `version`, such as `1.24.17`. There are no
    /// controllers: objects stay as they were made.
    pub(crate) fn start(version: &str) -> Self {
        Self::options(version).start()
    }

    /// Runs the program under test as the administrator.
    #[track_caller]
    pub(crate) fn check(&self, args: &[&str]) -> Run {
        check(self.kubeconfig(), args)
    }

    /// Runs a line as the administrator's shell would, with kubectl on its path.
    #[track_caller]
    pub(crate) fn shell(&self, line: &str) -> Run {
        let bin = self.folder.file("bin");
        let link = bin.join("kubectl");
        if !link.exists() {
            fs::create_dir_all(&bin).expect("a folder");
            std::os::unix::fs::symlink(&self.kubectl, &link).expect("a link");
        }
        let mut command = self.command(Path::new("/bin/sh"));
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", bin.display()));
        command.args(["-c", line]);
        run(command, "")
    }

    /// Stops the API server; clients are refused a connection until it is back.
    pub(crate) fn stop_apiserver(&mut self) {
        self.apiserver = None;
    }

    /// Upgrades the cluster: stops the API server and starts that of `version` on the
    /// same etcd, port and certificates. Returns the seconds without a ready one.
    pub(crate) fn restart_apiserver(&mut self, version: &str) -> f64 {
        let assets = Assets::find(version).unwrap_or_else(|missing| panic!("{missing}"));
        // What kubectl remembers of the old version's kinds.
        let _ = fs::remove_dir_all(self.folder.file("home/.kube"));
        let start = Instant::now();
        self.stop_apiserver();
        for _ in 0..ATTEMPTS {
            if self.start_apiserver(&assets.apiserver).is_some() {
                return start.elapsed().as_secs_f64();
            }
        }
        panic!(
            "the API server's port {} was taken during its restart",
            self.ports.api
        )
    }

    /// Stops etcd in its tracks until what comes back is dropped.
    pub(crate) fn freeze_etcd(&self) -> Frozen {
        let pid = self
            .etcd
            .as_ref()
            .map(|process| process.pid)
            .expect("etcd runs");
        signal(pid, "STOP");
        Frozen(pid)
    }

    /// The process ids of the cluster's programs: etcd, the API server, and who follows them.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let servers = self.etcd.iter().chain(&self.apiserver);
        servers
            .chain(&self.followers)
            .map(|process| process.pid)
            .collect()
    }

    /// What was asked of the API servers so far, at level Metadata. An event is there
    /// when its answer is complete; a watch has one for its start, too.
    pub(crate) fn audit_log(&self) -> Vec<Value> {
        read_audit_log(&self.folder.file("audit.log"))
    }

    /// Runs helm as the administrator.
    #[track_caller]
    pub(crate) fn helm(&self, args: &[&str]) -> Run {
        let mut command = self.helm_command();
        command.args(args);
        run(command, "")
    }

    /// helm without arguments, for a test that sets `HELM_DRIVER` or the like.
    #[track_caller]
    pub(crate) fn helm_command(&self) -> Command {
        let helm = helm().unwrap_or_else(|missing| panic!("{missing}"));
        self.command(&helm)
    }

    /// Runs the program that plans as the administrator.
    #[track_caller]
    pub(crate) fn plan(&self, args: &[&str]) -> Run {
        plan(self.kubeconfig(), args)
    }
}

/// The audit logs of this process's clusters that have stopped.
pub(crate) fn audit_logs_of_this_run() -> Vec<PathBuf> {
    let prefix = format!("{}-", process::id());
    let entries = fs::read_dir(audit_dir()).into_iter().flatten().flatten();
    entries
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path())
        .collect()
}

/// The events of one audit log; a line that is still being written is left out.
pub(crate) fn read_audit_log(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// `helm`, as built from its module.
pub(crate) fn helm() -> Result<PathBuf, Missing> {
    built_program("helm")
}

/// `krew`, as built from its module.
pub(crate) fn krew() -> Result<PathBuf, Missing> {
    built_program("krew")
}

fn built_program(name: &str) -> Result<PathBuf, Missing> {
    let path = built().join("bin").join(name);
    match path.exists() {
        true => Ok(path),
        false => Err(Missing::not_built(name)),
    }
}

/// Runs the program that plans with an empty home and no input.
#[track_caller]
pub(crate) fn plan(kubeconfig: impl AsRef<Path>, args: &[&str]) -> Run {
    let home = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary folder: {error}"));
    let program = env!("CARGO_BIN_EXE_kubectl-upgrade-plan");
    let mut command = command_of(program, kubeconfig.as_ref(), home.path());
    command.args(args);
    run(command, "")
}
