//! Real control planes, with what these tests do to them.

mod capi;
mod lifecycle;
mod needs;
mod reports;

pub(crate) use crate::programs::check;
pub(crate) use crate::testbed::cluster::Cluster;
pub(crate) use crate::testbed::folder::LIMITED;
pub(crate) use crate::testbed::process::{Process, is_alive};
pub(crate) use crate::testbed::run::{Run, eventually};
pub(crate) use lifecycle::{audit_logs_of_this_run, krew, read_audit_log};
pub(crate) use needs::{Need, scenario};
pub(crate) use reports::{NOTHING, create, named, report, report_with};
