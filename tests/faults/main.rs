//! Every fault that a read may meet, at the wire: a real API server with a proxy in front that misbehaves.
//!
//! `wire.tsv` and `local.tsv` are the table of `docs/reliability.md`; each row names a trial of this program, what is said
//! and the exit code, and [`World::judge`](world::World::judge) holds the trial to it. All trials share one cluster that
//! is only read. What the proxies let through is judged at the end.

#![expect(
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

mod answers;
mod bulk;
mod certificates;
mod clock;
mod detour;
mod kubeconfig;
mod login;
mod permission;
mod process;
#[path = "../testbed/programs.rs"]
mod programs;
mod proxy;
mod recording;
mod table;
mod terminal;
#[path = "../testbed/mod.rs"]
mod testbed;
mod tls;
mod wire;
mod world;

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Trial};

use programs::scenario;
use testbed::assets::Assets;
use world::Stage;

/// The version of the cluster that is read.
const VERSION: &str = "1.24.17";

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Most of them wait for time to pass.
    arguments.test_threads.get_or_insert(8);
    let stage = Arc::new(Stage::default());
    let rows = table::rows();
    let faults: Vec<_> = [
        wire::FAULTS,
        answers::FAULTS,
        bulk::FAULTS,
        tls::FAULTS,
        kubeconfig::FAULTS,
        login::FAULTS,
        permission::FAULTS,
        clock::FAULTS,
        detour::FAULTS,
        process::FAULTS,
        terminal::FAULTS,
    ]
    .concat();
    let mut trials = vec![Trial::test("table::every_row_has_its_trial", {
        let names: Vec<&str> = faults.iter().map(|(name, _)| *name).collect();
        let expected: Vec<String> = rows.iter().map(|row| row.test.clone()).collect();
        move || table::same(&names, &expected)
    })];
    for (name, fault) in faults {
        let Some(row) = rows.iter().find(|row| row.test == name).cloned() else {
            continue;
        };
        let stage = Arc::clone(&stage);
        trials.push(scenario(name, Assets::find(VERSION).err(), move || {
            fault(stage.world(), &row);
            Ok(())
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    // Whatever was asked for, what it sent is looked at.
    arguments.filter = None;
    let afterwards = libtest_mimic::run(&arguments, recording::trials(&stage));
    drop(stage);
    if conclusion.has_failed() {
        conclusion.exit_code()
    } else {
        afterwards.exit_code()
    }
}
