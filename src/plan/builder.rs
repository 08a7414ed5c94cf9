//! From the procedures of each hop to steps with their state.

use super::addons::{self, AddonUpgrade};
use super::draft::{HopContext, StepDraft, StepTarget};
use super::drain::{DrainImpact, DrainImpacts};
use super::hops::{HopPlan, Itinerary};
use super::inventory::{ClusterInventory, NodePool, target_cluster};
use super::member::Member;
use super::pool_schedule::{LagLimits, PoolSchedule, pool_schedule};
use super::result::PlanOptions;
use super::step::{ScopeLevel, Step, StepState};
use super::step_builder::StepBuilder;
use super::{remediation, template};
use crate::catalog::{
    Catalog, Completion, GateScope, HopPhase, MachineOwner, PlatformName, Release, RepeatFor,
    StepTemplate, VersionSpec,
};
use crate::conditions::{CompletionCondition, CompletionStatus, ConditionEvaluator};
use crate::detect::DetectedCluster;
use crate::facts::dkp::DkpEstate;
use crate::need::ClusterId;
use crate::path::HopId;
use crate::rules::{CheckContext, Finding};

/// The phases of a hop in order.
const PHASES: [HopPhase; 7] = [
    HopPhase::Prepare,
    HopPhase::BeforeControlPlane,
    HopPhase::ControlPlane,
    HopPhase::AfterControlPlane,
    HopPhase::Nodes,
    HopPhase::Finish,
    HopPhase::Fleet,
];

/// Builds the steps of all hops.
struct PlanBuilder<'a> {
    steps: StepBuilder<'a>,
    /// None without a cluster.
    evaluator: Option<ConditionEvaluator<'a>>,
    /// The version of the cluster's API server, or what it emulates.
    current: Option<VersionSpec>,
    /// For each pool of the inventory.
    pool_schedules: Vec<PoolSchedule>,
    addon_upgrades: Vec<AddonUpgrade>,
}

/// The steps of all hops, and remarks on pools and nodes.
pub(super) fn build_steps<'a>(
    context: &'a CheckContext<'a>,
    findings: &'a [Finding],
    itinerary: &'a Itinerary<'a>,
    options: &'a PlanOptions,
) -> (Vec<Step>, Vec<String>) {
    let builder = PlanBuilder::new(context, findings, itinerary, options);
    let cluster = context.cluster;
    let cluster_name = cluster.map_or_else(
        || template::CLUSTER_PLACEHOLDER.to_owned(),
        |cluster| cluster.id.to_string(),
    );
    let mut steps = Vec::new();
    let mut kubernetes_hops = 0;
    let mut drafts_by_hop = Vec::new();
    let mut is_next = true;
    let mut is_backed_up = false;
    let mut dkp = builder.steps.estate.release.as_ref();
    let mut kubernetes = builder.current.as_ref().map(VersionSpec::minor);
    for (index, hop_plan) in itinerary.hop_plans.iter().enumerate() {
        if hop_plan.hop.platform == PlatformName::Dkp {
            dkp = hop_plan.hop.to.release();
        }
        let next = itinerary.hop_plans.get(index + 1);
        let next = next.filter(|next| next.is_kubernetes());
        let here = Some(hop_plan).filter(|hop_plan| hop_plan.is_kubernetes());
        let minor = |hop_plan: &HopPlan<'_>| hop_plan.hop.minor();
        kubernetes = here.map(minor).or(kubernetes);
        let hop = HopContext {
            dkp,
            kubernetes: next.map(minor).or(kubernetes),
            is_followed_by_kubernetes: next.is_some(),
            hop_plan,
            hop_id: HopId::from(&hop_plan.hop),
            is_first: index == 0,
            node_release: &hop_plan.hop.to,
            kubernetes_hop_index: kubernetes_hops,
            cluster_name: &cluster_name,
            kubectl_context: cluster.and_then(|cluster| cluster.context.as_deref()),
        };
        let mut drafts = builder.hop_steps(&hop);
        is_backed_up = is_backed_up || builder.ensure_backup(&hop, &mut drafts);
        kubernetes_hops += usize::from(hop_plan.is_kubernetes());
        drafts_by_hop.push(drafts);
    }
    let is_followed = |index: usize| {
        let hop_plans = itinerary
            .hop_plans
            .get(index..index + 2)
            .unwrap_or_default();
        matches!(hop_plans, [one, next] if !one.is_kubernetes() && next.is_kubernetes())
    };
    let followed_by: Vec<bool> = (0..drafts_by_hop.len())
        .map(|index| is_followed(index) && builder.moves_control_plane(&drafts_by_hop[index + 1]))
        .collect();
    for (drafts, later_has_begun) in drafts_by_hop.into_iter().zip(followed_by) {
        let hop_steps = builder.with_states(drafts, is_next, later_has_begun);
        is_next &= hop_steps.iter().all(|step| {
            step.done_when == CompletionCondition::Manual || step.state == StepState::Done
        });
        steps.extend(hop_steps);
    }
    for step in &mut steps {
        step.planned_for = context.cluster_id().cloned();
        step.cluster = step.cluster.take().or_else(|| step.planned_for.clone());
    }
    let remarks = match kubernetes_hops {
        0 => Vec::new(),
        _ => builder.steps.inventory.remarks(),
    };
    (steps, remarks)
}

impl<'a> PlanBuilder<'a> {
    fn new(
        context: &'a CheckContext<'a>,
        findings: &'a [Finding],
        itinerary: &Itinerary<'_>,
        options: &'a PlanOptions,
    ) -> Self {
        let target = target_cluster(context);
        let detected = target.map(|(_, detected)| detected);
        let inventory = ClusterInventory::new(context);
        let minors = itinerary.kubernetes_minors();
        let max_lag = itinerary.max_kubelet_lag();
        let current_minor = detected.map(|detected| detected.effective_minor);
        let chain_target = inventory.capi.topology.as_ref();
        let chain_target = chain_target.and_then(|topology| topology.version.as_ref());
        let chain_target = chain_target.map(Release::minor);
        let schedule = |pool: &NodePool| {
            let oldest = pool.oldest_kubelet.as_ref().map(Release::minor);
            let oldest = oldest.or(context.path.from);
            let limits = LagLimits {
                max_lag,
                chain_target,
            };
            pool_schedule(oldest, current_minor, &minors, limits, context.catalog)
        };
        let mut hops = context.path.hops.iter();
        let leads_to_dkp = hops.any(|hop| hop.platform == PlatformName::Dkp);
        let addons = detected.map_or(&[][..], |detected| &detected.addons);
        Self {
            evaluator: target.map(|(view, detected)| {
                ConditionEvaluator::new(view, detected, Some(findings), context.now)
            }),
            current: detected.map(|detected| current_version(detected, context.catalog)),
            pool_schedules: inventory.pools.iter().map(schedule).collect(),
            addon_upgrades: addons::addon_upgrades(addons, current_minor, &minors, context.catalog),
            steps: StepBuilder {
                catalog: context.catalog,
                findings,
                has_cluster: target.is_some(),
                drain_impacts: target
                    .map(|(view, _)| DrainImpacts::new(context, view, findings))
                    .unwrap_or_default(),
                chain: topology_chain(detected, itinerary),
                context,
                kyma_variant: detected
                    .and_then(|one| one.platform(PlatformName::Kyma)?.variant.clone()),
                estate: target.map_or_else(
                    || DkpEstate::placeholder(leads_to_dkp),
                    |(view, detected)| DkpEstate::new(view, detected),
                ),
                projects: detected.map_or_else(Vec::new, |one| one.topology.projects.clone()),
                inventory,
                parallel: options.parallel,
                measured: options.measured_in(context),
            },
        }
    }

    /// The steps of one hop, in order.
    fn hop_steps(&self, hop: &HopContext<'_>) -> Vec<StepDraft> {
        let remediation = || remediation::remediation_steps(self.steps.findings, hop);
        let addons = |phase| addons::addon_steps(&self.addon_upgrades, hop, phase);
        let mut drafts = Vec::new();
        if hop.hop_plan.procedures.is_empty() {
            drafts.extend(remediation());
            drafts.push(self.guide_step(hop));
            return drafts;
        }
        let upgraded = self
            .pools_where(|pool| pool.upgrades_in_hop.get(hop.kubernetes_hop_index) == Some(&true));
        for phase in PHASES {
            drafts.extend(self.phase_steps(hop, phase, &upgraded));
            match phase {
                HopPhase::Prepare => drafts.extend(self.catch_up_steps(hop)),
                HopPhase::BeforeControlPlane => {
                    drafts.extend(remediation());
                    drafts.extend(addons(phase));
                }
                HopPhase::AfterControlPlane => drafts.extend(addons(phase)),
                _ => {}
            }
        }
        drafts
    }

    /// Puts a backup before the first step that cannot be undone. Returns whether there is one now.
    fn ensure_backup(&self, hop: &HopContext<'_>, drafts: &mut Vec<StepDraft>) -> bool {
        let is_backup =
            |draft: &StepDraft| matches!(draft.step.done_when, CompletionCondition::Backup { .. });
        let backup = drafts.iter().position(is_backup);
        let Some(irreversible) = drafts.iter().position(|draft| !draft.step.is_reversible) else {
            return backup.is_some();
        };
        if backup.is_some_and(|backup| backup < irreversible) {
            return true;
        }
        let platform = [hop.hop_plan.hop.platform, PlatformName::Kubernetes];
        let procedures = self.steps.catalog.procedures.iter();
        let procedures = procedures.filter(|procedure| platform.contains(&procedure.platform));
        let mut templates = procedures.flat_map(|procedure| &procedure.steps);
        let template =
            templates.find(|template| matches!(template.done_when, Completion::RecentBackup(_)));
        let draft =
            template.map(|template| self.steps.draft_step(hop, template, &StepTarget::Cluster));
        drafts.splice(0..0, draft);
        true
    }

    fn pools_where(&self, is_wanted: impl Fn(&PoolSchedule) -> bool) -> Vec<&NodePool> {
        let pools = self.steps.inventory.pools.iter().zip(&self.pool_schedules);
        let pools = pools.filter(|(_, schedule)| is_wanted(schedule));
        pools.map(|(pool, _)| pool).collect()
    }

    /// Upgrades pools that would be too old for the first hop to the release of the API server.
    fn catch_up_steps(&self, hop: &HopContext<'_>) -> Vec<StepDraft> {
        let is_first_of_kubernetes = hop.kubernetes_hop_index == 0 && hop.hop_plan.is_kubernetes();
        let current = self.current.as_ref();
        let Some(current) = current.filter(|_| is_first_of_kubernetes) else {
            return Vec::new();
        };
        let hop = HopContext {
            node_release: current,
            ..hop.clone()
        };
        let pools = self.pools_where(|schedule| schedule.must_catch_up);
        let mut drafts = self.phase_steps(&hop, HopPhase::Nodes, &pools);
        drafts.retain(|draft| draft.step.scope.level != ScopeLevel::Cluster);
        drafts
    }

    fn phase_steps(
        &self,
        hop: &HopContext<'_>,
        phase: HopPhase,
        pools: &[&NodePool],
    ) -> Vec<StepDraft> {
        let procedures = hop.hop_plan.procedures.iter();
        let templates = procedures
            .flat_map(|procedure| &procedure.steps)
            .filter(|template| {
                template.phase == phase
                    && template.target_minors.contains(hop.hop_plan.hop.minor())
                    && (!template.requires_minor_change
                        || hop.hop_plan.is_minor_change()
                        // What is to be done at the end of a hop in progress is not over.
                        || (phase == HopPhase::Finish && hop.hop_plan.hop.from.is_none()))
                    && self.has_nodes_for(template)
            });
        let drafts = templates.flat_map(|template| {
            let targets = self.step_targets(template, pools).into_iter();
            let targets = targets.filter(|target| self.steps.is_wanted(hop, template, target));
            targets.map(move |target| self.steps.draft_step(hop, template, &target))
        });
        let mut drafts: Vec<StepDraft> = drafts.collect();
        if phase == HopPhase::Fleet {
            // Stable: one cluster after the other, its steps in order.
            drafts.sort_by(|one, other| one.cluster_key.cmp(&other.cluster_key));
        }
        drafts
    }

    /// Whether the cluster has the nodes that a step is for.
    fn has_nodes_for(&self, template: &StepTemplate) -> bool {
        let inventory = &self.steps.inventory;
        let provider = template.virtual_nodes.as_ref();
        provider.is_none_or(|name| inventory.virtual_node_providers.contains(name))
            && !(template.requires_own_nodes && inventory.is_upgraded_by_provider())
    }

    fn step_targets<'s>(
        &'s self,
        template: &StepTemplate,
        pools: &[&'s NodePool],
    ) -> Vec<StepTarget<'s>> {
        let control_plane = self.steps.inventory.control_plane_nodes.as_slice();
        let nodes = |nodes: Option<&'s [String]>| {
            let nodes = nodes.unwrap_or_default().iter();
            nodes
                .map(|node| StepTarget::ControlPlaneNode(node))
                .collect()
        };
        let pools = pools.iter().copied().filter(|pool| {
            // Nodes that their provider upgrades have steps of their own only.
            match template.machine_owner {
                Some(owner) => owner == pool.machine_owner,
                None => pool.machine_owner != MachineOwner::Provider,
            }
        });
        match template.repeat_for {
            RepeatFor::Once => vec![StepTarget::Cluster],
            RepeatFor::FirstControlPlaneNode => nodes(control_plane.get(..1)),
            RepeatFor::OtherControlPlaneNodes => nodes(control_plane.get(1..)),
            RepeatFor::ControlPlaneNodes => nodes(Some(control_plane)),
            RepeatFor::Pool => pools.map(StepTarget::Pool).collect(),
            RepeatFor::Workspace
            | RepeatFor::WorkspaceApp
            | RepeatFor::ProjectApp
            | RepeatFor::CustomApp
            | RepeatFor::ManagedCluster
            | RepeatFor::ManagedPool
            | RepeatFor::AttachedCluster => {
                let members = Member::all(&self.steps.estate, template.repeat_for);
                members.into_iter().map(StepTarget::Member).collect()
            }
            RepeatFor::Node => pools
                .flat_map(|pool| {
                    let nodes = pool.nodes.iter();
                    nodes.map(move |node| StepTarget::Worker(pool, node))
                })
                .collect(),
        }
    }

    /// The only step of a hop whose platform has no procedure in the catalog.
    fn guide_step(&self, hop_context: &HopContext<'_>) -> StepDraft {
        let hop = &hop_context.hop_plan.hop;
        let from = hop.from.as_ref().map(|from| format!(" from {from}"));
        let done_when = CompletionCondition::Platform {
            platform: hop.platform,
            release: hop.to.clone(),
        };
        let title = format!(
            "Upgrade {}{} to {}, following its upgrade guide",
            hop.platform.title(),
            from.unwrap_or_default(),
            hop.to
        );
        let drain = DrainImpact::default();
        StepDraft::from(Step {
            gates: self
                .steps
                .gate_fingerprints(hop_context, &GateScope::Hop, &drain),
            is_reversible: false,
            links: self.steps.hop_links(hop_context),
            ..hop_context.step_skeleton("upgrade", &StepTarget::Cluster, title, done_when)
        })
    }

    /// Whether a step of the control plane has begun.
    fn moves_control_plane(&self, drafts: &[StepDraft]) -> bool {
        let mut conditions = drafts.iter().map(|draft| &draft.step.done_when);
        conditions.any(|condition| {
            matches!(
                condition,
                CompletionCondition::KubeadmControlPlane { .. }
                    | CompletionCondition::ControlPlane { .. }
            ) && self
                .evaluator
                .as_ref()
                .is_some_and(|one| one.evaluate(condition).has_begun())
        })
    }

    /// Determines the state of each step of a hop; `later_has_begun` if the hop that completes it has.
    /// As for conditions on the cluster as it is now, `is_next` is false if an earlier hop has steps to do.
    fn with_states(
        &self,
        drafts: Vec<StepDraft>,
        is_next: bool,
        mut later_has_begun: bool,
    ) -> Vec<Step> {
        let mut steps: Vec<Step> = drafts
            .into_iter()
            .rev()
            .map(|draft| {
                let mut step = draft.step;
                step.cluster = draft
                    .cluster_key
                    .map(|(_, namespace, name)| ClusterId(format!("{namespace}/{name}")));
                let is_too_early = draft.is_judged_by_current_state && !is_next;
                let mut status = match (&self.evaluator, &step.done_when) {
                    (_, CompletionCondition::Manual) => CompletionStatus::Manual,
                    (None, _) => CompletionStatus::Todo,
                    (
                        _,
                        CompletionCondition::NoBlockers { .. }
                        | CompletionCondition::FindingsResolved { .. },
                    ) if is_too_early => CompletionStatus::Todo,
                    // Each hop deletes it again.
                    (_, CompletionCondition::KymaInstaller { release: None }) if !is_next => {
                        CompletionStatus::Todo
                    }
                    (Some(evaluator), condition) => evaluator.evaluate(condition),
                };
                if draft.is_implied_by_later && later_has_begun && !status.has_begun() {
                    status = CompletionStatus::Done;
                }
                if draft.is_requested && status == CompletionStatus::Todo {
                    let total = self.steps.inventory.capi.control_plane_machines;
                    status = CompletionStatus::InProgress {
                        done: 0,
                        total: total.unwrap_or(1),
                    };
                }
                if matches!(status, CompletionStatus::InProgress { .. }) {
                    step.evidence.extend(draft.progress_evidence);
                }
                later_has_begun |= status.has_begun() && !draft.is_judged_by_current_state;
                let is_gated = draft.is_on_hold || !step.gates.is_empty();
                (step.state, step.progress) = step_state(status, is_gated);
                step
            })
            .collect();
        steps.reverse();
        steps
    }
}

/// What nodes may be upgraded to now: the release of the API server, or the newest patch of the minor that it emulates.
fn current_version(detected: &DetectedCluster, catalog: &Catalog) -> VersionSpec {
    let minor = detected.effective_minor;
    if minor == detected.kubernetes.minor() {
        return VersionSpec::Release(detected.kubernetes.without_suffix());
    }
    let row = catalog.kubernetes_releases.find(minor);
    row.map_or(VersionSpec::Minor(minor), |row| {
        VersionSpec::Release(row.newest_patch.clone())
    })
}

/// The last version of the path, if a topology can be set to it at once and goes through the versions in between by itself.
fn topology_chain(
    detected: Option<&DetectedCluster>,
    itinerary: &Itinerary<'_>,
) -> Option<VersionSpec> {
    let offered = &detected?.topology_versions.as_ref()?.offered;
    let hops: Vec<&VersionSpec> = itinerary.kubernetes_targets().collect();
    let is_offered = |spec: &&VersionSpec| offered.iter().any(|release| spec.matches(release));
    let last = *hops.last()?;
    (hops.len() > 1 && hops.iter().all(is_offered)).then(|| last.clone())
}

fn step_state(status: CompletionStatus, is_gated: bool) -> (StepState, Option<(usize, usize)>) {
    match status {
        CompletionStatus::Done => (StepState::Done, None),
        CompletionStatus::InProgress { done, total } => {
            (StepState::InProgress, Some((done, total)))
        }
        _ if is_gated => (StepState::Blocked, None),
        CompletionStatus::Todo => (StepState::Todo, None),
        CompletionStatus::Unknown => (StepState::Unknown, None),
        CompletionStatus::Manual => (StepState::Manual, None),
    }
}
