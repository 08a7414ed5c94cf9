//! A hop of Kubernetes that has begun and is not complete.

use super::control_plane::{ControlPlanePod, control_plane_pods};
use super::nodes::virtual_node_mark;
use crate::catalog::{AppliesTo, PlatformName, Release, VersionPrecision, VersionSpec};
use crate::detect::DetectedCluster;
use crate::snapshot::{ClusterView, NodeRow};

/// From what to what, as far as the cluster shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnfinishedHop {
    /// The oldest release that is left.
    pub(crate) from: Release,
    /// The release of the API server, or the minor that it emulates.
    pub(crate) to: VersionSpec,
}

impl UnfinishedHop {
    /// The API server has its version, but other control plane components have not or, if no other hop lies ahead
    /// (`is_last`), kubelets have not.
    pub(crate) fn new(
        view: ClusterView<'_>,
        detected: &DetectedCluster,
        is_last: bool,
    ) -> Option<Self> {
        let current = &detected.kubernetes;
        let is_emulating = detected.effective_minor != current.minor();
        let precision = version_precision(view, detected);
        let is_behind = |release: &Release| match precision {
            VersionPrecision::Patch if !is_emulating => release.semver < current.semver,
            _ => release.minor() < detected.effective_minor,
        };
        let pods = control_plane_pods(view);
        let components = pods.iter().filter_map(ControlPlanePod::release);
        let nodes = view.nodes().unwrap_or_default().iter();
        let kubelets = nodes
            .filter(|node| is_last && virtual_node_mark(view.catalog, node).is_none())
            .filter_map(|node: &NodeRow| node.kubelet_version.release().cloned());
        let oldest = components.chain(kubelets).filter(is_behind).min()?;
        Some(Self {
            from: oldest.without_suffix(),
            to: match is_emulating {
                true => VersionSpec::Minor(detected.effective_minor),
                false => VersionSpec::Release(current.without_suffix()),
            },
        })
    }

    /// For people.
    pub(crate) fn remark(&self) -> String {
        format!(
            "the hop from {} to {} is in progress: its remaining steps come first",
            self.from, self.to
        )
    }
}

/// How precisely this cluster reaches a release of Kubernetes, for a hop that is not known yet.
fn version_precision(view: ClusterView<'_>, detected: &DetectedCluster) -> VersionPrecision {
    let provider = detected.provider.as_ref();
    let is_of_provider = |applies_to: &AppliesTo| match applies_to {
        AppliesTo::Provider(name) | AppliesTo::ManagedBy(name) => Some(name) == provider,
        _ => false,
    };
    let mut procedures = view.catalog.procedures.iter();
    let procedure = procedures.find(|procedure| {
        procedure.platform == PlatformName::Kubernetes && is_of_provider(&procedure.applies_to)
    });
    procedure
        .map(|procedure| procedure.version_precision)
        .unwrap_or_default()
}
