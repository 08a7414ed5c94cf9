//! Manifests about to be applied.

use super::{ApiUsageEvidence, ObjectKey, WriteTrace};
use crate::catalog::{Catalog, GroupResource, Gvk};
use crate::evidence::{Evidence, EvidenceSource};
use crate::snapshot::ManifestObject;

/// The claim of one manifest; none for kinds that are not Kubernetes' own.
pub(super) fn file_evidence(
    object: &ManifestObject,
    catalog: &Catalog,
) -> Option<ApiUsageEvidence> {
    let (api, key) = api_and_key(object, catalog)?;
    Some(ApiUsageEvidence {
        evidence: Evidence {
            source: EvidenceSource::File,
            detail: object.location.clone(),
            writer: None,
            time: None,
            location: Some(object.location.clone()),
        },
        api,
        object: key,
        trace: WriteTrace::File,
        writer: None,
        time: None,
        owner: None,
    })
}

/// The API and object of a manifest; `None` for APIs that are not part of Kubernetes.
pub(super) fn api_and_key(object: &ManifestObject, catalog: &Catalog) -> Option<(Gvk, ObjectKey)> {
    let gvk = Gvk::new(&object.api_version, &object.kind);
    let api = catalog.apis.find(&gvk)?;
    let resource = catalog
        .apis
        .resource_of(api)
        .unwrap_or_else(|| GroupResource::new(api.group(), &api.resource));
    let key = ObjectKey {
        resource,
        namespace: object.namespace.clone().filter(|_| api.namespaced),
        name: object.name.clone(),
    };
    Some((gvk, key))
}
