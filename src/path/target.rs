//! Resolves targets to platforms and releases.

use super::error::MOST_HOPS;
use super::graph::GraphIndex;
use super::search::{KubernetesGoal, Transition};
use super::{PathError, StartingVersions, UpgradeTarget, unreachable};
use crate::catalog::{
    Catalog, EdgeConfidence, KubernetesRelease, Minor, Platform, PlatformName, ProviderSignature,
    Release, SignatureLocation, VersionSpec,
};

/// Each target with its platform.
pub(super) fn resolve_targets(
    targets: &[UpgradeTarget],
    start: &StartingVersions,
    catalog: &Catalog,
) -> Result<Vec<(PlatformName, VersionSpec)>, PathError> {
    let mut resolved: Vec<(PlatformName, VersionSpec)> = Vec::new();
    for target in targets {
        let name = match &target.platform {
            Some(name) => resolve_platform(*name, &target.version, start, catalog)?,
            None => infer_platform(&target.version, start, catalog)?,
        };
        if resolved.iter().any(|(one, _)| *one == name) {
            return Err(PathError::DuplicateTarget(name));
        }
        validate_target(
            name,
            &target.version,
            target.platform.is_none(),
            start,
            catalog,
        )?;
        if name == PlatformName::Kubernetes {
            check_published(&target.version, start, catalog)?;
        }
        resolved.push((name, target.version.clone()));
    }
    Ok(resolved)
}

/// Installed platforms that have releases, outermost first.
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
    spec: &VersionSpec,
    start: &StartingVersions,
    catalog: &Catalog,
) -> Result<PlatformName, PathError> {
    let running = running_platforms(start, catalog);
    // Every cluster runs Kubernetes; with no starting version at all, the target may name any platform.
    let may_run = name == PlatformName::Kubernetes || running.is_empty() || running.contains(&name);
    if may_run && catalog.platform(name).is_some() {
        return Ok(name);
    }
    if start.unknown_releases.contains(&name) {
        return Err(PathError::ReleaseUnknown {
            platform: name,
            to: spec.to_string(),
        });
    }
    let names: Vec<&str> = running.iter().map(|name| name.as_str()).collect();
    Err(PathError::UnknownPlatform {
        name,
        running: match names.is_empty() {
            true => "an unknown platform".to_owned(),
            false => names.join(" and "),
        },
        first: running.first().copied().unwrap_or(PlatformName::Kubernetes),
    })
}

/// The platform of a target that names none: the outermost one, unless several have the version.
fn infer_platform(
    spec: &VersionSpec,
    start: &StartingVersions,
    catalog: &Catalog,
) -> Result<PlatformName, PathError> {
    let running = running_platforms(start, catalog);
    let unknown = &start.unknown_releases;
    let candidates: Vec<PlatformName> = unknown
        .iter()
        .chain(&running)
        .copied()
        .filter(|name| is_known_upgrade(*name, spec, start, catalog))
        .collect();
    if candidates.len() > 1 {
        let spellings: Vec<String> = candidates
            .iter()
            .map(|name| format!("--to {name}={spec}"))
            .collect();
        return Err(PathError::Ambiguous {
            version: spec.to_string(),
            spellings: spellings.join(" or "),
        });
    }
    match candidates.first() {
        Some(name) if unknown.contains(name) => Err(PathError::ReleaseUnknown {
            platform: *name,
            to: spec.to_string(),
        }),
        _ => Ok(running.first().copied().unwrap_or(PlatformName::Kubernetes)),
    }
}

/// Whether the catalog has the version, newer than the running one if that is known.
fn is_known_upgrade(
    name: PlatformName,
    spec: &VersionSpec,
    start: &StartingVersions,
    catalog: &Catalog,
) -> bool {
    match (name, &start.kubernetes) {
        // The table of Kubernetes lists minors; every patch up to the newest exists.
        (PlatformName::Kubernetes, Some(running)) => {
            let row = catalog.kubernetes_releases.find(spec.minor());
            row.is_some_and(|row| match spec {
                VersionSpec::Minor(minor) => running.minor() < *minor,
                VersionSpec::Release(release) => {
                    running.semver < release.semver && release.semver <= row.newest_patch.semver
                }
            })
        }
        _ => {
            let at = start.platforms.get(&name);
            let is_newer = |release: &Release| at.is_none_or(|at| release.semver > at.semver);
            let releases = catalog.platform(name).map(Platform::releases);
            let mut releases = releases.unwrap_or_default().iter();
            releases.any(|row| is_newer(&row.release) && spec.matches(&row.release))
        }
    }
}

fn validate_target(
    name: PlatformName,
    spec: &VersionSpec,
    has_no_platform: bool,
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
    let current = match (name, start.emulated) {
        (PlatformName::Kubernetes, Some(emulated)) => emulated,
        _ => at.minor(),
    };
    let is_downgrade = match spec {
        VersionSpec::Minor(minor) => *minor < current,
        VersionSpec::Release(release) => {
            release.minor() < current
                || (release.minor() == at.minor() && release.semver < at.semver)
        }
    };
    if !is_downgrade {
        let is_near = match spec.minor().minors_ahead_of(current) {
            Some(minors) => minors <= i64::from(MOST_HOPS),
            None => true,
        };
        let too_far = || PathError::TargetTooFar {
            from: at.without_suffix().raw,
            to: spec.to_string(),
        };
        return is_near.then_some(()).ok_or_else(too_far);
    }
    let mut instead = platform.downgrade_advice.clone();
    if has_no_platform && name != PlatformName::Kubernetes {
        instead += &format!(". For Kubernetes, use --to kubernetes={spec}");
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
        to: titled(spec.to_string()),
        instead,
    })
}

/// Rejects versions of Kubernetes that were never published, and those older than the catalog.
fn check_published(
    spec: &VersionSpec,
    start: &StartingVersions,
    catalog: &Catalog,
) -> Result<(), PathError> {
    let releases = &catalog.kubernetes_releases;
    let (Some(oldest), Some(newest)) = (releases.oldest(), releases.newest()) else {
        return Ok(());
    };
    let row_of = |release: &Release| releases.find(release.minor());
    let is_beyond =
        |release: &Release| row_of(release).is_some_and(|row| !may_have(row, release, catalog));
    let minor = spec.minor();
    // Some distributions count their patches differently, and continue where upstream has ended.
    let has_own_patches = start.kubernetes.as_ref().is_some_and(is_beyond);
    let nearest = match spec {
        VersionSpec::Release(release) if is_beyond(release) && !has_own_patches => row_of(release),
        // A cluster older than the catalog may go on to the next minor.
        _ if minor < oldest.minor && start.kubernetes.is_none() => Some(oldest),
        _ if minor.major != newest.minor.major => Some(newest),
        _ => None,
    };
    let Some(nearest) = nearest else {
        return Ok(());
    };
    if minor.major == oldest.minor.major && minor < oldest.minor {
        return Err(PathError::BeforeCatalog {
            version: spec.to_string(),
            date: catalog.date.to_string(),
            oldest: oldest.minor.to_string(),
        });
    }
    let next = releases.find(nearest.minor.next());
    let next = next.filter(|next| nearest.minor == minor && next.minor <= newest.minor);
    let near = [Some(nearest), next];
    let near: Vec<String> = near
        .into_iter()
        .flatten()
        .map(|row| row.newest_patch.to_string())
        .collect();
    Err(PathError::NeverPublished {
        version: spec.to_string(),
        date: catalog.date.to_string(),
        nearest: near.join(" and "),
    })
}

/// Whether a release of this minor may exist. Patches of an unsupported minor are complete; a supported one gets further
/// patches, at most every other week.
fn may_have(row: &KubernetesRelease, release: &Release, catalog: &Catalog) -> bool {
    const DAYS_BETWEEN_PATCHES: i32 = 14;
    let has_suffix = release.semver.pre.is_empty() && release.raw != release.without_suffix().raw;
    // Distributions that the catalog knows by their suffix have the patches of upstream.
    let mut providers = catalog.provider_signatures.iter();
    let has_own_patches = has_suffix && !providers.any(|signature| is_named_by(signature, release));
    let days_left = (row.end_of_life - row.verified_on).get_days();
    let patches_left = u64::try_from(days_left / DAYS_BETWEEN_PATCHES).unwrap_or(0);
    has_own_patches || release.semver.patch <= row.newest_patch.semver.patch + patches_left
}

/// Whether the version of an API server names this distribution.
fn is_named_by(signature: &ProviderSignature, release: &Release) -> bool {
    signature.location == SignatureLocation::Version && release.raw.contains(&signature.pattern)
}

/// The targets that name a minor.
pub(super) fn minors_of(
    targets: &[(PlatformName, VersionSpec)],
) -> impl Iterator<Item = (PlatformName, Minor)> {
    targets.iter().filter_map(|(name, spec)| match spec {
        VersionSpec::Minor(minor) => Some((*name, *minor)),
        VersionSpec::Release(_) => None,
    })
}

/// The position of a target on its track: of the release itself, or of the newest of the best supported patches of a minor.
pub(super) fn target_position(
    index: &GraphIndex<'_>,
    track: usize,
    spec: &VersionSpec,
) -> Result<usize, PathError> {
    let releases = &index.tracks[track].releases;
    let numbered = releases.iter().enumerate();
    let matching: Vec<usize> = numbered
        .filter(|(_, release)| spec.matches(release))
        .map(|(position, _)| position)
        .collect();
    let minor = match spec {
        VersionSpec::Release(_) => {
            let found = matching.first().copied();
            return found.ok_or_else(|| unreachable::unknown_release(index, track, spec));
        }
        VersionSpec::Minor(minor) => *minor,
    };
    let best = matching
        .iter()
        .copied()
        .filter(|position| *position > 0)
        .filter_map(|position| {
            Some((
                weakest_confidence(index, track, position)?,
                std::cmp::Reverse(position),
            ))
        })
        .min();
    match (best, matching.last()) {
        (Some((_, std::cmp::Reverse(position))), _) => Ok(position),
        (None, _) if releases[0].minor() == minor => Ok(0),
        (None, Some(newest)) => Err(unreachable::unreachable_release(
            index, track, *newest, spec,
        )),
        (None, None) => Err(unreachable::unknown_release(index, track, spec)),
    }
}

/// The lowest confidence on the best path to a position; `None` if it cannot be reached.
fn weakest_confidence(
    index: &GraphIndex<'_>,
    track: usize,
    position: usize,
) -> Option<EdgeConfidence> {
    let mut goal = index.goal_for_kubernetes(KubernetesGoal::Anywhere);
    goal.release_targets[track] = Some(position);
    let transitions = index.graph.solve(&goal)?;
    let mut state = index.graph.start_state();
    let mut weakest = EdgeConfidence::Published;
    for transition in transitions {
        if let Transition::Platform { track: other, to } = transition
            && other == track
        {
            let edges = &index.graph.vertex(&state, track).edges;
            let edge = edges.iter().find(|edge| edge.to == to);
            weakest = weakest.max(edge.map_or(EdgeConfidence::Inferred, |edge| edge.confidence));
        }
        state = index.graph.apply(&state, transition);
    }
    Some(weakest)
}

/// The minor that the next supported hop of a track reaches: the next one if possible, else the same one.
pub(super) fn next_minor(index: &GraphIndex<'_>, track: usize) -> Option<Minor> {
    let releases = &index.tracks[track].releases;
    let running = releases[0].minor();
    let edges = &index.graph.tracks[track][0].edges;
    let minors = edges.iter().map(|edge| releases[edge.to].minor());
    let next = minors.clone().filter(|minor| *minor > running).min();
    next.or_else(|| minors.min())
}
