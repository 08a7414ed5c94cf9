//! The permission that a read takes.

use serde::{Deserialize, Serialize};

/// One rule of a ClusterRole: what to allow so that a read goes through.
///
/// Keys and shape are those of the report's `gaps[].rbac`; lists that do not apply are empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRule {
    /// API groups; the core group is the empty string.
    pub api_groups: Vec<String>,
    /// Plural names.
    pub resources: Vec<String>,
    /// Names of single objects; empty for all.
    pub resource_names: Vec<String>,
    /// Paths that are no resources.
    #[serde(rename = "nonResourceURLs")]
    pub non_resource_urls: Vec<String>,
    /// The namespace that is enough, none for the whole cluster.
    pub namespace: Option<String>,
    /// `get` or `list`.
    pub verbs: Vec<String>,
}

impl PolicyRule {
    /// To list the objects of a resource.
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

    /// To get a page of the API server.
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
