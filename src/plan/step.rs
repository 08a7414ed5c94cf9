//! One step of a plan.

use crate::catalog::DurationEstimate;
use crate::conditions::CompletionCondition;
use crate::need::ClusterId;
use crate::path::HopId;

/// Stands for the node's name in [`Step::shared_title`].
pub const EACH_NODE: &str = "each node";

/// Something that a person or a pipeline does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Stable across runs: derived from hop, action and scope.
    pub id: String,
    /// The cluster that it upgrades; none without a cluster.
    pub cluster: Option<ClusterId>,
    /// The cluster whose plan and hop it belongs to: for a managed cluster, that of its management cluster.
    pub planned_for: Option<ClusterId>,
    /// The hop it belongs to.
    pub hop: HopId,
    /// What is done, wherever: the same for all nodes of a pool.
    pub action: String,
    /// Where it is done.
    pub scope: StepScope,
    /// What is done, without a full stop.
    pub title: String,
    /// The title with [`EACH_NODE`] in place of the node's name: the same for all nodes of a pool.
    pub shared_title: String,
    /// Its state in the cluster.
    pub state: StepState,
    /// Of a step in progress: how many of its objects are done, and how many it has.
    pub progress: Option<(usize, usize)>,
    /// Shell commands in order; a line that begins with `#` says where the next ones run.
    pub commands: Vec<String>,
    /// Fingerprints of the findings to resolve first.
    pub gates: Vec<String>,
    /// When it counts as done.
    pub done_when: CompletionCondition,
    /// How long it takes.
    pub duration: DurationEstimate,
    /// What shows how far it is, beyond its completion condition.
    pub evidence: Vec<String>,
    /// What it interrupts.
    pub interrupts: Vec<String>,
    /// Whether it can be undone.
    pub is_reversible: bool,
    /// URLs of documentation.
    pub links: Vec<String>,
    /// Objects to change, each with who must change it.
    pub objects: Vec<String>,
}

/// Where a step is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepScope {
    /// What it is done to.
    pub level: ScopeLevel,
    /// The name of the cluster, pool or node.
    pub name: String,
    /// The pool of a worker node.
    pub pool: Option<String>,
}

/// What a step is done to, from the widest scope to the narrowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ScopeLevel {
    /// A workspace of Kommander.
    Workspace,
    /// A project of a workspace.
    Project,
    /// A cluster.
    Cluster,
    /// A node pool.
    Pool,
    /// A node.
    Node,
}

/// The state of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// The cluster shows that it is done.
    Done,
    /// The cluster shows that it has begun.
    InProgress,
    /// Not begun.
    Todo,
    /// Not begun, and held back by findings or on purpose.
    Blocked,
    /// Cannot be verified from the cluster: a person confirms it.
    Manual,
    /// What it depends on could not be read.
    Unknown,
}

/// How many steps of this kind run at the same time: `parallel` for single workers of a pool, else one. A step that upgrades a
/// whole pool has its parallelism in its duration.
#[must_use]
pub fn parallelism(pool: Option<&str>, parallel: u32) -> u64 {
    pool.map_or(1, |_| u64::from(parallel.max(1)))
}
