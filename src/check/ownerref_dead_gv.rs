//! `ownerref-dead-gv`: owner references through versions that are not served.

use std::collections::BTreeMap;

use super::data::{listed_through, object_of};
use super::{Body, Finding, Object, Rule, Severity, Situation};
use crate::catalog::{Catalog, Gvk, Minor};
use crate::evidence::{Evidence, Source};
use crate::need::{Subject, Survey};
use crate::path::HopRef;
use crate::snapshot::{Outcome, OwnerRow, Picture, Reading};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "ownerref-dead-gv",
    severity: Severity::Warning,
    title: "An owner reference names an API version that is not served",
    applies_to: "any",
    why: "The garbage collector cannot look the owner up: it tries for ever, and what the owner leaves behind is not deleted.",
    how: "By metadata.ownerReferences of every object that is read for another reason, against the versions that the API server offers and those that this path removes. Only groups of which another version is served count: of any other group nothing is known.",
    mend: "Write the reference anew with a version that is served; the owner's controller does so when it is up to date. After a CRD has lost a version, restart kube-controller-manager.",
    reference: "https://kubernetes.io/docs/concepts/architecture/garbage-collection/",
    sources: &[
        "kubernetes/kubernetes pkg/controller/garbagecollector/operations.go (apiResource)",
        "kubernetes-sigs/cluster-api docs/book/src/reference/versions.md",
    ],
    reads_files: false,
    body: Body::Code {
        // Reading more for this alone would mean reading everything.
        needs: |_| Vec::new(),
        evaluate,
    },
};

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<Option<HopRef>, Vec<Object>> = BTreeMap::new();
    for picture in &situation.snapshot.clusters {
        let complete = |reading: &&Reading| reading.outcome == Outcome::Complete;
        for reading in picture.readings.iter().filter(complete) {
            let Subject::Objects { resource, .. } = &reading.subject else {
                continue;
            };
            let Some(api) = listed_through(resource, picture, situation.catalog) else {
                continue;
            };
            for row in reading.rows.meta() {
                let owners = row.owners.iter();
                let dead =
                    owners.filter_map(|owner| Some((owner, dead(situation, picture, owner)?)));
                for (owner, since) in dead {
                    let detail = format!(
                        "owned by {} {} of {}",
                        owner.kind, owner.name, owner.api_version
                    );
                    let hop = since.and_then(|minor| situation.path.hop_into(minor));
                    found.entry(hop).or_default().push(object_of(
                        picture,
                        &api,
                        row,
                        Evidence::new(Source::Spec, detail),
                    ));
                }
            }
        }
    }
    Finding::by_hop(&RULE, "the garbage collector cannot find its owner", found)
}

/// Whether the owner cannot be looked up by the end of the path, and from which minor on; none inside where that is so
/// already.
fn dead(situation: &Situation<'_>, picture: &Picture, owner: &OwnerRow) -> Option<Option<Minor>> {
    if !picture.survey.serves(&owner.api_version) {
        return is_known(&owner.api_version, &picture.survey).then_some(None);
    }
    removed_on_the_way(situation.catalog, owner, situation.path.to).map(Some)
}

fn removed_on_the_way(catalog: &Catalog, owner: &OwnerRow, end: Minor) -> Option<Minor> {
    let api = catalog
        .apis
        .find(&Gvk::new(&owner.api_version, &owner.kind))?;
    api.removed.filter(|removed| *removed <= end)
}

/// Whether the server offers another version of the group.
fn is_known(api_version: &str, survey: &Survey) -> bool {
    let Some((group, _)) = api_version.split_once('/') else {
        return false;
    };
    let same = |other: &String| other.split_once('/').is_some_and(|(name, _)| name == group);
    survey.group_versions.iter().any(same)
}
