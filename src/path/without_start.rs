//! Ways from nobody knows where: one hop into each target.

use std::cmp::Reverse;

use super::graph::{is_beyond_catalog, lowest_release, newest_patch};
use super::{Hop, PathError, StartingVersions, unreachable};
use crate::catalog::{
    Catalog, Edge, EdgeConfidence, Platform, PlatformName, PlatformRelease, Release, VersionSpec,
};

/// A hop into each target that has no start, and into the Kubernetes that a platform brings along. Without any target and any
/// start it is the newest Kubernetes.
pub(super) fn hops_without_start(
    start: &StartingVersions,
    targets: &[(PlatformName, VersionSpec)],
    catalog: &Catalog,
) -> Result<Vec<Hop>, PathError> {
    let mut hops = Vec::new();
    let mut ships = None;
    let platforms = targets
        .iter()
        .filter_map(|(name, wanted)| Some((catalog.platform(*name)?, wanted)));
    for (platform, wanted) in platforms.filter(|(platform, _)| !is_kubernetes(platform)) {
        let (hop, row) = hop_into_release(platform, wanted)?;
        hops.push(hop);
        ships = ships.or_else(|| row.and_then(|row| row.bundled_kubernetes.clone()));
    }
    let asked = targets
        .iter()
        .find(|(name, _)| *name == PlatformName::Kubernetes)
        .map(|(_, wanted)| wanted.clone());
    let unknown = start.kubernetes.is_none();
    let nothing = targets.is_empty() && unknown && start.platforms.is_empty();
    let newest = catalog.kubernetes_releases.newest().filter(|_| nothing);
    let kubernetes = asked
        .or(ships.filter(|_| unknown))
        .or_else(|| newest.map(|row| VersionSpec::Minor(row.minor)));
    hops.extend(kubernetes.map(|wanted| kubernetes_hop(&wanted, catalog)));
    Ok(hops)
}

fn is_kubernetes(platform: &Platform) -> bool {
    platform.name == PlatformName::Kubernetes
}

fn kubernetes_hop(wanted: &VersionSpec, catalog: &Catalog) -> Hop {
    let to = match wanted {
        VersionSpec::Minor(minor) => newest_patch(*minor, catalog),
        release => release.clone(),
    };
    // Every hop into a minor rests on the same rule; the one from the minor before names it.
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

/// A hop into a release of a platform from whichever leads there best; of a minor, into the patch with the strongest edge.
fn hop_into_release<'a>(
    platform: &'a Platform,
    wanted: &VersionSpec,
) -> Result<(Hop, Option<&'a PlatformRelease>), PathError> {
    let meant = platform.releases().iter();
    let meant = meant.filter(|row| wanted.matches(&row.release));
    let best = meant
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
        None if is_beyond_catalog(platform, wanted) => {
            Ok((Hop::new(platform.name, None, wanted.clone(), None), None))
        }
        None => Err(PathError::NoPath {
            from: format!("any release of {}", platform.title),
            to: wanted.to_string(),
            missing: unreachable::describe_unknown_release(platform, wanted),
            nearest: nearest_release(platform, wanted),
        }),
    }
}

/// The strongest of all edges into a release.
fn strongest_edge(platform: &Platform, release: &Release) -> Option<Edge> {
    let from = platform.releases().iter();
    from.filter_map(|from| platform.edge(&from.release, release))
        .min_by_key(|edge| edge.confidence)
}

/// The newest release before a version, or the oldest of all.
fn nearest_release(platform: &Platform, wanted: &VersionSpec) -> String {
    let place = lowest_release(wanted);
    let mut before = platform.releases().iter().rev();
    let before = before.find(|row| row.release.semver < place.semver);
    let found = before.or(platform.releases().first());
    found.map_or_else(String::new, |row| row.release.to_string())
}
