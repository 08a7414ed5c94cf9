//! What is put into a cluster, and what the program tells of it.

use serde_json::{Value, json};

use crate::testbed::cluster::Cluster;

/// Creates these objects, one after the other.
#[track_caller]
pub(crate) fn create(cluster: &Cluster, objects: &[Value]) {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
    let create = ["create", "--validate=false", "-f", "-"];
    cluster.kubectl_stdin(&create, &list.to_string()).ok();
}

/// The report on a way to this target, whatever it says.
#[track_caller]
pub(crate) fn report(cluster: &Cluster, target: &str) -> Value {
    let run = cluster.check(&["--to", target, "-o", "json"]);
    assert!(matches!(run.code, 0 | 3 | 4), "{}", run.stderr);
    run.json()
}

/// The same, with this exit code.
#[track_caller]
pub(crate) fn report_with(cluster: &Cluster, target: &str, code: i32) -> Value {
    let run = cluster.check(&["--to", target, "-o", "json"]);
    assert_eq!(run.code, code, "{}\n{}", run.stdout, run.stderr);
    run.json()
}

/// The names of the objects that a rule speaks of in this severity, sorted.
pub(crate) fn named(report: &Value, id: &str, severity: &str) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings");
    let mut names: Vec<String> = findings
        .iter()
        .filter(|finding| finding["id"] == id && finding["severity"] == severity)
        .flat_map(|finding| finding["objects"].as_array().expect("objects"))
        .map(|object| object["name"].as_str().expect("a name").to_owned())
        .collect();
    names.sort();
    names
}

/// No names.
pub(crate) const NOTHING: [&str; 0] = [];
