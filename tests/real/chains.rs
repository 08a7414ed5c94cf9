//! What holds up an upgrade, each kind of it provoked on a real control plane: the chain from the node to the root.
//!
//! The test does what a kubelet and whoever drains nodes would do; budgets, quotas, pods and certificates are judged by the
//! real controllers.

use std::time::{Duration, Instant};

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::harness::{Cluster, Need, create, eventually};
use crate::watch::{Watch, is_type, text, watched, worker};

const VERSION: &str = "1.37.0";
const OLD: &str = "1.36.4";
/// How soon after the cordon a blocker is to be reported that waiting does not heal.
const SOON: Duration = Duration::from_secs(30);

scenarios! {
    every_kind_is_named: [Need::Controllers(VERSION), Need::Kwok],
    a_healthy_roll_names_none: [Need::Controllers(VERSION), Need::Kwok],
}

/// Whether an event says that something waits for this cause.
fn is_of(kind: &'static str, cause: &str) -> impl Fn(&Value) -> bool {
    move |event| event["type"] == kind && event["wait"]["cause"] == cause
}

/// The kinds and names of the chain of a blocker.
fn links(events: &[Value], cause: &str) -> String {
    let event = events.iter().find(|event| is_of("blocker", cause)(event));
    let chain = event.map(|event| event["chain"].as_array().expect("a chain").clone());
    let chain = chain.into_iter().flatten();
    let links = chain.map(|link| {
        format!(
            "{}/{}",
            link["kind"].as_str().expect("a kind"),
            link["name"].as_str().expect("a name")
        )
    });
    links.collect::<Vec<_>>().join(" > ")
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn pod(namespace: &str, name: &str, node: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": "web"}},
        "spec": {"nodeName": node, "terminationGracePeriodSeconds": 1,
            "containers": [{"name": "web", "image": "web:1"}]}})
}

fn budget(namespace: &str, name: &str, limit: Value) -> Value {
    let mut spec = limit;
    spec["selector"] = json!({"matchLabels": {"app": "web"}});
    json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"namespace": namespace, "name": name}, "spec": spec})
}

/// `web-0` on a node of its own, `web-1` elsewhere, and a budget that needs both.
fn pair(cause: &str) -> Vec<Value> {
    vec![
        pod(cause, "web-0", &node_of(cause)),
        pod(cause, "web-1", "spare"),
        budget(cause, "web", json!({"minAvailable": 2})),
    ]
}

/// Two pods of a ReplicaSet on a node of their own, with a budget that needs two.
fn set(cause: &str) -> Vec<Value> {
    let labels = json!({"app": "web"});
    let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"namespace": cause, "name": "web", "labels": labels},
        "spec": {"replicas": 2, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"nodeName": node_of(cause), "containers": [{"name": "web", "image": "web:1"}]}}}});
    vec![set, budget(cause, "web", json!({"minAvailable": 2}))]
}

fn node_of(cause: &str) -> String {
    format!("node-{cause}")
}

/// Sets the status of an object.
fn report(cluster: &Cluster, kind: &str, namespace: &str, name: &str, status: &Value) {
    let patch = json!({"status": status}).to_string();
    let what = ["patch", kind, name, "-n", namespace, "--subresource=status"];
    let args = [&what[..], &["--type=merge", "-p", &patch]].concat();
    cluster.kubectl(&args).ok();
}

/// `web-1` with a container that waits or does not answer, as a kubelet reports it.
fn unready(cluster: &Cluster, namespace: &str, container: &Value) {
    let mut container = container.clone();
    for (key, value) in [
        ("name", json!("web")),
        ("image", json!("web:1")),
        ("imageID", json!("")),
        ("ready", json!(false)),
    ] {
        container[key] = value;
    }
    if container["restartCount"].is_null() {
        container["restartCount"] = json!(0);
    }
    let message = "containers with unready status: [web]";
    let condition = json!({"type": "Ready", "status": "False", "reason": "ContainersNotReady", "message": message});
    let status = json!({"conditions": [condition], "containerStatuses": [container]});
    report(cluster, "pod", namespace, "web-1", &status);
}

/// The causes that are provoked by a pod that holds its budget, with what its kubelet reports.
fn unready_pods() -> Vec<(&'static str, Value)> {
    let waiting = |reason: &str, message: &str| json!({"state": {"waiting": {"reason": reason, "message": message}}});
    let pull = "Back-off pulling image \"web:1\": ErrImagePull: failed to pull and unpack image \"docker.io/library/web:1\": \
                failed to resolve reference \"docker.io/library/web:1\": docker.io/library/web:1: not found";
    let crash = "back-off 5m0s restarting failed container=web pod=web-1_shop(0c6c0d41)";
    let mut crashed = waiting("CrashLoopBackOff", crash);
    crashed["restartCount"] = json!(7);
    crashed["lastState"] = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    vec![
        ("image-pull", waiting("ImagePullBackOff", pull)),
        ("crash-loop", crashed),
        (
            "container-config",
            waiting("CreateContainerConfigError", "secret \"db\" not found"),
        ),
        (
            "probe-fails",
            json!({"started": true, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}),
        ),
    ]
}

/// A webhook that all evictions of a namespace call, and whose service selects no pod.
fn webhook(cause: &str) -> Vec<Value> {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": cause, "name": "guard"},
        "spec": {"selector": {"app": "guard"}, "ports": [{"port": 443}]}});
    let configuration = json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "guard"}, "webhooks": [{"name": "guard.shop.example", "failurePolicy": "Fail", "sideEffects": "None",
            "admissionReviewVersions": ["v1"], "clientConfig": {"service": {"namespace": cause, "name": "guard"}},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": cause}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods/eviction"]}]}]});
    vec![pod(cause, "web-0", &node_of(cause)), service, configuration]
}

/// A request that the approver of kubelets does not know.
fn request() -> Value {
    const REQUEST: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlISU1IRUNBUUF3RHpFTk1Bc0dBMVVFQXd3RWMyaHZjREJaTUJNR0J5cUdTTTQ5QWdFR0NDcUdTTTQ5QXdFSApBMElBQkJ1amtUTUJoWnhOSHBaR0FBVnpBUGdma240aGtCL0M0TXk2VVQyMkxyK0c2OWU4TE0rZW1aV241aVNZClRBbTdPZW1VRkVHSFlQR0QvLzhIV1pId0FsR2dBREFLQmdncWhrak9QUVFEQWdOSEFEQkVBaUJoRTRsQ1pkb2YKTkQ0clBZTTZmb1g4aXdQanU0K2hlODBVV0o1Nm54aEM5d0lnYnlMNkhFdTdYK3lOTVIzWkZEMUdSZnYreWRLZQpDZ0hMeFJ2b0NpRTlQSVU9Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJFUVVFU1QtLS0tLQo=";
    json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "csr-shop"},
        "spec": {"request": REQUEST, "signerName": "kubernetes.io/kube-apiserver-client-kubelet",
            "usages": ["digital signature", "client auth"]}})
}

fn attachment(cause: &str) -> Value {
    json!({"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttachment",
        "metadata": {"name": "csi-shop", "finalizers": ["external-attacher/csi-shop-example"]},
        "spec": {"attacher": "csi.shop.example", "nodeName": node_of(cause), "source": {"persistentVolumeName": "pv-shop"}}})
}

/// A pod of a controller that nobody knows, with a budget in percent.
fn unknown_controller(cause: &str) -> Vec<Value> {
    let mut web = pod(cause, "web-0", &node_of(cause));
    web["metadata"]["ownerReferences"] = json!([{"apiVersion": "shop.example/v1", "kind": "Cart", "name": "cart",
        "uid": "0c6c0d41-6d4b-4c4a-9a3e-1f0d2b7a9c11", "controller": true}]);
    vec![web, budget(cause, "web", json!({"minAvailable": "50%"}))]
}

fn named_causes() -> Vec<&'static str> {
    let mut causes = vec![
        "budget-never-allows",
        "budgets-overlap",
        "budget-sync-failed",
        "quota",
        "pods-refused",
        "webhook-down",
        "pod-finalizer",
        "dead-kubelet",
        "volume-detach",
    ];
    causes.extend(unready_pods().iter().map(|(cause, _)| *cause));
    causes
}

fn build(cluster: &Cluster) {
    let causes = named_causes();
    let mut nodes = vec![worker("spare", "a", OLD)];
    nodes.extend(causes.iter().map(|cause| worker(&node_of(cause), "a", OLD)));
    create(cluster, &nodes);
    let namespaces: Vec<Value> = causes.iter().map(|cause| namespace(cause)).collect();
    create(cluster, &namespaces);
    eventually("service accounts", 60, || {
        let args = [
            "get",
            "serviceaccounts",
            "-A",
            "--field-selector=metadata.name=default",
            "-o",
            "name",
        ];
        cluster.kubectl(&args).ok().stdout.lines().count() > causes.len()
    });
    let mut objects = pair("budget-never-allows");
    objects.extend(pair("budgets-overlap"));
    objects.push(budget("budgets-overlap", "all", json!({"minAvailable": 1})));
    objects.extend(unknown_controller("budget-sync-failed"));
    objects.extend(set("quota"));
    objects.extend(set("pods-refused"));
    objects.extend(webhook("webhook-down"));
    let mut web = pod("pod-finalizer", "web-0", &node_of("pod-finalizer"));
    web["metadata"]["finalizers"] = json!(["shop.example/clean"]);
    objects.push(web);
    objects.push(pod("dead-kubelet", "web-0", &node_of("dead-kubelet")));
    objects.push(attachment("volume-detach"));
    for (cause, _) in unready_pods() {
        objects.extend(pair(cause));
    }
    create(cluster, &objects);
    eventually("pods that are ready", 60, || {
        let args = [
            "get",
            "pods",
            "-A",
            "-o",
            "jsonpath={.items[*].status.phase}",
        ];
        let phases = cluster.kubectl(&args).ok().stdout;
        let count = phases
            .split(' ')
            .filter(|phase| *phase == "Running")
            .count();
        count >= 2 * (causes.len() - 5) + 3
    });
    // From here on these ReplicaSets may not have another pod.
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"namespace": "quota", "name": "pods"},
        "spec": {"hard": {"pods": "2"}}});
    create(cluster, &[quota]);
    let level = "pod-security.kubernetes.io/enforce=restricted";
    cluster
        .kubectl(&["label", "namespace", "pods-refused", level])
        .ok();
    for cause in ["quota", "pods-refused"] {
        cluster
            .kubectl(&["scale", "replicaset", "web", "-n", cause, "--replicas=3"])
            .ok();
    }
    for (cause, container) in unready_pods() {
        unready(cluster, cause, &container);
    }
    cluster
        .kubectl(&["delete", "volumeattachment", "csi-shop", "--wait=false"])
        .ok();
}

fn every_kind_is_named() -> Result<(), Failed> {
    let mut cluster = Cluster::options(VERSION)
        .with_controllers()
        .with_kwok()
        .start();
    build(&cluster);
    let recording = cluster.folder.file("recording");
    let watch = Watch::start(&cluster, &["--to", "1.37", "--record", text(&recording)]);
    watch.wait_for("the first picture", is_type("picture"));
    create(&cluster, &[request()]);
    let nodes: Vec<String> = named_causes().iter().map(|cause| node_of(cause)).collect();
    let nodes: Vec<&str> = nodes.iter().map(String::as_str).collect();
    let begun = Instant::now();
    cluster.kubectl(&[&["cordon"][..], &nodes].concat()).ok();
    watch.wait_for("the budget", is_of("blocker", "budget-never-allows"));
    assert!(begun.elapsed() < SOON, "after {:?}", begun.elapsed());
    // As a kubelet leaves a pod whose containers have ended.
    report(
        &cluster,
        "pod",
        "pod-finalizer",
        "web-0",
        &json!({"phase": "Succeeded"}),
    );
    cluster
        .kubectl(&[
            "delete",
            "pod",
            "web-0",
            "-n",
            "pod-finalizer",
            "--wait=false",
        ])
        .ok();
    let at_once = [
        ("budget-never-allows", "Pod/web-0 > PodDisruptionBudget/web"),
        (
            "budgets-overlap",
            "Pod/web-0 > PodDisruptionBudget/all > PodDisruptionBudget/web",
        ),
        ("budget-sync-failed", "Pod/web-0 > PodDisruptionBudget/web"),
        (
            "image-pull",
            "Pod/web-0 > PodDisruptionBudget/web > Pod/web-1",
        ),
        (
            "crash-loop",
            "Pod/web-0 > PodDisruptionBudget/web > Pod/web-1",
        ),
        (
            "container-config",
            "Pod/web-0 > PodDisruptionBudget/web > Pod/web-1",
        ),
        (
            "probe-fails",
            "Pod/web-0 > PodDisruptionBudget/web > Pod/web-1",
        ),
        ("pod-finalizer", "Pod/web-0"),
    ];
    for (cause, expected) in at_once {
        watch.wait_for(cause, is_of("blocker", cause));
        let expected = format!("Node/{} > {expected}", node_of(cause));
        assert_eq!(links(&watch.events(), cause), expected);
    }
    for cause in ["quota", "pods-refused"] {
        watch.wait_for(cause, is_of("blocker", cause));
        let found = links(&watch.events(), cause);
        assert!(
            found.ends_with("PodDisruptionBudget/web > ReplicaSet/web"),
            "{found}"
        );
    }
    // Relaxed, it ends, and with it nothing else.
    let patch = json!({"spec": {"minAvailable": 1}}).to_string();
    let args = [
        "patch",
        "pdb",
        "web",
        "-n",
        "budget-never-allows",
        "--type=merge",
        "-p",
        &patch,
    ];
    cluster.kubectl(&args).ok();
    watch.wait_for("the end", is_of("recovered", "budget-never-allows"));
    // Without kwok no kubelet answers: nothing confirms that the pod has ended.
    cluster.followers.pop();
    cluster
        .kubectl(&[
            "delete",
            "pod",
            "web-0",
            "-n",
            "dead-kubelet",
            "--wait=false",
        ])
        .ok();
    let later = [
        (
            "volume-detach",
            "Node/node-volume-detach > VolumeAttachment/csi-shop",
        ),
        ("csr-pending", "CertificateSigningRequest/csr-shop"),
        (
            "webhook-down",
            "Node/node-webhook-down > Pod/web-0 > ValidatingWebhookConfiguration/guard > Service/guard",
        ),
        ("dead-kubelet", "Node/node-dead-kubelet > Pod/web-0"),
    ];
    for (cause, expected) in later {
        watch.wait_long_for(cause, 180, is_of("blocker", cause));
        assert_eq!(links(&watch.events(), cause), expected);
    }
    let events = watch.events();
    let count = |kind: &'static str, cause: &str| {
        events
            .iter()
            .filter(|event| is_of(kind, cause)(event))
            .count()
    };
    assert_eq!(count("blocker", "budget-never-allows"), 1);
    assert_eq!(count("recovered", "budget-never-allows"), 1);
    drop(watch);
    let args = ["--to", "1.37", "--replay", text(&recording), "-o", "json"];
    let replayed = watched(&cluster, &args).stdout;
    let replayed = replayed
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let replayed: Vec<Value> = replayed.filter(is_type("blocker")).collect();
    let live: Vec<Value> = events.into_iter().filter(is_type("blocker")).collect();
    // The last second of a watch that is killed may not be recorded.
    let lost = live.len().saturating_sub(replayed.len());
    assert!(
        live.starts_with(&replayed) && lost <= 1,
        "{lost}: {replayed:#?}"
    );
    Ok(())
}

/// Node by node, as whoever upgrades in place does it: drained, changed, uncordoned.
fn a_healthy_roll_names_none() -> Result<(), Failed> {
    let cluster = Cluster::options(VERSION)
        .with_controllers()
        .with_kwok()
        .start();
    let names = ["a-1", "a-2", "a-3"];
    let nodes = names.map(|name| {
        let mut node = worker(name, "a", OLD);
        node["status"]["allocatable"] = json!({"cpu": "4", "memory": "8Gi", "pods": "110"});
        node
    });
    create(&cluster, &nodes);
    let labels = json!({"app": "web"});
    let workload = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "default", "name": "web"},
        "spec": {"replicas": 4, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "web", "image": "web:1"}]}}}});
    create(
        &cluster,
        &[
            workload,
            budget("default", "web", json!({"maxUnavailable": 1})),
        ],
    );
    cluster
        .kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"])
        .ok();
    let watch = Watch::start(&cluster, &["--to", "1.37"]);
    watch.wait_for("the first picture", is_type("picture"));
    for name in names {
        cluster
            .kubectl(&["drain", name, "--ignore-daemonsets"])
            .ok();
        let info = json!({"nodeInfo": {"kubeletVersion": format!("v{VERSION}")}});
        report(&cluster, "node", "default", name, &info);
        cluster.kubectl(&["uncordon", name]).ok();
    }
    watch.wait_for("the end", is_type("finished"));
    let named: Vec<Value> = watch
        .events()
        .into_iter()
        .filter(is_type("blocker"))
        .collect();
    assert_eq!(named, Vec::<Value>::new());
    Ok(())
}
