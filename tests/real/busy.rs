//! A healthy cluster with much going on: whatever is rolled out in it, nothing blocks its upgrade.

use std::fmt::Write;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::harness::{Cluster, Need, eventually};

const NEWEST: &str = "1.37.0";
const NODES: usize = 20;
const DEPLOYMENTS: usize = 40;
const REPLICAS: usize = 48;
/// How many Deployments are rolled out while the cluster is checked.
const ROLLING: usize = 6;

scenarios! {
    nothing_blocks: [Need::Controllers(NEWEST), Need::Kwok],
}

fn workload(kind: &str, name: &str, more: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec:\n  {more}\n  selector: {{matchLabels: {{app: {name}}}}}\n\
         \x20 template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{containers: [{{name: main, image: main}}]}}}}\n"
    )
}

fn budget(name: &str, limit: &str) -> String {
    format!(
        "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: {name}, namespace: shop}}\n\
         spec: {{{limit}, selector: {{matchLabels: {{app: {name}}}}}}}\n"
    )
}

/// About two thousand pods, with budgets as one would write them.
fn build(cluster: &Cluster) {
    for node in 0..NODES {
        cluster.add_node(&format!("pool-{node}"), NEWEST);
    }
    let mut manifest = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n".to_owned();
    for at in 0..DEPLOYMENTS {
        let name = format!("web-{at}");
        let limit = ["maxUnavailable: 1", "minAvailable: 50%", "minAvailable: 47"][at % 3];
        manifest += &workload("Deployment", &name, &format!("replicas: {REPLICAS}"));
        manifest += &budget(&name, limit);
    }
    for name in ["db-a", "db-b", "db-c"] {
        let more = "replicas: 3\n  podManagementPolicy: Parallel";
        manifest += &workload("StatefulSet", name, more);
        manifest += &budget(name, "maxUnavailable: 1");
    }
    write!(manifest, "{}", workload("DaemonSet", "logs", "")).expect("memory");
    cluster
        .kubectl_stdin(&["create", "-f", "-"], &manifest)
        .ok();
}

/// How many pods of Deployments and StatefulSets are ready.
fn ready(cluster: &Cluster) -> u64 {
    let template = "-o=jsonpath={.items[*].status.readyReplicas}";
    let run = cluster.kubectl(&["get", "deployments,statefulsets", "-n", "shop", template]);
    let numbers = run.stdout.split_whitespace();
    numbers
        .filter_map(|number| number.parse::<u64>().ok())
        .sum()
}

/// Checks, and expects neither a blocker nor a warning; gives the report.
fn check(cluster: &Cluster) -> Value {
    let run = cluster.check(&["-o", "json"]);
    assert_eq!(run.code, 0, "{}\n{}", run.stdout, run.stderr);
    let report = run.json();
    assert_eq!(report["verdict"], "ready", "{report:#}");
    assert_eq!(report["summary"]["blockers"], 0, "{report:#}");
    assert_eq!(report["summary"]["warnings"], 0, "{report:#}");
    report
}

fn nothing_blocks() -> Result<(), Failed> {
    let cluster = Cluster::options(NEWEST)
        .with_controllers()
        .with_kwok()
        .start();
    build(&cluster);
    let all = u64::try_from(DEPLOYMENTS * REPLICAS + 9)?;
    // Pods come up, and budgets are short of them for a while: that blocks nothing either.
    eventually("half of the pods are ready", 60, || {
        ready(&cluster) * 2 > all
    });
    check(&cluster);
    eventually("all pods are ready", 60, || ready(&cluster) == all);
    let read = check(&cluster)["summary"]["objectsRead"].as_u64();
    assert!(read > Some(all), "{read:?} objects");

    for at in 0..ROLLING {
        let name = format!("deployment/web-{at}");
        cluster
            .kubectl(&["rollout", "restart", &name, "-n", "shop"])
            .ok();
    }
    let mut seen = 0;
    for _ in 0..6 {
        let report = check(&cluster);
        let findings = report["findings"].as_array().expect("findings");
        let rolling = |finding: &&Value| finding["id"] == "wl-not-rolled-out";
        seen += findings.iter().filter(rolling).count();
    }
    assert!(seen > 0, "no check saw the rollout");
    for at in 0..ROLLING {
        let name = format!("deployment/web-{at}");
        let status = ["rollout", "status", &name, "-n", "shop", "--timeout=60s"];
        cluster.kubectl(&status).ok();
    }
    check(&cluster);
    Ok(())
}
