//! From the catalog to the numbers of the search, and back to hops.

use std::collections::BTreeMap;

use semver::Version;

use super::search::{
    GraphEdge, KubernetesGoal, KubernetesVertex, ReleaseVertex, SearchGoal, Transition,
    UpgradeGraph,
};
use super::{Hop, StartingVersions};
use crate::catalog::{Catalog, Minor, MinorRange, Platform, PlatformName, Release, VersionSpec};

/// A world, and what its numbers stand for.
pub(super) struct GraphIndex<'a> {
    pub(super) graph: UpgradeGraph,
    /// For each line, outermost first.
    pub(super) tracks: Vec<PlatformTrack<'a>>,
    pub(super) kubernetes_versions: Vec<VertexVersion>,
    catalog: &'a Catalog,
}

/// What a line stands for.
pub(super) struct PlatformTrack<'a> {
    pub(super) platform: &'a Platform,
    /// For each stop.
    pub(super) releases: Vec<Release>,
}

/// What a point stands for.
pub(super) struct VertexVersion {
    pub(super) version: Version,
    /// `1.25.16`; the minor if the catalog knows no patch of it.
    pub(super) spec: VersionSpec,
}

impl<'a> GraphIndex<'a> {
    /// The part of the world that lies before us.
    pub(super) fn new(
        start: &StartingVersions,
        targets: &[(PlatformName, VersionSpec)],
        catalog: &'a Catalog,
    ) -> Self {
        let target = |name| {
            let mut targets = targets.iter();
            targets.find(|(one, _)| *one == name).map(|(_, to)| to)
        };
        let lines: Vec<PlatformTrack<'a>> = start
            .platforms
            .iter()
            .filter(|(name, _)| **name != PlatformName::Kubernetes)
            .filter_map(|(name, at)| {
                let platform = catalog.platform(*name)?;
                Some(PlatformTrack::new(platform, at, target(*name)))
            })
            .collect();
        let asked = target(PlatformName::Kubernetes);
        let points = match &start.kubernetes {
            Some(running) => kubernetes_candidates(running, start.emulated, asked, &lines, catalog),
            None => Vec::new(),
        };
        let world = UpgradeGraph {
            tracks: lines.iter().map(|line| line.vertices(&points)).collect(),
            kubernetes_vertices: points.iter().map(|(_, point)| point.clone()).collect(),
        };
        Self {
            graph: world,
            tracks: lines,
            kubernetes_versions: points.into_iter().map(|(named, _)| named).collect(),
            catalog,
        }
    }

    /// A goal of nothing but what is said of Kubernetes.
    pub(super) fn goal_for_kubernetes(&self, aim: KubernetesGoal) -> SearchGoal {
        SearchGoal {
            release_targets: vec![None; self.tracks.len()],
            kubernetes: aim,
        }
    }

    /// The number of a platform's line.
    pub(super) fn track_of(&self, name: PlatformName) -> Option<usize> {
        self.tracks
            .iter()
            .position(|line| line.platform.name == name)
    }

    /// Where a wanted version of Kubernetes lies; none where nothing can lead there.
    pub(super) fn kubernetes_goal(&self, wanted: &VersionSpec) -> Option<KubernetesGoal> {
        match wanted {
            VersionSpec::Minor(minor) => {
                let mut points = self.graph.kubernetes_vertices.iter();
                points
                    .any(|point| point.minor == *minor)
                    .then_some(KubernetesGoal::Minor(*minor))
            }
            VersionSpec::Release(release) => {
                let mut points = self.kubernetes_versions.iter();
                points
                    .position(|point| point.version == release.semver)
                    .map(KubernetesGoal::At)
            }
        }
    }

    /// The hops that these transitions stand for.
    pub(super) fn to_hops(&self, moves: &[Transition]) -> Vec<Hop> {
        let mut state = self.graph.start_state();
        let mut last_kubernetes = 0;
        let mut hops = Vec::new();
        for step in moves {
            hops.push(match *step {
                Transition::Platform { track: line, to } => {
                    self.tracks[line].to_hop(state.release_positions[line], to)
                }
                Transition::Kubernetes { to } => {
                    let from = std::mem::replace(&mut last_kubernetes, to);
                    self.kubernetes_hop(state.kubernetes_position, from, to)
                }
            });
            state = self.graph.apply(&state, *step);
        }
        hops
    }

    fn kubernetes_hop(&self, position: usize, from: usize, to: usize) -> Hop {
        let versions = &self.kubernetes_versions;
        let kubernetes = self.catalog.platform(PlatformName::Kubernetes);
        let edge = kubernetes.and_then(|platform| {
            platform.edge(&versions[position].release(), &versions[to].release())
        });
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

    fn vertices(&self, points: &[(VertexVersion, KubernetesVertex)]) -> Vec<ReleaseVertex> {
        let releases = self.releases.iter().enumerate();
        releases
            .map(|(at, release)| {
                let row = self.platform.find_release(release);
                let ships = row.and_then(|row| row.bundled_kubernetes.as_ref());
                let ways = (at + 1..self.releases.len()).rev().filter_map(|to| {
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
                    bundled_kubernetes: ships
                        .and_then(|ships| position_of(points, &lowest_release(ships).semver)),
                    edges: ways.collect(),
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

/// Whether a platform's target is newer than all that the catalog knows of it, and may yet come.
pub(super) fn is_beyond_catalog(platform: &Platform, wanted: &VersionSpec) -> bool {
    let newest = platform.newest_release().map(|row| &row.release);
    platform.end_of_line.is_none()
        && newest.is_some_and(|newest| match wanted {
            VersionSpec::Minor(minor) => *minor > newest.minor(),
            VersionSpec::Release(release) => release.semver > newest.semver,
        })
}

/// A release for a version of which perhaps only the minor is known.
pub(super) fn lowest_release(wanted: &VersionSpec) -> Release {
    match wanted {
        VersionSpec::Release(release) => release.clone(),
        VersionSpec::Minor(minor) => Release {
            semver: Version::new(minor.major.into(), minor.minor.into(), 0),
            raw: minor.to_string(),
        },
    }
}

/// The point of a version: itself, or where we are if that is newer.
fn position_of(points: &[(VertexVersion, KubernetesVertex)], version: &Version) -> Option<usize> {
    let (here, _) = points.first()?;
    if *version <= here.version {
        return Some(0);
    }
    points
        .iter()
        .position(|(named, _)| named.version == *version)
}

/// The versions of Kubernetes that a way may lead over, oldest first; the first is the one that runs.
fn kubernetes_candidates(
    running: &Release,
    emulated: Option<Minor>,
    asked: Option<&VersionSpec>,
    lines: &[PlatformTrack<'_>],
    catalog: &Catalog,
) -> Vec<(VertexVersion, KubernetesVertex)> {
    let minor = emulated.unwrap_or_else(|| running.minor());
    let version = effective_version(running, emulated);
    let mut points: BTreeMap<Version, (VersionSpec, bool, bool)> = BTreeMap::new();
    for minor in minor_sequence(minor, asked, catalog) {
        let patch = newest_patch(minor, catalog);
        points.insert(lowest_release(&patch).semver, (patch, true, false));
    }
    let shipped = lines
        .iter()
        .flat_map(|line| line.releases.iter().map(move |release| (line, release)));
    for (line, release) in shipped {
        let ships = line
            .platform
            .find_release(release)
            .and_then(|row| row.bundled_kubernetes.as_ref());
        if let Some(ships) = ships {
            points
                .entry(lowest_release(ships).semver)
                .or_insert((ships.clone(), false, false));
        }
    }
    if let Some(spec @ VersionSpec::Release(release)) = asked
        && release.minor().major == minor.major
    {
        let entry = points.entry(release.semver.clone());
        let entry = entry.or_insert((spec.clone(), false, false));
        entry.0 = spec.clone();
        entry.2 = true;
    }
    let here = VersionSpec::Release(running.without_suffix());
    let here = (here, true, false);
    let later = points.into_iter().filter(|(later, _)| *later > version);
    std::iter::once((version.clone(), here))
        .chain(later)
        .map(|(version, (spec, newest, asked))| {
            let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
            let minor = Minor {
                major: number(version.major),
                minor: number(version.minor),
            };
            let point = KubernetesVertex {
                minor,
                is_newest_patch: newest,
                is_requested: asked,
            };
            (VertexVersion { version, spec }, point)
        })
        .collect()
}

/// The version that counts of a running server.
fn effective_version(running: &Release, emulated: Option<Minor>) -> Version {
    match emulated {
        // A server that emulates a minor has nothing left to gain in that minor.
        Some(emulated) if emulated != running.minor() => {
            Version::new(emulated.major.into(), emulated.minor.into(), u64::MAX)
        }
        _ => running.semver.clone(),
    }
}

/// From the minor that runs to the newest that is known or asked for, without a hole.
fn minor_sequence(
    from: Minor,
    asked: Option<&VersionSpec>,
    catalog: &Catalog,
) -> impl Iterator<Item = Minor> {
    let known = catalog.kubernetes_releases.newest().map(|row| row.minor);
    let known = known
        .filter(|known| known.major == from.major)
        .unwrap_or(from);
    let asked = asked
        .map(VersionSpec::minor)
        .filter(|asked| asked.major == from.major)
        .unwrap_or(known);
    let newest = known.max(asked).minor;
    (from.minor..=newest).map(move |minor| Minor {
        major: from.major,
        minor,
    })
}

/// The newest patch of a Kubernetes minor; the minor itself if the catalog knows none.
pub(super) fn newest_patch(minor: Minor, catalog: &Catalog) -> VersionSpec {
    let row = catalog.kubernetes_releases.find(minor);
    row.map_or(VersionSpec::Minor(minor), |row| {
        VersionSpec::Release(row.newest_patch.clone())
    })
}
