//! Where a path starts.

use std::collections::{BTreeMap, BTreeSet};

use super::release::newest_patch;
use crate::catalog::{Catalog, Minor, PlatformName, Release, VersionSpec};

/// The versions that a path starts from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartingVersions {
    /// The running Kubernetes version, if known.
    pub kubernetes: Option<Release>,
    /// The minor that its API server emulates; hops are counted from it.
    pub emulated: Option<Minor>,
    /// Installed platforms and their releases. A release that the catalog does not have is a gap, not a start.
    pub platforms: BTreeMap<PlatformName, Release>,
    /// The releases of Kubernetes that the cluster can be set to; empty if any.
    pub offered_kubernetes: Vec<Release>,
    /// The release of Kubernetes that the cluster is set to already, if that is newer than the running one.
    pub requested_kubernetes: Option<Release>,
    /// Installed platforms whose release is unknown.
    pub unknown_releases: BTreeSet<PlatformName>,
    /// Those of `platforms` that the user stated because they could not be detected.
    pub stated: BTreeMap<PlatformName, Release>,
}

impl StartingVersions {
    /// The release by which a cluster reaches a minor of Kubernetes; none if it cannot be set to one of that minor.
    pub(super) fn kubernetes_patch(&self, minor: Minor, catalog: &Catalog) -> Option<VersionSpec> {
        let of_minor = |release: &&Release| release.minor() == minor;
        let requested = self.requested_kubernetes.iter().find(of_minor);
        let offered = self.offered_kubernetes.iter().filter(of_minor);
        let newest = offered.max_by(|one, other| one.semver.cmp(&other.semver));
        match requested.or(newest) {
            Some(release) => Some(VersionSpec::Release(release.without_suffix())),
            None if self.offered_kubernetes.is_empty() => Some(newest_patch(minor, catalog)),
            None => None,
        }
    }

    /// Whether the cluster can be set to a version.
    pub(super) fn offers(&self, spec: &VersionSpec) -> bool {
        let mut offered = self.offered_kubernetes.iter();
        self.offered_kubernetes.is_empty() || offered.any(|release| spec.matches(release))
    }
}
