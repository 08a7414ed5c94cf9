//! The Cluster API objects that the cluster is made from: by annotations of its nodes, and by the objects themselves if the
//! cluster manages itself.

mod rollout;
mod rollout_strategy;
mod topology_order;

use std::collections::BTreeMap;

use serde_json::Value;

use super::nodes::is_control_plane_node;
use crate::catalog::{GroupResource, keys};
use crate::detect::{self, CapiCondition, DetectedCluster};
use crate::need::{DetailLevel, Need};
use crate::snapshot::{ClusterView, NodeRow, ObjectRow};
use crate::text::NamespacedName;

pub(crate) use rollout::{MachineRollout, machine_rollout};
pub(crate) use rollout_strategy::RolloutStrategy;
pub(crate) use topology_order::{PoolTurn, TopologyOrder};

/// MachineDeployments, with how far their rollouts are.
pub(crate) fn machine_deployments_need() -> Need {
    let resource = GroupResource::new("cluster.x-k8s.io", "machinedeployments");
    let fields = [
        detect::ROLLOUT_FIELDS,
        &[
            "metadata.annotations",
            "metadata.labels",
            "spec.clusterName",
            "spec.paused",
            "spec.rollout.strategy",
            "spec.strategy",
            "spec.template.spec.version",
        ],
    ];
    Need::objects(resource, DetailLevel::Full).with_fields(&fields.concat())
}

/// Machines, with what holds up their deletion.
pub(crate) fn machines_need() -> Need {
    let resource = GroupResource::new("cluster.x-k8s.io", "machines");
    Need::objects(resource, DetailLevel::Full).with_fields(&[
        "metadata.deletionTimestamp",
        "metadata.generation",
        "metadata.labels",
        "spec.clusterName",
        "spec.version",
        "status.conditions",
        "status.deletion.nodeDrainStartTime",
        "status.nodeRef.name",
        "status.v1beta2.conditions",
    ])
}

/// The condition that says that the node of a Machine is being drained, with its type: of v1beta2, or else of v1beta1.
pub(crate) fn draining_condition(machine: &Value) -> Option<(&'static str, CapiCondition<'_>)> {
    let kinds = [
        ("Deleting", "True", "DrainingNode"),
        ("DrainingSucceeded", "False", "Draining"),
    ];
    kinds.into_iter().find_map(|(kind, status, reason)| {
        let condition = CapiCondition::find(machine, kind)?;
        (condition.status == status && condition.reason.starts_with(reason))
            .then_some((kind, condition))
    })
}

/// A machine that is being deleted, and whose node is not drained yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DrainingMachine {
    /// Its MachineDeployment; none for a machine of the control plane.
    pub(crate) deployment: Option<String>,
    /// Which machine, since when, and what holds up its drain.
    pub(crate) description: String,
}

impl DrainingMachine {
    fn new(row: &ObjectRow) -> Option<Self> {
        let (kind, condition) = draining_condition(&row.object)?;
        let condition = condition.describe(kind);
        let node = string_at(row, "/status/nodeRef/name").map(|node| format!(" (node {node})"));
        let since = string_at(row, "/status/deletion/nodeDrainStartTime");
        let since = since.map(|since| format!(", draining since {since}"));
        let labels = row.object.pointer("/metadata/labels");
        let deployment =
            labels.and_then(|labels| labels.get(keys::CAPI_MACHINE_DEPLOYMENT)?.as_str());
        Some(Self {
            deployment: deployment.map(str::to_owned),
            description: format!(
                "Machine {}{}{}: {condition}",
                row.meta.namespaced_name(),
                node.unwrap_or_default(),
                since.unwrap_or_default()
            ),
        })
    }
}

/// Empty if Cluster API did not make the cluster.
#[derive(Debug, Default)]
pub(crate) struct CapiObjects {
    /// Namespace of all of them; empty if unknown.
    pub(crate) namespace: String,
    /// Name of the Cluster; empty if Cluster API did not make it.
    pub(crate) cluster_name: String,
    /// Name of the control plane object; empty if unknown.
    pub(crate) control_plane_name: String,
    /// Its kind in lower case, as kubectl takes it: `kubeadmcontrolplane`, `awsmanagedcontrolplane`; empty if unknown.
    pub(crate) control_plane_kind: String,
    /// Whether the objects are on the cluster that they make.
    pub(crate) is_self_managed: bool,
    /// MachineDeployments by name, if the cluster manages itself.
    pub(crate) machine_deployments: BTreeMap<String, MachineDeploymentInfo>,
    /// Its topology; none without a ClusterClass.
    pub(crate) topology: Option<TopologyOrder>,
    /// Its machines whose nodes are being drained.
    pub(crate) draining_machines: Vec<DrainingMachine>,
    /// Desired number of machines of its KubeadmControlPlane; none if it was not read.
    pub(crate) control_plane_machines: Option<usize>,
}

/// What a plan uses of a MachineDeployment.
#[derive(Debug, Default)]
pub(crate) struct MachineDeploymentInfo {
    /// How many of its machines are replaced at a time.
    pub(crate) rollout_strategy: RolloutStrategy,
    /// Its name in the topology; none if it was not made from one.
    topology_name: Option<String>,
}

impl MachineDeploymentInfo {
    fn new(row: &ObjectRow) -> Self {
        let labels = row.object.pointer("/metadata/labels");
        let name = labels.and_then(|labels| labels.get(keys::CAPI_DEPLOYMENT_NAME)?.as_str());
        Self {
            rollout_strategy: RolloutStrategy::from_machine_deployment(&row.object),
            topology_name: name.map(str::to_owned),
        }
    }
}

impl CapiObjects {
    pub(crate) fn new(view: ClusterView<'_>, detected: &DetectedCluster) -> Self {
        let nodes = view.nodes().unwrap_or_default();
        let clusters = view.objects(&detect::capi_clusters_need());
        let cluster_ref = cluster_ref_from_annotations(nodes)
            .or_else(|| cluster_ref_from_topology(detected, clusters));
        let Some((namespace, cluster_name)) = cluster_ref else {
            return Self::default();
        };
        let cluster = clusters.iter().find(|row| {
            let row_namespace = row.meta.namespace.as_deref().unwrap_or_default();
            row.meta.name == cluster_name && (namespace.is_empty() || row_namespace == namespace)
        });
        let namespace = cluster
            .and_then(|row| row.meta.namespace.clone())
            .unwrap_or(namespace);
        let reference =
            |field: &str| string_at(cluster?, &format!("/spec/controlPlaneRef/{field}"));
        let (kind, control_plane) = reference("kind")
            .zip(reference("name"))
            .or_else(|| control_plane_ref(nodes))
            .unwrap_or_default();
        let is_own = |row: &&ObjectRow| {
            cluster.is_some()
                && row.meta.namespace.as_deref() == Some(&namespace)
                && string_at(row, "/spec/clusterName") == Some(&cluster_name)
        };
        let deployments = view.objects(&machine_deployments_need()).iter();
        let deployments = deployments.filter(is_own);
        let machines = view.objects(&machines_need()).iter().filter(is_own);
        Self {
            control_plane_name: control_plane.to_owned(),
            control_plane_kind: kind.to_lowercase(),
            is_self_managed: cluster.is_some(),
            control_plane_machines: machine_rollout(
                view,
                &detect::kubeadm_control_planes_need(),
                (&namespace, control_plane),
                "/spec/version",
            )
            .map(|rollout| rollout.desired),
            draining_machines: machines.filter_map(DrainingMachine::new).collect(),
            machine_deployments: deployments
                .map(|row| (row.meta.name.clone(), MachineDeploymentInfo::new(row)))
                .collect(),
            topology: cluster.and_then(|row| TopologyOrder::from_cluster(&row.object)),
            namespace,
            cluster_name,
        }
    }

    /// Its Cluster, as `namespace/name`.
    pub(crate) fn display_name(&self) -> NamespacedName {
        NamespacedName::new(Some(&self.namespace), &self.cluster_name)
    }

    /// The turn of a MachineDeployment in the topology, and its index.
    pub(crate) fn pool_turn(&self, deployment: &str) -> Option<(usize, &PoolTurn)> {
        let deployment = self.machine_deployments.get(deployment)?;
        let name = deployment.topology_name.as_ref()?;
        let order = self.topology.as_ref()?;
        let mut turns = order.machine_deployments.iter().enumerate();
        turns.find(|(_, turn)| turn.name == *name)
    }

    /// MachinePools that the topology holds back: their names in it, and why.
    pub(crate) fn machine_pools_on_hold(&self) -> impl Iterator<Item = (&str, &str)> {
        let order = self.topology.iter();
        let turns = order.flat_map(|order| &order.machine_pools);
        turns.filter_map(|turn| Some((turn.name.as_str(), turn.hold_reason.as_deref()?)))
    }
}

/// Namespace and name of the Cluster, by the annotations of nodes.
fn cluster_ref_from_annotations(nodes: &[NodeRow]) -> Option<(String, String)> {
    let clusters = nodes.iter();
    let cluster = clusters
        .filter_map(|node| node.capi_cluster.as_deref())
        .min()?;
    let (namespace, name) = cluster.split_once('/')?;
    Some((namespace.to_owned(), name.to_owned()))
}

/// Namespace and name of the Cluster, by the address of its API server.
fn cluster_ref_from_topology(
    detected: &DetectedCluster,
    clusters: &[ObjectRow],
) -> Option<(String, String)> {
    let mut known = detected.topology.clusters.iter();
    let inspected = known.find(|cluster| cluster.is_inspected)?;
    let is_read = clusters.iter().any(|row| {
        row.meta.name == inspected.name
            && row.meta.namespace.as_deref() == Some(&inspected.namespace)
    });
    is_read.then(|| (inspected.namespace.clone(), inspected.name.clone()))
}

/// Kind and name of the owner of the control plane machines, by the annotations of their nodes.
fn control_plane_ref(nodes: &[NodeRow]) -> Option<(&str, &str)> {
    let nodes = nodes.iter().filter(|node| is_control_plane_node(node));
    nodes
        .filter_map(|node| node.capi_machine_owner.as_deref())
        .min()?
        .split_once('/')
}

fn string_at<'a>(row: &'a ObjectRow, path: &str) -> Option<&'a str> {
    row.object.pointer(path).and_then(Value::as_str)
}
