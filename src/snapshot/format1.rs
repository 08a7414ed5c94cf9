//! Snapshots of format 1, whose ledger does not have the fields that full objects hold.

use super::{ReadTarget, Rows, Snapshot};
use crate::catalog::volume_plugins;
use crate::need::{DetailLevel, FieldPaths};

/// The kinds that format 1 reduced to some fields; it has whole objects of every other kind.
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
            "spec.versions.deprecated",
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

/// Adds the fields to the ledger, and to the metadata of rows the UID that only the object has.
pub(super) fn complete(snapshot: &mut Snapshot) {
    let results = snapshot.clusters.iter_mut().flat_map(|it| &mut it.ledger);
    for result in results.filter(|result| result.detail_level == DetailLevel::Full) {
        if let ReadTarget::Objects { resource, .. } = &result.target {
            result.field_paths = fields_of(&resource.to_string());
        }
        if let Rows::Objects(rows) = &mut result.rows {
            for row in rows.iter_mut() {
                let in_object = || row.object["metadata"]["uid"].as_str()?.parse().ok();
                row.meta.uid = row.meta.uid.or_else(in_object);
            }
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
        fields.union(
            &plugins
                .map(|plugin| format!("spec.{}", plugin.field))
                .collect(),
        );
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::super::{ClusterSnapshot, ReadOutcome, ReadResult, Rows, Table};
    use super::fields_of;
    use crate::catalog::{Catalog, GroupResource};
    use crate::need::{ClusterId, DetailLevel, Discovery, FieldPaths, Need};

    #[test]
    fn a_field_that_the_snapshot_does_not_hold_is_a_gap() {
        let services = GroupResource::new("", "services");
        let need = |field| Need::objects(services.clone(), DetailLevel::Full).with_fields(&[field]);
        let result = |field_paths| ReadResult {
            target: need("").target,
            detail_level: DetailLevel::Full,
            freshness: need("").freshness,
            field_paths,
            outcome: ReadOutcome::Complete,
            finished_at: jiff::Timestamp::UNIX_EPOCH,
            rows: Rows::Objects(Table::default()),
            skipped_objects: Vec::new(),
            resource_version: None,
        };
        let cluster = |field_paths| ClusterSnapshot {
            id: ClusterId("shop".into()),
            context: None,
            server: String::new(),
            namespace: None,
            discovery: Discovery {
                git_version: "v1.24.0".parse().expect("a version"),
                emulation_version: None,
                group_versions: ["v1".to_owned()].into(),
            },
            ledger: vec![result(field_paths)],
        };
        let catalog = Catalog::embedded().expect("the catalog");
        for field_paths in [fields_of("services"), FieldPaths::from_iter(["spec.type"])] {
            let cluster = cluster(field_paths);
            let held = cluster.rows_for(&need("spec.type"), catalog);
            assert!(held.expect("it is held").is_some());
            let gap = cluster.rows_for(&need("spec.externalIPs"), catalog);
            let gap = gap.expect_err("it is not held");
            assert_eq!(gap.what, "services");
            assert_eq!(gap.why, "not in this snapshot; take a new one");
        }
        assert_eq!(
            fields_of("ingresses.networking.k8s.io"),
            FieldPaths::whole_object()
        );
    }
}
