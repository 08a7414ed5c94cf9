//! What a document is about, in a phrase: cluster, path, namespace.

use super::terminal;
use crate::api::v1::{ClusterDoc, EvaluatedClusterDoc, HopDoc};
use crate::catalog::{PlatformName, VersionSpec};

/// Releases of a path in a phrase; longer ones are shortened in the middle.
const MAX_STOPS: usize = 20;

/// `3 clusters`; none if the run has no more than one.
pub(super) fn several_clusters(clusters: &[EvaluatedClusterDoc]) -> Option<String> {
    (clusters.len() > 1).then(|| format!("{} clusters", clusters.len()))
}

/// The scope of a verdict: cluster, path, namespace.
pub(super) fn scope_phrase(cluster: &ClusterDoc, path: &[HopDoc]) -> String {
    let place = match (&cluster.context, &cluster.server) {
        (Some(context), _) => format!("context {}", terminal::escape_line(context)),
        (None, Some(server)) => format!("server {}", terminal::escape_line(server)),
        (None, None) => "no cluster".to_owned(),
    };
    let mut parts = vec![place];
    parts.extend(format_path(cluster, path));
    if let Some(namespace) = &cluster.namespace {
        parts.push(format!(
            "namespace {} only",
            terminal::escape_line(namespace)
        ));
    }
    parts.join(", ")
}

/// `1.24.17 → 1.25.16 → 1.26.15`, with names if there are several platforms; without a hop `stays at 1.25.16`.
pub(super) fn format_path(cluster: &ClusterDoc, path: &[HopDoc]) -> Option<String> {
    if path.is_empty() {
        let version = cluster.kubernetes_version.as_ref()?;
        return Some(format!("stays at {}", terminal::escape_line(version)));
    }
    let alone = path
        .iter()
        .all(|hop| hop.platform == PlatformName::Kubernetes);
    let legs = path.chunk_by(|hop, next| hop.platform == next.platform);
    let legs: Vec<String> = legs.map(|hops| format_hops(hops, alone)).collect();
    Some(legs.join(", "))
}

/// `1.26.15`, with names if there are several platforms; none without a hop.
pub(super) fn format_targets(path: &[HopDoc]) -> Option<String> {
    let legs = path.chunk_by(|hop, next| hop.platform == next.platform);
    let last: Vec<&HopDoc> = legs.filter_map(<[HopDoc]>::last).collect();
    let texts = last.iter().map(|hop| match hop.platform {
        PlatformName::Kubernetes if last.len() == 1 => format_version(&hop.to),
        platform => format!("{} {}", platform.title(), format_version(&hop.to)),
    });
    let texts: Vec<String> = texts.collect();
    (!texts.is_empty()).then(|| texts.join(", "))
}

/// Hops of one platform that follow each other.
fn format_hops(hops: &[HopDoc], alone: bool) -> String {
    let start = hops.first().and_then(|hop| hop.from.as_ref());
    let stops = start.into_iter().chain(hops.iter().map(|hop| &hop.to));
    let mut stops: Vec<_> = stops.map(format_version).collect();
    // The first, and as many of the last.
    if stops.len() > MAX_STOPS {
        let middle = 2..stops.len() - 2;
        let hops = format!("… {} releases …", middle.len());
        stops.splice(middle, [hops]);
    }
    let to = if start.is_none() { "to " } else { "" };
    let name = match hops.first() {
        Some(hop) if !alone => format!("{} ", hop.platform.title()),
        _ => String::new(),
    };
    format!("{to}{name}{}", stops.join(" → "))
}

/// `Kubernetes 1.24.17 → 1.25.16`, escaped.
pub(super) fn hop_title(
    platform: PlatformName,
    from: Option<&VersionSpec>,
    to: &VersionSpec,
) -> String {
    let (platform, to) = (platform.title(), format_version(to));
    match from {
        Some(from) => format!("{platform} {} → {to}", format_version(from)),
        None => format!("{platform} to {to}"),
    }
}

/// Suffixes of versions come from the cluster.
fn format_version(version: &VersionSpec) -> String {
    terminal::escape_line(&version.to_string()).into_owned()
}
