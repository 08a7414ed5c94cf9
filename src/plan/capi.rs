//! The objects of Cluster API that the cluster is made from, by what its nodes note and, where the cluster looks after itself,
//! by the objects.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::detect::{self, DetectedCluster, is_control_plane_node};
use crate::need::Need;
use crate::rules::CheckContext;
use crate::snapshot::{ClusterSnapshot, NodeRow, ObjectRow};

use super::rollout_strategy::RolloutStrategy;
use super::topology_order::{PoolTurn, TopologyOrder};

/// The label by which a MachineDeployment says its name in the topology. Source: kubernetes-sigs/cluster-api
/// docs/book/src/reference/api/labels-and-annotations.md.
const TOPOLOGY_NAME_LABEL: &str = "topology.cluster.x-k8s.io/deployment-name";

/// None of it where Cluster API did not make the cluster.
#[derive(Debug, Default)]
pub(super) struct CapiObjects {
    /// Namespace of all of them; empty where it is not known.
    pub(super) namespace: String,
    /// Name of the Cluster; empty where Cluster API did not make it.
    pub(super) cluster_name: String,
    /// Name of the object of its control plane; empty where it is not known.
    pub(super) control_plane_name: String,
    /// Its kind in small letters, as kubectl takes it: `kubeadmcontrolplane`, `awsmanagedcontrolplane`; empty where it is not
    /// known.
    pub(super) control_plane_kind: String,
    /// Whether they are on the very cluster that they make.
    pub(super) is_self_managed: bool,
    /// Whether the Cluster has a ClusterClass, as far as can be seen from here.
    pub(super) has_topology: bool,
    /// Its MachineDeployments by name, where they are here.
    pub(super) machine_deployments: BTreeMap<String, MachineDeploymentInfo>,
    /// In what order its pools go; none without a topology.
    pub(super) topology_order: Option<TopologyOrder>,
}

/// What a MachineDeployment says of itself.
#[derive(Debug, Default)]
pub(super) struct MachineDeploymentInfo {
    /// How many of its machines go at a time.
    pub(super) rollout_strategy: RolloutStrategy,
    /// Its name in the topology; none where it was not made from one.
    topology_name: Option<String>,
}

impl MachineDeploymentInfo {
    fn new(row: &ObjectRow) -> Self {
        let labels = row.object.pointer("/metadata/labels");
        let name = labels.and_then(|labels| labels.get(TOPOLOGY_NAME_LABEL)?.as_str());
        Self {
            rollout_strategy: RolloutStrategy::from_machine_deployment(&row.object),
            topology_name: name.map(str::to_owned),
        }
    }
}

impl CapiObjects {
    pub(super) fn new(
        situation: &CheckContext<'_>,
        picture: &ClusterSnapshot,
        detected: &DetectedCluster,
    ) -> Self {
        let rows = |need: &Need| -> &[ObjectRow] {
            let rows = picture.rows_for(need, situation.catalog).ok().flatten();
            rows.map(|rows| rows.objects()).unwrap_or_default()
        };
        let nodes = node_rows(situation, picture);
        let clusters = rows(&detect::capi_clusters_need());
        let Some((namespace, cluster)) = cluster_ref_from_annotations(nodes)
            .or_else(|| cluster_ref_from_topology(detected, clusters))
        else {
            return Self::default();
        };
        let object = clusters.iter().find(|row| {
            let of = row.meta.namespace.as_deref().unwrap_or_default();
            row.meta.name == cluster && (namespace.is_empty() || of == namespace)
        });
        let namespace = match object.and_then(|row| row.meta.namespace.clone()) {
            Some(namespace) => namespace,
            None => namespace,
        };
        let refers = |field: &str| string_at(object?, &format!("/spec/controlPlaneRef/{field}"));
        let control_plane = refers("kind").zip(refers("name"));
        let control_plane = control_plane.or_else(|| control_plane_ref(nodes));
        let (kind, control_plane) = control_plane.unwrap_or_default();
        let deployments = rows(&detect::machine_deployments_need())
            .iter()
            .filter(|row| {
                object.is_some()
                    && row.meta.namespace.as_deref() == Some(&namespace)
                    && string_at(row, "/spec/clusterName") == Some(&cluster)
            });
        Self {
            control_plane_name: control_plane.to_owned(),
            control_plane_kind: kind.to_lowercase(),
            is_self_managed: object.is_some(),
            has_topology: object
                .is_some_and(|row| string_at(row, "/spec/topology/version").is_some()),
            machine_deployments: deployments
                .map(|row| (row.meta.name.clone(), MachineDeploymentInfo::new(row)))
                .collect(),
            topology_order: object.and_then(|row| TopologyOrder::from_cluster(&row.object)),
            namespace,
            cluster_name: cluster,
        }
    }

    /// Which turn a MachineDeployment has among those of the topology, and what holds it back.
    pub(super) fn pool_turn(&self, deployment: &str) -> Option<(usize, &PoolTurn)> {
        let name = self
            .machine_deployments
            .get(deployment)?
            .topology_name
            .as_ref()?;
        let mut turns = self
            .topology_order
            .as_ref()?
            .machine_deployments
            .iter()
            .enumerate();
        turns.find(|(_, turn)| turn.name == *name)
    }

    /// What the topology holds back of pools whose objects are not read: their names in it, and why.
    pub(super) fn machine_pools_on_hold(&self) -> impl Iterator<Item = (&str, &str)> {
        let turns = self.topology_order.iter().flat_map(|it| &it.machine_pools);
        turns.filter_map(|turn| Some((turn.name.as_str(), turn.hold_reason.as_deref()?)))
    }
}

/// Namespace and name of the Cluster, by the annotations of nodes.
fn cluster_ref_from_annotations(nodes: &[NodeRow]) -> Option<(String, String)> {
    let cluster = nodes
        .iter()
        .filter_map(|node| node.capi_cluster.as_deref())
        .min()?;
    let (namespace, name) = cluster.split_once('/')?;
    Some((namespace.to_owned(), name.to_owned()))
}

/// The same by the address of its API server.
fn cluster_ref_from_topology(
    detected: &DetectedCluster,
    clusters: &[ObjectRow],
) -> Option<(String, String)> {
    let mut members = detected.topology.clusters.iter();
    let this = members.find(|member| member.is_inspected)?;
    let is_it = |row: &ObjectRow| {
        row.meta.name == this.name && row.meta.namespace.as_deref() == Some(&this.namespace)
    };
    let found = clusters.iter().any(is_it);
    found.then(|| (this.namespace.clone(), this.name.clone()))
}

/// Kind and name of what the machines of the control plane belong to, by the annotations of its nodes.
fn control_plane_ref(nodes: &[NodeRow]) -> Option<(&str, &str)> {
    let ours = nodes.iter().filter(|node| is_control_plane_node(node));
    ours.filter_map(|node| node.capi_machine_owner.as_deref())
        .min()?
        .split_once('/')
}

fn string_at<'a>(row: &'a ObjectRow, path: &str) -> Option<&'a str> {
    row.object.pointer(path).and_then(Value::as_str)
}

/// Nodes; none where they could not be read.
pub(super) fn node_rows<'a>(
    situation: &CheckContext<'_>,
    picture: &'a ClusterSnapshot,
) -> &'a [NodeRow] {
    let rows = picture.rows_for(&detect::nodes(), situation.catalog);
    rows.ok()
        .flatten()
        .map(|rows| rows.nodes())
        .unwrap_or_default()
}
