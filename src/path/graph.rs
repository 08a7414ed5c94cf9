//! Builds the search graph from the catalog and translates its solutions into hops.

use std::collections::BTreeMap;

use semver::Version;

use super::release::{lowest_release, newest_patch};
use super::search::{
    GraphEdge, KubernetesGoal, KubernetesVertex, ReleaseVertex, SearchGoal, Transition,
    UpgradeGraph,
};
use super::{Hop, StartingVersions};
use crate::catalog::{Catalog, Minor, MinorRange, Platform, PlatformName, Release, VersionSpec};

/// A search graph and the versions that its indices stand for.
pub(super) struct GraphIndex<'a> {
    pub(super) graph: UpgradeGraph,
    /// For each track of the graph, outermost platform first.
    pub(super) tracks: Vec<PlatformTrack<'a>>,
    pub(super) kubernetes_versions: Vec<VertexVersion>,
    catalog: &'a Catalog,
}

/// The platform of a track.
pub(super) struct PlatformTrack<'a> {
    pub(super) platform: &'a Platform,
    /// For each position of the track.
    pub(super) releases: Vec<Release>,
}

/// The version of a Kubernetes position.
pub(super) struct VertexVersion {
    pub(super) version: Version,
    /// `1.25.16`; the minor if the catalog knows no patch of it.
    pub(super) spec: VersionSpec,
}

impl<'a> GraphIndex<'a> {
    /// The graph of everything from the starting versions on.
    pub(super) fn new(
        start: &StartingVersions,
        targets: &[(PlatformName, VersionSpec)],
        catalog: &'a Catalog,
    ) -> Self {
        let target = |name| {
            let mut targets = targets.iter();
            targets.find(|(one, _)| *one == name).map(|(_, to)| to)
        };
        let tracks: Vec<PlatformTrack<'a>> = start
            .platforms
            .iter()
            .filter(|(name, _)| **name != PlatformName::Kubernetes)
            .filter_map(|(name, at)| {
                let platform = catalog.platform(*name)?;
                Some(PlatformTrack::new(platform, at, target(*name)))
            })
            .collect();
        let requested = target(PlatformName::Kubernetes);
        let vertices = match &start.kubernetes {
            Some(running) => kubernetes_candidates(running, start, requested, &tracks, catalog),
            None => Vec::new(),
        };
        let graph = UpgradeGraph {
            tracks: tracks
                .iter()
                .map(|track| track.vertices(&vertices))
                .collect(),
            kubernetes_vertices: vertices.iter().map(|(_, vertex)| vertex.clone()).collect(),
        };
        Self {
            graph,
            tracks,
            kubernetes_versions: vertices.into_iter().map(|(named, _)| named).collect(),
            catalog,
        }
    }

    /// A goal with a target for Kubernetes only.
    pub(super) fn goal_for_kubernetes(&self, aim: KubernetesGoal) -> SearchGoal {
        SearchGoal {
            release_targets: vec![None; self.tracks.len()],
            kubernetes: aim,
        }
    }

    /// The index of a platform's track.
    pub(super) fn track_of(&self, name: PlatformName) -> Option<usize> {
        self.tracks
            .iter()
            .position(|track| track.platform.name == name)
    }

    /// The goal for a Kubernetes target; `None` if the graph has no such version.
    pub(super) fn kubernetes_goal(&self, spec: &VersionSpec) -> Option<KubernetesGoal> {
        match spec {
            VersionSpec::Minor(minor) => {
                let mut vertices = self.graph.kubernetes_vertices.iter();
                vertices
                    .any(|vertex| vertex.minor == *minor)
                    .then_some(KubernetesGoal::Minor(*minor))
            }
            VersionSpec::Release(release) => {
                let mut vertices = self.kubernetes_versions.iter();
                vertices
                    .position(|vertex| vertex.version == release.semver)
                    .map(KubernetesGoal::At)
            }
        }
    }

    /// The hops that these transitions stand for.
    pub(super) fn to_hops(&self, transitions: &[Transition]) -> Vec<Hop> {
        let mut state = self.graph.start_state();
        let mut hops = Vec::new();
        for transition in transitions {
            hops.push(match *transition {
                Transition::Platform { track, to } => {
                    self.tracks[track].to_hop(state.release_positions[track], to)
                }
                Transition::Kubernetes { to } => self.kubernetes_hop(state.kubernetes_position, to),
            });
            state = self.graph.apply(&state, *transition);
        }
        hops
    }

    fn kubernetes_hop(&self, from: usize, to: usize) -> Hop {
        let versions = &self.kubernetes_versions;
        let kubernetes = self.catalog.platform(PlatformName::Kubernetes);
        let edge = kubernetes
            .and_then(|platform| platform.edge(&versions[from].release(), &versions[to].release()));
        Hop::new(
            PlatformName::Kubernetes,
            Some(versions[from].spec.clone()),
            versions[to].spec.clone(),
            edge.as_ref(),
        )
    }
}

impl VertexVersion {
    pub(super) fn release(&self) -> Release {
        Release {
            semver: self.version.clone(),
            raw: self.spec.to_string(),
        }
    }
}

impl<'a> PlatformTrack<'a> {
    fn new(platform: &'a Platform, at: &Release, target: Option<&VersionSpec>) -> Self {
        let later = platform.releases().iter().map(|row| &row.release);
        let later = later.filter(|release| release.semver > at.semver);
        let mut releases: Vec<Release> = std::iter::once(at).chain(later).cloned().collect();
        let beyond = target.filter(|target| is_beyond_catalog(platform, target));
        if let Some(beyond) = beyond.map(lowest_release)
            && releases
                .iter()
                .all(|release| release.semver < beyond.semver)
        {
            releases.push(beyond);
        }
        Self { platform, releases }
    }

    fn vertices(&self, vertices: &[(VertexVersion, KubernetesVertex)]) -> Vec<ReleaseVertex> {
        let releases = self.releases.iter().enumerate();
        releases
            .map(|(at, release)| {
                let row = self.platform.find_release(release);
                let bundled = row.and_then(|row| row.bundled_kubernetes.as_ref());
                let edges = (at + 1..self.releases.len()).rev().filter_map(|to| {
                    let edge = self.platform.edge(release, &self.releases[to])?;
                    Some(GraphEdge {
                        to,
                        confidence: edge.confidence,
                        required_kubernetes: edge.required_kubernetes,
                    })
                });
                ReleaseVertex {
                    kubernetes_range: row
                        .and_then(|row| row.kubernetes_range)
                        .unwrap_or(MinorRange::ANY),
                    bundled_kubernetes: bundled
                        .and_then(|bundled| position_of(vertices, &lowest_release(bundled).semver)),
                    edges: edges.collect(),
                }
            })
            .collect()
    }

    fn to_hop(&self, from: usize, to: usize) -> Hop {
        let (from, to) = (&self.releases[from], &self.releases[to]);
        let edge = self.platform.edge(from, to);
        let spec = |release: &Release| match self.platform.find_release(release) {
            None if release.raw == release.minor().to_string() => {
                VersionSpec::Minor(release.minor())
            }
            _ => VersionSpec::Release(release.clone()),
        };
        Hop::new(
            self.platform.name,
            Some(spec(from)),
            spec(to),
            edge.as_ref(),
        )
    }
}

/// Whether a target is newer than every cataloged release of a platform that still gets releases.
pub(super) fn is_beyond_catalog(platform: &Platform, spec: &VersionSpec) -> bool {
    let newest = platform.newest_release().map(|row| &row.release);
    platform.end_of_line.is_none()
        && newest.is_some_and(|newest| {
            spec.minor().major == newest.minor().major
                && match spec {
                    VersionSpec::Minor(minor) => *minor > newest.minor(),
                    VersionSpec::Release(release) => release.semver > newest.semver,
                }
        })
}

/// The position of a version; the running one if that is newer.
fn position_of(vertices: &[(VertexVersion, KubernetesVertex)], version: &Version) -> Option<usize> {
    let (running, _) = vertices.first()?;
    if *version <= running.version {
        return Some(0);
    }
    vertices
        .iter()
        .position(|(named, _)| named.version == *version)
}

/// The Kubernetes versions that a path may use, oldest first, beginning with the running one.
fn kubernetes_candidates(
    running: &Release,
    start: &StartingVersions,
    requested: Option<&VersionSpec>,
    tracks: &[PlatformTrack<'_>],
    catalog: &Catalog,
) -> Vec<(VertexVersion, KubernetesVertex)> {
    let emulated = start.emulated;
    let minor = emulated.unwrap_or_else(|| running.minor());
    let version = effective_version(running, emulated);
    let mut vertices: BTreeMap<Version, (VersionSpec, bool, bool)> = BTreeMap::new();
    for minor in minor_sequence(minor, requested, catalog) {
        // A version that the cluster cannot be set to is a way only to one that was asked for.
        let is_asked_for = requested.is_some_and(|requested| minor <= requested.minor());
        let patch = start.kubernetes_patch(minor, catalog);
        let patch = patch.or_else(|| is_asked_for.then(|| newest_patch(minor, catalog)));
        let Some(patch) = patch else {
            continue;
        };
        vertices.insert(lowest_release(&patch).semver, (patch, true, false));
    }
    let bundled = tracks
        .iter()
        .flat_map(|track| track.releases.iter().map(move |release| (track, release)));
    for (track, release) in bundled {
        let bundled = track
            .platform
            .find_release(release)
            .and_then(|row| row.bundled_kubernetes.as_ref());
        if let Some(bundled) = bundled {
            vertices.entry(lowest_release(bundled).semver).or_insert((
                bundled.clone(),
                false,
                false,
            ));
        }
    }
    if let Some(spec @ VersionSpec::Release(release)) = requested
        && release.minor().major == minor.major
    {
        let entry = vertices.entry(release.semver.clone());
        let entry = entry.or_insert((spec.clone(), false, false));
        entry.0 = spec.clone();
        entry.2 = true;
    }
    let spec = match emulated {
        Some(emulated) if emulated != running.minor() => VersionSpec::Minor(emulated),
        _ => VersionSpec::Release(running.without_suffix()),
    };
    let start = (version.clone(), (spec, true, false));
    let later = vertices.into_iter().filter(|(later, _)| *later > version);
    std::iter::once(start)
        .chain(later)
        .map(|(version, (spec, newest, requested))| {
            let vertex = KubernetesVertex {
                minor: Minor::from(&version),
                is_newest_patch: newest,
                is_requested: requested,
            };
            (VertexVersion { version, spec }, vertex)
        })
        .collect()
}

/// The version from which hops are counted.
fn effective_version(running: &Release, emulated: Option<Minor>) -> Version {
    match emulated {
        // No hop within the emulated minor changes anything.
        Some(emulated) if emulated != running.minor() => {
            Version::new(emulated.major.into(), emulated.minor.into(), u64::MAX)
        }
        _ => running.semver.clone(),
    }
}

/// All minors from the running one to the newest known or requested one.
fn minor_sequence(
    from: Minor,
    requested: Option<&VersionSpec>,
    catalog: &Catalog,
) -> impl Iterator<Item = Minor> {
    let newest = catalog.kubernetes_releases.newest().map(|row| row.minor);
    let newest = newest
        .filter(|newest| newest.major == from.major)
        .unwrap_or(from);
    let requested = requested
        .map(VersionSpec::minor)
        .filter(|requested| requested.major == from.major)
        .unwrap_or(newest);
    let last = newest.max(requested).minor;
    (from.minor..=last).map(move |minor| Minor {
        major: from.major,
        minor,
    })
}
