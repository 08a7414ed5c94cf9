//! Real control planes for tests.
//!
//! [`Cluster::start`] runs a real etcd and a real API server on loopback ports, each
//! cluster with its own folder, users and audit log. Nothing of it outlives the tests,
//! however they end. [`check`] runs the program under test; [`scenario`] makes a test
//! that is skipped, with the reason, where the programs cannot be had.

mod assets;
mod cluster;
mod folder;
mod launch;
mod options;
mod process;
pub(crate) mod run;
mod told;
mod trials;

pub(crate) use cluster::Cluster;
pub(crate) use folder::{LIMITED, audit_logs_of_this_run, read_audit_log};
pub(crate) use process::{Process, is_alive};
pub(crate) use run::{Run, check, eventually};
pub(crate) use told::{NOTHING, create, named, report, report_with};
pub(crate) use trials::{Need, scenario};
