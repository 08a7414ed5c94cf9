//! Where a management cluster keeps the kubeconfigs of the clusters that it looks after.

use super::cluster_api::capi_clusters_need;
use super::topology::{KnownCluster, Topology};
use super::view::{list_need, str_at};
use crate::need::Need;
use crate::snapshot::ClusterView;
use crate::text::NamespacedName;

/// The keys under which such a Secret may have the kubeconfig: that of Cluster API, then that of Kommander.
pub const KUBECONFIG_KEYS: &[&str] = &["value", "kubeconfig"];

/// The references of KommanderClusters to Secrets. They are read only if asked for.
#[must_use]
pub fn kubeconfig_references_need() -> Need {
    let fields = &["spec.clusterRef.capiCluster", "spec.kubeconfigRef.name"];
    list_need("kommander.mesosphere.io", "kommanderclusters", fields)
}

/// The Secret with the kubeconfig of each other cluster that this one knows, managed ones first; `None` if nothing names one.
#[must_use]
pub fn kubeconfig_secrets(
    view: ClusterView<'_>,
    topology: &Topology,
) -> Vec<(KnownCluster, Option<NamespacedName>)> {
    let others = topology.clusters.iter().filter(|one| !one.is_inspected);
    let mut secrets: Vec<_> = others
        .map(|cluster| (cluster.clone(), kubeconfig_secret(view, cluster)))
        .collect();
    secrets.sort_by_key(|(cluster, _)| cluster.role);
    secrets
}

/// What Kommander refers to, or else what Cluster API makes for each Cluster.
fn kubeconfig_secret(view: ClusterView<'_>, cluster: &KnownCluster) -> Option<NamespacedName> {
    let is_this = |meta: &crate::snapshot::MetaRow| {
        meta.name == cluster.name && meta.namespace.as_deref() == Some(&cluster.namespace)
    };
    let references = view.objects(&kubeconfig_references_need());
    let kommander = references.iter().find(|row| is_this(&row.meta));
    let named = kommander.and_then(|row| str_at(&row.object, "/spec/kubeconfigRef/name"));
    if let Some(name) = named {
        return Some(NamespacedName::new(Some(&cluster.namespace), name));
    }
    let made = kommander.and_then(|row| {
        let name = str_at(&row.object, "/spec/clusterRef/capiCluster/name")?;
        let namespace = str_at(&row.object, "/spec/clusterRef/capiCluster/namespace");
        Some((namespace.unwrap_or(&cluster.namespace), name))
    });
    let clusters = view.objects(&capi_clusters_need());
    let own = clusters.iter().any(|row| is_this(&row.meta));
    let own = own.then_some((cluster.namespace.as_str(), cluster.name.as_str()));
    let (namespace, name) = made.or(own)?;
    Some(NamespacedName::new(
        Some(namespace),
        &format!("{name}-kubeconfig"),
    ))
}
