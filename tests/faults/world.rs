//! The cluster that all trials read, what a read without faults says, and how another one is compared with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::VERSION;
use crate::certificates::Authority;
use crate::programs::check_command;
use crate::proxy::{Action, Front, Hook, Proxy, Seen};
use crate::table::Row;
use crate::testbed::cluster::Cluster;
use crate::testbed::run::Run;
use crate::testbed::run::eventually;
use crate::testbed::run::run;

mod measured;
pub(crate) mod objects;

/// What every run is asked; nothing that is found makes it fail, so that the code tells of the reading alone. Pages are
/// small, so that every kind has several.
pub(crate) const ARGS: [&str; 8] = [
    "--to",
    "1.25",
    "-o",
    "json",
    "--fail-on",
    "never",
    "--chunk-size",
    "5",
];

/// A world that is made when the first trial asks for it.
pub(crate) struct Stage {
    recording: Arc<Mutex<Vec<Seen>>>,
    world: LazyLock<World, Box<dyn FnOnce() -> World + Send>>,
}

impl Default for Stage {
    fn default() -> Self {
        let recording = Arc::default();
        let shared = Arc::clone(&recording);
        Self {
            recording,
            world: LazyLock::new(Box::new(move || World::make(shared))),
        }
    }
}

impl Stage {
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// All that went through any proxy.
    pub(crate) fn recording(&self) -> Vec<Seen> {
        self.recording.lock().expect("no panic").clone()
    }
}

/// A real cluster and a read of it without faults.
pub(crate) struct World {
    pub(crate) runtime: Runtime,
    recording: Arc<Mutex<Vec<Seen>>>,
    upstream: kube::Client,
    /// The report of a run through a proxy that only forwards.
    pub(crate) healthy: Value,
    pub(crate) cluster: Cluster,
    /// Whose clients the API server accepts.
    pub(crate) authority: Authority,
    folder: tempfile::TempDir,
}

impl World {
    fn make(recording: Arc<Mutex<Vec<Seen>>>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let authority = Authority::new("the authority of clients");
        let client_ca = folder.path().join("client-ca.crt");
        fs::write(&client_ca, authority.pem()).expect("a file");
        let cluster = Cluster::options(VERSION)
            // From etcd come pages; the watch cache gives everything at once.
            .apiserver_args(&["--watch-cache=false"])
            .apiserver_args(&[&format!("--client-ca-file={}", client_ca.display())])
            .start();
        objects::make(&cluster);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("threads");
        let upstream = {
            let _guard = runtime.enter();
            client(&cluster.kubeconfig(), &runtime)
        };
        let mut world = Self {
            runtime,
            recording,
            upstream,
            healthy: Value::Null,
            cluster,
            authority,
            folder,
        };
        let proxy = world.proxy(|_| Action::Forward);
        let run = world.check(&proxy, &[]);
        assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
        // Of the exit code, and of the policies of 1.24, which are listed in the only version that there is.
        let known = ["--fail-on", "the API server says: policy/v1beta1"];
        let said = run
            .stderr
            .lines()
            .filter(|line| !known.iter().any(|known| line.contains(known)));
        assert_eq!(said.count(), 0, "{}", run.stderr);
        let report = run.json();
        assert_eq!(report["gaps"], json!([]), "{report:#}");
        assert!(findings(&report, &BTreeSet::new()).len() > 5, "{report:#}");
        let pages = |kind| proxy.asked(kind).len();
        assert!(pages("/pods") > 2, "{} pages of pods", pages("/pods"));
        drop(proxy);
        world.healthy = report;
        world
    }

    /// A proxy in front of the API server.
    pub(crate) fn proxy(&self, hook: impl Fn(&Seen) -> Action + Send + Sync + 'static) -> Proxy {
        self.proxy_behind(Front::Plain, Box::new(hook))
    }

    /// A proxy that only forwards, as this user, one of [`LIMITED`](crate::testbed::folder::LIMITED).
    pub(crate) fn proxy_as(&self, user: &str) -> Proxy {
        let handle = self.runtime.handle();
        let client = {
            let _guard = self.runtime.enter();
            client(&self.cluster.kubeconfig_for(user), &self.runtime)
        };
        let hook = Box::new(|_: &Seen| Action::Forward);
        Proxy::start(handle, client, &self.recording, Front::Plain, hook)
    }

    /// The same, with something before HTTP.
    pub(crate) fn proxy_behind(&self, front: Front, hook: Hook) -> Proxy {
        let handle = self.runtime.handle();
        Proxy::start(handle, self.upstream.clone(), &self.recording, front, hook)
    }

    /// A kubeconfig for this address, as a file that lasts as long as the world.
    pub(crate) fn kubeconfig(&self, server: &str) -> PathBuf {
        self.kubeconfig_of(&json!({"server": server}), &json!({}))
    }

    /// A kubeconfig with these entries of cluster and user.
    pub(crate) fn kubeconfig_of(&self, cluster: &Value, user: &Value) -> PathBuf {
        let config = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": user}],
        });
        let (_, path) = tempfile::NamedTempFile::new_in(self.folder.path())
            .and_then(|file| file.keep().map_err(Into::into))
            .expect("a file");
        fs::write(&path, config.to_string()).expect("a kubeconfig");
        path
    }

    /// Runs the program under test through a proxy, with [`ARGS`] and more.
    #[track_caller]
    pub(crate) fn check(&self, proxy: &Proxy, more: &[&str]) -> Run {
        let config = self.kubeconfig(&format!("http://127.0.0.1:{}", proxy.port));
        self.check_with(&config, more)
    }

    /// Runs the program under test with a kubeconfig, [`ARGS`] and more.
    #[track_caller]
    pub(crate) fn check_with(&self, kubeconfig: &Path, more: &[&str]) -> Run {
        let mut command = check_command(kubeconfig, self.folder.path());
        command.args(ARGS).args(more);
        run(command, "")
    }

    /// The same through a proxy, and the most memory that it took, in bytes.
    #[track_caller]
    pub(crate) fn measure(&self, proxy: &Proxy, more: &[&str]) -> (Run, u64) {
        let config = self.kubeconfig(&format!("http://127.0.0.1:{}", proxy.port));
        let mut command = check_command(&config, self.folder.path());
        command.args(ARGS).args(more);
        measured::run(command)
    }

    /// Holds a run to its row: the exit code, what is said, and findings and gaps equal to those without faults but for
    /// these gaps and the rules that they name. A gap is named by how it begins.
    #[track_caller]
    pub(crate) fn judge(&self, row: &Row, run: &Run, gaps: &[&str]) {
        self.judge_by(row, run, gaps, &self.healthy);
    }

    /// The same, compared with another report.
    #[track_caller]
    pub(crate) fn judge_by(&self, row: &Row, run: &Run, gaps: &[&str], healthy: &Value) {
        assert_eq!(
            run.code, row.exit,
            "{}: {}\n{}",
            row.test, run.command, run.stderr
        );
        self.compare(row, run.code, run, gaps, healthy);
    }

    /// Holds a run beside a fault to that of none.
    #[track_caller]
    pub(crate) fn judge_healthy(&self, row: &Row, run: &Run) {
        let row = Row {
            said: String::new(),
            exit: 0,
            ..row.clone()
        };
        self.judge(&row, run, &[]);
    }

    /// The same as [`judge`](Self::judge), as if the run had ended with `code`.
    #[track_caller]
    pub(crate) fn judge_as(&self, row: &Row, code: i32, run: &Run, gaps: &[&str]) {
        self.compare(row, code, run, gaps, &self.healthy);
    }

    #[track_caller]
    fn compare(&self, row: &Row, code: i32, run: &Run, gaps: &[&str], healthy: &Value) {
        let shown = format!("{}: {}\n{}", row.test, run.command, run.stderr);
        if code == 1 || code == 2 {
            assert_eq!(run.stdout, "", "{shown}");
            assert!(run.stderr.contains(&row.said), "{shown}");
            return;
        }
        let report = run.json();
        let why = words(&report["gaps"], "why");
        let heard = format!("{}{}", run.stderr, why.join("\n"));
        assert!(heard.contains(&row.said), "{shown}{why:#?}");
        let what: BTreeSet<String> = words(&report["gaps"], "what").into_iter().collect();
        for gap in &what {
            let known = gaps.iter().any(|name| gap.starts_with(name));
            assert!(known, "{shown}an unexpected gap: {:#}", report["gaps"]);
        }
        for name in gaps {
            let found = what.iter().any(|gap| gap.starts_with(name));
            assert!(found, "{shown}no gap {name}: {what:?}");
        }
        let blind: BTreeSet<String> = report["gaps"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|gap| gap["rules"].as_array().cloned().unwrap_or_default())
            .filter_map(|rule| rule.as_str().map(str::to_owned))
            .collect();
        let (now, before) = (findings(&report, &blind), findings(healthy, &blind));
        assert_eq!(now, before, "{shown}");
        let read = |report: &Value| report["summary"]["objectsRead"].as_u64().expect("a count");
        if gaps.is_empty() {
            assert_eq!(read(&report), read(healthy), "{shown}");
        } else {
            assert!(read(&report) <= read(healthy), "{shown}");
        }
    }
}

/// All findings but those of these rules.
fn findings(report: &Value, without: &BTreeSet<String>) -> Vec<Value> {
    let all = report["findings"].as_array().expect("findings");
    let is_of = |finding: &&Value| !without.contains(finding["id"].as_str().unwrap_or_default());
    all.iter().filter(is_of).cloned().collect()
}

fn words(list: &Value, key: &str) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items
        .filter_map(|item| item[key].as_str().map(str::to_owned))
        .collect()
}

/// A client of the API server that leaves bodies as they are.
fn client(kubeconfig: &Path, runtime: &Runtime) -> kube::Client {
    let config = kube::config::Kubeconfig::read_from(kubeconfig).expect("a kubeconfig");
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(config, &options);
    let mut config = runtime.block_on(config).expect("a configuration");
    config.disable_compression = true;
    config.default_retry = false;
    kube::Client::try_from(config).expect("a client")
}

/// A run that ends within a second, beside the time that the machine takes to run anything at all.
#[track_caller]
pub(crate) fn at_once(mut run: impl FnMut() -> Run) -> Run {
    let mut last = run();
    eventually("it ends within a second", 60, || {
        let idle = crate::programs::check("/nowhere/kubeconfig", &["--version"]);
        if last.seconds >= 1.0 + idle.seconds {
            last = run();
        }
        last.seconds < 1.0 + idle.seconds
    });
    last
}
