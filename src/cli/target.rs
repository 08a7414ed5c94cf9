//! Target and start of the upgrade, and the path between them.

use super::args::TargetArgs;
use super::exit::{CliError, Exit};
use crate::catalog::{Catalog, Platform, PlatformName, Release};
use crate::detect::{DetectedCluster, describe_node_match};
use crate::path::{StartingVersions, UpgradePath, UpgradeTarget, VersionSpec};
use crate::snapshot::{ClusterSnapshot, NodeRow};
use crate::text::pluralize;

/// The path from the detected versions. A platform whose release is unknown is a gap, not a start, unless `--from` states it.
pub(super) fn path_from_detected(
    cluster: &ClusterSnapshot,
    flags: &TargetArgs,
    catalog: &Catalog,
) -> Result<UpgradePath, CliError> {
    let detected = DetectedCluster::new(cluster, catalog);
    let running = &detected.kubernetes;
    let (requested, offered) = detected
        .topology_versions
        .clone()
        .map(|versions| (versions.requested, versions.offered))
        .unwrap_or_default();
    let mut start = StartingVersions {
        kubernetes: Some(running.clone()),
        emulated: cluster.discovery.emulation_version,
        offered_kubernetes: offered,
        requested_kubernetes: requested.filter(|requested| requested.semver > running.semver),
        ..StartingVersions::default()
    };
    for platform in &detected.platforms {
        let (name, version) = (platform.name, &platform.version);
        let known = catalog.platform(name);
        if let Some(version) = version
            && known.is_some_and(|known| known.find_release(version).is_some())
        {
            start.platforms.insert(name, version.clone());
        } else if known.is_some() && detected.lacks_release_of(name) {
            start.unknown_releases.insert(name);
        }
    }
    for target in default_to_kubernetes(&flags.from) {
        check_stated(&target, &detected)?;
    }
    let stated = starting_versions(&flags.from, catalog)?;
    for (name, release) in stated.platforms {
        start.unknown_releases.remove(&name);
        start.platforms.insert(name, release.clone());
        start.stated.insert(name, release);
    }
    find_path(&start, &flags.to, catalog)
}

/// Checks that `--from` states nothing that the cluster shows to be otherwise.
fn check_stated(target: &UpgradeTarget, detected: &DetectedCluster) -> Result<(), CliError> {
    let name = target.platform.unwrap_or(PlatformName::Kubernetes);
    let platform = detected.platform(name);
    let (running, evidence) = match (name, platform) {
        (PlatformName::Kubernetes, _) => (Some(&detected.kubernetes), "GET /version".to_owned()),
        (_, Some(platform)) => (platform.version.as_ref(), platform.evidence.join("; ")),
        (_, None) => (None, String::new()),
    };
    let found = match running {
        Some(running) if target.version.matches(running) => return Ok(()),
        Some(running) => format!("runs {} {running} ({evidence})", name.title()),
        None if detected.lacks_release_of(name) => return Ok(()),
        // What was refused may hold its traces.
        None if platform.is_none() && !detected.gaps.is_empty() => return Ok(()),
        None if platform.is_none() => format!("shows no trace of {}", name.title()),
        None => format!("has no single release of {} ({evidence})", name.title()),
    };
    Err(CliError::usage(format!(
        "--from {name}={}: the cluster {found}; leave --from out",
        target.version
    )))
}

/// Hint for kubelets that are at least a minor behind the API server: they may be there on purpose, or a hop is
/// unfinished.
pub(super) fn unfinished_hop_hint(cluster: &ClusterSnapshot, catalog: &Catalog) -> Option<String> {
    let minor = cluster.discovery.effective_minor();
    let server = cluster.discovery.git_version.without_suffix();
    let target = match server.minor() == minor {
        true => VersionSpec::Release(server),
        false => VersionSpec::Minor(minor),
    };
    let is_virtual = |node: &NodeRow| {
        let mut signatures = catalog.virtual_node_signatures.iter();
        signatures.any(|signature| describe_node_match(signature, node).is_some())
    };
    let readings = cluster.ledger.iter();
    let nodes = readings.flat_map(|reading| reading.rows.nodes());
    let kubelets = nodes
        .filter(|node| !is_virtual(node))
        .filter_map(|node| node.kubelet_version.release());
    let behind = kubelets.filter(|kubelet| kubelet.minor() < minor).count();
    (behind > 0).then(|| {
        format!(
            "note: kubelets older than the API server: {}; run with --to kubernetes={target} to see what remains of that hop",
            pluralize(behind, "node")
        )
    })
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

/// Targets without a cluster: a version without a platform is a Kubernetes version.
pub(super) fn default_to_kubernetes(targets: &[UpgradeTarget]) -> Vec<UpgradeTarget> {
    let mut targets = targets.to_vec();
    for target in &mut targets {
        target.platform.get_or_insert(PlatformName::Kubernetes);
    }
    targets
}

/// `--from`: a minor means its newest patch, a version without a platform is a Kubernetes version.
pub(super) fn starting_versions(
    from: &[UpgradeTarget],
    catalog: &Catalog,
) -> Result<StartingVersions, CliError> {
    let mut start = StartingVersions::default();
    for target in default_to_kubernetes(from) {
        let name = target.platform.unwrap_or(PlatformName::Kubernetes);
        let platform = catalog.platform(name).ok_or_else(|| {
            let supported = catalog
                .platforms
                .iter()
                .map(|platform| platform.name.as_str());
            let supported = Vec::from_iter(supported).join(", ");
            CliError::usage(format!(
                "--from: unsupported platform {name}; supported are {supported}"
            ))
        })?;
        let release = newest_release(platform, &target.version)?;
        let before = match platform.name {
            PlatformName::Kubernetes => start.kubernetes.replace(release),
            name => start.platforms.insert(name, release),
        };
        if before.is_some() {
            return Err(CliError::usage(format!("--from: {name} is given twice")));
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
