//! Rows: the few fields of each object that the rest of the suite needs.

use crate::text::NamespacedName;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::intern;
use super::intern::SharedStr;
use super::nodes::NodeRow;
use super::pods::PodRow;
use super::uid::Uid;
use super::workloads::WorkloadRow;

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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

/// Where Helm keeps its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HelmStorage {
    /// The default.
    Secret,
    /// `HELM_DRIVER=configmap`.
    ConfigMap,
}

/// One deployed revision of a Helm release, reduced to what its manifest holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HelmReleaseRow {
    /// Namespace of the release.
    pub namespace: String,
    /// Name of the release.
    pub release: String,
    /// Revision.
    pub revision: u64,
    /// Chart and its version, `cart-1.2.0`; empty where the record has none.
    pub chart: String,
    /// Where the record is kept.
    pub storage: HelmStorage,
    /// When the record was made, by the API server's clock.
    #[serde(rename = "created")]
    pub created_at: Option<Timestamp>,
    /// What the manifest and the hooks hold.
    pub objects: Vec<ManifestObject>,
}

/// What a reading brought, in one of the shapes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rows {
    /// Metadata.
    #[serde(rename = "meta")]
    Metadata(#[serde(deserialize_with = "intern::deserialize_interned")] Vec<MetaRow>),
    /// Nodes.
    Nodes(Vec<NodeRow>),
    /// Pods.
    Pods(#[serde(deserialize_with = "intern::deserialize_interned")] Vec<PodRow>),
    /// Deployed revisions of Helm releases.
    #[serde(rename = "helm")]
    HelmReleases(Vec<HelmReleaseRow>),
    /// Slices of the endpoints of services.
    #[serde(rename = "slices")]
    EndpointSlices(
        #[serde(deserialize_with = "intern::deserialize_interned")] Vec<EndpointSliceRow>,
    ),
    /// Deployments, StatefulSets or DaemonSets.
    Workloads(#[serde(deserialize_with = "intern::deserialize_interned")] Vec<WorkloadRow>),
    /// Whole objects, trimmed.
    #[serde(rename = "json")]
    Objects(#[serde(deserialize_with = "intern::deserialize_interned")] Vec<ObjectRow>),
    /// Lines of a page of text that somebody needs.
    #[serde(rename = "lines")]
    TextLines(Vec<String>),
}

impl Rows {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Metadata(rows) => rows.len(),
            Self::Nodes(rows) => rows.len(),
            Self::Pods(rows) => rows.len(),
            Self::HelmReleases(rows) => rows.len(),
            Self::EndpointSlices(rows) => rows.len(),
            Self::Workloads(rows) => rows.len(),
            Self::Objects(rows) => rows.len(),
            Self::TextLines(rows) => rows.len(),
        }
    }

    /// None of the same shape.
    #[must_use]
    pub fn empty_like(&self) -> Self {
        match self {
            Self::Metadata(_) => Self::Metadata(Vec::new()),
            Self::Nodes(_) => Self::Nodes(Vec::new()),
            Self::Pods(_) => Self::Pods(Vec::new()),
            Self::HelmReleases(_) => Self::HelmReleases(Vec::new()),
            Self::EndpointSlices(_) => Self::EndpointSlices(Vec::new()),
            Self::Workloads(_) => Self::Workloads(Vec::new()),
            Self::Objects(_) => Self::Objects(Vec::new()),
            Self::TextLines(_) => Self::TextLines(Vec::new()),
        }
    }

    /// Makes room for so many more rows, and for no others.
    pub fn reserve(&mut self, more: usize) {
        match self {
            Self::Metadata(rows) => rows.reserve_exact(more),
            Self::Nodes(rows) => rows.reserve_exact(more),
            Self::Pods(rows) => rows.reserve_exact(more),
            Self::HelmReleases(rows) => rows.reserve_exact(more),
            Self::EndpointSlices(rows) => rows.reserve_exact(more),
            Self::Workloads(rows) => rows.reserve_exact(more),
            Self::Objects(rows) => rows.reserve_exact(more),
            Self::TextLines(rows) => rows.reserve_exact(more),
        }
    }

    /// Puts more rows of the same shape behind these; rows of another shape are not taken.
    pub fn append(&mut self, more: Self) {
        fn join<T>(rows: &mut Vec<T>, mut more: Vec<T>) {
            if rows.capacity() == 0 {
                *rows = more;
            } else {
                rows.append(&mut more);
            }
        }
        match (self, more) {
            (Self::Metadata(rows), Self::Metadata(more)) => join(rows, more),
            (Self::Nodes(rows), Self::Nodes(more)) => join(rows, more),
            (Self::Pods(rows), Self::Pods(more)) => join(rows, more),
            (Self::HelmReleases(rows), Self::HelmReleases(more)) => join(rows, more),
            (Self::EndpointSlices(rows), Self::EndpointSlices(more)) => join(rows, more),
            (Self::Workloads(rows), Self::Workloads(more)) => join(rows, more),
            (Self::Objects(rows), Self::Objects(more)) => join(rows, more),
            (Self::TextLines(rows), Self::TextLines(more)) => join(rows, more),
            _ => {}
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The metadata of rows that carry it.
    pub fn metadata(&self) -> Box<dyn Iterator<Item = &MetaRow> + '_> {
        match self {
            Self::Metadata(rows) => Box::new(rows.iter()),
            Self::Objects(rows) => Box::new(rows.iter().map(|row| &row.meta)),
            Self::EndpointSlices(rows) => Box::new(rows.iter().map(|row| &row.meta)),
            Self::Workloads(rows) => Box::new(rows.iter().map(|row| &row.meta)),
            Self::Nodes(_) | Self::Pods(_) | Self::HelmReleases(_) | Self::TextLines(_) => {
                Box::new(std::iter::empty())
            }
        }
    }

    /// Nodes, if these rows are nodes.
    #[must_use]
    pub fn nodes(&self) -> &[NodeRow] {
        match self {
            Self::Nodes(rows) => rows,
            _ => &[],
        }
    }

    /// Pods, if these rows are pods.
    #[must_use]
    pub fn pods(&self) -> &[PodRow] {
        match self {
            Self::Pods(rows) => rows,
            _ => &[],
        }
    }

    /// Helm releases, if these rows are releases.
    #[must_use]
    pub fn helm_releases(&self) -> &[HelmReleaseRow] {
        match self {
            Self::HelmReleases(rows) => rows,
            _ => &[],
        }
    }

    /// Slices of endpoints, if these rows are such.
    #[must_use]
    pub fn endpoint_slices(&self) -> &[EndpointSliceRow] {
        match self {
            Self::EndpointSlices(rows) => rows,
            _ => &[],
        }
    }

    /// Deployments, StatefulSets or DaemonSets, if these rows are such.
    #[must_use]
    pub fn workloads(&self) -> &[WorkloadRow] {
        match self {
            Self::Workloads(rows) => rows,
            _ => &[],
        }
    }

    /// Whole objects, if these rows are such.
    #[must_use]
    pub fn objects(&self) -> &[ObjectRow] {
        match self {
            Self::Objects(rows) => rows,
            _ => &[],
        }
    }

    /// Lines, if these rows are lines.
    #[must_use]
    pub fn text_lines(&self) -> &[String] {
        match self {
            Self::TextLines(rows) => rows,
            _ => &[],
        }
    }
}
