//! Rows: the few fields of each object that the rest of the suite needs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::nodes::NodeRow;
use super::pods::PodRow;
use super::shared::{self, Text};
use super::uid::Uid;
use super::workloads::WorkloadRow;

/// One entry of `metadata.managedFields`, without the fields themselves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manager {
    /// Name of the field manager; empty if the server kept none.
    pub manager: Text,
    /// The version through which it wrote.
    pub api_version: Text,
    /// Whether it applied (server-side apply) or wrote.
    pub applied: bool,
    /// The subresource it wrote to, empty for the object itself.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub subresource: Text,
    /// When, to the second.
    pub time: Option<Timestamp>,
}

/// What an annotation says was applied last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Applied {
    /// Which annotation.
    pub annotation: Text,
    /// `apiVersion` in it.
    pub api_version: Text,
    /// `kind` in it.
    pub kind: Text,
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
    pub managers: Vec<Manager>,
    /// What annotations say was applied last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub applied: Vec<Applied>,
    /// The labels that Helm puts on its records; of any other object none are kept.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// `metadata.ownerReferences`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<OwnerRow>,
}

/// An entry of `metadata.ownerReferences`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerRow {
    /// `apiVersion` by which the garbage collector looks the owner up.
    pub api_version: Text,
    /// `kind`.
    pub kind: Text,
    /// `name`.
    pub name: Text,
    /// `uid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
}

/// A slice of the endpoints of a service: how many there are, not which.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SliceRow {
    /// Metadata.
    pub meta: MetaRow,
    /// Name of the service, in the slice's namespace; empty where it belongs to none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// Endpoints, ready or not.
    pub endpoints: usize,
    /// Endpoints that take requests: those that do not say they are not ready.
    pub ready: usize,
}

/// An object of a kind with few objects: its metadata and what else there is of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JsonRow {
    /// Metadata.
    pub meta: MetaRow,
    /// The object without managed fields and without copies of itself in annotations.
    pub object: serde_json::Value,
}

/// An object named inside another one, such as `spec.scaleTargetRef`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
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
    pub references: Vec<Reference>,
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
pub struct HelmRow {
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
    pub created: Option<Timestamp>,
    /// What the manifest and the hooks hold.
    pub objects: Vec<ManifestObject>,
}

/// What a reading brought, in one of the shapes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rows {
    /// Metadata.
    Meta(#[serde(deserialize_with = "shared::rows")] Vec<MetaRow>),
    /// Nodes.
    Nodes(Vec<NodeRow>),
    /// Pods.
    Pods(#[serde(deserialize_with = "shared::rows")] Vec<PodRow>),
    /// Deployed revisions of Helm releases.
    Helm(Vec<HelmRow>),
    /// Slices of the endpoints of services.
    Slices(#[serde(deserialize_with = "shared::rows")] Vec<SliceRow>),
    /// Deployments, StatefulSets or DaemonSets.
    Workloads(#[serde(deserialize_with = "shared::rows")] Vec<WorkloadRow>),
    /// Whole objects, trimmed.
    Json(#[serde(deserialize_with = "shared::rows")] Vec<JsonRow>),
    /// Lines of a page of text that somebody needs.
    Lines(Vec<String>),
}

impl Rows {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Meta(rows) => rows.len(),
            Self::Nodes(rows) => rows.len(),
            Self::Pods(rows) => rows.len(),
            Self::Helm(rows) => rows.len(),
            Self::Slices(rows) => rows.len(),
            Self::Workloads(rows) => rows.len(),
            Self::Json(rows) => rows.len(),
            Self::Lines(rows) => rows.len(),
        }
    }

    /// None of the same shape.
    #[must_use]
    pub fn like(&self) -> Self {
        match self {
            Self::Meta(_) => Self::Meta(Vec::new()),
            Self::Nodes(_) => Self::Nodes(Vec::new()),
            Self::Pods(_) => Self::Pods(Vec::new()),
            Self::Helm(_) => Self::Helm(Vec::new()),
            Self::Slices(_) => Self::Slices(Vec::new()),
            Self::Workloads(_) => Self::Workloads(Vec::new()),
            Self::Json(_) => Self::Json(Vec::new()),
            Self::Lines(_) => Self::Lines(Vec::new()),
        }
    }

    /// Makes room for so many more rows, and for no others.
    pub fn reserve(&mut self, more: usize) {
        match self {
            Self::Meta(rows) => rows.reserve_exact(more),
            Self::Nodes(rows) => rows.reserve_exact(more),
            Self::Pods(rows) => rows.reserve_exact(more),
            Self::Helm(rows) => rows.reserve_exact(more),
            Self::Slices(rows) => rows.reserve_exact(more),
            Self::Workloads(rows) => rows.reserve_exact(more),
            Self::Json(rows) => rows.reserve_exact(more),
            Self::Lines(rows) => rows.reserve_exact(more),
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
            (Self::Meta(rows), Self::Meta(more)) => join(rows, more),
            (Self::Nodes(rows), Self::Nodes(more)) => join(rows, more),
            (Self::Pods(rows), Self::Pods(more)) => join(rows, more),
            (Self::Helm(rows), Self::Helm(more)) => join(rows, more),
            (Self::Slices(rows), Self::Slices(more)) => join(rows, more),
            (Self::Workloads(rows), Self::Workloads(more)) => join(rows, more),
            (Self::Json(rows), Self::Json(more)) => join(rows, more),
            (Self::Lines(rows), Self::Lines(more)) => join(rows, more),
            _ => {}
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The metadata of rows that carry it.
    pub fn meta(&self) -> Box<dyn Iterator<Item = &MetaRow> + '_> {
        match self {
            Self::Meta(rows) => Box::new(rows.iter()),
            Self::Json(rows) => Box::new(rows.iter().map(|row| &row.meta)),
            Self::Slices(rows) => Box::new(rows.iter().map(|row| &row.meta)),
            Self::Workloads(rows) => Box::new(rows.iter().map(|row| &row.meta)),
            Self::Nodes(_) | Self::Pods(_) | Self::Helm(_) | Self::Lines(_) => {
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
    pub fn helm(&self) -> &[HelmRow] {
        match self {
            Self::Helm(rows) => rows,
            _ => &[],
        }
    }

    /// Slices of endpoints, if these rows are such.
    #[must_use]
    pub fn slices(&self) -> &[SliceRow] {
        match self {
            Self::Slices(rows) => rows,
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
    pub fn json(&self) -> &[JsonRow] {
        match self {
            Self::Json(rows) => rows,
            _ => &[],
        }
    }

    /// Lines, if these rows are lines.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        match self {
            Self::Lines(rows) => rows,
            _ => &[],
        }
    }
}
