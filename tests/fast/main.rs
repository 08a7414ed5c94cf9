//! Fast tests: no cluster, no network but loopback, no environment.

#![expect(
    clippy::expect_used,
    reason = "a test says what it expects by panicking"
)]

mod baseline;
mod command;
mod contributing;
mod detect;
mod fixture;
mod generated;
mod golden;
mod hazards;
mod lifecycle;
mod path;
mod policy;
mod rules;
mod situations;
mod snapshots;
mod volumes;
mod webhooks;
