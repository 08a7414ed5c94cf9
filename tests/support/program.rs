//! The built programs, called with nothing of our environment.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program that plans.
pub(crate) const PLAN: &str = env!("CARGO_BIN_EXE_kubectl-upgrade-plan");

/// A snapshot that a real control plane gave.
pub(crate) const EXAMPLE: &str = "examples/shop.snapshot";

/// The program with nothing of our environment but what a test gives it.
pub(crate) fn program(home: &Path) -> Command {
    bare(env!("CARGO_BIN_EXE_kubectl-upgrade-check"), home)
}

/// The same for plans.
pub(crate) fn plan_program(home: &Path) -> Command {
    bare(PLAN, home)
}

fn bare(program: &str, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("HOME", home)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::null());
    command
}

/// Runs the program that checks.
pub(crate) fn run(args: &[&str]) -> Output {
    run_with(program, args)
}

/// Runs the program that plans.
pub(crate) fn run_plan(args: &[&str]) -> Output {
    run_with(plan_program, args)
}

fn run_with(program: fn(&Path) -> Command, args: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a folder");
    let output = program(home.path()).args(args).output();
    output.expect("the program runs")
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(crate) fn with_example<'a>(args: &[&'a str]) -> Vec<&'a str> {
    [&["--snapshot", EXAMPLE], args].concat()
}

/// `upgrade-plan` asked for what nothing leads to.
pub(crate) fn plan_without_a_path(format: &str) -> Output {
    run_plan(&[
        "--local",
        "--from",
        "dkp=2.2.2",
        "--from",
        "kubernetes=1.23.7",
        "--to",
        "dkp=2.3.0",
        "--now",
        "2026-11-21T12:00:00Z",
        "-o",
        format,
    ])
}
