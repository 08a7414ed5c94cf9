//! What an upgrade of DKP depends on: versions of its applications, the commands of its CLI, providers of Konvoy, and the
//! Kubernetes minors of attached clusters.

use jiff::civil::Date;
use serde::{Deserialize, Deserializer};

use super::cli::{CliReference, words};
use crate::catalog::{CatalogError, Minor, MinorRange, Release, load_table};

/// The tables of DKP.
#[derive(Debug)]
pub struct DkpCatalog {
    /// Platform applications.
    pub platform_apps: Vec<PlatformApp>,
    /// Versions of catalog applications.
    pub catalog_apps: Vec<CatalogApp>,
    /// Commands of the CLI.
    pub cli: CliReference,
    /// Infrastructure providers.
    pub providers: Vec<KonvoyProvider>,
    /// What differs from minor to minor.
    pub minors: Vec<DkpMinor>,
    /// The Kubernetes of providers that have another one than the rest of a release.
    pub provider_kubernetes: Vec<ProviderKubernetes>,
}

/// A platform application and its version in each release.
#[derive(Debug, Clone, Deserialize)]
pub struct PlatformApp {
    /// Its id.
    pub app: String,
    /// The releases in which its version changed, oldest first; none where it was dropped.
    #[serde(deserialize_with = "version_changes")]
    versions: Vec<(Release, Option<String>)>,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A version of a catalog application.
#[derive(Debug, Clone, Deserialize)]
pub struct CatalogApp {
    /// Its id.
    pub app: String,
    /// Its version.
    pub version: String,
    /// The DKP minors whose catalog has it.
    pub releases: MinorRange,
    /// The Kubernetes minors that it supports.
    #[serde(rename = "kubernetes")]
    pub kubernetes_range: MinorRange,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A kind of Cluster API object that shows which infrastructure provider made a cluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KonvoyProvider {
    /// The kind.
    pub kind: String,
    /// The provider's name in the CLI.
    pub provider: String,
    /// The flag that names the machine image of each version; empty if the provider needs none.
    pub image_flag: String,
    /// Variables of the environment with its credentials; empty if there are none.
    pub environment: String,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// The Kubernetes of a provider in a minor of DKP, if it is not that of the release.
#[derive(Debug, Clone, Deserialize)]
pub struct ProviderKubernetes {
    /// The DKP minors.
    pub releases: MinorRange,
    /// The provider's name in the CLI.
    pub provider: String,
    /// The default of the CLI for new clusters.
    #[serde(rename = "kubernetes")]
    pub version: Release,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A minor of DKP.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DkpMinor {
    /// The minor.
    pub minor: Minor,
    /// The Kubernetes minors that attached clusters may run when Kommander is upgraded to it.
    #[serde(rename = "attachedBefore")]
    pub attached_range: Option<MinorRange>,
    /// The release of Cluster API that it brings along.
    pub cluster_api: Option<Release>,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// Reads `2.1.0=0.20.0 2.4.0=-`.
fn version_changes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(Release, Option<String>)>, D::Error> {
    let changes = words(deserializer)?;
    let change = |text: &String| {
        let (release, version) = text.split_once('=').ok_or("expected RELEASE=VERSION")?;
        let release = release.parse().map_err(|_| "not a release")?;
        Ok((release, (version != "-").then(|| version.to_owned())))
    };
    let changes: Result<Vec<_>, &str> = changes.iter().map(change).collect();
    changes.map_err(serde::de::Error::custom)
}

impl DkpCatalog {
    /// The ids of platform and catalog applications; one may come more than once.
    pub fn app_names(&self) -> impl Iterator<Item = &str> {
        let platform = self.platform_apps.iter().map(|row| row.app.as_str());
        platform.chain(self.catalog_apps.iter().map(|row| row.app.as_str()))
    }

    pub(crate) fn embedded() -> Result<Self, CatalogError> {
        Ok(Self {
            platform_apps: load_table("dkp-apps.tsv", include_str!("../platforms/dkp-apps.tsv"))?,
            catalog_apps: load_table(
                "dkp-catalog.tsv",
                include_str!("../platforms/dkp-catalog.tsv"),
            )?,
            cli: CliReference {
                default_name: "dkp",
                commands: load_table("dkp-cli.tsv", include_str!("../platforms/dkp-cli.tsv"))?,
            },
            providers: load_table(
                "dkp-providers.tsv",
                include_str!("../platforms/dkp-providers.tsv"),
            )?,
            provider_kubernetes: load_table(
                "dkp-kubernetes.tsv",
                include_str!("../platforms/dkp-kubernetes.tsv"),
            )?,
            minors: load_table(
                "dkp-minors.tsv",
                include_str!("../platforms/dkp-minors.tsv"),
            )?,
        })
    }

    /// The version of a platform application in a release; `None` if it has none.
    #[must_use]
    pub fn platform_app_version(&self, app: &str, release: &Release) -> Option<&str> {
        let row = self.platform_apps.iter().find(|row| row.app == app)?;
        let changes = row.versions.iter();
        let (_, version) = changes
            .take_while(|(since, _)| since.semver <= release.semver)
            .last()?;
        version.as_deref()
    }

    /// The newest version of a catalog application in a minor of DKP that supports this minor of Kubernetes.
    #[must_use]
    pub fn catalog_app_target(&self, app: &str, dkp: Minor, kubernetes: Minor) -> Option<&str> {
        let rows = self.catalog_apps.iter().filter(|row| {
            row.app == app
                && row.releases.contains(dkp)
                && row.kubernetes_range.contains(kubernetes)
        });
        let newest = rows.max_by_key(|row| row.version.parse::<semver::Version>().ok())?;
        Some(&newest.version)
    }

    /// The Kubernetes minors that a version of a catalog application supports, as this minor of DKP states it.
    #[must_use]
    pub fn catalog_app_range(&self, app: &str, version: &str, dkp: Minor) -> Option<MinorRange> {
        let mut rows = self.catalog_apps.iter();
        let row = rows
            .find(|row| row.app == app && row.version == version && row.releases.contains(dkp))?;
        Some(row.kubernetes_range)
    }

    /// The provider whose CLI names match one of these kinds.
    #[must_use]
    pub fn provider(&self, kinds: [Option<&str>; 2]) -> Option<&KonvoyProvider> {
        let mut kinds = kinds.into_iter().flatten();
        kinds.find_map(|kind| self.providers.iter().find(|row| row.kind == kind))
    }

    /// The Kubernetes of a provider; `None` if it is that of the release.
    #[must_use]
    pub fn provider_kubernetes(&self, provider: &str, dkp: Minor) -> Option<&Release> {
        let mut rows = self.provider_kubernetes.iter();
        let row = rows.find(|row| row.provider == provider && row.releases.contains(dkp))?;
        Some(&row.version)
    }

    /// What differs in a minor.
    #[must_use]
    pub fn minor(&self, dkp: Minor) -> Option<&DkpMinor> {
        self.minors.iter().find(|row| row.minor == dkp)
    }
}

/// Id and version of a reference to an application, `kafka-operator-0.20.0`; `None` if it does not end with a version.
#[must_use]
pub fn split_app_reference(reference: &str) -> Option<(&str, &str)> {
    let dashes = reference.match_indices('-').map(|(at, _)| at);
    let mut parts = dashes.map(|at| (&reference[..at], &reference[at + 1..]));
    parts.find(|(_, version)| version.parse::<semver::Version>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::split_app_reference;

    #[test]
    fn names_of_applications_end_with_their_version() {
        for (name, parts) in [
            ("kafka-operator-0.20.0", Some(("kafka-operator", "0.20.0"))),
            (
                "zookeeper-operator-0.2.16-dkp.1",
                Some(("zookeeper-operator", "0.2.16-dkp.1")),
            ),
            ("till", None),
            ("till-2", None),
        ] {
            assert_eq!(split_app_reference(name), parts, "{name}");
        }
    }
}
