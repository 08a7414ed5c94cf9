//! An upgrade of DKP, followed on its management cluster: Kommander, two workspaces, a project and a managed cluster.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::detect::{define, definition, namespaces};
use crate::fleet::dkp::{definitions_of, management_objects, start_at_dkp_2_1};
use crate::harness::{Cluster, Need, create};
use crate::watch::{Watch, is_type, says};

scenarios! {
    from_kommander_to_a_managed_cluster: [Need::ControlPlane("1.24.17")],
}

fn patch(cluster: &Cluster, object: &str, namespace: &str, patch: &Value) {
    let line = ["patch", object, "-n", namespace, "--type=merge", "-p"];
    cluster
        .kubectl(&[&line[..], &[&patch.to_string()]].concat())
        .ok();
}

/// A HelmRelease at a chart version, as its controller writes it.
fn helm_release(wanted: &str, applied: &str, attempted: &str, ready: [&str; 3]) -> Value {
    let [status, reason, message] = ready;
    json!({"spec": {"chart": {"spec": {"version": wanted}}},
        "status": {"lastAppliedRevision": applied, "lastAttemptedRevision": attempted, "observedGeneration": 1000,
            "conditions": [{"type": "Ready", "status": status, "reason": reason, "message": message}]}})
}

const READY: [&str; 3] = [
    "True",
    "ReconciliationSucceeded",
    "Release reconciliation succeeded",
];

fn set_application(cluster: &Cluster, namespace: &str, reference: &str) {
    let app = reference.rsplit_once('-').expect("a version").0;
    let object = format!("appdeployment/{app}");
    patch(
        cluster,
        &object,
        namespace,
        &json!({"spec": {"appRef": {"name": reference}}}),
    );
}

/// The machines of a cluster run this version, or are being replaced.
fn set_machines(cluster: &Cluster, namespace: &str, name: &str, version: &str, updated: u8) {
    let counts = |more: Value| {
        let mut counts = json!({"replicas": 1, "updatedReplicas": updated, "readyReplicas": 1, "availableReplicas": 1, "observedGeneration": 1000});
        counts
            .as_object_mut()
            .expect("counts")
            .extend(more.as_object().expect("more").clone());
        counts
    };
    patch(
        cluster,
        &format!("kubeadmcontrolplane/{name}-control-plane"),
        namespace,
        &json!({"spec": {"version": version, "replicas": 1}, "status": counts(json!({"version": version}))}),
    );
    patch(
        cluster,
        &format!("machinedeployment/{name}-md-0"),
        namespace,
        &json!({"spec": {"replicas": 1, "template": {"spec": {"version": version}}}, "status": counts(json!({}))}),
    );
}

fn from_kommander_to_a_managed_cluster() -> Result<(), Failed> {
    let cluster = start_at_dkp_2_1();
    let objects = management_objects();
    let mut definitions = definitions_of(&objects);
    let group = "kustomize.toolkit.fluxcd.io";
    definitions.push(definition(
        group,
        "v1beta2",
        "Kustomization",
        "kustomizations",
        "Namespaced",
    ));
    define(&cluster, &definitions);
    let all: Vec<&str> = objects
        .iter()
        .filter_map(|object| object["metadata"]["namespace"].as_str())
        .filter(|namespace| !["default", "kube-system"].contains(namespace))
        .collect();
    let all = std::collections::BTreeSet::from_iter(all);
    create(&cluster, &namespaces(&Vec::from_iter(all)));
    create(&cluster, &objects);
    let watch = Watch::start(&cluster, &["--to", "dkp=2.2.2"]);
    watch.wait_for("what is next", says("Kommander is next"));
    let dependency =
        "dependencies do not meet ready condition (dependency 'kommander/kubefed' is not ready)";
    let waiting = ["False", "DependencyNotReady", dependency];
    let kommander = |ready, applied| {
        let release = helm_release("v2.2.2", applied, "v2.2.2", ready);
        patch(&cluster, "helmrelease/kommander", "kommander", &release);
    };
    kommander(waiting, "v2.1.1");
    watch.wait_for("a dependency", says(dependency));
    kommander(
        ["False", "UpgradeFailed", "upgrade retries exhausted"],
        "v2.1.1",
    );
    watch.wait_for("a failure", says("Kommander: upgrade retries exhausted"));
    kommander(READY, "v2.2.2");
    watch.wait_for(
        "its own applications",
        says("application fluent-bit of workspace kommander-workspace is next"),
    );
    set_application(&cluster, "kommander", "fluent-bit-0.19.20");
    // The runbook detaches it: DKP 2.2 looks after it no longer.
    watch.wait_for(
        "what is left",
        says("application metallb of workspace kommander-workspace is next"),
    );
    cluster
        .kubectl(&["delete", "appdeployment", "metallb", "-n", "kommander"])
        .ok();
    watch.wait_for(
        "a workspace",
        says("application traefik of workspace logistics is next"),
    );
    set_application(&cluster, "logistics", "traefik-10.9.1");
    watch.wait_for(
        "the other workspace",
        says("application traefik of workspace retail is next"),
    );
    set_application(&cluster, "retail-ns", "traefik-10.9.1");
    watch.wait_for(
        "the management cluster",
        says("cluster default/mgmt is next"),
    );
    for (namespace, name, next) in [
        ("default", "mgmt", "cluster retail-ns/east is next"),
        ("retail-ns", "east", "cluster stores/west is next"),
        (
            "stores",
            "west",
            "7 of 7 parts done; it is finished unless more follows",
        ),
    ] {
        set_machines(&cluster, namespace, name, "v1.22.8", 0);
        let rolling = format!("cluster {namespace}/{name}: machines are being replaced");
        watch.wait_for("its machines", says(&rolling));
        set_machines(&cluster, namespace, name, "v1.22.8", 1);
        watch.wait_for("what is next", says(next));
    }
    let events = watch.events();
    let picture = events.iter().find(|event| event["type"] == "picture");
    let message = picture
        .and_then(|event| event["message"].as_str())
        .unwrap_or_default();
    assert!(
        message.contains("upgraded by their owners: logistics/office v1.20.15"),
        "{message}"
    );
    assert!(
        !events.iter().any(is_type("finished")),
        "more may follow: {}",
        watch.process.log()
    );
    Ok(())
}
