//! Objects of manifests and Helm records, with the fields that rules read of them.

use serde_json::Value;

use crate::api_usage::current_releases;
use crate::catalog::{GroupResource, Gvk};
use crate::evidence::{Evidence, EvidenceSource};
use crate::rules::{AffectedObject, CheckContext};
use crate::snapshot::{HelmReleaseRow, ManifestObject};

/// Where objects have the specification of a pod, the deepest first.
pub(crate) const POD_SPECS: [&str; 4] = [
    "/spec/jobTemplate/spec/template/spec",
    "/spec/template/spec",
    "/template/spec",
    "/spec",
];

/// An object that will be applied, or that a release of Helm holds.
pub(crate) struct ManifestContent<'a> {
    pub(crate) object: &'a ManifestObject,
    /// Those of its fields that `manifest-fields.tsv` lists.
    pub(crate) fields: &'a Value,
    /// The release; `None` for a file.
    pub(crate) release: Option<&'a HelmReleaseRow>,
}

impl ManifestContent<'_> {
    /// Whether it is of this resource, in whatever version.
    pub(crate) fn is_of(&self, resource: &GroupResource, context: &CheckContext<'_>) -> bool {
        let apis = &context.catalog.apis;
        let api = apis.find(&Gvk::new(&self.object.api_version, &self.object.kind));
        api.and_then(|api| apis.resource_of(api)).as_ref() == Some(resource)
    }

    /// The object of a finding.
    pub(crate) fn affected(&self, detail: String) -> AffectedObject {
        affected_manifest(self.object, self.release, detail)
    }
}

/// The object of a finding: one of a file, or of a release of Helm.
pub(crate) fn affected_manifest(
    object: &ManifestObject,
    release: Option<&HelmReleaseRow>,
    detail: String,
) -> AffectedObject {
    let source = match release {
        Some(_) => EvidenceSource::Helm,
        None => EvidenceSource::File,
    };
    let owner = |release: &HelmReleaseRow| {
        format!("helm release {}/{}", release.namespace, release.release)
    };
    AffectedObject {
        cluster: None,
        namespace: object.namespace.clone(),
        api_version: object.api_version.clone(),
        kind: object.kind.clone(),
        name: object.name.clone(),
        owner: release.map(owner),
        evidence: vec![Evidence {
            location: Some(object.location.clone()),
            ..Evidence::new(source, detail)
        }],
    }
}

/// Every object of which a field was kept: in files, and in the releases that Helm may upgrade.
pub(crate) fn manifest_contents<'a>(context: &CheckContext<'a>) -> Vec<ManifestContent<'a>> {
    let files = context
        .manifests
        .objects
        .iter()
        .map(|object| (object, None));
    let releases = current_releases(context.cluster, context.manifests);
    let held = releases.into_iter().flat_map(|release| {
        let objects = release.objects.iter();
        objects.map(move |object| (object, Some(release)))
    });
    let contents = files.chain(held).filter_map(|(object, release)| {
        Some(ManifestContent {
            object,
            fields: object.fields.as_deref()?,
            release,
        })
    });
    contents.collect()
}

/// Adds an object, or its evidence if the object is there already.
pub(crate) fn add_object(objects: &mut Vec<AffectedObject>, more: AffectedObject) {
    let same = objects.iter_mut().find(|object| object.is_same(&more));
    match same {
        Some(object) => {
            object.evidence.extend(more.evidence);
            object.evidence.sort();
            object.evidence.dedup();
        }
        None => objects.push(more),
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;
    use crate::need::{FieldPaths, ReadTarget};
    use crate::rules::{RuleKind, rules};

    #[test]
    fn what_rules_read_of_manifests_is_kept_of_them() {
        let catalog = Catalog::embedded().expect("the catalog");
        for rule in rules().expect("the rules") {
            let RuleKind::Table(row) = &rule.kind else {
                continue;
            };
            let Some(need) = row.object_need().filter(|_| rule.reads_files) else {
                continue;
            };
            let ReadTarget::Objects { resource, .. } = &need.target else {
                panic!("{} reads no objects", rule.id);
            };
            let api = catalog.apis.apis_of(resource).next().expect("an API");
            let rows = catalog.manifest_fields.iter();
            let mut rows =
                rows.filter(|row| row.group == api.group() && row.kind == api.gvk().kind);
            let row = rows
                .next()
                .unwrap_or_else(|| panic!("no row for {resource}"));
            let held: FieldPaths = row.paths.iter().cloned().collect();
            // Manifests have neither a status nor what a server sets.
            let read = need.field_paths.iter();
            let read = read.filter(|path| path.starts_with("spec"));
            assert!(
                held.covers(&read.collect()),
                "{}: {:?}",
                rule.id,
                need.field_paths
            );
        }
    }
}
