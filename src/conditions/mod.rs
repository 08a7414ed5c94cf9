//! How far a cluster has come: one typed condition, one answer, for plans, gates and watching alike.
//!
//! A [`Condition`] names what is to be so, with the names of this cluster in it; [`Seen::progress`] says how far it is from
//! that, from what was seen alone. What was not seen is [`Progress::Unknown`], never done.

mod capi;
mod evaluator;
mod text;

pub use evaluator::ConditionEvaluator;

use crate::catalog::{Minor, PlatformName, Release, VersionPrecision, VersionSpec};
use crate::detect;
use crate::facts::{backups, control_plane};
use crate::need::{Discovery, Need};
use crate::path::HopId;
use crate::rules::{Finding, Severity};

/// What is to be so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompletionCondition {
    /// Nothing in the cluster shows it.
    Manual,
    /// A backup was completed within so many seconds.
    Backup {
        /// How old it may be.
        within_seconds: u64,
    },
    /// The API server that answers has the release.
    ApiServer(VersionGoal),
    /// The API server emulates the minor.
    Emulation {
        /// The minor to emulate.
        minor: Minor,
    },
    /// Components of the control plane have the release.
    ControlPlane {
        /// On this node only.
        node: Option<String>,
        /// What they must be.
        goal: VersionGoal,
    },
    /// The KubeadmControlPlane has the release on all of its machines.
    KubeadmControlPlane {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What it must be.
        goal: VersionGoal,
    },
    /// The MachineDeployment has the release on all of its machines.
    MachineDeployment {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// What it must be.
        goal: VersionGoal,
    },
    /// Nodes have the release, are ready and take pods.
    Nodes {
        /// Which ones.
        nodes: NodeSet,
        /// What their kubelets must be.
        goal: VersionGoal,
    },
    /// No blocker is left that holds already or bites at this hop.
    NoBlockers {
        /// Which hop.
        hop: HopId,
    },
    /// Findings are gone.
    FindingsResolved {
        /// Their fingerprints.
        fingerprints: Vec<String>,
    },
    /// An add-on runs in a release that is for the minor, and its rollout is done.
    Addon {
        /// Its name in the catalog.
        component: String,
        /// Where it runs.
        namespace: String,
        /// The Kubernetes minor.
        minor: Minor,
    },
    /// kube-proxy has the release.
    KubeProxy(VersionGoal),
    /// A platform has the release.
    Platform {
        /// Which platform.
        platform: PlatformName,
        /// The version to reach.
        release: VersionSpec,
    },
}

/// A release to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionGoal {
    /// `1.25.16`; a minor if the catalog knows no patch of it.
    pub release: VersionSpec,
    /// Whether any patch of its minor will do.
    pub any_patch: bool,
}

/// A set of nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeSet {
    /// One of them.
    Node(String),
    /// The workers of a pool; of none where it is empty.
    Pool(String),
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionStatus {
    /// It is so.
    Done,
    /// Part of it is.
    InProgress {
        /// So many.
        done: usize,
        /// Of so many.
        total: usize,
    },
    /// It is not so.
    Todo,
    /// It could not be seen.
    Unknown,
    /// It cannot be seen: a person knows.
    Manual,
}

impl VersionGoal {
    /// The release of a hop.
    #[must_use]
    pub fn new(release: &VersionSpec, reach: VersionPrecision) -> Self {
        Self {
            release: release.clone(),
            any_patch: reach == VersionPrecision::Minor,
        }
    }

    /// Whether this version is the release or a later one.
    fn is_reached_by(&self, version: &Release) -> bool {
        match &self.release {
            VersionSpec::Release(release) if !self.any_patch => version.semver >= release.semver,
            spec => version.minor() >= spec.minor(),
        }
    }
}

impl CompletionStatus {
    /// So many of so many.
    fn from_counts(done: usize, all: usize) -> Self {
        match (done, all) {
            (_, 0) => Self::Unknown,
            (0, _) => Self::Todo,
            (done, of) if done < of => Self::InProgress { done, total: of },
            _ => Self::Done,
        }
    }
}

/// What conditions look at, on a server that serves this.
#[must_use]
pub fn needs(survey: &Discovery) -> Vec<Need> {
    let mut needs = detect::needs(survey);
    needs.extend([
        control_plane::control_plane_pods_need(),
        control_plane::kube_proxy_need(),
    ]);
    if detect::serves_cluster_api(survey) {
        needs.push(detect::machine_deployments_need());
    }
    needs.extend(detect::addons::needs());
    needs.extend(backups::backup_needs());
    needs
}

/// Whether a finding stands in the way of a hop.
#[must_use]
pub fn blocks_hop(finding: &Finding, hop: &HopId) -> bool {
    finding.severity == Severity::Blocker && finding.hop.as_ref().is_none_or(|bites| bites == hop)
}
