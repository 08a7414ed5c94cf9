//! `UpgradePlan`.

use serde::{Deserialize, Serialize};

use crate::catalog::{PlatformName, VersionSpec};

use super::{
    ClusterDoc, DocumentMetadata, EvaluatedClusterDoc, FindingDoc, GapDoc, HopDoc, HopIdDoc, words,
};

/// What `kubectl upgrade-plan -o json` prints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradePlan {
    /// [`API_VERSION`](super::API_VERSION).
    pub api_version: String,
    /// `UpgradePlan`.
    pub kind: String,
    /// When the plan was made, and by which program.
    pub metadata: DocumentMetadata,
    /// The cluster; the first one if the run has several.
    pub cluster: ClusterDoc,
    /// Every cluster of the run with the verdict of its rules, as in `UpgradeReport`; empty without a cluster.
    pub clusters: Vec<EvaluatedClusterDoc>,
    /// The hops, including an unfinished one; empty if there is nothing to upgrade or no path.
    pub path: Vec<HopDoc>,
    /// Why no path leads to the target; null if one does.
    pub no_path: Option<String>,
    /// In order.
    pub steps: Vec<StepDoc>,
    /// The findings that gate steps.
    pub findings: Vec<FindingDoc>,
    /// The maintenance windows, with the steps planned for each.
    pub windows: Vec<WindowDoc>,
    /// What could not be read or determined.
    pub gaps: Vec<GapDoc>,
    /// Assumptions and other remarks.
    pub remarks: Vec<String>,
    /// Counts and sums.
    pub summary: PlanSummary,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepDoc {
    /// Stable across runs for the same hop, action and scope. Begins with the cluster if the plan of another cluster than the
    /// first one adds the step.
    pub id: String,
    /// The cluster that it upgrades, as in `clusters`; for one that is not in there, `namespace/name` of its object on the
    /// management cluster. Null without a cluster.
    pub cluster: Option<String>,
    /// Its hop.
    pub hop: HopIdDoc,
    /// Where it runs.
    pub scope: ScopeDoc,
    /// What to do.
    pub title: String,
    /// State.
    pub state: StepStateDoc,
    /// Progress of a step that is in progress; otherwise null.
    pub progress: Option<ProgressDoc>,
    /// Shell commands, in order.
    pub commands: Vec<String>,
    /// Fingerprints of the `findings` that must be resolved first.
    pub gates: Vec<String>,
    /// The completion condition.
    pub done_when: ConditionDoc,
    /// Estimated duration.
    pub duration_seconds: DurationDoc,
    /// What the estimate rests on.
    pub basis: String,
    /// What the cluster shows of its progress, beyond the completion condition.
    pub evidence: Vec<String>,
    /// What it interrupts.
    pub interrupts: Vec<String>,
    /// Whether it can be undone.
    pub reversible: bool,
    /// URLs of the documentation.
    pub links: Vec<String>,
    /// Objects to change, and who manages them.
    pub objects: Vec<String>,
    /// The cluster whose plan and hop it belongs to, for headings; not serialised.
    #[serde(skip)]
    pub planned_for: Option<String>,
    /// For formats that group steps; not serialised.
    #[serde(skip)]
    pub shared: SharedStepText,
}

/// What a step shares with the same action on other nodes of its pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SharedStepText {
    /// Id of the action.
    pub action: String,
    /// The title without the name of the node.
    pub title: String,
    /// The text of `doneWhen` without the name of the node.
    pub done_when: String,
}

/// Where a step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScopeDoc {
    /// Level.
    pub level: ScopeLevelDoc,
    /// Name of the cluster, pool or node.
    pub name: String,
    /// Pool of a worker; otherwise null.
    pub pool: Option<String>,
}

words! {
    /// Level of a scope. The schema reserves further levels for steps above a cluster.
    ScopeLevelDoc { Workspace = "workspace", Project = "project", Cluster = "cluster", Pool = "pool", Node = "node", }
}

words! {
    /// State of a step.
    StepStateDoc {
        Done = "done",
        InProgress = "doing",
        Todo = "todo",
        Blocked = "blocked",
        Manual = "by-hand",
        Unknown = "unknown",
    }
}

/// Progress of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProgressDoc {
    /// Machines or nodes that are done.
    pub done: usize,
    /// All of them.
    pub total: usize,
}

/// A completion condition, for people and for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConditionDoc {
    /// For people.
    pub text: String,
    /// For programs.
    pub condition: TypedConditionDoc,
}

/// A completion condition for programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "type",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum TypedConditionDoc {
    /// Nothing in the cluster shows it.
    #[serde(rename = "byHand")]
    Manual,
    /// A backup was completed recently.
    Backup {
        /// Its maximum age.
        within_seconds: u64,
    },
    /// The API server has the version.
    ApiServer(VersionGoalDoc),
    /// The API server emulates the minor.
    Emulation {
        /// `1.33`.
        minor: String,
    },
    /// The control plane components have the version.
    ControlPlane {
        /// On this node only; null for all.
        node: Option<String>,
        /// The version.
        #[serde(flatten)]
        goal: VersionGoalDoc,
    },
    /// All machines of the KubeadmControlPlane have the version.
    #[serde(rename = "controlPlaneObject")]
    KubeadmControlPlane {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// The version.
        #[serde(flatten)]
        goal: VersionGoalDoc,
    },
    /// All machines of the MachineDeployment have the version.
    MachineDeployment {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// The version.
        #[serde(flatten)]
        goal: VersionGoalDoc,
    },
    /// Nodes have the version and are ready and schedulable.
    Nodes {
        /// Which nodes.
        #[serde(flatten)]
        nodes: NodeSetDoc,
        /// The version of their kubelets.
        #[serde(flatten)]
        goal: VersionGoalDoc,
    },
    /// No blocker is left for the hop.
    NoBlockers {
        /// The hop.
        hop: HopIdDoc,
    },
    /// The findings are resolved.
    #[serde(rename = "gone")]
    FindingsResolved {
        /// Their fingerprints.
        fingerprints: Vec<String>,
    },
    /// An add-on has a release for the minor and is rolled out.
    Addon {
        /// Name in the catalog.
        component: String,
        /// Namespace.
        namespace: String,
        /// Kubernetes minor.
        minor: String,
    },
    /// kube-proxy has the version.
    KubeProxy(VersionGoalDoc),
    /// A platform has the release.
    Platform {
        /// Platform.
        platform: String,
        /// Release.
        release: String,
    },
    /// Platform applications of DKP have the versions of a release.
    PlatformApps {
        /// Namespaces.
        namespaces: Vec<String>,
        /// Release of DKP.
        release: String,
    },
    /// An AppDeployment of DKP has a version, or is removed.
    AppDeployment {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// Version; null if it must be removed.
        version: Option<String>,
    },
    /// A KommanderCluster reports a Kubernetes minor of a range.
    KommanderCluster {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// `1.21 to 1.22`.
        kubernetes: String,
    },
    /// The installer of Kyma has a release, or is deleted.
    KymaInstaller {
        /// Release; null if it must be deleted.
        release: Option<String>,
    },
    /// Kyma runs a release, and what installs it has finished.
    KymaInstalled {
        /// Release.
        release: String,
    },
}

/// A version to reach.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionGoalDoc {
    /// `1.25.16`.
    pub release: String,
    /// Whether any patch of its minor suffices.
    pub any_patch: bool,
}

/// A set of nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NodeSetDoc {
    /// One node.
    Node(String),
    /// The workers of a pool; those without a pool if empty.
    Pool(String),
}

/// Seconds; null if unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DurationDoc {
    /// Minimum.
    pub low: Option<u64>,
    /// Maximum.
    pub high: Option<u64>,
}

/// A maintenance window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WindowDoc {
    /// As given.
    pub window: String,
    /// When it opens, RFC 3339, UTC; the time of the plan if it is open already.
    pub start: String,
    /// When it closes.
    pub end: String,
    /// Ids of the steps planned for it, in order.
    pub steps: Vec<String>,
    /// Whether the steps are known to fit: false if any of them has no known maximum duration.
    pub proven: bool,
}

/// Counts and sums.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanSummary {
    /// Steps, including those omitted because they are done.
    pub steps: usize,
    /// Steps that are done.
    pub done: usize,
    /// Estimated duration of the remaining steps, as far as it is known.
    pub duration_seconds: DurationDoc,
    /// Remaining steps without a known maximum duration.
    pub unknown_durations: usize,
    /// Assumed parallelism: nodes of a pool upgraded at a time. The basis of a step that is a whole pool states its own.
    pub parallel: u32,
    /// Ids of the remaining steps that cannot be undone.
    pub points_of_no_return: Vec<String>,
    /// Ids of the steps that fit no window.
    pub no_window: Vec<String>,
    /// Gaps.
    pub gaps: usize,
}

/// What is read of an [`UpgradePlan`] to follow it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FollowedPlan {
    /// The cluster that it was made for.
    pub cluster: FollowedCluster,
    /// The hops.
    pub path: Vec<FollowedHop>,
    /// Those of the first cluster's plan, in order.
    pub steps: Vec<FollowedStep>,
    /// What it says of all steps.
    #[serde(default)]
    pub summary: FollowedSummary,
}

/// The summary of a plan that is followed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FollowedSummary {
    /// How long the steps that were left take.
    #[serde(default)]
    pub duration_seconds: DurationDoc,
}

/// A hop of a plan that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FollowedHop {
    /// The platform it upgrades.
    pub platform: PlatformName,
    /// The version it leaves; null if the start is unknown.
    pub from: Option<VersionSpec>,
    /// The version it reaches.
    pub to: VersionSpec,
}

/// The cluster of a plan that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FollowedCluster {
    /// Name of the kubeconfig context.
    pub context: Option<String>,
    /// URL of the API server.
    pub server: Option<String>,
    /// UID of the namespace kube-system; null if unknown, as in plans of older releases.
    #[serde(default)]
    pub uid: Option<String>,
}

/// A step of a plan that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FollowedStep {
    /// Id.
    pub id: String,
    /// The cluster that it upgrades; null without one, and in older plans.
    #[serde(default)]
    pub cluster: Option<String>,
    /// What to do.
    pub title: String,
    /// The completion condition.
    pub done_when: FollowedCondition,
    /// How long it takes.
    #[serde(default)]
    pub duration_seconds: DurationDoc,
}

impl FollowedStep {
    /// Whether the plan of another cluster than the first one adds it: the first one does not show its state.
    fn is_of_other_plan(&self) -> bool {
        let rest = self
            .cluster
            .as_ref()
            .and_then(|id| self.id.strip_prefix(id.as_str()));
        rest.is_some_and(|rest| rest.starts_with('/'))
    }
}

/// The completion condition of a step that is followed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FollowedCondition {
    /// For programs; it may be of a type that only a newer one knows.
    pub condition: serde_json::Value,
}

impl FollowedPlan {
    /// Reads the JSON of `kubectl upgrade-plan -o json`.
    ///
    /// # Errors
    /// Says what the text is instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document = super::parse_document(text, "UpgradePlan")?;
        let mut plan: Self = serde_json::from_value(document).map_err(|error| error.to_string())?;
        plan.steps.retain(|step| !step.is_of_other_plan());
        Ok(plan)
    }
}
