//! Completion through kubectl's protocol and the scripts of shells, without a cluster, or with one that does not answer.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use kubectl_upgrade::text::names::{CHECK, completion_file, plugin_file};

use crate::program::text;

const PROGRAM: &str = env!("CARGO_BIN_EXE_kubectl-upgrade");

/// More than the second that is promised, because tests run side by side.
const AT_MOST: Duration = Duration::from_secs(3);

/// A folder with the links that kubectl looks for, and a kubeconfig for this server.
fn folder(server: &str, exec: Option<&Path>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    symlink(PROGRAM, folder.path().join(completion_file(CHECK))).expect("a link");
    symlink(PROGRAM, folder.path().join(plugin_file(CHECK))).expect("a link");
    let user = exec.map_or("{}".to_owned(), |plugin| {
        let api = "client.authentication.k8s.io/v1";
        format!(
            "{{exec: {{apiVersion: {api}, interactiveMode: Never, command: {}}}}}",
            plugin.display()
        )
    });
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n\
         clusters:\n- name: test-cluster\n  cluster: {{server: {server:?}}}\n\
         users:\n- name: test-user\n  user: {user}\n\
         contexts:\n- name: test\n  context: {{cluster: test-cluster, user: test-user}}\n\
         - name: tests\n  context: {{cluster: test-cluster, user: test-user}}\n"
    );
    fs::write(folder.path().join("config"), kubeconfig).expect("a file");
    folder
}

fn command(folder: &Path, program: &str) -> Command {
    let mut command = Command::new(folder.join(program));
    command
        .env_clear()
        .env("HOME", folder)
        .env("KUBECONFIG", folder.join("config"))
        .current_dir(folder);
    command
}

fn complete(folder: &Path, words: &[&str]) -> Output {
    let mut command = command(folder, &completion_file(CHECK));
    command.args(words).output().expect("the program runs")
}

/// Candidates and directive, without descriptions.
fn lines(output: &Output) -> Vec<String> {
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
    let stdout = text(&output.stdout);
    let values = stdout.lines().map(|line| line.split('\t').next());
    values.flatten().map(str::to_owned).collect()
}

#[test]
fn values_come_from_the_command_line_that_is_typed() {
    let folder = folder("http://127.0.0.1:9", None);
    let values = |words: &[&str]| lines(&complete(folder.path(), words));
    assert_eq!(values(&["--context", ""]), ["test", "tests", ":4"]);
    assert_eq!(values(&["--contexts", "test,a"]), ["test,all", ":4"]);
    assert_eq!(values(&["--cluster=test"]), ["test-cluster", ":4"]);
    assert_eq!(values(&["--user", ""]), ["test-user", ":4"]);
    assert_eq!(
        values(&["--kubeconfig", "nowhere", "--context", ""]),
        [":4"]
    );
    assert_eq!(values(&["-o", "js"]), ["json", ":4"]);
    assert_eq!(values(&["--output=ma"]), ["markdown", ":4"]);
    assert_eq!(values(&["--fail-on", "w"]), ["warning", ":4"]);
    assert_eq!(values(&["--skip", "pdb-ze"]), ["pdb-zero", ":4"]);
    assert_eq!(values(&["explain", "pdb-ze"]), ["pdb-zero", ":4"]);
    assert_eq!(values(&["--to", "k"]), ["kyma=", ":6"]);
    assert_eq!(
        values(&["--from", "kubernetes=1.2", "--to", "1.2"])[0],
        "1.20"
    );
    assert_eq!(
        values(&["--local", "--from", "1.28", "--to", "1.2"]),
        ["1.29", ":4"]
    );
    assert_eq!(
        values(&["--from", "kubernetes=1.28", "--to", "kubernetes=1.2"]),
        ["kubernetes=1.29", ":4"]
    );
    let snapshot = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/shop.snapshot");
    let ahead = values(&["--snapshot", snapshot, "--to", "1.2"]);
    assert_eq!(ahead[0], "1.25", "the shop runs 1.24");
    assert!(values(&["--to", "dkp=2.2."]).contains(&"dkp=2.2.2".to_owned()));
    assert_eq!(values(&["--to", "nothing="]), [":4"]);
    // The shop runs no other platform.
    assert_eq!(
        values(&["--snapshot", snapshot, "--to", "k"]),
        Vec::from([":4"])
    );
    assert_eq!(
        values(&["--from", "kyma=1.20", "--to", "k"]),
        ["kyma=", ":6"]
    );
    assert_eq!(
        values(&["explain", "api-removed", "Ing"]),
        ["Ingress", "IngressClass", ":4"]
    );
    assert!(values(&["rbac", "--cont"]).contains(&"--context".to_owned()));
}

#[test]
fn files_are_completed_and_home_is_left_to_the_shell() {
    let folder = folder("http://127.0.0.1:9", None);
    fs::create_dir(folder.path().join("deploy")).expect("a folder");
    fs::write(folder.path().join("deploy/web.yaml"), "").expect("a file");
    let values = |words: &[&str]| lines(&complete(folder.path(), words));
    assert_eq!(values(&["-f", "de"]), ["deploy/", ":6"]);
    assert_eq!(values(&["-f", "deploy/"]), ["deploy/web.yaml", ":4"]);
    assert_eq!(values(&["--kubeconfig=con"]), ["config", ":4"]);
    assert_eq!(values(&["--snapshot", "~/s"]), [":0"]);
}

/// Neither an API server that accepts and is silent, nor a credential plugin that hangs and complains, holds up the shell.
#[test]
fn a_cluster_that_is_away_costs_no_more_than_a_second() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = format!("http://{}", listener.local_addr().expect("an address"));
    let silent = folder(&server, None);
    let plugin = silent.path().join("plugin");
    fs::write(
        &plugin,
        "#!/bin/sh\necho please log in >&2\nexec /bin/sleep 20\n",
    )
    .expect("a file");
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).expect("a file");
    let hanging = folder("https://127.0.0.1:9", Some(&plugin));
    let unroutable = folder("http://192.0.2.1", None);
    for folder in [&silent, &hanging, &unroutable] {
        for (words, expected) in [
            (&["-n", ""][..], vec![":4"]),
            (&["--to", "1.36"], vec!["1.36", ":4"]),
        ] {
            let started = Instant::now();
            let found = lines(&complete(folder.path(), words));
            let took = started.elapsed();
            assert!(took < AT_MOST, "{words:?}: {took:?}");
            // With the time used up, none of the versions is left.
            assert!(found == expected || found == [":4"], "{words:?}: {found:?}");
        }
    }
}

#[test]
fn bash_makes_words_at_the_equals_sign() {
    let folder = folder("http://127.0.0.1:9", None);
    let program = plugin_file(CHECK);
    for (words, index, expected) in [
        (&["--output", "=", "ma"][..], "3", "markdown"),
        (&["--output", "="], "2", "table"),
        (&["--context", "tests", "-o", "js", "--only"], "4", "json"),
    ] {
        let candidates = command(folder.path(), &program)
            .args(["--", &program])
            .args(words)
            .env("KUBECTL_UPGRADE_COMPLETE", "bash")
            .env("_CLAP_COMPLETE_INDEX", index)
            .env("_CLAP_IFS", "\u{b}")
            .output()
            .expect("the program runs");
        let found = text(&candidates.stdout);
        assert_eq!(found.split('\u{b}').next(), Some(expected), "{words:?}");
    }
}

#[test]
fn scripts_of_all_shells_ask_the_program() {
    let folder = folder("http://127.0.0.1:9", None);
    let program = plugin_file(CHECK);
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = command(folder.path(), &program)
            .args(["completion", shell])
            .output()
            .expect("the program runs");
        let script = text(&script.stdout);
        assert!(script.contains(&program), "{shell}: {script}");
        assert!(
            script.contains("KUBECTL_UPGRADE_COMPLETE"),
            "{shell}: {script}"
        );
        let candidates = command(folder.path(), &program)
            .args(["--", &program, "--context", "te"])
            .env("KUBECTL_UPGRADE_COMPLETE", shell)
            .env("_CLAP_COMPLETE_INDEX", "2")
            .env("_CLAP_IFS", "\n")
            .output()
            .expect("the program runs");
        assert_eq!(text(&candidates.stderr), "", "{shell}");
        let found = text(&candidates.stdout);
        let mut found = found.lines().map(|line| line.split(['\t', ':']).next());
        assert_eq!(found.next(), Some(Some("test")), "{shell}");
        assert_eq!(found.next(), Some(Some("tests")), "{shell}");
    }
}
