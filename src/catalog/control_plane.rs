//! What components of the control plane stop taking: feature gates, flags, admission plugins, kubeadm's configuration.

use jiff::civil::Date;
use serde::Deserialize;

use super::{CatalogError, Minor, load_table};

/// A feature gate whose life ends, or that can no longer be turned.
///
/// Every component of Kubernetes knows every gate, whether it heeds it or not.
#[derive(Debug, Clone, Deserialize)]
pub struct FeatureGate {
    /// Its name.
    #[serde(rename = "gate")]
    pub name: String,
    /// The first minor that knows it; 1.12 for those that are older.
    pub introduced: Minor,
    /// The first minor in which it can only be set to one value.
    pub locked_since: Option<Minor>,
    /// That value.
    pub locked_value: Option<bool>,
    /// The first minor that refuses to start with it.
    pub removed_in: Option<Minor>,
    /// Where the row was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A command-line flag that is gone.
#[derive(Debug, Clone, Deserialize)]
pub struct RemovedFlag {
    /// `kube-apiserver`, …
    pub component: String,
    /// Without the dashes.
    pub flag: String,
    /// The first minor that refuses to start with it.
    pub removed_in: Minor,
    /// Where the row was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// An admission plugin that is gone.
#[derive(Debug, Clone, Deserialize)]
pub struct RemovedAdmissionPlugin {
    /// Its name.
    pub plugin: String,
    /// The first minor whose API server refuses to start with it.
    pub removed_in: Minor,
    /// Where the row was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A version of the configuration that kubeadm keeps in the cluster.
#[derive(Debug, Clone, Deserialize)]
pub struct KubeadmConfigVersion {
    /// `kubeadm.k8s.io/v1beta3`.
    pub api_version: String,
    /// The first kubeadm that writes it.
    pub introduced: Minor,
    /// The first kubeadm that cannot read it.
    pub removed_in: Option<Minor>,
    /// What stands in its place.
    pub replacement: Option<String>,
    /// Where the row was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// All of it.
#[derive(Debug)]
pub struct ControlPlaneRemovals {
    /// Feature gates.
    pub feature_gates: Vec<FeatureGate>,
    /// Flags.
    pub flags: Vec<RemovedFlag>,
    /// Admission plugins.
    pub admission_plugins: Vec<RemovedAdmissionPlugin>,
    /// Versions of kubeadm's configuration.
    pub kubeadm_config_versions: Vec<KubeadmConfigVersion>,
}

impl ControlPlaneRemovals {
    pub(super) fn embedded() -> Result<Self, CatalogError> {
        Ok(Self {
            feature_gates: load_table(
                "feature-gates.tsv",
                include_str!("kubernetes/feature-gates.tsv"),
            )?,
            flags: load_table("flags.tsv", include_str!("kubernetes/flags.tsv"))?,
            admission_plugins: load_table(
                "admission-plugins.tsv",
                include_str!("kubernetes/admission-plugins.tsv"),
            )?,
            kubeadm_config_versions: load_table(
                "kubeadm-config.tsv",
                include_str!("kubernetes/kubeadm-config.tsv"),
            )?,
        })
    }

    /// The row of a gate; none for one whose life does not end as far as is known.
    #[must_use]
    pub fn feature_gate(&self, name: &str) -> Option<&FeatureGate> {
        self.feature_gates.iter().find(|row| row.name == name)
    }
}
