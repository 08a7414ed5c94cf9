//! The RBAC permission that a read takes.

use serde::{Deserialize, Serialize};

/// One rule of a ClusterRole that permits a read.
///
/// Keys and shape are those of the report's `gaps[].rbac`; lists that do not apply are empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// `get` or `list`.
    pub verbs: Vec<String>,
}

impl PolicyRule {
    /// Allows listing a resource.
    #[must_use]
    pub fn allow_list(group: &str, plural: &str, namespace: Option<&str>) -> Self {
        Self {
            api_groups: vec![group.to_owned()],
            resources: vec![plural.to_owned()],
            resource_names: Vec::new(),
            non_resource_urls: Vec::new(),
            namespace: namespace.map(str::to_owned),
            verbs: vec!["list".to_owned()],
        }
    }

    /// Allows getting a non-resource URL.
    #[must_use]
    pub fn allow_get_url(path: &str) -> Self {
        Self {
            api_groups: Vec::new(),
            resources: Vec::new(),
            resource_names: Vec::new(),
            non_resource_urls: vec![path.to_owned()],
            namespace: None,
            verbs: vec!["get".to_owned()],
        }
    }
}
