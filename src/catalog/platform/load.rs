//! Loads platforms from their data files.

use jiff::civil::Date;
use serde::Deserialize;

use super::edge::{EdgeException, EdgeRule, KubernetesPrecondition, UpgradeMatrix};
use super::name::PlatformName;
use super::product::{DocLink, EndOfLine, Platform, PlatformRelease};
use crate::catalog::{CatalogError, KubernetesRelease, KubernetesReleases, load_table};

/// A file of `platforms/`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PlatformFile {
    name: PlatformName,
    title: String,
    #[serde(rename = "goingBack")]
    downgrade_advice: String,
    #[serde(rename = "ends")]
    end_of_line: Option<EndOfLine>,
    #[serde(default)]
    #[serde(rename = "pairs")]
    exceptions: Vec<EdgeException>,
    #[serde(default)]
    matrices: Vec<UpgradeMatrix>,
    #[serde(rename = "rules")]
    edge_rules: Vec<EdgeRule>,
    #[serde(default)]
    #[serde(rename = "starts")]
    kubernetes_preconditions: Vec<KubernetesPrecondition>,
    #[serde(rename = "guides")]
    guide_url_template: Option<String>,
    links: Vec<DocLink>,
}

/// The built-in platforms, outermost first.
pub(crate) fn embedded(kubernetes: &KubernetesReleases) -> Result<Vec<Platform>, CatalogError> {
    let mut platforms = vec![
        load_platform(
            "dkp.yaml",
            include_str!("../platforms/dkp.yaml"),
            load_table("dkp.tsv", include_str!("../platforms/dkp.tsv"))?,
        )?,
        load_platform(
            "kyma.yaml",
            include_str!("../platforms/kyma.yaml"),
            load_table("kyma.tsv", include_str!("../platforms/kyma.tsv"))?,
        )?,
        load_platform(
            "kubernetes.yaml",
            include_str!("../platforms/kubernetes.yaml"),
            kubernetes
                .iter()
                .filter(|row| row.is_released())
                .map(from_kubernetes_release)
                .collect(),
        )?,
    ];
    platforms.sort_by_key(|platform| platform.name);
    Ok(platforms)
}

/// The newest patch of a Kubernetes minor.
fn from_kubernetes_release(row: &KubernetesRelease) -> PlatformRelease {
    PlatformRelease {
        release: row.newest_patch.clone(),
        released: None,
        kubernetes_range: None,
        bundled_kubernetes: None,
        range_confidence: None,
        guide: None,
        source: row.source.clone(),
        verified_on: row.verified_on,
    }
}

fn load_platform(
    file: &'static str,
    text: &str,
    mut releases: Vec<PlatformRelease>,
) -> Result<Platform, CatalogError> {
    let document: PlatformFile = serde_saphyr::from_str(text).map_err(|source| CatalogError {
        table: file,
        source: Box::new(source),
    })?;
    releases.sort_by(|one, other| one.release.cmp(&other.release));
    Ok(Platform {
        date: latest_verification(&document, &releases),
        name: document.name,
        title: document.title,
        downgrade_advice: document.downgrade_advice,
        end_of_line: document.end_of_line,
        releases,
        exceptions: document.exceptions,
        matrices: document.matrices,
        edge_rules: document.edge_rules,
        kubernetes_preconditions: document.kubernetes_preconditions,
        guide_url_template: document.guide_url_template,
        links: document.links,
    })
}

/// Date of the newest check of a source.
fn latest_verification(document: &PlatformFile, releases: &[PlatformRelease]) -> Date {
    let days = releases.iter().map(|row| row.verified_on);
    days.chain(document.exceptions.iter().map(|row| row.verified_on))
        .chain(document.matrices.iter().map(|row| row.verified_on))
        .chain(document.edge_rules.iter().map(|row| row.verified_on))
        .chain(
            document
                .kubernetes_preconditions
                .iter()
                .map(|row| row.verified_on),
        )
        .chain(document.end_of_line.iter().map(|row| row.verified_on))
        .max()
        .unwrap_or_default()
}
