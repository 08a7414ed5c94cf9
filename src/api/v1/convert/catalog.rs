//! The catalog to `CatalogSummary`.

use super::super::{
    API_VERSION, CatalogSummary, CertaintyDoc, MinorDoc, MinorRangeDoc, PlatformReleases,
};
use super::{ToDoc, same_fields, same_variants};
use crate::catalog::{
    Catalog, Certainty, KubernetesRelease, Minor, MinorRange, Platform, PlatformName,
    PlatformRelease,
};

same_variants! {
    Certainty => CertaintyDoc { Confirmed, Planned, Beta }
}

same_fields! {
    MinorRange => MinorRangeDoc { oldest, newest }
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
            PlatformName::Kubernetes => {
                let rows = catalog.kubernetes_releases.iter();
                rows.map(ToDoc::to_doc).collect()
            }
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

impl ToDoc<MinorDoc> for KubernetesRelease {
    fn to_doc(&self) -> MinorDoc {
        MinorDoc {
            minor: self.minor.to_doc(),
            newest_patch: self.newest_patch.to_doc(),
            released: Some(self.released.to_doc()),
            end_of_life: Some(self.end_of_life.to_doc()),
            kubernetes: None,
            certainty: self.certainty.to_doc(),
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
            released: first.released.to_doc(),
            end_of_life: None,
            kubernetes: newest.kubernetes_range.to_doc(),
            certainty: CertaintyDoc::Confirmed,
        })
    }
}
