//! In-tree volume plug-ins and their removal.

use jiff::civil::Date;
use serde::Deserialize;

use super::{CatalogError, Minor, load_table};

/// The fate of an in-tree plug-in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InTreeStatus {
    /// Replaced by a CSI driver.
    #[serde(rename = "driver")]
    MigratedToCsi,
    /// Removed without a replacement.
    #[serde(rename = "gone")]
    Removed,
    /// Deprecated, but still works.
    Deprecated,
}

/// A volume plug-in.
#[derive(Debug, Clone, Deserialize)]
pub struct VolumePlugin {
    /// Id of its rule.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Its field in `PersistentVolume` specs and pod volumes.
    pub field: String,
    /// Provisioner name in storage classes; empty if it cannot provision.
    pub provisioner: String,
    /// The CSI driver that replaces it; empty if there is none.
    #[serde(rename = "driver")]
    pub csi_driver: String,
    /// Its fate.
    #[serde(rename = "fate")]
    pub status: InTreeStatus,
    /// The first minor with this status.
    #[serde(rename = "from")]
    pub effective_from: Minor,
    /// The first minor in which it blocks; before that it is a warning. `None` if that is `from`.
    #[serde(rename = "worst_from")]
    pub blocker_from: Option<Minor>,
    /// Additional advice; may be empty.
    pub remedy: String,
    /// Link to more information.
    pub reference: String,
    /// Sources of the row, separated by semicolons.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// All rows.
///
/// # Errors
/// If the data file is malformed.
pub fn volume_plugins() -> Result<Vec<VolumePlugin>, CatalogError> {
    load_table("volumes.tsv", include_str!("kubernetes/volumes.tsv"))
}
