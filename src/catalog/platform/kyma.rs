//! What an upgrade of Kyma depends on: its components, overrides whose names changed, what installs each generation, and the
//! commands of its CLI.

use jiff::civil::Date;
use serde::Deserialize;

use super::cli::CliReference;
use crate::catalog::api::yes_no;
use crate::catalog::{CatalogError, Minor, MinorRange, load_table};

/// The tables of Kyma.
#[derive(Debug)]
pub struct KymaCatalog {
    /// Components of the Installation for clusters.
    pub components: Vec<KymaComponentRow>,
    /// Overrides whose names changed.
    pub renamed_overrides: Vec<RenamedOverride>,
    /// What installs Kyma, by release.
    pub eras: Vec<KymaEra>,
    /// What must be known of the guide of a minor.
    pub minors: Vec<KymaMinor>,
    /// Registries whose images may be gone.
    pub registries: Vec<ClosedRegistry>,
    /// Commands of the CLI.
    pub cli: CliReference,
}

/// A registry that was shut down.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClosedRegistry {
    /// Its host.
    pub host: String,
    /// The date from which on nothing can be pulled from it, but images that were copied elsewhere.
    pub unreadable_since: Date,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A component and the minors whose Installation lists it.
#[derive(Debug, Clone, Deserialize)]
pub struct KymaComponentRow {
    /// Its name.
    pub component: String,
    /// The minors.
    pub releases: MinorRange,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// An override that has another name, or none, from a minor on.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RenamedOverride {
    /// The first minor with the new name.
    pub to: Minor,
    /// The component whose chart it belongs to.
    pub component: String,
    /// The old key; one that ends in `*` stands for all keys that begin so.
    pub old: String,
    /// What takes its place.
    pub new: String,
    /// Whether the upgrade must not begin with the old name.
    #[serde(deserialize_with = "yes_no")]
    pub blocks: bool,
    /// Whether a guide or release notes state it; otherwise it follows from a comparison of the charts.
    #[serde(deserialize_with = "yes_no")]
    pub published: bool,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

impl RenamedOverride {
    /// Whether a key is of this row. Overrides without a component are for all of them.
    #[must_use]
    pub fn matches(&self, component: Option<&str>, key: &str) -> bool {
        let is_key = match self.old.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => key == self.old,
        };
        is_key && component.is_none_or(|component| component == self.component)
    }
}

/// How releases of a range are installed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KymaEra {
    /// The minors that are upgraded to.
    pub releases: MinorRange,
    /// Whether an installer in the cluster does it, from an Installation.
    #[serde(deserialize_with = "yes_no")]
    pub installer: bool,
    /// Whether it deletes or rolls back a Helm release that failed; otherwise it tries to install it again.
    #[serde(deserialize_with = "yes_no")]
    pub recovers_releases: bool,
    /// How long a component may take before it counts as stuck: the time that Helm is given, or what is assumed without one.
    pub component_timeout_seconds: u32,
    /// The Kubernetes minors that serve the APIs of its artifacts; others than the tested ones among them may do.
    #[serde(rename = "appliesTo")]
    pub kubernetes_range: MinorRange,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// What must be known of the guide of a minor.
#[derive(Debug, Clone, Deserialize)]
pub struct KymaMinor {
    /// The minor.
    pub minor: Minor,
    /// A remark for people.
    pub remark: String,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

impl KymaCatalog {
    pub(crate) fn embedded() -> Result<Self, CatalogError> {
        Ok(Self {
            components: load_table(
                "kyma-components.tsv",
                include_str!("../platforms/kyma-components.tsv"),
            )?,
            renamed_overrides: load_table(
                "kyma-overrides.tsv",
                include_str!("../platforms/kyma-overrides.tsv"),
            )?,
            eras: load_table("kyma-eras.tsv", include_str!("../platforms/kyma-eras.tsv"))?,
            minors: load_table(
                "kyma-minors.tsv",
                include_str!("../platforms/kyma-minors.tsv"),
            )?,
            registries: load_table(
                "kyma-registries.tsv",
                include_str!("../platforms/kyma-registries.tsv"),
            )?,
            cli: CliReference {
                default_name: "kyma",
                commands: load_table("kyma-cli.tsv", include_str!("../platforms/kyma-cli.tsv"))?,
            },
        })
    }

    /// How a minor is installed.
    #[must_use]
    pub fn era(&self, minor: Minor) -> Option<&KymaEra> {
        self.eras.iter().find(|era| era.releases.contains(minor))
    }

    /// Whether an installer in the cluster installs a minor.
    #[must_use]
    pub fn has_installer(&self, minor: Minor) -> bool {
        self.era(minor).is_some_and(|era| era.installer)
    }

    /// Whether the Installation of a minor lists a component.
    #[must_use]
    pub fn has_component(&self, component: &str, minor: Minor) -> bool {
        let mut rows = self.components.iter();
        rows.any(|row| row.component == component && row.releases.contains(minor))
    }
}
