//! The version that a cluster is moving to.

use crate::catalog::{Minor, Release, VersionSpec};

/// The version that all parts of the cluster are to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpgradeGoal {
    /// The user named it.
    Given(VersionSpec),
    /// The newest minor that any part of the cluster runs, while others run an older one. Patches are not compared: on hosted
    /// Kubernetes the patches of API server and nodes always differ.
    Found(Minor),
    /// The version of a Plan that has not been applied to all its nodes.
    Planned(Release),
}

impl UpgradeGoal {
    /// Whether a part that runs this version needs no upgrade.
    #[must_use]
    pub fn is_reached_by(&self, version: &Release) -> bool {
        match self {
            Self::Given(VersionSpec::Release(release)) | Self::Planned(release) => {
                version.semver >= release.semver
            }
            Self::Given(VersionSpec::Minor(minor)) | Self::Found(minor) => {
                version.minor() >= *minor
            }
        }
    }

    /// Whether this version is of a newer minor.
    #[must_use]
    pub fn is_exceeded_by(&self, version: &Release) -> bool {
        let minor = match self {
            Self::Given(spec) => spec.minor(),
            Self::Found(minor) => *minor,
            Self::Planned(release) => release.minor(),
        };
        version.minor() > minor
    }

    /// The version as messages name it.
    #[must_use]
    pub fn version(&self) -> String {
        match self {
            Self::Given(spec) => spec.to_string(),
            Self::Found(minor) => minor.to_string(),
            Self::Planned(release) => release.to_string(),
        }
    }

    /// The goal found from the versions of all parts: `None` if they run the same minor, or if none is known.
    #[must_use]
    pub fn find<'a>(versions: impl IntoIterator<Item = &'a Release>) -> Option<Self> {
        let minors: Vec<Minor> = versions.into_iter().map(Release::minor).collect();
        let newest = *minors.iter().max()?;
        minors
            .iter()
            .any(|minor| *minor != newest)
            .then_some(Self::Found(newest))
    }
}
