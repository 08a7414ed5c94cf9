//! Which fields of full objects a snapshot of format 1 holds: it does not say so itself.

use super::{ReadTarget, Snapshot};
use crate::catalog::volume_plugins;
use crate::need::{DetailLevel, FieldPaths};

/// The kinds that format 1 reduced to some fields. It holds whole objects of every other kind.
const FIELDS: [(&str, &[&str]); 8] = [
    (
        "customresourcedefinitions.apiextensions.k8s.io",
        &[
            "metadata",
            "spec.conversion",
            "spec.group",
            "spec.names",
            "spec.preserveUnknownFields",
            "spec.scope",
            "spec.versions.name",
            "spec.versions.served",
            "spec.versions.storage",
            "status",
        ],
    ),
    ("csinodes.storage.k8s.io", &["spec.drivers.name"]),
    (
        "horizontalpodautoscalers.autoscaling",
        &["spec.scaleTargetRef", "status.conditions"],
    ),
    (
        "jobs.batch",
        &[
            "metadata",
            "spec.backoffLimit",
            "spec.podFailurePolicy",
            "status",
        ],
    ),
    ("namespaces", &["metadata.labels", "metadata.uid"]),
    (
        "persistentvolumes",
        &[
            "spec.claimRef.name",
            "spec.claimRef.namespace",
            "spec.csi.driver",
            "spec.hostPath",
            "spec.local",
            "spec.nodeAffinity",
            "status.phase",
        ],
    ),
    ("services", &["spec.selector", "spec.type"]),
    (
        "volumeattachments.storage.k8s.io",
        &[
            "metadata.creationTimestamp",
            "metadata.deletionTimestamp",
            "spec.nodeName",
            "status",
        ],
    ),
];

/// Notes the fields in the ledger.
pub(super) fn declare_fields(snapshot: &mut Snapshot) {
    let results = snapshot.clusters.iter_mut().flat_map(|it| &mut it.ledger);
    for result in results.filter(|result| result.detail_level == DetailLevel::Full) {
        if let ReadTarget::Objects { resource, .. } = &result.target {
            result.field_paths = fields_of(&resource.to_string());
        }
    }
}

fn fields_of(resource: &str) -> FieldPaths {
    let Some((_, fields)) = FIELDS.iter().find(|(name, _)| *name == resource) else {
        return FieldPaths::whole_object();
    };
    let mut fields = FieldPaths::from_iter(fields.iter().copied());
    if resource == "persistentvolumes" {
        let plugins = volume_plugins().unwrap_or_default().into_iter();
        fields.union(&plugins.map(|plugin| format!("spec.{}", plugin.field)).collect());
    }
    fields
}
