//! A real cluster: etcd, an API server and, if asked, what makes it move.

use std::io;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::assets::{self, Assets};
use super::folder::{ADMIN, Folder};
use super::launch::{self, ApiServer, Ports};
use super::options::Options;
use super::process::Process;
use super::run::{Run, eventually, run, scrubbed};

/// How long a server may take until it is ready.
const READY: Duration = Duration::from_secs(60);
/// The same where it must first read a large cluster into its memory.
const READY_LOADED: Duration = Duration::from_secs(900);

/// A running cluster. Dropping it stops everything and keeps its audit log.
pub(crate) struct Cluster {
    pub(crate) options: Options,
    // Dropped in this order: who uses another goes first, the folder last.
    pub(crate) followers: Vec<Process>,
    pub(crate) apiserver: Option<Process>,
    pub(crate) etcd: Option<Process>,
    pub(crate) kubectl: PathBuf,
    pub(crate) ports: Ports,
    pub(crate) folder: Folder,
}

impl Cluster {
    /// A cluster to be completed with options.
    pub(crate) fn options(version: &str) -> Options {
        Options {
            version: version.trim_start_matches('v').to_owned(),
            reported: None,
            controllers: false,
            kwok: false,
            apiserver_args: Vec::new(),
            etcd_args: Vec::new(),
            scale: None,
            kubelet: None,
        }
    }

    /// Starts the cluster unless somebody else took one of its ports.
    pub(super) fn try_start(options: &Options) -> Option<Self> {
        let found = if options.controllers {
            Assets::find_with_controllers(&options.version)
        } else {
            Assets::find(&options.version)
        };
        let mut assets = found.unwrap_or_else(|missing| panic!("{missing}"));
        if let Some(reported) = &options.reported {
            assets.apiserver = assets::reporting(&assets.apiserver, &options.version, reported);
        }
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

    /// The administrator's kubeconfig.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig_for(ADMIN)
    }

    /// The kubeconfig of a user, one of [`LIMITED`](super::LIMITED) or [`ADMIN`].
    pub(crate) fn kubeconfig_for(&self, user: &str) -> PathBuf {
        self.folder.kubeconfig(user)
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

    /// A command in the folder of the cluster, with the administrator's kubeconfig.
    pub(crate) fn command(&self, program: &Path) -> Command {
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
        let kubelet = self
            .options
            .kubelet
            .as_ref()
            .unwrap_or(&self.options.version);
        let status = Command::new(program)
            .arg(format!("--endpoint=http://127.0.0.1:{}", self.ports.etcd))
            .arg(format!("--scale={scale}"))
            .arg(format!("--kubelet=v{kubelet}"))
            .stdout(Stdio::null())
            .status();
        let status = status.unwrap_or_else(|error| panic!("cannot run load: {error}"));
        assert!(status.success(), "load: {status}");
    }

    /// Starts an API server on the port of the cluster; nothing when the port is taken.
    pub(crate) fn start_apiserver(&mut self, program: &Path) -> Option<()> {
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
        if process.exit_status().is_some() {
            let log = process.log_tail();
            if log.contains("address already in use") {
                return None;
            }
            panic!("process {} ended while it started:\n{log}", process.pid);
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
