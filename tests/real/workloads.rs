//! What stands in the way of draining nodes: budgets, pods and workloads, as a real cluster has them.

use libtest_mimic::Failed;

use crate::harness::{Cluster, Need, eventually, named};

const OLD: &str = "1.24.17";
const NEWEST: &str = "1.37.0";

scenarios! {
    everything_in_the_way: [Need::Controllers(NEWEST), Need::Kwok],
    empty_selector: [Need::ControlPlane(OLD)],
}

/// A workload of the namespace `default`; `pod` goes into the specification of its pods.
fn workload(kind: &str, name: &str, more: &str, pod: &str) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: {name}}}\n\
         spec:\n  {more}\n  selector: {{matchLabels: {{app: {name}}}}}\n\
         \x20 template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{{pod} containers: [{{name: main, image: main}}]}}}}\n"
    )
}

fn budget(name: &str, app: &str, limit: &str) -> String {
    format!(
        "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {{name: {name}}}\n\
         spec: {{{limit}, selector: {{matchLabels: {{app: {app}}}}}}}\n"
    )
}

fn pod(name: &str, meta: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}{meta}}}\n\
         spec: {{{spec} containers: [{{name: main, image: main}}]}}\n"
    )
}

const NOWHERE: &str = "nodeSelector: {pool: none},";

const APART: &str = "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [\
    {topologyKey: kubernetes.io/hostname, labelSelector: {matchExpressions: [{key: app, operator: In, values: [apart]}]}}]}},";

const DISK: &str = "
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk-a}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: disks
  local: {path: /mnt/disk}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [
    {key: kubernetes.io/hostname, operator: In, values: [a]}]}]}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], storageClassName: disks, volumeName: disk-a, resources: {requests: {storage: 1Gi}}}
";

/// Everything of the scenario at once; what is not named in an assertion is a near miss.
fn build(cluster: &Cluster) {
    for node in ["a", "b", "c", "d"] {
        cluster.add_node(node, NEWEST);
    }
    cluster.kubectl(&["cordon", "d"]).ok();
    cluster.kubectl(&["create", "configmap", "operator"]).ok();
    let operator = cluster.kubectl(&[
        "get",
        "configmap",
        "operator",
        "-o=jsonpath={.metadata.uid}",
    ]);
    let owned = format!(
        ", ownerReferences: [{{apiVersion: v1, kind: ConfigMap, name: operator, uid: {}, controller: true}}]",
        operator.ok().stdout
    );
    let disk = "volumes: [{name: data, persistentVolumeClaim: {claimName: data}}],";
    let job = "---\napiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec: {backoffLimit: 0, template: {spec: \
        {restartPolicy: Never, nodeSelector: {pool: none}, containers: [{name: main, image: main}]}}}\n";
    let manifest = [
        workload("Deployment", "tight", "replicas: 2", ""),
        budget("tight", "tight", "minAvailable: 2"),
        workload("Deployment", "loose", "replicas: 2", ""),
        budget("loose", "loose", "minAvailable: 1"),
        workload("Deployment", "twice", "replicas: 2", ""),
        budget("twice-a", "twice", "maxUnavailable: 1"),
        budget("twice-b", "twice", "minAvailable: 1"),
        workload("DaemonSet", "logs", "updateStrategy: {type: OnDelete}", ""),
        budget("logs", "logs", "maxUnavailable: 1"),
        workload("StatefulSet", "single", "replicas: 1", ""),
        pod("custom", &owned, ""),
        budget("custom", "custom", "minAvailable: 1"),
        pod("odd", &owned, ""),
        budget("odd", "odd", "maxUnavailable: 1"),
        workload("Deployment", "slack", "replicas: 2", ""),
        budget(
            "slack",
            "slack",
            "maxUnavailable: 0, unhealthyPodEvictionPolicy: AlwaysAllow",
        ),
        pod("bare", "", ""),
        pod("patient", &owned, "terminationGracePeriodSeconds: 3600,"),
        pod(
            "pinned",
            &owned,
            "nodeSelector: {kubernetes.io/hostname: b},",
        ),
        pod("leaving", ", finalizers: [shop.example/drain]", ""),
        workload("Deployment", "apart", "replicas: 3", APART),
        // Two of them: one node is left.
        workload(
            "Deployment",
            "near",
            "replicas: 2",
            &APART.replace("[apart]", "[near]"),
        ),
        workload(
            "Deployment",
            "stuck",
            "replicas: 2\n  progressDeadlineSeconds: 1",
            NOWHERE,
        ),
        workload("Deployment", "sick", "replicas: 3", ""),
        budget("sick", "sick", "minAvailable: 2"),
        DISK.to_owned(),
        pod("stored", &owned, disk),
        job.to_owned(),
    ];
    cluster
        .kubectl_stdin(&["create", "-f", "-"], &manifest.concat())
        .ok();
}

/// The names of the pods of an application that run.
fn running(cluster: &Cluster, app: &str) -> Vec<String> {
    let selector = format!("app={app}");
    let get = [
        "get",
        "pods",
        "-l",
        &selector,
        "--field-selector=status.phase=Running",
    ];
    let names = cluster.kubectl(&[&get[..], &["-o=jsonpath={.items[*].metadata.name}"]].concat());
    names
        .ok()
        .stdout
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

/// Asks for the eviction of a pod, without carrying it out: the server's refusal, empty if it would be evicted.
fn evict(cluster: &Cluster, pod: &str) -> String {
    let eviction = format!(
        "{{apiVersion: policy/v1, kind: Eviction, metadata: {{name: {pod}, namespace: default}}, deleteOptions: {{dryRun: [All]}}}}"
    );
    let path = format!("/api/v1/namespaces/default/pods/{pod}/eviction");
    let eviction: serde_json::Value = serde_saphyr::from_str(&eviction).expect("YAML");
    let run = cluster.kubectl_stdin(
        &["create", "--raw", &path, "-f", "-"],
        &eviction.to_string(),
    );
    match run.code {
        0 => String::new(),
        _ => run.stderr,
    }
}

fn everything_in_the_way() -> Result<(), Failed> {
    let cluster = Cluster::options(NEWEST)
        .with_controllers()
        .with_kwok()
        .start();
    build(&cluster);
    for (app, count) in [
        ("sick", 3),
        ("apart", 3),
        ("slack", 2),
        ("near", 2),
        ("logs", 3),
        ("stored", 1),
        ("leaving", 1),
    ] {
        eventually(app, 60, || running(&cluster, app).len() >= count);
    }
    for pod in running(&cluster, "sick").iter().take(2) {
        let unready = r#"{"status":{"conditions":[{"type":"Ready","status":"False"}]}}"#;
        cluster
            .kubectl(&["patch", "pod", pod, "--subresource=status", "-p", unready])
            .ok();
    }
    cluster
        .kubectl(&["delete", "pod", "leaving", "--wait=false"])
        .ok();
    let slack = running(&cluster, "slack");
    let (ready, unready) = (&slack[0], &slack[1]);
    cluster
        .kubectl(&[
            "patch",
            "pod",
            unready,
            "--subresource=status",
            "-p",
            r#"{"status":{"conditions":[{"type":"Ready","status":"False"}]}}"#,
        ])
        .ok();
    // The server's own word on AlwaysAllow.
    eventually("the budget is computed", 30, || {
        evict(&cluster, ready).contains("disruption budget")
    });
    assert_eq!(evict(&cluster, unready), "");
    let image = ["set", "image", "daemonset/logs", "main=main:2"];
    cluster.kubectl(&image).ok();

    let check = |args: &[&str]| cluster.check(&[&["-o", "json"], args].concat());
    eventually("the controllers have written what they see", 60, || {
        let report = check(&[]).json();
        let warns = |id: &str| !named(&report, id, "warning").is_empty();
        [
            "pdb-syncfailed",
            "pdb-zero",
            "wl-not-rolled-out",
            "wl-ondelete",
        ]
        .into_iter()
        .all(warns)
            && named(&report, "pdb-zero", "note") == ["sick"]
    });
    let run = check(&[]);
    assert_eq!(run.code, 3, "{}\n{}", run.stdout, run.stderr);
    let report = run.json();
    for (id, severity, names) in [
        ("pdb-impossible", "blocker", &["slack", "tight"][..]),
        ("pdb-multiple", "blocker", &["twice-a", "twice-b"]),
        ("pdb-syncfailed", "warning", &["odd"]),
        ("pdb-zero", "warning", &["custom"]),
        ("pdb-nomatch", "note", &[]),
        ("pdb-unhealthy-stuck", "warning", &[]),
        ("pod-bare", "warning", &["bare"]),
        ("pod-long-grace", "warning", &["patient"]),
        ("pod-node-pinned", "warning", &["pinned"]),
        ("pod-local-pv", "warning", &["stored"]),
        ("pod-terminating", "warning", &[]),
        ("wl-single-replica", "warning", &["single"]),
        ("wl-not-rolled-out", "warning", &["stuck"]),
        ("wl-ondelete", "warning", &["logs"]),
        ("job-running", "warning", &["once"]),
    ] {
        assert_eq!(named(&report, id, severity), names, "{id}: {report:#}");
    }
    let apart = named(&report, "pod-antiaffinity-full", "warning");
    let all_apart = apart.iter().all(|name| name.starts_with("apart-"));
    assert!(apart.len() == 3 && all_apart, "{apart:?}");

    // An hour later, by the clock of the check.
    let later = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
    let report = check(&["--now", &later.to_string()]).json();
    assert_eq!(
        named(&report, "pdb-unhealthy-stuck", "warning"),
        ["sick"],
        "{report:#}"
    );
    assert_eq!(
        named(&report, "pod-terminating", "warning"),
        ["leaving"],
        "{report:#}"
    );
    Ok(())
}

/// Through v1beta1 an empty selector selects nothing, through v1 everything.
fn empty_selector() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    for (version, name) in [("v1beta1", "nothing"), ("v1", "all")] {
        let manifest = format!(
            "apiVersion: policy/{version}\nkind: PodDisruptionBudget\nmetadata: {{name: {name}}}\n\
             spec: {{maxUnavailable: 1, selector: {{}}}}\n"
        );
        cluster
            .kubectl_stdin(&["create", "-f", "-"], &manifest)
            .ok();
    }
    let report = cluster.check(&["--to", "1.25", "-o", "json"]).json();
    assert_eq!(
        named(&report, "pdb-empty-selector", "warning"),
        ["nothing"],
        "{report:#}"
    );
    Ok(())
}
