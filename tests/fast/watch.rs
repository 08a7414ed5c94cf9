//! `upgrade-watch --replay`: its lines and its summary.

use std::path::{Path, PathBuf};
use std::process::Command;

use kubectl_upgrade::api::v1::UPGRADE_SUMMARY_SCHEMA;
use serde_json::{Value, json};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-upgrade-watch");

/// A recording: two nodes, an outage of 40 seconds, and a drain of a minute.
pub(crate) fn recording(folder: &Path) -> PathBuf {
    let at = |seconds: u32| format!("2026-11-30T02:{:02}:{:02}Z", seconds / 60, seconds % 60);
    let nodes = json!({"objects": {"resource": "nodes"}});
    let node = |name: &str, version: &str, cordoned: bool| {
        json!({"name": name, "kubeletVersion": version, "unschedulable": cordoned,
            "labels": {"node.kubernetes.io/instance-group": "gold"}, "conditions": [{"type": "Ready", "status": "True"}]})
    };
    let list = |target: &Value, rows: Value| json!({"subject": target, "depth": "fields", "freshness": "cache", "outcome": "complete", "at": at(0), "rows": rows});
    let pods =
        json!({"objects": {"resource": "pods", "selector": {"fields": "spec.nodeName=gold-1"}}});
    let pod = json!({"namespace": "shop", "name": "web", "node": "gold-1"});
    let apply = |row: Value| json!({"target": nodes, "rows": {"nodes": [row]}});
    let probe = |second: u32| json!({"at": at(second), "probe": {"version": "v1.37.0"}});
    let lines = [
        json!({"apiVersion": "kubectl-upgrade/v1", "kind": "UpgradeRecording", "format": 1, "cluster": "shop", "startedAt": at(0)}),
        json!({"at": at(0), "discovery": {"gitVersion": "v1.37.0", "emulated": null, "groupVersions": ["v1", "apps/v1"]}}),
        json!({"at": at(0), "list": list(&nodes, json!({"nodes": [node("gold-1", "v1.36.4", false), node("gold-2", "v1.37.0", false)]}))}),
        json!({"at": at(10), "outage": {"why": "connection refused"}}),
    ];
    // As many as it takes to know all API servers behind an address.
    let probes = (40..48).map(probe);
    let later = [
        json!({"at": at(60), "apply": apply(node("gold-1", "v1.36.4", true))}),
        json!({"at": at(61), "list": list(&pods, json!({"pods": [pod]}))}),
        json!({"at": at(120), "apply": apply(node("gold-1", "v1.37.0", false))}),
    ];
    let lines = lines.into_iter().chain(probes).chain(later);
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    let path = folder.join("recording");
    std::fs::write(&path, text).expect("a file");
    path
}

#[test]
fn a_summary_tells_what_an_upgrade_took() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = recording(folder.path());
    let summary = |name: &str| {
        let path = folder.path().join(name);
        let mut command = Command::new(PROGRAM);
        command.env_clear().arg("--replay").arg(&file);
        let output = command.arg("--summary").arg(&path).output();
        let output = output.expect("it runs");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        (output.status.code(), text)
    };
    let (code, text) = summary("shop.json");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let schema = serde_json::from_str(UPGRADE_SUMMARY_SCHEMA).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    schema.validate(&json).expect("it is as the schema says");
    assert_eq!(
        (code, &json["outcome"]),
        (Some(0), &json!("finished")),
        "{json:#}"
    );
    assert_eq!(json["nodes"][0]["name"], "gold-1");
    assert_eq!(json["nodes"][0]["seconds"], 60);
    assert_eq!(json["pools"][0]["seconds"], 60);
    assert_eq!(json["nodes"][0]["parts"][0]["part"], "drain");
    assert_eq!(
        json["nodes"][0]["evictedPods"], 0,
        "its pod was still there"
    );
    assert_eq!(json["outages"][0]["seconds"], 40);
    assert_eq!(json["phases"][0]["phase"], "nodes");
    assert_eq!(
        (&json["hops"][0]["version"], &json["hops"][0]["nodes"]),
        (&json!("1.37"), &json!(2))
    );
    let (_, text) = summary("shop.md");
    assert!(text.starts_with("# Upgrade of shop to 1.37\n"), "{text}");
    assert!(
        text.contains("| gold-1 | gold |  | 1 | 0 | 2026-11-30T02:01:00.000Z |"),
        "{text}"
    );
    let (_, text) = summary("shop.html");
    assert!(text.contains("<h1>Upgrade of shop to 1.37</h1>"), "{text}");
    assert!(
        text.contains("<title>gold-1, drain: 60s from 02:01:00Z</title>"),
        "{text}"
    );
    assert!(
        text.contains("<title>outage: 40s from 02:00:00Z</title>"),
        "{text}"
    );
    assert_eq!(summary("shop.txt").0, Some(2), "another ending");
}

#[test]
fn a_summary_of_a_watch_that_was_interrupted_says_until_when_it_watched() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = recording(folder.path());
    let text = std::fs::read_to_string(&file).expect("lines");
    let node = |seconds: u32, cordoned: bool| {
        json!({"at": format!("2026-11-30T02:02:{seconds:02}Z"), "apply": {"target": {"objects": {"resource": "nodes"}},
            "rows": {"nodes": [{"name": "gold-1", "kubeletVersion": "v1.37.0", "unschedulable": cordoned,
                "labels": {"node.kubernetes.io/instance-group": "gold"}, "conditions": [{"type": "Ready", "status": "True"}]}]}}})
    };
    // Worked on a second time, before the other node is done.
    let text = text.replace(
        "\"gold-2\",\"unschedulable\":false",
        "\"gold-2\",\"unschedulable\":true",
    );
    let text = format!("{text}{}\n{}\n", node(10, true), node(30, false));
    std::fs::write(&file, text).expect("lines");
    let path = folder.path().join("shop.json");
    let mut command = Command::new(PROGRAM);
    command.env_clear().arg("--replay").arg(&file);
    let output = command
        .arg("--summary")
        .arg(&path)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(4));
    let text = std::fs::read_to_string(&path).expect("a summary");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["span"]["endedAt"], Value::Null, "{json:#}");
    assert_eq!(json["observedUntil"], "2026-11-30T02:02:30.000Z");
    let node = &json["nodes"][1];
    assert_eq!(
        json["nodes"][0]["name"], "gold-2",
        "it was cordoned from the start"
    );
    assert_eq!(
        (&node["name"], &node["seconds"]),
        (&json!("gold-1"), &json!(90)),
        "{json:#}"
    );
    let passes = node["passes"].as_array().expect("passes");
    let seconds: Vec<&Value> = passes.iter().map(|pass| &pass["seconds"]).collect();
    assert_eq!(seconds, [60, 20]);
    assert_eq!(
        json["nodes"].as_array().map(Vec::len),
        Some(2),
        "a row for each node"
    );
}

#[test]
fn a_recording_without_its_end_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = recording(folder.path());
    let run = || {
        let mut command = Command::new(PROGRAM);
        let output = command
            .env_clear()
            .args(["-q", "--plain", "--replay"])
            .arg(&file)
            .output();
        let output = output.expect("it runs");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), stderr)
    };
    assert_eq!(run(), (Some(0), String::new()));
    let text = std::fs::read_to_string(&file).expect("lines");
    let (whole, _) = text.trim_end().rsplit_once('\n').expect("lines");
    std::fs::write(&file, format!("{whole}\n{{\"at\":\"2026-11-30T0")).expect("lines");
    let (code, stderr) = run();
    assert_eq!(code, Some(4), "as for what was seen");
    assert!(
        stderr.starts_with("note: the recording has no end"),
        "{stderr}"
    );
    std::fs::write(&file, format!("{whole}\n")).expect("lines");
    assert_eq!(run(), (Some(4), String::new()), "it ends with a line");
}

#[test]
fn the_example_of_the_page_goes_to_the_end() {
    let readme = std::fs::read_to_string("docs/watch.md").expect("the page");
    let args = "--replay examples/rollout.recording --to 1.25";
    assert!(readme.contains(args));
    let mut command = Command::new(PROGRAM);
    let output = command
        .env_clear()
        .args(args.split(' '))
        .output()
        .expect("it runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{stdout}");
    assert!(
        stdout.ends_with("the control plane and all 40 nodes run 1.25\n"),
        "{stdout}"
    );
    assert_eq!(output.stderr, b"", "it has its end");
}
