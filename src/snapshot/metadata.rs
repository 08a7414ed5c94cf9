//! Rows of any kind of object: its metadata, the object itself, and what manifests and Helm records hold.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::intern::{Interner, SharedStr};
use super::uid::Uid;
use crate::text::NamespacedName;

/// What every row has.
pub trait Row {
    /// Its metadata, for rows that carry all of it.
    fn metadata(&self) -> Option<&MetaRow> {
        None
    }

    /// Replaces its strings by shared ones.
    fn intern_with(&mut self, _interner: &mut Interner) {}
}

impl Row for String {}

/// A row that represents one object.
pub trait Keyed: Row {
    /// The object it represents.
    fn key(&self) -> RowKey<'_>;
}

/// The identity of an object among those of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowKey<'a> {
    /// Namespace; empty for cluster-scoped objects.
    pub namespace: &'a str,
    /// Name.
    pub name: &'a str,
    /// `metadata.uid`, if known: an object that was deleted and re-created has another one.
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
    /// Name of the field manager; empty if the server kept none.
    #[serde(rename = "manager")]
    pub name: SharedStr,
    /// The version through which it wrote.
    pub api_version: SharedStr,
    /// Whether it applied (server-side apply) or wrote.
    #[serde(rename = "applied")]
    pub is_apply: bool,
    /// The subresource it wrote to, empty for the object itself.
    #[serde(default, skip_serializing_if = "SharedStr::is_empty")]
    pub subresource: SharedStr,
    /// When, to the second.
    pub time: Option<Timestamp>,
    /// The number of fields that it owns, parents of fields not counted; `None` if it is of no consequence or unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaves: Option<u32>,
}

/// What an annotation says was applied last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastApplied {
    /// Which annotation.
    pub annotation: SharedStr,
    /// `apiVersion` in it.
    pub api_version: SharedStr,
    /// `kind` in it.
    pub kind: SharedStr,
    /// Whether the object has field managers and none of them owns the annotation: whoever wrote it has given it up.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unowned: bool,
}

impl LastApplied {
    /// What the annotation says was applied; `None` if it is no manifest, which then proves nothing.
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

/// What a copy of a live object remembers of its writers, in a file that holds what `kubectl get -o yaml` printed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LiveTraces {
    /// Who wrote it through which version.
    #[serde(default, rename = "managers")]
    pub field_managers: Vec<FieldManager>,
    /// What annotations say was applied last.
    #[serde(default, rename = "applied")]
    pub last_applied: Vec<LastApplied>,
}

/// Any object, by its metadata alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetaRow {
    /// None for objects of the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// What tells it from others of its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
    /// Who looks after it: a controller, a Helm release, a GitOps application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Who wrote it through which version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "managers")]
    pub field_managers: Vec<FieldManager>,
    /// What annotations say was applied last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "applied")]
    pub last_applied: Vec<LastApplied>,
    /// The labels that Helm puts on its records; of any other object none are kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[serde(rename = "labels")]
    pub helm_labels: BTreeMap<String, String>,
    /// When it was created; of Helm's records only.
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
    /// `apiVersion` by which the garbage collector looks the owner up.
    pub api_version: SharedStr,
    /// `kind`.
    pub kind: SharedStr,
    /// `name`.
    pub name: SharedStr,
    /// `uid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
}

/// A slice of the endpoints of a service: how many there are, not which.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndpointSliceRow {
    /// Metadata.
    pub meta: MetaRow,
    /// Name of the service, in the slice's namespace; empty where it belongs to none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(rename = "service")]
    pub service_name: String,
    /// Endpoints, ready or not.
    #[serde(rename = "endpoints")]
    pub endpoint_count: usize,
    /// Endpoints that take requests: those that do not say they are not ready.
    #[serde(rename = "ready")]
    pub ready_count: usize,
}

/// An object of a kind with few objects: its metadata and what else there is of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectRow {
    /// Metadata.
    pub meta: MetaRow,
    /// The object without managed fields and without copies of itself in annotations.
    pub object: serde_json::Value,
}

/// An object named inside another one, such as `spec.scaleTargetRef`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// Where in the object.
    pub field: String,
    /// `apiVersion` it names.
    pub api_version: String,
    /// `kind` it names.
    pub kind: String,
    /// `name` it names.
    pub name: String,
}

/// An object as a manifest describes it, in a file or in a Helm release.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ManifestObject {
    /// `apiVersion`.
    pub api_version: String,
    /// `kind`.
    pub kind: String,
    /// None where the manifest names none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name; of `generateName` where there is no name.
    pub name: String,
    /// File and document, or the chart's template: what to open to mend it.
    pub location: String,
    /// Objects it refers to by version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<ObjectReference>,
    /// Of a copy of a live object, who wrote it: the version in which it was printed proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Box<LiveTraces>>,
    /// The fields that rules read, of kinds of which they read any.
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
