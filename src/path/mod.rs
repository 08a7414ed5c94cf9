//! Targets and the way to them, hop by hop, over the joint state of platforms and Kubernetes.
//!
//! A hop changes one platform. Before and after each, Kubernetes must lie in the range of every platform release; a platform
//! moves over edges of the catalog only, and nothing goes down. Of all ways the shortest is taken; of equally short ones that
//! with the fewest hops of Kubernetes, then with the fewest edges that nobody published; what is left is decided by the order
//! of the documentation: outer platforms first, Kubernetes when it must, each hop to the newest patch.

mod error;
mod graph;
mod search;
mod target;
#[cfg(test)]
mod tests;
mod unreachable;
mod without_start;

pub use crate::catalog::VersionSpec;
pub use error::PathError;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::catalog::{
    Catalog, Edge, EdgeConfidence, Minor, ParseVersionError, PlatformName, Release,
};
use graph::GraphIndex;
use search::{KubernetesGoal, SearchGoal};

/// What `--to` and `--from` take: `[PLATFORM=]VERSION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradeTarget {
    /// `None` if only a version was given.
    pub platform: Option<PlatformName>,
    /// The version to reach or to start from.
    pub version: VersionSpec,
}

impl FromStr for UpgradeTarget {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, ParseVersionError> {
        let (platform, version) = match text.split_once('=') {
            Some((name, version)) => {
                let name = name.to_lowercase().parse();
                let expected =
                    "expected PLATFORM=VERSION with the platform kubernetes, kyma or dkp";
                let name = name.map_err(|_| ParseVersionError::new(text, expected))?;
                (Some(name), version)
            }
            None => (None, text),
        };
        let version = version.parse().map_err(|_| {
            let expected = "expected [PLATFORM=]VERSION, such as 1.25 or kubernetes=1.25.3";
            ParseVersionError::new(text, expected)
        })?;
        Ok(Self { platform, version })
    }
}

/// One step of a platform from a release to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The platform it upgrades.
    pub platform: PlatformName,
    /// The version it leaves; `None` if the start is unknown (`--local` without `--from`).
    pub from: Option<VersionSpec>,
    /// The version it reaches; a minor if the catalog knows no patch of it.
    pub to: VersionSpec,
    /// Citation that supports the hop.
    pub source: String,
    /// How well the source supports it.
    pub confidence: EdgeConfidence,
}

impl Hop {
    /// A hop along an edge of the catalog; without an edge the hop is inferred.
    fn new(
        platform: PlatformName,
        from: Option<VersionSpec>,
        to: VersionSpec,
        edge: Option<&Edge>,
    ) -> Self {
        Self {
            platform,
            from,
            to,
            source: edge.map(Edge::citation).unwrap_or_default(),
            confidence: edge.map_or(EdgeConfidence::Inferred, |edge| edge.confidence),
        }
    }

    /// The minor it reaches, of its own platform.
    #[must_use]
    pub fn minor(&self) -> Minor {
        self.to.minor()
    }
}

/// Where a way begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartingVersions {
    /// The Kubernetes that runs.
    pub kubernetes: Option<Release>,
    /// The minor that its API server pretends to be; hops are counted from it.
    pub emulated: Option<Minor>,
    /// The platforms that run, with their releases; what is no release of the catalog belongs into a gap, not in here.
    pub platforms: BTreeMap<PlatformName, Release>,
}

/// The way from what is running to the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradePath {
    /// The minor of Kubernetes that counts today; none where the start is not known.
    pub from: Option<Minor>,
    /// The Kubernetes minor it ends at; `None` if it says nothing about Kubernetes.
    pub to: Option<Minor>,
    /// In order; none when there is nothing to do.
    pub hops: Vec<Hop>,
    /// What it rests on beside the facts, to be told to people.
    pub remarks: Vec<String>,
}

impl UpgradePath {
    /// The way of a cluster of which nothing but Kubernetes is known. See [`Path::joint`].
    ///
    /// # Errors
    /// When a target is unknown, below what runs, or cannot be reached.
    pub fn for_kubernetes(
        running: Option<&Release>,
        emulated: Option<Minor>,
        targets: &[UpgradeTarget],
        catalog: &Catalog,
    ) -> Result<Self, PathError> {
        let start = StartingVersions {
            kubernetes: running.cloned(),
            emulated,
            platforms: BTreeMap::new(),
        };
        Self::solve(&start, targets, catalog)
    }

    /// The way from where a cluster stands to the targets. Without a target it is the next supported hop of the outermost
    /// platform, with what must go before it and with it; where that has none, of the next platform inwards; or none at all.
    ///
    /// # Errors
    /// When a target is unknown, below what runs, or cannot be reached.
    pub fn solve(
        start: &StartingVersions,
        targets: &[UpgradeTarget],
        catalog: &Catalog,
    ) -> Result<Self, PathError> {
        let (start, remarks) = assume_shipped_kubernetes(start, catalog)?;
        let targets = target::resolve_targets(targets, &start, catalog)?;
        let starts = |name: &PlatformName| match name {
            PlatformName::Kubernetes => start.kubernetes.is_some(),
            name => start.platforms.contains_key(name),
        };
        let (here, nowhere): (Vec<_>, Vec<_>) =
            targets.into_iter().partition(|(name, _)| starts(name));
        if !start.platforms.is_empty() && !nowhere.is_empty() {
            return Err(PathError::StartRequired);
        }
        let map = GraphIndex::new(&start, &here, catalog);
        let goal = if !here.is_empty() {
            Some(search_goal(&map, &here)?)
        } else if nowhere.is_empty() {
            next_hop_goal(&map, &start, catalog)
        } else {
            None
        };
        let mut path = Self::no_op(&start);
        path.remarks = remarks;
        if let Some(goal) = goal {
            // Kubernetes is the last of them: where it is to go, it is what is in the way.
            let part = here.iter().max_by_key(|(name, _)| *name);
            let moves = match (map.graph.solve(&goal), part) {
                (Some(moves), _) => moves,
                (None, Some(part)) => return Err(no_path_error(&map, &goal, part)),
                (None, None) => Vec::new(),
            };
            path.hops = map.to_hops(&moves);
            path.remarks.extend(dead_end_remarks(&map, &goal));
        }
        path.hops.extend(without_start::hops_without_start(
            &start, &nowhere, catalog,
        )?);
        let ends = path.kubernetes_hops().last().map(Hop::minor);
        path.to = ends.or(path.to);
        path.remarks.extend(unpublished_hop_remarks(&path.hops));
        Ok(path)
    }

    /// No hop: the checks that hold without one.
    fn no_op(start: &StartingVersions) -> Self {
        let running = start.kubernetes.as_ref().map(Release::minor);
        let from = running.map(|running| start.emulated.unwrap_or(running));
        Self {
            from,
            to: from,
            hops: Vec::new(),
            remarks: Vec::new(),
        }
    }

    /// Its hops of Kubernetes itself.
    pub fn kubernetes_hops(&self) -> impl Iterator<Item = &Hop> {
        let hops = self.hops.iter();
        hops.filter(|hop| hop.platform == PlatformName::Kubernetes)
    }

    /// The hop at which something of Kubernetes bites that ends with this minor; none if it lies behind us or beyond the
    /// target.
    #[must_use]
    pub fn hop_into(&self, minor: Minor) -> Option<HopId> {
        let ahead = self.from.is_none_or(|from| from < minor) && self.reaches(minor);
        ahead.then(|| HopId {
            platform: PlatformName::Kubernetes,
            to: VersionSpec::Minor(minor),
        })
    }

    /// Whether it ends at this minor of Kubernetes or a later one.
    #[must_use]
    pub fn reaches(&self, minor: Minor) -> bool {
        self.to.is_some_and(|to| minor <= to)
    }

    /// The first hop that changes the minor of Kubernetes.
    #[must_use]
    pub fn first_minor_hop(&self) -> Option<&Hop> {
        self.kubernetes_hops()
            .find(|hop| self.from.is_some_and(|from| hop.minor() > from))
    }
}

/// Identifies a hop in findings and steps: by the minor for Kubernetes, by the release for other platforms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
pub struct HopId {
    /// The platform it upgrades.
    pub platform: PlatformName,
    /// `1.25` for Kubernetes, `2.2.0` for other platforms.
    pub to: VersionSpec,
}

impl HopId {
    /// The id of a hop of this platform to this version.
    #[must_use]
    pub fn new(platform: PlatformName, to: &VersionSpec) -> Self {
        let to = match platform {
            PlatformName::Kubernetes => VersionSpec::Minor(to.minor()),
            _ => to.clone(),
        };
        Self { platform, to }
    }
}

impl From<&Hop> for HopId {
    fn from(hop: &Hop) -> Self {
        Self::new(hop.platform, &hop.to)
    }
}

impl fmt::Display for HopId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.platform, self.to)
    }
}

/// The start with the Kubernetes that a platform brings along, where nobody said which one runs; and that this was presumed.
fn assume_shipped_kubernetes(
    start: &StartingVersions,
    catalog: &Catalog,
) -> Result<(StartingVersions, Vec<String>), PathError> {
    let mut start = start.clone();
    let mut remarks = Vec::new();
    for (name, release) in &start.platforms {
        let known = catalog.platform(*name);
        let Some(platform) = known.filter(|_| *name != PlatformName::Kubernetes) else {
            continue;
        };
        let Some(row) = platform.find_release(release) else {
            return Err(PathError::UnknownStart {
                platform: platform.title.clone(),
                release: release.to_string(),
                date: platform.date.to_string(),
                near: unreachable::list_known_patches(platform, release.minor()),
            });
        };
        if let (None, Some(ships)) = (&start.kubernetes, &row.bundled_kubernetes) {
            let ships = match ships {
                VersionSpec::Minor(minor) => graph::newest_patch(*minor, catalog),
                release => release.clone(),
            };
            remarks.push(format!(
                "{} {release} is presumed to run on Kubernetes {ships}, which it brings along; if it does not, say --from kubernetes=VERSION",
                platform.title
            ));
            start.kubernetes = Some(graph::lowest_release(&ships));
        }
    }
    if start.kubernetes.is_none() && !start.platforms.is_empty() {
        remarks.push(
            "which Kubernetes runs is not known, so none of its hops is on the way; say --from kubernetes=VERSION"
                .to_owned(),
        );
    }
    Ok((start, remarks))
}

fn search_goal(
    map: &GraphIndex<'_>,
    targets: &[(PlatformName, VersionSpec)],
) -> Result<SearchGoal, PathError> {
    let mut goal = map.goal_for_kubernetes(KubernetesGoal::Anywhere);
    for (name, wanted) in targets {
        match map.track_of(*name) {
            Some(line) => {
                goal.release_targets[line] = Some(target::target_position(map, line, wanted)?)
            }
            None => {
                let aim = map.kubernetes_goal(wanted);
                goal.kubernetes =
                    aim.ok_or_else(|| unreachable::unreachable_kubernetes(map, wanted))?;
            }
        }
    }
    Ok(goal)
}

/// The next supported hop: of the outermost platform that has one.
fn next_hop_goal(
    map: &GraphIndex<'_>,
    start: &StartingVersions,
    catalog: &Catalog,
) -> Option<SearchGoal> {
    let reached = |goal: &SearchGoal| map.graph.solve(goal).is_some();
    for line in 0..map.tracks.len() {
        let minor = target::next_minor(map, line).map(VersionSpec::Minor);
        let stop = minor.and_then(|minor| target::target_position(map, line, &minor).ok());
        if let Some(stop) = stop.filter(|stop| *stop > 0) {
            let mut goal = map.goal_for_kubernetes(KubernetesGoal::Anywhere);
            goal.release_targets[line] = Some(stop);
            return Some(goal);
        }
    }
    let next = UpgradePath::no_op(start).from?.next();
    catalog.kubernetes_releases.find(next)?;
    Some(map.goal_for_kubernetes(KubernetesGoal::Minor(next))).filter(reached)
}

/// Why a goal cannot be reached that this target is a part of.
fn no_path_error(
    map: &GraphIndex<'_>,
    goal: &SearchGoal,
    (name, wanted): &(PlatformName, VersionSpec),
) -> PathError {
    match map.track_of(*name) {
        Some(line) => unreachable::unreachable_release(
            map,
            line,
            goal.release_targets[line].unwrap_or_default(),
            wanted,
        ),
        None => unreachable::unreachable_kubernetes(map, wanted),
    }
}

/// Targets that nothing leads on from, though there are later minors.
fn dead_end_remarks(map: &GraphIndex<'_>, goal: &SearchGoal) -> Vec<String> {
    let lines = map
        .tracks
        .iter()
        .zip(&map.graph.tracks)
        .zip(&goal.release_targets);
    lines
        .filter_map(|((line, stops), stop)| {
            let release = &line.releases[(*stop)?];
            let later = line.releases.last()?.minor() > release.minor();
            let ends = later && stops[(*stop)?].edges.is_empty();
            let title = &line.platform.title;
            ends.then(|| format!("no edge leads on from {title} {release} to any later release"))
        })
        .collect()
}

/// Hops that nobody published, to be said aloud.
fn unpublished_hop_remarks(hops: &[Hop]) -> impl Iterator<Item = String> {
    hops.iter()
        .filter(|hop| hop.confidence == EdgeConfidence::Inferred)
        .map(|hop| {
            let from = hop.from.as_ref().map(VersionSpec::to_string);
            let from = from.as_deref().unwrap_or("any release");
            format!(
                "{} {from} to {} was published nowhere: {}",
                hop.platform, hop.to, hop.source
            )
        })
}
