//! Who installs the suite.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

use libtest_mimic::Failed;

use super::NEWEST;
use crate::harness::{Cluster, Run, krew};
use crate::testbed::assets::Assets;
use crate::testbed::run::run;

/// Somebody with an empty home, whose PATH has kubectl, krew and git, but neither Rust nor anything of ours.
pub(super) struct User {
    pub(super) home: tempfile::TempDir,
    pub(super) path: PathBuf,
    kubeconfig: PathBuf,
}

impl User {
    pub(super) fn new(cluster: &Cluster) -> Result<Self, Failed> {
        let home = tempfile::tempdir()?;
        let path = home.path().join("bin");
        fs::create_dir(&path)?;
        let newest = Assets::find(NEWEST).map_err(|missing| missing.to_string())?;
        symlink(newest.kubectl, path.join("kubectl"))?;
        symlink(krew()?, path.join("kubectl-krew"))?;
        symlink(find("git")?, path.join("git"))?;
        let kubeconfig = cluster.kubeconfig();
        Ok(Self {
            home,
            path,
            kubeconfig,
        })
    }

    /// kubectl with these arguments.
    #[track_caller]
    pub(super) fn kubectl(&self, args: &[&str]) -> Run {
        self.run("kubectl", args, "")
    }

    /// A bash that reads this script.
    #[track_caller]
    pub(super) fn bash(&self, script: &str) -> Run {
        self.run("bash", &["--noprofile", "--norc"], script)
    }

    #[track_caller]
    fn run(&self, program: &str, args: &[&str], stdin: &str) -> Run {
        let home = self.home.path();
        let path = [self.path.clone(), home.join(".krew/bin")];
        let mut command = Command::new(self.path.join(program));
        command
            .args(args)
            .current_dir(home)
            .env_clear()
            .env("HOME", home)
            .env("PATH", std::env::join_paths(path).expect("paths"))
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KREW_NO_UPGRADE_CHECK", "1");
        run(command, stdin)
    }
}

/// A program on our own PATH.
pub(super) fn find(name: &str) -> Result<PathBuf, Failed> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut files = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = files.find(|file| file.is_file());
    Ok(found.ok_or(format!("{name} is not on PATH"))?)
}
