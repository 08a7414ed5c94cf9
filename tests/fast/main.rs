//! Fast tests: no cluster, no network but loopback, no environment.

#![expect(
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

mod architecture;
mod audit;
mod baseline;
mod bounds;
mod command;
mod contributing;
mod detect;
mod fixture;
mod generated;
mod golden;
mod hazards;
mod hostile;
mod lifecycle;
#[path = "../../src/mutate.rs"]
#[expect(
    dead_code,
    reason = "shared with the unit tests, which need more of it"
)]
mod mutate;
mod path;
mod plan_formats;
mod plan_hostile;
mod plans;
mod platforms;
mod policy;
mod redact;
mod rules;
mod server;
mod situations;
mod snapshots;
mod variants;
mod volumes;
mod ways;
mod webhooks;
mod workload_rows;
