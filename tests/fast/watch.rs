//! `upgrade-watch --replay`: its screen on a terminal, its lines elsewhere, and its summary.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use kubectl_upgrade::api::v1::UPGRADE_SUMMARY_SCHEMA;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-upgrade-watch");

/// A recording: two nodes, an outage of 40 seconds, and a drain of a minute.
fn recording(folder: &Path) -> PathBuf {
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

/// What is on the terminal: when its text contains `until`, Ctrl-C is pressed. Returns the exit code, the text and whether
/// the cursor is hidden.
fn on_terminal(term: &str, args: &[&str], until: &str) -> (Option<i32>, String, bool) {
    let (pty, pts) = pty_process::blocking::open().expect("a terminal");
    pty.resize(pty_process::Size::new(24, 80)).expect("a size");
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("TERM", term).args(args);
    let command = pty_process::blocking::Command::from(command);
    let mut child = command.spawn(pts).expect("it starts");
    let pty = Arc::new(pty);
    let screen = Arc::new(Mutex::new(vt100::Parser::new(24, 80, 0)));
    let (from, onto) = (Arc::clone(&pty), Arc::clone(&screen));
    let watching = thread::spawn(move || {
        let mut bytes = [0; 4096];
        // An error is the end: nobody holds the other side any more.
        while let Ok(count) = (&*from).read(&mut bytes) {
            if count == 0 {
                break;
            }
            onto.lock().expect("no panic").process(&bytes[..count]);
        }
    });
    let shown = || screen.lock().expect("no panic").screen().contents();
    let started = Instant::now();
    let mut is_pressed = false;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a status") {
            break status;
        }
        if !is_pressed && !until.is_empty() && shown().contains(until) {
            (&*pty).write_all(b"\x03").expect("a key");
            is_pressed = true;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{}", shown());
        thread::sleep(Duration::from_millis(20));
    };
    watching.join().expect("no panic");
    let is_hidden = screen.lock().expect("no panic").screen().hide_cursor();
    (status.code(), shown(), is_hidden)
}

#[test]
fn on_a_terminal_the_state_is_redrawn_in_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = recording(folder.path());
    let file = file.to_str().expect("UTF-8");
    let (code, shown, is_hidden) = on_terminal("xterm", &["--replay", file], "");
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(shown.matches("POOL ").count(), 1, "one table: {shown}");
    for part in [
        "shop: upgrade to 1.37: API server v1.37.0, 2 of 2 nodes upgraded",
        "gold   2       2      0          0",
        "02:02:00Z  the control plane and all 2 nodes run 1.37",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!is_hidden, "the cursor is there");
}

#[test]
fn while_the_api_server_is_away_the_age_of_the_state_is_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = recording(folder.path());
    let file = file.to_str().expect("UTF-8");
    let args = ["--replay", file, "--speed", "10"];
    let away = "The API server has not answered for 10s";
    let (code, shown, is_hidden) = on_terminal("xterm", &args, away);
    assert_eq!(code, Some(130), "{shown}");
    assert!(shown.contains(away), "what was drawn stays: {shown}");
    assert!(!is_hidden, "the cursor is there");
}

#[test]
fn lines_are_printed_if_asked_for_or_if_the_terminal_cannot_be_redrawn() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = recording(folder.path());
    let file = file.to_str().expect("UTF-8");
    for (term, args) in [
        ("xterm", &["--replay", file, "--plain"][..]),
        ("dumb", &["--replay", file]),
        ("", &["--replay", file]),
    ] {
        let (code, shown, _) = on_terminal(term, args, "");
        assert_eq!(code, Some(0), "{shown}");
        let line = "02:01:00Z  1/2  node gold-1 is cordoned";
        assert!(shown.contains(line), "{term} {args:?}: {shown}");
    }
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
    assert_eq!(json["outages"][0]["seconds"], 40);
    assert_eq!(json["phases"][0]["phase"], "nodes");
    assert_eq!(
        (&json["hops"][0]["version"], &json["hops"][0]["nodes"]),
        (&json!("1.37"), &json!(2))
    );
    let (_, text) = summary("shop.md");
    assert!(text.starts_with("# Upgrade of shop to 1.37\n"), "{text}");
    assert!(
        text.contains("| gold-1 | gold |  | 1 | 2026-11-30T02:01:00.000Z |"),
        "{text}"
    );
    let (_, text) = summary("shop.html");
    assert!(text.contains("<h1>Upgrade of shop to 1.37</h1>"), "{text}");
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

#[cfg(target_os = "linux")]
#[test]
fn a_stopped_watch_leaves_the_cursor_and_is_drawn_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = recording(folder.path());
    let (pty, pts) = pty_process::blocking::open().expect("a terminal");
    pty.resize(pty_process::Size::new(24, 80)).expect("a size");
    let mut command = Command::new(PROGRAM);
    command
        .env_clear()
        .env("TERM", "xterm")
        .arg("--replay")
        .arg(&file)
        .args(["--speed", "10"]);
    let command = pty_process::blocking::Command::from(command);
    let mut child = command.spawn(pts).expect("it starts");
    let screen = Arc::new(Mutex::new(vt100::Parser::new(24, 80, 0)));
    let (pty, onto) = (Arc::new(pty), Arc::clone(&screen));
    let from = Arc::clone(&pty);
    let watching = thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = (&*from).read(&mut bytes) {
            onto.lock().expect("no panic").process(&bytes[..count]);
        }
    });
    let eventually = |what: &str, is_so: &dyn Fn() -> bool| {
        let started = Instant::now();
        while !is_so() {
            let shown = screen.lock().expect("no panic").screen().contents();
            assert!(
                started.elapsed() < Duration::from_secs(30),
                "{what}: {shown}"
            );
            thread::sleep(Duration::from_millis(20));
        }
    };
    let is_hidden = || screen.lock().expect("no panic").screen().hide_cursor();
    let is_stopped = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id()));
        stat.is_ok_and(|stat| stat.contains(") T "))
    };
    eventually("the cursor is hidden", &is_hidden);
    (&*pty).write_all(b"\x1a").expect("a key");
    eventually("it is stopped", &is_stopped);
    eventually("the cursor is there", &|| !is_hidden());
    let pid = child.id().to_string();
    let continued = Command::new("kill").args(["-CONT", &pid]).status();
    assert!(continued.is_ok_and(|status| status.success()));
    eventually("it is drawn again", &is_hidden);
    assert_eq!(child.wait().expect("a status").code(), Some(0));
    watching.join().expect("no panic");
    assert!(!screen.lock().expect("no panic").screen().hide_cursor());
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
