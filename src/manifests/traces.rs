//! What an object remembers of its writers, refers to, or stores for Helm.

use crate::manifests::external;
use crate::manifests::header::{
    LastAppliedTexts, ManifestDocument, ManifestMetadata, VersionedRef,
};
use crate::snapshot::{
    FieldManager, HelmStorage, LastApplied, LiveTraces, ObjectReference, is_annotation_unowned,
};

/// What a copy of a live object remembers of its writers; `None` for a manifest that somebody wrote.
pub(super) fn live_traces(metadata: &ManifestMetadata) -> Option<Box<LiveTraces>> {
    if metadata.uid.is_none() && metadata.managed_fields.is_empty() {
        return None;
    }
    let text = |text: &Option<String>| text.as_deref().unwrap_or_default().into();
    let entries = metadata.managed_fields.iter();
    let owned: Vec<_> = entries.clone().map(|entry| entry.fields).collect();
    let LastAppliedTexts { kubectl, kapp } = &metadata.last_applied;
    let kubectl = kubectl.as_deref().and_then(|manifest| {
        let is_unowned = is_annotation_unowned(&owned);
        LastApplied::parse(external::KUBECTL_ANNOTATION, manifest, is_unowned)
    });
    let kapp = kapp
        .as_deref()
        .and_then(|manifest| LastApplied::parse(external::KAPP_ANNOTATION, manifest, false));
    Some(Box::new(LiveTraces {
        field_managers: entries
            .map(|entry| FieldManager {
                name: text(&entry.manager),
                api_version: text(&entry.api_version),
                is_apply: entry.operation.as_deref() == Some("Apply"),
                subresource: text(&entry.subresource),
                time: entry.time,
                leaves: entry.fields.map(|owned| owned.leaves),
            })
            .collect(),
        last_applied: kubectl.into_iter().chain(kapp).collect(),
    }))
}

/// The objects that fields name by version; without one there is nothing to check.
pub(super) fn references(named: Vec<(&'static str, VersionedRef)>) -> Vec<ObjectReference> {
    let references = named.into_iter().filter_map(|(field, to)| {
        Some(ObjectReference {
            field: field.to_owned(),
            api_version: to.api_version?,
            kind: to.kind?,
            name: to.name.unwrap_or_default(),
        })
    });
    references.collect()
}

/// How Helm stores a record in this object; `None` if it is none.
pub(super) fn helm_storage_of(
    api_version: &str,
    kind: &str,
    document: &ManifestDocument,
) -> Option<HelmStorage> {
    let has_payload = document.release_payload.is_some();
    let labels = &document.metadata.labels;
    let is_helm = labels.owner.as_deref() == Some("helm") && has_payload;
    let is_tiller = labels.tiller_owner.as_deref() == Some("TILLER") && has_payload;
    let is_typed = document.secret_type.as_deref() == Some("helm.sh/release.v1");
    match (api_version, kind) {
        ("v1", "Secret") if is_typed || is_helm => Some(HelmStorage::Secret),
        ("v1", "ConfigMap") if is_helm => Some(HelmStorage::ConfigMap),
        ("v1", "ConfigMap" | "Secret") if is_tiller => Some(HelmStorage::Tiller),
        _ => None,
    }
}
