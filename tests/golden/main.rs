//! Golden files: every rule, situation, cluster and format is a test of its own, by the name of its fixture.
//!
//! `cargo test --test golden rules::pdb-zero` runs those whose names hold that, with `--exact` that one alone.
//! `UPDATE=1` writes the golden files anew.

#![expect(
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

mod cases;
mod detect;
mod example;
mod kyma_actions;
mod plan_formats;
mod rules;
mod situations;
#[expect(
    dead_code,
    reason = "shared with the fast tests, which need more of it"
)]
#[path = "../support/mod.rs"]
mod support;
mod variants;
mod watch;
mod watch_views;

use std::process::ExitCode;
use std::sync::LazyLock;

use kubectl_upgrade::catalog::Catalog;
use libtest_mimic::{Arguments, Trial};

use support::{cluster, document, golden, picture, program, variant};

/// Read once for all of them.
static CATALOG: LazyLock<&Catalog> =
    LazyLock::new(|| Catalog::embedded().expect("the embedded catalog"));

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    // What a test says is shown once all have run; as it happens, where alone.
    std::panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            write_line(&format!("panicked at {place}"));
        }
    }));
    let trials = [
        cases::trials(),
        detect::trials(),
        example::trials(),
        kyma_actions::trials(),
        plan_formats::trials(),
        rules::trials(),
        situations::trials(),
        variants::trials(),
        watch::trials(),
        watch_views::trials(),
    ];
    libtest_mimic::run(&arguments, trials.into_iter().flatten().collect()).exit_code()
}

fn write_line(line: &str) {
    use std::io::Write as _;
    // Where nobody reads any more there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A test that fails by panicking.
fn case(group: &str, name: &str, test: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(format!("{group}::{name}"), move || {
        test();
        Ok(())
    })
}
