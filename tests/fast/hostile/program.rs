//! What the program is given on its command line, in a kubeconfig and by a server.

use std::path::Path;

use serde_json::json;

use super::{HOSTILE, harmless};
use crate::program::{EXAMPLE, program, text};
use crate::server::{ascii, kubeconfig, reply, serve};

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
