//! From where a cluster stands, or is said to stand, to the path.

use super::args::SourceArgs;
use super::exit::{CliError, Exit};
use crate::catalog::{Catalog, Platform, PlatformName, Release};
use crate::detect::DetectedCluster;
use crate::path::{StartingVersions, UpgradePath, UpgradeTarget, VersionSpec};
use crate::snapshot::ClusterSnapshot;

/// The way from what was detected. A platform whose release could not be told is no start: that is a gap.
pub(super) fn path_from_detected(
    cluster: &ClusterSnapshot,
    flags: &SourceArgs,
    catalog: &Catalog,
) -> Result<UpgradePath, CliError> {
    let platforms = DetectedCluster::new(cluster, catalog).platforms.into_iter();
    let known = platforms.filter_map(|platform| {
        let version = platform.version?;
        catalog.platform(platform.name)?.find_release(&version)?;
        Some((platform.name, version))
    });
    let discovery = &cluster.discovery;
    let start = StartingVersions {
        kubernetes: Some(discovery.git_version.clone()),
        emulated: discovery.emulation_version,
        platforms: known.collect(),
    };
    find_path(&start, &flags.to, catalog)
}

/// What to say where kubelets are a minor or more behind the API server, and nobody said what the target is: they may be meant
/// to be, or a hop is not at its end.
pub(super) fn unfinished_hop_hint(cluster: &ClusterSnapshot) -> Option<String> {
    let server = &cluster.discovery.git_version;
    let readings = cluster.ledger.iter();
    let nodes = readings.flat_map(|reading| reading.rows.nodes());
    let kubelets = nodes.filter_map(|node| node.kubelet_version.release());
    let behind = kubelets.filter(|kubelet| kubelet.minor() < server.minor());
    let nodes = match behind.count() {
        0 => return None,
        1 => "1 node is".to_owned(),
        nodes => format!("{nodes} nodes are"),
    };
    Some(format!(
        "note: {nodes} behind the API server: --to kubernetes={} shows what is left of the hop that brought it there",
        server.without_suffix()
    ))
}

pub(super) fn find_path(
    start: &StartingVersions,
    to: &[UpgradeTarget],
    catalog: &Catalog,
) -> Result<UpgradePath, CliError> {
    UpgradePath::solve(start, to, catalog).map_err(|error| CliError {
        exit: match error.is_no_path() {
            true => Exit::Blocked,
            false => Exit::Usage,
        },
        message: error.to_string(),
    })
}

/// Targets without a cluster: a version alone is one of Kubernetes.
pub(super) fn default_to_kubernetes(targets: &[UpgradeTarget]) -> Vec<UpgradeTarget> {
    let mut targets = targets.to_vec();
    for target in &mut targets {
        target.platform.get_or_insert(PlatformName::Kubernetes);
    }
    targets
}

/// `--from`: a minor stands for its newest patch, a version alone for one of Kubernetes.
pub(super) fn starting_versions(
    flags: &SourceArgs,
    catalog: &Catalog,
) -> Result<StartingVersions, CliError> {
    let mut start = StartingVersions::default();
    for target in default_to_kubernetes(&flags.from) {
        let name = target.platform.unwrap_or(PlatformName::Kubernetes);
        let platform = catalog.platform(name).ok_or_else(|| {
            CliError::usage(format!(
                "--from names {name}; there are kubernetes, kyma and dkp"
            ))
        })?;
        let release = newest_release(platform, &target.version)?;
        let before = match platform.name {
            PlatformName::Kubernetes => start.kubernetes.replace(release),
            name => start.platforms.insert(name, release),
        };
        if before.is_some() {
            return Err(CliError::usage(format!("--from names {name} twice")));
        }
    }
    Ok(start)
}

fn newest_release(platform: &Platform, version: &VersionSpec) -> Result<Release, CliError> {
    match version {
        VersionSpec::Release(release) => Ok(release.clone()),
        VersionSpec::Minor(minor) => match platform.patches_of(*minor).next_back() {
            Some(row) => Ok(row.release.clone()),
            None => format!("{minor}.0").parse().map_err(CliError::usage),
        },
    }
}
