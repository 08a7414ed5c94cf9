//! What runs, as the report tells it.

use serde::Serialize;

use crate::catalog::PlatformName;
use crate::detect::{DetectedCluster, DetectedPlatform, PlatformComponent};

/// A platform that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformDoc {
    /// `kubernetes`, `kyma`, `dkp`, `cluster-api`.
    pub name: String,
    /// Its release; null where it cannot be told, and where it has none of its own.
    pub version: Option<String>,
    /// What that rests on.
    pub evidence: Vec<String>,
    /// `local`, `cluster` or `modules` for Kyma; null elsewhere.
    pub variant: Option<String>,
    /// Parts with versions of their own; sorted.
    pub components: Vec<ComponentDoc>,
}

/// A part of a platform with a version of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComponentDoc {
    /// Name.
    pub name: String,
    /// As it is written there.
    pub version: Option<String>,
    /// How it is, in the platform's own word.
    pub state: Option<String>,
}

impl PlatformDoc {
    /// Kubernetes, and what runs upon it, outermost first.
    pub(super) fn from_detected(
        version: String,
        evidence: Vec<String>,
        detected: &DetectedCluster,
    ) -> Vec<Self> {
        let kubernetes = Self {
            name: PlatformName::Kubernetes.to_string(),
            version: Some(version),
            evidence,
            variant: None,
            components: Vec::new(),
        };
        let upon = detected.platforms.iter().map(Self::new);
        std::iter::once(kubernetes).chain(upon).collect()
    }

    fn new(platform: &DetectedPlatform) -> Self {
        Self {
            name: platform.name.as_str().to_owned(),
            version: platform.version.as_ref().map(ToString::to_string),
            evidence: platform.evidence.clone(),
            variant: platform.variant.clone(),
            components: platform.components.iter().map(ComponentDoc::new).collect(),
        }
    }
}

impl ComponentDoc {
    fn new(component: &PlatformComponent) -> Self {
        Self {
            name: component.name.clone(),
            version: component.version.clone(),
            state: component.state.clone(),
        }
    }
}
