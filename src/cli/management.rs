//! What a management cluster of DKP decides for the clusters that it looks after.

use std::collections::BTreeSet;

use super::args::TargetArgs;
use super::exit::CliError;
use super::target::{find_path, path_from_detected};
use crate::catalog::{Catalog, PlatformName, Release, VersionSpec};
use crate::detect::{DetectedCluster, TopologyRole};
use crate::need::ClusterId;
use crate::path::{StartingVersions, UpgradePath, UpgradeTarget};
use crate::snapshot::ClusterSnapshot;

/// A management cluster of DKP, which upgrades others after itself.
pub(super) struct Management {
    /// Its release of DKP, which only it tells.
    pub(super) dkp: Option<Release>,
    /// The version of Kubernetes that it has at the end of its path, and the others after it.
    kubernetes: VersionSpec,
    /// The clusters that it looks after.
    clusters: BTreeSet<ClusterId>,
}

impl Management {
    /// What a cluster decides for others; none if it is no management cluster of DKP.
    pub(super) fn new(
        cluster: &ClusterSnapshot,
        path: &UpgradePath,
        catalog: &Catalog,
    ) -> Option<Self> {
        let detected = DetectedCluster::new(cluster, catalog);
        let topology = &detected.topology;
        let dkp = detected.platform(PlatformName::Dkp);
        let dkp = dkp.filter(|_| topology.role == Some(TopologyRole::Management))?;
        let hops = path.kubernetes_hops();
        let running = VersionSpec::Release(detected.kubernetes.without_suffix());
        let others = topology.clusters.iter().filter(|one| !one.is_inspected);
        Some(Self {
            dkp: dkp.version.clone(),
            kubernetes: hops.last().map_or(running, |hop| hop.to.clone()),
            clusters: others.map(|one| one.cluster.clone()).collect(),
        })
    }

    /// Whether a cluster was read through the management cluster.
    pub(super) fn looks_after(&self, cluster: &ClusterSnapshot) -> bool {
        cluster.context.is_none() && self.clusters.contains(&cluster.id)
    }

    /// The path to the version of the management cluster; without a hop if the cluster has that or a later one.
    pub(super) fn path_of(
        &self,
        cluster: &ClusterSnapshot,
        catalog: &Catalog,
    ) -> Result<UpgradePath, CliError> {
        let detected = DetectedCluster::new(cluster, catalog);
        let running = detected.kubernetes.clone();
        let is_reached = match &self.kubernetes {
            VersionSpec::Release(release) => running.semver >= release.semver,
            VersionSpec::Minor(minor) => running.minor() >= *minor,
        };
        let version = match is_reached {
            true => VersionSpec::Release(running.without_suffix()),
            false => self.kubernetes.clone(),
        };
        let start = StartingVersions {
            kubernetes: Some(running),
            emulated: cluster.discovery.emulation_version,
            ..StartingVersions::default()
        };
        let target = UpgradeTarget {
            platform: Some(PlatformName::Kubernetes),
            version,
        };
        find_path(&start, &[target], catalog)
    }
}

/// The path of a cluster of a run: of one that a management cluster of DKP looks after, to the version of that one.
pub(super) fn path_in_run(
    cluster: &ClusterSnapshot,
    flags: &TargetArgs,
    management: Option<&Management>,
    catalog: &Catalog,
) -> Result<UpgradePath, CliError> {
    match management.filter(|one| one.looks_after(cluster)) {
        Some(management) => management.path_of(cluster, catalog),
        None => path_from_detected(cluster, flags, catalog),
    }
}
