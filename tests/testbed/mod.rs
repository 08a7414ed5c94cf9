//! Real control planes for tests and for the benchmark: what all of them need.
//!
//! [`Options::start`](options::Options::start) runs a real etcd and a real API server on loopback ports, each cluster with
//! its own folder, users and audit log. Nothing of it outlives the tests, however they end.

pub(crate) mod assets;
pub(crate) mod cluster;
pub(crate) mod folder;
pub(crate) mod launch;
pub(crate) mod options;
pub(crate) mod process;
pub(crate) mod run;
