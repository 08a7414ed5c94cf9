//! What a reader of a path should know besides its hops.

use super::graph::GraphIndex;
use super::search::SearchGoal;
use super::{Hop, StartingVersions};
use crate::catalog::{Catalog, EdgeConfidence, Minor, PlatformName, VersionSpec};

/// Warns about targets that have no upgrade although later minors exist.
pub(super) fn dead_end_remarks(index: &GraphIndex<'_>, goal: &SearchGoal) -> Vec<String> {
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
pub(super) fn offer_remarks(start: &StartingVersions, hops: &[Hop]) -> Vec<String> {
    let mut hops = kubernetes_hops(hops);
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
pub(super) fn beta_remarks(hops: &[Hop], catalog: &Catalog) -> Vec<String> {
    let betas = kubernetes_hops(hops).map(Hop::minor);
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
pub(super) fn unpublished_hop_remarks(hops: &[Hop]) -> impl Iterator<Item = String> {
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

/// Why the path to a minor of a platform does not end at its newest release; `None` if it does.
pub(super) fn older_patch_remark(
    name: PlatformName,
    minor: Minor,
    hops: &[Hop],
    start: &StartingVersions,
    catalog: &Catalog,
) -> Option<String> {
    let platform = catalog
        .platform(name)
        .filter(|_| name != PlatformName::Kubernetes)?;
    let newest = &platform.patches_of(minor).next_back()?.release;
    let last = hops.iter().rfind(|hop| hop.platform == name);
    let running = start.platforms.get(&name);
    let end = last.map_or(running, |hop| hop.to.release())?;
    if end.semver >= newest.semver {
        return None;
    }
    let before = last.map_or(running, |hop| hop.from.as_ref()?.release());
    let edge = before.and_then(|before| platform.edge(before, newest));
    let title = &platform.title;
    let why = match (before, edge.map(|edge| edge.confidence)) {
        (None, _) => format!("the best supported upgrade into {minor} leads to {end}"),
        (Some(before), None) => format!("{before} has no supported upgrade to {newest}"),
        (Some(before), Some(EdgeConfidence::Published)) => {
            format!("the rest of the path rules out the upgrade from {before} to {newest}")
        }
        (Some(before), Some(EdgeConfidence::FromRule)) => {
            format!(
                "the upgrade from {before} to {end} is published, that to {newest} follows from a general rule only"
            )
        }
        (Some(before), Some(EdgeConfidence::Inferred)) => {
            format!("the upgrade from {before} to {newest} is inferred, not published")
        }
    };
    Some(format!(
        "--to {name}={minor} means {title} {end}, although {newest} is newer: {why}"
    ))
}

fn kubernetes_hops(hops: &[Hop]) -> impl Iterator<Item = &Hop> + Clone {
    let hops = hops.iter();
    hops.filter(|hop| hop.platform == PlatformName::Kubernetes)
}
