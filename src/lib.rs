//! kubectl upgrade: three plugins over one core, for the time before, during and after an upgrade.
//!
//! # The house
//!
//! One street, one direction; nothing imports against the arrow.
//!
//! ```text
//! kubeconfig context ─┐                                               ┌─► table · wide
//! files, dirs, stdin ─┼─► cluster ─► Snapshot ─► detect ─► check ─┬───► report ─► name
//! saved snapshot ─────┘   (access)   (plain data)          progress ─► plan ─┘ └─► json · yaml
//!                  catalog (embedded facts) ─┘
//! ```
//!
//! What must be read depends on the path, the path on what is running, and that on a first look:
//! **survey → detect → path → needs → read → Snapshot → judge.**
//!
//! | room | holds | knows nothing of |
//! |---|---|---|
//! | [`catalog`] | facts with source and horizon, and their loader | clusters |
//! | [`path`] | targets and the hops that lead to them, over platforms and Kubernetes together | clusters |
//! | [`need`] | what must be seen, and from that the requests and permissions | transports |
//! | [`snapshot`] | rows, ledger, saving and loading | where rows came from |
//! | [`cluster`] | kubeconfig to client, read-only guard, lists as streams, Helm records, files | findings |
//! | [`detect`] | what is running | checks |
//! | [`claims`] | who still uses which API: a module for each kind of evidence, one resolver | findings |
//! | [`check`] | rules, [`Finding`](check::Finding), [`judge`](check::judge()) | output |
//! | [`progress`] | typed conditions, and how far a cluster is from them | output |
//! | [`plan`] | hops and procedures expanded into steps with this cluster's names | output |
//! | [`report`] | a file for each format over one document | clusters |
//! | [`cli`] | flags, exit codes, progress | checks |
//!
//! Everything after the snapshot is a pure function of snapshot, catalog, target and clock.

pub mod catalog;
mod certificate;
pub mod check;
pub mod claims;
pub mod cli;
pub mod cluster;
pub mod detect;
pub mod evidence;
#[cfg(test)]
mod mutate;
pub mod need;
pub mod path;
pub mod plan;
pub mod progress;
pub mod report;
pub mod snapshot;
