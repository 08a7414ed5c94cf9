//! Why nothing leads to a target, and what is nearest to it.

use std::collections::BTreeSet;

use super::PathError;
use super::graph::GraphIndex;
use super::search::{KubernetesGoal, Transition};
use crate::catalog::{Minor, Platform, VersionSpec};

/// A version that is no release of the platform.
pub(super) fn unknown_release(
    map: &GraphIndex<'_>,
    line: usize,
    wanted: &VersionSpec,
) -> PathError {
    let missing = describe_unknown_release(map.tracks[line].platform, wanted);
    let releases = &map.tracks[line].releases;
    let place = super::graph::lowest_release(wanted);
    let after = releases.partition_point(|release| release.semver < place.semver);
    no_path(map, line, after.saturating_sub(1), wanted, missing)
}

/// That a version is no release, in words.
pub(super) fn describe_unknown_release(platform: &Platform, wanted: &VersionSpec) -> String {
    let ended = platform
        .end_of_line
        .as_ref()
        .filter(|ends| wanted.minor() > ends.last_minor);
    match ended {
        Some(ends) => ends.replacement.clone(),
        None => format!(
            "{} has no release {wanted}, as far as the catalog of {} knows{}",
            platform.title,
            platform.date,
            list_known_patches(platform, wanted.minor())
        ),
    }
}

/// `: of 1.16 there are 1.16.0-rc1 and 1.16.0-rc2`, or nothing.
pub(super) fn list_known_patches(platform: &Platform, minor: Minor) -> String {
    let known: Vec<String> = platform
        .patches_of(minor)
        .map(|row| row.release.to_string())
        .collect();
    if known.is_empty() {
        return String::new();
    }
    format!(": of {minor} there are {}", known.join(", "))
}

/// A release that nothing leads to.
pub(super) fn unreachable_release(
    map: &GraphIndex<'_>,
    line: usize,
    stop: usize,
    wanted: &VersionSpec,
) -> PathError {
    let missing = blocking_kubernetes_range(map, line, stop).unwrap_or_else(|| {
        let on = &map.tracks[line];
        let (from, to) = (&on.releases[0], &on.releases[stop]);
        let title = &on.platform.title;
        let older = match on.platform.was_released_before(to, from) {
            true => ", which came out before it",
            false => "",
        };
        match on.platform.unsupported_citation(from, to) {
            Some(source) => format!("there is no edge {title} {from} to {to}{older} ({source})"),
            None => format!("there is no edge {title} {from} to {to}"),
        }
    });
    no_path(map, line, stop, wanted, missing)
}

/// Where the platform alone would have a way, the first hop of it that Kubernetes is in the way of.
fn blocking_kubernetes_range(map: &GraphIndex<'_>, line: usize, stop: usize) -> Option<String> {
    let mut alone = map.graph.clone();
    alone.kubernetes_vertices.clear();
    for stop in alone.tracks.iter_mut().flatten() {
        stop.bundled_kubernetes = None;
    }
    let mut goal = map.goal_for_kubernetes(KubernetesGoal::Anywhere);
    goal.release_targets[line] = Some(stop);
    let moves = alone.solve(&goal)?;
    let reached: BTreeSet<usize> = map
        .graph
        .reachable_states()
        .iter()
        .map(|state| state.release_positions[line])
        .collect();
    let mut from = 0;
    for step in moves {
        let Transition::Platform { track: on, to } = step else {
            continue;
        };
        if on != line {
            continue;
        }
        let stops = &map.graph.tracks[line];
        let way = stops[from].edges.iter().find(|way| way.to == to)?;
        let span = way
            .required_kubernetes
            .unwrap_or(stops[to].kubernetes_range);
        if !reached.contains(&to) || to == stop {
            let releases = &map.tracks[line].releases;
            return Some(format!(
                "the edge {} {} to {} is for Kubernetes {span}, and nothing leads there from Kubernetes {}",
                map.tracks[line].platform.title,
                releases[from],
                releases[to],
                map.kubernetes_versions
                    .first()
                    .map_or_else(String::new, |point| point.spec.to_string()),
            ));
        }
        from = to;
    }
    None
}

fn no_path(
    map: &GraphIndex<'_>,
    line: usize,
    place: usize,
    wanted: &VersionSpec,
    missing: String,
) -> PathError {
    let on = &map.tracks[line];
    let reached: BTreeSet<usize> = map
        .graph
        .reachable_states()
        .iter()
        .map(|state| state.release_positions[line])
        .filter(|stop| *stop > 0)
        .collect();
    // Of two that are as near, the newer one.
    let nearest = reached
        .into_iter()
        .min_by_key(|stop| (stop.abs_diff(place), std::cmp::Reverse(*stop)))
        .unwrap_or(0);
    PathError::NoPath {
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
pub(super) fn unreachable_kubernetes(map: &GraphIndex<'_>, wanted: &VersionSpec) -> PathError {
    let here = &map.graph.kubernetes_vertices[0];
    let reached = map.graph.reachable_states();
    let last = reached
        .iter()
        .map(|state| state.kubernetes_position)
        .filter(|point| map.graph.kubernetes_vertices[*point].minor <= wanted.minor())
        .max()
        .unwrap_or(0);
    let end = &map.graph.kubernetes_vertices[last];
    let titles: Vec<&str> = map
        .tracks
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
    PathError::NoPath {
        from: map.kubernetes_versions[0].spec.to_string(),
        to: wanted.to_string(),
        missing,
        nearest: map.kubernetes_versions[last].spec.to_string(),
    }
}
