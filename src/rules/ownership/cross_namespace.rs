//! `ownerref-cross-ns`: objects whose owner is in another namespace.

use std::collections::HashMap;

use crate::catalog::GroupResource;
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::{ListSelector, ReadTarget};
use crate::rules::engine::data_rule::object_from_meta;
use crate::rules::{
    AffectedObject, Applicability, CheckContext, Finding, Rule, RuleKind, Severity,
};
use crate::snapshot::{
    ClusterSnapshot, ClusterView, MetaRow, OwnerReferenceRow, ReadOutcome, ReadResult, Rows, Uid,
};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "ownerref-cross-ns",
    severity: Severity::Warning,
    title: "An owner is in another namespace",
    applies_to: Applicability::Text("1.20"),
    why: "Owners are looked up in the object's own namespace. The garbage collector treats an owner that it does not find there as deleted, and deletes the object.",
    detection: "By metadata.ownerReferences of objects that are read anyway, if all objects of the owner's kind are read too: the owner with the referenced UID is in another namespace.",
    remedy: "Move the object to its owner's namespace, or remove the reference. Kubernetes does not support owners in other namespaces.",
    reference: "https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/",
    sources: &[
        "kubernetes/sig-release releases/release-1.20/release-notes/release-notes-draft.md PR 92743",
    ],
    kind: RuleKind::Code {
        // Reading more for this alone would mean reading everything.
        needs: |_| Vec::new(),
        evaluate,
    },
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    // Narrowed to a namespace, the others cannot be seen.
    let everything = context
        .view()
        .filter(|view| view.cluster.namespace.is_none());
    let objects = everything.into_iter().flat_map(objects_with_foreign_owner);
    let message = "the garbage collector treats its owner as deleted";
    let finding = RULE.finding(RULE.severity, RULE.id, message, objects);
    finding.into_iter().collect()
}

/// Objects of which an owner is in another namespace.
fn objects_with_foreign_owner(view: ClusterView<'_>) -> Vec<AffectedObject> {
    let places = owner_namespaces(view.cluster);
    let mut objects = Vec::new();
    for (resource, rows) in view.cluster.ledger.iter().filter_map(unfiltered_rows) {
        let Some(api) = view.listed_gvk(resource) else {
            continue;
        };
        for row in rows.metadata() {
            let Some((owner, namespace)) = foreign_owner(row, &places) else {
                continue;
            };
            let detail = format!("owner {} {} is in {namespace}", owner.kind, owner.name);
            objects.push(object_from_meta(
                &api,
                row,
                Evidence::new(EvidenceSource::Spec, detail),
            ));
        }
    }
    objects
}

/// A reading that holds every object of its resource.
fn unfiltered_rows(reading: &ReadResult) -> Option<(&GroupResource, &Rows)> {
    match &reading.target {
        ReadTarget::Objects {
            resource,
            namespace: None,
            selector,
        } if reading.outcome == ReadOutcome::Complete && *selector == ListSelector::default() => {
            Some((resource, &reading.rows))
        }
        _ => None,
    }
}

/// The namespaces of referenced owners, as far as they were read.
type OwnerNamespaces<'a> = HashMap<Uid, Option<&'a str>>;

fn owner_namespaces(cluster: &ClusterSnapshot) -> OwnerNamespaces<'_> {
    let rows = || {
        let readings = cluster.ledger.iter().filter_map(unfiltered_rows);
        readings.flat_map(|(_, rows)| rows.metadata())
    };
    let owners = rows().flat_map(|row| &row.owner_references);
    let mut places: OwnerNamespaces<'_> = owners
        .filter_map(|owner| Some((owner.uid?, None)))
        .collect();
    for row in rows() {
        if let Some(place) = row.uid.and_then(|uid| places.get_mut(&uid)) {
            *place = row.namespace.as_deref();
        }
    }
    places
}

/// The first owner of an object that is in another namespace, and in which.
fn foreign_owner<'a>(
    row: &'a MetaRow,
    places: &OwnerNamespaces<'a>,
) -> Option<(&'a OwnerReferenceRow, &'a str)> {
    let own = row.namespace.as_deref()?;
    row.owner_references.iter().find_map(|owner| {
        let place = (*places.get(&owner.uid?)?)?;
        (place != own).then_some((owner, place))
    })
}
