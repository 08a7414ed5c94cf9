//! A management cluster of DKP with two managed clusters and an attached one.

use std::collections::BTreeSet;
use std::path::Path;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::dkp::{
    DKP_KUBERNETES, definitions_of, inline_kubeconfig, management_objects, secret, start_at_dkp_2_1,
};
use super::hostile::hostile_kubeconfigs;
use super::{blockers, helm_record, row};
use crate::detect::{define, namespaces};
use crate::harness::create;
use crate::programs::{check, command_of};
use crate::testbed::cluster::Cluster;
use crate::testbed::run::run;

pub(super) fn managed_clusters() -> Result<(), Failed> {
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
