//! `upgrade-watch --replay`: its screen on a terminal, its lines elsewhere, and its summary.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

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
    let lines = [
        json!({"apiVersion": "kubectl-upgrade/v1", "kind": "UpgradeRecording", "format": 1, "cluster": "shop", "startedAt": at(0)}),
        json!({"at": at(0), "discovery": {"gitVersion": "v1.37.0", "emulated": null, "groupVersions": ["v1", "apps/v1"]}}),
        json!({"at": at(0), "list": list(&nodes, json!({"nodes": [node("gold-1", "v1.36.4", false), node("gold-2", "v1.37.0", false)]}))}),
        json!({"at": at(10), "outage": {"why": "connection refused"}}),
        json!({"at": at(40), "probe": {"version": "v1.37.0"}}),
        json!({"at": at(60), "apply": apply(node("gold-1", "v1.36.4", true))}),
        json!({"at": at(61), "list": list(&pods, json!({"pods": [pod]}))}),
        json!({"at": at(120), "apply": apply(node("gold-1", "v1.37.0", false))}),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
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
    let (_, text) = summary("shop.md");
    assert!(text.starts_with("# Upgrade of shop to 1.37\n"), "{text}");
    assert!(
        text.contains("| gold-1 | gold |  | 2026-11-30T02:01:00.000Z |"),
        "{text}"
    );
    let (_, text) = summary("shop.html");
    assert!(text.contains("<h1>Upgrade of shop to 1.37</h1>"), "{text}");
    assert_eq!(summary("shop.txt").0, Some(2), "another ending");
}
