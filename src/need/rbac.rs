//! The RBAC permission that a read takes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A verb of the API that only reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    /// One object, or a non-resource URL.
    Get,
    /// The objects of a resource.
    List,
    /// The changes of a resource's objects, as a stream.
    Watch,
}

impl fmt::Display for Verb {
    /// As RBAC spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
        })
    }
}

/// One rule of a ClusterRole that permits a read.
///
/// Keys and shape are those of the report's `gaps[].rbac`; lists that do not apply are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRule {
    /// API groups; the core group is the empty string.
    pub api_groups: Vec<String>,
    /// Plural resource names.
    pub resources: Vec<String>,
    /// Object names; empty for all.
    pub resource_names: Vec<String>,
    /// Non-resource URL paths.
    #[serde(rename = "nonResourceURLs")]
    pub non_resource_urls: Vec<String>,
    /// The namespace of a sufficient Role; `None` if a ClusterRole is needed.
    pub namespace: Option<String>,
    /// The verbs to allow.
    pub verbs: Vec<Verb>,
}

impl PolicyRule {
    /// Allows listing a resource.
    #[must_use]
    pub fn allow_list(group: &str, plural: &str, namespace: Option<&str>) -> Self {
        Self {
            api_groups: vec![group.to_owned()],
            resources: vec![plural.to_owned()],
            namespace: namespace.map(str::to_owned),
            verbs: vec![Verb::List],
            ..Self::default()
        }
    }

    /// Allows getting a non-resource URL.
    #[must_use]
    pub fn allow_get_url(path: &str) -> Self {
        Self {
            non_resource_urls: vec![path.to_owned()],
            verbs: vec![Verb::Get],
            ..Self::default()
        }
    }
}
