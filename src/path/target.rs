//! Which release of which platform a person means.

use super::error::MOST_HOPS;
use super::search::{Aim, Move};
use super::world::Map;
use super::{PathError, Start, Target, explain};
use crate::catalog::{Catalog, Minor, Platform, PlatformName, Strength, Wanted};

/// Each target with its platform.
pub(super) fn named(
    targets: &[Target],
    start: &Start,
    catalog: &Catalog,
) -> Result<Vec<(PlatformName, Wanted)>, PathError> {
    let mut named: Vec<(PlatformName, Wanted)> = Vec::new();
    for target in targets {
        let name = match &target.platform {
            Some(text) => platform(text, start, catalog)?,
            None => bare(&target.version, start, catalog)?,
        };
        if named.iter().any(|(one, _)| *one == name) {
            return Err(PathError::Twice(name.to_string()));
        }
        refuse(
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
fn running(start: &Start, catalog: &Catalog) -> Vec<PlatformName> {
    let platforms = start.platforms.keys().copied();
    platforms
        .filter(|name| *name != PlatformName::Kubernetes)
        .chain(start.kubernetes.as_ref().map(|_| PlatformName::Kubernetes))
        .filter(|name| catalog.platform(*name).is_some())
        .collect()
}

fn platform(text: &str, start: &Start, catalog: &Catalog) -> Result<PlatformName, PathError> {
    let running = running(start, catalog);
    let known = text
        .parse()
        .ok()
        .filter(|name| catalog.platform(*name).is_some());
    match known {
        // Kubernetes is everywhere, and without any start everything may be meant.
        Some(name)
            if name == PlatformName::Kubernetes
                || running.is_empty()
                || running.contains(&name) =>
        {
            Ok(name)
        }
        _ => {
            let words: Vec<&str> = running.iter().map(|name| name.word()).collect();
            let first = running.first().copied().unwrap_or(PlatformName::Kubernetes);
            Err(PathError::UnknownPlatform {
                name: text.to_owned(),
                running: if words.is_empty() {
                    "there are kubernetes, kyma and dkp".to_owned()
                } else {
                    format!("{} does", words.join(" and "))
                },
                first: first.to_string(),
            })
        }
    }
}

/// Of which platform a version alone is meant: of the outermost one, unless it could be meant of several.
fn bare(wanted: &Wanted, start: &Start, catalog: &Catalog) -> Result<PlatformName, PathError> {
    let running = running(start, catalog);
    let above: Vec<PlatformName> = running
        .iter()
        .copied()
        .filter(|name| is_known_above(*name, wanted, start, catalog))
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
fn is_known_above(name: PlatformName, wanted: &Wanted, start: &Start, catalog: &Catalog) -> bool {
    match (name, &start.kubernetes) {
        // Of Kubernetes the table has minors, and any patch up to the newest came out.
        (PlatformName::Kubernetes, Some(running)) => {
            let row = catalog.kubernetes.find(wanted.minor());
            row.is_some_and(|row| match wanted {
                Wanted::Minor(minor) => running.minor() < *minor,
                Wanted::Release(release) => {
                    running.semver < release.semver && release.semver <= row.newest_patch.semver
                }
            })
        }
        _ => start.platforms.get(&name).is_some_and(|at| {
            let releases = catalog.platform(name).map(Platform::releases);
            let mut releases = releases.unwrap_or_default().iter();
            releases.any(|row| row.release.semver > at.semver && wanted.is_meant(&row.release))
        }),
    }
}

fn refuse(
    name: PlatformName,
    wanted: &Wanted,
    bare: bool,
    start: &Start,
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
        Wanted::Minor(minor) => *minor < counts,
        Wanted::Release(release) => {
            release.minor() < counts
                || (release.minor() == at.minor() && release.semver < at.semver)
        }
    };
    if !down {
        let near = match wanted.minor().ahead_of(counts) {
            Some(minors) => minors <= i64::from(MOST_HOPS),
            None => true,
        };
        let too_far = || PathError::TooFar {
            from: at.plain(),
            to: wanted.to_string(),
        };
        return near.then_some(()).ok_or_else(too_far);
    }
    let mut instead = platform.going_back.clone();
    if bare && name != PlatformName::Kubernetes {
        instead += &format!(". If Kubernetes was meant, say --to kubernetes={wanted}");
    }
    let titled = |text: String| match name {
        PlatformName::Kubernetes => text,
        _ => format!("{} {text}", platform.title),
    };
    let running = match name {
        PlatformName::Kubernetes => at.plain(),
        _ => at.to_string(),
    };
    Err(PathError::Down {
        from: titled(running),
        to: titled(wanted.to_string()),
        instead,
    })
}

/// The stop that is meant on a line: a release itself; of a minor its newest patch with the strongest way to it.
pub(super) fn stop(map: &Map<'_>, line: usize, wanted: &Wanted) -> Result<usize, PathError> {
    let releases = &map.lines[line].releases;
    let numbered = releases.iter().enumerate();
    let meant: Vec<usize> = numbered
        .filter(|(_, release)| wanted.is_meant(release))
        .map(|(stop, _)| stop)
        .collect();
    let minor = match wanted {
        Wanted::Release(_) => {
            let found = meant.first().copied();
            return found.ok_or_else(|| explain::unknown(map, line, wanted));
        }
        Wanted::Minor(minor) => *minor,
    };
    let best = meant
        .iter()
        .copied()
        .filter(|stop| *stop > 0)
        .filter_map(|stop| Some((weakest(map, line, stop)?, std::cmp::Reverse(stop))))
        .min();
    match (best, meant.last()) {
        (Some((_, std::cmp::Reverse(stop))), _) => Ok(stop),
        (None, _) if releases[0].minor() == minor => Ok(0),
        (None, Some(newest)) => Err(explain::platform(map, line, *newest, wanted)),
        (None, None) => Err(explain::unknown(map, line, wanted)),
    }
}

/// The weakest edge of the best way to a stop; none where nothing leads there.
fn weakest(map: &Map<'_>, line: usize, stop: usize) -> Option<Strength> {
    let mut goal = map.goal(Aim::Anywhere);
    goal.stops[line] = Some(stop);
    let moves = map.world.solve(&goal)?;
    let mut state = map.world.start();
    let mut weakest = Strength::Published;
    for step in moves {
        if let Move::Platform { line: on, to } = step
            && on == line
        {
            let ways = &map.world.stop(&state, line).ways;
            let way = ways.iter().find(|way| way.to == to);
            weakest = weakest.max(way.map_or(Strength::Inferred, |way| way.strength));
        }
        state = map.world.after(&state, step);
    }
    Some(weakest)
}

/// The minor that the next supported hop of a line leads to: the next one, else the same one.
pub(super) fn next(map: &Map<'_>, line: usize) -> Option<Minor> {
    let releases = &map.lines[line].releases;
    let here = releases[0].minor();
    let ways = &map.world.lines[line][0].ways;
    let minors = ways.iter().map(|way| releases[way.to].minor());
    let next = minors.clone().filter(|minor| *minor > here).min();
    next.or_else(|| minors.min())
}
