//! What a cluster must be like for a step to apply.

use std::fmt;

use serde::Deserialize;

/// A property of a cluster of DKP or Kyma, or of the hop.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// Charts and images come from within the network.
    AirGapped,
    /// Applications of the DKP catalog are deployed.
    CatalogApps,
    /// The management cluster runs this platform application.
    Application(String),
    /// The cluster was made by DKP 1.8.
    Adopted,
    /// Konvoy made the cluster.
    Konvoy,
    /// The cluster runs a FIPS build of Kubernetes.
    Fips,
    /// No hop of Kubernetes follows.
    KeepsKubernetes,
    /// Kyma runs on a machine of somebody's own (`local`) or on a cluster (`cluster`).
    Kyma(String),
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AirGapped => "the environment is air-gapped",
            Self::CatalogApps => "DKP catalog applications are deployed",
            Self::Application(name) => {
                return write!(f, "the platform application {name} is deployed");
            }
            Self::Adopted => "the cluster was made by DKP 1.8",
            Self::Konvoy => "Konvoy made the cluster",
            Self::Fips => "the cluster runs a FIPS build of Kubernetes",
            Self::Kyma(variant) if variant == "local" => "Kyma was installed on a local machine",
            Self::Kyma(_) => "Kyma was installed on a cluster",
            Self::KeepsKubernetes => "the Kubernetes version stays",
        })
    }
}
