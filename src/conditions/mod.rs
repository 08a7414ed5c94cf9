//! Completion conditions: one typed condition, one status, for plans, gates and watching alike.
//!
//! A [`CompletionCondition`] states what must hold, with the names of this cluster; [`ConditionEvaluator::evaluate`] reports how
//! far the cluster is from it. What was not read is [`CompletionStatus::Unknown`], never done.

mod evaluator;
mod text;

pub use evaluator::ConditionEvaluator;

use crate::catalog::{Minor, MinorRange, PlatformName, Release, VersionPrecision, VersionSpec};
use crate::detect;
use crate::facts::{backups, capi, control_plane, dkp, kyma};
use crate::need::{Discovery, Need};
use crate::path::HopId;
use crate::rules::{Finding, Severity};

/// What must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompletionCondition {
    /// Cannot be verified from the cluster.
    Manual,
    /// A backup is recent enough.
    Backup {
        /// Its maximum age.
        within_seconds: u64,
    },
    /// The API server runs the release.
    ApiServer(VersionGoal),
    /// The API server emulates the minor.
    Emulation {
        /// The minor to emulate.
        minor: Minor,
    },
    /// The control plane components run the release.
    ControlPlane {
        /// The node they run on; none for all.
        node: Option<String>,
        /// The release.
        goal: VersionGoal,
    },
    /// All machines of the KubeadmControlPlane run the release.
    KubeadmControlPlane {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The release.
        goal: VersionGoal,
    },
    /// All machines of the MachineDeployment run the release.
    MachineDeployment {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The release.
        goal: VersionGoal,
    },
    /// The nodes run the release, are ready and are schedulable.
    Nodes {
        /// The nodes.
        nodes: NodeSet,
        /// The release of their kubelets.
        goal: VersionGoal,
    },
    /// No blocker of this hop, or of any hop, is left.
    NoBlockers {
        /// The hop.
        hop: HopId,
    },
    /// The findings are resolved.
    FindingsResolved {
        /// Their fingerprints.
        fingerprints: Vec<String>,
    },
    /// The add-on runs in a release that supports the minor, and its rollout is complete.
    Addon {
        /// Its name in the catalog.
        component: String,
        /// Its namespace.
        namespace: String,
        /// The Kubernetes minor.
        minor: Minor,
    },
    /// kube-proxy runs the release.
    KubeProxy(VersionGoal),
    /// The platform runs the version.
    Platform {
        /// The platform.
        platform: PlatformName,
        /// The version to reach.
        release: VersionSpec,
    },
    /// All platform applications of DKP in these namespaces have the versions of the release.
    PlatformApps {
        /// Namespaces of the management cluster, of a workspace or of projects.
        namespaces: Vec<String>,
        /// The release of DKP.
        release: Release,
    },
    /// The AppDeployment has this version or a newer one.
    AppDeployment {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The version; none if it must be removed.
        version: Option<String>,
    },
    /// Another cluster runs a minor of the range, as its KommanderCluster reports it.
    KommanderCluster {
        /// Namespace of the KommanderCluster.
        namespace: String,
        /// Its name.
        name: String,
        /// The minors of Kubernetes.
        kubernetes: MinorRange,
    },
    /// The Deployment of Kyma's installer has the release, or is deleted.
    KymaInstaller {
        /// The release; none if it must be deleted.
        release: Option<VersionSpec>,
    },
    /// Kyma runs the release, and what installs it has finished.
    KymaInstalled {
        /// The release.
        release: VersionSpec,
    },
}

/// A release to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionGoal {
    /// `1.25.16`; a minor if the catalog knows no patch of it.
    pub release: VersionSpec,
    /// Whether any patch of its minor is enough.
    pub any_patch: bool,
}

/// A set of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeSet {
    /// A single node.
    Node(String),
    /// The workers of a pool; an empty name means workers without a pool.
    Pool(String),
}

/// How far a cluster is from a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionStatus {
    /// The condition is met.
    Done,
    /// It is met by some of the objects.
    InProgress {
        /// Number of objects that meet it.
        done: usize,
        /// Number of objects.
        total: usize,
    },
    /// It is not met.
    Todo,
    /// What it depends on could not be read.
    Unknown,
    /// It cannot be verified from the cluster: a person confirms it.
    Manual,
}

impl VersionGoal {
    /// The version of a hop, to be reached as precisely as its procedure asks.
    #[must_use]
    pub fn new(release: &VersionSpec, precision: VersionPrecision) -> Self {
        Self {
            release: release.clone(),
            any_patch: precision == VersionPrecision::Minor,
        }
    }

    /// Whether this version is the release or a later one.
    pub(crate) fn is_reached_by(&self, version: &Release) -> bool {
        match &self.release {
            VersionSpec::Release(release) if !self.any_patch => version.semver >= release.semver,
            spec => version.minor() >= spec.minor(),
        }
    }
}

impl CompletionStatus {
    /// Whether it is done or in progress.
    #[must_use]
    pub const fn has_begun(self) -> bool {
        matches!(self, Self::Done | Self::InProgress { .. })
    }

    /// Of a condition that is met or not; none if that is unknown.
    const fn from_met(is_met: Option<bool>) -> Self {
        match is_met {
            Some(true) => Self::Done,
            Some(false) => Self::Todo,
            None => Self::Unknown,
        }
    }

    fn from_counts(done: usize, total: usize) -> Self {
        match (done, total) {
            (_, 0) => Self::Unknown,
            (0, _) => Self::Todo,
            (done, total) if done < total => Self::InProgress { done, total },
            _ => Self::Done,
        }
    }
}

/// What conditions need on a server with these APIs.
#[must_use]
pub fn needs(discovery: &Discovery) -> Vec<Need> {
    let mut needs = detect::needs(discovery);
    needs.extend([
        control_plane::control_plane_pods_need(),
        control_plane::kube_proxy_need(),
    ]);
    if detect::serves_cluster_api(discovery) {
        needs.extend([capi::machine_deployments_need(), capi::machines_need()]);
    }
    needs.extend(detect::addons::needs());
    needs.extend(backups::backup_needs());
    needs.extend(dkp::needs(discovery));
    if detect::serves_kyma(discovery) {
        needs.extend([
            kyma::installations_need(),
            kyma::installer_need(),
            kyma::component_reports_need(),
        ]);
    }
    needs
}

/// Whether a finding blocks a hop.
#[must_use]
pub fn blocks_hop(finding: &Finding, hop: &HopId) -> bool {
    finding.severity == Severity::Blocker && finding.hop.as_ref().is_none_or(|other| other == hop)
}
