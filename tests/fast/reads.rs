//! What a run asks an API server for: detection reads first, and rules read more of the same objects.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::program::{program, text};
use crate::server::{kubeconfig, reply, serve};

/// Findings and gaps of a run on a server with these objects, and the paths that it asked for.
struct Run {
    findings: BTreeSet<String>,
    gaps: Vec<String>,
    asked: Vec<String>,
}

impl Run {
    fn of(objects: &[Value], args: &[&str]) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kubeconfig = kubeconfig(home.path(), &start(objects, Arc::clone(&asked)), "shop");
        let mut command = program(home.path());
        command.env("KUBECONFIG", kubeconfig).args(args);
        let output = command.args(["-o", "json"]).output().expect("it runs");
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
        let list = |field: &str| report[field].as_array().cloned().unwrap_or_default();
        let findings = list("findings").into_iter();
        let asked = asked.lock().expect("no panic").clone();
        Self {
            findings: findings.map(|one| word(&one["id"])).collect(),
            gaps: list("gaps").iter().map(ToString::to_string).collect(),
            asked,
        }
    }

    fn lists_of(&self, plural: &str) -> usize {
        let end = format!("/{plural}");
        self.asked
            .iter()
            .filter(|path| path.ends_with(&end))
            .count()
    }

    fn unread(&self) -> Vec<&String> {
        let gaps = self.gaps.iter();
        gaps.filter(|gap| gap.contains("not in this snapshot"))
            .collect()
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn start(objects: &[Value], asked: Arc<Mutex<Vec<String>>>) -> String {
    let objects = objects.to_vec();
    let versions = objects.iter().map(|object| word(&object["apiVersion"]));
    let versions: BTreeSet<String> = versions.collect();
    let groups = versions
        .into_iter()
        .map(|version| json!({"versions": [{"groupVersion": version}]}));
    let groups = json!({"groups": groups.collect::<Vec<_>>()});
    serve(move |url, stream| {
        let path = url.split('?').next().unwrap_or_default();
        asked.lock().expect("no panic").push(path.to_owned());
        let plural = path.rsplit('/').next().unwrap_or_default();
        let of_kind = objects
            .iter()
            .filter(|object| format!("{}s", word(&object["kind"]).to_lowercase()) == plural);
        let answer = match path {
            "/version" => json!({"gitVersion": "v1.21.6"}),
            "/apis" => groups.clone(),
            _ => json!({"items": of_kind.collect::<Vec<_>>()}),
        };
        reply(
            stream,
            200,
            "application/json",
            answer.to_string().as_bytes(),
        );
    })
}

/// The cluster of a rule's fixture, with a licence.
fn management_cluster(fixture: &str, is_valid: bool) -> Vec<Value> {
    let folder = "tests/fixtures/rules/dkp-paused-cluster";
    let trigger = format!("{folder}/trigger.yaml");
    let cluster = match fixture {
        "trigger" => Cluster::load(trigger),
        patch => Cluster::load_patched(trigger, format!("{folder}/{patch}.yaml")),
    };
    let mut objects = cluster.objects;
    objects.push(json!({
        "apiVersion": "kommander.mesosphere.io/v1beta1", "kind": "License",
        "metadata": {"name": "shop", "namespace": "kommander"},
        "spec": {}, "status": {"valid": is_valid},
    }));
    objects
}

#[test]
fn a_list_has_the_fields_of_detection_and_of_rules() {
    let all = ["--to", "dkp=2.2.2"];
    let run = Run::of(&management_cluster("trigger", false), &all);
    assert_eq!(run.unread(), Vec::<&String>::new());
    for rule in ["dkp-paused-cluster", "dkp-license"] {
        assert!(run.findings.contains(rule), "{rule}: {:?}", run.findings);
    }
    // What the rules read more of them takes one more list.
    assert_eq!(run.lists_of("clusters"), 2, "{:?}", run.asked);
    let run = Run::of(&management_cluster("near-miss", true), &all);
    assert_eq!(run.unread(), Vec::<&String>::new());
    for rule in ["dkp-paused-cluster", "dkp-license"] {
        assert!(!run.findings.contains(rule), "{rule}: {:?}", run.findings);
    }
}

#[test]
fn a_list_that_has_all_fields_is_not_read_again() {
    let objects = management_cluster("trigger", true);
    let run = Run::of(&objects, &["--to", "dkp=2.2.2", "--only", "dkp-license"]);
    assert_eq!(run.lists_of("clusters"), 1, "{:?}", run.asked);
    assert_eq!(run.lists_of("licenses"), 2, "{:?}", run.asked);
    assert_eq!(run.unread(), Vec::<&String>::new());
}
