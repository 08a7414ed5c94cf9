//! Explains why a target cannot be reached, and finds the nearest release that can.

use std::collections::BTreeSet;

use super::PathError;
use super::graph::GraphIndex;
use super::release::lowest_release;
use super::search::{KubernetesGoal, Transition};
use crate::catalog::{Minor, Platform, VersionSpec};

/// The error for a version that the platform does not have.
pub(super) fn unknown_release(
    index: &GraphIndex<'_>,
    track: usize,
    spec: &VersionSpec,
) -> PathError {
    let missing = describe_unknown_release(index.tracks[track].platform, spec);
    let releases = &index.tracks[track].releases;
    let place = lowest_release(spec);
    let after = releases.partition_point(|release| release.semver < place.semver);
    match no_path(index, track, after.saturating_sub(1), spec, missing) {
        PathError::NoPath {
            missing, nearest, ..
        } => PathError::UnknownTarget { missing, nearest },
        other => other,
    }
}

/// Says that the platform does not have the version.
pub(super) fn describe_unknown_release(platform: &Platform, spec: &VersionSpec) -> String {
    let ended = platform
        .end_of_line
        .as_ref()
        .filter(|ends| spec.minor() > ends.last_minor);
    match ended {
        Some(ends) => ends.replacement.clone(),
        None => format!(
            "{} has no release {spec} in the catalog ({}){}",
            platform.title,
            platform.date,
            list_known_patches(platform, spec.minor())
        ),
    }
}

/// `; known releases of 1.16: 1.16.0-rc1, 1.16.0-rc2`, or empty.
pub(super) fn list_known_patches(platform: &Platform, minor: Minor) -> String {
    let patches = platform.patches_of(minor);
    let patches: Vec<String> = patches.map(|row| row.release.to_string()).collect();
    match patches.is_empty() {
        true => String::new(),
        false => format!("; known releases of {minor}: {}", patches.join(", ")),
    }
}

/// The error for a release that no upgrade leads to.
pub(super) fn unreachable_release(
    index: &GraphIndex<'_>,
    track: usize,
    position: usize,
    spec: &VersionSpec,
) -> PathError {
    let missing = blocking_kubernetes_range(index, track, position).unwrap_or_else(|| {
        let on = &index.tracks[track];
        let (from, to) = (&on.releases[0], &on.releases[position]);
        let title = &on.platform.title;
        let older = match on.platform.was_released_before(to, from) {
            true => ", which was released earlier",
            false => "",
        };
        match on.platform.unsupported_citation(from, to) {
            Some(source) => {
                format!("{title} {from} has no supported upgrade to {to}{older} ({source})")
            }
            None => format!("{title} {from} has no supported upgrade to {to}"),
        }
    });
    no_path(index, track, position, spec, missing)
}

/// If only Kubernetes requirements block the path, the first upgrade whose requirement cannot be met.
fn blocking_kubernetes_range(
    index: &GraphIndex<'_>,
    track: usize,
    position: usize,
) -> Option<String> {
    let mut alone = index.graph.clone();
    alone.kubernetes_vertices.clear();
    for position in alone.tracks.iter_mut().flatten() {
        position.bundled_kubernetes = None;
    }
    let mut goal = index.goal_for_kubernetes(KubernetesGoal::Anywhere);
    goal.release_targets[track] = Some(position);
    let transitions = alone.solve(&goal)?;
    let reached: BTreeSet<usize> = index
        .graph
        .reachable_states()
        .iter()
        .map(|state| state.release_positions[track])
        .collect();
    let mut from = 0;
    for transition in transitions {
        let Transition::Platform { track: other, to } = transition else {
            continue;
        };
        if other != track {
            continue;
        }
        let vertices = &index.graph.tracks[track];
        let edge = vertices[from].edges.iter().find(|edge| edge.to == to)?;
        let range = edge
            .required_kubernetes
            .unwrap_or(vertices[to].kubernetes_range);
        if !reached.contains(&to) || to == position {
            let releases = &index.tracks[track].releases;
            return Some(format!(
                "{} {} to {} requires Kubernetes {range}, which cannot be reached from Kubernetes {}",
                index.tracks[track].platform.title,
                releases[from],
                releases[to],
                index
                    .kubernetes_versions
                    .first()
                    .map_or_else(String::new, |point| point.spec.to_string()),
            ));
        }
        from = to;
    }
    None
}

fn no_path(
    index: &GraphIndex<'_>,
    track: usize,
    place: usize,
    spec: &VersionSpec,
    missing: String,
) -> PathError {
    let on = &index.tracks[track];
    let reached: BTreeSet<usize> = index
        .graph
        .reachable_states()
        .iter()
        .map(|state| state.release_positions[track])
        .filter(|position| *position > 0)
        .collect();
    // Of two equally near, prefer the newer one.
    let nearest = reached
        .into_iter()
        .min_by_key(|position| (position.abs_diff(place), std::cmp::Reverse(*position)))
        .unwrap_or(0);
    PathError::NoPath {
        from: format!("{} {}", on.platform.title, on.releases[0]),
        to: spec.to_string(),
        missing,
        nearest: match nearest {
            0 => format!("the running {}", on.releases[0]),
            position => on.releases[position].to_string(),
        },
    }
}

/// The error for a Kubernetes version that no upgrade leads to.
pub(super) fn unreachable_kubernetes(index: &GraphIndex<'_>, spec: &VersionSpec) -> PathError {
    let running = &index.graph.kubernetes_vertices[0];
    let reached = index.graph.reachable_states();
    let last = reached
        .iter()
        .map(|state| state.kubernetes_position)
        .filter(|point| index.graph.kubernetes_vertices[*point].minor <= spec.minor())
        .max()
        .unwrap_or(0);
    let end = &index.graph.kubernetes_vertices[last];
    let titles: Vec<&str> = index
        .tracks
        .iter()
        .map(|track| track.platform.title.as_str())
        .collect();
    let missing = if spec.minor().major != running.minor.major {
        format!("no upgrade leaves major version {}", running.minor.major)
    } else if titles.is_empty() || end.minor >= spec.minor() {
        format!("no supported upgrade leads to Kubernetes {spec}")
    } else {
        format!(
            "no reachable release of {} runs on Kubernetes {}",
            titles.join(" and "),
            end.minor.next()
        )
    };
    PathError::NoPath {
        from: index.kubernetes_versions[0].spec.to_string(),
        to: spec.to_string(),
        missing,
        nearest: index.kubernetes_versions[last].spec.to_string(),
    }
}
