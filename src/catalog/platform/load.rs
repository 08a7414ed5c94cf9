//! From the data files to platforms.

use jiff::civil::Date;
use serde::Deserialize;

use super::edge::{Jump, Matrix, Pair, Standing};
use super::{Ending, Link, Platform, PlatformName, PlatformRelease};
use crate::catalog::{CatalogError, KubernetesRelease, Releases, table};

/// A file of `platforms/`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    name: PlatformName,
    title: String,
    going_back: String,
    ends: Option<Ending>,
    #[serde(default)]
    pairs: Vec<Pair>,
    #[serde(default)]
    matrices: Vec<Matrix>,
    rules: Vec<Jump>,
    #[serde(default)]
    starts: Vec<Standing>,
    guides: Option<String>,
    links: Vec<Link>,
}

/// The platforms of this binary, outermost first.
pub(in crate::catalog) fn embedded(kubernetes: &Releases) -> Result<Vec<Platform>, CatalogError> {
    let mut platforms = vec![
        platform(
            "dkp.yaml",
            include_str!("../platforms/dkp.yaml"),
            table("dkp.tsv", include_str!("../platforms/dkp.tsv"))?,
        )?,
        platform(
            "kyma.yaml",
            include_str!("../platforms/kyma.yaml"),
            table("kyma.tsv", include_str!("../platforms/kyma.tsv"))?,
        )?,
        platform(
            "kubernetes.yaml",
            include_str!("../platforms/kubernetes.yaml"),
            kubernetes.iter().map(of_kubernetes).collect(),
        )?,
    ];
    platforms.sort_by_key(|platform| platform.name);
    Ok(platforms)
}

/// The newest patch of a minor of Kubernetes.
fn of_kubernetes(row: &KubernetesRelease) -> PlatformRelease {
    PlatformRelease {
        release: row.newest_patch.clone(),
        released: None,
        kubernetes: None,
        ships: None,
        basis: None,
        guide: None,
        source: row.source.clone(),
        horizon: row.horizon,
    }
}

fn platform(
    file: &'static str,
    text: &str,
    mut releases: Vec<PlatformRelease>,
) -> Result<Platform, CatalogError> {
    let document: Document = serde_saphyr::from_str(text).map_err(|source| CatalogError {
        table: file,
        source: Box::new(source),
    })?;
    releases.sort_by(|one, other| one.release.cmp(&other.release));
    Ok(Platform {
        date: horizon(&document, &releases),
        name: document.name,
        title: document.title,
        going_back: document.going_back,
        ends: document.ends,
        releases,
        pairs: document.pairs,
        matrices: document.matrices,
        rules: document.rules,
        starts: document.starts,
        guides: document.guides,
        links: document.links,
    })
}

/// The newest day up to which a source was read.
fn horizon(document: &Document, releases: &[PlatformRelease]) -> Date {
    let days = releases.iter().map(|row| row.horizon);
    days.chain(document.pairs.iter().map(|row| row.horizon))
        .chain(document.matrices.iter().map(|row| row.horizon))
        .chain(document.rules.iter().map(|row| row.horizon))
        .chain(document.starts.iter().map(|row| row.horizon))
        .chain(document.ends.iter().map(|row| row.horizon))
        .max()
        .unwrap_or_default()
}
