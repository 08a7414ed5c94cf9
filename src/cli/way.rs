//! From where a cluster stands, or is said to stand, to the path.

use super::args::SourceFlags;
use super::exit::{Exit, Stop};
use crate::catalog::{Catalog, Platform, PlatformName, Release};
use crate::detect::Detected;
use crate::path::{Path, Start, Target, Wanted};
use crate::snapshot::Picture;

/// The way from what was detected. A platform whose release could not be told is no start: that is a gap.
pub(super) fn path_of(
    picture: &Picture,
    flags: &SourceFlags,
    catalog: &Catalog,
) -> Result<Path, Stop> {
    let platforms = Detected::new(picture, catalog).platforms.into_iter();
    let known = platforms.filter_map(|platform| {
        let version = platform.version?;
        catalog.platform(platform.platform)?.find(&version)?;
        Some((platform.platform, version))
    });
    let survey = &picture.survey;
    let start = Start {
        kubernetes: Some(survey.git_version.clone()),
        emulated: survey.emulated,
        platforms: known.collect(),
    };
    find_path(&start, &flags.to, catalog)
}

/// What to say where kubelets are a minor or more behind the API server, and nobody said what the target is: they may be meant
/// to be, or a hop is not at its end.
pub(super) fn under_way(picture: &Picture) -> Option<String> {
    let server = &picture.survey.git_version;
    let readings = picture.readings.iter();
    let nodes = readings.flat_map(|reading| reading.rows.nodes());
    let kubelets = nodes.filter_map(|node| node.kubelet_version.parse().ok());
    let behind = kubelets.filter(|kubelet: &Release| kubelet.minor() < server.minor());
    let nodes = match behind.count() {
        0 => return None,
        1 => "1 node is".to_owned(),
        nodes => format!("{nodes} nodes are"),
    };
    Some(format!(
        "note: {nodes} behind the API server: --to kubernetes={} shows what is left of the hop that brought it there",
        server.plain()
    ))
}

pub(super) fn find_path(start: &Start, to: &[Target], catalog: &Catalog) -> Result<Path, Stop> {
    Path::joint(start, to, catalog).map_err(|error| Stop {
        exit: match error.is_answer() {
            true => Exit::Blocked,
            false => Exit::Usage,
        },
        message: error.to_string(),
    })
}

/// Targets without a cluster: a version alone is one of Kubernetes.
pub(super) fn of_kubernetes(targets: &[Target]) -> Vec<Target> {
    let mut targets = targets.to_vec();
    for target in &mut targets {
        target
            .platform
            .get_or_insert_with(|| PlatformName::Kubernetes.to_string());
    }
    targets
}

/// `--from`: a minor stands for its newest patch, a version alone for one of Kubernetes.
pub(super) fn from(flags: &SourceFlags, catalog: &Catalog) -> Result<Start, Stop> {
    let mut start = Start::default();
    for target in of_kubernetes(&flags.from) {
        let name = target.platform.unwrap_or_default();
        let platform = name
            .parse()
            .ok()
            .and_then(|name| catalog.platform(name))
            .ok_or_else(|| {
                Stop::usage(format!(
                    "--from names {name:?}; there are kubernetes, kyma and dkp"
                ))
            })?;
        let release = newest(platform, &target.version)?;
        let before = match platform.name {
            PlatformName::Kubernetes => start.kubernetes.replace(release),
            name => start.platforms.insert(name, release),
        };
        if before.is_some() {
            return Err(Stop::usage(format!("--from names {name} twice")));
        }
    }
    Ok(start)
}

fn newest(platform: &Platform, version: &Wanted) -> Result<Release, Stop> {
    match version {
        Wanted::Release(release) => Ok(release.clone()),
        Wanted::Minor(minor) => match platform.patches(*minor).next_back() {
            Some(row) => Ok(row.release.clone()),
            None => format!("{minor}.0").parse().map_err(Stop::usage),
        },
    }
}
