//! Tokens that end while a cluster is read.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::certificates::{Authority, Clients, Life};
use crate::kubeconfig::plugin;
use crate::programs::command_of;
use crate::proxy::{Action, Answer, Proxy};
use crate::table::Row;
use crate::testbed::run::{Run, run};
use crate::wire::Fault;
use crate::world::World;

pub(crate) const FAULTS: &[Fault] = &[
    ("login::token_ends_half_way", token_ends_half_way),
    (
        "login::plugin_gives_a_fresh_token",
        plugin_gives_a_fresh_token,
    ),
    ("login::plugin_fails_half_way", plugin_fails_half_way),
    ("login::token_file_is_read_again", token_file_is_read_again),
    (
        "login::plugin_recovers_in_a_watch",
        plugin_recovers_in_a_watch,
    ),
];

/// So many requests the first token is good for: the first look, and some lists.
const GOOD_FOR: usize = 12;

/// A server behind which `first` is good for some requests, and `second` from then on.
struct Fading {
    authority: Authority,
    proxy: Proxy,
}

impl Fading {
    /// `faded` is called before the first token ends, for whoever is refused with it.
    fn new(world: &World, faded: impl Fn() + Send + Sync + 'static) -> Self {
        let authority = Authority::new("the authority of servers");
        let front = authority.server("127.0.0.1", Life::Good, Clients::Any);
        let asked = Mutex::new(0);
        let hook = move |seen: &crate::proxy::Seen| {
            let mut asked = asked.lock().expect("no panic");
            let number = *asked;
            if number == GOOD_FOR {
                faded();
            }
            *asked += 1;
            drop(asked);
            let good = match number {
                ..GOOD_FOR => "Bearer first",
                _ => "Bearer second",
            };
            match seen.header("authorization") {
                Some(token) if token == good => Action::Forward,
                _ => Action::Answer(Answer::status(401, "Unauthorized", "Unauthorized")),
            }
        };
        let proxy = world.proxy_behind(front, Box::new(hook));
        Self { authority, proxy }
    }

    fn check(&self, world: &World, user: &Value) -> Run {
        world.check_with(&self.kubeconfig(world, user), &[])
    }

    fn kubeconfig(&self, world: &World, user: &Value) -> PathBuf {
        let cluster = self.authority.cluster(self.proxy.port);
        world.kubeconfig_of(&cluster, user)
    }

    /// What was asked for when the first token had ended, as gaps name it.
    fn lost(&self) -> Vec<String> {
        let seen = self.proxy.seen();
        assert!(seen.len() > GOOD_FOR, "only {} requests", seen.len());
        let lost: BTreeSet<String> = seen[GOOD_FOR..].iter().map(|one| name(&one.path)).collect();
        lost.into_iter().collect()
    }
}

/// `/apis/apps/v1/deployments` is `deployments.apps`.
fn name(path: &str) -> String {
    let segments: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match segments.as_slice() {
        ["api", _, .., plural] => (*plural).to_owned(),
        ["apis", group, _, .., plural] => format!("{plural}.{group}"),
        _ => path.to_owned(),
    }
}

fn token_ends_half_way(world: &World, row: &Row) {
    let server = Fading::new(world, || {});
    let run = server.check(world, &json!({"token": "first"}));
    let lost = server.lost();
    let lost: Vec<&str> = lost.iter().map(String::as_str).collect();
    world.judge(row, &run, &lost);
    let report = run.json();
    assert!(report["summary"]["objectsRead"].as_u64() > Some(0));
    let gaps = report["gaps"].as_array().expect("gaps");
    assert!(
        gaps.iter().all(|gap| gap["rbac"].is_null()),
        "no permission helps"
    );
}

/// A plugin that gives the lines of a file one after the other, and fails when there are no more.
struct Plugin {
    _folder: tempfile::TempDir,
    runs: PathBuf,
    user: Value,
}

impl Plugin {
    fn new(tokens: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = |name: &str| folder.path().join(name);
        fs::write(file("tokens"), tokens.join("\n") + "\n").expect("a file");
        let script = format!(
            "cd '{}' || exit 1
             echo run >> runs
             token=$(sed -n \"$(wc -l < runs)p\" tokens)
             test -n \"$token\" || exit 1
             printf '{{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"%s\"}}}}' \"$token\"",
            folder.path().display()
        );
        Self {
            runs: file("runs"),
            user: plugin(&script),
            _folder: folder,
        }
    }

    fn runs(&self) -> usize {
        let runs = fs::read_to_string(&self.runs).expect("it ran");
        runs.lines().count()
    }
}

fn plugin_gives_a_fresh_token(world: &World, row: &Row) {
    let server = Fading::new(world, || {});
    let plugin = Plugin::new(&["first", "second"]);
    let run = server.check(world, &plugin.user);
    world.judge(row, &run, &[]);
    assert_eq!(plugin.runs(), 2, "once at the beginning, once half-way");
}

fn plugin_fails_half_way(world: &World, row: &Row) {
    let server = Fading::new(world, || {});
    let plugin = Plugin::new(&["first"]);
    let run = server.check(world, &plugin.user);
    let lost = server.lost();
    let lost: Vec<&str> = lost.iter().map(String::as_str).collect();
    world.judge(row, &run, &lost);
    assert_eq!(plugin.runs(), 2, "not again for each request");
}

fn plugin_recovers_in_a_watch(world: &World, row: &Row) {
    let server = Fading::new(world, || {});
    // Probes and reads have credentials of their own: it fails once for each.
    let plugin = Plugin::new(&["first", "", "", "second", "second"]);
    let program = env!("CARGO_BIN_EXE_kubectl-upgrade-watch");
    let kubeconfig = server.kubeconfig(world, &plugin.user);
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = command_of(program, &kubeconfig, home.path());
    command.args(["--to", "1.25", "--timeout", "30s", "-o", "json"]);
    let watched = run(command, "");
    assert_eq!(watched.code, row.exit, "{}", watched.stderr);
    let events = watched
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let events: Vec<Value> = events.collect();
    let types: Vec<&str> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    assert_eq!(types, ["picture", "outage", "back"], "{}", watched.stdout);
    let why = events[1]["message"].as_str().expect("a message");
    assert!(why.contains(&row.said), "{why}");
    assert!(plugin.runs() <= 5, "{} runs", plugin.runs());
}

fn token_file_is_read_again(world: &World, row: &Row) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("token");
    write_token(&file, "first");
    let place = file.clone();
    let server = Fading::new(world, move || write_token(&place, "second"));
    let run = server.check(world, &json!({"tokenFile": file}));
    world.judge(row, &run, &[]);
}

/// As a kubelet does it: written beside and renamed.
fn write_token(file: &Path, token: &str) {
    let beside = file.with_extension("new");
    fs::write(&beside, format!("{token}\n")).expect("a file");
    fs::rename(beside, file).expect("renamed");
}
