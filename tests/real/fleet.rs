//! Several clusters in one run: contexts of a kubeconfig, and clusters that a management cluster of DKP has kubeconfigs for.

pub(crate) mod dkp;
mod hostile;
mod managed;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::harness::Need;
use crate::programs::{check, command_of};
use crate::testbed::cluster::Cluster;
use crate::testbed::run::{Run, run};
use managed::managed_clusters;

const OLD: &str = "1.24.17";
const NEWEST: &str = "1.37.0";
/// Nobody listens there.
const NOBODY: &str = "https://127.0.0.1:9";

scenarios! {
    contexts: [Need::ControlPlane(OLD), Need::ControlPlane(NEWEST)],
    managed_clusters: [Need::ControlPlane(OLD)],
}

/// One kubeconfig with a context for each of these: its name, the cluster or nobody, and the user.
fn kubeconfig_of(contexts: &[(&str, Option<&Cluster>, &str)], folder: &Path) -> PathBuf {
    let one = |(name, cluster, user): &(&str, Option<&Cluster>, &str)| {
        let own = cluster.map(|cluster| {
            let text = fs::read_to_string(cluster.kubeconfig_for(user)).expect("a kubeconfig");
            let own: Value = serde_json::from_str(&text).expect("JSON");
            (
                own["clusters"][0]["cluster"].clone(),
                own["users"][0]["user"].clone(),
            )
        });
        let (cluster, user) = own.unwrap_or((json!({"server": NOBODY}), json!({"token": "t"})));
        (
            json!({"name": name, "context": {"cluster": name, "user": name}}),
            json!({"name": name, "cluster": cluster}),
            json!({"name": name, "user": user}),
        )
    };
    let all: Vec<_> = contexts.iter().map(one).collect();
    let parts = |pick: fn(&(Value, Value, Value)) -> &Value| -> Vec<Value> {
        all.iter().map(pick).cloned().collect()
    };
    let config = json!({
        "apiVersion": "v1", "kind": "Config",
        "contexts": parts(|one| &one.0), "clusters": parts(|one| &one.1), "users": parts(|one| &one.2),
    });
    let path = folder.join("fleet.kubeconfig");
    fs::write(&path, config.to_string()).expect("a kubeconfig");
    path
}

/// The row of a cluster: its version, verdict and counts of blockers and gaps.
fn row<'a>(report: &'a Value, id: &str) -> &'a Value {
    let mut rows = report["clusters"].as_array().expect("clusters").iter();
    rows.find(|row| row["cluster"] == id)
        .unwrap_or_else(|| panic!("no row of {id}: {:#}", report["clusters"]))
}

/// Rules with blockers, by cluster.
fn blockers(report: &Value) -> BTreeSet<(String, String)> {
    let findings = report["findings"].as_array().expect("findings").iter();
    let blockers = findings.filter(|finding| finding["severity"] == "blocker");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    blockers
        .map(|finding| {
            (
                text(&finding["objects"][0]["cluster"]),
                text(&finding["id"]),
            )
        })
        .collect()
}

/// A budget of a version that 1.25 does not serve.
fn old_budget() -> Value {
    json!({"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "checkout", "namespace": "default"}, "spec": {"maxUnavailable": 1}})
}

/// What Helm remembers of a release with this manifest.
fn helm_record(name: &str, manifest: &Value) -> Value {
    let record = json!({"name": name, "namespace": "default", "version": 1,
        "info": {"status": "deployed", "last_deployed": "2022-06-01T08:00:00Z"},
        "chart": {"metadata": {"name": name, "version": "1.0.0"}},
        "manifest": format!("---\n# Source: {name}/templates/{name}.yaml\n{manifest}\n")});
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(record.to_string().as_bytes()).expect("gzip");
    let packed = STANDARD.encode(gzip.finish().expect("gzip"));
    json!({"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
        "metadata": {"namespace": "default", "name": format!("sh.helm.release.v1.{name}.v1"),
            "labels": {"owner": "helm", "name": name, "status": "deployed", "version": "1"}},
        "data": {"release": STANDARD.encode(packed)}})
}

fn contexts() -> Result<(), Failed> {
    let old = Cluster::start(OLD);
    let new = Cluster::start(NEWEST);
    old.kubectl_stdin(&["apply", "-f", "-"], &old_budget().to_string())
        .ok();
    let home = tempfile::tempdir()?;
    let kubeconfig = kubeconfig_of(
        &[
            ("new", Some(&new), "admin"),
            ("gone", None, ""),
            ("old", Some(&old), "admin"),
            ("old-again", Some(&old), "admin"),
        ],
        home.path(),
    );
    let fleet = |args: &[&str]| check(&kubeconfig, args);
    let saved = home.path().join("fleet.snapshot");
    let saved = saved.to_str().expect("UTF-8");
    let now = "2026-11-30T12:00:00Z";
    let common = ["--now", now, "-o", "json"];
    let live = fleet(
        &[
            &["--contexts", "all", "--save-snapshot", saved][..],
            &common,
        ]
        .concat(),
    );
    assert_eq!(live.code, 3, "blocked outranks incomplete\n{}", live.stderr);
    let report = live.json();
    let clusters = report["clusters"].as_array().expect("clusters");
    let rows: Vec<_> = clusters
        .iter()
        .map(|row| (&row["cluster"], &row["verdict"]))
        .collect();
    // Once, although two contexts lead to it; what was not read comes last.
    assert_eq!(
        json!(rows),
        json!([["new", "ready"], ["old", "blocked"], ["gone", "incomplete"]])
    );
    assert_eq!(row(&report, "old")["kubernetesVersion"], OLD);
    assert_eq!(row(&report, "old")["path"][0]["to"], "1.25.16");
    assert_eq!(row(&report, "gone")["kubernetesVersion"], Value::Null);
    assert_eq!(
        blockers(&report),
        [("old".to_owned(), "api-removed".to_owned())].into()
    );
    let gaps = report["gaps"].as_array().expect("gaps");
    assert_eq!(gaps.len(), 1, "{gaps:#?}");
    assert_eq!(gaps[0]["cluster"], "gone");
    assert!(gaps[0]["why"].to_string().contains("refused"), "{gaps:#?}");
    assert!(
        report["remarks"]
            .to_string()
            .contains("old-again is the same cluster as old")
    );
    // The snapshot says the same.
    let again = fleet(&[&["--snapshot", saved][..], &common].concat());
    assert_eq!((again.code, again.json()), (3, report.clone()));
    // The other formats name every cluster.
    for format in ["table", "wide", "yaml", "markdown", "html"] {
        let run = fleet(&["--snapshot", saved, "-o", format]);
        for name in ["new", "old", "gone"] {
            assert!(run.stdout.contains(name), "{format}: {}", run.stdout);
        }
    }
    let baseline = home.path().join("baseline.json");
    fs::write(&baseline, &live.stdout)?;
    let baseline = baseline.to_str().expect("UTF-8");
    let known = fleet(&[
        "--contexts",
        "new,old",
        "--baseline",
        baseline,
        "-o",
        "json",
    ]);
    assert_eq!(
        known.code, 0,
        "what the baseline has does not fail\n{}",
        known.stdout
    );
    // Without the one that is down, and without the one that is blocked.
    assert_eq!(fleet(&["--contexts", "new,gone"]).code, 4);
    assert_eq!(fleet(&["--contexts", "new,gone", "--allow-gaps"]).code, 0);
    assert_eq!(fleet(&["--contexts", "new"]).code, 0);
    let nobody = fleet(&["--contexts", "gone"]);
    assert_eq!(nobody.code, 1);
    assert!(nobody.stderr.contains("refused"), "{}", nobody.stderr);
    redacted(&kubeconfig, saved);
    plan_of_contexts(&kubeconfig, home.path());
    usage(&kubeconfig, saved);
    Ok(())
}

/// No name is left, and a snapshot has the pseudonyms of the run.
fn redacted(kubeconfig: &Path, saved: &str) {
    let redact = ["--redact", "-o", "json", "--now", "2026-11-30T12:00:00Z"];
    let live = check(kubeconfig, &[&["--contexts", "all"][..], &redact].concat());
    let report = live.json();
    for name in ["\"new\"", "\"old\"", "old-again", "\"gone\"", "checkout"] {
        assert!(!live.stdout.contains(name), "{name}: {}", live.stdout);
    }
    let again = check(kubeconfig, &[&["--snapshot", saved][..], &redact].concat());
    assert_eq!(again.json()["clusters"], report["clusters"]);
    assert_eq!(again.json()["findings"], report["findings"]);
}

/// Each cluster in the order given, with its own path.
fn plan_of_contexts(kubeconfig: &Path, home: &Path) {
    let plan = |args: &[&str]| -> Run {
        let mut command = command_of(env!("CARGO_BIN_EXE_kubectl-upgrade-plan"), kubeconfig, home);
        command.args(args);
        run(command, "")
    };
    let run = plan(&[
        "--contexts",
        "old,gone,new",
        "--to",
        "kubernetes=1.38",
        "-o",
        "json",
    ]);
    assert_eq!(run.code, 4, "{}", run.stderr);
    let document = run.json();
    let steps = document["steps"].as_array().expect("steps").iter();
    let mut clusters: Vec<&str> = steps.filter_map(|step| step["cluster"].as_str()).collect();
    clusters.dedup();
    assert_eq!(clusters, ["old", "new"]);
    let text = plan(&["--contexts", "old,gone,new", "--to", "kubernetes=1.38"]).stdout;
    assert!(text.contains("old: Kubernetes 1.24.17 → 1.25"), "{text}");
    assert!(text.contains("new: Kubernetes 1.37.0 → 1.38"), "{text}");
}

fn usage(kubeconfig: &Path, saved: &str) {
    for args in [
        &["--contexts", "old", "--context", "new"][..],
        &["--contexts", "old", "--token", "t"],
        &["--contexts", "old", "--server", NOBODY],
        &["--contexts", "old", "--snapshot", saved],
        &["--contexts", "old", "--local", "--to", "1.25", "-f", "x"],
        &["--contexts", "old", "-f", "x"],
        &["--contexts", "old", "--clusters", "all"],
        &["--contexts", "old", "--max-clusters", "0"],
        &["rbac", "--contexts", "old"],
        &["--context", "old", "--clusters", "all"],
    ] {
        let run = check(kubeconfig, args);
        assert_eq!(run.code, 2, "{args:?}: {}", run.stderr);
    }
    let unknown = check(kubeconfig, &["--contexts", "old,nwe"]);
    assert_eq!(unknown.code, 1);
    assert!(
        unknown
            .stderr
            .contains("context \"nwe\" (--contexts) does not exist"),
        "{}",
        unknown.stderr
    );
}
