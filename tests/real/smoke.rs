//! The harness itself: what the other scenarios rely on.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::harness::{
    Cluster, LIMITED, Need, Process, audit_logs_of_this_run, check, eventually, is_alive,
    read_audit_log,
};

/// Asks this program to hold a process instead of running tests.
pub(crate) const HOLD: &str = "--hold-a-process";

const OLD: &str = "1.24.17";
const NEXT: &str = "1.25.0";
const NEWEST: &str = "1.37.0";

const BUDGET: &str = "\
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata:
  name: web
spec:
  minAvailable: 1
  selector:
    matchLabels:
      app: web
";

scenarios! {
    an_upgrade_keeps_what_etcd_holds: [Need::ControlPlane(OLD), Need::ControlPlane(NEXT)],
    users_and_audit_log: [Need::ControlPlane(NEWEST)],
    pods_become_ready: [Need::Controllers(NEWEST), Need::Kwok],
    helm_installs_a_release: [Need::ControlPlane(NEWEST), Need::Helm],
    the_program_under_test_runs: [],
    killed_tests_leave_nothing_behind: [],
}

fn an_upgrade_keeps_what_etcd_holds() -> Result<(), Failed> {
    let mut cluster = Cluster::start(OLD);
    cluster.check(&["--help"]).ok();
    let version = cluster.kubectl(&["version", "-o", "json"]).ok().json();
    assert_eq!(version["serverVersion"]["gitVersion"], format!("v{OLD}"));
    assert_eq!(version["serverVersion"]["minor"], "24");
    assert_eq!(version["serverVersion"]["gitTreeState"], "clean");

    let create = ["create", "--field-manager=helm", "-f", "-"];
    cluster.kubectl_stdin(&create, BUDGET).ok();
    let old_pids = cluster.pids();
    let outage = cluster.restart_apiserver(NEXT);
    assert!(outage < 30.0, "the API server was away for {outage} s");
    assert_eq!(server_version(&cluster), format!("v{NEXT}"));

    let get = ["get", "pdb", "web", "-o", "json", "--show-managed-fields"];
    let budget = cluster.kubectl(&get).ok().json();
    assert_eq!(budget["apiVersion"], "policy/v1");
    let field_owner = &budget["metadata"]["managedFields"][0];
    assert_eq!(field_owner["manager"], "helm");
    assert_eq!(field_owner["apiVersion"], "policy/v1beta1");

    cluster.stop_apiserver();
    assert_ne!(cluster.kubectl(&["get", "pdb"]).code, 0);
    let pids = [old_pids, cluster.pids()].concat();
    stops_everything(cluster, &pids);
    Ok(())
}

fn users_and_audit_log() -> Result<(), Failed> {
    let extra = "--goaway-chance=0.001";
    let cluster = Cluster::options(NEWEST).apiserver_args(&[extra]).start();
    assert_eq!(server_version(&cluster), format!("v{NEWEST}"));

    let user = LIMITED[1];
    let limited = cluster.kubeconfig_for(user);
    let limited = limited.to_string_lossy();
    let get = ["get", "secrets", "-A", "--kubeconfig", &limited];
    let refused = cluster.kubectl(&get);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains(user), "{}", refused.stderr);
    let bind = [
        "create",
        "clusterrolebinding",
        "all",
        "--clusterrole=cluster-admin",
    ];
    let subject = format!("--user={user}");
    cluster.kubectl(&[&bind[..], &[&subject]].concat()).ok();
    eventually("the permission is in effect", 10, || {
        cluster.kubectl(&get).code == 0
    });

    let asked_for_secrets = |event: &Value| {
        event["user"]["username"] == user && event["objectRef"]["resource"] == "secrets"
    };
    let codes: Vec<Value> = cluster
        .audit_log()
        .iter()
        .filter(|event| asked_for_secrets(event))
        .map(|event| event["responseStatus"]["code"].clone())
        .collect();
    assert_eq!(
        (codes.first(), codes.last()),
        (Some(&json!(403)), Some(&json!(200)))
    );

    let pids = cluster.pids();
    stops_everything(cluster, &pids);
    let kept = audit_logs_of_this_run();
    assert!(
        kept.iter()
            .any(|log| read_audit_log(log).iter().any(asked_for_secrets))
    );
    Ok(())
}

fn pods_become_ready() -> Result<(), Failed> {
    let cluster = Cluster::options(NEWEST)
        .with_controllers()
        .with_kwok()
        .start();
    cluster.add_node("node-0", "1.36.3");
    let create = [
        "create",
        "deployment",
        "web",
        "--image=web:1",
        "--replicas=2",
    ];
    cluster.kubectl(&create).ok();
    let wait = ["rollout", "status", "deployment/web", "--timeout=90s"];
    cluster.kubectl(&wait).ok();
    let pods = cluster.kubectl(&["get", "pods", "-o", "json"]).ok().json();
    let nodes: Vec<&Value> = pods["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|pod| &pod["spec"]["nodeName"])
        .collect();
    assert_eq!(nodes, ["node-0", "node-0"]);
    let node = cluster
        .kubectl(&["get", "node", "node-0", "-o", "json"])
        .ok()
        .json();
    assert_eq!(node["status"]["nodeInfo"]["kubeletVersion"], "v1.36.3");

    let pids = cluster.pids();
    assert_eq!(
        pids.len(),
        5,
        "etcd, API server, controllers, scheduler, kwok"
    );
    stops_everything(cluster, &pids);
    Ok(())
}

fn helm_installs_a_release() -> Result<(), Failed> {
    let chart = tempfile::tempdir()?;
    let metadata = "apiVersion: v2\nname: web\nversion: 1.2.3\n";
    fs::write(chart.path().join("Chart.yaml"), metadata)?;
    fs::create_dir(chart.path().join("templates"))?;
    let template = BUDGET.replace("v1beta1", "v1");
    fs::write(chart.path().join("templates/budget.yaml"), template)?;

    let cluster = Cluster::start(NEWEST);
    let folder = chart.path().to_string_lossy();
    cluster.helm(&["install", "web", &folder]).ok();
    let releases = cluster.helm(&["list", "-o", "json"]).ok().json();
    assert_eq!(releases[0]["chart"], "web-1.2.3");
    let secret = ["get", "secret", "sh.helm.release.v1.web.v1", "-o", "json"];
    assert_eq!(
        cluster.kubectl(&secret).ok().json()["type"],
        "helm.sh/release.v1"
    );
    let pids = cluster.pids();
    stops_everything(cluster, &pids);
    Ok(())
}

fn the_program_under_test_runs() -> Result<(), Failed> {
    let run = check(Path::new("/nowhere/kubeconfig"), &["--help"]).ok();
    assert!(run.seconds < 10.0, "--help took {} s", run.seconds);
    Ok(())
}

/// Runs this program again so that it holds a process, kills it with SIGKILL, and
/// looks whether that process is gone, too.
fn killed_tests_leave_nothing_behind() -> Result<(), Failed> {
    let mut holder = Command::new(std::env::current_exe()?)
        .arg(HOLD)
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = holder.stdout.take().ok_or("no standard output")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let pid: u32 = line.trim().parse()?;
    assert!(is_alive(pid));
    holder.kill()?;
    holder.wait()?;
    eventually("the held process is gone", 10, || !is_alive(pid));
    Ok(())
}

/// The other side of [`killed_tests_leave_nothing_behind`]: starts a process, prints
/// its id, and waits to be killed.
pub(crate) fn hold_a_process() -> ! {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let args = ["600".to_owned()];
    let process = Process::start(folder.path(), "sleep", Path::new("sleep"), &args);
    let _ = writeln!(io::stdout(), "{}", process.pid);
    loop {
        thread::sleep(Duration::from_secs(600));
    }
}

#[track_caller]
fn stops_everything(cluster: Cluster, pids: &[u32]) {
    drop(cluster);
    let left: Vec<&u32> = pids.iter().filter(|pid| is_alive(**pid)).collect();
    assert!(left.is_empty(), "still running: {left:?}");
}

fn server_version(cluster: &Cluster) -> Value {
    let version = cluster.kubectl(&["get", "--raw", "/version"]).ok().json();
    version["gitVersion"].clone()
}
