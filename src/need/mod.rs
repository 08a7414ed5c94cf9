//! What rules, detectors and steps must read, and nothing about how it is fetched.
//!
//! Each declares a [`Need`]. The union of all needs gives the requests ([`read_plan()`]), the fields of objects that are
//! kept, the URL paths that the client allows, the roles that `rbac` prints and the ledger in the snapshot. Nothing else
//! decides what is read.

mod field_paths;
mod rbac;
mod read_plan;

pub use field_paths::FieldPaths;
pub use rbac::{PolicyRule, Verb};
pub use read_plan::{Discovery, ReadRequest, join_by_target, read_plan};

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, GroupResource};
use crate::path::UpgradePath;

/// Which cluster of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterId(pub String);

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known when needs are declared: nothing but the discovery was read.
#[derive(Debug, Clone, Copy)]
pub struct NeedContext<'a> {
    /// The upgrade path.
    pub path: &'a UpgradePath,
    /// The catalog.
    pub catalog: &'a Catalog,
    /// The version of the API server and the APIs that it serves.
    pub discovery: &'a Discovery,
}

/// How much of each object is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DetailLevel {
    /// Names, owners, and which field manager wrote through which version: [`MetaRow`](crate::snapshot::MetaRow).
    #[serde(rename = "meta")]
    Metadata,
    /// The few fields that the typed row of this kind declares: nodes, pods, workloads, EndpointSlices and Helm records.
    #[serde(rename = "fields")]
    Typed,
    /// The object as JSON, with the fields that needs declare: for kinds with few objects, or of which few fields are read.
    #[serde(rename = "whole")]
    Full,
}

impl DetailLevel {
    /// Whether a read at this level satisfies a need: every row has metadata, but a typed row is not made from a full
    /// object, nor a full object from a typed row.
    #[must_use]
    pub fn satisfies(self, need: Self) -> bool {
        self == need || need == Self::Metadata
    }
}

/// How recent the data must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Freshness {
    /// From the API server's watch cache: cheap, possibly slightly stale.
    #[serde(rename = "cache")]
    WatchCache,
    /// From etcd.
    #[serde(rename = "exact")]
    MostRecent,
}

/// Selectors that the API server applies.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListSelector {
    /// `labelSelector`, empty for all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub labels: String,
    /// `fieldSelector`, empty for all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fields: String,
}

impl ListSelector {
    /// Selects by `labelSelector` alone.
    #[must_use]
    pub fn by_labels(labels: impl Into<String>) -> Self {
        Self {
            labels: labels.into(),
            fields: String::new(),
        }
    }

    /// Selects by `fieldSelector` alone.
    #[must_use]
    pub fn by_fields(fields: impl Into<String>) -> Self {
        Self {
            labels: String::new(),
            fields: fields.into(),
        }
    }
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReadTarget {
    /// Objects of one resource.
    Objects {
        /// Their resource in the newest API; the read plan chooses the version to request.
        resource: GroupResource,
        /// The only namespace to read; `None` for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// Which objects.
        #[serde(default)]
        selector: ListSelector,
    },
    /// A text page of the API server, such as `/metrics`.
    #[serde(rename = "url")]
    NonResourceUrl {
        /// URL path and query.
        path: String,
        /// Only lines with this prefix are kept.
        #[serde(rename = "keep")]
        line_prefix: String,
    },
}

/// Data that a reader depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Need {
    /// What is read.
    #[serde(rename = "subject")]
    pub target: ReadTarget,
    /// How much of each object.
    #[serde(rename = "depth")]
    pub detail_level: DetailLevel,
    /// How recent.
    pub freshness: Freshness,
    /// Of full objects, the fields that the reader uses; it sees no others.
    #[serde(
        default,
        rename = "fields",
        skip_serializing_if = "FieldPaths::is_empty"
    )]
    pub field_paths: FieldPaths,
}

impl Need {
    /// All nodes, as typed rows.
    #[must_use]
    pub fn nodes() -> Self {
        Self::objects(GroupResource::new("", "nodes"), DetailLevel::Typed)
    }

    /// The fields of full objects that the reader uses.
    #[must_use]
    pub fn with_fields(self, paths: &[&str]) -> Self {
        Self {
            field_paths: paths.iter().copied().collect(),
            ..self
        }
    }

    /// All objects of a resource.
    #[must_use]
    pub fn objects(resource: GroupResource, detail_level: DetailLevel) -> Self {
        Self::selected(resource, ListSelector::default(), detail_level)
    }

    /// The objects of a resource that a selector picks.
    #[must_use]
    pub fn selected(
        resource: GroupResource,
        selector: ListSelector,
        detail_level: DetailLevel,
    ) -> Self {
        Self {
            target: ReadTarget::Objects {
                resource,
                namespace: None,
                selector,
            },
            detail_level,
            freshness: Freshness::WatchCache,
            field_paths: FieldPaths::default(),
        }
    }

    /// One object by name.
    #[must_use]
    pub fn single_object(resource: GroupResource, namespace: &str, name: &str) -> Self {
        let selector = ListSelector::by_fields(format!("metadata.name={name}"));
        Self::selected(resource, selector, DetailLevel::Full).in_namespace(namespace)
    }

    /// The objects of one namespace that carry these labels.
    #[must_use]
    pub fn labelled_in_namespace(
        resource: GroupResource,
        namespace: &str,
        labels: &str,
        detail_level: DetailLevel,
    ) -> Self {
        Self::selected(resource, ListSelector::by_labels(labels), detail_level)
            .in_namespace(namespace)
    }

    /// The same objects of one namespace only.
    #[must_use]
    pub fn in_namespace(mut self, name: &str) -> Self {
        if let ReadTarget::Objects { namespace, .. } = &mut self.target {
            *namespace = Some(name.to_owned());
        }
        self
    }

    /// Whether it is of a namespace other than kube-system, or selects by a name in a cluster.
    #[must_use]
    pub fn names_anything(&self) -> bool {
        let ReadTarget::Objects { namespace, .. } = &self.target else {
            return false;
        };
        namespace
            .as_deref()
            .is_some_and(|name| name != "kube-system")
    }

    /// The same objects of all namespaces.
    #[must_use]
    pub fn in_all_namespaces(mut self) -> Self {
        if let ReadTarget::Objects { namespace, .. } = &mut self.target {
            *namespace = None;
        }
        self
    }

    /// The lines with this prefix on a text page of the API server.
    #[must_use]
    pub fn text_lines(path: &str, line_prefix: &str) -> Self {
        Self {
            target: ReadTarget::NonResourceUrl {
                path: path.to_owned(),
                line_prefix: line_prefix.to_owned(),
            },
            detail_level: DetailLevel::Metadata,
            freshness: Freshness::MostRecent,
            field_paths: FieldPaths::default(),
        }
    }
}

/// For gaps and for the page on what is read: `secrets (type=helm.sh/release.v1)`.
impl fmt::Display for ReadTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonResourceUrl { path, .. } => f.write_str(path),
            Self::Objects {
                resource,
                namespace,
                selector,
            } => {
                write!(f, "{resource}")?;
                if let Some(namespace) = namespace {
                    write!(f, " in {namespace}")?;
                }
                match (selector.fields.as_str(), selector.labels.as_str()) {
                    ("", "") => Ok(()),
                    ("", labels) => write!(f, " ({labels})"),
                    (fields, "") => write!(f, " ({fields})"),
                    (fields, labels) => write!(f, " ({fields}, {labels})"),
                }
            }
        }
    }
}
