//! A report for somebody who must not know the names, of a real cluster.

use std::collections::BTreeSet;
use std::fs;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::harness::{Cluster, Need};

const OLD: &str = "1.24.17";

/// In every name that is planted.
const CANARY: &str = "canary-7e2b";

scenarios! {
    the_same_findings_and_no_name: [Need::ControlPlane(OLD)],
}

/// A namespace, workloads, a budget through an old version, a webhook and a Secret, all with the canary in their names.
fn planted() -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: {CANARY}-space, labels: {{{CANARY}-team: {CANARY}-blue}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: {CANARY}-login, namespace: {CANARY}-space}}
stringData: {{password: {CANARY}-password}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {CANARY}-web, namespace: {CANARY}-space, annotations: {{note: call {CANARY} Ann}}}}
spec:
  selector: {{matchLabels: {{app: {CANARY}-web}}}}
  template:
    metadata: {{labels: {{app: {CANARY}-web}}}}
    spec: {{containers: [{{name: web, image: {CANARY}.example/web}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: {CANARY}-bare, namespace: {CANARY}-space, labels: {{app: {CANARY}-bare}}}}
spec: {{containers: [{{name: web, image: {CANARY}.example/web}}]}}
---
apiVersion: policy/v1beta1
kind: PodDisruptionBudget
metadata: {{name: {CANARY}-budget, namespace: {CANARY}-space}}
spec: {{maxUnavailable: 0, selector: {{matchLabels: {{app: {CANARY}-bare}}}}}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: {CANARY}-policy}}
webhooks:
- name: policy.{CANARY}.example
  clientConfig: {{service: {{namespace: {CANARY}-space, name: {CANARY}-gone}}}}
  rules: [{{apiGroups: [''], apiVersions: [v1], resources: [configmaps], operations: [CREATE]}}]
  namespaceSelector: {{matchLabels: {{{CANARY}-team: {CANARY}-blue}}}}
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
"
    )
}

/// What is found, but for names: rule, severity, hop and number of objects.
fn shape(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings");
    let mut shape: Vec<String> = findings
        .iter()
        .map(|finding| {
            let objects = finding["objects"].as_array().expect("objects").len();
            format!(
                "{} {} {} {objects}",
                finding["id"], finding["severity"], finding["hop"]
            )
        })
        .collect();
    shape.sort();
    shape
}

fn names(report: &Value) -> BTreeSet<String> {
    let findings = report["findings"].as_array().expect("findings");
    let objects = findings
        .iter()
        .flat_map(|finding| finding["objects"].as_array().expect("objects"));
    objects
        .map(|object| format!("{} {}", object["namespace"], object["name"]))
        .collect()
}

fn the_same_findings_and_no_name() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    let folder = tempfile::tempdir()?;
    let saved = folder.path().join("redacted.snapshot");
    let saved = saved.to_string_lossy().into_owned();
    let create = ["create", "--field-manager", CANARY, "-f", "-"];
    cluster.kubectl_stdin(&create, &planted()).ok();

    let plain = cluster.check(&["--to", "1.25", "-o", "json"]);
    assert!(plain.stdout.contains(CANARY), "{}", plain.stdout);
    for format in ["table", "wide", "json", "yaml", "name"] {
        let args = ["--to", "1.25", "--redact", "--save-snapshot", &saved, "-o"];
        let run = cluster.check(&[&args[..], &[format]].concat());
        assert_eq!(run.code, plain.code, "{}", run.stderr);
        for stream in [&run.stdout, &run.stderr] {
            assert!(!stream.contains(CANARY), "{format}: {stream}");
            assert!(!stream.contains("127.0.0.1:1"), "{format}: {stream}");
        }
        assert!(run.stdout.contains("name-"), "{format}: {}", run.stdout);
        assert!(!run.stderr.contains("kube-system"), "{}", run.stderr);
    }
    let json = |args: &[&str]| -> Value {
        let run = cluster.check(&[&["--to", "1.25", "-o", "json", "--redact"], args].concat());
        serde_json::from_str(&run.stdout).expect("JSON")
    };
    let report: Value = serde_json::from_str(&plain.stdout)?;
    let (one, two) = (json(&[]), json(&[]));
    assert_eq!(shape(&one), shape(&report), "{one:#}\n{report:#}");
    assert_eq!(names(&one), names(&two), "the key is that of the cluster");
    // The key is read also where no rule asks for namespaces.
    let only = json(&["--only", "api-removed"]);
    assert!(names(&only).is_subset(&names(&one)), "{only:#}");

    let mut text = String::new();
    std::io::Read::read_to_string(
        &mut flate2::read::GzDecoder::new(fs::File::open(&saved)?),
        &mut text,
    )?;
    assert!(!text.contains(CANARY), "{text}");
    let uid = ["get", "ns", "kube-system", "-o", "jsonpath={.metadata.uid}"];
    let uid = cluster.kubectl(&uid).ok().stdout;
    assert!(!uid.is_empty() && !text.contains(&uid), "the key: {text}");
    Ok(())
}
