//! `ownerref-cross-ns`: objects whose owner stands in another namespace.

use std::collections::{BTreeSet, HashMap};

use super::data::listed_through;
use super::{Body, Finding, Object, Rule, Said, Severity, Situation};
use crate::catalog::{Catalog, Gvk};
use crate::evidence::{Confidence, Evidence, Source};
use crate::need::{Selector, Subject};
use crate::snapshot::{MetaRow, Outcome, OwnerRow, Picture, Reading, Rows};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "ownerref-cross-ns",
    severity: Severity::Warning,
    title: "An owner stands in another namespace",
    applies_to: "1.20",
    why: "Owners are looked up in the object's own namespace. From 1.20 on the garbage collector takes one that is not there for deleted, and deletes the object.",
    how: "By metadata.ownerReferences of objects that are read for another reason, where all objects of the owner's kind are read too: none of that name is in the same namespace, and one is in another. Names are compared, not UIDs, so a namesake may be meant.",
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
    let objects = situation.snapshot.clusters.iter().flat_map(|picture| {
        // Narrowed to a namespace, the others cannot be seen.
        let everything = picture.namespace.is_none();
        let readings = picture.readings.iter().filter(move |_| everything);
        let places = Places::of(picture, situation.catalog);
        readings
            .filter_map(whole)
            .flat_map(|(api, rows)| {
                let api = listed_through(api, picture, situation.catalog);
                let strangers = rows
                    .meta()
                    .filter_map(|row| Some((row, places.stranger(row)?)));
                strangers
                    .filter_map(|(row, (owner, namespace))| {
                        let api = api.as_ref()?;
                        let detail =
                            format!("owner {} {} is in {namespace}", owner.kind, owner.name);
                        Some(Object {
                            cluster: Some(picture.id.clone()),
                            namespace: row.namespace.clone(),
                            api_version: api.api_version(),
                            kind: api.kind.clone(),
                            name: row.name.clone(),
                            owner: row.owner.clone(),
                            evidence: vec![Evidence::new(Source::Spec, detail)],
                        })
                    })
                    .collect::<Vec<Object>>()
            })
            .collect::<Vec<Object>>()
    });
    let said = Said {
        subject: RULE.id.to_owned(),
        severity: Severity::Warning,
        confidence: Confidence::Possible,
        hop: None,
        message: "the garbage collector takes its owner for deleted".to_owned(),
        remedy: RULE.mend.to_owned(),
        objects: objects.collect(),
    };
    Finding::new(&RULE, said).into_iter().collect()
}

/// A reading that holds every object of its resource.
fn whole(reading: &Reading) -> Option<(&crate::catalog::Resource, &Rows)> {
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

/// In which namespaces the objects of a kind and name are, for the namespaced kinds of which all were read.
struct Places<'a> {
    catalog: &'a Catalog,
    by_name: HashMap<String, HashMap<&'a str, BTreeSet<&'a str>>>,
}

impl<'a> Places<'a> {
    fn of(picture: &'a Picture, catalog: &'a Catalog) -> Self {
        let mut by_name: HashMap<String, HashMap<&str, BTreeSet<&str>>> = HashMap::new();
        for (resource, rows) in picture.readings.iter().filter_map(whole) {
            let names = by_name.entry(resource.to_string()).or_default();
            for row in rows.meta() {
                if let Some(namespace) = &row.namespace {
                    names.entry(&row.name).or_default().insert(namespace);
                }
            }
        }
        Self { catalog, by_name }
    }

    /// The first owner of an object that is in other namespaces only, and one of those.
    fn stranger<'b>(&'b self, row: &'b MetaRow) -> Option<(&'b OwnerRow, &'b str)> {
        let own = row.namespace.as_deref()?;
        row.owners.iter().find_map(|owner| {
            let gvk = Gvk::new(&owner.api_version, &owner.kind);
            let api = self.catalog.apis.find(&gvk).filter(|api| api.namespaced)?;
            let resource = self.catalog.apis.resource_of(api)?;
            let namespaces = self.by_name.get(&resource.to_string())?.get(&*owner.name)?;
            let elsewhere = namespaces.iter().find(|namespace| **namespace != own)?;
            (!namespaces.contains(own)).then_some((owner, *elsewhere))
        })
    }
}
