//! The permissions that reads require.

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

impl Verb {
    /// The verb as RBAC spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Watch => "watch",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One rule of a ClusterRole that permits a read.
///
/// Keys and shape are those of the report's `gaps[].rbac`; lists that do not apply are empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRule {
    /// API groups; the core group is the empty string.
    pub api_groups: Vec<String>,
    /// Plural names of resources.
    pub resources: Vec<String>,
    /// Names of single objects; empty for all.
    pub resource_names: Vec<String>,
    /// Non-resource URLs.
    #[serde(rename = "nonResourceURLs")]
    pub non_resource_urls: Vec<String>,
    /// The namespace of a Role; `None` for a ClusterRole.
    pub namespace: Option<String>,
    /// The verbs to allow.
    pub verbs: Vec<Verb>,
}

impl PolicyRule {
    /// Permits listing the objects of a resource.
    #[must_use]
    pub fn allow_list(group: &str, plural: &str, namespace: Option<&str>) -> Self {
        Self {
            api_groups: vec![group.to_owned()],
            resources: vec![plural.to_owned()],
            resource_names: Vec::new(),
            non_resource_urls: Vec::new(),
            namespace: namespace.map(str::to_owned),
            verbs: vec![Verb::List],
        }
    }

    /// Permits reading a non-resource URL.
    #[must_use]
    pub fn allow_get_url(path: &str) -> Self {
        Self {
            api_groups: Vec::new(),
            resources: Vec::new(),
            resource_names: Vec::new(),
            non_resource_urls: vec![path.to_owned()],
            namespace: None,
            verbs: vec![Verb::Get],
        }
    }
}
