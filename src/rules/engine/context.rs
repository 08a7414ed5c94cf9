//! The input of a rule: one cluster.

use std::sync::OnceLock;

use jiff::Timestamp;

use crate::api_usage;
use crate::api_usage::ApiUsage;
use crate::catalog::{Catalog, GroupResource, Gvk};
use crate::detect::DetectedCluster;
use crate::facts::budgets::{BudgetCoverage, ClusterBudgets};
use crate::facts::component_manifests::ComponentConfigs;
use crate::facts::pods;
use crate::facts::unfinished_hop::UnfinishedHop;
use crate::need::{ClusterId, Need};
use crate::path::UpgradePath;
use crate::snapshot::{
    ClusterSnapshot, ClusterView, ManifestFiles, NodeRow, ObjectRow, PodRow, Rows, Snapshot,
    WorkloadRow,
};

/// One cluster with its path, the manifests about to be applied to it, and the clock.
#[derive(Debug)]
pub struct CheckContext<'a> {
    /// The cluster; `None` under `--local`.
    pub cluster: Option<&'a ClusterSnapshot>,
    /// What was detected in the cluster.
    pub detected: Option<DetectedCluster>,
    /// Manifests given with `-f`.
    pub manifests: &'a ManifestFiles,
    /// Whether names are pseudonyms.
    pub is_redacted: bool,
    /// Facts about Kubernetes and platforms.
    pub catalog: &'a Catalog,
    /// The path of this cluster.
    pub path: &'a UpgradePath,
    /// The clock.
    pub now: Timestamp,
    /// Who still uses which API.
    pub api_usages: Vec<ApiUsage>,
    /// Which pods the budgets cover; computed once, for several rules.
    pub(crate) budget_coverage: OnceLock<BudgetCoverage>,
    /// Flags of components; computed once, for several rules.
    pub(crate) component_configs: ComponentConfigs<'a>,
    /// The other clusters of the run, also those that are not read.
    pub other_clusters: Vec<ClusterId>,
}

impl<'a> CheckContext<'a> {
    /// The context of the first cluster of a snapshot: a pure function of its arguments.
    #[must_use]
    pub fn new(
        snapshot: &'a Snapshot,
        catalog: &'a Catalog,
        path: &'a UpgradePath,
        now: Timestamp,
    ) -> Self {
        Self::for_cluster(snapshot, snapshot.clusters.first(), catalog, path, now)
    }

    /// The context of one of the clusters of a snapshot.
    #[must_use]
    pub fn for_cluster(
        snapshot: &'a Snapshot,
        cluster: Option<&'a ClusterSnapshot>,
        catalog: &'a Catalog,
        path: &'a UpgradePath,
        now: Timestamp,
    ) -> Self {
        let view = cluster.map(|cluster| ClusterView::new(cluster, catalog));
        let releases = api_usage::current_releases(cluster, &snapshot.files);
        let read = snapshot.clusters.iter().map(|other| &other.id);
        let unread = snapshot.unread.iter().map(|other| &other.id);
        let others = read.chain(unread);
        let others = others.filter(|other| cluster.is_none_or(|own| own.id != **other));
        let mut detected = cluster.map(|cluster| DetectedCluster::new(cluster, catalog));
        for (name, release) in &path.stated {
            if let Some(detected) = &mut detected {
                detected.accept_release(*name, release, &format!("--from {name}={release}"));
            }
        }
        Self {
            cluster,
            detected,
            manifests: &snapshot.files,
            is_redacted: snapshot.is_redacted,
            catalog,
            path,
            now,
            api_usages: api_usage::resolve_usages(view, &snapshot.files, catalog, path),
            budget_coverage: OnceLock::new(),
            component_configs: ComponentConfigs::new(view, &snapshot.files, releases, catalog),
            other_clusters: others.cloned().collect(),
        }
    }

    /// The cluster, ready to be read; `None` under `--local`.
    #[must_use]
    pub fn view(&self) -> Option<ClusterView<'a>> {
        Some(ClusterView::new(self.cluster?, self.catalog))
    }

    /// The id of the cluster, as findings and gaps name it.
    #[must_use]
    pub fn cluster_id(&self) -> Option<&'a ClusterId> {
        self.cluster.map(|cluster| &cluster.id)
    }

    /// The one namespace that was read; `None` for all.
    #[must_use]
    pub fn namespace(&self) -> Option<&'a str> {
        self.cluster?.namespace.as_deref()
    }

    /// The rows that answer a need; `None` if it was not met.
    #[must_use]
    pub fn rows(&self, need: &Need) -> Option<&'a Rows> {
        self.view()?.rows(need)
    }

    /// The full objects that answer a need.
    #[must_use]
    pub fn objects(&self, need: &Need) -> &'a [ObjectRow] {
        self.rows(need).map_or(&[], Rows::objects)
    }

    /// The workloads that answer a need.
    #[must_use]
    pub fn workloads(&self, need: &Need) -> &'a [WorkloadRow] {
        self.rows(need).map_or(&[], Rows::workloads)
    }

    /// The nodes.
    #[must_use]
    pub fn nodes(&self) -> &'a [NodeRow] {
        self.rows(&Need::nodes()).map_or(&[], Rows::nodes)
    }

    /// The pods.
    #[must_use]
    pub fn pods(&self) -> &'a [PodRow] {
        self.rows(&pods::pods_need()).map_or(&[], Rows::pods)
    }

    /// A fact about the cluster; the default under `--local`.
    pub(crate) fn fact<T: Default>(&self, fact: impl FnOnce(ClusterView<'a>) -> T) -> T {
        self.view().map(fact).unwrap_or_default()
    }

    /// See [`UnfinishedHop::new`].
    pub(crate) fn unfinished_hop(&self) -> Option<UnfinishedHop> {
        let is_last = self.path.kubernetes_hops().next().is_none();
        UnfinishedHop::new(self.view()?, self.detected.as_ref()?, is_last)
    }

    /// See [`ClusterBudgets::new`].
    pub(crate) fn budgets(&self) -> Option<ClusterBudgets<'a>> {
        ClusterBudgets::new(self.view()?, &self.budget_coverage)
    }

    /// See [`ClusterView::listed_gvk`].
    #[must_use]
    pub fn listed_gvk(&self, resource: &GroupResource) -> Option<Gvk> {
        self.view()?.listed_gvk(resource)
    }
}
