//! Tests against real control planes: a real etcd, real API servers, and where a
//! scenario needs them real controllers, helm and kwok.
//!
//! They run two at a time unless `--test-threads` says otherwise, as every cluster
//! takes about half a gigabyte of memory and much of a core while it starts.

#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test says what it expects by panicking"
)]

/// Defines `trials`: each function of this module as a scenario of the module's and its own name, with its needs.
macro_rules! scenarios {
    ($($name:ident: $needs:expr,)*) => {
        pub(crate) fn trials() -> Vec<libtest_mimic::Trial> {
            let (_, module) = module_path!().rsplit_once("::").expect("a module");
            vec![$({
                let name = format!("{module}::{}", stringify!($name));
                crate::harness::scenario(&name, &$needs, $name)
            }),*]
        }
    };
}

mod addons;
mod audit;
mod busy;
mod chains;
mod control_plane;
mod detect;
mod example;
mod extensions;
mod field_changes;
mod fleet;
mod harness;
#[cfg(unix)]
mod krew;
mod kyma;
#[path = "../support/names.rs"]
mod names;
mod nodes;
mod pieces;
mod policy;
#[path = "../testbed/programs.rs"]
mod programs;
mod redact;
mod removed_apis;
mod secrets;
mod served;
mod smoke;
#[path = "../testbed/mod.rs"]
mod testbed;
mod upgrade;
mod volumes;
mod watch;
mod watch_cluster_api;
mod watch_dkp;
mod watch_kyma;
mod watch_outage;
mod watch_plans;
mod webhooks;
mod workloads;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(smoke::HOLD) {
        smoke::hold_a_process();
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(2);
    let trials = [
        smoke::trials(),
        removed_apis::trials(),
        secrets::trials(),
        example::trials(),
        workloads::trials(),
        busy::trials(),
        chains::trials(),
        extensions::trials(),
        field_changes::trials(),
        webhooks::trials(),
        served::trials(),
        volumes::trials(),
        policy::trials(),
        redact::trials(),
        control_plane::trials(),
        #[cfg(unix)]
        krew::trials(),
        kyma::trials(),
        nodes::trials(),
        detect::trials(),
        pieces::trials(),
        fleet::trials(),
        upgrade::trials(),
        addons::trials(),
        watch::trials(),
        watch_cluster_api::trials(),
        watch_dkp::trials(),
        watch_kyma::trials(),
        watch_outage::trials(),
        watch_plans::trials(),
    ];
    let trials = trials.into_iter().flatten().collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    // What the servers saw can only be judged when all have been asked.
    let afterwards = libtest_mimic::run(&arguments, audit::trials());
    if conclusion.has_failed() {
        conclusion.exit_code()
    } else {
        afterwards.exit_code()
    }
}
