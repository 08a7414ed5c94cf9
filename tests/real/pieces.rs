//! Large lists of servers that do not stream them are asked for namespace by namespace, and nothing is lost by that.

use std::collections::BTreeSet;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::harness::{Cluster, Need, eventually};

/// Builds a whole list in memory before it sends any of it.
const OLD: &str = "1.24.17";
/// Has the program that fills etcd.
const NEWEST: &str = "1.37.0";
/// 100 nodes and 3,000 pods, 400 of them in one namespace.
const SCALE: f64 = 0.02;
const PODS: u64 = 3_000;

scenarios! {
    namespace_by_namespace: [Need::ControlPlane(OLD), Need::ControlPlane(NEWEST)],
}

/// What is found with pages of this size.
fn report(cluster: &Cluster, chunk: &str) -> Value {
    let args = [
        "--to=1.25",
        "--output=json",
        "--now=2026-11-21T00:00:00Z",
        "--chunk-size",
        chunk,
    ];
    cluster.check(&args).json()
}

/// The namespaces in which a kind was listed as a whole, with pages of this size; an empty name for all at once.
fn listed(cluster: &Cluster, resource: &str, chunk: &str) -> BTreeSet<String> {
    let log = cluster.audit_log();
    let ours = log.iter().filter(|event| {
        let text = |field: &str| event[field].as_str().unwrap_or_default();
        let uri = text("requestURI");
        let (_, query) = uri.split_once('?').unwrap_or_default();
        text("userAgent").starts_with("kubectl-upgrade-check/")
            && event["objectRef"]["resource"] == resource
            && query
                .split('&')
                .any(|part| part == format!("limit={chunk}"))
            && !query.contains("Selector=")
    });
    let namespaces = ours.map(|event| event["objectRef"]["namespace"].as_str());
    namespaces
        .map(|name| name.unwrap_or_default().to_owned())
        .collect()
}

fn namespace_by_namespace() -> Result<(), Failed> {
    let cluster = Cluster::options(OLD).loaded(SCALE).start();
    let names = ["get", "namespaces", "-o=jsonpath={.items[*].metadata.name}"];
    let names = cluster.kubectl(&names).ok().stdout;
    // The first page is that of all of them: it tells how many there are.
    let all = [""].into_iter().chain(names.split_whitespace());
    let all: BTreeSet<String> = all.map(str::to_owned).collect();
    assert!(all.len() > 6, "{all:?}");

    let (mut apart, mut whole) = (Value::Null, Value::Null);
    // The API server makes some objects of its own after it is ready.
    eventually("both see as many objects", 120, || {
        apart = report(&cluster, "100");
        whole = report(&cluster, "5000");
        apart["summary"]["objectsRead"] == whole["summary"]["objectsRead"]
    });
    let read = apart["summary"]["objectsRead"].as_u64();
    assert!(read > Some(PODS), "{read:?} objects");
    let findings = apart["findings"].as_array().expect("findings");
    assert!(!findings.is_empty(), "nothing to compare");
    for part in ["verdict", "summary", "findings", "gaps"] {
        assert_eq!(apart[part], whole[part], "{part}");
    }

    eventually("the audit log has the pods of each namespace", 60, || {
        listed(&cluster, "pods", "100").is_superset(&all)
    });
    let at_once = BTreeSet::from([String::new()]);
    eventually("and those that were read at once", 60, || {
        listed(&cluster, "pods", "5000") == at_once
    });
    let few = listed(&cluster, "deployments", "100");
    assert_eq!(few, at_once, "not worth a request for each namespace");
    Ok(())
}
