//! What rules, detectors and steps need to see, and nothing about how it is fetched.
//!
//! A [`Need`] is declared; from the union of all needs comes the plan of requests ([`plan()`]), the paths that the guard
//! lets through, the roles that `rbac` prints and the ledger in the snapshot. Nothing else decides what is read.

mod rbac;
mod read_plan;

pub use rbac::{PolicyRule, Verb};
pub use read_plan::{Discovery, Encoding, ReadRequest, read_plan};

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

/// What is known when needs are declared: before anything but the survey was read.
#[derive(Debug, Clone, Copy)]
pub struct NeedContext<'a> {
    /// Where the cluster is to go.
    pub path: &'a UpgradePath,
    /// What is known about the world.
    pub catalog: &'a Catalog,
    /// What the API server is and offers.
    pub discovery: &'a Discovery,
}

/// How much of each object is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DetailLevel {
    /// Names, owners and who wrote what through which version: [`MetaRow`](crate::snapshot::MetaRow).
    #[serde(rename = "meta")]
    Metadata,
    /// The few fields that the typed row of this kind declares: nodes, pods, workloads, and the records of Helm.
    #[serde(rename = "fields")]
    Typed,
    /// The whole object, trimmed: for kinds with few objects.
    #[serde(rename = "whole")]
    Full,
}

impl DetailLevel {
    /// Whether a reading at this depth answers a need: every row has metadata, but a typed row is not made of a whole
    /// object, nor the other way round.
    #[must_use]
    pub fn satisfies(self, need: Self) -> bool {
        self == need || need == Self::Metadata
    }
}

/// How fresh the answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Freshness {
    /// What the API server holds in its cache: cheap, perhaps a little old.
    #[serde(rename = "cache")]
    WatchCache,
    /// What is stored.
    #[serde(rename = "exact")]
    MostRecent,
}

/// Narrowing that the API server does for us.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListSelector {
    /// `labelSelector`, empty for all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub labels: String,
    /// `fieldSelector`, empty for all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fields: String,
}

/// What is looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReadTarget {
    /// Objects of one resource.
    Objects {
        /// Where they live today; the plan chooses the version to ask through.
        resource: GroupResource,
        /// In this namespace only; none for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// Which of them.
        #[serde(default)]
        selector: ListSelector,
    },
    /// A page of the API server that is no resource, such as `/metrics`.
    #[serde(rename = "url")]
    NonResourceUrl {
        /// Where it is, with the query if it takes one.
        path: String,
        /// Lines that begin so are kept, the rest is dropped.
        #[serde(rename = "keep")]
        line_prefix: String,
    },
}

/// Something that must have been looked at before a rule can speak.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Need {
    /// What.
    #[serde(rename = "subject")]
    pub target: ReadTarget,
    /// How deep.
    #[serde(rename = "depth")]
    pub detail_level: DetailLevel,
    /// How fresh.
    pub freshness: Freshness,
}

impl Need {
    /// All nodes, as typed rows.
    #[must_use]
    pub fn nodes() -> Self {
        Self::objects(GroupResource::new("", "nodes"), DetailLevel::Typed)
    }

    /// All objects of a resource.
    #[must_use]
    pub fn objects(resource: GroupResource, depth: DetailLevel) -> Self {
        Self::selected(resource, ListSelector::default(), depth)
    }

    /// The objects of a resource that a selector picks.
    #[must_use]
    pub fn selected(resource: GroupResource, selector: ListSelector, depth: DetailLevel) -> Self {
        Self {
            target: ReadTarget::Objects {
                resource,
                namespace: None,
                selector,
            },
            detail_level: depth,
            freshness: Freshness::WatchCache,
        }
    }

    /// One object by name.
    #[must_use]
    pub fn single_object(resource: GroupResource, namespace: &str, name: &str) -> Self {
        Self {
            target: ReadTarget::Objects {
                resource,
                namespace: Some(namespace.to_owned()),
                selector: ListSelector {
                    labels: String::new(),
                    fields: format!("metadata.name={name}"),
                },
            },
            detail_level: DetailLevel::Full,
            freshness: Freshness::WatchCache,
        }
    }

    /// The objects of one namespace that carry these labels.
    #[must_use]
    pub fn labelled_in_namespace(
        resource: GroupResource,
        namespace: &str,
        labels: &str,
        depth: DetailLevel,
    ) -> Self {
        Self {
            target: ReadTarget::Objects {
                resource,
                namespace: Some(namespace.to_owned()),
                selector: ListSelector {
                    labels: labels.to_owned(),
                    fields: String::new(),
                },
            },
            detail_level: depth,
            freshness: Freshness::WatchCache,
        }
    }

    /// The lines that begin so, on a page of the API server.
    #[must_use]
    pub fn text_lines(path: &str, keep: &str) -> Self {
        Self {
            target: ReadTarget::NonResourceUrl {
                path: path.to_owned(),
                line_prefix: keep.to_owned(),
            },
            detail_level: DetailLevel::Metadata,
            freshness: Freshness::MostRecent,
        }
    }
}

/// In words, for gaps and for the page on what is read: `secrets of type helm.sh/release.v1`.
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
