//! `hpa-targetref`: autoscalers that cannot find what they are to scale.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::api_usage::{current_releases, helm_record_needs, reference};
use crate::catalog::{GroupResource, Minor};
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::{DetailLevel, Need};
use crate::path::HopId;
use crate::rules::engine::data_rule::object_from_row;
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};
use crate::snapshot::{ManifestObject, ObjectReference, ObjectRow};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "hpa-targetref",
    severity: Severity::Warning,
    title: "An autoscaler targets a kind that is not served",
    why: "The autoscaler stops scaling without an error: under load, the number of replicas stays the same.",
    detection: "By the group and kind of spec.scaleTargetRef in live objects, manifests and Helm releases, and by the condition AbleToScale. In manifests and Helm releases, also of ScaledObjects of KEDA, VerticalPodAutoscalers, Canaries of Flagger, Rollouts of Argo and the autoscalers of Karmada and Datadog. The version does not matter: apps/v1beta1 resolves to apps/v1, extensions/v1beta1 does not resolve. A target that is missing for another reason is a note.",
    remedy: "Set the target's apiVersion to apps/v1 in the manifest or chart that creates the autoscaler.",
    reference: "https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/",
    sources: &["kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go"],
    kind: RuleKind::Code {
        needs: |_| {
            let mut needs = helm_record_needs();
            needs.push(autoscalers_need());
            needs
        },
        evaluate,
    },
    reads_files: true,
    ..Rule::DEFAULT
};

/// All autoscalers.
pub(crate) fn autoscalers_need() -> Need {
    Need::objects(hpa_resource(), DetailLevel::Full)
        .with_fields(&["spec.scaleTargetRef", "status.conditions"])
}

fn hpa_resource() -> GroupResource {
    GroupResource::new("autoscaling", "horizontalpodautoscalers")
}

/// What is wrong with one autoscaler.
struct BrokenAutoscaler {
    object: AffectedObject,
    /// From which minor on its target cannot be found; none where that is only seen in its status.
    since: Option<Minor>,
    severity: Severity,
}

type AutoscalerKey = (String, Option<String>, String);

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut lost: BTreeMap<AutoscalerKey, BrokenAutoscaler> = BTreeMap::new();
    check_live(context, &mut lost);
    check_manifests(context, &mut lost);
    let mut groups: BTreeMap<(Severity, Option<HopId>), Vec<AffectedObject>> = BTreeMap::new();
    for found in lost.into_values() {
        let hop = found.since.and_then(|since| context.path.hop_into(since));
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
            let draft = FindingDraft {
                severity,
                hop,
                ..FindingDraft::new(&RULE, RULE.id, message, objects)
            };
            Finding::new(&RULE, draft)
        })
        .collect()
}

/// Since when the target of a reference cannot be found, and what to show for it.
fn removed_target(
    context: &CheckContext<'_>,
    reference: &ObjectReference,
) -> Option<(Minor, Evidence)> {
    let end = context.path.to?;
    let (api, since) = reference::dangling_api(reference, end, context.catalog)?;
    let detail = format!("{} names {}", reference.field, api.gvk());
    Some((since, Evidence::new(EvidenceSource::Reference, detail)))
}

fn check_live(context: &CheckContext<'_>, lost: &mut BTreeMap<AutoscalerKey, BrokenAutoscaler>) {
    let need = autoscalers_need();

    let Some(api) = context.listed_gvk(&hpa_resource()) else {
        return;
    };
    for row in context.objects(&need) {
        let named =
            reference::scale_target_ref(row).and_then(|target| removed_target(context, &target));
        let (since, severity, evidence) = match (named, failed_get_scale(row)) {
            (Some((since, evidence)), _) => (Some(since), Severity::Warning, evidence),
            (None, Some((severity, evidence))) => (None, severity, evidence),
            (None, None) => continue,
        };
        let object = object_from_row(&api, row, evidence);
        lost.insert(
            autoscaler_key(&object),
            BrokenAutoscaler {
                object,
                since,
                severity,
            },
        );
    }
}

fn autoscaler_key(object: &AffectedObject) -> AutoscalerKey {
    let AffectedObject {
        kind,
        namespace,
        name,
        ..
    } = object;
    (kind.clone(), namespace.clone(), name.clone())
}

/// What the controller says, if it cannot read the scale of the target.
fn failed_get_scale(row: &ObjectRow) -> Option<(Severity, Evidence)> {
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
    let message = text(condition, "message");
    let severity = if message.contains("no matches for kind") {
        Severity::Warning
    } else {
        Severity::Note
    };
    let reason = message.rsplit("scale: ").next().unwrap_or_default();
    let detail = format!("FailedGetScale: {reason}");
    Some((severity, Evidence::new(EvidenceSource::Status, detail)))
}

/// What will be applied next: files, and the manifests of Helm releases.
fn check_manifests(
    context: &CheckContext<'_>,
    lost: &mut BTreeMap<AutoscalerKey, BrokenAutoscaler>,
) {
    for manifest in &context.manifests.objects {
        check_manifest(context, manifest, None, EvidenceSource::File, lost);
    }
    for release in current_releases(context.cluster, context.manifests) {
        for manifest in &release.objects {
            let namespace = Some(release.namespace.as_str());
            check_manifest(context, manifest, namespace, EvidenceSource::Helm, lost);
        }
    }
}

fn check_manifest(
    context: &CheckContext<'_>,
    manifest: &ManifestObject,
    namespace: Option<&str>,
    source: EvidenceSource,
    lost: &mut BTreeMap<AutoscalerKey, BrokenAutoscaler>,
) {
    let mut found = reference::workload_references(manifest);
    let Some((since, evidence)) = found.find_map(|target| removed_target(context, target)) else {
        return;
    };
    let evidence = Evidence {
        source,
        location: Some(manifest.location.clone()),
        ..evidence
    };
    let object = AffectedObject {
        cluster: None,
        namespace: manifest
            .namespace
            .clone()
            .or_else(|| namespace.map(str::to_owned)),
        api_version: manifest.api_version.clone(),
        kind: manifest.kind.clone(),
        name: manifest.name.clone(),
        owner: None,
        evidence: Vec::new(),
    };
    let entry = lost
        .entry(autoscaler_key(&object))
        .or_insert(BrokenAutoscaler {
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
