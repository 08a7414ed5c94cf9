//! Rules on Kyma: what its migration guides require of a cluster, and what its installer cannot upgrade.

pub(super) mod cluster;
pub(super) mod guide;
pub(super) mod helm;
pub(super) mod installation;
pub(super) mod overrides;

use crate::catalog::{Minor, PlatformName, VersionSpec};
use crate::detect;
use crate::need::{Need, NeedContext};
use crate::path::{Hop, UpgradePath};

/// The documentation of Kyma on upgrades.
const UPGRADE_PAGE: &str =
    "https://github.com/kyma-project/kyma/blob/release-1.24/docs/kyma/04-07-upgrade.md";

/// Hops of Kyma, in order.
fn hops(path: &UpgradePath) -> impl Iterator<Item = &Hop> {
    path.hops_of(PlatformName::Kyma)
}

/// Hops of Kyma that change its minor, in order.
fn minor_hops(path: &UpgradePath) -> impl Iterator<Item = &Hop> {
    hops(path).filter(|hop| from_minor(hop) != Some(hop.minor()))
}

fn from_minor(hop: &Hop) -> Option<Minor> {
    hop.from.as_ref().map(VersionSpec::minor)
}

/// These needs and what Kyma is detected from, if Kyma is upgraded.
fn needs_of_hops(context: &NeedContext<'_>, needs: impl IntoIterator<Item = Need>) -> Vec<Need> {
    match hops(context.path).next() {
        Some(_) => detect::kyma_needs(context.discovery)
            .into_iter()
            .chain(needs)
            .collect(),
        None => Vec::new(),
    }
}
