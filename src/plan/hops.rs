//! The hops of a plan: those of the path, preceded by a hop in progress.

use super::inventory;
use crate::catalog::{
    AppliesTo, Completion, Edge, EdgeConfidence, Minor, PlatformName, Procedure, Release,
    VersionPrecision, VersionSpec,
};
use crate::conditions::{CompletionCondition, CompletionStatus, ConditionEvaluator};
use crate::facts::dkp::{DkpEstate, KOMMANDER, KonvoyCluster};
use crate::facts::unfinished_hop::UnfinishedHop;
use crate::path::Hop;
use crate::rules::CheckContext;

/// A hop with its procedures.
#[derive(Debug)]
pub(super) struct HopPlan<'a> {
    pub(super) hop: Hop,
    /// First that for every cluster, then that for this one; empty if the catalog has none.
    pub(super) procedures: Vec<&'a Procedure>,
    pub(super) version_precision: VersionPrecision,
}

impl HopPlan<'_> {
    pub(super) fn is_kubernetes(&self) -> bool {
        self.hop.platform == PlatformName::Kubernetes
    }

    fn is_of_topology(&self) -> bool {
        let mut procedures = self.procedures.iter();
        procedures.any(|procedure| procedure.applies_to == AppliesTo::ClusterTopology)
    }

    /// Whether it leads to another minor.
    pub(super) fn is_minor_change(&self) -> bool {
        let from = self.hop.from.as_ref();
        // Of a hop in progress of another platform, the release before is unknown: what came before it is over.
        from.map_or(self.is_kubernetes(), |from| {
            from.minor() != self.hop.minor()
        })
    }
}

/// The hops of a plan.
#[derive(Debug)]
pub(super) struct Itinerary<'a> {
    pub(super) hop_plans: Vec<HopPlan<'a>>,
}

pub(super) fn itinerary<'a>(context: &CheckContext<'a>) -> Itinerary<'a> {
    let hops = dkp_hop_in_progress(context)
        .or_else(|| kyma_hop_in_progress(context))
        .into_iter()
        .chain(hop_in_progress(context).or_else(|| fleet_hop_in_progress(context)))
        .chain(context.path.hops.iter().cloned());
    let mut hop_plans: Vec<HopPlan<'_>> = hops.map(|hop| hop_plan(context, hop)).collect();
    let mut kubernetes = hop_plans.iter_mut().filter(|hop| hop.is_kubernetes());
    // Cluster API chooses the patches on the way to the last one.
    kubernetes.next_back();
    for hop in kubernetes.filter(|hop| hop.is_of_topology()) {
        hop.version_precision = VersionPrecision::Minor;
    }
    Itinerary { hop_plans }
}

impl Itinerary<'_> {
    fn kubernetes_hops(&self) -> impl Iterator<Item = &HopPlan<'_>> {
        let hops = self.hop_plans.iter();
        hops.filter(|hop_plan| hop_plan.is_kubernetes())
    }

    /// The versions that the hops of Kubernetes lead to.
    pub(super) fn kubernetes_targets(&self) -> impl Iterator<Item = &VersionSpec> {
        self.kubernetes_hops().map(|hop_plan| &hop_plan.hop.to)
    }

    /// The minors that the hops of Kubernetes lead to.
    pub(super) fn kubernetes_minors(&self) -> Vec<Minor> {
        self.kubernetes_hops()
            .map(|hop_plan| hop_plan.hop.minor())
            .collect()
    }

    /// How many minors the procedures allow kubelets to lag, besides the version skew policy; none if not at all.
    pub(super) fn max_kubelet_lag(&self) -> Option<u8> {
        let procedures = self
            .kubernetes_hops()
            .flat_map(|hop_plan| &hop_plan.procedures);
        let mut rules = procedures.filter_map(|procedure| procedure.kubelet_skew.as_ref());
        rules.try_fold(u8::MAX, |least, rule| {
            let limit = rule.max_minors_behind.unwrap_or(u8::MAX);
            rule.can_lag.then_some(least.min(limit))
        })
    }
}

fn hop_plan<'a>(context: &CheckContext<'a>, hop: Hop) -> HopPlan<'a> {
    let procedures = inventory::procedures(context, &hop);
    let mut best = procedures.iter();
    let best = best.rfind(|procedure| procedure.applies_to != AppliesTo::Fleet);
    HopPlan {
        version_precision: best
            .map(|procedure| procedure.version_precision)
            .unwrap_or_default(),
        procedures,
        hop,
    }
}

/// The hop of Kubernetes that has begun but is not complete.
fn hop_in_progress(context: &CheckContext<'_>) -> Option<Hop> {
    let UnfinishedHop { from, to } = context.unfinished_hop()?;
    let kubernetes = context.catalog.platform(PlatformName::Kubernetes);
    let edge = kubernetes
        .zip(to.release())
        .and_then(|(kubernetes, to)| kubernetes.edge(&from, to));
    let edge = edge.as_ref();
    Some(Hop {
        platform: PlatformName::Kubernetes,
        from: Some(VersionSpec::Release(from)),
        to,
        source: edge.map_or_else(|| "in progress".to_owned(), Edge::citation),
        confidence: edge.map_or(EdgeConfidence::FromRule, |edge| edge.confidence),
    })
}

/// The hop of DKP that has begun with Kommander, which runs its release, and is not complete.
fn dkp_hop_in_progress(context: &CheckContext<'_>) -> Option<Hop> {
    let (view, detected) = inventory::target_cluster(context)?;
    let estate = DkpEstate::new(view, detected);
    let release = estate.release.as_ref()?;
    let evaluator = ConditionEvaluator::new(view, detected, None, context.now);
    let is_behind = |condition| evaluator.evaluate(&condition) == CompletionStatus::Todo;
    let mut namespaces = vec![KOMMANDER.to_owned()];
    let topology = &detected.topology;
    namespaces.extend(
        topology
            .workspaces
            .iter()
            .filter_map(|one| one.namespace.clone()),
    );
    namespaces.extend(
        topology
            .projects
            .iter()
            .filter_map(|one| one.namespace.clone()),
    );
    let cluster_api = context.catalog.dkp.minor(release.minor());
    let cluster_api = cluster_api.and_then(|minor| minor.cluster_api.clone());
    let ships = bundled_kubernetes(context, release)?;
    let is_unfinished = detected.effective_minor < ships
        || is_fleet_behind(context, &estate, ships)
        || is_behind(CompletionCondition::PlatformApps {
            namespaces,
            release: release.clone(),
        })
        || cluster_api.is_some_and(|release| {
            is_behind(CompletionCondition::Platform {
                platform: PlatformName::ClusterApi,
                release: VersionSpec::Release(release),
            })
        });
    (begins_with_kommander(context, release) && is_unfinished).then(|| Hop {
        platform: PlatformName::Dkp,
        from: None,
        to: VersionSpec::Release(release.clone()),
        source: "in progress".to_owned(),
        confidence: EdgeConfidence::FromRule,
    })
}

/// The hop of Kyma whose release runs, and whose installation has not finished.
fn kyma_hop_in_progress(context: &CheckContext<'_>) -> Option<Hop> {
    let (view, detected) = inventory::target_cluster(context)?;
    let release = detected.platform(PlatformName::Kyma)?.version.clone()?;
    let release = VersionSpec::Release(release);
    let installed = CompletionCondition::KymaInstalled {
        release: release.clone(),
    };
    let evaluator = ConditionEvaluator::new(view, detected, None, context.now);
    let status = evaluator.evaluate(&installed);
    let is_unfinished =
        status == CompletionStatus::Todo || matches!(status, CompletionStatus::InProgress { .. });
    is_unfinished.then(|| Hop {
        platform: PlatformName::Kyma,
        from: None,
        to: release,
        source: "in progress".to_owned(),
        confidence: EdgeConfidence::FromRule,
    })
}

/// The hop of Kubernetes that the management cluster has done, and a managed cluster has not.
fn fleet_hop_in_progress(context: &CheckContext<'_>) -> Option<Hop> {
    let (view, detected) = inventory::target_cluster(context)?;
    let estate = DkpEstate::new(view, detected);
    let release = estate.release.as_ref()?;
    let ships = bundled_kubernetes(context, release)?;
    let is_done_here = detected.effective_minor >= ships && begins_with_kommander(context, release);
    let oldest = estate.managed.iter().filter_map(|one| one.oldest.as_ref());
    let oldest = oldest.min_by_key(|version| &version.semver);
    let oldest = oldest.filter(|version| version.minor() < ships);
    (is_done_here && is_fleet_behind(context, &estate, ships)).then(|| Hop {
        platform: PlatformName::Kubernetes,
        from: oldest.map(|version| VersionSpec::Release(version.without_suffix())),
        to: VersionSpec::Release(detected.kubernetes.without_suffix()),
        source: "in progress".to_owned(),
        confidence: EdgeConfidence::FromRule,
    })
}

/// Whether a hop to a release begins with Kommander, which then shows that it has begun: the move from 1.8 does not.
fn begins_with_kommander(context: &CheckContext<'_>, release: &Release) -> bool {
    let procedures = context.catalog.procedures.iter();
    let procedures = procedures.filter(|procedure| procedure.platform == PlatformName::Dkp);
    let mut steps = procedures.flat_map(|procedure| &procedure.steps);
    steps.any(|step| {
        step.done_when == Completion::Platform && step.target_minors.contains(release.minor())
    })
}

/// The minor of Kubernetes that a release of DKP ships.
fn bundled_kubernetes(context: &CheckContext<'_>, release: &Release) -> Option<Minor> {
    let platform = context.catalog.platform(PlatformName::Dkp)?;
    let ships = platform
        .find_release(release)?
        .bundled_kubernetes
        .as_ref()?;
    Some(ships.minor())
}

/// Whether another cluster has not the Kubernetes of the running release yet; an attached one only if nothing else is ahead,
/// because its upgrade is no more than recommended.
fn is_fleet_behind(context: &CheckContext<'_>, estate: &DkpEstate, ships: Minor) -> bool {
    let is_old = |cluster: &KonvoyCluster| {
        let dkp = estate.release.as_ref().map(Release::minor);
        let table = &context.catalog.dkp;
        let own = dkp.and_then(|dkp| table.provider_kubernetes(&cluster.provider, dkp));
        let oldest = cluster.oldest.as_ref().map(Release::minor);
        oldest.is_some_and(|oldest| oldest < own.map_or(ships, Release::minor))
    };
    let mut managed = estate.managed.iter();
    let range = estate.release.as_ref();
    let range = range.and_then(|release| context.catalog.dkp_kubernetes(release));
    let is_outside = |version: &Release| range.is_some_and(|one| !one.contains(version.minor()));
    let mut attached = estate.attached.iter();
    managed.any(|one| one.is_rolling || is_old(one))
        || context.path.hops.is_empty()
            && attached.any(|one| one.version.as_ref().is_some_and(is_outside))
}
