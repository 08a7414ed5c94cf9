//! The releases that a version may mean.

use semver::Version;

use crate::catalog::{Catalog, Minor, Release, VersionSpec};

/// The release itself, or patch 0 of a minor.
pub(super) fn lowest_release(spec: &VersionSpec) -> Release {
    match spec {
        VersionSpec::Release(release) => release.clone(),
        VersionSpec::Minor(minor) => Release {
            semver: Version::new(minor.major.into(), minor.minor.into(), 0),
            raw: minor.to_string(),
        },
    }
}

/// The newest patch of a Kubernetes minor; the minor itself if the catalog knows none.
pub(super) fn newest_patch(minor: Minor, catalog: &Catalog) -> VersionSpec {
    let row = catalog.kubernetes_releases.find(minor);
    row.filter(|row| row.is_released())
        .map_or(VersionSpec::Minor(minor), |row| {
            VersionSpec::Release(row.newest_patch.clone())
        })
}
