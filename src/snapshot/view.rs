//! One cluster as detection, facts and rules read it.

use super::{ClusterSnapshot, NodeRow, ObjectRow, Rows};
use crate::catalog::{Catalog, GroupResource, Gvk};
use crate::need::Need;

/// A cluster and the catalog its ledger is read with. Data that was not read has no rows here: it is a gap already.
#[derive(Debug, Clone, Copy)]
pub struct ClusterView<'a> {
    /// The cluster.
    pub cluster: &'a ClusterSnapshot,
    /// The catalog.
    pub catalog: &'a Catalog,
}

impl<'a> ClusterView<'a> {
    /// A view of a cluster.
    #[must_use]
    pub const fn new(cluster: &'a ClusterSnapshot, catalog: &'a Catalog) -> Self {
        Self { cluster, catalog }
    }

    /// The rows that answer a need; `None` if it was not met or the server has no such resource.
    #[must_use]
    pub fn rows(self, need: &Need) -> Option<&'a Rows> {
        self.cluster.rows_for(need, self.catalog).ok().flatten()
    }

    /// The full objects that answer a need.
    #[must_use]
    pub fn objects(self, need: &Need) -> &'a [ObjectRow] {
        self.rows(need).map_or(&[], Rows::objects)
    }

    /// The nodes; `None` if they were not read.
    #[must_use]
    pub fn nodes(self) -> Option<&'a [NodeRow]> {
        self.rows(&Need::nodes()).map(Rows::nodes)
    }

    /// Whether any object answers a need.
    #[must_use]
    pub fn exists(self, need: &Need) -> bool {
        self.rows(need).is_some_and(|rows| !rows.is_empty())
    }

    /// The API through which objects of a resource are listed; `None` if the server does not serve the resource or the
    /// catalog does not know it.
    #[must_use]
    pub fn listed_gvk(self, resource: &GroupResource) -> Option<Gvk> {
        let discovery = &self.cluster.discovery;
        let serves = |api_version: &str| discovery.serves(api_version);
        let minor = discovery.effective_minor();
        if let Some(api) = self.catalog.apis.best_served(resource, minor, serves) {
            return Some(api.gvk());
        }
        let custom = &self.catalog.custom_apis;
        let custom = custom.best_served(resource, &discovery.group_versions)?;
        Some(Gvk::new(&custom.api_version, &custom.kind))
    }

    /// Group versions of served groups whose name ends so, for messages.
    #[must_use]
    pub fn served_group_versions(self, group_suffix: &str) -> Vec<&'a str> {
        let versions = self.cluster.discovery.group_versions.iter();
        let group = |version: &str| {
            version
                .split_once('/')
                .is_some_and(|(group, _)| group.ends_with(group_suffix))
        };
        versions
            .map(String::as_str)
            .filter(|version| group(version))
            .collect()
    }
}
