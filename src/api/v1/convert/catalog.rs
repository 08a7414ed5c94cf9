//! The catalog to `CatalogSummary`.

use super::super::{
    API_VERSION, CatalogSummary, CertaintyDoc, MinorDoc, MinorRangeDoc, PlatformReleases,
};
use super::{docs, same_variants};
use crate::catalog::{
    Catalog, Certainty, KubernetesRelease, Minor, MinorRange, Platform, PlatformName,
    PlatformRelease,
};

same_variants! {
    Certainty => CertaintyDoc { Confirmed, Planned, Beta }
}

impl From<&Catalog> for CatalogSummary {
    fn from(catalog: &Catalog) -> Self {
        let platforms = catalog.platforms.iter().rev();
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "CatalogSummary".to_owned(),
            date: catalog.date.to_string(),
            apis: catalog.apis.iter().count(),
            platforms: platforms
                .map(|platform| PlatformReleases::new(platform, catalog))
                .collect(),
        }
    }
}

impl PlatformReleases {
    fn new(platform: &Platform, catalog: &Catalog) -> Self {
        let releases: Vec<MinorDoc> = match platform.name {
            PlatformName::Kubernetes => docs(catalog.kubernetes_releases.iter()),
            _ => distinct_minors(platform)
                .filter_map(|minor| MinorDoc::from_patches(platform.patches_of(minor)))
                .collect(),
        };
        let minor = |release: Option<&MinorDoc>| release.map(|release| release.minor.clone());
        Self {
            name: platform.name.to_string(),
            date: platform.date.to_string(),
            oldest: minor(releases.first()),
            newest: minor(releases.last()),
            releases,
        }
    }
}

/// Oldest first.
fn distinct_minors(platform: &Platform) -> impl Iterator<Item = Minor> {
    let releases = platform.releases().iter();
    let mut minors: Vec<Minor> = releases.map(|row| row.release.minor()).collect();
    minors.dedup();
    minors.into_iter()
}

impl From<&KubernetesRelease> for MinorDoc {
    fn from(row: &KubernetesRelease) -> Self {
        Self {
            minor: row.minor.to_string(),
            newest_patch: row.newest_patch.to_string(),
            released: Some(row.released.to_string()),
            end_of_life: Some(row.end_of_life.to_string()),
            kubernetes: None,
            certainty: row.certainty.into(),
        }
    }
}

impl MinorDoc {
    /// From the releases of a minor, oldest first.
    fn from_patches<'a>(
        mut patches: impl DoubleEndedIterator<Item = &'a PlatformRelease>,
    ) -> Option<Self> {
        let first = patches.next()?;
        let newest = patches.next_back().unwrap_or(first);
        Some(Self {
            minor: first.release.minor().to_string(),
            newest_patch: newest.release.to_string(),
            released: first.released.map(|day| day.to_string()),
            end_of_life: None,
            kubernetes: newest.kubernetes_range.as_ref().map(MinorRangeDoc::from),
            certainty: CertaintyDoc::Confirmed,
        })
    }
}

impl From<&MinorRange> for MinorRangeDoc {
    fn from(range: &MinorRange) -> Self {
        Self {
            oldest: range.oldest.map(|minor| minor.to_string()),
            newest: range.newest.map(|minor| minor.to_string()),
        }
    }
}
