//! From the catalog to the numbers of the search, and back to hops.

use std::collections::BTreeMap;

use semver::Version;

use super::search::{Aim, Goal, Move, Point, Stop, Way, World};
use super::{Hop, Start};
use crate::catalog::{
    Catalog, Edge, Minor, Platform, PlatformName, Release, Span, Strength, Wanted,
};

/// A world, and what its numbers stand for.
pub(super) struct Map<'a> {
    pub(super) world: World,
    /// For each line, outermost first.
    pub(super) lines: Vec<Line<'a>>,
    pub(super) points: Vec<Named>,
    catalog: &'a Catalog,
}

/// What a line stands for.
pub(super) struct Line<'a> {
    pub(super) platform: &'a Platform,
    /// For each stop.
    pub(super) releases: Vec<Release>,
}

/// What a point stands for.
pub(super) struct Named {
    pub(super) version: Version,
    /// `1.25.16`; a minor alone where no patch is known.
    pub(super) text: String,
}

impl<'a> Map<'a> {
    /// The part of the world that lies before us.
    pub(super) fn new(
        start: &Start,
        targets: &[(PlatformName, Wanted)],
        catalog: &'a Catalog,
    ) -> Self {
        let target = |name| {
            let mut targets = targets.iter();
            targets.find(|(one, _)| *one == name).map(|(_, to)| to)
        };
        let lines: Vec<Line<'a>> = start
            .platforms
            .iter()
            .filter(|(name, _)| **name != PlatformName::Kubernetes)
            .filter_map(|(name, at)| {
                let platform = catalog.platform(*name)?;
                Some(Line::new(platform, at, target(*name)))
            })
            .collect();
        let asked = target(PlatformName::Kubernetes);
        let points = match &start.kubernetes {
            Some(running) => points(running, start.emulated, asked, &lines, catalog),
            None => Vec::new(),
        };
        let world = World {
            lines: lines.iter().map(|line| line.stops(&points)).collect(),
            points: points.iter().map(|(_, point)| point.clone()).collect(),
        };
        Self {
            world,
            lines,
            points: points.into_iter().map(|(named, _)| named).collect(),
            catalog,
        }
    }

    /// A goal of nothing but what is said of Kubernetes.
    pub(super) fn goal(&self, aim: Aim) -> Goal {
        Goal {
            stops: vec![None; self.lines.len()],
            aim,
        }
    }

    /// The number of a platform's line.
    pub(super) fn line(&self, name: PlatformName) -> Option<usize> {
        self.lines
            .iter()
            .position(|line| line.platform.name == name)
    }

    /// Where a wanted version of Kubernetes lies; none where nothing can lead there.
    pub(super) fn aim(&self, wanted: &Wanted) -> Option<Aim> {
        match wanted {
            Wanted::Minor(minor) => {
                let mut points = self.world.points.iter();
                points
                    .any(|point| point.minor == *minor)
                    .then_some(Aim::Minor(*minor))
            }
            Wanted::Release(release) => {
                let mut points = self.points.iter();
                points
                    .position(|point| point.version == release.semver)
                    .map(Aim::At)
            }
        }
    }

    /// What a way is in hops. `running` is the text of the Kubernetes that runs.
    pub(super) fn hops(&self, moves: &[Move], running: &str) -> Vec<Hop> {
        let mut state = self.world.start();
        let mut at = running.to_owned();
        let mut hops = Vec::new();
        for step in moves {
            hops.push(match *step {
                Move::Platform { line, to } => self.lines[line].hop(state.stops[line], to),
                Move::Kubernetes { to } => {
                    let from = std::mem::replace(&mut at, self.points[to].text.clone());
                    self.kubernetes(state.point, from, to)
                }
            });
            state = self.world.after(&state, *step);
        }
        hops
    }

    fn kubernetes(&self, from: usize, text: String, to: usize) -> Hop {
        let target = self.points[to].release();
        let edge = self.edge(&self.points[from].release(), &target);
        Hop {
            platform: PlatformName::Kubernetes.word().to_owned(),
            from: Some(text),
            to: self.points[to].text.clone(),
            minor: target.minor(),
            source: edge.as_ref().map(Edge::cited).unwrap_or_default(),
            strength: edge.map_or(Strength::Inferred, |edge| edge.strength),
        }
    }

    fn edge(&self, from: &Release, to: &Release) -> Option<Edge> {
        let kubernetes = self.catalog.platform(PlatformName::Kubernetes)?;
        kubernetes.edge(from, to)
    }
}

impl Named {
    pub(super) fn release(&self) -> Release {
        Release {
            semver: self.version.clone(),
            raw: self.text.clone(),
        }
    }
}

impl<'a> Line<'a> {
    fn new(platform: &'a Platform, at: &Release, target: Option<&Wanted>) -> Self {
        let later = platform.releases().iter().map(|row| &row.release);
        let later = later.filter(|release| release.semver > at.semver);
        let mut releases: Vec<Release> = std::iter::once(at).chain(later).cloned().collect();
        let beyond = target.filter(|target| is_beyond(platform, target));
        if let Some(beyond) = beyond.map(release_of)
            && releases
                .iter()
                .all(|release| release.semver < beyond.semver)
        {
            releases.push(beyond);
        }
        Self { platform, releases }
    }

    fn stops(&self, points: &[(Named, Point)]) -> Vec<Stop> {
        let releases = self.releases.iter().enumerate();
        releases
            .map(|(at, release)| {
                let row = self.platform.find(release);
                let ships = row.and_then(|row| row.ships.as_ref());
                let ways = (at + 1..self.releases.len()).rev().filter_map(|to| {
                    let edge = self.platform.edge(release, &self.releases[to])?;
                    Some(Way {
                        to,
                        strength: edge.strength,
                        starts: edge.starts,
                    })
                });
                Stop {
                    fits: row.and_then(|row| row.kubernetes).unwrap_or(Span::ANY),
                    ships: ships.and_then(|ships| place(points, &release_of(ships).semver)),
                    ways: ways.collect(),
                }
            })
            .collect()
    }

    fn hop(&self, from: usize, to: usize) -> Hop {
        let (from, to) = (&self.releases[from], &self.releases[to]);
        let edge = self.platform.edge(from, to);
        Hop {
            platform: self.platform.name.word().to_owned(),
            from: Some(from.to_string()),
            to: to.to_string(),
            minor: to.minor(),
            source: edge.as_ref().map(Edge::cited).unwrap_or_default(),
            strength: edge.map_or(Strength::Inferred, |edge| edge.strength),
        }
    }
}

/// Whether a platform's target is newer than all that the catalog knows of it, and may yet come.
pub(super) fn is_beyond(platform: &Platform, wanted: &Wanted) -> bool {
    let newest = platform.newest().map(|row| &row.release);
    platform.ends.is_none()
        && newest.is_some_and(|newest| match wanted {
            Wanted::Minor(minor) => *minor > newest.minor(),
            Wanted::Release(release) => release.semver > newest.semver,
        })
}

/// A release for a version of which perhaps only the minor is known.
pub(super) fn release_of(wanted: &Wanted) -> Release {
    match wanted {
        Wanted::Release(release) => release.clone(),
        Wanted::Minor(minor) => Release {
            semver: Version::new(minor.major.into(), minor.minor.into(), 0),
            raw: minor.to_string(),
        },
    }
}

/// The point of a version: itself, or where we are if that is newer.
fn place(points: &[(Named, Point)], version: &Version) -> Option<usize> {
    let (here, _) = points.first()?;
    if *version <= here.version {
        return Some(0);
    }
    points
        .iter()
        .position(|(named, _)| named.version == *version)
}

/// The versions of Kubernetes that a way may lead over, oldest first; the first is the one that runs.
fn points(
    running: &Release,
    emulated: Option<Minor>,
    asked: Option<&Wanted>,
    lines: &[Line<'_>],
    catalog: &Catalog,
) -> Vec<(Named, Point)> {
    let minor = emulated.unwrap_or_else(|| running.minor());
    let version = version_of(running, emulated);
    let mut points: BTreeMap<Version, (String, bool, bool)> = BTreeMap::new();
    for minor in minors(minor, asked, catalog) {
        let release = newest_patch(minor, catalog);
        points.insert(release.semver, (release.raw, true, false));
    }
    let shipped = lines
        .iter()
        .flat_map(|line| line.releases.iter().map(move |release| (line, release)));
    for (line, release) in shipped {
        let ships = line
            .platform
            .find(release)
            .and_then(|row| row.ships.as_ref());
        if let Some(ships) = ships.map(release_of) {
            points
                .entry(ships.semver)
                .or_insert((ships.raw, false, false));
        }
    }
    if let Some(Wanted::Release(release)) = asked
        && release.minor().major == minor.major
    {
        let entry = points.entry(release.semver.clone());
        let entry = entry.or_insert((release.to_string(), false, false));
        entry.0 = release.to_string();
        entry.2 = true;
    }
    let here = (running.plain(), true, false);
    let later = points.into_iter().filter(|(later, _)| *later > version);
    std::iter::once((version.clone(), here))
        .chain(later)
        .map(|(version, (text, newest, asked))| {
            let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
            let minor = Minor {
                major: number(version.major),
                minor: number(version.minor),
            };
            let point = Point {
                minor,
                newest,
                asked,
            };
            (Named { version, text }, point)
        })
        .collect()
}

/// The version that counts of a running server.
fn version_of(running: &Release, emulated: Option<Minor>) -> Version {
    match emulated {
        // A server that emulates a minor has nothing left to gain in that minor.
        Some(emulated) if emulated != running.minor() => {
            Version::new(emulated.major.into(), emulated.minor.into(), u64::MAX)
        }
        _ => running.semver.clone(),
    }
}

/// From the minor that runs to the newest that is known or asked for, without a hole.
fn minors(from: Minor, asked: Option<&Wanted>, catalog: &Catalog) -> impl Iterator<Item = Minor> {
    let known = catalog.kubernetes.newest().map(|row| row.minor);
    let known = known
        .filter(|known| known.major == from.major)
        .unwrap_or(from);
    let asked = asked
        .map(Wanted::minor)
        .filter(|asked| asked.major == from.major)
        .unwrap_or(known);
    let newest = known.max(asked).minor;
    (from.minor..=newest).map(move |minor| Minor {
        major: from.major,
        minor,
    })
}

/// The newest patch of a minor of Kubernetes; the minor alone where none is known.
pub(super) fn newest_patch(minor: Minor, catalog: &Catalog) -> Release {
    catalog.kubernetes.find(minor).map_or_else(
        || release_of(&Wanted::Minor(minor)),
        |row| row.newest_patch.clone(),
    )
}
