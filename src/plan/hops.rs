//! The hops of a plan: those of the path, preceded by a hop in progress.

use super::inventory;
use crate::catalog::{
    Edge, EdgeConfidence, Minor, PlatformName, Procedure, Release, VersionPrecision, VersionSpec,
};
use crate::facts::control_plane::{self, ControlPlanePod};
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
    /// Notes for the reader.
    pub(super) remarks: Vec<String>,
}

pub(super) fn itinerary<'a>(context: &CheckContext<'a>) -> Itinerary<'a> {
    let in_progress = hop_in_progress(context);
    let remark = in_progress.as_ref().and_then(|hop| {
        let (from, to) = (hop.from.as_ref()?, &hop.to);
        Some(format!(
            "the hop from {from} to {to} is in progress: its remaining steps come first"
        ))
    });
    let hops = in_progress
        .into_iter()
        .chain(context.path.hops.iter().cloned());
    Itinerary {
        hop_plans: hops.map(|hop| hop_plan(context, hop)).collect(),
        remarks: remark.into_iter().collect(),
    }
}

impl Itinerary<'_> {
    fn kubernetes_hops(&self) -> impl Iterator<Item = &HopPlan<'_>> {
        let hops = self.hop_plans.iter();
        hops.filter(|hop_plan| hop_plan.is_kubernetes())
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

/// The hop of Kubernetes that has begun but is not complete: the API server has its release, but other control plane components
/// have not, or, if no other hop lies ahead, kubelets have not.
fn hop_in_progress(context: &CheckContext<'_>) -> Option<Hop> {
    let (view, detected) = inventory::target_cluster(context)?;
    let current = &detected.kubernetes;
    let precision = inventory::version_precision(context);
    let is_behind = |release: &Release| match precision {
        VersionPrecision::Patch => release.semver < current.semver,
        VersionPrecision::Minor => release.minor() < current.minor(),
    };
    let pods = control_plane::control_plane_pods(view);
    let components = pods.iter().filter_map(ControlPlanePod::release);
    let is_last = context.path.kubernetes_hops().next().is_none();
    let kubelets = view
        .nodes()
        .unwrap_or_default()
        .iter()
        .filter(|_| is_last)
        .filter_map(|node| node.kubelet_version.release().cloned());
    let oldest = components.chain(kubelets).filter(is_behind).min()?;
    let kubernetes = context.catalog.platform(PlatformName::Kubernetes);
    let edge = kubernetes.and_then(|kubernetes| kubernetes.edge(&oldest, current));
    let edge = edge.as_ref();
    Some(Hop {
        platform: PlatformName::Kubernetes,
        from: Some(VersionSpec::Release(oldest.without_suffix())),
        to: VersionSpec::Release(current.without_suffix()),
        source: edge.map_or_else(|| "in progress".to_owned(), Edge::citation),
        confidence: edge.map_or(EdgeConfidence::FromRule, |edge| edge.confidence),
    })
}
