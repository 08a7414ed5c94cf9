//! Rows of any kind of object: its metadata, the object itself, and what manifests and Helm records hold.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::intern::{Interner, SharedStr};
use super::uid::Uid;
use crate::text::NamespacedName;

/// A row of any kind.
pub trait Row {
    /// Its metadata, if the row has all of it.
    fn metadata(&self) -> Option<&MetaRow> {
        None
    }

    /// Replaces its strings by interned ones.
    fn intern_with(&mut self, _interner: &mut Interner) {}

    /// Shares what it has in common with the row before it.
    fn share_with(&mut self, _previous: &Self)
    where
        Self: Sized,
    {
    }
}

impl Row for String {}

/// A row that represents one object.
pub trait Keyed: Row {
    /// The identity of the object.
    fn key(&self) -> RowKey<'_>;
}

/// The identity of an object among those of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowKey<'a> {
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
    /// `metadata.uid`, if known; a re-created object has another one.
    pub uid: Option<Uid>,
}

impl RowKey<'_> {
    pub(super) fn namespaced_name(&self) -> (&str, &str) {
        (self.namespace, self.name)
    }
}

/// One entry of `metadata.managedFields`, without the fields themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldManager {
    /// Name of the field manager; may be empty.
    #[serde(rename = "manager")]
    pub name: SharedStr,
    /// The API version that it wrote through.
    pub api_version: SharedStr,
    /// Whether the operation is `Apply` (server-side apply).
    #[serde(rename = "applied")]
    pub is_apply: bool,
    /// The subresource that it wrote to; empty for the object itself.
    #[serde(default, skip_serializing_if = "SharedStr::is_empty")]
    pub subresource: SharedStr,
    /// The time of the write, to the second.
    pub time: Option<Timestamp>,
    /// The number of leaf fields that it owns; `None` if unknown or irrelevant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaves: Option<u32>,
}

/// The head of the manifest in a last-applied annotation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastApplied {
    /// The annotation.
    pub annotation: SharedStr,
    /// `apiVersion` of the manifest.
    pub api_version: SharedStr,
    /// `kind` of the manifest.
    pub kind: SharedStr,
    /// Whether the object has field managers and none of them owns the annotation, so that its writer has given it up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unowned: bool,
}

impl LastApplied {
    /// Parses an annotation; `None` if it is not a manifest.
    #[must_use]
    pub fn parse(annotation: &str, manifest: &str, unowned: bool) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Head {
            api_version: SharedStr,
            kind: SharedStr,
        }
        let head: Head = serde_json::from_str(manifest).ok()?;
        Some(Self {
            annotation: annotation.into(),
            api_version: head.api_version,
            kind: head.kind,
            unowned,
        })
    }
}

/// Traces of writers in a file that `kubectl get -o yaml` printed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveTraces {
    /// `metadata.managedFields`.
    #[serde(default, rename = "managers")]
    pub field_managers: Vec<FieldManager>,
    /// Last-applied annotations.
    #[serde(default, rename = "applied")]
    pub last_applied: Vec<LastApplied>,
}

/// The metadata of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetaRow {
    /// `None` for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// `metadata.uid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
    /// What manages it: a controller, a Helm release, a GitOps application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// `metadata.managedFields`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "managers")]
    pub field_managers: Vec<FieldManager>,
    /// Last-applied annotations.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "applied")]
    pub last_applied: Vec<LastApplied>,
    /// The labels of a Helm release record; empty for any other object.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[serde(rename = "labels")]
    pub helm_labels: BTreeMap<String, String>,
    /// Creation time of a Helm release record.
    #[serde(default, rename = "created", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// `metadata.ownerReferences`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "owners")]
    pub owner_references: Vec<OwnerReferenceRow>,
}

impl MetaRow {
    /// Its name for messages.
    #[must_use]
    pub fn namespaced_name(&self) -> NamespacedName {
        NamespacedName::new(self.namespace.as_deref(), &self.name)
    }
}

/// An entry of `metadata.ownerReferences`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerReferenceRow {
    /// `apiVersion`, by which the garbage collector looks up the owner.
    pub api_version: SharedStr,
    /// `kind`.
    pub kind: SharedStr,
    /// `name`.
    pub name: SharedStr,
    /// `uid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
}

/// The number of endpoints in an EndpointSlice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSliceRow {
    /// Metadata.
    pub meta: MetaRow,
    /// Name of the service, in the slice's namespace; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(rename = "service")]
    pub service_name: String,
    /// Endpoints, ready or not.
    #[serde(rename = "endpoints")]
    pub endpoint_count: usize,
    /// Endpoints whose condition `ready` is not false.
    #[serde(rename = "ready")]
    pub ready_count: usize,
}

/// A full object, reduced to the fields that needs declare.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRow {
    /// Metadata.
    pub meta: MetaRow,
    /// The object without managed fields and last-applied annotations.
    pub object: serde_json::Value,
}

/// A reference to another object, such as `spec.scaleTargetRef`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// The field that holds it.
    pub field: String,
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `name`.
    pub name: String,
}

/// A manifest in a file or in a Helm release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestObject {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// `None` if the manifest has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// `name`, or `generateName` if there is no name.
    pub name: String,
    /// File and document, or the chart's template: the place to fix.
    pub location: String,
    /// References to other objects that have an API version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<ObjectReference>,
    /// Traces of writers in a copy of a live object, whose own `apiVersion` is not evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Box<LiveTraces>>,
    /// The fields that rules read; `None` for kinds of which they read none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Box<serde_json::Value>>,
}

impl Row for MetaRow {
    fn metadata(&self) -> Option<&MetaRow> {
        Some(self)
    }

    fn intern_with(&mut self, interner: &mut Interner) {
        let managers = self.field_managers.iter_mut().flat_map(|manager| {
            [
                &mut manager.name,
                &mut manager.api_version,
                &mut manager.subresource,
            ]
        });
        let applied = self.last_applied.iter_mut().flat_map(|applied| {
            [
                &mut applied.annotation,
                &mut applied.api_version,
                &mut applied.kind,
            ]
        });
        let owners = self
            .owner_references
            .iter_mut()
            .flat_map(|owner| [&mut owner.api_version, &mut owner.kind, &mut owner.name]);
        interner.intern_all(managers.chain(applied).chain(owners));
    }
}

impl Keyed for MetaRow {
    fn key(&self) -> RowKey<'_> {
        RowKey {
            namespace: self.namespace.as_deref().unwrap_or_default(),
            name: &self.name,
            uid: self.uid,
        }
    }
}

/// Implements [`Row`] and [`Keyed`] for rows with a field `meta`.
macro_rules! delegate_to_metadata {
    ($($row:ty),*) => {$(
        impl Row for $row {
            fn metadata(&self) -> Option<&MetaRow> {
                Some(&self.meta)
            }

            fn intern_with(&mut self, interner: &mut Interner) {
                self.meta.intern_with(interner);
            }
        }

        impl Keyed for $row {
            fn key(&self) -> RowKey<'_> {
                self.meta.key()
            }
        }
    )*};
}

delegate_to_metadata!(EndpointSliceRow, ObjectRow);
