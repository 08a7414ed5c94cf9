//! Fast tests: no cluster, no network but loopback, no environment.

#![expect(
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

mod architecture;
mod audit;
mod baseline;
mod bounds;
mod cluster_api;
mod command;
#[cfg(unix)]
mod completion;
mod contributing;
mod detect;
#[cfg(unix)]
mod durations;
mod estimate;
mod fields;
mod first_use;
mod fleet;
mod generated;
mod hazards;
mod helm;
mod hostile;
#[cfg(unix)]
mod install;
#[cfg(unix)]
mod krew;
mod kubelets;
mod lifecycle;
mod manifests;
#[path = "../../src/mutate.rs"]
mod mutate;
mod names;
mod path;
mod plan_formats;
mod plan_hostile;
mod plans;
mod platforms;
mod policy;
mod readme;
mod reads;
mod redact;
mod rules;
mod server;
mod snapshots;
#[cfg(unix)]
mod suite;
#[path = "../support/mod.rs"]
mod support;
#[cfg(unix)]
mod terminal;
mod topologies;
mod update;
mod volumes;
#[cfg(unix)]
mod watch;
mod watch_summary;
mod ways;
mod webhooks;
mod words;

use support::{cluster, document, golden, picture, program, variant};
