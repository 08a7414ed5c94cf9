//! Which release of which platform a person means.

use super::error::MOST_HOPS;
use super::graph::GraphIndex;
use super::search::{KubernetesGoal, Transition};
use super::{PathError, StartingVersions, UpgradeTarget, unreachable};
use crate::catalog::{Catalog, EdgeConfidence, Minor, Platform, PlatformName, VersionSpec};

/// Each target with its platform.
pub(super) fn resolve_targets(
    targets: &[UpgradeTarget],
    start: &StartingVersions,
    catalog: &Catalog,
) -> Result<Vec<(PlatformName, VersionSpec)>, PathError> {
    let mut named: Vec<(PlatformName, VersionSpec)> = Vec::new();
    for target in targets {
        let name = match &target.platform {
            Some(name) => resolve_platform(*name, start, catalog)?,
            None => infer_platform(&target.version, start, catalog)?,
        };
        if named.iter().any(|(one, _)| *one == name) {
            return Err(PathError::DuplicateTarget(name.to_string()));
        }
        validate_target(
            name,
            &target.version,
            target.platform.is_none(),
            start,
            catalog,
        )?;
        named.push((name, target.version.clone()));
    }
    Ok(named)
}

/// What runs and has releases, outermost first.
fn running_platforms(start: &StartingVersions, catalog: &Catalog) -> Vec<PlatformName> {
    let platforms = start.platforms.keys().copied();
    platforms
        .filter(|name| *name != PlatformName::Kubernetes)
        .chain(start.kubernetes.as_ref().map(|_| PlatformName::Kubernetes))
        .filter(|name| catalog.platform(*name).is_some())
        .collect()
}

fn resolve_platform(
    name: PlatformName,
    start: &StartingVersions,
    catalog: &Catalog,
) -> Result<PlatformName, PathError> {
    let running = running_platforms(start, catalog);
    // Every cluster runs Kubernetes; with no starting version at all, the target may name any platform.
    let may_run = name == PlatformName::Kubernetes || running.is_empty() || running.contains(&name);
    if may_run && catalog.platform(name).is_some() {
        return Ok(name);
    }
    let names: Vec<&str> = running.iter().map(|name| name.as_str()).collect();
    Err(PathError::UnknownPlatform {
        name,
        running: match names.is_empty() {
            true => "there are kubernetes, kyma and dkp".to_owned(),
            false => format!("{} does", names.join(" and ")),
        },
        first: running.first().copied().unwrap_or(PlatformName::Kubernetes),
    })
}

/// Of which platform a version alone is meant: of the outermost one, unless it could be meant of several.
fn infer_platform(
    wanted: &VersionSpec,
    start: &StartingVersions,
    catalog: &Catalog,
) -> Result<PlatformName, PathError> {
    let running = running_platforms(start, catalog);
    let above: Vec<PlatformName> = running
        .iter()
        .copied()
        .filter(|name| is_known_upgrade(*name, wanted, start, catalog))
        .collect();
    if above.len() > 1 {
        let spellings: Vec<String> = above
            .iter()
            .map(|name| format!("--to {name}={wanted}"))
            .collect();
        return Err(PathError::Ambiguous {
            version: wanted.to_string(),
            spellings: spellings.join(" or "),
        });
    }
    Ok(running.first().copied().unwrap_or(PlatformName::Kubernetes))
}

/// Whether it is a release that the catalog knows, above the one that runs.
fn is_known_upgrade(
    name: PlatformName,
    wanted: &VersionSpec,
    start: &StartingVersions,
    catalog: &Catalog,
) -> bool {
    match (name, &start.kubernetes) {
        // Of Kubernetes the table has minors, and any patch up to the newest came out.
        (PlatformName::Kubernetes, Some(running)) => {
            let row = catalog.kubernetes_releases.find(wanted.minor());
            row.is_some_and(|row| match wanted {
                VersionSpec::Minor(minor) => running.minor() < *minor,
                VersionSpec::Release(release) => {
                    running.semver < release.semver && release.semver <= row.newest_patch.semver
                }
            })
        }
        _ => start.platforms.get(&name).is_some_and(|at| {
            let releases = catalog.platform(name).map(Platform::releases);
            let mut releases = releases.unwrap_or_default().iter();
            releases.any(|row| row.release.semver > at.semver && wanted.matches(&row.release))
        }),
    }
}

fn validate_target(
    name: PlatformName,
    wanted: &VersionSpec,
    bare: bool,
    start: &StartingVersions,
    catalog: &Catalog,
) -> Result<(), PathError> {
    let at = match name {
        PlatformName::Kubernetes => start.kubernetes.as_ref(),
        name => start.platforms.get(&name),
    };
    let (Some(at), Some(platform)) = (at, catalog.platform(name)) else {
        return Ok(());
    };
    let counts = match (name, start.emulated) {
        (PlatformName::Kubernetes, Some(emulated)) => emulated,
        _ => at.minor(),
    };
    let down = match wanted {
        VersionSpec::Minor(minor) => *minor < counts,
        VersionSpec::Release(release) => {
            release.minor() < counts
                || (release.minor() == at.minor() && release.semver < at.semver)
        }
    };
    if !down {
        let near = match wanted.minor().minors_ahead_of(counts) {
            Some(minors) => minors <= i64::from(MOST_HOPS),
            None => true,
        };
        let too_far = || PathError::TargetTooFar {
            from: at.without_suffix().raw,
            to: wanted.to_string(),
        };
        return near.then_some(()).ok_or_else(too_far);
    }
    let mut instead = platform.downgrade_advice.clone();
    if bare && name != PlatformName::Kubernetes {
        instead += &format!(". If Kubernetes was meant, say --to kubernetes={wanted}");
    }
    let titled = |text: String| match name {
        PlatformName::Kubernetes => text,
        _ => format!("{} {text}", platform.title),
    };
    let running = match name {
        PlatformName::Kubernetes => at.without_suffix().raw,
        _ => at.to_string(),
    };
    Err(PathError::Downgrade {
        from: titled(running),
        to: titled(wanted.to_string()),
        instead,
    })
}

/// The stop that is meant on a line: a release itself; of a minor its newest patch with the strongest way to it.
pub(super) fn target_position(
    map: &GraphIndex<'_>,
    line: usize,
    wanted: &VersionSpec,
) -> Result<usize, PathError> {
    let releases = &map.tracks[line].releases;
    let numbered = releases.iter().enumerate();
    let meant: Vec<usize> = numbered
        .filter(|(_, release)| wanted.matches(release))
        .map(|(stop, _)| stop)
        .collect();
    let minor = match wanted {
        VersionSpec::Release(_) => {
            let found = meant.first().copied();
            return found.ok_or_else(|| unreachable::unknown_release(map, line, wanted));
        }
        VersionSpec::Minor(minor) => *minor,
    };
    let best = meant
        .iter()
        .copied()
        .filter(|stop| *stop > 0)
        .filter_map(|stop| {
            Some((
                weakest_confidence(map, line, stop)?,
                std::cmp::Reverse(stop),
            ))
        })
        .min();
    match (best, meant.last()) {
        (Some((_, std::cmp::Reverse(stop))), _) => Ok(stop),
        (None, _) if releases[0].minor() == minor => Ok(0),
        (None, Some(newest)) => Err(unreachable::unreachable_release(map, line, *newest, wanted)),
        (None, None) => Err(unreachable::unknown_release(map, line, wanted)),
    }
}

/// The weakest edge of the best way to a stop; none where nothing leads there.
fn weakest_confidence(map: &GraphIndex<'_>, line: usize, stop: usize) -> Option<EdgeConfidence> {
    let mut goal = map.goal_for_kubernetes(KubernetesGoal::Anywhere);
    goal.release_targets[line] = Some(stop);
    let moves = map.graph.solve(&goal)?;
    let mut state = map.graph.start_state();
    let mut weakest = EdgeConfidence::Published;
    for step in moves {
        if let Transition::Platform { track: on, to } = step
            && on == line
        {
            let ways = &map.graph.vertex(&state, line).edges;
            let way = ways.iter().find(|way| way.to == to);
            weakest = weakest.max(way.map_or(EdgeConfidence::Inferred, |way| way.confidence));
        }
        state = map.graph.apply(&state, step);
    }
    Some(weakest)
}

/// The minor that the next supported hop of a line leads to: the next one, else the same one.
pub(super) fn next_minor(map: &GraphIndex<'_>, line: usize) -> Option<Minor> {
    let releases = &map.tracks[line].releases;
    let here = releases[0].minor();
    let ways = &map.graph.tracks[line][0].edges;
    let minors = ways.iter().map(|way| releases[way.to].minor());
    let next = minors.clone().filter(|minor| *minor > here).min();
    next.or_else(|| minors.min())
}
