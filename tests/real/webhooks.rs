//! Webhooks that do not answer or reach too far, of admission and of CRDs, on real servers.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::harness::{Cluster, NOTHING, Need, create, eventually, named, report};

const OLD: &str = "1.24.17";
const NEWEST: &str = "1.37.0";

/// Authorities whose certificate ended in 2021 and ends in 2099.
const EXPIRED: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJSakNCN3FBREFnRUNBZ0VCTUFvR0NDcUdTTTQ5QkFNQ01CVXhFekFSQmdOVkJBTU1DbmRsWW1odmIyc3QKWTJFd0hoY05NakF3TVRBeE1EQXdNREF3V2hjTk1qRXdNVEF4TURBd01EQXdXakFWTVJNd0VRWURWUVFEREFwMwpaV0pvYjI5ckxXTmhNRmt3RXdZSEtvWkl6ajBDQVFZSUtvWkl6ajBEQVFjRFFnQUVKOXRnQytLOGFXZUFKZlgxCkdQM2pLU21oZ2cxTDZwYmNLWW5BbXM4NTVsdDR5dFBjdGxrSk1lMjhUaEQvOWc1NWFpMmg1bzd3eVp0bGhRRGoKUUsyZkFhTXZNQzB3REFZRFZSMFRCQVV3QXdFQi96QWRCZ05WSFE0RUZnUVUwTFdISFlxaklpbUoyVVpReS9HaAp0MFlKOGtrd0NnWUlLb1pJemowRUF3SURSd0F3UkFJZ081SjdBWW12V0tSUG5tS1Ztdk83L253UlVrQU9PMS9ZClZOQm9xdmNrZ0JBQ0lGUm51MWZYcnhHOHQ2MG1LdUUraUpmdXVNTDJwY0crQmd3Z2h6RmNHSTMzCi0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K";
const GOOD: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJTakNCOEtBREFnRUNBZ0VDTUFvR0NDcUdTTTQ5QkFNQ01CVXhFekFSQmdOVkJBTU1DbmRsWW1odmIyc3QKWTJFd0lCY05NakF3TVRBeE1EQXdNREF3V2hnUE1qQTVPVEF4TURFd01EQXdNREJhTUJVeEV6QVJCZ05WQkFNTQpDbmRsWW1odmIyc3RZMkV3V1RBVEJnY3Foa2pPUFFJQkJnZ3Foa2pPUFFNQkJ3TkNBQVFuMjJBTDRyeHBaNEFsCjlmVVkvZU1wS2FHQ0RVdnFsdHdwaWNDYXp6bm1XM2pLMDl5MldRa3g3YnhPRVAvMkRubHFMYUhtanZESm0yV0YKQU9OQXJaOEJveTh3TFRBTUJnTlZIUk1FQlRBREFRSC9NQjBHQTFVZERnUVdCQlRRdFljZGlxTWlLWW5aUmxETAo4YUczUmdueVNUQUtCZ2dxaGtqT1BRUURBZ05KQURCR0FpRUFsSk56STFQMzVmc0dscjBQaGlKT1Jxb1BJOE40Cm41TFFIbnY1TG1YM2NYQUNJUUN5dzV0OWJSNlJTZ2UralExNnFJcldpMG1NMGpsNWNxS3JGUTlFdFI0WXhRPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";

scenarios! {
    admission: [Need::ControlPlane(NEWEST)],
    drains: [Need::ControlPlane(NEWEST)],
    crds: [Need::ControlPlane(NEWEST)],
    old_server: [Need::ControlPlane(OLD)],
    dropped_versions: [Need::ControlPlane(NEWEST)],
    dropped_versions_before: [Need::ControlPlane(OLD)],
}

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn service(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"ports": [{"port": 443}], "selector": {"app": name}}})
}

/// A slice of a service's endpoints, as the controller would have written it.
fn slice(service: &str, ready: &[bool]) -> Value {
    let endpoints: Vec<Value> = ready
        .iter()
        .zip(1..)
        .map(|(ready, at)| {
            json!({"addresses": [format!("10.0.0.{at}")], "conditions": {"ready": ready}})
        })
        .collect();
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": {"name": format!("{service}-1"), "namespace": "shop",
            "labels": {"kubernetes.io/service-name": service}},
        "endpoints": endpoints, "ports": [{"port": 443}]})
}

/// A validating webhook for the creation of one resource, called through a service of the namespace shop.
fn webhook(name: &str, service: &str, group: &str, resource: &str, more: &Value) -> Value {
    let mut hook = json!({"name": format!("{name}.shop.example"), "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"namespace": "shop", "name": service}},
        "rules": [{"apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"],
            "resources": [resource]}]});
    for (field, value) in more.as_object().expect("fields") {
        hook[field] = value.clone();
    }
    json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name}, "webhooks": [hook]})
}

fn outside(namespaces: &[&str]) -> Value {
    json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn",
        "values": namespaces}]})
}

/// Webhooks of all kinds, called through services that are down, rolling, single, gone, or by URL.
fn hooks() -> Vec<Value> {
    let system = json!({"namespaceSelector": outside(&["kube-system"])});
    let by_url = |bundle: &str| json!({"clientConfig": {"url": "https://guard.shop.example/", "caBundle": bundle}});
    let guarded = json!({"namespaceSelector": {"matchLabels": {"guarded": "yes"}}});
    let elsewhere = json!({"namespaceSelector": outside(&["shop", "kube-system"])});
    let addons = json!({"namespaceSelector": outside(&["shop"])});
    let reviews = "authentication.k8s.io";
    [
        ("down-pods", "down", "", "pods", &system),
        ("gone-carts", "gone", "shop.example", "carts", &json!({})),
        ("down-nowhere", "down", "", "pods", &guarded),
        (
            "down-ignored",
            "down",
            "",
            "pods",
            &json!({"failurePolicy": "Ignore"}),
        ),
        ("rolling-pods", "rolling", "", "pods", &system),
        ("single-pods", "single", "", "pods", &system),
        ("single-elsewhere", "single", "", "pods", &elsewhere),
        ("rolling-addons", "rolling", "", "pods", &addons),
        (
            "rolling-nodes",
            "rolling",
            "",
            "nodes",
            &json!({"timeoutSeconds": 30}),
        ),
        (
            "rolling-reviews",
            "rolling",
            reviews,
            "tokenreviews",
            &json!({}),
        ),
        (
            "expired",
            "rolling",
            "shop.example",
            "carts",
            &by_url(EXPIRED),
        ),
        ("valid", "rolling", "shop.example", "carts", &by_url(GOOD)),
    ]
    .map(|(name, service, group, resource, more)| webhook(name, service, group, resource, more))
    .to_vec()
}

fn admission() -> Result<(), Failed> {
    let cluster = Cluster::start(NEWEST);
    create(&cluster, &[namespace("shop")]);
    create(
        &cluster,
        &[
            service("down"),
            slice("down", &[false, false]),
            service("rolling"),
            slice("rolling", &[true, false]),
            service("single"),
            slice("single", &[true]),
        ],
    );
    create(&cluster, &hooks());
    // The API server's own word: nobody can create a pod in the namespace that the first one looks into.
    eventually("the webhook is asked", 20, || {
        let run = cluster.kubectl(&["run", "web", "--image=web", "-n", "shop"]);
        run.code != 0 && run.stderr.contains("down-pods.shop.example")
    });

    let report = report(&cluster, "1.37");
    let of = |id: &str, severity: &str| named(&report, id, severity);
    assert_eq!(
        of("webhook-fail-dead", "blocker"),
        ["down-pods"],
        "{report:#}"
    );
    // No namespace has the label, and no API has the group.
    assert_eq!(
        of("webhook-fail-dead", "note"),
        ["down-nowhere", "gone-carts"]
    );
    assert_eq!(of("webhook-self-deadlock", "warning"), ["single-pods"]);
    assert_eq!(of("webhook-kube-system", "warning"), ["rolling-addons"]);
    assert_eq!(of("webhook-critical-rules", "warning"), ["rolling-nodes"]);
    assert_eq!(of("webhook-timeout", "note"), ["rolling-nodes"]);
    assert_eq!(of("webhook-ca-expired", "warning"), ["expired"]);
    assert_eq!(of("cp-readyz", "blocker"), NOTHING, "the server is well");
    assert_eq!(report["gaps"], json!([]));
    // Narrowed to another namespace, nothing is known of these services.
    let run = cluster.check(&["--to", "1.37", "-n", "default", "-o", "json"]);
    assert_eq!(named(&run.json(), "webhook-fail-dead", "blocker"), NOTHING);
    Ok(())
}

/// What a drain does fails at once if a dead webhook covers it, by the operation, the subresource and the port.
fn drains() -> Result<(), Failed> {
    let cluster = Cluster::start(NEWEST);
    create(&cluster, &[namespace("shop")]);
    create(&cluster, &[service("down"), slice("down", &[false])]);
    cluster
        .kubectl(&["run", "cart", "--image=cart", "-n", "shop"])
        .ok();
    let rules = |operation: &str, resource: &str| {
        json!({"timeoutSeconds": 1, "rules": [{"apiGroups": [""], "apiVersions": ["v1"],
            "operations": [operation], "resources": [resource]}]})
    };
    let other_port = json!({"clientConfig": {"service":
        {"namespace": "shop", "name": "down", "port": 8443}}});
    create(
        &cluster,
        &[
            webhook("deletes", "down", "", "pods", &rules("DELETE", "pods")),
            webhook("evicts", "down", "", "", &rules("CREATE", "pods/eviction")),
            webhook("port", "down", "", "pods", &other_port),
            webhook("updates", "down", "", "", &rules("UPDATE", "pods/eviction")),
        ],
    );
    let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction",
        "metadata": {"name": "cart", "namespace": "shop"}});
    let path = "/api/v1/namespaces/shop/pods/cart/eviction";
    eventually("an eviction is refused", 30, || {
        let run =
            cluster.kubectl_stdin(&["create", "--raw", path, "-f", "-"], &eviction.to_string());
        run.code != 0 && run.stderr.contains("evicts.shop.example")
    });
    let delete = ["delete", "pod", "cart", "-n", "shop", "--wait=false"];
    let run = cluster.kubectl(&delete);
    assert!(
        run.code != 0 && run.stderr.contains("deletes.shop.example"),
        "{}",
        run.stderr
    );
    let run = cluster.kubectl(&["run", "till", "--image=till", "-n", "shop"]);
    assert!(
        run.code != 0 && run.stderr.contains("no service port 8443"),
        "{}",
        run.stderr
    );
    let report = report(&cluster, "1.37");
    let of = |severity: &str| named(&report, "webhook-fail-dead", severity);
    assert_eq!(of("blocker"), ["deletes", "evicts", "port"], "{report:#}");
    assert_eq!(of("warning"), ["updates"]);
    Ok(())
}

fn crd(plural: &str, kind: &str, versions: &Value, more: &Value) -> Value {
    let mut spec = json!({"group": "shop.example", "scope": "Namespaced",
        "names": {"plural": plural, "kind": kind}, "versions": versions});
    for (field, value) in more.as_object().expect("fields") {
        spec[field] = value.clone();
    }
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.shop.example")}, "spec": spec})
}

fn version(name: &str, served: bool, storage: bool) -> Value {
    json!({"name": name, "served": served, "storage": storage,
        "schema": {"openAPIV3Schema": {"type": "object"}}})
}

fn converted_by(service: &str, bundle: &str) -> Value {
    json!({"conversion": {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"],
        "clientConfig": {"service": {"namespace": "shop", "name": service}, "caBundle": bundle}}}})
}

fn crds() -> Result<(), Failed> {
    let cluster = Cluster::start(NEWEST);
    let only = json!([version("v1", true, true)]);
    let two = json!([version("v1", true, true), version("v1beta1", true, false)]);
    let before = json!([version("v1beta1", true, true)]);
    let after = json!([version("v1", true, true), version("v1beta1", false, false)]);
    create(
        &cluster,
        &[namespace("shop"), service("up"), slice("up", &[true])],
    );
    create(
        &cluster,
        &[
            crd("carts", "Cart", &two, &converted_by("gone", GOOD)),
            crd("coupons", "Coupon", &two, &converted_by("up", GOOD)),
            crd("tills", "Till", &two, &converted_by("up", EXPIRED)),
            crd("lists", "List", &only, &converted_by("gone", GOOD)),
            crd("orders", "Order", &before, &json!({})),
            crd("bills", "Bill", &before, &json!({})),
        ],
    );
    create(&cluster, &[crd("trolleys", "Cart", &only, &json!({}))]);
    let moved = |versions: &Value| json!({"spec": {"versions": versions}}).to_string();
    let patch = |name: &str, versions: &Value| {
        let patch = moved(versions);
        cluster
            .kubectl(&["patch", "crd", name, "--type=merge", "-p", &patch])
            .ok();
    };
    let condition = |name: &str, kind: &str| {
        let get = ["get", "crd", name, "-o", "json"];
        let crd = cluster.kubectl(&get).ok().json();
        let all = crd["status"]["conditions"].as_array().cloned();
        let mut all = all.unwrap_or_default().into_iter();
        all.find(|condition| condition["type"] == kind)
            .map(|condition| condition["status"].clone())
    };
    eventually("the names are taken", 20, || {
        condition("trolleys.shop.example", "NamesAccepted") == Some("False".into())
            && condition("bills.shop.example", "Established") == Some("True".into())
    });
    patch("orders.shop.example", &after);
    patch("bills.shop.example", &two);

    let report = report(&cluster, "1.37");
    let of = |id: &str, severity: &str| named(&report, id, severity);
    assert_eq!(
        of("crd-conversion-broken", "blocker"),
        ["carts.shop.example", "tills.shop.example"],
        "{report:#}"
    );
    assert_eq!(
        of("crd-not-established", "warning"),
        ["trolleys.shop.example"]
    );
    assert_eq!(of("crd-storedversions", "blocker"), NOTHING);
    assert_eq!(of("crd-storedversions", "warning"), ["orders.shop.example"]);
    assert_eq!(of("crd-storedversions", "note"), ["bills.shop.example"]);
    assert_eq!(of("crd-nonstructural", "warning"), NOTHING);
    assert_eq!(of("crd-cabundle-invalid", "warning"), NOTHING);
    // The API server's own word on what a version that is still stored means.
    let dropped = moved(&only);
    let run = cluster.kubectl(&[
        "patch",
        "crd",
        "orders.shop.example",
        "--type=merge",
        "-p",
        &dropped,
    ]);
    assert!(run.stderr.contains("storedVersions"), "{}", run.stderr);
    Ok(())
}

/// What newer servers refuse to store.
fn old_server() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    let only = json!([version("v1", true, true)]);
    let rules = |version: &str| {
        json!({"rules": [{"apiGroups": ["policy"], "apiVersions": [version], "operations": ["CREATE"],
            "resources": ["poddisruptionbudgets"]}], "failurePolicy": "Ignore"})
    };
    create(
        &cluster,
        &[
            crd("carts", "Cart", &only, &converted_by("gone", "Cg==")),
            crd("coupons", "Coupon", &only, &converted_by("gone", GOOD)),
            webhook("old", "gone", "", "", &rules("v1beta1")),
            webhook("new", "gone", "", "", &rules("v1")),
        ],
    );
    let far = report(&cluster, "1.31");
    let of = |id: &str| named(&far, id, "warning");
    assert_eq!(
        of("crd-cabundle-invalid"),
        ["carts.shop.example"],
        "{far:#}"
    );
    assert_eq!(of("webhook-old-versions"), ["old"]);
    let here = report(&cluster, "1.24");
    assert_eq!(named(&here, "crd-cabundle-invalid", "warning"), NOTHING);
    assert_eq!(named(&here, "webhook-old-versions", "warning"), NOTHING);
    Ok(())
}

fn dropped_versions() -> Result<(), Failed> {
    entries_at_a_dropped_version(&Cluster::start(NEWEST), true)
}

fn dropped_versions_before() -> Result<(), Failed> {
    entries_at_a_dropped_version(&Cluster::start(OLD), false)
}

/// Entries of field managers at a version that the CRD has dropped make server-side apply fail until they are reset. Older
/// servers drop them at the next write.
fn entries_at_a_dropped_version(cluster: &Cluster, are_kept: bool) -> Result<(), Failed> {
    let only = json!([version("v1", true, true)]);
    let both = json!([version("v1", true, true), version("v1alpha1", true, false)]);
    create(cluster, &[namespace("shop")]);
    create(cluster, &[crd("carts", "Cart", &both, &json!({}))]);
    eventually("both versions are served", 30, || {
        let served = |version: &str| {
            let plural = format!("carts.{version}.shop.example");
            cluster.kubectl(&["get", &plural, "-n", "shop"]).code == 0
        };
        served("v1") && served("v1alpha1")
    });
    let cart = |version: &str, name: &str| {
        json!({"apiVersion": format!("shop.example/{version}"), "kind": "Cart",
            "metadata": {"name": name, "namespace": "shop", "labels": {"made": "here"}}})
    };
    create(cluster, &[cart("v1alpha1", "old"), cart("v1", "new")]);
    let report_of = || {
        let run = cluster.check(&["-o", "json", "--only", "crd-field-manager-version"]);
        named(&run.json(), "crd-field-manager-version", "blocker")
    };
    assert_eq!(report_of(), NOTHING);
    let dropped = json!({"spec": {"versions": only}}).to_string();
    let patch = ["patch", "crd", "carts.shop.example", "--type=merge", "-p"];
    cluster.kubectl(&[&patch[..], &[&dropped]].concat()).ok();
    let apply = |name: &str| {
        let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        cluster.kubectl_stdin(&apply, &cart("v1", name).to_string())
    };
    eventually("server-side apply fails", 30, || apply("old").code != 0);
    let refusal = apply("old").stderr;
    assert!(refusal.contains("v1alpha1"), "{refusal}");
    apply("new").ok();
    assert_eq!(report_of(), ["old"]);
    cluster
        .kubectl(&["label", "cart", "old", "-n", "shop", "a=b"])
        .ok();
    assert_eq!(apply("old").code != 0, are_kept);
    let reset = r#"[{"op":"replace","path":"/metadata/managedFields","value":[{}]}]"#;
    let patch = [
        "patch",
        "cart",
        "old",
        "-n",
        "shop",
        "--type=json",
        "-p",
        reset,
    ];
    cluster.kubectl(&patch).ok();
    apply("old").ok();
    assert_eq!(report_of(), NOTHING);
    Ok(())
}
