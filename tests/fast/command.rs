//! The built program: arguments in, code and streams out.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::golden;
use crate::program::{
    EXAMPLE, PLAN, plan_program, plan_without_a_path, program, run, run_plan, text, with_example,
};
use crate::server::{reply, serve};

#[test]
fn json_fits_its_schema() {
    let output = run(&with_example(&["-o", "json"]));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let schema = std::fs::read_to_string(golden::in_repository(
        "src/api/v1/schema/upgrade-report.schema.json",
    ));
    let schema: Value = serde_json::from_str(&schema.expect("the schema")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<String> = validator
        .iter_errors(&report)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn the_clock_can_be_set_and_quiet_is_quiet() {
    let output = run(&with_example(&[
        "-q",
        "-o",
        "json",
        "--now",
        "2023-01-01T00:00:00Z",
    ]));
    assert_eq!(text(&output.stderr), "");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["metadata"]["generatedAt"], "2023-01-01T00:00:00Z");
    assert!(
        !text(&output.stdout).contains("k8s-eol"),
        "1.24 was supported then"
    );
}

#[test]
fn help_is_what_the_documentation_shows() {
    let home = tempfile::tempdir().expect("a folder");
    let programs = [program(home.path()), plan_program(home.path())];
    let help = programs.map(|mut program| {
        let output = program.arg("--help").output().expect("the program runs");
        assert_eq!(output.status.code(), Some(0));
        text(&output.stdout)
    });
    golden::compare("docs/help.txt", &help.join("\n\n"));
}

#[test]
fn usage_errors_are_2_and_say_what_is_wrong() {
    for (args, says) in [
        (&["--no-such-flag"][..], "--no-such-flag"),
        (&["--to", "moon"], "1.25"),
        (&["--local"], "--to"),
        (&["--local", "--to", "1.25"], "-f"),
        (
            &["--snapshot", EXAMPLE, "--from", "1.23"],
            "runs Kubernetes 1.24.17",
        ),
        (
            &["--snapshot", EXAMPLE, "--from", "kyma=1.13.0"],
            "no trace of Kyma",
        ),
        (&["-o", "xml"], "table"),
        (&["--now", "yesterday"], "yesterday"),
        (&["--chunk-size", "0"], "0"),
        (&["explain", "api-remove"], "api-removed"),
        (
            &["--certificate-authority", "x", "--insecure-skip-tls-verify"],
            "--insecure-skip-tls-verify",
        ),
        (&["--snapshot", EXAMPLE, "--to", "1.23"], "restore"),
        (&["--snapshot", EXAMPLE, "--to", "dkp=2.2"], "kubernetes="),
        // They speak of real names.
        (&["--redact", "--waivers", "x.yaml"], "--waivers"),
        (&["--redact", "--baseline", "x.json"], "--baseline"),
        (&["--redact", "-v", "6"], "--redact"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(text(&output.stdout), "", "{args:?}");
        assert!(
            text(&output.stderr).contains(says),
            "{args:?}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn no_path_is_3() {
    let output = plan_without_a_path("table");
    assert_eq!(output.status.code(), Some(3));
    let shown = text(&output.stdout) + &text(&output.stderr);
    assert!(shown.contains("nearest reachable release"), "{shown}");
}

#[test]
fn a_version_that_was_never_published_is_a_usage_error() {
    for target in ["2.0", "1.25.99", "1.25.99+k3s1"] {
        let output = run(&with_example(&["--to", target]));
        assert_eq!(output.status.code(), Some(2), "{target}");
        let stderr = text(&output.stderr);
        assert!(stderr.contains("the nearest releases are 1."), "{stderr}");
        let output = run_plan(&with_example(&["--to", target]));
        assert_eq!(output.status.code(), Some(2), "{target}");
    }
}

#[test]
fn the_commonest_errors_are_1_and_say_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config");
    let closed = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = closed.local_addr().expect("an address");
    drop(closed);
    let kubeconfig = |address: &str| {
        let text = format!(
            "{{apiVersion: v1, kind: Config, current-context: shop, contexts: [{{name: shop, context: {{cluster: shop, user: u}}}}], \
             clusters: [{{name: shop, cluster: {{server: 'http://{address}'}}}}], users: [{{name: u, user: {{}}}}]}}"
        );
        std::fs::write(&config, text).expect("a kubeconfig");
    };
    let stderr = |args: &[&str]| {
        let output = program(folder.path())
            .env("KUBECONFIG", &config)
            .args(args)
            .output()
            .expect("the program runs");
        assert_eq!(
            output.status.code(),
            Some(1),
            "{args:?}: {}",
            text(&output.stderr)
        );
        assert_eq!(text(&output.stdout), "");
        let stderr = text(&output.stderr);
        assert!(stderr.starts_with("error: "), "{stderr}");
        stderr
    };
    assert!(stderr(&[]).contains("no kubeconfig"));
    kubeconfig(&address.to_string());
    assert!(
        stderr(&["--context", "moon"]).contains("shop"),
        "what there is"
    );
    assert!(stderr(&[]).contains("was refused"));
    let status = |code: u16, reason: &str| {
        format!(
            r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"{reason} it is","reason":"{reason}","code":{code}}}"#
        )
    };
    kubeconfig(&answering(401, status(401, "Unauthorized")));
    assert!(stderr(&[]).contains("must be logged in"));
    kubeconfig(&answering(403, status(403, "Forbidden")));
    assert!(stderr(&[]).contains("Forbidden"));
    kubeconfig(&answering(
        200,
        "<html>Welcome to the proxy</html>".to_owned(),
    ));
    assert!(stderr(&[]).contains("API server"));
}

/// A server that answers everything in one way.
fn answering(code: u16, body: String) -> String {
    serve(move |_, stream| reply(stream, code, "application/json", body.as_bytes()))
}

#[test]
fn a_closed_pipe_ends_quietly_with_the_verdicts_code() {
    let home = tempfile::tempdir().expect("a folder");
    let mut child = program(home.path())
        .args(with_example(&["-q"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn files_are_read_from_stdin_and_trees_without_a_cluster() {
    let manifest = "apiVersion: policy/v1beta1\r\nkind: PodDisruptionBudget\r\nmetadata: {name: cart}\r\n---\r\n\
        apiVersion: policy/v1\r\nkind: PodDisruptionBudget\r\nmetadata: {name: web}\r\n";
    let home = tempfile::tempdir().expect("a folder");
    let mut child = program(home.path())
        .args(["--local", "--to", "1.25", "-f", "-", "-o", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(manifest.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(3));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let objects = &report["findings"][0]["objects"];
    assert_eq!(objects.as_array().map(Vec::len), Some(1), "{report:#}");
    assert_eq!(
        (&objects[0]["name"], &objects[0]["namespace"]),
        (&"cart".into(), &Value::Null)
    );
    assert_eq!(objects[0]["cluster"], Value::Null);
    assert_eq!(
        report["gaps"],
        Value::Array(Vec::new()),
        "the cluster is no gap"
    );

    let missing = run(&["--local", "--to", "1.25", "-f", "no-such-file.yaml"]);
    assert_eq!(missing.status.code(), Some(1));

    let tree = tempfile::tempdir().expect("a folder");
    std::fs::write(tree.path().join("tabs.yaml"), "a:\n\tb: c\n").expect("a file");
    std::fs::write(tree.path().join("good.yaml"), manifest).expect("a file");
    let shown = tree.path().to_string_lossy().into_owned();
    let both = run(&["--local", "--to", "1.25", "-f", &shown, "-o", "json"]);
    assert_eq!(both.status.code(), Some(3), "what blocks outranks the gap");
    let report: Value = serde_json::from_slice(&both.stdout).expect("JSON");
    assert_eq!(report["summary"]["gaps"], 1, "{report:#}");
    let fine = run(&["--local", "--to", "1.24", "-f", &shown]);
    assert_eq!(fine.status.code(), Some(4), "{}", text(&fine.stdout));
}

#[test]
fn nothing_that_was_read_is_not_ready() {
    let folder = tempfile::tempdir().expect("a folder");
    let empty = folder.path().to_str().expect("UTF-8");
    let check = |paths: &[&str]| {
        let files = paths.iter().flat_map(|path| ["-f", path]);
        let local = ["--local", "--to", "1.25", "-o", "json"];
        let output = run(&local.into_iter().chain(files).collect::<Vec<_>>());
        let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON document");
        (output.status.code(), report)
    };
    for path in [empty, "-", "README.md"] {
        let (code, report) = check(&[path]);
        assert_eq!(code, Some(4), "{path}: {report:#}");
        assert_eq!(report["verdict"], "incomplete", "{path}");
        let summary = &report["summary"];
        let read = (&summary["manifestsRead"], &summary["rulesEvaluated"]);
        assert_eq!(read, (&0.into(), &0.into()), "{path}");
        let plan = run_plan(&["--local", "--to", "1.25", "-f", path]);
        assert_eq!(plan.status.code(), Some(4), "{path}");
    }
    let account = "tests/fixtures/manifests/account.yaml";
    let (code, report) = check(&[account]);
    assert_eq!((code, &report["verdict"]), (Some(0), &"ready".into()));
    assert_eq!(report["summary"]["manifestsRead"], 1);
    assert_ne!(report["summary"]["rulesEvaluated"], 0);
    let (code, report) = check(&[account, "README.md"]);
    assert_eq!(code, Some(4));
    let what = report["gaps"][0]["what"].as_str();
    assert!(what.is_some_and(|what| what.starts_with("README.md")));
}

#[test]
fn colours_only_where_they_are_wanted() {
    let plain = run(&with_example(&[]));
    assert!(!text(&plain.stdout).contains('\u{1b}'), "not a terminal");
    let forced = run(&with_example(&["--color", "always"]));
    assert!(text(&forced.stdout).contains('\u{1b}'));
}

#[test]
fn kubectl_gets_candidates_under_the_completers_name() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, program) in [
        ("upgrade_check", env!("CARGO_BIN_EXE_kubectl-upgrade-check")),
        ("upgrade_plan", PLAN),
        ("upgrade_watch", env!("CARGO_BIN_EXE_kubectl-upgrade-watch")),
    ] {
        let link = folder.path().join(format!("kubectl_complete-{name}"));
        std::os::unix::fs::symlink(program, &link).expect("a link");
        let output = Command::new(&link)
            .env_clear()
            .args(["--output", ""])
            .output()
            .expect("the program runs");
        let lines = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0));
        assert!(
            lines.lines().any(|line| line.starts_with("json")),
            "{lines}"
        );
        assert!(lines.ends_with(":4\n"), "{lines}");
        assert_eq!(text(&output.stderr), "");
    }
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = run(&["completion", shell]);
        assert_eq!(script.status.code(), Some(0), "{shell}");
        assert!(text(&script.stdout).contains("upgrade_check"), "{shell}");
    }
}

#[test]
fn a_plan_ends_with_the_code_that_it_has_earned() {
    let plan = |args: &[&str]| {
        let mut command = Command::new(PLAN);
        command.env_clear().args(args);
        command.output().expect("the program runs")
    };
    let made = plan(&[
        "--local",
        "--from",
        "kubernetes=1.24",
        "--to",
        "kubernetes=1.25",
    ]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));

    let nowhere = ["--local", "--from", "dkp=2.1.2", "--to", "dkp=2.2.0"];
    let told = plan(&nowhere);
    assert_eq!((told.status.code(), told.stdout.len()), (Some(3), 0));
    assert!(text(&told.stderr).contains("nearest reachable release is 2.2.1"));
    let document = plan(&[&nowhere[..], &["-o", "json"]].concat());
    assert_eq!(document.status.code(), Some(3));
    let document: Value = serde_json::from_slice(&document.stdout).expect("JSON");
    assert_eq!(document["path"], Value::Array(Vec::new()));
    let why = document["noPath"].as_str().expect("a reason");
    assert!(
        why.contains("DKP 2.1.2 has no supported upgrade to 2.2.0"),
        "{why}"
    );

    let window = plan(&["--local", "--to", "1.25", "--window", "Sat 22-04 UTC"]);
    assert_eq!(window.status.code(), Some(2));
    assert!(
        text(&window.stderr).contains("no time HH:MM"),
        "{}",
        text(&window.stderr)
    );
}

#[test]
fn a_watch_refuses_targets_that_it_would_never_see() {
    let watch = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-upgrade-watch"));
        command.env_clear().args(args);
        let output = command.output().expect("the program runs");
        (output.status.code(), text(&output.stderr))
    };
    for (target, part) in [
        ("cluster-api=1.5", "follows Kubernetes, DKP and Kyma"),
        ("kyma=1.99", "has no release 1.99"),
        ("1.25.99", "Kubernetes 1.25.99 was never published"),
        ("1.15", "Kubernetes 1.15 is older than the catalog"),
    ] {
        let (code, message) = watch(&["--to", target, "--once"]);
        assert_eq!(code, Some(2), "{message}");
        assert!(message.contains(part), "{message}");
    }
    for target in ["1.25", "1.25.16", "1.38", "kyma=1.14", "dkp=2.2"] {
        let (code, message) = watch(&["--to", target, "--once", "--kubeconfig", "/nowhere"]);
        assert_eq!(code, Some(1), "{message}");
    }
}

#[test]
fn a_watch_takes_only_a_plan_of_its_own_cluster() {
    let folder = tempfile::tempdir().expect("a folder");
    let recording = folder.path().join("recording");
    let uid = "59f98d82-85db-40a1-a6bd-229945a9f401";
    let header = format!(
        r#"{{"apiVersion":"kubectl-upgrade/v1","kind":"UpgradeRecording","format":1,"cluster":"shop","uid":"{uid}","startedAt":"2026-11-30T02:00:00Z"}}"#
    );
    std::fs::write(&recording, format!("{header}\n")).expect("a file");
    let plan = folder.path().join("plan.json");
    let document = |kind: &str, context: &str| {
        format!(
            r#"{{"apiVersion":"kubectl-upgrade/v1","kind":"{kind}","cluster":{{"context":{context},"server":null}},"path":[],"steps":[]}}"#
        )
    };
    let with_uid = |context: &str, uid: &str| {
        let text = document("UpgradePlan", context);
        text.replace(
            r#""server":null"#,
            &format!(r#""server":null,"uid":"{uid}""#),
        )
    };
    for (text, code, part) in [
        (
            document("UpgradePlan", "\"shop\""),
            1,
            "ends before the first list of nodes",
        ),
        (
            with_uid("\"shop\"", "11111111-85db-40a1-a6bd-229945a9f401"),
            2,
            "the UID of namespace kube-system is 59f98d82-85db-40a1-a6bd-229945a9f401 here, and 11111111-",
        ),
        (
            with_uid("\"another-name\"", uid),
            1,
            "ends before the first list of nodes",
        ),
        (
            document("UpgradePlan", "\"other\""),
            2,
            "made for cluster other, and this is shop",
        ),
        (document("UpgradePlan", "null"), 2, "made with --local"),
        (
            document("UpgradeReport", "\"shop\""),
            2,
            "its kind is UpgradeReport",
        ),
        (
            "{\"kind\": \"Pod\", \"apiVersion\": \"v1\"}".to_owned(),
            2,
            "it is Pod of v1",
        ),
        ("{}".to_owned(), 2, "no apiVersion and kind"),
        ("steps:".to_owned(), 2, "not JSON"),
    ] {
        std::fs::write(&plan, &text).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubectl-upgrade-watch"));
        command.env_clear().arg("--replay").arg(&recording);
        let output = command.arg("--plan").arg(&plan).output().expect("it runs");
        let message = self::text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{text}: {message}");
        assert!(message.contains(part), "{text}: {message}");
    }
}
