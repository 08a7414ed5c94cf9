//! The hops of a plan: those of the path, preceded by a hop in progress.

use super::inventory;
use crate::catalog::{
    AppliesTo, Edge, EdgeConfidence, Minor, PlatformName, Procedure, VersionPrecision, VersionSpec,
};
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
        from.is_none_or(|from| from.minor() != self.hop.minor())
    }
}

/// The hops of a plan.
#[derive(Debug)]
pub(super) struct Itinerary<'a> {
    pub(super) hop_plans: Vec<HopPlan<'a>>,
}

pub(super) fn itinerary<'a>(context: &CheckContext<'a>) -> Itinerary<'a> {
    let hops = hop_in_progress(context)
        .into_iter()
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
    let last = procedures.last();
    HopPlan {
        version_precision: last
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
