//! `crd-version-dropped`: manifests of CRDs that the API server rejects, because objects may be stored in a version that they drop.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::catalog::GroupResource;
use crate::need::{DetailLevel, Need};
use crate::rules::engine::manifests::{ManifestContent, manifest_contents};
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "crd-version-dropped",
    severity: Severity::Blocker,
    title: "A manifest drops a stored version of a CRD",
    why: "The API server rejects an update of a CRD that drops a version listed in status.storedVersions: the add-on release that ships the manifest cannot be installed.",
    detection: "By comparing spec.versions of CRDs in manifests with status.storedVersions of the CRD in the cluster.",
    remedy: "Rewrite every object once (StorageVersionMigration, or kubectl get and replace), then remove the old entry from status.storedVersions, and apply the manifest after that.",
    reference: "https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#upgrade-existing-objects-to-a-new-stored-version",
    sources: &[
        "kubernetes/apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go",
    ],
    kind: RuleKind::Code {
        needs: |_| vec![crds_need()],
        evaluate,
    },
    reads_files: true,
    ..Rule::DEFAULT
};

fn crd_resource() -> GroupResource {
    GroupResource::new("apiextensions.k8s.io", "customresourcedefinitions")
}

fn crds_need() -> Need {
    Need::objects(crd_resource(), DetailLevel::Full).with_fields(&["status.storedVersions"])
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let resource = crd_resource();
    // What a release holds was accepted once.
    let files = manifest_contents(context).into_iter().filter(|content| {
        content.release.is_none()
            && content.object.live.is_none()
            && content.is_of(&resource, context)
    });
    let objects = files.filter_map(|content| dropped_version(&content, context));
    let message = "the API server rejects it: objects may be stored in a version that it drops";
    let draft = FindingDraft::new(&RULE, RULE.id, message, objects.collect());
    Finding::new(&RULE, draft).into_iter().collect()
}

fn dropped_version(
    content: &ManifestContent<'_>,
    context: &CheckContext<'_>,
) -> Option<AffectedObject> {
    let name = &content.object.name;
    let need = crds_need();
    let live = context
        .objects(&need)
        .iter()
        .find(|row| row.meta.name == *name)?;
    let listed = content.fields.pointer("/spec/versions")?.as_array()?;
    let listed: BTreeSet<&str> = listed
        .iter()
        .filter_map(|version| version["name"].as_str())
        .collect();
    let stored = live.object.pointer("/status/storedVersions")?.as_array()?;
    let mut stored = stored.iter().filter_map(Value::as_str);
    let dropped = stored.find(|version| !listed.contains(version))?;
    Some(content.affected(format!(
        "storedVersions {dropped}, which the manifest drops"
    )))
}
