//! `ownerref-dead-gv`: owner references through versions that are not served.

use std::collections::BTreeMap;

use crate::catalog::{Catalog, Gvk, Minor};
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::{Discovery, ReadTarget};
use crate::path::HopId;
use crate::rules::engine::data_rule::object_from_meta;
use crate::rules::{AffectedObject, CheckContext, Finding, Rule, RuleKind, Severity};
use crate::snapshot::{OwnerReferenceRow, ReadOutcome, ReadResult};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "ownerref-dead-gv",
    severity: Severity::Warning,
    title: "An owner reference uses an API version that is not served",
    why: "The garbage collector cannot look up the owner. It retries indefinitely, and does not delete the dependents when the owner is deleted.",
    detection: "By metadata.ownerReferences of every object that is read anyway, against the versions that the API server serves and those that this path removes. Only groups of which another version is served are inspected.",
    remedy: "Update the reference to a served version; an up-to-date controller of the owner does so. After a CRD has dropped a version, restart kube-controller-manager.",
    reference: "https://kubernetes.io/docs/concepts/architecture/garbage-collection/",
    sources: &[
        "kubernetes/kubernetes pkg/controller/garbagecollector/operations.go (apiResource)",
        "kubernetes-sigs/cluster-api docs/book/src/reference/versions.md",
    ],
    kind: RuleKind::Code {
        // Reading more for this alone would mean reading everything.
        needs: |_| Vec::new(),
        evaluate,
    },
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<Option<HopId>, Vec<AffectedObject>> = BTreeMap::new();
    let Some(view) = context.view() else {
        return Vec::new();
    };

    let complete = |reading: &&ReadResult| reading.outcome == ReadOutcome::Complete;
    for reading in view.cluster.ledger.iter().filter(complete) {
        let ReadTarget::Objects { resource, .. } = &reading.target else {
            continue;
        };
        let Some(api) = view.listed_gvk(resource) else {
            continue;
        };
        for row in reading.rows.metadata() {
            let owners = row.owner_references.iter();
            let dead = owners.filter_map(|owner| {
                Some((
                    owner,
                    unserved_since(context, &view.cluster.discovery, owner)?,
                ))
            });
            for (owner, since) in dead {
                let detail = format!(
                    "owned by {} {} of {}",
                    owner.kind, owner.name, owner.api_version
                );
                let hop = since.and_then(|minor| context.path.hop_into(minor));
                found.entry(hop).or_default().push(object_from_meta(
                    &api,
                    row,
                    Evidence::new(EvidenceSource::Spec, detail),
                ));
            }
        }
    }

    RULE.findings_per_hop("the garbage collector cannot find its owner", found)
}

/// Whether the owner cannot be looked up by the end of the path, and from which minor on; none inside where that is so
/// already.
fn unserved_since(
    context: &CheckContext<'_>,
    discovery: &Discovery,
    owner: &OwnerReferenceRow,
) -> Option<Option<Minor>> {
    if !discovery.serves(&owner.api_version) {
        return is_known_group(&owner.api_version, discovery).then_some(None);
    }
    removed_on_path(context.catalog, owner, context.path.to?).map(Some)
}

fn removed_on_path(catalog: &Catalog, owner: &OwnerReferenceRow, end: Minor) -> Option<Minor> {
    let api = catalog
        .apis
        .find(&Gvk::new(&owner.api_version, &owner.kind))?;
    api.removed.filter(|removed| *removed <= end)
}

/// Whether the server offers another version of the group.
fn is_known_group(api_version: &str, discovery: &Discovery) -> bool {
    let Some((group, _)) = api_version.split_once('/') else {
        return false;
    };
    let same = |other: &String| other.split_once('/').is_some_and(|(name, _)| name == group);
    discovery.group_versions.iter().any(same)
}
