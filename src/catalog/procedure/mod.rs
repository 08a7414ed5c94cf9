//! Procedures: the steps of one hop of a platform, as data.
//!
//! A procedure is a YAML file in `procedures/`. It states which clusters it applies to ([`AppliesTo`]), whether kubelets may lag,
//! and its steps in order: what each is repeated for ([`RepeatFor`]), its commands as templates, what gates it, when it counts as
//! done ([`Completion`]), how long it takes and on what basis, what it interrupts, whether it can be undone, and the sources.
//! The steps of the procedure for every cluster and of the one for this cluster are merged by [`HopPhase`].
//!
//! # Templates
//!
//! `{name}` stands for a value of the cluster, quoted for a shell in commands; see [`RepeatFor::placeholders`]. Values that a plan
//! cannot know, such as the resource group of a cloud, are shell variables. Commands run where kubectl does, unless the step says
//! that they run on its node.

mod template;
#[cfg(test)]
mod tests;

pub use template::{ParseTemplateError, TextTemplate};

use jiff::civil::Date;
use serde::Deserialize;

use super::{CatalogError, MinorRange, PlatformName};

/// The steps of a hop.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Procedure {
    /// The platform of the hops.
    pub platform: PlatformName,
    /// For people: `kubeadm`, `Amazon EKS`.
    pub title: String,
    /// The clusters it applies to.
    #[serde(rename = "fits")]
    pub applies_to: AppliesTo,
    /// When a release counts as reached: a provider that chooses patches itself is asked for minors only.
    #[serde(default)]
    #[serde(rename = "reach")]
    pub version_precision: VersionPrecision,
    /// How far kubelets may lag; none if the procedure does not say.
    #[serde(rename = "kubelets")]
    pub kubelet_skew: Option<KubeletSkewRule>,
    /// In their order within each phase.
    pub steps: Vec<StepTemplate>,
}

/// The clusters that a procedure applies to, in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppliesTo {
    /// Every cluster, in addition to the best specific procedure.
    #[serde(rename = "every")]
    EveryCluster,
    /// Hops to a minor that the control plane binaries have already, but do not emulate yet.
    #[serde(rename = "emulated")]
    EmulatedMinor,
    /// Clusters that Cluster API makes from a ClusterClass.
    ClusterTopology,
    /// Clusters that Cluster API makes from single objects.
    ClusterApi,
    /// Clusters of a provider or distribution.
    Provider(String),
    /// Clusters that kubeadm made.
    Kubeadm,
    /// All others.
    #[serde(rename = "otherwise")]
    Fallback,
}

/// When a release counts as reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionPrecision {
    /// At this patch or a later one.
    #[default]
    Patch,
    /// At any patch of the minor.
    Minor,
}

/// How kubelets follow the control plane.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubeletSkewRule {
    /// Whether a pool may skip hops, within the version skew policy.
    #[serde(rename = "mayLag")]
    pub can_lag: bool,
    /// The maximum in minors, if the provider allows fewer than the policy.
    #[serde(rename = "atMost")]
    pub max_minors_behind: Option<u8>,
    /// The source.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// A phase of a hop, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HopPhase {
    /// Before anything changes.
    Prepare,
    /// What must be done before the control plane is upgraded.
    #[serde(rename = "before")]
    BeforeControlPlane,
    /// API servers, then controllers and scheduler.
    ControlPlane,
    /// Add-ons that follow the control plane.
    #[serde(rename = "after")]
    AfterControlPlane,
    /// Nodes, pool by pool.
    Nodes,
    /// At the end of the hop.
    Finish,
}

/// What a step is repeated for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepeatFor {
    /// Once per hop.
    Once,
    /// On the control plane node that is upgraded first.
    FirstControlPlaneNode,
    /// On each other control plane node.
    OtherControlPlaneNodes,
    /// On each control plane node.
    ControlPlaneNodes,
    /// For each pool that is upgraded in this hop.
    Pool,
    /// For each node of such a pool.
    Node,
}

impl RepeatFor {
    /// The names that its templates may use, in addition to those of every step: `cluster`, `namespace`, `controlPlane`
    /// and `controlPlaneKind` (of its Cluster API objects), `concurrency` (how many pools its topology upgrades at a time),
    /// `providerCluster` (its name at the provider), `from`, `to`, `minor`.
    #[must_use]
    pub const fn placeholders(self) -> &'static [&'static str] {
        match self {
            Self::Once => &[],
            Self::FirstControlPlaneNode
            | Self::OtherControlPlaneNodes
            | Self::ControlPlaneNodes => &["node"],
            Self::Pool => &["pool"],
            Self::Node => &["pool", "node"],
        }
    }
}

/// What makes the machines of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineOwner {
    /// A MachineDeployment of Cluster API, or unknown.
    #[default]
    MachineDeployment,
    /// A MachinePool of Cluster API.
    MachinePool,
}

/// Which findings gate a step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateScope {
    /// None.
    #[default]
    Nothing,
    /// Every blocker of this hop, and those that hold already.
    Hop,
    /// Blockers on what draining the step's nodes would evict.
    Drain,
}

/// When a step counts as done.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completion {
    /// Cannot be verified from the cluster.
    #[serde(rename = "by-hand")]
    Manual,
    /// A backup was completed within this number of hours.
    #[serde(rename = "backup")]
    RecentBackup(u32),
    /// The API server runs the release.
    ApiServer,
    /// The API server emulates the minor.
    Emulation,
    /// The control plane components, on the step's node if it has one, run the release.
    ControlPlane,
    /// All machines of the Cluster API control plane run the release.
    #[serde(rename = "control-plane-object")]
    CapiControlPlane,
    /// All machines of the pool's MachineDeployment run the release; if it is not on this cluster, all nodes of the pool.
    MachineDeployment,
    /// The nodes of the step run the release, are ready and are schedulable.
    Nodes,
    /// No blocker of the hop is left.
    NoBlockers,
    /// The DaemonSet kube-system/kube-proxy runs the release.
    KubeProxy,
}

/// How long a step takes; unknown unless published or observed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DurationEstimate {
    /// At least, in seconds.
    #[serde(rename = "low")]
    pub min_seconds: Option<u64>,
    /// At most, in seconds, if nothing delays it.
    #[serde(rename = "high")]
    pub max_seconds: Option<u64>,
    /// Where the numbers come from, or why there are none.
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
    /// Unique within all procedures of a platform that may be put together.
    pub id: String,
    /// What is done.
    pub title: TextTemplate,
    /// Its phase.
    pub phase: HopPhase,
    /// What it is repeated for.
    #[serde(rename = "each")]
    pub repeat_for: RepeatFor,
    /// Only for pools whose machines this makes; for all pools if unset.
    #[serde(rename = "madeBy")]
    pub machine_owner: Option<MachineOwner>,
    /// Only for hops to these minors.
    #[serde(default)]
    #[serde(rename = "hops")]
    pub target_minors: MinorRange,
    /// Only for hops that change the minor.
    #[serde(default)]
    #[serde(rename = "crossing")]
    pub requires_minor_change: bool,
    /// Whether commands other than kubectl run on the step's node.
    #[serde(default)]
    #[serde(rename = "onNode")]
    pub runs_on_node: bool,
    /// Whether commands run on the management cluster of Cluster API, if that is another cluster.
    #[serde(default)]
    #[serde(rename = "onManagement")]
    pub runs_on_management: bool,
    /// In order.
    #[serde(default)]
    pub commands: Vec<TextTemplate>,
    /// The findings to resolve first.
    #[serde(default)]
    #[serde(rename = "gates")]
    pub gated_by: GateScope,
    /// When it counts as done.
    #[serde(rename = "done")]
    pub done_when: Completion,
    /// Whether later steps require it, so that it must be done if one of them has begun.
    #[serde(default)]
    #[serde(rename = "implied")]
    pub is_implied_by_later: bool,
    /// How long it takes; none if unknown.
    #[serde(rename = "takes")]
    pub duration: Option<DurationEstimate>,
    /// What it interrupts.
    #[serde(default)]
    pub interrupts: Vec<TextTemplate>,
    /// Whether it can be undone.
    #[serde(rename = "reversible")]
    pub is_reversible: bool,
    /// URLs of documentation.
    #[serde(default)]
    pub links: Vec<String>,
    /// The source.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// The files of `procedures/`.
const PROCEDURE_FILES: &[(&str, &str)] = &[
    ("aks.yaml", include_str!("../procedures/aks.yaml")),
    (
        "cluster-api.yaml",
        include_str!("../procedures/cluster-api.yaml"),
    ),
    (
        "cluster-topology.yaml",
        include_str!("../procedures/cluster-topology.yaml"),
    ),
    ("eks.yaml", include_str!("../procedures/eks.yaml")),
    ("emulated.yaml", include_str!("../procedures/emulated.yaml")),
    ("gke.yaml", include_str!("../procedures/gke.yaml")),
    ("k3s.yaml", include_str!("../procedures/k3s.yaml")),
    ("kops.yaml", include_str!("../procedures/kops.yaml")),
    ("kubeadm.yaml", include_str!("../procedures/kubeadm.yaml")),
    (
        "kubernetes.yaml",
        include_str!("../procedures/kubernetes.yaml"),
    ),
    (
        "otherwise.yaml",
        include_str!("../procedures/otherwise.yaml"),
    ),
    ("rke2.yaml", include_str!("../procedures/rke2.yaml")),
    ("talos.yaml", include_str!("../procedures/talos.yaml")),
];

/// The embedded procedures, in the order in which they are tried.
pub(super) fn embedded() -> Result<Vec<Procedure>, CatalogError> {
    let mut procedures = PROCEDURE_FILES
        .iter()
        .map(|(file, text)| {
            serde_saphyr::from_str(text).map_err(|source| CatalogError {
                table: file,
                source: Box::new(source),
            })
        })
        .collect::<Result<Vec<Procedure>, _>>()?;
    procedures.sort_by(|one, other| {
        (one.platform, &one.applies_to).cmp(&(other.platform, &other.applies_to))
    });
    Ok(procedures)
}
