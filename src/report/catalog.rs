//! `catalog`: what is known, and up to when.

use serde::Serialize;

use super::columns::format_columns;
use super::document::API_VERSION;
use super::{OutputFormat, RenderError, RenderOptions, encode};
use crate::catalog::{
    Catalog, Certainty, KubernetesRelease, Minor, MinorRange, Platform, PlatformName,
    PlatformRelease,
};

/// What is known, as `catalog -o json` prints it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CatalogSummary {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `CatalogSummary`.
    pub kind: String,
    /// The newest day up to which a source was read, `YYYY-MM-DD`.
    pub date: String,
    /// Number of API versions whose life is known.
    pub apis: usize,
    /// What is known of each platform, by name.
    pub platforms: Vec<PlatformReleases>,
}

/// The releases of a platform that are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformReleases {
    /// `kubernetes`, `kyma`, `dkp`.
    pub name: String,
    /// The newest day up to which a source was read, `YYYY-MM-DD`.
    pub date: String,
    /// The oldest minor; null if there is none.
    pub oldest: Option<String>,
    /// The newest minor; null if there is none.
    pub newest: Option<String>,
    /// Each minor, oldest first.
    pub releases: Vec<MinorDoc>,
}

/// A minor of a platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MinorDoc {
    /// `1.25`.
    pub minor: String,
    /// `1.25.16`.
    pub newest_patch: String,
    /// The day of the first release, `YYYY-MM-DD`; null where it is not known.
    pub released: Option<String>,
    /// The last day of upstream support, `YYYY-MM-DD`; null where none is known.
    pub end_of_life: Option<String>,
    /// The minors of Kubernetes that its newest patch runs on; null where that is not known, and for Kubernetes itself.
    pub kubernetes: Option<MinorRangeDoc>,
    /// Whether these dates happened or were announced.
    pub certainty: Certainty,
}

/// A range of minors of Kubernetes, both ends in it; an open end is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MinorRangeDoc {
    /// `1.21`.
    pub oldest: Option<String>,
    /// `1.22`.
    pub newest: Option<String>,
}

impl CatalogSummary {
    /// The summary of a catalog.
    #[must_use]
    pub fn new(catalog: &Catalog) -> Self {
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
            PlatformName::Kubernetes => catalog
                .kubernetes_releases
                .iter()
                .map(MinorDoc::new)
                .collect(),
            _ => distinct_minors(platform)
                .filter_map(|minor| MinorDoc::from_patches(platform.patches_of(minor)))
                .collect(),
        };
        let minor = |row: Option<&MinorDoc>| row.map(|row| row.minor.clone());
        Self {
            name: platform.name.to_string(),
            date: platform.date.to_string(),
            oldest: minor(releases.first()),
            newest: minor(releases.last()),
            releases,
        }
    }
}

/// Each minor once, oldest first.
fn distinct_minors(platform: &Platform) -> impl Iterator<Item = Minor> {
    let mut minors: Vec<Minor> = platform
        .releases()
        .iter()
        .map(|row| row.release.minor())
        .collect();
    minors.dedup();
    minors.into_iter()
}

impl MinorDoc {
    fn new(row: &KubernetesRelease) -> Self {
        Self {
            minor: row.minor.to_string(),
            newest_patch: row.newest_patch.to_string(),
            released: Some(row.released.to_string()),
            end_of_life: Some(row.end_of_life.to_string()),
            kubernetes: None,
            certainty: row.certainty,
        }
    }

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
            kubernetes: newest
                .kubernetes_range
                .map(|span| MinorRangeDoc::new(&span)),
            certainty: Certainty::Confirmed,
        })
    }
}

impl MinorRangeDoc {
    fn new(span: &MinorRange) -> Self {
        Self {
            oldest: span.oldest.map(|minor| minor.to_string()),
            newest: span.newest.map(|minor| minor.to_string()),
        }
    }

    /// `1.21 to 1.22`, `1.21`, `up to 1.22`.
    fn describe(&self) -> String {
        match (&self.oldest, &self.newest) {
            (Some(oldest), Some(newest)) if oldest == newest => oldest.clone(),
            (Some(oldest), Some(newest)) => format!("{oldest} to {newest}"),
            (Some(oldest), None) => format!("{oldest} and later"),
            (None, Some(newest)) => format!("up to {newest}"),
            (None, None) => String::new(),
        }
    }
}

/// What is known, in the wanted format; as names, `platform/minor`.
///
/// # Errors
/// See [`RenderError`].
pub fn render_catalog(
    format: OutputFormat,
    catalog: &Catalog,
    look: &RenderOptions,
) -> Result<String, RenderError> {
    let summary = CatalogSummary::new(catalog);
    match format {
        OutputFormat::Json => encode::to_json(&summary),
        OutputFormat::Yaml => encode::to_yaml(&summary),
        OutputFormat::Name => Ok(catalog_names(&summary)),
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Markdown | OutputFormat::Html => {
            Ok(catalog_table(&summary, look))
        }
    }
}

/// Each platform with each of its releases.
fn platform_releases(summary: &CatalogSummary) -> impl Iterator<Item = (&str, &MinorDoc)> {
    summary.platforms.iter().flat_map(|platform| {
        platform
            .releases
            .iter()
            .map(|release| (platform.name.as_str(), release))
    })
}

fn catalog_names(summary: &CatalogSummary) -> String {
    platform_releases(summary)
        .map(|(platform, release)| format!("{platform}/{}\n", release.minor))
        .collect()
}

fn catalog_table(summary: &CatalogSummary, look: &RenderOptions) -> String {
    let header = [
        "PLATFORM",
        "MINOR",
        "NEWEST PATCH",
        "RELEASED",
        "END OF LIFE",
        "KUBERNETES",
    ];
    let rows = platform_releases(summary)
        .map(|(platform, release)| {
            // A date that was only announced is no promise.
            let planned = match release.certainty {
                Certainty::Confirmed => "",
                Certainty::Planned => " (planned)",
            };
            let day = |day: &Option<String>| {
                let day = day.as_ref().map(|day| format!("{day}{planned}"));
                day.unwrap_or_else(|| "-".to_owned())
            };
            let kubernetes = release.kubernetes.as_ref().map(MinorRangeDoc::describe);
            vec![
                platform.to_owned(),
                release.minor.clone(),
                release.newest_patch.clone(),
                day(&release.released),
                day(&release.end_of_life),
                kubernetes.unwrap_or_else(|| "-".to_owned()),
            ]
        })
        .collect();
    let mut lines = format_columns(look.show_headers.then_some(&header), rows);
    lines.push(String::new());
    lines.push(format!(
        "facts of {}: the life of {} API versions",
        summary.date, summary.apis
    ));
    for platform in &summary.platforms {
        if let (Some(oldest), Some(newest)) = (&platform.oldest, &platform.newest) {
            lines.push(format!(
                "{}: {oldest} to {newest}, facts of {}",
                platform.name, platform.date
            ));
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::{CatalogSummary, render_catalog};
    use crate::catalog::Catalog;
    use crate::report::{OutputFormat, RenderOptions};

    /// A catalog of two lines, so that new facts do not change this test.
    fn summary() -> CatalogSummary {
        let all = Catalog::embedded().expect("the catalog");
        let mut summary = CatalogSummary::new(&all);
        summary.platforms.truncate(1);
        let platform = &mut summary.platforms[0];
        platform.releases.truncate(2);
        platform.newest = platform.releases.last().map(|row| row.minor.clone());
        platform.releases[1].certainty = crate::catalog::Certainty::Planned;
        summary.date = "2026-08-22".into();
        summary.apis = 400;
        summary
    }

    #[test]
    fn what_is_known_in_a_table() {
        insta::assert_snapshot!(super::catalog_table(&summary(), &RenderOptions::default()), @r"
        PLATFORM     MINOR   NEWEST PATCH   RELEASED               END OF LIFE            KUBERNETES
        kubernetes   1.16    1.16.15        2019-09-18             2020-09-02             -
        kubernetes   1.17    1.17.17        2019-12-09 (planned)   2021-01-13 (planned)   -

        facts of 2026-08-22: the life of 400 API versions
        kubernetes: 1.16 to 1.17, facts of 2026-08-22
        ");
        insta::assert_snapshot!(super::catalog_names(&summary()), @r"
        kubernetes/1.16
        kubernetes/1.17
        ");
    }

    #[test]
    fn what_is_known_as_a_document() {
        insta::assert_snapshot!(super::encode::to_yaml(&summary()).expect("YAML"), @r#"
        apiVersion: kubectl-upgrade/v1
        kind: CatalogSummary
        date: "2026-08-22"
        apis: 400
        platforms:
        - name: kubernetes
          date: "2026-08-22"
          oldest: "1.16"
          newest: "1.17"
          releases:
          - minor: "1.16"
            newestPatch: "1.16.15"
            released: "2019-09-18"
            endOfLife: "2020-09-02"
            kubernetes: null
            certainty: known
          - minor: "1.17"
            newestPatch: "1.17.17"
            released: "2019-12-09"
            endOfLife: "2021-01-13"
            kubernetes: null
            certainty: planned
        "#);
    }

    #[test]
    fn the_embedded_catalog_speaks_in_every_format() {
        let all = Catalog::embedded().expect("the catalog");
        let text =
            |format| render_catalog(format, &all, &RenderOptions::default()).expect("a catalog");
        for format in [
            OutputFormat::Table,
            OutputFormat::Wide,
            OutputFormat::Json,
            OutputFormat::Yaml,
            OutputFormat::Name,
        ] {
            let newest = all
                .kubernetes_releases
                .newest()
                .expect("a release")
                .minor
                .to_string();
            assert!(text(format).contains(&newest), "{format:?}");
        }
        let json: serde_json::Value =
            serde_json::from_str(&text(OutputFormat::Json)).expect("JSON");
        assert_eq!(json["kind"], "CatalogSummary");
        assert_eq!(json["date"], all.date.to_string());
    }
}
