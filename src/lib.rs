//! kubectl upgrade: three plugins over one core, for the time before, during and after an upgrade.
//!
//! # Modules and their dependency order
//!
//! ```text
//! kubeconfig context ─┐                                                      ┌─► table · wide
//! files, dirs, stdin ─┼─► client ─► Snapshot ─► detect ─► facts ─► rules ─┬──► report ─► json · yaml
//! saved snapshot ─────┘  (reads)   (plain data)           conditions ─► plan ─┘ └─► markdown · html
//!                  catalog (embedded facts) ─┘
//! ```
//!
//! What must be read depends on the path, the path on what is running, and that on a first read:
//! **discovery → detect → path → needs → read → Snapshot → evaluate.**
//!
//! | module | holds | knows nothing of |
//! |---|---|---|
//! | [`text`] | names, plurals and truncation for messages | everything else |
//! | [`catalog`] | facts with their source and date, and their loader | clusters |
//! | [`path`] | targets and the hops that lead to them, over platforms and Kubernetes together | clusters |
//! | [`need`] | what must be read, and from that the requests and permissions | transports |
//! | [`snapshot`] | rows, ledger, saving and loading | where rows came from |
//! | [`manifests`] | files, YAML documents and Helm records to rows | API servers |
//! | [`kubeconfig`] | kubeconfig to connection settings and credentials | requests |
//! | [`client`] | read-only client: retry, authentication, lists as streams, discovery | findings |
//! | [`api_usage`] | who still uses which API: a module for each kind of evidence, one resolver | findings |
//! | [`detect`] | what is running: provider, platforms, add-ons, topology | rules |
//! | [`facts`] | views of one cluster, each with the need it rests on | rules |
//! | [`rules`] | the rule engine and rules by subject, [`Finding`](rules::Finding), [`evaluate`](rules::evaluate()) | output |
//! | [`fleet`] | the clusters of one run, each evaluated by itself | output |
//! | [`conditions`] | typed completion conditions and their status in a cluster | output |
//! | [`plan`] | hops and procedures expanded into steps with this cluster's names | output |
//! | [`watch`] | observations of a cluster folded into the events of an upgrade | output |
//! | [`api`] | the documents behind `-o json`, by version, and conversions to them | output |
//! | [`report`] | a file for each format of a document | clusters |
//! | [`cli`] | flags, exit codes, spinner | rules |
//!
//! Everything after the snapshot is a pure function of snapshot, catalog, target and clock. A test holds the order
//! (`tests/fast/architecture.rs`).

pub mod api;
pub mod api_usage;
pub mod catalog;
pub mod cli;
pub mod client;
pub mod conditions;
pub mod detect;
pub mod evidence;
pub mod facts;
pub mod fleet;
pub mod kubeconfig;
pub mod manifests;
#[cfg(test)]
mod mutate;
pub mod need;
pub mod path;
pub mod plan;
pub mod report;
pub mod rules;
pub mod snapshot;
pub mod text;
pub mod watch;
mod x509;
