//! Why nothing leads to a target, and what is nearest to it.

use std::collections::BTreeSet;

use super::PathError;
use super::search::{Aim, Move};
use super::world::Map;
use crate::catalog::{Minor, Platform, Wanted};

/// A version that is no release of the platform.
pub(super) fn unknown(map: &Map<'_>, line: usize, wanted: &Wanted) -> PathError {
    let missing = no_release(map.lines[line].platform, wanted);
    let releases = &map.lines[line].releases;
    let place = super::world::release_of(wanted);
    let after = releases.partition_point(|release| release.semver < place.semver);
    no_edge(map, line, after.saturating_sub(1), wanted, missing)
}

/// That a version is no release, in words.
pub(super) fn no_release(platform: &Platform, wanted: &Wanted) -> String {
    let ended = platform
        .ends
        .as_ref()
        .filter(|ends| wanted.minor() > ends.minor);
    match ended {
        Some(ends) => ends.then.clone(),
        None => format!(
            "{} has no release {wanted}, as far as the catalog of {} knows{}",
            platform.title,
            platform.date,
            near(platform, wanted.minor())
        ),
    }
}

/// `: of 1.16 there are 1.16.0-rc1 and 1.16.0-rc2`, or nothing.
pub(super) fn near(platform: &Platform, minor: Minor) -> String {
    let known: Vec<String> = platform
        .patches(minor)
        .map(|row| row.release.to_string())
        .collect();
    if known.is_empty() {
        return String::new();
    }
    format!(": of {minor} there are {}", known.join(", "))
}

/// A release that nothing leads to.
pub(super) fn platform(map: &Map<'_>, line: usize, stop: usize, wanted: &Wanted) -> PathError {
    let missing = blocked_by_kubernetes(map, line, stop).unwrap_or_else(|| {
        let on = &map.lines[line];
        let (from, to) = (&on.releases[0], &on.releases[stop]);
        let title = &on.platform.title;
        let older = match on.platform.is_older(to, from) {
            true => ", which came out before it",
            false => "",
        };
        match on.platform.refusal(from, to) {
            Some(source) => format!("there is no edge {title} {from} to {to}{older} ({source})"),
            None => format!("there is no edge {title} {from} to {to}"),
        }
    });
    no_edge(map, line, stop, wanted, missing)
}

/// Where the platform alone would have a way, the first hop of it that Kubernetes is in the way of.
fn blocked_by_kubernetes(map: &Map<'_>, line: usize, stop: usize) -> Option<String> {
    let mut alone = map.world.clone();
    alone.points.clear();
    for stop in alone.lines.iter_mut().flatten() {
        stop.ships = None;
    }
    let mut goal = map.goal(Aim::Anywhere);
    goal.stops[line] = Some(stop);
    let moves = alone.solve(&goal)?;
    let reached: BTreeSet<usize> = map
        .world
        .reach()
        .iter()
        .map(|state| state.stops[line])
        .collect();
    let mut from = 0;
    for step in moves {
        let Move::Platform { line: on, to } = step else {
            continue;
        };
        if on != line {
            continue;
        }
        let stops = &map.world.lines[line];
        let way = stops[from].ways.iter().find(|way| way.to == to)?;
        let span = way.starts.unwrap_or(stops[to].fits);
        if !reached.contains(&to) || to == stop {
            let releases = &map.lines[line].releases;
            return Some(format!(
                "the edge {} {} to {} is for Kubernetes {span}, and nothing leads there from Kubernetes {}",
                map.lines[line].platform.title,
                releases[from],
                releases[to],
                map.points.first().map_or("", |point| point.text.as_str()),
            ));
        }
        from = to;
    }
    None
}

fn no_edge(
    map: &Map<'_>,
    line: usize,
    place: usize,
    wanted: &Wanted,
    missing: String,
) -> PathError {
    let on = &map.lines[line];
    let reached: BTreeSet<usize> = map
        .world
        .reach()
        .iter()
        .map(|state| state.stops[line])
        .filter(|stop| *stop > 0)
        .collect();
    // Of two that are as near, the newer one.
    let nearest = reached
        .into_iter()
        .min_by_key(|stop| (stop.abs_diff(place), std::cmp::Reverse(*stop)))
        .unwrap_or(0);
    PathError::NoEdge {
        from: format!("{} {}", on.platform.title, on.releases[0]),
        to: wanted.to_string(),
        missing,
        nearest: match nearest {
            0 => format!("the running {}", on.releases[0]),
            stop => on.releases[stop].to_string(),
        },
    }
}

/// A version of Kubernetes that nothing leads to.
pub(super) fn kubernetes(map: &Map<'_>, wanted: &Wanted) -> PathError {
    let here = &map.world.points[0];
    let reached = map.world.reach();
    let last = reached
        .iter()
        .map(|state| state.point)
        .filter(|point| map.world.points[*point].minor <= wanted.minor())
        .max()
        .unwrap_or(0);
    let end = &map.world.points[last];
    let titles: Vec<&str> = map
        .lines
        .iter()
        .map(|line| line.platform.title.as_str())
        .collect();
    let missing = if wanted.minor().major != here.minor.major {
        format!("no edge leaves major version {}", here.minor.major)
    } else if titles.is_empty() || end.minor >= wanted.minor() {
        format!("there is no edge to Kubernetes {wanted}")
    } else {
        format!(
            "no release of {} that can be reached runs on Kubernetes {}",
            titles.join(" and "),
            end.minor.next()
        )
    };
    PathError::NoEdge {
        from: map.points[0].text.clone(),
        to: wanted.to_string(),
        missing,
        nearest: map.points[last].text.clone(),
    }
}
