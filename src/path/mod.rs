//! Upgrade paths: the hops from the running versions to the targets, over platforms and Kubernetes together.
//!
//! A hop upgrades one platform along an edge of the catalog. Before and after each hop, Kubernetes must be in the supported
//! range of every platform release. The path has the fewest hops; among those, the fewest Kubernetes hops, then the fewest
//! hops without a published source. Ties go to outer platforms first, Kubernetes as late as possible, and the newest patch.

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

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use crate::catalog::{
    Catalog, Edge, EdgeConfidence, Minor, ParseVersionError, PlatformName, Release,
};
use graph::GraphIndex;
use search::{KubernetesGoal, SearchGoal};

/// The value of `--to` and `--from`: `[PLATFORM=]VERSION`.
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

/// An upgrade of one platform.
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

/// The versions that a path starts from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StartingVersions {
    /// The running Kubernetes version, if known.
    pub kubernetes: Option<Release>,
    /// The minor that its API server emulates; hops are counted from it.
    pub emulated: Option<Minor>,
    /// Installed platforms and their releases. A release that the catalog does not have is a gap, not a start.
    pub platforms: BTreeMap<PlatformName, Release>,
    /// The releases of Kubernetes that the cluster can be set to; empty if any.
    pub offered_kubernetes: Vec<Release>,
    /// The release of Kubernetes that the cluster is set to already, if that is newer than the running one.
    pub requested_kubernetes: Option<Release>,
    /// Installed platforms whose release is unknown.
    pub unknown_releases: BTreeSet<PlatformName>,
    /// Those of `platforms` that the user stated because they could not be detected.
    pub stated: BTreeMap<PlatformName, Release>,
}

impl StartingVersions {
    /// The release by which a cluster reaches a minor of Kubernetes; none if it cannot be set to one of that minor.
    fn kubernetes_patch(&self, minor: Minor, catalog: &Catalog) -> Option<VersionSpec> {
        let of_minor = |release: &&Release| release.minor() == minor;
        let requested = self.requested_kubernetes.iter().find(of_minor);
        let offered = self.offered_kubernetes.iter().filter(of_minor);
        let newest = offered.max_by(|one, other| one.semver.cmp(&other.semver));
        match requested.or(newest) {
            Some(release) => Some(VersionSpec::Release(release.without_suffix())),
            None if self.offered_kubernetes.is_empty() => Some(graph::newest_patch(minor, catalog)),
            None => None,
        }
    }

    /// Whether the cluster can be set to a version.
    fn offers(&self, spec: &VersionSpec) -> bool {
        let mut offered = self.offered_kubernetes.iter();
        self.offered_kubernetes.is_empty() || offered.any(|release| spec.matches(release))
    }
}

/// The hops from the running versions to the targets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpgradePath {
    /// The running (or emulated) Kubernetes minor; `None` if the start is unknown.
    pub from: Option<Minor>,
    /// The Kubernetes minor it ends at; `None` if it says nothing about Kubernetes.
    pub to: Option<Minor>,
    /// In order; empty if there is nothing to upgrade.
    pub hops: Vec<Hop>,
    /// Starting releases that the user stated because they could not be detected.
    pub stated: BTreeMap<PlatformName, Release>,
    /// Assumptions and warnings for the user.
    pub remarks: Vec<String>,
}

impl UpgradePath {
    /// The path of a cluster without platforms. See [`Self::solve`].
    ///
    /// # Errors
    /// If a target is unknown, older than the running version, or cannot be reached.
    pub fn for_kubernetes(
        running: Option<&Release>,
        emulated: Option<Minor>,
        targets: &[UpgradeTarget],
        catalog: &Catalog,
    ) -> Result<Self, PathError> {
        let start = StartingVersions {
            kubernetes: running.cloned(),
            emulated,
            ..StartingVersions::default()
        };
        Self::solve(&start, targets, catalog)
    }

    /// The path from the starting versions to the targets. Without a target, the next supported hop of the outermost
    /// platform that has one, with the hops it requires; if no platform has one, an empty path.
    ///
    /// # Errors
    /// If a target is unknown, older than the running version, or cannot be reached.
    pub fn solve(
        start: &StartingVersions,
        targets: &[UpgradeTarget],
        catalog: &Catalog,
    ) -> Result<Self, PathError> {
        let (start, remarks) = assume_shipped_kubernetes(start, catalog)?;
        let targets = target::resolve_targets(targets, &start, catalog)?;
        let minors: Vec<(PlatformName, Minor)> = target::minors_of(&targets).collect();
        let starts = |name: &PlatformName| match name {
            PlatformName::Kubernetes => start.kubernetes.is_some(),
            name => start.platforms.contains_key(name),
        };
        let (with_start, without_start): (Vec<_>, Vec<_>) =
            targets.into_iter().partition(|(name, _)| starts(name));
        if !start.platforms.is_empty() && !without_start.is_empty() {
            return Err(PathError::StartRequired);
        }
        let index = GraphIndex::new(&start, &with_start, catalog);
        let goal = if !with_start.is_empty() {
            Some(search_goal(&index, &with_start)?)
        } else if without_start.is_empty() {
            next_hop_goal(&index, &start, catalog)
        } else {
            None
        };
        let mut path = Self::no_op(&start);
        path.remarks = remarks;
        if let Some(goal) = goal {
            // If the targets conflict, the innermost one, usually Kubernetes, is reported.
            let innermost = with_start.iter().max_by_key(|(name, _)| *name);
            let transitions = match (index.graph.solve(&goal), innermost) {
                (Some(transitions), _) => transitions,
                (None, Some(target)) => return Err(no_path_error(&index, &goal, target)),
                (None, None) => Vec::new(),
            };
            path.hops = index.to_hops(&transitions);
            path.remarks.extend(dead_end_remarks(&index, &goal));
        }
        path.hops.extend(without_start::hops_without_start(
            &start,
            &without_start,
            catalog,
        )?);
        let end = path.kubernetes_hops().last().map(Hop::minor);
        path.to = end.or(path.to);
        path.remarks.extend(unpublished_hop_remarks(&path.hops));
        path.remarks.extend(offer_remarks(&start, &path.hops));
        let older =
            |(name, minor)| target::older_patch_remark(name, minor, &path.hops, &start, catalog);
        let older: Vec<String> = minors.into_iter().filter_map(older).collect();
        path.remarks.extend(older);
        path.remarks.extend(beta_remarks(&path, catalog));
        Ok(path)
    }

    /// A path without hops.
    fn no_op(start: &StartingVersions) -> Self {
        let running = start.kubernetes.as_ref().map(Release::minor);
        let from = running.map(|running| start.emulated.unwrap_or(running));
        Self {
            from,
            to: from,
            hops: Vec::new(),
            stated: start.stated.clone(),
            remarks: Vec::new(),
        }
    }

    /// Hops of Kubernetes itself.
    pub fn kubernetes_hops(&self) -> impl Iterator<Item = &Hop> {
        let hops = self.hops.iter();
        hops.filter(|hop| hop.platform == PlatformName::Kubernetes)
    }

    /// The hop into this Kubernetes minor; `None` if the cluster is past it already or the path ends before it.
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

    /// The first hop that changes the Kubernetes minor.
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

/// Fills in an unknown Kubernetes version from the one that an installed release bundles. Returns remarks on that.
fn assume_shipped_kubernetes(
    start: &StartingVersions,
    catalog: &Catalog,
) -> Result<(StartingVersions, Vec<String>), PathError> {
    let mut start = start.clone();
    let mut remarks = Vec::new();
    for (name, release) in &start.platforms {
        let platform = catalog.platform(*name);
        let Some(platform) = platform.filter(|_| *name != PlatformName::Kubernetes) else {
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
        if let (None, Some(bundled)) = (&start.kubernetes, &row.bundled_kubernetes) {
            let bundled = match bundled {
                VersionSpec::Minor(minor) => graph::newest_patch(*minor, catalog),
                release => release.clone(),
            };
            remarks.push(format!(
                "assuming that {} {release} runs on Kubernetes {bundled}, which it bundles; if not, use --from kubernetes=VERSION",
                platform.title
            ));
            start.kubernetes = Some(graph::lowest_release(&bundled));
        }
    }
    if start.kubernetes.is_none() && !start.platforms.is_empty() {
        remarks.push(
            "the running Kubernetes version is unknown, so the path has no Kubernetes hops; use --from kubernetes=VERSION"
                .to_owned(),
        );
    }
    Ok((start, remarks))
}

fn search_goal(
    index: &GraphIndex<'_>,
    targets: &[(PlatformName, VersionSpec)],
) -> Result<SearchGoal, PathError> {
    let mut goal = index.goal_for_kubernetes(KubernetesGoal::Anywhere);
    for (name, spec) in targets {
        match index.track_of(*name) {
            Some(track) => {
                goal.release_targets[track] = Some(target::target_position(index, track, spec)?)
            }
            None => {
                let aim = index.kubernetes_goal(spec);
                goal.kubernetes =
                    aim.ok_or_else(|| unreachable::unreachable_kubernetes(index, spec))?;
            }
        }
    }
    Ok(goal)
}

/// The next supported hop of the outermost platform that has one.
fn next_hop_goal(
    index: &GraphIndex<'_>,
    start: &StartingVersions,
    catalog: &Catalog,
) -> Option<SearchGoal> {
    let reached = |goal: &SearchGoal| index.graph.solve(goal).is_some();
    for track in 0..index.tracks.len() {
        let minor = target::next_minor(index, track).map(VersionSpec::Minor);
        let position = minor.and_then(|minor| target::target_position(index, track, &minor).ok());
        if let Some(position) = position.filter(|position| *position > 0) {
            let mut goal = index.goal_for_kubernetes(KubernetesGoal::Anywhere);
            goal.release_targets[track] = Some(position);
            return Some(goal);
        }
    }
    let from = UpgradePath::no_op(start).from?;
    // A cluster that is set to a later version already is on its way there.
    let requested = start.requested_kubernetes.as_ref().map(Release::minor);
    let requested = requested.filter(|requested| *requested > from);
    let next = requested.unwrap_or_else(|| from.next());
    let row = catalog.kubernetes_releases.find(next)?;
    let goal = (row.is_released() || requested.is_some())
        .then(|| index.goal_for_kubernetes(KubernetesGoal::Minor(next)));
    goal.filter(reached)
}

/// Explains why the goal cannot be reached, by one of its targets.
fn no_path_error(
    index: &GraphIndex<'_>,
    goal: &SearchGoal,
    (name, spec): &(PlatformName, VersionSpec),
) -> PathError {
    match index.track_of(*name) {
        Some(track) => unreachable::unreachable_release(
            index,
            track,
            goal.release_targets[track].unwrap_or_default(),
            spec,
        ),
        None => unreachable::unreachable_kubernetes(index, spec),
    }
}

/// Warns about targets that have no upgrade although later minors exist.
fn dead_end_remarks(index: &GraphIndex<'_>, goal: &SearchGoal) -> Vec<String> {
    let tracks = index
        .tracks
        .iter()
        .zip(&index.graph.tracks)
        .zip(&goal.release_targets);
    tracks
        .filter_map(|((track, vertices), position)| {
            let release = &track.releases[(*position)?];
            let later = track.releases.last()?.minor() > release.minor();
            let is_dead_end = later && vertices[(*position)?].edges.is_empty();
            let title = &track.platform.title;
            is_dead_end
                .then(|| format!("{title} {release} has no supported upgrade to a later release"))
        })
        .collect()
}

/// Warns about versions that the cluster cannot be set to.
fn offer_remarks(start: &StartingVersions, hops: &[Hop]) -> Vec<String> {
    let hops = hops.iter();
    let mut hops = hops.filter(|hop| hop.platform == PlatformName::Kubernetes);
    let Some(last) = start.offered_kubernetes.last() else {
        return Vec::new();
    };
    let missing = hops.clone().filter(|hop| !start.offers(&hop.to));
    let mut remarks: Vec<String> = missing
        .map(|hop| {
            format!(
                "the ClusterClass does not offer {}: add it to spec.kubernetesVersions first",
                hop.to
            )
        })
        .collect();
    if hops.next().is_none() {
        remarks.push(format!(
            "the ClusterClass offers Kubernetes up to {last} (spec.kubernetesVersions)"
        ));
    }
    remarks
}

/// Names the Kubernetes minors of the path that are not released yet.
fn beta_remarks(path: &UpgradePath, catalog: &Catalog) -> Vec<String> {
    let betas = path.kubernetes_hops().map(Hop::minor);
    let betas = betas.filter_map(|minor| catalog.kubernetes_releases.beta(minor));
    betas
        .map(|row| {
            format!(
                "Kubernetes {} is a beta, planned for {}; the catalog describes {}",
                row.minor, row.released, row.newest_patch
            )
        })
        .collect()
}

/// Warns about hops without a published source.
fn unpublished_hop_remarks(hops: &[Hop]) -> impl Iterator<Item = String> {
    hops.iter()
        .filter(|hop| hop.confidence == EdgeConfidence::Inferred)
        .map(|hop| {
            let from = hop.from.as_ref().map(VersionSpec::to_string);
            let from = from.as_deref().unwrap_or("any release");
            format!(
                "no published source supports {} {from} to {}: {}",
                hop.platform, hop.to, hop.source
            )
        })
}
