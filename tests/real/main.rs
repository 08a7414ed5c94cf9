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

mod addons;
mod audit;
mod busy;
mod control_plane;
mod detect;
mod example;
mod extensions;
mod harness;
mod nodes;
mod pieces;
mod policy;
mod redact;
mod removed_apis;
mod secrets;
mod served;
mod smoke;
mod upgrade;
mod volumes;
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
    let mut trials = smoke::trials();
    trials.extend(removed_apis::trials());
    trials.extend(secrets::trials());
    trials.extend(example::trials());
    trials.extend(workloads::trials());
    trials.extend(busy::trials());
    trials.extend(extensions::trials());
    trials.extend(webhooks::trials());
    trials.extend(served::trials());
    trials.extend(volumes::trials());
    trials.extend(policy::trials());
    trials.extend(redact::trials());
    trials.extend(control_plane::trials());
    trials.extend(nodes::trials());
    trials.extend(detect::trials());
    trials.extend(pieces::trials());
    trials.extend(upgrade::trials());
    trials.extend(addons::trials());
    let conclusion = libtest_mimic::run(&arguments, trials);
    // What the servers saw can only be judged when all have been asked.
    let afterwards = libtest_mimic::run(&arguments, audit::trials());
    if conclusion.has_failed() {
        conclusion.exit_code()
    } else {
        afterwards.exit_code()
    }
}
