//! Programs that tests run against a cluster, and tests that are skipped where a program is missing.

use std::env;
use std::path::Path;
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use serde_json::json;

use crate::testbed::assets::Missing;
use crate::testbed::cluster::Cluster;
use crate::testbed::options::Options;
use crate::testbed::run::{Run, run, scrubbed};

/// The scenario as a trial. Where something that it needs is `missing`, the trial is ignored
/// and its name says why; in CI it fails instead, since there nothing may be skipped.
pub(crate) fn scenario(
    name: &str,
    missing: Option<Missing>,
    run: impl FnOnce() -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let Some(missing) = missing else {
        return Trial::test(name, run);
    };
    if env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        return Trial::test(name, move || Err(Failed::from(missing)));
    }
    let name = format!("{name} (skipped: {missing})");
    Trial::test(name, move || Err(Failed::from(missing))).with_ignored_flag(true)
}

impl Options {
    /// Adds arguments to the API server's, which they override.
    pub(crate) fn apiserver_args(mut self, args: &[&str]) -> Self {
        self.apiserver_args
            .extend(args.iter().map(|&arg| arg.to_owned()));
        self
    }
}

impl Run {
    /// Standard output as JSON.
    ///
    /// # Panics
    /// When it is not JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!(
                "`{}` printed no JSON ({error}):\n{}",
                self.command, self.stdout
            )
        })
    }
}

impl Cluster {
    /// Makes a Node with room for a hundred pods and a kubelet of `version`.
    #[track_caller]
    pub(crate) fn add_node(&self, name: &str, version: &str) {
        let room = json!({"cpu": "32", "memory": "64Gi", "pods": "100"});
        let node = json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "status": {
                "allocatable": room,
                "capacity": room,
                "nodeInfo": {
                    "architecture": "amd64", "operatingSystem": "linux", "bootID": "",
                    "containerRuntimeVersion": "containerd://2.1.0", "kernelVersion": "",
                    "kubeProxyVersion": "", "machineID": "", "osImage": "", "systemUUID": "",
                    "kubeletVersion": format!("v{}", version.trim_start_matches('v')),
                },
            },
        });
        self.kubectl_stdin(&["create", "-f", "-"], &node.to_string())
            .ok();
    }
}

/// The program under test, with `kubeconfig` in a scrubbed environment; `home` is
/// its home and working directory. Add arguments and environment, then [`run`] it.
pub(crate) fn check_command(kubeconfig: &Path, home: &Path) -> Command {
    command_of(
        env!("CARGO_BIN_EXE_kubectl-upgrade-check"),
        kubeconfig,
        home,
    )
}

pub(crate) fn command_of(program: &str, kubeconfig: &Path, home: &Path) -> Command {
    let mut command = scrubbed(Path::new(program), home);
    command.env("KUBECONFIG", kubeconfig);
    command
}

/// Runs the program under test with an empty home and no input.
#[track_caller]
pub(crate) fn check(kubeconfig: impl AsRef<Path>, args: &[&str]) -> Run {
    let home = tempfile::tempdir().unwrap_or_else(|error| panic!("no temporary folder: {error}"));
    let mut command = check_command(kubeconfig.as_ref(), home.path());
    command.args(args);
    run(command, "")
}
