//! Procedures: what is done in one hop of a platform, step by step, as data.
//!
//! A procedure is a YAML file in `procedures/`. It says for which clusters it is ([`Fits`]), whether kubelets may lag behind,
//! and its steps in their order; each names how often it is done ([`Each`]), its commands as templates, what gates it, how to
//! tell that it is done ([`Done`]), how long it takes and on what basis, whom it interrupts, whether there is a way back, and
//! where all that was read. Steps of the procedure that fits every cluster and those of the one that fits this cluster are put
//! together by their [`Phase`].
//!
//! # Templates
//!
//! `{name}` stands for a value of the cluster, quoted for a shell in commands; see [`Each::names`]. What a plan cannot know of the
//! cluster, as the resource group of a cloud, is a variable of the shell. Commands run where kubectl does, unless the step says
//! that they run on its node.

mod template;
#[cfg(test)]
mod tests;

pub use template::{ParseTemplateError, TextTemplate};

use jiff::civil::Date;
use serde::Deserialize;

use super::{CatalogError, MinorRange, PlatformName};

/// What is done in a hop.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Procedure {
    /// Whose hops.
    pub platform: PlatformName,
    /// As people call it: `kubeadm`, `Amazon EKS`.
    pub title: String,
    /// For which clusters.
    #[serde(rename = "fits")]
    pub applies_to: AppliesTo,
    /// What reaching a release means: a provider that chooses patches by itself is asked for minors only.
    #[serde(default)]
    #[serde(rename = "reach")]
    pub version_precision: VersionPrecision,
    /// How far kubelets may be left behind on the way; none where the procedure fits every cluster and says nothing of it.
    #[serde(rename = "kubelets")]
    pub kubelet_skew: Option<KubeletSkewRule>,
    /// In their order within each phase.
    pub steps: Vec<StepTemplate>,
}

/// For which clusters a procedure is. What comes first is asked first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppliesTo {
    /// Every cluster, beside the one that fits it best.
    #[serde(rename = "every")]
    EveryCluster,
    /// Hops into a minor that the binaries of the control plane have already, but do not emulate yet.
    #[serde(rename = "emulated")]
    EmulatedMinor,
    /// Clusters that Cluster API makes of a ClusterClass.
    ClusterTopology,
    /// Clusters that Cluster API makes of single objects.
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
    /// Whether a pool may skip hops as far as the version skew policy lets it.
    #[serde(rename = "mayLag")]
    pub can_lag: bool,
    /// So many minors, where who runs the cluster allows fewer than the policy.
    #[serde(rename = "atMost")]
    pub max_minors_behind: Option<u8>,
    /// Where that was read.
    pub source: String,
    /// The day up to which the source was read.
    #[serde(rename = "horizon")]
    pub verified_on: Date,
}

/// When in a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HopPhase {
    /// Before anything is changed.
    Prepare,
    /// What must be in order before the control plane moves.
    #[serde(rename = "before")]
    BeforeControlPlane,
    /// API servers, then controllers and scheduler.
    ControlPlane,
    /// Add-ons that wait for the control plane.
    #[serde(rename = "after")]
    AfterControlPlane,
    /// Nodes, pool by pool.
    Nodes,
    /// At the end of the hop.
    Finish,
}

/// How often a step is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepeatFor {
    /// Once a hop.
    Once,
    /// On the node of the control plane that goes first.
    FirstControlPlaneNode,
    /// On each other node of the control plane.
    OtherControlPlaneNodes,
    /// On each node of the control plane.
    ControlPlaneNodes,
    /// For each pool of workers that moves in this hop.
    Pool,
    /// For each node of such a pool.
    Node,
}

impl RepeatFor {
    /// The names that its templates may use, in addition to those of every step: `cluster`, `namespace`, `controlPlane`
    /// and `controlPlaneKind` (of its objects of Cluster API), `concurrency` (how many pools its topology upgrades at a time),
    /// `providerCluster` (what its provider calls it), `from`, `to`, `minor`.
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
    /// A MachineDeployment of Cluster API, or nobody knows what.
    #[default]
    MachineDeployment,
    /// A MachinePool of Cluster API.
    MachinePool,
}

/// What stands between a step and its being done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateScope {
    /// Nothing.
    #[default]
    Nothing,
    /// Every blocker that bites at this hop, and those that hold already.
    Hop,
    /// Blockers on what the drain of the step's nodes would evict.
    Drain,
}

/// How to tell that a step is done.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Completion {
    /// Nothing in the cluster shows it.
    #[serde(rename = "by-hand")]
    Manual,
    /// A backup was completed within so many hours.
    #[serde(rename = "backup")]
    RecentBackup(u32),
    /// The API server that answers has the release.
    ApiServer,
    /// The API server emulates the minor.
    Emulation,
    /// Every component of the control plane, on the step's node where it has one, has the release.
    ControlPlane,
    /// The control plane that Cluster API looks after has the release, on all machines.
    #[serde(rename = "control-plane-object")]
    CapiControlPlane,
    /// The MachineDeployment of the step's pool has the release on all machines; where it cannot be seen from this cluster, the
    /// nodes of the pool have it.
    MachineDeployment,
    /// The nodes of the step have the release, are ready and take pods.
    Nodes,
    /// No blocker of the hop is left.
    NoBlockers,
    /// The image of the DaemonSet kube-system/kube-proxy has the release.
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

/// A step as the procedure has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StepTemplate {
    /// Unique within all procedures of a platform that may be put together.
    pub id: String,
    /// What is done.
    pub title: TextTemplate,
    /// When in the hop.
    pub phase: HopPhase,
    /// How often.
    #[serde(rename = "each")]
    pub repeat_for: RepeatFor,
    /// Of pools, for those that this makes; for all of them where it is not said.
    #[serde(rename = "madeBy")]
    pub machine_owner: Option<MachineOwner>,
    /// For hops into these minors.
    #[serde(default)]
    #[serde(rename = "hops")]
    pub target_minors: MinorRange,
    /// Only in hops that change the minor.
    #[serde(default)]
    #[serde(rename = "crossing")]
    pub requires_minor_change: bool,
    /// Whether commands other than kubectl's run on the step's node.
    #[serde(default)]
    #[serde(rename = "onNode")]
    pub runs_on_node: bool,
    /// Whether commands run on the cluster that holds the objects of Cluster API, where that is another one.
    #[serde(default)]
    #[serde(rename = "onManagement")]
    pub runs_on_management: bool,
    /// In their order.
    #[serde(default)]
    pub commands: Vec<TextTemplate>,
    /// What must be out of the way.
    #[serde(default)]
    #[serde(rename = "gates")]
    pub gated_by: GateScope,
    /// How to tell that it is done.
    #[serde(rename = "done")]
    pub done_when: Completion,
    /// Whether the steps after it cannot be done without it, so that it was done if one of them is.
    #[serde(default)]
    #[serde(rename = "implied")]
    pub is_implied_by_later: bool,
    /// How long it takes; none where nobody published it and nothing shows it.
    #[serde(rename = "takes")]
    pub duration: Option<DurationEstimate>,
    /// Who is interrupted.
    #[serde(default)]
    pub interrupts: Vec<TextTemplate>,
    /// Whether there is a way back.
    #[serde(rename = "reversible")]
    pub is_reversible: bool,
    /// Pages for people.
    #[serde(default)]
    pub links: Vec<String>,
    /// Where the step was read.
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

/// The procedures of this binary, those that are asked first first.
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
