//! From the procedures of each hop to steps with this cluster's own names.

use crate::catalog::{GateScope, HopPhase, Minor, RepeatFor, StepTemplate, VersionSpec};
use crate::conditions::{CompletionCondition, CompletionStatus, ConditionEvaluator};
use crate::detect::DetectedCluster;
use crate::path::HopId;
use crate::rules::{CheckContext, Finding};
use crate::snapshot::ClusterSnapshot;

use super::drain::{DrainImpact, DrainImpacts};
use super::hops::{HopPlan, Itinerary};
use super::inventory::{ClusterInventory, NodePool, target_cluster};
use super::kubelet_skew::{PoolSchedule, pool_schedule};
use super::{Step, addons, remediation, step_state};

/// A step that is still to be told how far it is.
pub(super) struct StepDraft {
    pub(super) step: Step,
    pub(super) is_implied_by_later: bool,
    /// Whether somebody holds it back on purpose.
    pub(super) is_on_hold: bool,
    /// Whether it is judged by the cluster as it is now, which tells nothing of a hop that is not next.
    pub(super) is_judged_by_current_state: bool,
}

/// Nothing is known of it but the step.
impl From<Step> for StepDraft {
    fn from(step: Step) -> Self {
        Self {
            step,
            is_implied_by_later: false,
            is_on_hold: false,
            is_judged_by_current_state: false,
        }
    }
}

/// What steps of every hop are made from.
pub(super) struct PlanBuilder<'a> {
    pub(super) context: &'a CheckContext<'a>,
    pub(super) findings: &'a [Finding],
    pub(super) target_cluster: Option<(&'a ClusterSnapshot, &'a DetectedCluster)>,
    evaluator: Option<ConditionEvaluator<'a>>,
    pub(super) inventory: ClusterInventory,
    pub(super) drain_impacts: DrainImpacts,
    /// For each pool of the layout.
    pub(super) pool_schedules: Vec<PoolSchedule>,
    /// What is done to add-ons.
    pub(super) addon_upgrades: Vec<addons::AddonUpgrade>,
    /// How many nodes of a pool at a time, where somebody asked for it.
    pub(super) parallel: Option<u32>,
}

/// One hop of them.
pub(super) struct HopContext<'a> {
    pub(super) hop_plan: &'a HopPlan<'a>,
    pub(super) hop_id: HopId,
    /// Whether it is the first of the plan.
    pub(super) is_first: bool,
    /// The release that nodes get: that of the hop, unless they catch up.
    pub(super) node_release: &'a VersionSpec,
    /// Of the hops of Kubernetes.
    pub(super) kubernetes_hop_index: usize,
}

/// Where a step is done.
pub(super) enum StepTarget<'a> {
    Cluster,
    ControlPlaneNode(&'a str),
    Pool(&'a NodePool),
    Worker(&'a NodePool, &'a str),
}

/// The steps of all hops, and what must be known of them.
pub(super) fn build_steps<'a>(
    situation: &'a CheckContext<'a>,
    findings: &'a [Finding],
    course: &'a Itinerary<'a>,
    parallel: Option<u32>,
) -> (Vec<Step>, Vec<String>) {
    let work = PlanBuilder::new(situation, findings, course, parallel);
    let mut steps = Vec::new();
    let mut number = 0;
    let mut is_next = true;
    for (at, leg) in course.hop_plans.iter().enumerate() {
        let now = HopContext {
            hop_plan: leg,
            hop_id: HopId::from(&leg.hop),
            is_first: at == 0,
            node_release: &leg.hop.to,
            kubernetes_hop_index: number,
        };
        let drafts = work.hop_steps(&now);
        let told = work.with_states(drafts, is_next);
        let settled = |step: &Step| {
            matches!(step.done_when, CompletionCondition::Manual)
                || step.state == super::StepState::Done
        };
        is_next &= told.iter().all(settled);
        steps.extend(told);
        number += usize::from(leg.is_kubernetes());
    }
    let remarks = match number {
        0 => Vec::new(),
        _ => work.inventory.pools_on_hold(),
    };
    (steps, remarks)
}

impl<'a> PlanBuilder<'a> {
    fn new(
        situation: &'a CheckContext<'a>,
        findings: &'a [Finding],
        course: &Itinerary<'_>,
        parallel: Option<u32>,
    ) -> Self {
        let here = target_cluster(situation);
        let layout = ClusterInventory::new(situation);
        let drains = here.map(|(picture, _)| DrainImpacts::new(situation, picture, findings));
        let legs = || course.hop_plans.iter().filter(|leg| leg.is_kubernetes());
        let minors: Vec<Minor> = legs().map(|leg| leg.hop.minor()).collect();
        let procedures = legs().flat_map(|leg| &leg.procedures);
        let kubelets = procedures.filter_map(|procedure| procedure.kubelet_skew.as_ref());
        let mut limits = kubelets.map(|kubelets| {
            let limit = kubelets.max_minors_behind.unwrap_or(u8::MAX);
            kubelets.can_lag.then_some(limit)
        });
        let at_most = limits.try_fold(u8::MAX, |least, limit| Some(least.min(limit?)));
        let server = here.map(|(_, detected)| detected.effective_minor);
        let moves = |pool: &NodePool| {
            let oldest = pool
                .oldest_kubelet
                .as_ref()
                .map(crate::catalog::Release::minor);
            let oldest = oldest.or(situation.path.from);
            pool_schedule(oldest, server, &minors, at_most, situation.catalog)
        };
        let installed = here.map(|(_, detected)| detected.addons.as_slice());
        let addons = addons::addon_upgrades(
            installed.unwrap_or_default(),
            server,
            &minors,
            situation.catalog,
        );
        Self {
            addon_upgrades: addons,
            context: situation,
            findings,
            target_cluster: here,
            evaluator: here.map(|here| ConditionEvaluator::new(situation, here, findings)),
            drain_impacts: drains.unwrap_or_default(),
            pool_schedules: layout.pools.iter().map(moves).collect(),
            inventory: layout,
            parallel,
        }
    }

    /// The steps of one hop, in their order.
    fn hop_steps(&self, now: &HopContext<'_>) -> Vec<StepDraft> {
        let mut drafts = Vec::new();
        if now.hop_plan.procedures.is_empty() {
            drafts.extend(remediation::remediation_steps(self, now));
            drafts.push(self.guide_step(now));
            return drafts;
        }
        for phase in [
            HopPhase::Prepare,
            HopPhase::BeforeControlPlane,
            HopPhase::ControlPlane,
            HopPhase::AfterControlPlane,
            HopPhase::Nodes,
            HopPhase::Finish,
        ] {
            let pools = self.pools_in_hop(now);
            drafts.extend(self.phase_steps(now, phase, &pools));
            match phase {
                HopPhase::Prepare => drafts.extend(self.catch_up_steps(now)),
                HopPhase::BeforeControlPlane => {
                    drafts.extend(remediation::remediation_steps(self, now));
                    drafts.extend(addons::addon_steps(self, now, phase));
                }
                HopPhase::AfterControlPlane => drafts.extend(addons::addon_steps(self, now, phase)),
                _ => {}
            }
        }
        drafts
    }

    /// Pools that move in this hop.
    fn pools_in_hop(&self, now: &HopContext<'_>) -> Vec<&NodePool> {
        let pools = self.inventory.pools.iter().zip(&self.pool_schedules);
        let pools = pools.filter(|(_, moves)| {
            moves.upgrades_in_hop.get(now.kubernetes_hop_index) == Some(&true)
        });
        pools.map(|(pool, _)| pool).collect()
    }

    /// Pools that would be too old for the first hop are brought to what the API server is now.
    fn catch_up_steps(&self, now: &HopContext<'_>) -> Vec<StepDraft> {
        let Some((_, detected)) = self
            .target_cluster
            .filter(|_| now.kubernetes_hop_index == 0 && now.hop_plan.is_kubernetes())
        else {
            return Vec::new();
        };
        let pools = self.inventory.pools.iter().zip(&self.pool_schedules);
        let pools: Vec<&NodePool> = pools
            .filter(|(_, moves)| moves.must_catch_up)
            .map(|(pool, _)| pool)
            .collect();
        let release = VersionSpec::Release(detected.kubernetes.without_suffix());
        let now = HopContext {
            node_release: &release,
            hop_id: now.hop_id.clone(),
            ..*now
        };
        self.phase_steps(&now, HopPhase::Nodes, &pools)
    }

    fn phase_steps(
        &self,
        now: &HopContext<'_>,
        phase: HopPhase,
        pools: &[&NodePool],
    ) -> Vec<StepDraft> {
        let actions = now
            .hop_plan
            .procedures
            .iter()
            .flat_map(|procedure| &procedure.steps);
        let actions = actions.filter(|action| {
            action.phase == phase
                && action.target_minors.contains(now.hop_plan.hop.minor())
                && (!action.requires_minor_change || now.hop_plan.is_minor_change())
        });
        let ours = &self.inventory.control_plane_nodes;
        let mut drafts = Vec::new();
        for action in actions {
            let nodes: &[String] = match action.repeat_for {
                RepeatFor::FirstControlPlaneNode => ours.get(..1).unwrap_or_default(),
                RepeatFor::OtherControlPlaneNodes => ours.get(1..).unwrap_or_default(),
                RepeatFor::ControlPlaneNodes => ours,
                RepeatFor::Once => {
                    drafts.push(self.draft_step(now, action, &StepTarget::Cluster));
                    continue;
                }
                RepeatFor::Pool | RepeatFor::Node => {
                    drafts.extend(self.pool_steps(now, action, pools));
                    continue;
                }
            };
            let place = nodes.iter().map(|node| StepTarget::ControlPlaneNode(node));
            drafts.extend(place.map(|place| self.draft_step(now, action, &place)));
        }
        drafts
    }

    fn pool_steps(
        &self,
        now: &HopContext<'_>,
        action: &StepTemplate,
        pools: &[&NodePool],
    ) -> Vec<StepDraft> {
        let made = |pool: &&&NodePool| {
            action
                .machine_owner
                .is_none_or(|maker| maker == pool.machine_owner)
        };
        let places = pools
            .iter()
            .filter(made)
            .flat_map(|pool| match action.repeat_for {
                RepeatFor::Node => pool
                    .nodes
                    .iter()
                    .map(|node| StepTarget::Worker(pool, node))
                    .collect(),
                _ => vec![StepTarget::Pool(pool)],
            });
        places
            .map(|place| self.draft_step(now, action, &place))
            .collect()
    }

    /// A hop of a platform whose procedure is not in the catalog.
    fn guide_step(&self, now: &HopContext<'_>) -> StepDraft {
        let hop = &now.hop_plan.hop;
        let from = hop.from.as_ref().map(|from| format!(" from {from}"));
        let done_when = CompletionCondition::Platform {
            platform: hop.platform,
            release: hop.to.clone(),
        };
        let title = format!(
            "Upgrade {}{} to {}, as its guide says",
            hop.platform.title(),
            from.unwrap_or_default(),
            hop.to
        );
        StepDraft::from(Step {
            gates: self.gate_fingerprints(now, &GateScope::Hop, &DrainImpact::default()),
            is_reversible: false,
            links: self.hop_links(now),
            ..self.step_skeleton(now, "upgrade", title, done_when)
        })
    }

    /// The steps of a hop, with how far each of them is.
    fn with_states(&self, drafts: Vec<StepDraft>, is_next: bool) -> Vec<Step> {
        let mut later_is_begun = false;
        let mut steps: Vec<Step> = drafts
            .into_iter()
            .rev()
            .map(|draft| {
                let mut step = draft.step;
                let seen = self.evaluate(
                    &step.done_when,
                    draft.is_judged_by_current_state && !is_next,
                );
                let progress = match seen {
                    CompletionStatus::Done | CompletionStatus::InProgress { .. } => seen,
                    _ if draft.is_implied_by_later && later_is_begun => CompletionStatus::Done,
                    _ => seen,
                };
                later_is_begun |= matches!(
                    progress,
                    CompletionStatus::Done | CompletionStatus::InProgress { .. }
                ) && !draft.is_judged_by_current_state;
                let is_gated = draft.is_on_hold || !step.gates.is_empty();
                (step.state, step.progress) = step_state(progress, is_gated);
                step
            })
            .collect();
        steps.reverse();
        steps
    }

    fn evaluate(&self, condition: &CompletionCondition, is_too_early: bool) -> CompletionStatus {
        match (&self.evaluator, condition) {
            (_, CompletionCondition::Manual) => CompletionStatus::Manual,
            (None, _) => CompletionStatus::Todo,
            (Some(_), CompletionCondition::NoBlockers { .. }) if is_too_early => {
                CompletionStatus::Todo
            }
            (Some(seen), condition) => seen.evaluate(condition),
        }
    }
}
