//! Rules on DKP: what its upgrade guides require of Kommander, its applications and its clusters. Those that inspect one
//! object at a time are in `src/catalog/rules/dkp.yaml`.

pub(super) mod applications;
pub(super) mod clusters;

use crate::catalog::{GroupResource, PlatformName};
use crate::detect;
use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::capi;
use crate::facts::dkp::{self, DkpEstate};
use crate::need::{Need, NeedContext};
use crate::path::{Hop, UpgradePath};
use crate::rules::{AffectedObject, CheckContext};

/// The upgrade guide that most of them rest on.
const GUIDE: &str = "https://github.com/mesosphere/dcos-docs-site/blob/main/pages/dkp/konvoy/2.3/dkp-upgrade/upgrade-kommander/index.md";

/// Hops of DKP, in order.
fn hops(path: &UpgradePath) -> impl Iterator<Item = &Hop> {
    path.hops_of(PlatformName::Dkp)
}

/// What the estate is read from, if DKP is upgraded.
fn needs(context: &NeedContext<'_>) -> Vec<Need> {
    match hops(context.path).next() {
        Some(_) => {
            let mut needs = detect::needs(context.discovery);
            needs.extend(dkp::needs(context.discovery));
            if detect::serves_cluster_api(context.discovery) {
                needs.push(capi::machine_deployments_need());
            }
            needs
        }
        None => Vec::new(),
    }
}

fn estate(context: &CheckContext<'_>) -> DkpEstate {
    let view = context.view();
    let both = view.zip(context.detected.as_ref());
    both.map(|(view, detected)| DkpEstate::new(view, detected))
        .unwrap_or_default()
}

/// An object of a custom resource, by its name.
fn object(
    context: &CheckContext<'_>,
    resource: (&str, &str),
    (kind, namespace, name): (&str, &str, &str),
    detail: String,
) -> AffectedObject {
    let gvk = context.listed_gvk(&GroupResource::new(resource.0, resource.1));
    let api_version = gvk.map(|gvk| gvk.api_version()).unwrap_or_default();
    let evidence = Evidence::new(EvidenceSource::Spec, detail);
    AffectedObject {
        namespace: Some(namespace.to_owned()),
        ..AffectedObject::cluster_scoped(&api_version, kind, name, evidence)
    }
}
