//! Upgrade paths: the hops from the running versions to the targets, over platforms and Kubernetes together.
//!
//! A hop upgrades one platform along an edge of the catalog. Before and after each hop, Kubernetes must be in the supported
//! range of every platform release. The path has the fewest hops; among those, the fewest Kubernetes hops, then the fewest
//! hops without a published source. Ties go to outer platforms first, Kubernetes as late as possible, and the newest patch.

mod error;
mod graph;
mod hop;
mod release;
mod remarks;
mod search;
mod start;
mod target;
#[cfg(test)]
mod tests;
mod unreachable;
mod upgrade_path;
mod upgrade_target;
mod without_start;

pub use crate::catalog::VersionSpec;
pub use error::PathError;
pub use hop::{Hop, HopId};
pub use start::StartingVersions;
pub use upgrade_path::UpgradePath;
pub use upgrade_target::UpgradeTarget;
