//! What rules, detectors and steps need to see, and nothing about how it is fetched.
//!
//! A [`Need`] is declared; from the union of all needs comes the plan of requests ([`plan()`]), the paths that the guard
//! lets through, the roles that `rbac` prints and the ledger in the snapshot. Nothing else decides what is read.

mod plan;
mod rbac;

pub use plan::{Encoding, Request, Survey, plan};
pub use rbac::AccessRule;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Resource};
use crate::path::Path;

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
pub struct Asking<'a> {
    /// Where the cluster is to go.
    pub path: &'a Path,
    /// What is known about the world.
    pub catalog: &'a Catalog,
    /// What the API server is and offers.
    pub survey: &'a Survey,
}

/// How much of each object is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Depth {
    /// Names, owners and who wrote what through which version: [`MetaRow`](crate::snapshot::MetaRow).
    Meta,
    /// The few fields that the typed row of this kind declares: nodes, pods, workloads, and the records of Helm.
    Fields,
    /// The whole object, trimmed: for kinds with few objects.
    Whole,
}

impl Depth {
    /// Whether a reading at this depth answers a need: every row has metadata, but a typed row is not made of a whole
    /// object, nor the other way round.
    #[must_use]
    pub fn serves(self, need: Self) -> bool {
        self == need || need == Self::Meta
    }
}

/// How fresh the answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Freshness {
    /// What the API server holds in its cache: cheap, perhaps a little old.
    Cache,
    /// What is stored.
    Exact,
}

/// Narrowing that the API server does for us.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Selector {
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
pub enum Subject {
    /// Objects of one resource.
    Objects {
        /// Where they live today; the plan chooses the version to ask through.
        resource: Resource,
        /// In this namespace only; none for all.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<String>,
        /// Which of them.
        #[serde(default)]
        selector: Selector,
    },
    /// A page of the API server that is no resource, such as `/metrics`.
    Url {
        /// Where it is, with the query if it takes one.
        path: String,
        /// Lines that begin so are kept, the rest is dropped.
        keep: String,
    },
}

/// Something that must have been looked at before a rule can speak.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Need {
    /// What.
    pub subject: Subject,
    /// How deep.
    pub depth: Depth,
    /// How fresh.
    pub freshness: Freshness,
}

impl Need {
    /// All objects of a resource.
    #[must_use]
    pub fn objects(resource: Resource, depth: Depth) -> Self {
        Self::selected(resource, Selector::default(), depth)
    }

    /// The objects of a resource that a selector picks.
    #[must_use]
    pub fn selected(resource: Resource, selector: Selector, depth: Depth) -> Self {
        Self {
            subject: Subject::Objects {
                resource,
                namespace: None,
                selector,
            },
            depth,
            freshness: Freshness::Cache,
        }
    }

    /// One object by name.
    #[must_use]
    pub fn named(resource: Resource, namespace: &str, name: &str) -> Self {
        Self {
            subject: Subject::Objects {
                resource,
                namespace: Some(namespace.to_owned()),
                selector: Selector {
                    labels: String::new(),
                    fields: format!("metadata.name={name}"),
                },
            },
            depth: Depth::Whole,
            freshness: Freshness::Cache,
        }
    }

    /// The objects of one namespace that carry these labels.
    #[must_use]
    pub fn selected_in(resource: Resource, namespace: &str, labels: &str, depth: Depth) -> Self {
        Self {
            subject: Subject::Objects {
                resource,
                namespace: Some(namespace.to_owned()),
                selector: Selector {
                    labels: labels.to_owned(),
                    fields: String::new(),
                },
            },
            depth,
            freshness: Freshness::Cache,
        }
    }

    /// The lines that begin so, on a page of the API server.
    #[must_use]
    pub fn lines(path: &str, keep: &str) -> Self {
        Self {
            subject: Subject::Url {
                path: path.to_owned(),
                keep: keep.to_owned(),
            },
            depth: Depth::Meta,
            freshness: Freshness::Exact,
        }
    }
}

/// In words, for gaps and for the page on what is read: `secrets of type helm.sh/release.v1`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url { path, .. } => f.write_str(path),
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
