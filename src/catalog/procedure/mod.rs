//! Procedures: the steps of one hop, as data.
//!
//! A procedure is a YAML file in `procedures/`. It lists the clusters it applies to ([`AppliesTo`]), whether kubelets may lag
//! behind, and its steps: how often each is repeated ([`RepeatFor`]), its command templates, what blocks it, when it is done
//! ([`Completion`]), its duration, what it interrupts, whether it can be reverted, and its source. The steps of the procedure
//! for every cluster and of the best match are merged by their [`HopPhase`].
//!
//! # Templates
//!
//! `{name}` is a value of the cluster, quoted for the shell in commands; see [`RepeatFor::placeholders`]. Unknown values, such
//! as the resource group of a cloud, are shell variables. Commands run where kubectl runs, unless the step says that they run
//! on its node.

mod check;
mod load;
mod setting;
mod template;
#[cfg(test)]
mod tests;

pub use check::ObjectCheck;
pub(super) use load::embedded;
pub use setting::Setting;
pub use template::{ParseTemplateError, TextTemplate};

use jiff::civil::Date;
use serde::Deserialize;

use super::{MinorRange, PlatformName};

/// The steps of a hop for one kind of cluster.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Procedure {
    /// The platform.
    pub platform: PlatformName,
    /// Display name: `kubeadm`, `Amazon EKS`.
    pub title: String,
    /// The clusters it applies to.
    #[serde(rename = "fits")]
    pub applies_to: AppliesTo,
    /// Which versions count as reached: a provider that chooses patches is asked for minors only.
    #[serde(default)]
    #[serde(rename = "reach")]
    pub version_precision: VersionPrecision,
    /// How far kubelets may lag behind; `None` in procedures for every cluster.
    #[serde(rename = "kubelets")]
    pub kubelet_skew: Option<KubeletSkewRule>,
    /// Steps, in order within each phase.
    pub steps: Vec<StepTemplate>,
}

/// The clusters that a procedure applies to, in matching order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppliesTo {
    /// Every cluster, in addition to the best match.
    #[serde(rename = "every")]
    EveryCluster,
    /// Hops to a minor that the control plane binaries already have but do not emulate yet.
    #[serde(rename = "emulated")]
    EmulatedMinor,
    /// Clusters with a node that has this label.
    NodeLabel(String),
    /// Clusters of a provider that upgrades them as a whole, with Cluster API or without.
    ManagedBy(String),
    /// Clusters with add-ons of DKP 1.8.
    Kubeaddons,
    /// Management clusters of DKP that Konvoy made.
    Konvoy,
    /// Clusters that Cluster API manages through a ClusterClass.
    ClusterTopology,
    /// Other clusters that Cluster API manages.
    ClusterApi,
    /// Clusters of a provider or distribution.
    Provider(String),
    /// Clusters whose kubeadm configuration has this directory of certificates.
    KubeadmSetting(String),
    /// Clusters set up by kubeadm.
    Kubeadm,
    /// All other clusters.
    #[serde(rename = "otherwise")]
    Fallback,
    /// Management clusters of DKP with other clusters, in addition to the best match.
    Fleet,
}

/// Which versions count as reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionPrecision {
    /// This patch or a later one.
    #[default]
    Patch,
    /// Any patch of the minor.
    Minor,
}

/// How far kubelets may lag behind the control plane.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubeletSkewRule {
    /// Whether pools may skip hops within the version skew policy.
    #[serde(rename = "mayLag")]
    pub can_lag: bool,
    /// Maximum lag in minors, if stricter than the policy.
    #[serde(rename = "atMost")]
    pub max_minors_behind: Option<u8>,
    /// Source.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// The phase of a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HopPhase {
    /// Before any change.
    Prepare,
    /// Prerequisites of the control plane upgrade.
    #[serde(rename = "before")]
    BeforeControlPlane,
    /// API servers, then controllers and schedulers.
    ControlPlane,
    /// Add-ons that require the new control plane.
    #[serde(rename = "after")]
    AfterControlPlane,
    /// Nodes, pool by pool.
    Nodes,
    /// At the end of the hop.
    Finish,
    /// Other clusters that this one looks after, one after the other.
    Fleet,
}

/// How often a step is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepeatFor {
    /// Once per hop.
    Once,
    /// On the first control plane node.
    FirstControlPlaneNode,
    /// On each other control plane node.
    OtherControlPlaneNodes,
    /// On each control plane node.
    ControlPlaneNodes,
    /// For each worker pool upgraded in this hop.
    Pool,
    /// For each node of such a pool.
    Node,
    /// For each workspace of Kommander.
    Workspace,
    /// For each catalog application of a workspace.
    WorkspaceApp,
    /// For each catalog application of a project.
    ProjectApp,
    /// For each custom application.
    CustomApp,
    /// For each cluster that this one manages.
    ManagedCluster,
    /// For each MachineDeployment of such a cluster.
    ManagedPool,
    /// For each attached cluster.
    AttachedCluster,
}

impl RepeatFor {
    /// Placeholders for its templates, in addition to those of every step: `cluster`, `namespace`, `controlPlane` and
    /// `controlPlaneKind` (its Cluster API objects), `concurrency` (pools that its topology upgrades at a time),
    /// `providerCluster` (its name at the provider), `from`, `to`, `minor`; of DKP: `dkp` (its release), `kubernetes` (the
    /// minor that it ships), `provider`, and the fragments `versionSuffix`, `imageFlag` and `environment`; of Kyma: the fragments `guideRemark` and
    /// `renamedValues`; and `ofCluster`, what names of files have where a plan has several clusters. Steps for another
    /// cluster have its names in place of this one's.
    #[must_use]
    pub const fn placeholders(self) -> &'static [&'static str] {
        match self {
            Self::Once | Self::ManagedCluster => &[],
            Self::Workspace => &["workspace", "members"],
            Self::WorkspaceApp | Self::CustomApp => {
                &["workspace", "app", "appVersion", "appTarget"]
            }
            Self::ProjectApp => &["workspace", "project", "app", "appVersion", "appTarget"],
            Self::AttachedCluster => &["range", "clusterVersion"],
            Self::FirstControlPlaneNode
            | Self::OtherControlPlaneNodes
            | Self::ControlPlaneNodes => &["node"],
            Self::Pool | Self::ManagedPool => &["pool", "poolName"],
            Self::Node => &["pool", "node"],
        }
    }
}

/// The owner of the machines of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineOwner {
    /// A Cluster API MachineDeployment, or unknown.
    #[default]
    MachineDeployment,
    /// A Cluster API MachinePool.
    MachinePool,
    /// The provider, which upgrades them by itself.
    Provider,
}

/// Which findings block a step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateScope {
    /// None.
    #[default]
    Nothing,
    /// Blockers that apply already or at this hop.
    Hop,
    /// Blockers on pods that draining the nodes of the step would evict.
    Drain,
}

/// When a step is done.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completion {
    /// It cannot be verified from the cluster.
    #[serde(rename = "by-hand")]
    Manual,
    /// A backup completed within this many hours.
    #[serde(rename = "backup")]
    RecentBackup(u32),
    /// The API server that answers runs the release.
    ApiServer,
    /// The API server emulates the minor.
    Emulation,
    /// Control plane components, on the node of the step if it has one, run the release.
    ControlPlane,
    /// All machines of the Cluster API control plane run the release.
    #[serde(rename = "control-plane-object")]
    CapiControlPlane,
    /// All machines of the MachineDeployment of the pool run the release; if it is in another cluster, the nodes of the pool
    /// do.
    MachineDeployment,
    /// The nodes of the step run the release, are ready and schedulable.
    Nodes,
    /// The hop has no blockers.
    NoBlockers,
    /// The image of the kube-proxy DaemonSet has the release.
    KubeProxy,
    /// The platform of the hop runs the release.
    Platform,
    /// Cluster API runs the release that this one of DKP brings along; by hand if that is unknown.
    ClusterApi,
    /// The platform applications of the workspace of the step, or of the management cluster, have the versions of the release.
    PlatformApps,
    /// The application of the step has the version to upgrade to.
    Application,
    /// The management cluster does not run the application any more.
    #[serde(rename = "removed")]
    RemovedApplication(String),
    /// The attached cluster of the step runs a minor that the release supports.
    AttachedCluster,
    /// No object needs the step any more, by its [`ObjectCheck`].
    #[serde(rename = "checked")]
    NoAffectedObjects,
    /// The installer of Kyma is deleted.
    KymaInstallerRemoved,
    /// The installer of Kyma has the release.
    KymaInstaller,
    /// Kyma has the release, and what installs it has finished.
    KymaInstalled,
}

/// How long a step takes; unknown unless published or observed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DurationEstimate {
    /// Minimum in seconds.
    #[serde(rename = "low")]
    pub min_seconds: Option<u64>,
    /// Maximum in seconds, without obstacles.
    #[serde(rename = "high")]
    pub max_seconds: Option<u64>,
    /// Source or assumption behind it, or why it is unknown.
    pub basis: String,
}

impl DurationEstimate {
    /// Neither minimum nor maximum, for this reason.
    #[must_use]
    pub fn unknown(basis: impl Into<String>) -> Self {
        Self {
            basis: basis.into(),
            ..Self::default()
        }
    }
}

/// A step of a procedure.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepTemplate {
    /// Unique among the procedures of a platform that can be combined.
    pub id: String,
    /// Title.
    pub title: TextTemplate,
    /// Phase of the hop.
    pub phase: HopPhase,
    /// How often it is repeated.
    #[serde(rename = "each")]
    pub repeat_for: RepeatFor,
    /// Restricts it to pools of this machine owner.
    #[serde(rename = "madeBy")]
    pub machine_owner: Option<MachineOwner>,
    /// Applies only to clusters with virtual nodes of this provider.
    pub virtual_nodes: Option<String>,
    /// Applies only to clusters with nodes that their provider does not upgrade by itself.
    #[serde(default)]
    #[serde(rename = "ownNodes")]
    pub requires_own_nodes: bool,
    /// Applies to hops to these minors.
    #[serde(default)]
    #[serde(rename = "hops")]
    pub target_minors: MinorRange,
    /// Applies only to hops that change the minor.
    #[serde(default)]
    #[serde(rename = "crossing")]
    pub requires_minor_change: bool,
    /// Applies only if all of these hold.
    #[serde(default)]
    pub when: Vec<Setting>,
    /// Applies only if none of these holds.
    #[serde(default)]
    pub unless: Vec<Setting>,
    /// Applies only to clusters of these providers of Konvoy; to any if empty.
    #[serde(default)]
    pub providers: Vec<String>,
    /// Which objects of the cluster need it; it applies to every cluster if left out.
    pub check: Option<ObjectCheck>,
    /// Rules whose findings on the hop it lists.
    #[serde(default)]
    pub reports: Vec<String>,
    /// Whether it has the links of the hop.
    #[serde(default)]
    #[serde(rename = "hopLinks")]
    pub has_hop_links: bool,
    /// Whether commands other than kubectl run on the node of the step.
    #[serde(default)]
    #[serde(rename = "onNode")]
    pub runs_on_node: bool,
    /// Whether commands run against the Cluster API management cluster.
    #[serde(default)]
    #[serde(rename = "onManagement")]
    pub runs_on_management: bool,
    /// In order.
    #[serde(default)]
    pub commands: Vec<TextTemplate>,
    /// In place of the commands, if the CLI of the platform lacks one of them.
    #[serde(default)]
    pub manual: Vec<TextTemplate>,
    /// Findings that block it.
    #[serde(default)]
    #[serde(rename = "gates")]
    pub gated_by: GateScope,
    /// When it is done.
    #[serde(rename = "done")]
    pub done_when: Completion,
    /// Whether later steps imply that it is done.
    #[serde(default)]
    #[serde(rename = "implied")]
    pub is_implied_by_later: bool,
    /// Typical duration, if published or known.
    #[serde(rename = "takes")]
    pub duration: Option<DurationEstimate>,
    /// What it interrupts.
    #[serde(default)]
    pub interrupts: Vec<TextTemplate>,
    /// Whether it can be reverted.
    #[serde(rename = "reversible")]
    pub is_reversible: bool,
    /// Links to documentation.
    #[serde(default)]
    pub links: Vec<String>,
    /// Source of the step.
    pub source: String,
    /// Date on which the source was last checked.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}
