//! What an upgrade took is the basis of the next plan: replay, summary, plan.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::program::{EXAMPLE, plan_program, text, with_example};
use crate::watch::PROGRAM;

/// The UID of the example's cluster.
const UID: &str = "59f98d82-85db-40a1-a6bd-229945a9f401";

fn at(seconds: u32) -> Timestamp {
    let start: Timestamp = "2026-11-29T02:00:00Z".parse().expect("a time");
    start + SignedDuration::from_secs(seconds.into())
}

/// Nodes without a pool that are upgraded one after the other: each ten seconds slower than the one before it.
fn recording(uid: &str, nodes: u32, is_finished: bool) -> String {
    let target = json!({"objects": {"resource": "nodes"}});
    let node = |number: u32, version: &str, is_cordoned: bool| {
        json!({"name": format!("node-{number}"), "kubeletVersion": version, "unschedulable": is_cordoned,
            "labels": {}, "conditions": [{"type": "Ready", "status": "True"}]})
    };
    let apply = |second, row: Value| json!({"at": at(second), "apply": {"target": target, "rows": {"nodes": [row]}}});
    let old: Vec<Value> = (0..nodes)
        .map(|number| node(number, "v1.24.17", false))
        .collect();
    let mut lines = vec![
        json!({"apiVersion": "kubectl-upgrade/v1", "kind": "UpgradeRecording", "format": 1, "cluster": "test", "uid": uid, "startedAt": at(0)}),
        json!({"at": at(0), "discovery": {"gitVersion": "v1.25.16", "emulated": null, "groupVersions": ["v1", "apps/v1"]}}),
        json!({"at": at(0), "list": {"subject": target, "depth": "fields", "freshness": "cache", "outcome": "complete", "at": at(0), "rows": {"nodes": old}}}),
    ];
    let probe = |second| json!({"at": at(second), "probe": {"version": "v1.25.16"}});
    lines.extend((1..9).map(probe));
    for number in 0..nodes {
        let begin = 100 + 300 * number;
        lines.push(apply(begin, node(number, "v1.24.17", true)));
        if is_finished || number + 1 < nodes {
            lines.push(apply(
                begin + 60 + 10 * number,
                node(number, "v1.25.16", false),
            ));
        }
    }
    lines.push(probe(100 + 300 * nodes));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The summary of the replay.
fn summary(folder: &Path, recording: &str) -> String {
    let (file, summary) = (folder.join("recording"), folder.join("last.json"));
    std::fs::write(&file, recording).expect("a file");
    let mut command = Command::new(PROGRAM);
    command
        .env_clear()
        .args(["--plain", "--to", "1.25", "--replay"])
        .arg(&file);
    let output = command
        .arg("--summary")
        .arg(&summary)
        .output()
        .expect("it runs");
    assert!(
        matches!(output.status.code(), Some(0 | 4)),
        "{}",
        text(&output.stderr)
    );
    std::fs::read_to_string(summary).expect("a summary")
}

/// The plan of the example by this summary, which comes from standard input.
fn plan(folder: &Path, summary: &str) -> Output {
    let mut command = plan_program(folder);
    command.args(with_example(&[
        "--to",
        "1.25",
        "-o",
        "json",
        "--durations",
        "-",
    ]));
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut stdin = child.stdin.take().expect("standard input");
    stdin.write_all(summary.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

#[test]
fn what_an_upgrade_took_is_the_basis_of_the_next_plan() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = summary(folder.path(), &recording(UID, 4, true));
    let output = plan(folder.path(), &summary);
    let json: Value = serde_json::from_slice(&output.stdout).expect("a plan");
    let steps = json["steps"].as_array().expect("steps");
    let basis = "measured on 2026-11-29, 4 nodes, without a pool";
    let is_measured = |step: &&Value| {
        step["basis"]
            .as_str()
            .is_some_and(|text| text.starts_with(basis))
    };
    let measured: Vec<&Value> = steps.iter().filter(is_measured).collect();
    assert!(!measured.is_empty(), "{json:#}");
    for step in &measured {
        assert_eq!(step["scope"]["level"], "node", "{step:#}");
        assert_eq!(step["durationSeconds"]["low"], 60, "{step:#}");
    }
    // From a file as well.
    let file = folder.path().join("last.json");
    let file = file.to_str().expect("UTF-8");
    let mut command = plan_program(folder.path());
    command.args([
        "--snapshot",
        EXAMPLE,
        "--to",
        "1.25",
        "-o",
        "json",
        "--durations",
        file,
    ]);
    let from_file = command.output().expect("it runs");
    assert_eq!(text(&from_file.stdout), text(&output.stdout));
}

#[test]
fn what_says_nothing_about_this_cluster_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let of = |recording: String| summary(folder.path(), &recording);
    let other = "11111111-85db-40a1-a6bd-229945a9f401";
    for (summary, why) in [
        (
            of(recording(other, 4, true)),
            "it is of cluster test, and this plan is of test",
        ),
        (
            of(recording(UID, 4, false)),
            "was not finished when its watch ended (outcome: unfinished)",
        ),
        (
            of(recording(UID, 2, true)),
            "it measured 2 nodes; durations need at least 3",
        ),
        ("{}".to_owned(), "it has no apiVersion and kind"),
        ("no JSON".to_owned(), "it is not JSON"),
    ] {
        let output = plan(folder.path(), &summary);
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{why}: {stderr}");
        assert!(
            stderr.contains(&format!("--durations -: {why}")) || stderr.contains(why),
            "{why}: {stderr}"
        );
        assert_eq!(text(&output.stdout), "", "{why}");
    }
}
