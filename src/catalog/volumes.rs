//! Volume plug-ins that stood in Kubernetes itself, and what became of each.

use jiff::civil::Date;
use serde::Deserialize;

use super::{CatalogError, Minor, load_table};

/// What becomes of a plug-in at its minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InTreeStatus {
    /// A CSI driver does its work from then on.
    #[serde(rename = "driver")]
    MigratedToCsi,
    /// It is gone, and nothing takes its volumes over.
    #[serde(rename = "gone")]
    Removed,
    /// It works on, and is to be left.
    Deprecated,
}

/// A volume plug-in.
#[derive(Debug, Clone, Deserialize)]
pub struct VolumePlugin {
    /// Id of its rule.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Its field in the specification of a `PersistentVolume` and of a volume of a pod.
    pub field: String,
    /// How storage classes name it; empty where it could not provision.
    pub provisioner: String,
    /// The CSI driver that takes over; empty where none does.
    #[serde(rename = "driver")]
    pub csi_driver: String,
    /// What becomes of it.
    #[serde(rename = "fate")]
    pub status: InTreeStatus,
    /// The first minor in which that is so.
    #[serde(rename = "from")]
    pub effective_from: Minor,
    /// The first minor in which it is at its worst; before that it is a warning. None where that is `from`.
    #[serde(rename = "worst_from")]
    pub blocker_from: Option<Minor>,
    /// What to do, beyond what is said of all such plug-ins; empty if nothing.
    pub remedy: String,
    /// Where to read more.
    pub reference: String,
    /// Where the row was read; several are parted by semicolons.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// Every row.
///
/// # Errors
/// When the data file is broken, with its line.
pub fn volume_plugins() -> Result<Vec<VolumePlugin>, CatalogError> {
    load_table("volumes.tsv", include_str!("kubernetes/volumes.tsv"))
}
