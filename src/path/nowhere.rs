//! Ways from nobody knows where: one hop into each target.

use std::cmp::Reverse;

use super::world::{is_beyond, newest_patch};
use super::{Hop, KUBERNETES, PathError, Start, explain};
use crate::catalog::{
    Catalog, Edge, Minor, Platform, PlatformName, PlatformRelease, Release, Strength, Wanted,
};

/// A hop into each target that has no start, and into the Kubernetes that a platform brings along. Without any target and any
/// start it is the newest Kubernetes.
pub(super) fn hops(
    start: &Start,
    targets: &[(PlatformName, Wanted)],
    catalog: &Catalog,
) -> Result<Vec<Hop>, PathError> {
    let mut hops = Vec::new();
    let mut ships = None;
    let platforms = targets
        .iter()
        .filter_map(|(name, wanted)| Some((catalog.platform(*name)?, wanted)));
    for (platform, wanted) in platforms.filter(|(platform, _)| !is_kubernetes(platform)) {
        let (hop, row) = into(platform, wanted)?;
        hops.push(hop);
        ships = ships.or_else(|| row.and_then(|row| row.ships.clone()));
    }
    let asked = targets
        .iter()
        .find(|(name, _)| *name == PlatformName::Kubernetes)
        .map(|(_, wanted)| wanted.clone());
    let unknown = start.kubernetes.is_none();
    let nothing = targets.is_empty() && unknown && start.platforms.is_empty();
    let newest = catalog.kubernetes.newest().filter(|_| nothing);
    let kubernetes = asked
        .or(ships.filter(|_| unknown))
        .or_else(|| newest.map(|row| Wanted::Minor(row.minor)));
    hops.extend(kubernetes.map(|wanted| of_kubernetes(&wanted, catalog)));
    Ok(hops)
}

fn is_kubernetes(platform: &Platform) -> bool {
    platform.name == PlatformName::Kubernetes
}

fn of_kubernetes(wanted: &Wanted, catalog: &Catalog) -> Hop {
    let to = match wanted {
        Wanted::Minor(minor) => newest_patch(*minor, catalog),
        Wanted::Release(release) => release.clone(),
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
    let edge = platform.and_then(|platform| platform.edge(&before, &to));
    hop(KUBERNETES, to.to_string(), minor, edge)
}

fn hop(platform: &str, to: String, minor: Minor, edge: Option<Edge>) -> Hop {
    Hop {
        platform: platform.to_owned(),
        from: None,
        to,
        minor,
        source: edge.as_ref().map(Edge::cited).unwrap_or_default(),
        strength: edge.map_or(Strength::Inferred, |edge| edge.strength),
    }
}

/// A hop into a release of a platform from whichever leads there best; of a minor, into the patch with the strongest edge.
fn into<'a>(
    platform: &'a Platform,
    wanted: &Wanted,
) -> Result<(Hop, Option<&'a PlatformRelease>), PathError> {
    let meant = platform.releases().iter();
    let meant = meant.filter(|row| wanted.is_meant(&row.release));
    let best = meant
        .map(|row| (strongest(platform, &row.release), row))
        .min_by_key(|(edge, row)| {
            let strength = edge
                .as_ref()
                .map_or(Strength::Inferred, |edge| edge.strength);
            (strength, Reverse(row.release.clone()))
        });
    match best {
        Some((edge, row)) => {
            let to = row.release.to_string();
            let hop = hop(platform.name.word(), to, wanted.minor(), edge);
            Ok((hop, Some(row)))
        }
        None if is_beyond(platform, wanted) => {
            let hop = hop(
                platform.name.word(),
                wanted.to_string(),
                wanted.minor(),
                None,
            );
            Ok((hop, None))
        }
        None => Err(PathError::NoEdge {
            from: format!("any release of {}", platform.title),
            to: wanted.to_string(),
            missing: explain::no_release(platform, wanted),
            nearest: nearest(platform, wanted),
        }),
    }
}

/// The strongest of all edges into a release.
fn strongest(platform: &Platform, release: &Release) -> Option<Edge> {
    let from = platform.releases().iter();
    from.filter_map(|from| platform.edge(&from.release, release))
        .min_by_key(|edge| edge.strength)
}

/// The newest release before a version, or the oldest of all.
fn nearest(platform: &Platform, wanted: &Wanted) -> String {
    let place = super::world::release_of(wanted);
    let mut before = platform.releases().iter().rev();
    let before = before.find(|row| row.release.semver < place.semver);
    let found = before.or(platform.releases().first());
    found.map_or_else(String::new, |row| row.release.to_string())
}
