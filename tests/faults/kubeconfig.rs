//! Kubeconfigs that are none, and credential plugins that give nothing.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::process::{INT, Signal, TERM, end_by};
use crate::programs::check_command;
use crate::proxy::Action;
use crate::table::Row;
use crate::testbed::process::is_alive;
use crate::testbed::run::Run;
use crate::testbed::run::eventually;
use crate::testbed::run::run;
use crate::wire::Fault;
use crate::world::{ARGS, World, at_once};

pub(crate) const FAULTS: &[Fault] = &[
    ("kubeconfig::empty", empty),
    ("kubeconfig::broken", broken),
    ("kubeconfig::missing_in_a_list", missing_in_a_list),
    ("kubeconfig::plugin_fails", plugin_fails),
    ("kubeconfig::plugin_hangs", plugin_hangs),
    ("kubeconfig::plugin_is_interrupted", |world, row| {
        plugin_ends_too(world, row, INT);
    }),
    ("kubeconfig::plugin_is_terminated", |world, row| {
        plugin_ends_too(world, row, TERM);
    }),
    ("kubeconfig::plugin_prints_garbage", plugin_prints_garbage),
];

fn empty(world: &World, row: &Row) {
    judge_text(world, row, "");
}

fn broken(world: &World, row: &Row) {
    let text = "apiVersion: v1\nkind: Config\nusers:\n- name: admin\n  user: {token: s3cret\n";
    let run = judge_text(world, row, text);
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
}

fn judge_text(world: &World, row: &Row, text: &str) -> Run {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let config = folder.path().join("config.yaml");
    fs::write(&config, text).expect("a file");
    let run = at_once(|| world.check_with(&config, &[]));
    world.judge(row, &run, &[]);
    run
}

fn missing_in_a_list(world: &World, row: &Row) {
    let proxy = world.proxy(|_| Action::Forward);
    let there = world.kubeconfig(&format!("http://127.0.0.1:{}", proxy.port));
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = [folder.path().join("gone"), folder.path().join("gone-too")];
    let list = std::env::join_paths([&missing[0], &there, &missing[1]]).expect("a list");
    let mut command = check_command(Path::new(&list), folder.path());
    command.args(ARGS);
    world.judge(row, &run(command, ""), &[]);
}

/// A user who logs in through a shell script.
pub(crate) fn plugin(script: &str) -> Value {
    json!({"exec": {
        "apiVersion": "client.authentication.k8s.io/v1",
        "interactiveMode": "Never",
        "command": "/bin/sh",
        "args": ["-c", script],
    }})
}

fn with_plugin(world: &World, row: &Row, script: &str, more: &[&str]) -> Run {
    // Nobody is to be asked without credentials.
    let cluster = json!({"server": "https://192.0.2.1:6443"});
    let run = world.check_with(&world.kubeconfig_of(&cluster, &plugin(script)), more);
    world.judge(row, &run, &[]);
    run
}

fn plugin_fails(world: &World, row: &Row) {
    let script = "echo 'your session has ended, log in to the portal' >&2; exit 3";
    let run = with_plugin(world, row, script, &[]);
    let first = run.stderr.lines().next();
    assert_eq!(first, Some("your session has ended, log in to the portal"));
}

fn plugin_hangs(world: &World, row: &Row) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("pid");
    let script = format!("echo $$ > '{}'; exec sleep 600", file.display());
    let run = with_plugin(world, row, &script, &["--request-timeout", "1s"]);
    assert!(run.seconds > 0.9, "{} s", run.seconds);
    let pid = started(&file).expect("it was started");
    eventually("the plugin is gone", 10, || !is_alive(pid));
}

fn plugin_ends_too(world: &World, row: &Row, signal: Signal) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("pid");
    let script = format!("echo $$ > '{}'; exec sleep 600", file.display());
    let cluster = json!({"server": "https://192.0.2.1:6443"});
    let config = world.kubeconfig_of(&cluster, &plugin(&script));
    let mut command = check_command(&config, folder.path());
    let (code, output) = end_by(signal, command.args(ARGS), || started(&file).is_some());
    assert_eq!(code, Some(row.exit));
    assert_eq!(output, "");
    let pid = started(&file).expect("it was started");
    eventually("the plugin is gone", 10, || !is_alive(pid));
}

/// The process id that a plugin wrote, when it has.
fn started(file: &Path) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    text.strip_suffix('\n')?.parse().ok()
}

fn plugin_prints_garbage(world: &World, row: &Row) {
    let run = with_plugin(world, row, "echo '<html>s3cret</html>'", &[]);
    assert!(!run.stderr.contains("s3cret"), "{}", run.stderr);
}
