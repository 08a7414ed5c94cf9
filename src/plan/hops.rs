//! The hops of a plan: those of the path, and before them the one that is under way.

use crate::catalog::{PlatformName, Procedure, Release, VersionPrecision, VersionSpec};
use crate::facts::control_plane;
use crate::path::Hop;
use crate::rules::CheckContext;

use super::{capi, inventory};

/// A hop with what is done in it.
#[derive(Debug)]
pub(super) struct HopPlan<'a> {
    pub(super) hop: Hop,
    /// What every cluster does, and what this one does beside it; none where the catalog has no procedure.
    pub(super) procedures: Vec<&'a Procedure>,
    pub(super) version_precision: VersionPrecision,
}

impl HopPlan<'_> {
    /// Whether it is one of Kubernetes.
    pub(super) fn is_kubernetes(&self) -> bool {
        self.hop.platform == PlatformName::Kubernetes
    }

    /// Whether it changes the minor.
    pub(super) fn is_minor_change(&self) -> bool {
        let from = self.hop.from.as_ref();
        from.is_none_or(|from| from.minor() != self.hop.minor())
    }
}

/// The way that a plan takes.
#[derive(Debug)]
pub(super) struct Itinerary<'a> {
    pub(super) hop_plans: Vec<HopPlan<'a>>,
    /// What must be known of it.
    pub(super) remarks: Vec<String>,
}

pub(super) fn itinerary<'a>(situation: &CheckContext<'a>) -> Itinerary<'a> {
    let mut remarks = Vec::new();
    let under_way = hop_in_progress(situation);
    if let Some(Hop {
        from: Some(from),
        to,
        ..
    }) = &under_way
    {
        remarks.push(format!(
            "the hop from {from} to {to} is under way: what is left of it comes first"
        ));
    }
    let hops = under_way
        .into_iter()
        .chain(situation.path.hops.iter().cloned());
    let legs = hops.map(|hop| hop_plan(situation, hop)).collect();
    Itinerary {
        hop_plans: legs,
        remarks,
    }
}

fn hop_plan<'a>(situation: &CheckContext<'a>, hop: Hop) -> HopPlan<'a> {
    let procedures = inventory::procedures(situation, &hop);
    let reach = procedures
        .last()
        .map(|procedure| procedure.version_precision);
    HopPlan {
        version_precision: reach.unwrap_or_default(),
        procedures,
        hop,
    }
}

/// The hop of Kubernetes that has begun and is not at its end: the API server has its release, but components of the control
/// plane, or where no other hop lies ahead nodes, do not.
fn hop_in_progress(situation: &CheckContext<'_>) -> Option<Hop> {
    let (picture, detected) = inventory::target_cluster(situation)?;
    let current = &detected.kubernetes;
    let reach = inventory::version_precision(situation);
    let behind = |release: &Release| match reach {
        VersionPrecision::Patch => release.semver < current.semver,
        VersionPrecision::Minor => release.minor() < current.minor(),
    };
    let members = control_plane::control_plane_pods(situation);
    let components = members
        .iter()
        .filter_map(control_plane::ControlPlanePod::release);
    let no_other_hop = situation.path.kubernetes_hops().next().is_none();
    let kubelets = capi::node_rows(situation, picture)
        .iter()
        .filter(|_| no_other_hop)
        .filter_map(|node| node.kubelet_version.release().cloned());
    let oldest = components.chain(kubelets).filter(behind).min()?;
    let kubernetes = situation.catalog.platform(PlatformName::Kubernetes);
    let edge = kubernetes.and_then(|kubernetes| kubernetes.edge(&oldest, current));
    Some(Hop {
        platform: PlatformName::Kubernetes,
        from: Some(VersionSpec::Release(oldest.without_suffix())),
        to: VersionSpec::Release(current.without_suffix()),
        source: edge
            .as_ref()
            .map_or_else(|| "it has begun".to_owned(), crate::catalog::Edge::citation),
        confidence: edge.map_or(crate::catalog::EdgeConfidence::FromRule, |edge| {
            edge.confidence
        }),
    })
}
