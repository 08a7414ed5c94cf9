//! A real cluster: etcd, an API server and, if asked, what makes it move.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::assets::{self, Assets};
use super::folder::{ADMIN, Folder, read_audit_log};
use super::launch::{self, ApiServer, Ports};
use super::options::{ATTEMPTS, Options};
use super::process::Process;
use super::run::{Run, check, eventually, plan, run, scrubbed};

/// How long a server may take until it is ready.
const READY: Duration = Duration::from_secs(60);
/// The same where it must first read a large cluster into its memory.
const READY_LOADED: Duration = Duration::from_secs(900);
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

/// A running cluster. Dropping it stops everything and keeps its audit log.
pub(crate) struct Cluster {
    options: Options,
    // Dropped in this order: who uses another goes first, the folder last.
    followers: Vec<Process>,
    apiserver: Option<Process>,
    etcd: Option<Process>,
    kubectl: PathBuf,
    ports: Ports,
    folder: Folder,
}

impl Cluster {
    /// Starts etcd and the API server of `version`, such as `1.24.17`. There are no
    /// controllers: objects stay as they were made.
    pub(crate) fn start(version: &str) -> Self {
        Self::options(version).start()
    }

    /// A cluster to be completed with options.
    pub(crate) fn options(version: &str) -> Options {
        Options {
            version: version.trim_start_matches('v').to_owned(),
            controllers: false,
            kwok: false,
            apiserver_args: Vec::new(),
            etcd_args: Vec::new(),
            scale: None,
        }
    }

    /// Starts the cluster unless somebody else took one of its ports.
    pub(super) fn try_start(options: &Options) -> Option<Self> {
        let found = if options.controllers {
            Assets::find_with_controllers(&options.version)
        } else {
            Assets::find(&options.version)
        };
        let assets = found.unwrap_or_else(|missing| panic!("{missing}"));
        let folder = Folder::create(assets.genkey.as_deref());
        let ports = free_ports().unwrap_or_else(|error| panic!("no free ports: {error}"));
        let mut cluster = Self {
            options: options.clone(),
            followers: Vec::new(),
            apiserver: None,
            etcd: None,
            kubectl: assets.kubectl.clone(),
            ports,
            folder,
        };
        cluster.start_etcd(&assets.etcd)?;
        cluster.load(&assets);
        cluster.start_apiserver(&assets.apiserver)?;
        cluster.start_followers(&assets);
        Some(cluster)
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

    /// The administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_for(ADMIN)
    }

    /// The kubeconfig of a user, one of [`LIMITED`](super::LIMITED) or [`ADMIN`].
    pub(crate) fn kubeconfig_for(&self, user: &str) -> PathBuf {
        self.folder.kubeconfig(user)
    }

    /// Stops etcd in its tracks until what comes back is dropped.
    pub(crate) fn freeze_etcd(&self) -> Frozen {
        let pid = self.etcd.as_ref().map(Process::pid).expect("etcd runs");
        signal(pid, "STOP");
        Frozen(pid)
    }

    /// The process ids of the cluster's programs: etcd, the API server, and who follows them.
    pub(crate) fn pids(&self) -> Vec<u32> {
        let servers = self.etcd.iter().chain(&self.apiserver);
        servers.chain(&self.followers).map(Process::pid).collect()
    }

    /// What was asked of the API servers so far, at level Metadata. An event is there
    /// when its answer is complete; a watch has one for its start, too.
    pub(crate) fn audit_log(&self) -> Vec<Value> {
        read_audit_log(&self.folder.file("audit.log"))
    }

    /// Runs kubectl as the administrator.
    #[track_caller]
    pub(crate) fn kubectl(&self, args: &[&str]) -> Run {
        self.kubectl_stdin(args, "")
    }

    /// The same, with `stdin` to read for `-f -`.
    #[track_caller]
    pub(crate) fn kubectl_stdin(&self, args: &[&str], stdin: &str) -> Run {
        let mut command = self.command(&self.kubectl);
        command.args(args);
        run(command, stdin)
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
        let helm = assets::helm().unwrap_or_else(|missing| panic!("{missing}"));
        self.command(&helm)
    }

    /// Runs the program under test as the administrator.
    #[track_caller]
    pub(crate) fn check(&self, args: &[&str]) -> Run {
        check(self.kubeconfig(), args)
    }

    /// Runs the program that plans as the administrator.
    #[track_caller]
    pub(crate) fn plan(&self, args: &[&str]) -> Run {
        plan(self.kubeconfig(), args)
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

    fn command(&self, program: &Path) -> Command {
        let mut command = scrubbed(program, &self.folder.file("home"));
        command.env("KUBECONFIG", self.kubeconfig());
        command
    }

    fn start_etcd(&mut self, program: &Path) -> Option<()> {
        let args = launch::etcd(&self.folder, self.ports, &self.options.etcd_args);
        let process = Process::start(self.folder.path(), "etcd", program, &args);
        // Whoever took its port would accept connections, too; so ask its log.
        let serves = |etcd: &Process| etcd.log().contains("ready to serve client requests");
        self.etcd = Some(wait_until_ready(process, READY, serves)?);
        Some(())
    }

    /// Writes the large cluster, if one was asked for.
    fn load(&self, assets: &Assets) {
        let Some(scale) = self.options.scale else {
            return;
        };
        let program = assets.load.as_ref().expect("the control plane has `load`");
        let status = Command::new(program)
            .arg(format!("--endpoint=http://127.0.0.1:{}", self.ports.etcd))
            .arg(format!("--scale={scale}"))
            .arg(format!("--kubelet=v{}", self.options.version))
            .stdout(Stdio::null())
            .status();
        let status = status.unwrap_or_else(|error| panic!("cannot run load: {error}"));
        assert!(status.success(), "load: {status}");
    }

    fn start_apiserver(&mut self, program: &Path) -> Option<()> {
        let server = ApiServer {
            folder: &self.folder,
            ports: self.ports,
            has_controllers: self.options.controllers,
            extra: &self.options.apiserver_args,
        };
        let args = server.args();
        let process = Process::start(self.folder.path(), "kube-apiserver", program, &args);
        let patience = match self.options.scale {
            Some(_) => READY_LOADED,
            None => READY,
        };
        let process = wait_until_ready(process, patience, |_| {
            accepts(self.ports.api)
                && self.folder.write_kubeconfigs(self.ports.api)
                && self.kubectl(&["get", "--raw", "/readyz"]).code == 0
        })?;
        self.apiserver = Some(process);
        Some(())
    }

    fn start_followers(&mut self, assets: &Assets) {
        let folder = &self.folder;
        let start = |name, program: &Path, args: Vec<String>| {
            Process::start(folder.path(), name, program, &args)
        };
        if let (true, Some((manager, scheduler))) = (self.options.controllers, &assets.controllers)
        {
            let args = launch::controller_manager(folder);
            self.followers
                .push(start("kube-controller-manager", manager, args));
            let args = launch::scheduler(folder);
            self.followers
                .push(start("kube-scheduler", scheduler, args));
        }
        if self.options.kwok {
            let (kwok, stages) = assets::kwok().unwrap_or_else(|missing| panic!("{missing}"));
            self.followers
                .push(start("kwok", &kwok, launch::kwok(folder, &stages)));
        }
        if self.options.controllers {
            // Before that no pod is admitted.
            eventually("the service account of the default namespace", 60, || {
                self.kubectl(&["get", "serviceaccount", "default"]).code == 0
            });
        }
    }
}

/// The process when it is ready; nothing when it could not have its port.
///
/// # Panics
/// When it ended for another reason, or is not ready in time.
#[track_caller]
fn wait_until_ready(
    mut process: Process,
    patience: Duration,
    ready: impl Fn(&Process) -> bool,
) -> Option<Process> {
    let start = Instant::now();
    while !ready(&process) {
        if process.has_exited() {
            let log = process.log_tail();
            if log.contains("address already in use") {
                return None;
            }
            panic!("a server ended while it started:\n{log}");
        }
        let log = || process.log_tail();
        assert!(
            start.elapsed() < patience,
            "not ready within {patience:?}:\n{}",
            log()
        );
        thread::sleep(Duration::from_millis(100));
    }
    Some(process)
}

fn accepts(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// Ports that were free a moment ago.
fn free_ports() -> io::Result<Ports> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listeners = [listen()?, listen()?, listen()?];
    Ok(Ports {
        etcd: listeners[0].local_addr()?.port(),
        peer: listeners[1].local_addr()?.port(),
        api: listeners[2].local_addr()?.port(),
    })
}
