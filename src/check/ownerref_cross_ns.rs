//! `ownerref-cross-ns`: objects whose owner stands in another namespace.

use std::collections::HashMap;

use super::data::{listed_through, object_of};
use super::{Body, Finding, Object, Rule, Said, Severity, Situation};
use crate::catalog::{Catalog, Resource};
use crate::evidence::{Evidence, Source};
use crate::need::{Selector, Subject};
use crate::snapshot::{MetaRow, Outcome, OwnerRow, Picture, Reading, Rows, Uid};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "ownerref-cross-ns",
    severity: Severity::Warning,
    title: "An owner stands in another namespace",
    applies_to: "1.20",
    why: "Owners are looked up in the object's own namespace. From 1.20 on the garbage collector takes one that is not there for deleted, and deletes the object.",
    how: "By metadata.ownerReferences of objects that are read for another reason, where all objects of the owner's kind are read too: the one with the UID that is named is in another namespace. A namesake is not meant.",
    mend: "Put the object into its owner's namespace, or remove the reference. Nothing in the API allows an owner from another namespace.",
    reference: "https://kubernetes.io/docs/concepts/overview/working-with-objects/owners-dependents/",
    sources: &[
        "kubernetes/sig-release releases/release-1.20/release-notes/release-notes-draft.md PR 92743",
    ],
    reads_files: false,
    body: Body::Code {
        // Reading more for this alone would mean reading everything.
        needs: |_| Vec::new(),
        evaluate,
    },
};

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    // Narrowed to a namespace, the others cannot be seen.
    let everything = situation
        .snapshot
        .clusters
        .iter()
        .filter(|picture| picture.namespace.is_none());
    let objects = everything.flat_map(|picture| strangers(picture, situation.catalog));
    let message = "the garbage collector takes its owner for deleted";
    let said = Said::new(&RULE, RULE.id, message, objects.collect());
    Finding::new(&RULE, said).into_iter().collect()
}

/// Objects of which an owner is in another namespace.
fn strangers(picture: &Picture, catalog: &Catalog) -> Vec<Object> {
    let places = places(picture);
    let mut objects = Vec::new();
    for (resource, rows) in picture.readings.iter().filter_map(whole) {
        let Some(api) = listed_through(resource, picture, catalog) else {
            continue;
        };
        for row in rows.meta() {
            let Some((owner, namespace)) = abroad(row, &places) else {
                continue;
            };
            let detail = format!("owner {} {} is in {namespace}", owner.kind, owner.name);
            objects.push(object_of(
                picture,
                &api,
                row,
                Evidence::new(Source::Spec, detail),
            ));
        }
    }
    objects
}

/// A reading that holds every object of its resource.
fn whole(reading: &Reading) -> Option<(&Resource, &Rows)> {
    match &reading.subject {
        Subject::Objects {
            resource,
            namespace: None,
            selector,
        } if reading.outcome == Outcome::Complete && *selector == Selector::default() => {
            Some((resource, &reading.rows))
        }
        _ => None,
    }
}

/// The namespaces of the owners that somebody names, as far as they were read.
type Places<'a> = HashMap<Uid, Option<&'a str>>;

fn places(picture: &Picture) -> Places<'_> {
    let rows = || {
        let readings = picture.readings.iter().filter_map(whole);
        readings.flat_map(|(_, rows)| rows.meta())
    };
    let owners = rows().flat_map(|row| &row.owners);
    let mut places: Places<'_> = owners
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
fn abroad<'a>(row: &'a MetaRow, places: &Places<'a>) -> Option<(&'a OwnerRow, &'a str)> {
    let own = row.namespace.as_deref()?;
    row.owners.iter().find_map(|owner| {
        let place = (*places.get(&owner.uid?)?)?;
        (place != own).then_some((owner, place))
    })
}
