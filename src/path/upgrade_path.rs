//! The path itself, and how it is found.

use std::collections::BTreeMap;

use super::graph::GraphIndex;
use super::release::{lowest_release, newest_patch};
use super::search::{KubernetesGoal, SearchGoal};
use super::{
    Hop, HopId, PathError, StartingVersions, UpgradeTarget, remarks, target, unreachable,
    without_start,
};
use crate::catalog::{Catalog, Minor, PlatformName, Release, VersionSpec};

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
            path.remarks
                .extend(remarks::dead_end_remarks(&index, &goal));
        }
        path.hops.extend(without_start::hops_without_start(
            &start,
            &without_start,
            catalog,
        )?);
        let end = path.kubernetes_hops().last().map(Hop::minor);
        path.to = end.or(path.to);
        path.remarks
            .extend(remarks::unpublished_hop_remarks(&path.hops));
        path.remarks
            .extend(remarks::offer_remarks(&start, &path.hops));
        let older =
            |(name, minor)| remarks::older_patch_remark(name, minor, &path.hops, &start, catalog);
        let older: Vec<String> = minors.into_iter().filter_map(older).collect();
        path.remarks.extend(older);
        path.remarks
            .extend(remarks::beta_remarks(&path.hops, catalog));
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

    /// Hops of a platform, in order.
    pub fn hops_of(&self, platform: PlatformName) -> impl Iterator<Item = &Hop> {
        let hops = self.hops.iter();
        hops.filter(move |hop| hop.platform == platform)
    }

    /// Hops of Kubernetes itself.
    pub fn kubernetes_hops(&self) -> impl Iterator<Item = &Hop> {
        self.hops_of(PlatformName::Kubernetes)
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
                VersionSpec::Minor(minor) => newest_patch(*minor, catalog),
                release => release.clone(),
            };
            remarks.push(format!(
                "assuming that {} {release} runs on Kubernetes {bundled}, which it bundles; if not, use --from kubernetes=VERSION",
                platform.title
            ));
            start.kubernetes = Some(lowest_release(&bundled));
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
