//! Several clusters in one run: contexts of a kubeconfig, and clusters that a management cluster of DKP has kubeconfigs for.

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

use crate::detect::{define, definition, namespaces};
use crate::harness::{Need, create};
use crate::programs::{check, command_of};
use crate::testbed::cluster::Cluster;
use crate::testbed::run::{Run, run};

const OLD: &str = "1.24.17";
const NEWEST: &str = "1.37.0";
/// The Kubernetes that DKP 2.1 ran on.
const DKP_KUBERNETES: &str = "1.21.14";
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

/// The objects of the DKP management cluster of the golden plans, and more of what it looks after.
fn management_objects() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plans/dkp.yaml");
    let text = fs::read_to_string(path).expect("the fixture");
    let fixture: Value = serde_saphyr::from_str(&text).expect("YAML");
    let mut objects = fixture["objects"].as_array().expect("objects").clone();
    let kommander = "kommander.mesosphere.io/v1beta1";
    let workspaces = "workspaces.kommander.mesosphere.io/v1alpha1";
    let capi = "cluster.x-k8s.io/v1alpha4";
    objects.extend([
        json!({"apiVersion": workspaces, "kind": "Workspace", "metadata": {"name": "stores"},
            "status": {"namespaceRef": {"name": "stores"}}}),
        json!({"apiVersion": workspaces, "kind": "Project", "metadata": {"name": "tills", "namespace": "stores"},
            "status": {"namespaceRef": {"name": "tills-q2w3e"}}}),
        json!({"apiVersion": kommander, "kind": "KommanderCluster",
            "metadata": {"name": "west", "namespace": "stores"},
            "spec": {"clusterRef": {"capiCluster": {"name": "west", "namespace": "stores"}}},
            "status": {"phase": "Joined", "kubernetesVersion": "v1.21.6"}}),
        json!({"apiVersion": capi, "kind": "Cluster",
            "metadata": {"name": "west", "namespace": "stores", "labels": {"konvoy.d2iq.io/provider": "aws"}},
            "spec": {"controlPlaneRef": {"kind": "KubeadmControlPlane", "name": "west-control-plane"},
                "infrastructureRef": {"kind": "AWSCluster", "name": "west"}},
            "status": {"phase": "Provisioned"}}),
        json!({"apiVersion": "controlplane.cluster.x-k8s.io/v1alpha4", "kind": "KubeadmControlPlane",
            "metadata": {"name": "west-control-plane", "namespace": "stores"},
            "spec": {"version": "v1.21.6", "replicas": 1}, "status": {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}}),
        json!({"apiVersion": capi, "kind": "MachineDeployment", "metadata": {"name": "west-md-0", "namespace": "stores"},
            "spec": {"clusterName": "west", "replicas": 1, "template": {"spec": {"version": "v1.21.6"}}},
            "status": {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}}),
    ]);
    objects
}

/// Definitions of all kinds of these objects that Kubernetes does not have.
fn definitions_of(objects: &[Value]) -> Vec<Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kinds: BTreeSet<(String, String, bool)> = objects
        .iter()
        .map(|object| {
            let is_namespaced = object["metadata"]["namespace"].is_string();
            (
                text(&object["apiVersion"]),
                text(&object["kind"]),
                is_namespaced,
            )
        })
        .collect();
    let custom = kinds
        .iter()
        .filter_map(|(api_version, kind, is_namespaced)| {
            let (group, version) = api_version.split_once('/')?;
            let scope = if *is_namespaced {
                "Namespaced"
            } else {
                "Cluster"
            };
            let plural = kind.to_lowercase()
                + if kind.ends_with("Repository") {
                    ""
                } else {
                    "s"
                };
            let plural = plural.replace("repository", "repositories");
            Some(definition(group, version, kind, &plural, scope))
        });
    custom.collect()
}

/// The Secret in which a management cluster has a kubeconfig.
fn secret(namespace: &str, name: &str, kubeconfig: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "cluster.x-k8s.io/secret",
        "metadata": {"namespace": namespace, "name": name},
        "data": {"value": STANDARD.encode(kubeconfig.to_string())}})
}

/// A kubeconfig of a cluster as Cluster API writes it: everything is in it.
fn inline_kubeconfig(cluster: &Cluster) -> Value {
    let text = fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    let entry = &mut config["clusters"][0]["cluster"];
    let ca = entry["certificate-authority"]
        .as_str()
        .expect("a path")
        .to_owned();
    let ca = fs::read(ca).expect("an authority");
    entry
        .as_object_mut()
        .expect("an object")
        .remove("certificate-authority");
    entry["certificate-authority-data"] = json!(STANDARD.encode(ca));
    config
}

fn start_at_dkp_2_1() -> Cluster {
    let mut options = Cluster::options(OLD);
    options.reported = Some(DKP_KUBERNETES.to_owned());
    options.start()
}

fn managed_clusters() -> Result<(), Failed> {
    let [management, east, west] = [(); 3].map(|()| start_at_dkp_2_1());
    let objects = management_objects();
    define(&management, &definitions_of(&objects));
    let own = [
        "kommander",
        "kommander-flux",
        "retail-ns",
        "checkout-x7k2p",
        "logistics",
        "stores",
        "tills-q2w3e",
        "capi-system",
    ];
    create(&management, &namespaces(&own));
    create(&management, &objects);
    let marker = management.folder.file("ran");
    let mut office = inline_kubeconfig(&east);
    office["users"][0]["user"] = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1",
        "command": "touch", "args": [marker], "interactiveMode": "Never"}});
    create(
        &management,
        &[
            secret("retail-ns", "east-kubeconfig", &inline_kubeconfig(&east)),
            secret("stores", "west-kubeconfig", &inline_kubeconfig(&west)),
            secret("logistics", "office-kubeconfig", &office),
        ],
    );
    // An Ingress that 1.22 does not serve in this version.
    let ingress = json!({"apiVersion": "extensions/v1beta1", "kind": "Ingress",
        "metadata": {"name": "till", "namespace": "default"},
        "spec": {"defaultBackend": {"service": {"name": "till", "port": {"number": 80}}}}});
    create(&east, &[helm_record("till", &ingress)]);
    for cluster in [&east, &west] {
        cluster.add_node("worker-1", DKP_KUBERNETES);
    }
    check_managed(&management);
    plan_managed(&management);
    hostile_kubeconfigs(&management, &inline_kubeconfig(&east), &marker);
    assert!(!marker.exists(), "a program of a Secret ran");
    for cluster in [&management, &east, &west] {
        let events = cluster.audit_log();
        let ours = events.iter().filter(|event| {
            event["userAgent"]
                .as_str()
                .is_some_and(|agent| agent.starts_with("kubectl-upgrade-"))
        });
        let verbs: BTreeSet<&str> = ours.filter_map(|event| event["verb"].as_str()).collect();
        assert!(verbs.contains("list"), "it was read: {verbs:?}");
        assert!(
            verbs.iter().all(|verb| matches!(*verb, "get" | "list")),
            "{verbs:?}"
        );
    }
    Ok(())
}

fn check_managed(management: &Cluster) {
    let saved = management.folder.arg("fleet.snapshot");
    let to = [
        "--to",
        "dkp=2.2.2",
        "-o",
        "json",
        "--now",
        "2026-11-30T12:00:00Z",
    ];
    let alone = management.check(&to).json();
    assert_eq!(alone["clusters"].as_array().map(Vec::len), Some(1));
    let run = management.check(
        &[
            &to[..],
            &["--clusters", "all", "--save-snapshot", &saved, "-v", "9"],
        ]
        .concat(),
    );
    assert_eq!(run.code, 3, "{}", run.stderr);
    let report = run.json();
    let ids: Vec<&Value> = report["clusters"]
        .as_array()
        .expect("clusters")
        .iter()
        .map(|row| &row["cluster"])
        .collect();
    assert_eq!(
        json!(ids),
        json!(["test", "retail-ns/east", "stores/west", "logistics/office"])
    );
    for id in ["retail-ns/east", "stores/west"] {
        assert_eq!(row(&report, id)["kubernetesVersion"], DKP_KUBERNETES);
        assert_eq!(
            row(&report, id)["path"][0]["to"],
            "1.22.8",
            "that of the management cluster"
        );
    }
    assert!(
        blockers(&report).contains(&("retail-ns/east".to_owned(), "api-removed".to_owned())),
        "{:#}",
        report["findings"]
    );
    assert!(
        !blockers(&report)
            .iter()
            .any(|(cluster, _)| cluster == "stores/west")
    );
    let gaps = report["gaps"].as_array().expect("gaps");
    let of_office: Vec<_> = gaps
        .iter()
        .filter(|gap| gap["cluster"] == "logistics/office")
        .collect();
    assert_eq!(of_office.len(), 1, "{gaps:#?}");
    assert!(
        of_office[0]["why"].to_string().contains("it has exec"),
        "{of_office:#?}"
    );
    assert!(
        !gaps
            .iter()
            .any(|gap| gap["what"].to_string().contains("release of DKP")),
        "{gaps:#?}"
    );
    // Nothing of a kubeconfig leaves memory.
    for text in [&run.stdout, &run.stderr] {
        assert!(!text.contains("token-of-"), "{text}");
    }
    let file = std::process::Command::new("gzip")
        .args(["-dc", &saved])
        .output()
        .expect("gzip");
    let file = String::from_utf8_lossy(&file.stdout).into_owned();
    assert!(file.contains("retail-ns/east") && !file.contains("token-of-"));
    let again = management.check(&[&to[..], &["--snapshot", &saved]].concat());
    assert_eq!((again.code, again.json()), (3, report));
    let example = example(&saved);
    let example = management.check(&[&to[..], &["--snapshot", &example]].concat());
    assert_eq!(
        story(&example.json()),
        story(&again.json()),
        "examples/dkp.snapshot is out of date: run `make example`"
    );
    // With pseudonyms too.
    let redact = [&to[..], &["--redact"]].concat();
    let redacted = management.check(&[&redact[..], &["--clusters", "all"]].concat());
    let from_file = management.check(&[&redact[..], &["--snapshot", &saved]].concat());
    for name in ["retail-ns", "stores/west", "office"] {
        assert!(!redacted.stdout.contains(name), "{}", redacted.stdout);
    }
    let (redacted, from_file) = (redacted.json(), from_file.json());
    for key in ["clusters", "findings", "verdict"] {
        assert_eq!(from_file[key], redacted[key], "{key}");
    }
    assert_eq!(redacted["summary"], again.json()["summary"]);
    // One of them by name; the others stay gaps.
    let one = management
        .check(&[&to[..], &["--clusters", "west"]].concat())
        .json();
    let ids: Vec<&Value> = one["clusters"]
        .as_array()
        .expect("clusters")
        .iter()
        .map(|row| &row["cluster"])
        .collect();
    assert_eq!(json!(ids), json!(["test", "stores/west"]));
    assert!(
        one["gaps"]
            .to_string()
            .contains("the managed cluster retail-ns/east")
    );
    let unknown = management.check(&["--clusters", "north"]);
    assert_eq!(unknown.code, 2, "{}", unknown.stderr);
    assert!(
        unknown.stderr.contains("retail-ns/east"),
        "{}",
        unknown.stderr
    );
    permissions(management);
}

/// The example of the README is this run: `UPDATE_EXAMPLE` records it again.
fn example(fresh: &str) -> String {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/dkp.snapshot");
    if std::env::var_os("UPDATE_EXAMPLE").is_some() {
        std::fs::copy(fresh, &example).expect("a copy");
    }
    example.to_string_lossy().into_owned()
}

/// What a report says, without times and addresses.
fn story(report: &Value) -> Value {
    let findings = report["findings"].as_array().expect("findings").iter();
    let findings = findings.map(|finding| {
        let objects = finding["objects"].as_array().expect("objects").iter();
        let objects =
            objects.map(|object| json!([object["cluster"], object["kind"], object["name"]]));
        json!([
            finding["id"],
            finding["severity"],
            objects.collect::<Vec<_>>()
        ])
    });
    let gaps = report["gaps"].as_array().expect("gaps").iter();
    let gaps = gaps.map(|gap| json!([gap["cluster"], gap["what"]]));
    json!([findings.collect::<Vec<_>>(), gaps.collect::<Vec<_>>()])
}

/// `rbac` has the Secrets by name with the flag, and without it not.
fn permissions(management: &Cluster) {
    let with = management.check(&["rbac", "--clusters", "all"]).ok().stdout;
    let without = management.check(&["rbac"]).ok().stdout;
    for name in ["east-kubeconfig", "west-kubeconfig", "office-kubeconfig"] {
        assert!(with.contains(name), "{with}");
        assert!(!without.contains(name), "{without}");
    }
    // A user who may read everything else.
    let no_secrets = management.check(&["rbac", "--no-secrets"]).ok().stdout;
    management
        .kubectl_stdin(&["apply", "-f", "-"], &no_secrets)
        .ok();
    management
        .kubectl(&[
            "create",
            "clusterrolebinding",
            "limited",
            "--clusterrole=kubectl-upgrade-reader-no-secrets",
            "--user=limited-0",
        ])
        .ok();
    let refused = check(
        management.kubeconfig_for("limited-0"),
        &["--clusters", "west", "-o", "json"],
    );
    assert_eq!(refused.code, 3, "its own blockers: {}", refused.stderr);
    let report = refused.json();
    let gaps = report["gaps"].as_array().expect("gaps");
    let gap = gaps
        .iter()
        .find(|gap| gap["cluster"] == "stores/west")
        .expect("a gap");
    assert_eq!(
        gap["rbac"]["resourceNames"],
        json!(["west-kubeconfig"]),
        "{gap:#}"
    );
    assert_eq!(gap["rbac"]["verbs"], json!(["get"]));
}

fn plan_managed(management: &Cluster) {
    let plan = |args: &[&str]| {
        let home = management.folder.file("home");
        let mut command = command_of(
            env!("CARGO_BIN_EXE_kubectl-upgrade-plan"),
            &management.kubeconfig(),
            &home,
        );
        command.args(["--to", "dkp=2.2.2", "-o", "json"]).args(args);
        run(command, "").json()
    };
    let alone = plan(&[]);
    let fleet = plan(&["--clusters", "all"]);
    let steps = fleet["steps"].as_array().expect("steps");
    let ids: Vec<&str> = steps
        .iter()
        .filter_map(|step| step["id"].as_str())
        .collect();
    // The steps of the management cluster's plan are there as they were, and what east must resolve.
    let own: Vec<&str> = ids
        .iter()
        .copied()
        .filter(|id| !id.starts_with("retail-ns/east/"))
        .collect();
    let before: Vec<&str> = alone["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|step| step["id"].as_str())
        .collect();
    assert_eq!(own, before);
    assert!(own.len() < ids.len(), "{ids:?}");
    let mut clusters: Vec<&str> = steps
        .iter()
        .filter_map(|step| step["cluster"].as_str())
        .collect();
    clusters.dedup();
    assert_eq!(
        clusters,
        ["test", "retail-ns/east", "stores/west", "logistics/office"]
    );
    // Named as they are called in this cluster, in the order of the procedure.
    let place = |text: &str| {
        let found = steps.iter().position(|step| {
            step["title"]
                .as_str()
                .is_some_and(|title| title.contains(text))
        });
        found.unwrap_or_else(|| panic!("no step {text:?}: {ids:#?}"))
    };
    let order = [
        "workspace logistics",
        "workspace retail",
        "workspace stores",
        "orders-kafka",
        "zookeeper-operator",
        "till",
        "control plane of mgmt",
        "managed cluster east",
        "managed cluster west",
        "attached cluster office",
    ];
    let places: Vec<usize> = order.iter().map(|text| place(text)).collect();
    assert!(
        places.is_sorted(),
        "{:?}",
        order.iter().zip(&places).collect::<Vec<_>>()
    );
    let control_plane = |cluster: &str| {
        steps
            .iter()
            .find(|step| {
                step["cluster"] == cluster
                    && step["id"]
                        .as_str()
                        .is_some_and(|id| id.contains("control-plane"))
            })
            .expect("a step")
    };
    assert_eq!(control_plane("retail-ns/east")["state"], "blocked");
    assert_ne!(control_plane("stores/west")["state"], "blocked");
}

/// Kubeconfigs that a Secret must not have, or that lead nowhere: each is a gap, and the rest is reported.
fn hostile_kubeconfigs(management: &Cluster, good: &Value, marker: &Path) {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = format!("https://{}", silent.local_addr().expect("an address"));
    let with = |pointer: &str, value: Value| {
        let mut config = good.clone();
        *config.pointer_mut(pointer).expect("a field") = value;
        secret("logistics", "office-kubeconfig", &config)
    };
    let server = "/clusters/0/cluster/server";
    let raw = |key: &str, text: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": "cluster.x-k8s.io/secret",
            "metadata": {"namespace": "logistics", "name": "office-kubeconfig"},
            "data": {key: STANDARD.encode(text)}})
    };
    let trials = [
        (
            with("/users/0/user", json!({"tokenFile": marker})),
            "it has tokenFile",
        ),
        (
            with(
                "/users/0/user",
                json!({"client-certificate": marker, "client-key": marker}),
            ),
            "it has client-certificate, client-key",
        ),
        (
            with(
                "/clusters/0/cluster",
                json!({"server": NOBODY, "certificate-authority": marker}),
            ),
            "it has certificate-authority",
        ),
        (
            with("/users/0/user", json!({"auth-provider": {"name": "oidc"}})),
            "it has auth-provider",
        ),
        (with(server, json!(NOBODY)), "was refused"),
        (with(server, json!(silent)), "Gave up waiting"),
        (
            with(server, json!("ftp://office")),
            "the scheme must be https or http",
        ),
        (
            with("/current-context", json!("s3cret")),
            "its current-context is not set",
        ),
        (raw("value", "s3cret: ["), "it holds no kubeconfig"),
        (
            raw("token", "s3cret"),
            "it has no usable key value or kubeconfig",
        ),
    ];
    for (secret, expected) in trials {
        management
            .kubectl_stdin(&["replace", "-f", "-"], &secret.to_string())
            .ok();
        let run = management.check(&[
            "--clusters",
            "office",
            "--only",
            "k8s-eol",
            "--request-timeout",
            "2s",
            "-o",
            "json",
            "-v",
            "9",
        ]);
        assert_eq!(run.code, 4, "{expected}: {}\n{}", run.stdout, run.stderr);
        let report = run.json();
        let gaps = report["gaps"].as_array().expect("gaps").iter();
        let gaps: Vec<_> = gaps
            .filter(|gap| gap["cluster"] == "logistics/office")
            .collect();
        assert_eq!(gaps.len(), 1, "{gaps:#?}");
        assert!(
            gaps[0]["why"]
                .as_str()
                .is_some_and(|why| why.contains(expected)),
            "{gaps:#?}"
        );
        assert_eq!(row(&report, "test")["kubernetesVersion"], DKP_KUBERNETES);
        for text in [&run.stdout, &run.stderr] {
            assert!(
                !text.contains("token-of-") && !text.contains("s3cret"),
                "{text}"
            );
        }
    }
    management
        .kubectl(&["delete", "secret", "office-kubeconfig", "-n", "logistics"])
        .ok();
    let run = management.check(&["--clusters", "office", "--only", "k8s-eol", "-o", "json"]);
    assert_eq!(run.code, 4);
    let missing =
        "Secret logistics/office-kubeconfig could not be read: Error from server (NotFound)";
    assert!(run.stdout.contains(missing), "{}", run.stdout);
}
