//! The program that is all three plugins.

use std::os::unix::fs::symlink;
use std::process::{Command, Output};

use kubectl_upgrade::text::names::{ALL, plugin_file};

use crate::program::text;

/// Runs the program under this name.
fn run_as(name: &str, args: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let link = folder.path().join(name);
    symlink(env!("CARGO_BIN_EXE_kubectl-upgrade"), &link).expect("a link");
    let mut command = Command::new(link);
    command.env_clear().args(args);
    command.output().expect("the program runs")
}

#[test]
fn it_is_the_plugin_by_whose_name_it_is_called() {
    for (name, word) in ALL.iter().zip(["check", "plan", "watch"]) {
        let version = format!("kubectl-{name} {}\n", env!("CARGO_PKG_VERSION"));
        let words = format!("kubectl-{name}");
        for (file, args) in [
            (plugin_file(name), &["--version"][..]),
            (words, &["--version"]),
            ("kubectl-upgrade".to_owned(), &[word, "--version"]),
            ("kubectl-upgrade".to_owned(), &[name, "--version"]),
            ("anything".to_owned(), &[word, "--version"]),
        ] {
            let output = run_as(&file, args);
            assert_eq!(text(&output.stdout), version, "{file} {args:?}");
            assert_eq!(output.status.code(), Some(0));
        }
        let usage = |file: &str, args: &[&str], expected: &str| {
            let help = text(&run_as(file, args).stdout);
            assert!(
                help.contains(&format!("Usage: {expected} [")),
                "{file}: {help}"
            );
        };
        usage(&plugin_file(name), &["--help"], &format!("kubectl {name}"));
        usage(
            "kubectl-upgrade",
            &[word, "--help"],
            &format!("kubectl upgrade {word}"),
        );
        // A plugin's own subcommand of the same name is not taken for the suite's.
        let wrong = run_as(&plugin_file(name), &[word]);
        assert_eq!(wrong.status.code(), Some(2));
    }
}

#[test]
fn its_own_name_is_completed_too() {
    for (args, expected) in [
        (&["pl"][..], "plan\t"),
        (&["check", "--output", "j"], "json\t"),
    ] {
        let output = run_as("kubectl_complete-upgrade", args);
        let found = text(&output.stdout);
        assert!(found.starts_with(expected), "{args:?}: {found}");
    }
}

#[test]
fn without_a_plugin_it_lists_them() {
    let output = run_as("kubectl-upgrade", &["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = text(&output.stdout);
    for word in ["check", "plan", "watch"] {
        assert!(help.contains(&format!("\n  {word} ")), "{help}");
    }
    for args in [&[][..], &["cheque"], &["--to", "1.25"]] {
        let output = run_as("kubectl-upgrade", args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert_eq!(text(&output.stdout), "", "{args:?}");
        assert!(
            text(&output.stderr).contains("kubectl upgrade <COMMAND>"),
            "{args:?}"
        );
    }
}
