//! Metadata, from protobuf and from JSON, to one row.
//!
//! The messages declare only the fields we keep; prost skips the rest, the fields of `managedFields` above all. Tags are
//! those of k8s.io/apimachinery pkg/apis/meta/v1/generated.proto.

use jiff::Timestamp;
use prost::Message;
use serde::Deserialize;

use crate::snapshot::{
    FieldManager, Interner, LastApplied, MetaRow, OwnedFields, OwnerReferenceRow, Uid,
    is_annotation_unowned,
};
use crate::text::NamespacedName;

/// Annotations that keep what was applied last: kubectl's and kapp's.
pub(super) const LAST_APPLIED_ANNOTATIONS: [&str; 2] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kapp.k14s.io/original",
];

/// Labels of Helm's records. Source: helm/helm pkg/storage/driver/secrets.go.
const HELM_LABELS: [&str; 5] = ["name", "version", "status", "createdAt", "modifiedAt"];

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::client) struct ObjectMeta {
    #[prost(string, tag = "1")]
    pub(in crate::client) name: String,
    #[prost(string, tag = "3")]
    pub(in crate::client) namespace: String,
    #[prost(string, tag = "5")]
    uid: String,
    #[prost(int64, tag = "7")]
    pub(in crate::client) generation: i64,
    #[prost(message, optional, tag = "8")]
    #[serde(deserialize_with = "rfc3339")]
    pub(in crate::client) creation_timestamp: Option<Time>,
    #[prost(message, optional, tag = "9")]
    #[serde(deserialize_with = "rfc3339")]
    pub(in crate::client) deletion_timestamp: Option<Time>,
    #[prost(btree_map = "string, string", tag = "11")]
    pub(in crate::client) labels: std::collections::BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "12")]
    pub(in crate::client) annotations: std::collections::BTreeMap<String, String>,
    #[prost(message, repeated, tag = "13")]
    owner_references: Vec<OwnerReference>,
    #[prost(message, repeated, tag = "17")]
    managed_fields: Vec<ManagedFieldsEntry>,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub(in crate::client) struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
}

impl Time {
    pub(in crate::client) fn to_timestamp(self) -> Option<Timestamp> {
        Timestamp::from_second(self.seconds).ok()
    }
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct OwnerReference {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    uid: String,
    #[prost(string, tag = "5")]
    api_version: String,
    #[prost(bool, tag = "6")]
    controller: bool,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ManagedFieldsEntry {
    #[prost(string, tag = "1")]
    manager: String,
    #[prost(string, tag = "2")]
    operation: String,
    #[prost(string, tag = "3")]
    api_version: String,
    #[prost(message, optional, tag = "4")]
    #[serde(deserialize_with = "rfc3339")]
    time: Option<Time>,
    #[prost(message, optional, tag = "7")]
    fields_v1: Option<FieldsV1>,
    #[prost(string, tag = "8")]
    subresource: String,
}

/// A set of fields as JSON, which is how it comes in both encodings.
#[derive(Clone, PartialEq, Message)]
struct FieldsV1 {
    #[prost(bytes = "vec", tag = "1")]
    raw: Vec<u8>,
}

impl<'de> Deserialize<'de> for FieldsV1 {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let set = serde_json::Value::deserialize(json)?;
        let raw = serde_json::to_vec(&set).map_err(serde::de::Error::custom)?;
        Ok(Self { raw })
    }
}

impl ManagedFieldsEntry {
    fn owned_fields(&self) -> Option<OwnedFields> {
        serde_json::from_slice(&self.fields_v1.as_ref()?.raw).ok()
    }
}

/// A time as JSON writes it; none where the text is not a time.
pub(super) fn rfc3339<'de, D: serde::Deserializer<'de>>(json: D) -> Result<Option<Time>, D::Error> {
    let text = Option::<String>::deserialize(json)?;
    Ok(text
        .and_then(|text| text.parse::<Timestamp>().ok())
        .map(|time| Time {
            seconds: time.as_second(),
        }))
}

impl ObjectMeta {
    /// `namespace/name`, for messages on an object that has no row.
    pub(in crate::client) fn namespaced_name(&self) -> NamespacedName {
        NamespacedName::new(Some(&self.namespace), &self.name)
    }

    /// `uid`; none if the server sent no UUID.
    pub(in crate::client) fn uid(&self) -> Option<Uid> {
        self.uid.parse().ok()
    }

    /// The row.
    pub(in crate::client) fn into_row(self, pool: &mut Interner) -> MetaRow {
        let (owner, uid) = (self.owner(), self.uid());
        let owned = self.compared_fields();
        let is_unowned = is_annotation_unowned(&owned);
        let applied = LAST_APPLIED_ANNOTATIONS.iter().filter_map(|name| {
            let unowned = is_unowned && *name == LAST_APPLIED_ANNOTATIONS[0];
            LastApplied::parse(name, self.annotations.get(*name)?, unowned)
        });
        // Borrowed: a vector made in the place of another keeps the room of that one.
        let last_applied = applied
            .map(|applied| LastApplied {
                annotation: pool.intern(&applied.annotation),
                api_version: pool.intern(&applied.api_version),
                kind: pool.intern(&applied.kind),
                ..applied
            })
            .collect();
        let managers = self.managed_fields.iter().zip(&owned);
        let owners = self.owner_references.iter();
        let helm_labels = helm_labels(self.labels);
        let created_at = self.creation_timestamp.and_then(Time::to_timestamp);
        MetaRow {
            namespace: Some(self.namespace).filter(|namespace| !namespace.is_empty()),
            name: self.name,
            uid,
            owner,
            field_managers: managers
                .map(|(entry, owned)| field_manager(entry, *owned, pool))
                .collect(),
            last_applied,
            created_at: created_at.filter(|_| !helm_labels.is_empty()),
            helm_labels,
            owner_references: owners.map(|owner| owner_row(owner, pool)).collect(),
        }
    }

    /// The fields of each entry of managedFields; `None` where they are of no consequence: where all entries were written
    /// through one version, and no annotation says what was applied.
    fn compared_fields(&self) -> Vec<Option<OwnedFields>> {
        let entries = &self.managed_fields;
        let differ = entries
            .windows(2)
            .any(|pair| pair[0].api_version != pair[1].api_version);
        let are_compared = differ || self.annotations.contains_key(LAST_APPLIED_ANNOTATIONS[0]);
        let owned = entries
            .iter()
            .map(|entry| are_compared.then(|| entry.owned_fields()).flatten());
        owned.collect()
    }

    /// Who looks after the object, by the marks that owners leave; the nearest one counts.
    fn owner(&self) -> Option<String> {
        let controller = self.owner_references.iter().find(|owner| owner.controller);
        if let Some(owner) = controller {
            return Some(format!("{}/{}", owner.kind, owner.name));
        }
        let annotation = |name: &str| self.annotations.get(name);
        let label = |name: &str| self.labels.get(name);
        let namespaced = |what: &str, namespace: Option<&String>, name: &String| {
            let name = NamespacedName::new(namespace.map(String::as_str), name);
            format!("{what} {name}")
        };
        if label("kubernetes.azure.com/managedby").is_some_and(|by| by == "aks") {
            return Some("aks".to_owned());
        }
        if label("addonmanager.kubernetes.io/mode").is_some() {
            return Some("addon-manager".to_owned());
        }
        let addon = annotation("objectset.rio.cattle.io/owner-name");
        let addon = addon.filter(|_| {
            let kind = annotation("objectset.rio.cattle.io/owner-gvk");
            kind.is_some_and(|kind| kind == "k3s.cattle.io/v1, Kind=Addon")
        });
        if let Some(name) = addon {
            return Some(format!("k3s addon {name}"));
        }
        if let Some(name) = label("kustomize.toolkit.fluxcd.io/name") {
            let namespace = label("kustomize.toolkit.fluxcd.io/namespace");
            return Some(namespaced("flux kustomization", namespace, name));
        }
        if let Some(name) = label("helm.toolkit.fluxcd.io/name") {
            let namespace = label("helm.toolkit.fluxcd.io/namespace");
            return Some(namespaced("flux helmrelease", namespace, name));
        }
        if let Some(tracking) = annotation("argocd.argoproj.io/tracking-id") {
            let name = tracking.split(':').next().unwrap_or_default();
            return Some(format!("argo cd application {name}"));
        }
        if let Some(name) = label("argocd.argoproj.io/instance") {
            return Some(format!("argo cd application {name}"));
        }
        let name = annotation("meta.helm.sh/release-name")?;
        let namespace = annotation("meta.helm.sh/release-namespace");
        Some(namespaced("helm release", namespace, name))
    }
}

/// The labels of an object, if it is one of Helm's records.
fn helm_labels(
    labels: std::collections::BTreeMap<String, String>,
) -> std::collections::BTreeMap<String, String> {
    let recorded = labels.get("owner").is_some_and(|owner| owner == "helm");
    if !recorded {
        return std::collections::BTreeMap::new();
    }
    let kept = |name: &str| HELM_LABELS.contains(&name);
    labels.into_iter().filter(|(name, _)| kept(name)).collect()
}

fn owner_row(owner: &OwnerReference, pool: &mut Interner) -> OwnerReferenceRow {
    OwnerReferenceRow {
        api_version: pool.intern(&owner.api_version),
        kind: pool.intern(&owner.kind),
        name: pool.intern(&owner.name),
        uid: owner.uid.parse().ok(),
    }
}

fn field_manager(
    entry: &ManagedFieldsEntry,
    owned: Option<OwnedFields>,
    pool: &mut Interner,
) -> FieldManager {
    FieldManager {
        name: pool.intern(&entry.manager),
        api_version: pool.intern(&entry.api_version),
        is_apply: entry.operation == "Apply",
        subresource: pool.intern(&entry.subresource),
        time: entry.time.and_then(Time::to_timestamp),
        leaves: owned.map(|owned| owned.leaves),
    }
}
