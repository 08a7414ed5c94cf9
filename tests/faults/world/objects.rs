//! What is in the cluster: several of each kind, some with something to find.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::testbed::cluster::Cluster;
use crate::testbed::run::eventually;

/// A pod that is nearly as large as etcd takes, which is 1.5 MiB with all around it.
pub(crate) const LARGE: &str = "as-large-as-can-be";
const SIZE: usize = 1_500_000;

pub(crate) const NAMESPACES: [&str; 3] = ["bank", "post", "shop"];

/// Makes them.
pub(super) fn make(cluster: &Cluster) {
    let mut all = vec![crd(), webhook(), api_service()];
    for at in 0..7 {
        cluster.add_node(&format!("pool-{at}"), VERSION_OF_NODES);
    }
    for namespace in NAMESPACES {
        all.push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}));
    }
    for namespace in NAMESPACES {
        for at in 0..6 {
            all.push(pod(namespace, &format!("web-{at}")));
            all.push(deployment(namespace, &format!("web-{at}")));
            all.push(budget("policy/v1", namespace, &format!("web-{at}"), 1));
            all.push(record(namespace, &format!("web-{at}")));
        }
        all.push(budget("policy/v1beta1", namespace, "old", 0));
    }
    let mut large = pod("shop", LARGE);
    large["spec"]["containers"][0]["env"] = json!([{"name": "LARGE", "value": "x".repeat(SIZE)}]);
    all.push(large);
    let list = json!({"apiVersion": "v1", "kind": "List", "items": all}).to_string();
    let create = ["create", "--field-manager=shopper", "-f", "-"];
    cluster.kubectl_stdin(&create, &list).ok();
    // What the API server itself writes after it has started, and later no more.
    eventually("the aggregated API is looked at", 60, || {
        let get = ["get", "apiservice", "v1.dead.example.com", "-o", "json"];
        let run = cluster.kubectl(&get);
        run.code == 0 && run.json()["status"]["conditions"][0]["status"] == "False"
    });
    eventually("the CRD is served", 60, || {
        cluster.kubectl(&["get", "carts.shop.example.com"]).code == 0
    });
}

const VERSION_OF_NODES: &str = "1.24.17";

fn pod(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"nodeName": "pool-0", "containers": [{"name": "main", "image": "main"}]},
    })
}

fn deployment(namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "main"}]},
            },
        },
    })
}

fn budget(api_version: &str, namespace: &str, name: &str, unavailable: u32) -> Value {
    json!({
        "apiVersion": api_version, "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"maxUnavailable": unavailable, "selector": {"matchLabels": {"app": name}}},
    })
}

/// As Helm keeps a release.
fn record(namespace: &str, name: &str) -> Value {
    let manifest = format!(
        "apiVersion: batch/v1beta1\nkind: CronJob\nmetadata:\n  name: {name}\n  namespace: {namespace}\n"
    );
    let release = json!({
        "name": name, "namespace": namespace, "version": 1, "info": {"status": "deployed"},
        "chart": {"metadata": {"name": name, "version": "1.0.0"}}, "manifest": manifest,
    });
    helm_secret(namespace, name, &gzip(release.to_string().as_bytes()))
}

/// A Secret that looks like one of Helm's, with this payload.
pub(crate) fn helm_secret(namespace: &str, name: &str, packed: &[u8]) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
        "metadata": {
            "name": format!("sh.helm.release.v1.{name}.v1"), "namespace": namespace,
            "labels": {"owner": "helm", "name": name, "status": "deployed", "version": "1"},
        },
        "data": {"release": STANDARD.encode(STANDARD.encode(packed))},
    })
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(bytes).expect("memory");
    packed.finish().expect("memory")
}

fn crd() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "carts.shop.example.com"},
        "spec": {
            "group": "shop.example.com", "scope": "Namespaced",
            "names": {"kind": "Cart", "plural": "carts"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }],
        },
    })
}

fn webhook() -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "judge"},
        "webhooks": [{
            "name": "judge.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "failurePolicy": "Fail", "timeoutSeconds": 30,
            "clientConfig": {"service": {"namespace": "shop", "name": "judge"}},
            "rules": [{
                "apiGroups": ["shop.example.com"], "apiVersions": ["*"],
                "operations": ["CREATE"], "resources": ["carts"],
            }],
        }],
    })
}

/// An aggregated API whose server is nowhere.
fn api_service() -> Value {
    json!({
        "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
        "metadata": {"name": "v1.dead.example.com"},
        "spec": {
            "group": "dead.example.com", "version": "v1", "insecureSkipTLSVerify": true,
            "groupPriorityMinimum": 1000, "versionPriority": 10,
            "service": {"namespace": "shop", "name": "nobody"},
        },
    })
}
