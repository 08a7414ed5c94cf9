//! `catalog`: what is known, and up to when.

use jiff::civil::Date;

use super::encode;
use super::options::{OutputFormat, RenderError, RenderOptions};
use super::stacked;
use crate::api::v1::{CatalogSummary, CertaintyDoc, MinorDoc, MinorRangeDoc};
use crate::catalog::Catalog;

/// `1.21 to 1.22`, `1.21`, `up to 1.22`.
fn format_range(range: &MinorRangeDoc) -> String {
    match (&range.oldest, &range.newest) {
        (Some(oldest), Some(newest)) if oldest == newest => oldest.clone(),
        (Some(oldest), Some(newest)) => format!("{oldest} to {newest}"),
        (Some(oldest), None) => format!("{oldest} and later"),
        (None, Some(newest)) => format!("up to {newest}"),
        (None, None) => String::new(),
    }
}

/// What is known, in the wanted format; as names, `platform/minor`. Tables say if it is old on this day.
///
/// # Errors
/// See [`RenderError`].
pub fn render_catalog(
    format: OutputFormat,
    catalog: &Catalog,
    today: Date,
    look: &RenderOptions,
) -> Result<String, RenderError> {
    let summary = CatalogSummary::from(catalog);
    match format {
        OutputFormat::Json => encode::to_json(&summary),
        OutputFormat::Yaml => encode::to_yaml(&summary),
        OutputFormat::Name => Ok(catalog_names(&summary)),
        OutputFormat::Table
        | OutputFormat::Wide
        | OutputFormat::Markdown
        | OutputFormat::Html
        | OutputFormat::Summary
        | OutputFormat::Csv
        | OutputFormat::Junit
        | OutputFormat::Waivers => {
            let age = catalog.age_remark(today).map(|remark| remark + "\n");
            Ok(catalog_table(&summary, look) + &age.unwrap_or_default())
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
                CertaintyDoc::Confirmed => "",
                CertaintyDoc::Planned | CertaintyDoc::Beta => " (planned)",
            };
            let day = |day: &Option<String>| {
                let day = day.as_ref().map(|day| format!("{day}{planned}"));
                day.unwrap_or_else(|| "-".to_owned())
            };
            let kubernetes = release.kubernetes.as_ref().map(format_range);
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
    let mut lines = stacked::table_or_stacked(&header, rows, 3, look);
    lines.push(String::new());
    lines.push(format!(
        "catalog of {}: {} API versions",
        summary.date, summary.apis
    ));
    for platform in &summary.platforms {
        if let (Some(oldest), Some(newest)) = (&platform.oldest, &platform.newest) {
            lines.push(format!(
                "{}: {oldest} to {newest}, catalog of {}",
                platform.name, platform.date
            ));
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::render_catalog;
    use crate::api::v1::CatalogSummary;
    use crate::api::v1::CertaintyDoc;
    use crate::catalog::Catalog;
    use crate::report::options::{OutputFormat, RenderOptions};

    /// A catalog of two lines, so that new facts do not change this test.
    fn summary() -> CatalogSummary {
        let all = Catalog::embedded().expect("the catalog");
        let mut summary = CatalogSummary::from(all);
        summary.platforms.truncate(1);
        let platform = &mut summary.platforms[0];
        platform.releases.truncate(2);
        platform.newest = platform.releases.last().map(|row| row.minor.clone());
        platform.releases[1].certainty = CertaintyDoc::Planned;
        platform.date = "2026-08-22".into();
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

        catalog of 2026-08-22: 400 API versions
        kubernetes: 1.16 to 1.17, catalog of 2026-08-22
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
        let text = |format| {
            render_catalog(format, all, all.date, &RenderOptions::default()).expect("a catalog")
        };
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
        let later = all.date.saturating_add(jiff::Span::new().days(90));
        let old = render_catalog(OutputFormat::Table, all, later, &RenderOptions::default());
        assert!(old.expect("a catalog").contains("90 days old"));
        assert!(!text(OutputFormat::Table).contains("days old"));
        let json: serde_json::Value =
            serde_json::from_str(&text(OutputFormat::Json)).expect("JSON");
        assert_eq!(json["kind"], "CatalogSummary");
        assert_eq!(json["date"], all.date.to_string());
    }
}
