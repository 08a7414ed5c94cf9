//! Kyma 1.13 on its way to 1.15, on an API server that reports the Kubernetes of its day. Recorded as `examples/kyma.snapshot`;
//! `make example` records it again.

use std::fs;
use std::path::Path;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::detect::{define, definition, deployment, namespaces};
use crate::harness::{Cluster, Need, create, eventually};

/// The sources of 1.24 that report it: `tests/control-plane/build.sh`.
const OF_ITS_DAY: &str = "1.16.15";
/// Reports [`NEXT_REPORTED`], which Kyma 1.24 and 2.0 run on.
const NEXT: &str = "1.24.17";
const NEXT_REPORTED: &str = "1.20.15";
const IMAGE: &str = "eu.gcr.io/kyma-project/kyma-installer";
const GROUP: &str = "installer.kyma-project.io";
/// A value of a Secret, which must be nowhere.
const PASSWORD: &str = "correct-horse-battery";

scenarios! {
    from_1_13_to_1_15: [Need::ControlPlane(OF_ITS_DAY)],
    from_1_24_to_2_0: [Need::ControlPlane(NEXT)],
}

fn build(cluster: &Cluster) {
    let kinds = [
        (GROUP, "v1alpha1", "Installation", "installations"),
        ("kubeless.io", "v1beta1", "Function", "functions"),
        ("velero.io", "v1", "Backup", "backups"),
    ];
    let definitions = kinds.map(|(group, version, kind, plural)| {
        definition(group, version, kind, plural, "Namespaced")
    });
    define(cluster, &definitions);
    create(
        cluster,
        &namespaces(&["kyma-installer", "kyma-system", "shop"]),
    );
    let overrides = |name: &str, component: &str| {
        json!({"name": name, "namespace": "kyma-installer",
            "labels": {"installer": "overrides", "component": component}})
    };
    create(
        cluster,
        &[
            deployment(
                "kyma-installer",
                "kyma-installer",
                &format!("{IMAGE}:1.13.0"),
            ),
            deployment(
                "kyma-system",
                "core-console",
                "eu.gcr.io/kyma-project/console:4c9cb4d1",
            ),
            json!({"apiVersion": format!("{GROUP}/v1alpha1"), "kind": "Installation",
                "metadata": {"name": "kyma-installation", "namespace": "default"},
                "spec": {"version": "0.0.1", "components": [
                    {"name": "cluster-essentials"}, {"name": "istio"}, {"name": "knative-serving-init"},
                    {"name": "serverless"}, {"name": "core"}, {"name": "logging"}, {"name": "monitoring"},
                    {"name": "shop-gateway", "namespace": "shop"}]},
                "status": {"state": "Installed", "description": "Kyma installed"}}),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": overrides("serverless-overrides", "serverless"),
                "data": {"docker-registry.enabled": "false"}}),
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": overrides("registry-overrides", "serverless"),
                "stringData": {"config.dockerRegistry.password": PASSWORD}}),
            json!({"apiVersion": "kubeless.io/v1beta1", "kind": "Function",
                "metadata": {"name": "invoice", "namespace": "shop"}}),
        ],
    );
}

/// The state of a step.
fn state(plan: &Value, id: &str) -> String {
    let steps = plan["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["id"] == id);
    let state = step.and_then(|step| step["state"].as_str());
    state.unwrap_or_else(|| panic!("{id}: {plan:#}")).to_owned()
}

fn plan(cluster: &Cluster, more: &[&str]) -> Value {
    let run = cluster.plan(&[&["--to", "kyma=1.15", "-o", "json"], more].concat());
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{}", run.stderr))
}

fn from_1_13_to_1_15() -> Result<(), Failed> {
    let cluster = Cluster::start(OF_ITS_DAY);
    build(&cluster);
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("kyma.snapshot");
    let shown = file.to_string_lossy();
    let first = plan(&cluster, &["--save-snapshot", &shown]);
    let hops: Vec<&Value> = first["path"].as_array().expect("hops").iter().collect();
    assert_eq!(
        (hops.len(), &hops[0]["from"]),
        (2, &json!("1.13.0")),
        "{first:#}"
    );
    assert_eq!(
        (&hops[0]["to"], &hops[1]["to"]),
        (&json!("1.14.0"), &json!("1.15.1"))
    );
    assert_eq!(state(&first, "kyma-1.14.0-kubeless-gone"), "todo");
    assert_eq!(state(&first, "kyma-1.14.0-delete-installer"), "blocked");
    let text = first.to_string();
    for named in [
        "function/shop/invoice",
        "shop-gateway",
        "docker-registry.enabled",
        "config.dockerRegistry.password",
    ] {
        assert!(text.contains(named), "{named}: {first:#}");
    }
    let saved = String::from_utf8_lossy(&fs::read(&file)?).into_owned();
    assert!(!saved.contains(PASSWORD) && !text.contains(PASSWORD));
    recorded(&cluster, &file, &first)?;
    lines_are_accepted(&cluster, &first);

    cluster
        .kubectl(&["delete", "functions.kubeless.io", "invoice", "-n", "shop"])
        .ok();
    cluster
        .kubectl(&[
            "delete",
            "deployment",
            "kyma-installer",
            "-n",
            "kyma-installer",
        ])
        .ok();
    let from = ["--from", "kyma=1.13.0"];
    eventually("the installer is gone", 30, || {
        let deleted = plan(&cluster, &from);
        state(&deleted, "kyma-1.14.0-delete-installer") == "done"
            && state(&deleted, "kyma-1.14.0-apply-cluster") == "todo"
            && state(&deleted, "kyma-1.15.1-delete-installer") == "todo"
    });

    create(
        &cluster,
        &[deployment(
            "kyma-installer",
            "kyma-installer",
            &format!("{IMAGE}:1.14.0"),
        )],
    );
    cluster
        .kubectl(&[
            "label",
            "installation/kyma-installation",
            "-n",
            "default",
            "action=install",
        ])
        .ok();
    eventually(
        "the installation has begun, though its state is that of before",
        30,
        || {
            let applied = plan(&cluster, &[]);
            applied["path"][0]["to"] == "1.14.0"
                && state(&applied, "kyma-1.14.0-installed") == "doing"
        },
    );
    let failed = json!({"metadata": {"labels": {"action": null}}, "status": {"state": "Error",
        "description": "install component core",
        "conditions": [{"type": "Error", "status": "True"}, {"type": "Installing", "status": "False"}],
        "errorLog": [{"component": "core", "log": "Job failed", "occurrences": 6}]}});
    let patch = |patch: &Value| {
        let text = patch.to_string();
        let installation = ["patch", "installation/kyma-installation", "-n", "default"];
        cluster
            .kubectl(&[&installation[..], &["--type=merge", "-p", &text]].concat())
            .ok();
    };
    patch(&failed);
    eventually("the installer has given up", 30, || {
        let given_up = plan(&cluster, &[]);
        state(&given_up, "kyma-1.14.0-installed") == "blocked"
            && given_up.to_string().contains("core failed 6 times")
    });
    patch(&json!({"status": {"state": "Installed", "conditions": [], "errorLog": []}}));
    eventually("only the second hop is left", 30, || {
        plan(&cluster, &[])["path"].as_array().map(Vec::len) == Some(1)
    });
    Ok(())
}

/// The last release of Kyma 1: its overrides go into a file of values, and what it leaves behind is removed last.
fn from_1_24_to_2_0() -> Result<(), Failed> {
    let mut options = Cluster::options(NEXT);
    options.reported = Some(NEXT_REPORTED.to_owned());
    let cluster = options.start();
    let kinds = [
        (GROUP, "v1alpha1", "Installation", "installations"),
        ("gateway.kyma-project.io", "v1alpha1", "APIRule", "apirules"),
    ];
    let definitions = kinds.map(|(group, version, kind, plural)| {
        definition(group, version, kind, plural, "Namespaced")
    });
    define(&cluster, &definitions);
    create(
        &cluster,
        &namespaces(&["kyma-installer", "kyma-system", "shop"]),
    );
    create(
        &cluster,
        &[
            deployment(
                "kyma-installer",
                "kyma-installer",
                &format!("{IMAGE}:1.24.11"),
            ),
            json!({"apiVersion": format!("{GROUP}/v1alpha1"), "kind": "Installation",
                "metadata": {"name": "kyma-installation", "namespace": "default"},
                "spec": {"components": [{"name": "cluster-essentials"}, {"name": "istio"}, {"name": "ory"}]},
                "status": {"state": "Installed", "description": "Kyma installed"}}),
            json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "ory-overrides", "namespace": "kyma-installer",
                    "labels": {"installer": "overrides", "component": "ory"}},
                "data": {"hpa.oathkeeper.minReplicas": "3"}}),
            json!({"apiVersion": "gateway.kyma-project.io/v1alpha1", "kind": "APIRule",
                "metadata": {"name": "cart", "namespace": "shop"},
                "spec": {"rules": [{"accessStrategies": [{"handler": "jwt"}]}]}}),
        ],
    );
    let run = cluster.plan(&["--to", "kyma=2.0", "-o", "json"]);
    let plan: Value = serde_json::from_str(&run.stdout)?;
    assert_eq!(plan["path"][0]["from"], "1.24.11", "{plan:#}");
    let steps = plan["steps"].as_array().expect("steps");
    let at = |id: &str| {
        let id = format!("kyma-2.0.4-{id}");
        let at = steps.iter().position(|step| step["id"] == id.as_str());
        at.unwrap_or_else(|| panic!("{id}: {plan:#}"))
    };
    assert!(at("record") < at("values") && at("values") < at("deploy"));
    assert!(at("deploy") < at("jwt") && at("jwt") < at("clean-up-2.0"));
    assert!(
        steps[at("jwt")].to_string().contains("apirule/shop/cart"),
        "{plan:#}"
    );
    assert_eq!(steps[at("deploy")]["state"], "todo");
    assert_eq!(steps[at("clean-up-2.0")]["state"], "by-hand");
    Ok(())
}

/// The example is this cluster: `UPDATE_EXAMPLE` records it again.
fn recorded(cluster: &Cluster, fresh: &Path, live: &Value) -> Result<(), Failed> {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/kyma.snapshot");
    if std::env::var_os("UPDATE_EXAMPLE").is_some() {
        fs::copy(fresh, &example)?;
    }
    let replayed = cluster.plan(&[
        "--snapshot",
        &example.to_string_lossy(),
        "--to",
        "kyma=1.15",
        "-o",
        "json",
    ]);
    let replayed: Value = serde_json::from_str(&replayed.stdout)?;
    let story = |plan: &Value| {
        let steps = plan["steps"]
            .as_array()
            .cloned()
            .unwrap_or_default()
            .into_iter();
        let steps = steps.map(|step| json!([step["id"], step["state"], step["objects"]]));
        steps.collect::<Vec<_>>()
    };
    assert_eq!(
        story(&replayed),
        story(live),
        "examples/kyma.snapshot is out of date: run `make example`"
    );
    Ok(())
}

/// Lines that read are understood by kubectl, whether or not there is something to read.
fn lines_are_accepted(cluster: &Cluster, plan: &Value) {
    let steps = plan["steps"].as_array().expect("steps").iter();
    let lines = steps.flat_map(|step| step["commands"].as_array().expect("commands"));
    let mut tried = 0;
    for line in lines
        .filter_map(Value::as_str)
        .filter(|line| line.starts_with("kubectl "))
    {
        let line = line.split(" > ").next().expect("a command");
        let words = shlex::split(line).expect("words");
        let words: Vec<&str> = words.iter().skip(1).map(String::as_str).collect();
        if !words.contains(&"get") {
            continue;
        }
        let run = cluster.kubectl(&words);
        let is_understood = run.code == 0
            || run.stderr.contains("doesn't have a resource type")
            || run.stderr.contains("NotFound");
        assert!(is_understood, "{line}: {}", run.stderr);
        tried += 1;
    }
    assert!(tried > 5, "{tried} lines");
}
