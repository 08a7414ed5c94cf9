//! `hpa-targetref`: autoscalers that cannot find what they are to scale.

use std::collections::BTreeMap;

use serde_json::Value;

use super::data::{listed_through, object};
use super::{Body, Finding, Object, Rule, Said, Severity, Situation};
use crate::catalog::{Minor, Resource};
use crate::claims::{helm_records, reference};
use crate::evidence::{Evidence, Source};
use crate::need::{ClusterId, Depth, Need};
use crate::path::HopRef;
use crate::snapshot::{JsonRow, ManifestObject, Reference};

const KIND: &str = "HorizontalPodAutoscaler";

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "hpa-targetref",
    severity: Severity::Warning,
    title: "An autoscaler names a kind that is not served",
    applies_to: "any",
    why: "It does not scale any more, without anything failing: under load the number of replicas stays what it was.",
    how: "By the group and kind of spec.scaleTargetRef, in live objects, manifests and Helm releases, and by the condition AbleToScale. The version alone does not matter: apps/v1beta1 is found as apps/v1, extensions/v1beta1 is not. A target that does not exist for another reason is a note.",
    mend: "Name the target as apps/v1, in the manifest or chart that makes the autoscaler.",
    reference: "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/",
    sources: &["kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go"],
    reads_files: true,
    body: Body::Code {
        needs: |_| {
            let mut needs = helm_records().to_vec();
            needs.push(autoscalers());
            needs
        },
        evaluate,
    },
};

/// All autoscalers.
pub(crate) fn autoscalers() -> Need {
    Need::objects(resource(), Depth::Whole)
}

fn resource() -> Resource {
    Resource::new("autoscaling", "horizontalpodautoscalers")
}

/// What is wrong with one autoscaler.
struct Lost {
    object: Object,
    /// From which minor on its target cannot be found; none where that is only seen in its status.
    since: Option<Minor>,
    severity: Severity,
}

type Key = (Option<ClusterId>, Option<String>, String);

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    let mut lost: BTreeMap<Key, Lost> = BTreeMap::new();
    live(situation, &mut lost);
    manifests(situation, &mut lost);
    let mut groups: BTreeMap<(Severity, Option<HopRef>), Vec<Object>> = BTreeMap::new();
    for found in lost.into_values() {
        let hop = found.since.and_then(|since| situation.path.hop_into(since));
        groups
            .entry((found.severity, hop))
            .or_default()
            .push(found.object);
    }
    groups
        .into_iter()
        .filter_map(|((severity, hop), objects)| {
            let message = match severity {
                Severity::Note => "it cannot read the scale of its target",
                _ => "its target is of a group and kind that is not served",
            };
            let said = Said {
                severity,
                hop,
                ..Said::new(&RULE, RULE.id, message, objects)
            };
            Finding::new(&RULE, said)
        })
        .collect()
}

/// Since when the target of a reference cannot be found, and what to show for it.
fn gone(situation: &Situation<'_>, reference: &Reference) -> Option<(Minor, Evidence)> {
    let end = situation.path.to;
    let (api, since) = reference::dangling(reference, end, situation.catalog)?;
    let detail = format!("{} names {}", reference.field, api.gvk());
    Some((since, Evidence::new(Source::Reference, detail)))
}

fn live(situation: &Situation<'_>, lost: &mut BTreeMap<Key, Lost>) {
    let need = autoscalers();
    for (picture, rows) in situation.rows(&need) {
        let Some(api) = listed_through(&resource(), picture, situation.catalog) else {
            continue;
        };
        for row in rows.json() {
            let named = reference::of_live(row).and_then(|target| gone(situation, &target));
            let (since, severity, evidence) = match (named, unable(row)) {
                (Some((since, evidence)), _) => (Some(since), Severity::Warning, evidence),
                (None, Some((severity, evidence))) => (None, severity, evidence),
                (None, None) => continue,
            };
            let object = object(picture, &api, row, evidence);
            lost.insert(
                key(&object),
                Lost {
                    object,
                    since,
                    severity,
                },
            );
        }
    }
}

fn key(object: &Object) -> Key {
    (
        object.cluster.clone(),
        object.namespace.clone(),
        object.name.clone(),
    )
}

/// What the controller says, if it cannot read the scale of the target.
fn unable(row: &JsonRow) -> Option<(Severity, Evidence)> {
    let conditions = row.object.pointer("/status/conditions")?.as_array()?;
    let text = |condition: &Value, field: &str| {
        let text = condition.get(field).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let condition = conditions.iter().find(|condition| {
        text(condition, "type") == "AbleToScale"
            && text(condition, "status") == "False"
            && text(condition, "reason") == "FailedGetScale"
    })?;
    let said = text(condition, "message");
    let severity = if said.contains("no matches for kind") {
        Severity::Warning
    } else {
        Severity::Note
    };
    let reason = said.rsplit("scale: ").next().unwrap_or_default();
    let detail = format!("FailedGetScale: {reason}");
    Some((severity, Evidence::new(Source::Status, detail)))
}

/// What will be applied next: files, and the manifests of Helm releases.
fn manifests(situation: &Situation<'_>, lost: &mut BTreeMap<Key, Lost>) {
    let files = &situation.snapshot.files;
    let owner = situation.snapshot.clusters.first().map(|first| &first.id);
    for manifest in &files.objects {
        note(situation, manifest, None, owner, Source::File, lost);
    }
    let mut releases: Vec<_> = files.releases.iter().map(|row| (owner, row)).collect();
    let needs = helm_records();
    for need in &needs {
        for (picture, rows) in situation.rows(need) {
            releases.extend(rows.helm().iter().map(|row| (Some(&picture.id), row)));
        }
    }
    for (cluster, release) in releases {
        for manifest in &release.objects {
            let namespace = Some(release.namespace.as_str());
            note(situation, manifest, namespace, cluster, Source::Helm, lost);
        }
    }
}

fn note(
    situation: &Situation<'_>,
    manifest: &ManifestObject,
    namespace: Option<&str>,
    cluster: Option<&ClusterId>,
    source: Source,
    lost: &mut BTreeMap<Key, Lost>,
) {
    if manifest.kind != KIND {
        return;
    }
    let mut found = manifest.references.iter();
    let Some((since, evidence)) = found.find_map(|target| gone(situation, target)) else {
        return;
    };
    let evidence = Evidence {
        source,
        location: Some(manifest.location.clone()),
        ..evidence
    };
    let object = Object {
        cluster: cluster.cloned(),
        namespace: manifest
            .namespace
            .clone()
            .or_else(|| namespace.map(str::to_owned)),
        api_version: manifest.api_version.clone(),
        kind: KIND.to_owned(),
        name: manifest.name.clone(),
        owner: None,
        evidence: Vec::new(),
    };
    let entry = lost.entry(key(&object)).or_insert(Lost {
        object,
        since: Some(since),
        severity: Severity::Warning,
    });
    entry.since = Some(since);
    entry.severity = Severity::Warning;
    entry.object.evidence.push(evidence);
    entry.object.evidence.sort();
    entry.object.evidence.dedup();
}
