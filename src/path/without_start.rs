//! Paths without a known start: one hop to each target.

use std::cmp::Reverse;

use super::graph::is_beyond_catalog;
use super::release::{lowest_release, newest_patch};
use super::{Hop, PathError, StartingVersions, unreachable};
use crate::catalog::{
    Catalog, Edge, EdgeConfidence, Platform, PlatformName, PlatformRelease, Release, VersionSpec,
};

/// A hop to each target without a starting version, and to the Kubernetes version that a target release bundles. Without
/// targets and starting versions, the newest Kubernetes.
pub(super) fn hops_without_start(
    start: &StartingVersions,
    targets: &[(PlatformName, VersionSpec)],
    catalog: &Catalog,
) -> Result<Vec<Hop>, PathError> {
    let mut hops = Vec::new();
    let mut bundled = None;
    let platforms = targets
        .iter()
        .filter_map(|(name, spec)| Some((catalog.platform(*name)?, spec)));
    for (platform, spec) in platforms.filter(|(platform, _)| !is_kubernetes(platform)) {
        let (hop, row) = hop_into_release(platform, spec)?;
        hops.push(hop);
        bundled = bundled.or_else(|| row.and_then(|row| row.bundled_kubernetes.clone()));
    }
    let requested = targets
        .iter()
        .find(|(name, _)| *name == PlatformName::Kubernetes)
        .map(|(_, spec)| spec.clone());
    let is_unknown = start.kubernetes.is_none();
    let has_nothing = targets.is_empty() && is_unknown && start.platforms.is_empty();
    let newest = catalog.kubernetes_releases.newest().filter(|_| has_nothing);
    let kubernetes = requested
        .or(bundled.filter(|_| is_unknown))
        .or_else(|| newest.map(|row| VersionSpec::Minor(row.minor)));
    hops.extend(kubernetes.map(|spec| kubernetes_hop(&spec, catalog)));
    Ok(hops)
}

fn is_kubernetes(platform: &Platform) -> bool {
    platform.name == PlatformName::Kubernetes
}

fn kubernetes_hop(spec: &VersionSpec, catalog: &Catalog) -> Hop {
    let to = match spec {
        VersionSpec::Minor(minor) => newest_patch(*minor, catalog),
        release => release.clone(),
    };
    // The rule for upgrades into a minor is cited by the edge from the minor before.
    let minor = to.minor();
    let before = Release {
        semver: semver::Version::new(
            minor.major.into(),
            u64::from(minor.minor).saturating_sub(1),
            0,
        ),
        raw: String::new(),
    };
    let platform = catalog.platform(PlatformName::Kubernetes);
    let edge = platform.and_then(|platform| platform.edge(&before, &lowest_release(&to)));
    Hop::new(PlatformName::Kubernetes, None, to, edge.as_ref())
}

/// A hop to a release, by its best supported upgrade; for a minor, to its best supported patch.
fn hop_into_release<'a>(
    platform: &'a Platform,
    spec: &VersionSpec,
) -> Result<(Hop, Option<&'a PlatformRelease>), PathError> {
    let matching = platform.releases().iter();
    let matching = matching.filter(|row| spec.matches(&row.release));
    let best = matching
        .map(|row| (strongest_edge(platform, &row.release), row))
        .min_by_key(|(edge, row)| {
            let strength = edge
                .as_ref()
                .map_or(EdgeConfidence::Inferred, |edge| edge.confidence);
            (strength, Reverse(row.release.clone()))
        });
    match best {
        Some((edge, row)) => {
            let to = VersionSpec::Release(row.release.clone());
            Ok((Hop::new(platform.name, None, to, edge.as_ref()), Some(row)))
        }
        None if is_beyond_catalog(platform, spec) => {
            Ok((Hop::new(platform.name, None, spec.clone(), None), None))
        }
        None => Err(PathError::UnknownTarget {
            missing: unreachable::describe_unknown_release(platform, spec),
            nearest: nearest_release(platform, spec),
        }),
    }
}

/// The best supported upgrade to a release.
fn strongest_edge(platform: &Platform, release: &Release) -> Option<Edge> {
    let from = platform.releases().iter();
    from.filter_map(|from| platform.edge(&from.release, release))
        .min_by_key(|edge| edge.confidence)
}

/// The newest release before a version, or the oldest one.
fn nearest_release(platform: &Platform, spec: &VersionSpec) -> String {
    let lowest = lowest_release(spec);
    let mut before = platform.releases().iter().rev();
    let before = before.find(|row| row.release.semver < lowest.semver);
    let found = before.or(platform.releases().first());
    found.map_or_else(String::new, |row| row.release.to_string())
}
