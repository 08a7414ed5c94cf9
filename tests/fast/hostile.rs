//! Strings that do something to a terminal, or to a reader, in every place that a string can come from: nothing of them
//! reaches an output but as escapes.

use std::path::Path;

use serde_json::{Value, json};

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::check::{Gap, Policy, Situation, judge};
use kubectl_upgrade::detect::{Member, Project, Role, Topology, Workspace};
use kubectl_upgrade::need::ClusterId;
use kubectl_upgrade::report::{
    ComponentDoc, Format, Look, Styles, UpgradeReport, WaiverDoc, render, terminal,
};
use kubectl_upgrade::snapshot::Snapshot;

use crate::command::{EXAMPLE, program, text};
use crate::fixture::{Fixture, rules};
use crate::golden;
use crate::plan_hostile::{HOSTILE as MARKUP, structure, tags};
use crate::server::{ascii, kubeconfig, reply, serve};

/// Colours, a link, the clipboard, a bell, backspaces, C1 controls, marks that reorder or hide, another line.
const HOSTILE: &str = "\u{1b}[31m\u{1b}]8;;http://x\u{7}\u{1b}]52;c;YQ==\u{7}\r\u{8}\u{9b}2J\u{85}\u{202e}\u{2066}\u{2069}\u{200b}\u{feff}\nerror: all is well\t\0";

/// Words that YAML takes for something else.
const WORDS: [&str; 12] = [
    "yes", "null", "~", "- a", "#", ": ", "a: b", "", "---", "1e3", "*a", "'\"\\",
];

/// Nothing but what is seen, and line breaks.
#[track_caller]
fn harmless(what: &str, text: &str) {
    let raw = text
        .chars()
        .find(|letter| *letter != '\n' && terminal::is_unsafe(*letter));
    let shown: String = text.chars().take(2000).collect();
    assert_eq!(raw, None, "{what}: {shown:?}");
}

/// The report in every format: harmless, and the same value for a program.
#[track_caller]
fn harmless_in_every_format(what: &str, report: &UpgradeReport) {
    let value = serde_json::to_value(report).expect("a value");
    let narrow = Look {
        width: Some(60),
        ..Look::default()
    };
    for (format, look) in [
        (Format::Table, Look::default()),
        (Format::Table, narrow),
        (Format::Wide, Look::default()),
        (Format::Json, Look::default()),
        (Format::Yaml, Look::default()),
        (Format::Name, Look::default()),
        (Format::Markdown, Look::default()),
        (Format::Html, Look::default()),
    ] {
        let text = render(format, report, &look).expect("a report");
        harmless(&format!("{what} as {format:?}"), &text);
        match format {
            Format::Json => {
                let back: Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(back, value, "{what}");
            }
            Format::Yaml => {
                let back: Value = serde_saphyr::from_str(&text).expect("YAML");
                assert_eq!(back, value, "{what}");
            }
            Format::Name => {
                let objects = report.findings.iter().flat_map(|finding| &finding.objects);
                assert!(text.lines().count() <= objects.count(), "{what}: {text}");
                assert!(
                    text.lines().all(|line| line.contains('/')),
                    "{what}: {text}"
                );
            }
            Format::Table | Format::Wide | Format::Markdown | Format::Html => {}
        }
    }
    // With colours of our own, nothing else is coloured.
    let colored = Look {
        styles: Styles::colored(),
        ..Look::default()
    };
    let text = render(Format::Table, report, &colored).expect("a report");
    let plain = ["31;1", "33", "2", "32;1", "1", "0"]
        .iter()
        .fold(text, |text, code| {
            text.replace(&format!("\u{1b}[{code}m"), "")
        });
    harmless(what, &plain);
}

/// The places of strings in a value.
fn strings(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                strings(item, format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                strings(field, format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// What was read, and what it was read from; not what was asked for, which is ours.
fn comes_from_outside(place: &str) -> bool {
    !place.contains("/subject/")
        && !place.contains("/survey/groupVersions/")
        && !["/depth", "/freshness", "/outcome", "/at"]
            .iter()
            .any(|end| place.ends_with(end))
}

/// Every string of every rule's trigger, made hostile one by one. How a report is encoded is looked at below.
#[test]
fn whatever_a_rule_sees_is_shown_harmlessly() {
    let catalog = Catalog::embedded().expect("the catalog");
    let (mut tried, mut shown) = (0, 0);
    for rule in rules() {
        let file = format!("tests/fixtures/rules/{}/trigger.yaml", rule.id);
        let fixture = Fixture::load(&golden::in_repository(&file));
        let path = fixture.path(&catalog);
        let value = serde_json::to_value(fixture.snapshot(&catalog, &path)).expect("a value");
        let mut places = Vec::new();
        strings(&value, String::new(), &mut places);
        places.retain(|place| comes_from_outside(place));
        for place in &places {
            let mut value = value.clone();
            let text = value.pointer_mut(place).expect("a place");
            *text = json!(format!("{}{HOSTILE}", text.as_str().unwrap_or_default()));
            // Not every string may be anything: times, phases.
            let Ok(snapshot) = serde_json::from_value::<Snapshot>(value) else {
                continue;
            };
            let situation = Situation::new(&snapshot, &catalog, &path, snapshot.taken_at);
            let judgement = judge(&situation, &[rule], &Policy::default());
            let report = UpgradeReport::new(&situation, &judgement);
            tried += 1;
            let what = format!("{} {place}", rule.id);
            for format in [Format::Wide, Format::Name] {
                let text = render(format, &report, &Look::default()).expect("a report");
                harmless(&what, &text);
                shown += usize::from(format == Format::Wide && text.contains("^[[31m"));
            }
        }
    }
    assert!(tried > 500 && shown > 200, "{tried} {shown}");
}

/// The same for what a management cluster says of others.
fn poison_topology(topology: &mut Topology, text: &str) {
    let some = || Some(text.to_owned());
    topology.evidence = vec![text.to_owned()];
    topology.go_to = some();
    topology.workspaces = vec![Workspace {
        name: text.to_owned(),
        namespace: some(),
    }];
    topology.projects = vec![Project {
        workspace: some(),
        name: text.to_owned(),
        namespace: some(),
    }];
    topology.clusters = vec![Member {
        cluster: ClusterId(text.to_owned()),
        namespace: text.to_owned(),
        name: text.to_owned(),
        workspace: some(),
        role: Role::Managed,
        kubernetes_version: some(),
        provider: some(),
        phase: some(),
        this: false,
    }];
}

/// Puts a text into every field of a report that is not ours.
fn poison(report: &mut UpgradeReport, text: &str) {
    let some = || Some(text.to_owned());
    let cluster = &mut report.cluster;
    cluster.context = some();
    cluster.server = some();
    cluster.namespace = some();
    cluster.kubernetes_version = some();
    cluster.provider = some();
    for platform in &mut cluster.platforms {
        platform.version = some();
        platform.evidence = vec![text.to_owned()];
        platform.variant = some();
        platform.components = vec![ComponentDoc {
            name: text.to_owned(),
            version: some(),
            state: some(),
        }];
    }
    poison_topology(&mut cluster.topology, text);
    for hop in &mut report.path {
        hop.from = some();
        hop.to = text.to_owned();
    }
    for finding in &mut report.findings {
        finding.message = text.to_owned();
        finding.remedy = text.to_owned();
        for object in &mut finding.objects {
            object.api_version = format!("{text}/{text}");
            object.kind = text.to_owned();
            object.namespace = some();
            object.name = text.to_owned();
            object.owner = some();
            object.waiver = Some(WaiverDoc {
                owner: text.to_owned(),
                reason: text.to_owned(),
                expires: text.to_owned(),
            });
            for evidence in &mut object.evidence {
                evidence.detail = text.to_owned();
                evidence.writer = some();
                evidence.location = some();
            }
        }
    }
    let mut past = report.findings.clone();
    for finding in &mut past {
        finding.id = text.to_owned();
        finding.title = text.to_owned();
        finding.reference = text.to_owned();
        for object in &mut finding.objects {
            object.waiver = None;
        }
    }
    report.resolved = past.clone();
    // Open findings too, with a remedy and names.
    report.findings.extend(past);
    report.gaps = vec![Gap {
        what: text.to_owned(),
        why: text.to_owned(),
        cluster: None,
        rules: vec![text.to_owned()],
        rbac: None,
    }];
    report.remarks = vec![text.to_owned()];
}

#[test]
fn every_field_of_a_report_is_shown_harmlessly() {
    let catalog = Catalog::embedded().expect("the catalog");
    let file = golden::in_repository("tests/fixtures/rules/psp-present/trigger.yaml");
    let fresh = || Fixture::load(&file).judge(&catalog, rules()).1;
    for word in WORDS.into_iter().chain([HOSTILE]) {
        let mut report = fresh();
        poison(&mut report, word);
        harmless_in_every_format(&format!("{word:?}"), &report);
    }
    let mut report = fresh();
    poison(&mut report, HOSTILE);
    let table = render(Format::Table, &report, &Look::default()).expect("a table");
    assert!(
        table.contains("^[[31m") && table.contains("\\u202e"),
        "{table}"
    );

    let long = format!("{HOSTILE}{}", "x ".repeat(500_000));
    let mut report = fresh();
    poison(&mut report, &long);
    for format in [
        Format::Table,
        Format::Wide,
        Format::Name,
        Format::Markdown,
        Format::Html,
    ] {
        let text = render(format, &report, &Look::default()).expect("a report");
        harmless("long", &text);
        assert!(text.len() < 200_000, "{format:?}: {}", text.len());
    }
}

#[test]
fn no_field_of_a_report_becomes_markup() {
    let catalog = Catalog::embedded().expect("the catalog");
    let file = golden::in_repository("tests/fixtures/rules/psp-present/trigger.yaml");
    let fresh = Fixture::load(&file).judge(&catalog, rules()).1;
    let told = |word: &str| {
        let mut report = fresh.clone();
        poison(&mut report, word);
        [Format::Html, Format::Markdown]
            .map(|format| render(format, &report, &Look::default()).expect("a page"))
    };
    let [page, text] = told("x");
    assert!(!tags(&page).is_empty() && !structure(&text).is_empty());
    for word in MARKUP {
        let [other, other_text] = told(word);
        assert_eq!(tags(&other), tags(&page), "{word:?}");
        assert_eq!(structure(&other_text), structure(&text), "{word:?}");
    }
}

/// Runs the program and looks at both streams.
#[track_caller]
fn says(home: &Path, args: &[&str], code: i32) -> (String, String) {
    let mut command = program(home);
    command
        .env("KUBECONFIG", home.join("kubeconfig"))
        .args(args);
    let output = command.output().expect("the program runs");
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(
        output.status.code(),
        Some(code),
        "{args:?}: {stdout} {stderr}"
    );
    for stream in [&stdout, &stderr] {
        harmless(&format!("{args:?}"), stream);
        assert!(stream.len() < 200_000, "{args:?}");
        // No line may look like one of ours.
        assert!(
            !stream.contains("\nerror: all is well"),
            "{args:?}: {stream}"
        );
    }
    (stdout, stderr)
}

/// What a file system takes as a name.
fn file_name() -> String {
    HOSTILE.replace(['\0', '/'], "")
}

/// What an argument may hold.
fn argument() -> String {
    HOSTILE.replace('\0', "")
}

#[test]
fn arguments_and_names_of_files() {
    let home = tempfile::tempdir().expect("a folder");
    let path = home.path().join(file_name());
    let shown = path.to_string_lossy().into_owned();
    let local = ["--local", "--to", "1.25"];
    for flag in [
        "-f",
        "--waivers",
        "--baseline",
        "--snapshot",
        "--kubeconfig",
    ] {
        let mut args = vec![flag, shown.as_str()];
        if matches!(flag, "-f" | "--waivers" | "--baseline") {
            args.extend(local);
        }
        let (_, stderr) = says(home.path(), &args, 1);
        assert!(stderr.contains("^[["), "{flag}: {stderr}");
    }
    let word = argument();
    for args in [
        ["--only", &word],
        ["--to", &word],
        ["--now", &word],
        ["-o", &word],
        ["explain", &word],
        [word.as_str(), "x"],
    ] {
        says(home.path(), &args, 2);
    }
    std::fs::write(
        &path,
        "apiVersion: v1\nkind: \"\\e[31m\"\nmetadata: {name: \"\\u202e\"}\n---\na: b: c\n",
    )
    .expect("a file");
    for format in ["table", "json", "yaml", "wide", "name"] {
        let args = [&local[..], &["-o", format, "-f", &shown]].concat();
        let (stdout, _) = says(home.path(), &args, 4);
        assert_eq!(stdout.contains("all is well"), format != "name", "{stdout}");
    }
    for (flag, content) in [
        ("--waivers", "a: b: c"),
        ("--baseline", "{\"kind\": \"\\u202e\"}"),
        ("--snapshot", "x"),
    ] {
        std::fs::write(&path, content).expect("a file");
        let args = match flag {
            "--snapshot" => vec![flag, &shown],
            _ => vec!["--snapshot", EXAMPLE, flag, &shown],
        };
        says(home.path(), &args, 1);
    }
}

#[test]
fn names_in_a_kubeconfig() {
    let home = tempfile::tempdir().expect("a folder");
    kubeconfig(home.path(), "127.0.0.1:1", HOSTILE);
    let (_, stderr) = says(home.path(), &["-v", "9"], 1);
    assert!(stderr.contains("refused"), "{stderr}");
    for (flag, code) in [
        ("--context", 1),
        ("--cluster", 1),
        ("--user", 1),
        ("--server", 1),
        ("--proxy-url", 1),
        ("-n", 2),
    ] {
        says(home.path(), &[flag, &argument()], code);
    }
    let text = json!({
        "apiVersion": HOSTILE, "kind": HOSTILE, "current-context": HOSTILE,
    });
    std::fs::write(home.path().join("kubeconfig"), ascii(&text)).expect("a file");
    says(home.path(), &[], 1);
    let user = json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": HOSTILE.replace('\0', ""), "installHint": HOSTILE, "interactiveMode": "Never"}});
    let text = json!({
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": HOSTILE}}],
        "clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": HOSTILE, "user": user}],
    });
    std::fs::write(home.path().join("kubeconfig"), ascii(&text)).expect("a file");
    let (_, stderr) = says(home.path(), &["-v", "9"], 1);
    assert!(stderr.contains("not installed"), "{stderr}");
    let text = ascii(&text).replace("\"users\"", "\"others\"");
    std::fs::write(home.path().join("kubeconfig"), text).expect("a file");
    says(home.path(), &["-v", "9"], 1);
}

/// A server that is what an attacker would make of it, from its version to its errors.
#[test]
fn a_server_that_says_anything() {
    let home = tempfile::tempdir().expect("a folder");
    let start = |which: &'static str| {
        let status = json!({"kind": "Status", "message": format!("User \"{HOSTILE}\" cannot"), "reason": HOSTILE}).to_string();
        let version = json!({"gitVersion": format!("v1.24.17+{}", HOSTILE)}).to_string();
        let groups = json!({"groups": [{"versions": [{"groupVersion": HOSTILE}, {"groupVersion": "policy/v1"}]}]}).to_string();
        let address = serve(move |path, stream| {
            let json = |stream: &mut _, code, body: &str| {
                reply(stream, code, "application/json", body.as_bytes())
            };
            match (which, path) {
                ("version", "/version") => json(stream, 200, &json!({"gitVersion": HOSTILE}).to_string()),
                ("shape", "/version") => json(stream, 200, &json!({"gitVersion": {HOSTILE: 1}}).to_string()),
                ("401", "/version") => json(stream, 401, &status),
                ("403", "/version") => json(stream, 403, &status),
                ("500", "/version") => json(stream, 500, &status),
                ("404", "/version") => reply(stream, 404, "text/html", format!("<html><title>{HOSTILE}</title>").as_bytes()),
                ("text", "/version") => reply(stream, 502, "text/plain", HOSTILE.as_bytes()),
                (_, "/version") => json(stream, 200, &version),
                (_, "/apis") => json(stream, 200, &groups),
                ("lists", path) if path.contains("poddisruptionbudgets") => json(
                    stream,
                    200,
                    &json!({"items": [{"metadata": {"name": HOSTILE, "namespace": HOSTILE, "managedFields": [{"manager": HOSTILE, "apiVersion": "policy/v1beta1", "operation": "Update"}]},
                        "spec": {"selector": {}}, "status": {"observedGeneration": 1, "expectedPods": 1, "disruptionsAllowed": 0, "desiredHealthy": 1, "currentHealthy": 1}}]}).to_string(),
                ),
                ("lists", path) if path.starts_with("/readyz") => reply(stream, 500, "text/plain", format!("[-]{HOSTILE}").as_bytes()),
                ("lists", _) => json(stream, 200, &json!({"items": {HOSTILE: HOSTILE}}).to_string()),
                _ => json(stream, 403, &status),
            }
        });
        kubeconfig(home.path(), &address, HOSTILE);
    };
    for which in ["version", "shape", "401", "403", "500", "404", "text"] {
        start(which);
        says(home.path(), &["-v", "9"], 1);
    }
    for which in ["lists", "refused"] {
        start(which);
        for format in ["table", "json", "name"] {
            let mut command = program(home.path());
            command.env("KUBECONFIG", home.path().join("kubeconfig"));
            let output = command
                .args(["-v", "9", "-o", format])
                .output()
                .expect("it runs");
            let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
            assert!(
                matches!(output.status.code(), Some(3 | 4)),
                "{which}: {stderr}"
            );
            harmless(which, &stdout);
            harmless(which, &stderr);
            assert!(
                format == "name" || stdout.contains("all is well"),
                "{which}: {stdout}"
            );
        }
        says(home.path(), &["rbac"], 0);
    }
}
