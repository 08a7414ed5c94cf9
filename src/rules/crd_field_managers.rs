//! `crd-field-manager-version`: objects whose field managers wrote through a version that their CRD has dropped.

use std::collections::BTreeMap;

use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::custom_resources::{CustomResource, custom_resources, definitions_need};
use crate::need::ReadRequest;
use crate::rules::{AffectedObject, CheckContext, Finding, Rule, RuleKind, Severity};
use crate::snapshot::{ClusterView, MetaRow, MissingData, Rows};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "crd-field-manager-version",
    severity: Severity::Blocker,
    title: "A field manager wrote through a version that the CRD has dropped",
    why: "Server-side apply converts an object to the version of each of its field managers. If the CRD no longer lists one of them, every server-side apply of the object fails with an internal error: by Helm 4, Flux, Argo CD or kubectl apply --server-side. status.storedVersions does not show it, and newer API servers keep the entries when the object is written again.",
    detection: "By metadata.managedFields of custom resources against spec.versions of their CRD. A version that is listed but not served is a warning, because the next release of the CRD usually drops it. Objects are listed, as metadata, only if the CRD has changed since it was created (metadata.generation above 1); kinds with more than 5000 objects are a gap.",
    remedy: "Before a CRD drops a version, write these objects through another one. Afterwards, reset the entries, which are created again by the next writers: kubectl patch KIND NAME --type=json -p '[{\"op\":\"replace\",\"path\":\"/metadata/managedFields\",\"value\":[{}]}]'.",
    reference: "https://kubernetes.io/docs/reference/using-api/server-side-apply/#clearing-managedfields",
    sources: &[
        "kubernetes-sigs/structured-merge-diff merge/update.go",
        "kubernetes/apiextensions-apiserver pkg/apiserver/conversion/converter.go",
        "kubernetes/apimachinery pkg/util/managedfields/internal/versionconverter.go",
    ],
    kind: RuleKind::Code {
        needs: |_| vec![definitions_need()],
        evaluate,
    },
    follow_up: metadata_requests,
    unevaluated: unread_objects,
    ..Rule::DEFAULT
};

fn metadata_requests(view: ClusterView<'_>) -> Vec<ReadRequest> {
    let namespace = view.cluster.namespace.as_deref();
    let resources = custom_resources(view).into_iter();
    resources
        .filter_map(|resource| resource.metadata_request(namespace))
        .collect()
}

fn unread_objects(context: &CheckContext<'_>) -> Vec<MissingData> {
    let Some(view) = context.view() else {
        return Vec::new();
    };
    let resources = custom_resources(view).into_iter();
    resources
        .filter_map(|resource| resource.rows(view).err())
        .map(|missing| *missing)
        .collect()
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some(view) = context.view() else {
        return Vec::new();
    };
    let mut found: BTreeMap<Severity, Vec<AffectedObject>> = BTreeMap::new();
    for resource in custom_resources(view) {
        let rows = resource.rows(view).ok().flatten();
        for row in rows.into_iter().flat_map(Rows::metadata) {
            if let Some((severity, object)) = affected_object(&resource, row) {
                found.entry(severity).or_default().push(object);
            }
        }
    }
    let finding = |(severity, objects)| {
        let message = match severity {
            Severity::Blocker => "server-side apply of it fails: its CRD has dropped the version",
            _ => "server-side apply of it will fail once its CRD drops the version",
        };
        RULE.finding(severity, "", message, objects)
    };
    found.into_iter().filter_map(finding).collect()
}

/// The object with its outdated field managers; `None` if it has none.
fn affected_object(
    resource: &CustomResource<'_>,
    row: &MetaRow,
) -> Option<(Severity, AffectedObject)> {
    let outdated = row.field_managers.iter().filter_map(|manager| {
        let (group, version) = manager.api_version.split_once('/')?;
        let severity = match resource.serves(version) {
            _ if group != resource.group => return None,
            None => Severity::Blocker,
            Some(false) => Severity::Warning,
            Some(true) => return None,
        };
        let evidence = Evidence {
            writer: Some(manager.name.to_string()),
            time: manager.time,
            ..Evidence::new(
                EvidenceSource::ManagedFields,
                format!("{} wrote it through {}", manager.name, manager.api_version),
            )
        };
        Some((severity, evidence))
    });
    let mut outdated: Vec<(Severity, Evidence)> = outdated.collect();
    let worst = outdated.iter().map(|(severity, _)| *severity).max()?;
    outdated.retain(|(severity, _)| *severity == worst);
    let mut evidence = outdated.into_iter().map(|(_, evidence)| evidence);
    let api_version = resource.served_api_version()?;
    let mut object = AffectedObject::new(api_version, resource.kind, row, evidence.next()?);
    object.evidence.extend(evidence);
    Some((worst, object))
}
