//! Settings that control plane components stop accepting: feature gates, flags, admission plugins, kubeadm configuration.

use jiff::civil::Date;
use serde::Deserialize;

use super::{CatalogError, Minor, load_table};

/// A feature gate that is locked or removed.
///
/// All components accept every gate, whether or not they use it.
#[derive(Debug, Clone, Deserialize)]
pub struct FeatureGate {
    /// Name.
    #[serde(rename = "gate")]
    pub name: String,
    /// The first minor that has it; 1.12 for older ones.
    pub introduced: Minor,
    /// The first minor that locks it to one value.
    pub locked_since: Option<Minor>,
    /// The locked value.
    pub locked_value: Option<bool>,
    /// The first minor that refuses to start with it.
    pub removed_in: Option<Minor>,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A removed command-line flag.
#[derive(Debug, Clone, Deserialize)]
pub struct RemovedFlag {
    /// `kube-apiserver`, …
    pub component: String,
    /// Without the dashes.
    pub flag: String,
    /// The first minor that refuses to start with it.
    pub removed_in: Minor,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A removed admission plugin.
#[derive(Debug, Clone, Deserialize)]
pub struct RemovedAdmissionPlugin {
    /// Name.
    pub plugin: String,
    /// The first minor whose API server refuses to start with it.
    pub removed_in: Minor,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A controller that kube-controller-manager no longer has.
#[derive(Debug, Clone, Deserialize)]
pub struct RemovedController {
    /// Name or alias.
    #[serde(rename = "controller")]
    pub name: String,
    /// The first minor that refuses to start with it in `--controllers`.
    pub removed_in: Minor,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A feature gate that is on by default and needs another one.
#[derive(Debug, Clone, Deserialize)]
pub struct GateDependency {
    /// Name.
    pub gate: String,
    /// The gate that it needs.
    pub depends_on: String,
    /// The first minor that refuses to start with this one on and the other one off.
    pub since: Minor,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// An API version of the kubeadm configuration.
#[derive(Debug, Clone, Deserialize)]
pub struct KubeadmConfigVersion {
    /// `kubeadm.k8s.io/v1beta3`.
    pub api_version: String,
    /// The first kubeadm that writes it.
    pub introduced: Minor,
    /// The first kubeadm that cannot read it.
    pub removed_in: Option<Minor>,
    /// Its replacement.
    pub replacement: Option<String>,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// An API version of a configuration file that a component no longer reads.
#[derive(Debug, Clone, Deserialize)]
pub struct RemovedConfigVersion {
    /// `audit.k8s.io/v1beta1`.
    pub api_version: String,
    /// The component that reads the file.
    pub component: String,
    /// The first minor that refuses to start with it.
    pub removed_in: Minor,
    /// Its replacement.
    pub replacement: String,
    /// Source of the row.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// All removals.
#[derive(Debug)]
pub struct ControlPlaneRemovals {
    /// Feature gates.
    pub feature_gates: Vec<FeatureGate>,
    /// Feature gates of kubeadm itself.
    pub kubeadm_gates: Vec<FeatureGate>,
    /// Flags.
    pub flags: Vec<RemovedFlag>,
    /// Admission plugins.
    pub admission_plugins: Vec<RemovedAdmissionPlugin>,
    /// Controllers.
    pub controllers: Vec<RemovedController>,
    /// Dependencies between feature gates.
    pub gate_dependencies: Vec<GateDependency>,
    /// Versions of kubeadm's configuration.
    pub kubeadm_config_versions: Vec<KubeadmConfigVersion>,
    /// Versions of the configuration files of other components.
    pub config_versions: Vec<RemovedConfigVersion>,
}

impl ControlPlaneRemovals {
    pub(super) fn embedded() -> Result<Self, CatalogError> {
        Ok(Self {
            feature_gates: load_table(
                "feature-gates.tsv",
                include_str!("kubernetes/feature-gates.tsv"),
            )?,
            kubeadm_gates: load_table(
                "kubeadm-gates.tsv",
                include_str!("kubernetes/kubeadm-gates.tsv"),
            )?,
            flags: load_table("flags.tsv", include_str!("kubernetes/flags.tsv"))?,
            admission_plugins: load_table(
                "admission-plugins.tsv",
                include_str!("kubernetes/admission-plugins.tsv"),
            )?,
            controllers: load_table(
                "controllers.tsv",
                include_str!("kubernetes/controllers.tsv"),
            )?,
            gate_dependencies: load_table(
                "gate-dependencies.tsv",
                include_str!("kubernetes/gate-dependencies.tsv"),
            )?,
            kubeadm_config_versions: load_table(
                "kubeadm-config.tsv",
                include_str!("kubernetes/kubeadm-config.tsv"),
            )?,
            config_versions: load_table(
                "config-versions.tsv",
                include_str!("kubernetes/config-versions.tsv"),
            )?,
        })
    }

    /// Finds a gate; `None` if no removal is known.
    #[must_use]
    pub fn feature_gate(&self, name: &str) -> Option<&FeatureGate> {
        self.feature_gates.iter().find(|row| row.name == name)
    }
}
