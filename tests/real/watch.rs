//! Upgrades of real clusters, followed while they happen: through outages, to the end or into a stall.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::harness::{Cluster, Need, Process, Run, create};
use crate::programs::command_of;
use crate::testbed::run::run;

pub(crate) const OLD: &str = "1.24.17";
pub(crate) const NEW: &str = "1.25.0";
/// Workers of each pool.
const POOLS: [(&str, usize); 3] = [("a", 14), ("b", 13), ("c", 13)];
/// How many workers are replaced at a time.
const AT_A_TIME: usize = 2;

scenarios! {
    to_the_end_and_replayed: [Need::ControlPlane(OLD), Need::ControlPlane(NEW), Need::Kwok],
    a_node_that_never_comes_back: [Need::ControlPlane(OLD)],
    a_rollout_that_goes_back: [Need::ControlPlane(OLD)],
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_kubectl-upgrade-watch")
}

/// A watch that runs beside the test.
pub(crate) struct Watch {
    pub(crate) process: Process,
}

impl Watch {
    pub(crate) fn start(cluster: &Cluster, args: &[&str]) -> Self {
        let kubeconfig = cluster.kubeconfig();
        let fixed = ["--kubeconfig", text(&kubeconfig), "-q", "-o", "json"];
        let args = fixed.iter().chain(args).map(|arg| (*arg).to_owned());
        let args: Vec<String> = args.collect();
        let process = Process::start(cluster.folder.path(), "watch", Path::new(program()), &args);
        Self { process }
    }

    pub(crate) fn events(&self) -> Vec<Value> {
        let log = self.process.log();
        let complete = log.rsplit_once('\n').map_or("", |(lines, _)| lines);
        let events = complete.lines().map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
        });
        events.collect()
    }

    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, is_wanted: impl Fn(&Value) -> bool) {
        self.wait_long_for(what, 90, is_wanted);
    }

    /// The same for what takes longer, in seconds.
    #[track_caller]
    pub(crate) fn wait_long_for(
        &self,
        what: &str,
        seconds: u64,
        is_wanted: impl Fn(&Value) -> bool,
    ) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !self.events().iter().any(&is_wanted) {
            assert!(
                Instant::now() < deadline,
                "not within {seconds} s: {what}\n{}",
                self.process.log_tail()
            );
            thread::sleep(Duration::from_millis(200));
        }
    }
}

pub(crate) fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Runs the watch to its end.
pub(crate) fn watched(cluster: &Cluster, args: &[&str]) -> Run {
    let mut command = command_of(
        program(),
        &cluster.kubeconfig(),
        &cluster.folder.file("home"),
    );
    command.args(args);
    run(command, "")
}

pub(crate) fn is_type(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == kind
}

pub(crate) fn says(part: &str) -> impl Fn(&Value) -> bool + '_ {
    move |event| {
        event["message"]
            .as_str()
            .is_some_and(|message| message.contains(part))
    }
}

pub(crate) fn worker(name: &str, pool: &str, version: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": name, "labels": {"node.kubernetes.io/instance-group": pool}},
        "status": {"conditions": [{"type": "Ready", "status": "True"}],
            "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux", "bootID": "",
                "containerRuntimeVersion": "containerd://2.1.0", "kernelVersion": "", "kubeProxyVersion": "",
                "machineID": "", "osImage": "", "systemUUID": "", "kubeletVersion": format!("v{version}")}}})
}

/// Replaces workers as a provider does: cordon, delete, and a new one of the same name.
pub(crate) fn replace(cluster: &Cluster, names: &[String], pool: &str, version: &str) {
    for name in names {
        cluster.kubectl(&["cordon", name]).ok();
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    cluster
        .kubectl(&[&["delete", "node"][..], &names].concat())
        .ok();
    let nodes: Vec<Value> = names
        .iter()
        .map(|name| worker(name, pool, version))
        .collect();
    create(cluster, &nodes);
}

fn to_the_end_and_replayed() -> Result<(), Failed> {
    let mut cluster = Cluster::options(OLD).with_kwok().start();
    let mut pools: Vec<(&str, Vec<String>)> = Vec::new();
    for (pool, count) in POOLS {
        let names: Vec<String> = (0..count)
            .map(|number| format!("{pool}-{number}"))
            .collect();
        let nodes: Vec<Value> = names.iter().map(|name| worker(name, pool, OLD)).collect();
        create(&cluster, &nodes);
        pools.push((pool, names));
    }
    // One answer does not show that no other API server is newer; a watch asks until it knows.
    let once = watched(&cluster, &["--once"]).ok();
    assert!(
        once.stdout.contains("no upgrade found so far") && !once.stdout.contains("nothing is"),
        "{}",
        once.stdout
    );
    let idle = watched(&cluster, &["--plain"]).ok();
    assert!(
        idle.stdout.contains("nothing is being upgraded"),
        "{}",
        idle.stdout
    );

    let recording: PathBuf = cluster.folder.file("recording");
    let watch = Watch::start(&cluster, &["--to", "1.25", "--record", text(&recording)]);
    watch.wait_for("the first picture", is_type("picture"));
    cluster.stop_apiserver();
    watch.wait_for("the outage", is_type("outage"));
    cluster.restart_apiserver(NEW);
    watch.wait_for("the return", is_type("back"));
    watch.wait_for("the new API server", says("API server: v1.25.0"));
    let total: usize = POOLS.iter().map(|(_, count)| count).sum();
    for (at, (pool, names)) in pools.iter().enumerate() {
        for names in names.chunks(AT_A_TIME) {
            replace(&cluster, names, pool, NEW);
        }
        if at == 0 {
            watch.wait_for("the first pool", |event| event["progress"]["done"] == 14);
            let halfway = watched(&cluster, &["--once", "-o", "json"]).ok().json();
            assert_eq!(halfway["progress"]["total"], total, "{halfway:#}");
            assert_eq!(halfway["progress"]["done"], 14, "{halfway:#}");
            assert_eq!(halfway["pools"][0]["done"], 14, "{halfway:#}");
            // Whoever joins now sees what the nodes keep: since when they are there.
            assert!(says(", 14 since ")(&halfway), "{halfway:#}");
            let eta = &halfway["progress"]["etaSeconds"];
            assert!(eta.is_object(), "{halfway:#}");
        }
    }
    watch.wait_for("the end", is_type("finished"));
    let events = watch.events();
    assert_eq!(
        events
            .iter()
            .filter(|event| is_type("outage")(event))
            .count(),
        1
    );
    let last = events.last().expect("an event");
    assert_eq!(
        (&last["type"], &last["progress"]["percent"]),
        (&json!("finished"), &json!(100))
    );
    let estimate = events
        .iter()
        .any(|event| event["progress"]["etaSeconds"].is_object());
    assert!(estimate, "an estimate once three nodes are done");

    let live = watch.process.log();
    let replayed = watched(
        &cluster,
        &["--to", "1.25", "--replay", text(&recording), "-o", "json"],
    );
    assert_eq!((replayed.code, replayed.stdout), (0, live));
    if std::env::var_os("UPDATE_EXAMPLE").is_some() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/rollout.recording");
        std::fs::copy(&recording, example)?;
    }
    Ok(())
}

fn a_node_that_never_comes_back() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    create(
        &cluster,
        &[worker("a-1", "a", OLD), worker("a-2", "a", NEW)],
    );
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "db", "namespace": "default"},
        "spec": {"nodeName": "a-1", "containers": [{"name": "db", "image": "db"}]}});
    create(&cluster, &[pod]);
    cluster.kubectl(&["cordon", "a-1"]).ok();
    let args = ["--to", "1.24.17", "--stall-after", "4s", "--timeout", "16s"];
    let cordoned = watched(&cluster, &args);
    assert_eq!(cordoned.code, 3, "{}", cordoned.stdout);
    let reason = "node a-1 runs the new version and is still cordoned";
    assert!(cordoned.stdout.contains(reason), "{}", cordoned.stdout);
    let args = ["--to", "1.25", "--stall-after", "4s", "--timeout", "16s"];
    let stalled = watched(&cluster, &args);
    assert_eq!(stalled.code, 3, "{}", stalled.stdout);
    assert!(
        stalled.stdout.contains("node a-1 has been cordoned for"),
        "{}",
        stalled.stdout
    );
    assert!(
        stalled.stdout.contains("pod default/db"),
        "{}",
        stalled.stdout
    );
    let patient = watched(&cluster, &["--to", "1.25", "--timeout", "6s"]);
    assert_eq!(patient.code, 4, "{}", patient.stdout);
    Ok(())
}

fn a_rollout_that_goes_back() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    create(
        &cluster,
        &[worker("a-1", "a", OLD), worker("a-2", "a", OLD)],
    );
    // The log has URLs, and these have names.
    let log = |args: &[&str]| watched(&cluster, args).stderr;
    assert!(log(&["--once", "-v", "6"]).contains("GET"));
    let redacted = log(&["--once", "-v", "6", "--redact"]);
    assert!(!redacted.contains("GET"), "{redacted}");
    let watch = Watch::start(&cluster, &["--to", "1.25"]);
    watch.wait_for("the first picture", is_type("picture"));
    replace(&cluster, &["a-1".to_owned()], "a", NEW);
    watch.wait_for("the new node", says("node a-1"));
    thread::sleep(Duration::from_secs(1));
    replace(&cluster, &["a-1".to_owned()], "a", OLD);
    watch.wait_for("the old node again", |event| {
        says("v1.24.17")(event) && says("node a-1")(event)
    });
    let events = watch.events();
    let last = events.last().expect("an event");
    assert_eq!(last["progress"]["done"], 0, "{last:#}");
    Ok(())
}
