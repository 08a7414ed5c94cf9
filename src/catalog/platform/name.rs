//! Names of platforms.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// A platform that can be detected and upgraded. Ordered outermost first: each runs on the later ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlatformName {
    /// D2iQ Kubernetes Platform.
    Dkp,
    /// Kyma.
    Kyma,
    /// Cluster API.
    ClusterApi,
    /// Kubernetes itself.
    Kubernetes,
}

impl PlatformName {
    /// All of them, outermost first.
    pub const ALL: [Self; 4] = [Self::Dkp, Self::Kyma, Self::ClusterApi, Self::Kubernetes];

    /// The name in flags and documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dkp => "dkp",
            Self::Kyma => "kyma",
            Self::ClusterApi => "cluster-api",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// Display name.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Dkp => "DKP",
            Self::Kyma => "Kyma",
            Self::ClusterApi => "Cluster API",
            Self::Kubernetes => "Kubernetes",
        }
    }
}

impl Serialize for PlatformName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl fmt::Display for PlatformName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An unknown platform name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no platform; there are kubernetes, kyma, dkp and cluster-api")]
pub struct ParsePlatformError(pub String);

impl FromStr for PlatformName {
    type Err = ParsePlatformError;

    fn from_str(text: &str) -> Result<Self, ParsePlatformError> {
        let known = Self::ALL.into_iter().find(|name| name.as_str() == text);
        known.ok_or_else(|| ParsePlatformError(text.to_owned()))
    }
}
