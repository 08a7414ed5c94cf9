//! A step without its state, and the hop it is drafted for.

use super::hops::HopPlan;
use super::inventory::NodePool;
use super::member::Member;
use super::step::{ScopeLevel, Step, StepScope, StepState};
use super::template;
use crate::catalog::{DurationEstimate, Minor, Release, VersionSpec};
use crate::conditions::CompletionCondition;
use crate::path::HopId;

/// Basis of a duration that is unknown.
pub(super) const NOT_PUBLISHED: &str = "no published duration";

/// A step whose state is not determined yet.
pub(super) struct StepDraft {
    pub(super) step: Step,
    /// Whether it must be done if a later step of its hop has begun.
    pub(super) is_implied_by_later: bool,
    /// Whether its command has been run: it has begun, even if nothing has changed yet.
    pub(super) is_requested: bool,
    /// Evidence that counts only while it is in progress.
    pub(super) progress_evidence: Vec<String>,
    /// Whether the cluster holds it back on purpose.
    pub(super) is_on_hold: bool,
    /// Whether it is evaluated against the cluster as it is now, which is meaningless for any hop but the next.
    pub(super) is_judged_by_current_state: bool,
    /// The other cluster that it is for, behind managed ones if it is attached.
    pub(super) cluster_key: Option<(bool, String, String)>,
}

impl From<Step> for StepDraft {
    fn from(step: Step) -> Self {
        Self {
            step,
            is_implied_by_later: false,
            is_requested: false,
            progress_evidence: Vec::new(),
            is_on_hold: false,
            is_judged_by_current_state: false,
            cluster_key: None,
        }
    }
}

/// The hop that steps are drafted for.
#[derive(Clone)]
pub(super) struct HopContext<'a> {
    pub(super) hop_plan: &'a HopPlan<'a>,
    pub(super) hop_id: HopId,
    /// Whether it is the first of the plan.
    pub(super) is_first: bool,
    /// The release that nodes get: that of the hop, unless they catch up.
    pub(super) node_release: &'a VersionSpec,
    /// The release of DKP that runs once the hop is done; none without DKP.
    pub(super) dkp: Option<&'a Release>,
    /// The minor of Kubernetes that runs once the hop, and that of Kubernetes which follows it, are done.
    pub(super) kubernetes: Option<Minor>,
    /// Whether the next hop is one of Kubernetes.
    pub(super) is_followed_by_kubernetes: bool,
    /// Index among the hops of Kubernetes.
    pub(super) kubernetes_hop_index: usize,
    /// The cluster's name in steps; a placeholder without a cluster.
    pub(super) cluster_name: &'a str,
    /// The kubeconfig context of the cluster.
    pub(super) kubectl_context: Option<&'a str>,
}

/// What a step is done to.
pub(super) enum StepTarget<'a> {
    Cluster,
    ControlPlaneNode(&'a str),
    Pool(&'a NodePool),
    Worker(&'a NodePool, &'a str),
    Member(Member<'a>),
}

impl StepTarget<'_> {
    /// The single node.
    pub(super) fn node(&self) -> Option<&str> {
        match self {
            Self::ControlPlaneNode(node) | Self::Worker(_, node) => Some(node),
            Self::Cluster | Self::Pool(_) | Self::Member(_) => None,
        }
    }
}

impl HopContext<'_> {
    fn step_scope(&self, target: &StepTarget<'_>) -> StepScope {
        let (level, name, pool) = match target {
            StepTarget::Member(member) => {
                let (level, name) = member.scope();
                return StepScope {
                    level,
                    name,
                    pool: None,
                };
            }
            StepTarget::Cluster => (ScopeLevel::Cluster, self.cluster_name, None),
            StepTarget::ControlPlaneNode(node) => (ScopeLevel::Node, *node, None),
            StepTarget::Pool(pool) => (ScopeLevel::Pool, pool.display_name(), None),
            StepTarget::Worker(pool, node) => (ScopeLevel::Node, *node, Some(pool.display_name())),
        };
        StepScope {
            level,
            name: name.to_owned(),
            pool: pool.map(str::to_owned),
        }
    }

    fn step_id(&self, action: &str, target: &StepTarget<'_>) -> String {
        let to = &self.hop_plan.hop.to;
        let mut id = format!("{}-{to}-{action}", self.hop_id.platform);
        // Nodes that catch up first may be upgraded again in the same hop.
        if self.node_release != to {
            id = format!("{id}-to-{}", self.node_release);
        }
        match target {
            StepTarget::Cluster => id,
            StepTarget::Member(member) => format!("{id}-{}", member.id()),
            _ => format!("{id}-{}", self.step_scope(target).name),
        }
    }

    /// A step with only its title and condition set.
    pub(super) fn step_skeleton(
        &self,
        action: &str,
        target: &StepTarget<'_>,
        title: String,
        done_when: CompletionCondition,
    ) -> Step {
        Step {
            id: self.step_id(action, target),
            cluster: None,
            planned_for: None,
            hop: self.hop_id.clone(),
            action: action.to_owned(),
            scope: self.step_scope(target),
            shared_title: title.clone(),
            title,
            state: StepState::Unknown,
            progress: None,
            commands: Vec::new(),
            gates: Vec::new(),
            done_when,
            duration: DurationEstimate::unknown(NOT_PUBLISHED),
            evidence: Vec::new(),
            interrupts: Vec::new(),
            is_reversible: true,
            links: Vec::new(),
            objects: Vec::new(),
        }
    }

    /// A kubectl command for this cluster; its words are quoted already.
    pub(super) fn kubectl_command(&self, line: &str) -> String {
        template::with_kubectl_context(line, self.kubectl_context)
    }
}
