//! The objects of Cluster API that the cluster is made from, by what its nodes note and, where the cluster looks after itself,
//! by the objects.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::Situation;
use crate::detect::{self, Detected, in_control_plane};
use crate::need::Need;
use crate::snapshot::{JsonRow, NodeRow, Picture};

use super::rolling::Pace;
use super::sequence::{Sequence, Turn};

/// The label by which a MachineDeployment says its name in the topology. Source: kubernetes-sigs/cluster-api
/// docs/book/src/reference/api/labels-and-annotations.md.
const IN_TOPOLOGY: &str = "topology.cluster.x-k8s.io/deployment-name";

/// None of it where Cluster API did not make the cluster.
#[derive(Debug, Default)]
pub(super) struct Machines {
    /// Namespace of all of them; empty where it is not known.
    pub(super) namespace: String,
    /// Name of the Cluster; empty where Cluster API did not make it.
    pub(super) cluster: String,
    /// Name of the object of its control plane; empty where it is not known.
    pub(super) control_plane: String,
    /// Its kind in small letters, as kubectl takes it: `kubeadmcontrolplane`, `awsmanagedcontrolplane`; empty where it is not
    /// known.
    pub(super) control_plane_kind: String,
    /// Whether they are on the very cluster that they make.
    pub(super) here: bool,
    /// Whether the Cluster has a ClusterClass, as far as can be seen from here.
    pub(super) has_topology: bool,
    /// Its MachineDeployments by name, where they are here.
    pub(super) deployments: BTreeMap<String, Deployment>,
    /// In what order its pools go; none without a topology.
    pub(super) sequence: Option<Sequence>,
}

/// What a MachineDeployment says of itself.
#[derive(Debug, Default)]
pub(super) struct Deployment {
    /// How many of its machines go at a time.
    pub(super) pace: Pace,
    /// Its name in the topology; none where it was not made from one.
    in_topology: Option<String>,
}

impl Deployment {
    fn new(row: &JsonRow) -> Self {
        let labels = row.object.pointer("/metadata/labels");
        let name = labels.and_then(|labels| labels.get(IN_TOPOLOGY)?.as_str());
        Self {
            pace: Pace::of(&row.object),
            in_topology: name.map(str::to_owned),
        }
    }
}

impl Machines {
    pub(super) fn new(situation: &Situation<'_>, picture: &Picture, detected: &Detected) -> Self {
        let rows = |need: &Need| -> &[JsonRow] {
            let rows = picture.read(need, situation.catalog).ok().flatten();
            rows.map(|rows| rows.json()).unwrap_or_default()
        };
        let nodes = nodes(situation, picture);
        let clusters = rows(&detect::capi_cluster_objects());
        let Some((namespace, cluster)) = noted(nodes).or_else(|| known(detected, clusters)) else {
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
        let refers = |field: &str| text(object?, &format!("/spec/controlPlaneRef/{field}"));
        let control_plane = refers("kind").zip(refers("name"));
        let control_plane = control_plane.or_else(|| makes(nodes));
        let (kind, control_plane) = control_plane.unwrap_or_default();
        let deployments = rows(&detect::machine_deployments()).iter().filter(|row| {
            object.is_some()
                && row.meta.namespace.as_deref() == Some(&namespace)
                && text(row, "/spec/clusterName") == Some(&cluster)
        });
        Self {
            control_plane: control_plane.to_owned(),
            control_plane_kind: kind.to_lowercase(),
            here: object.is_some(),
            has_topology: object.is_some_and(|row| text(row, "/spec/topology/version").is_some()),
            deployments: deployments
                .map(|row| (row.meta.name.clone(), Deployment::new(row)))
                .collect(),
            sequence: object.and_then(|row| Sequence::of(&row.object)),
            namespace,
            cluster,
        }
    }

    /// Which turn a MachineDeployment has among those of the topology, and what holds it back.
    pub(super) fn turn(&self, deployment: &str) -> Option<(usize, &Turn)> {
        let name = self.deployments.get(deployment)?.in_topology.as_ref()?;
        let mut turns = self.sequence.as_ref()?.deployments.iter().enumerate();
        turns.find(|(_, turn)| turn.name == *name)
    }

    /// What the topology holds back of pools whose objects are not read: their names in it, and why.
    pub(super) fn pools_held(&self) -> impl Iterator<Item = (&str, &str)> {
        let turns = self.sequence.iter().flat_map(|it| &it.pools);
        turns.filter_map(|turn| Some((turn.name.as_str(), turn.held.as_deref()?)))
    }
}

/// Namespace and name of the Cluster, by the annotations of nodes.
fn noted(nodes: &[NodeRow]) -> Option<(String, String)> {
    let cluster = nodes
        .iter()
        .filter_map(|node| node.cluster.as_deref())
        .min()?;
    let (namespace, name) = cluster.split_once('/')?;
    Some((namespace.to_owned(), name.to_owned()))
}

/// The same by the address of its API server.
fn known(detected: &Detected, clusters: &[JsonRow]) -> Option<(String, String)> {
    let mut members = detected.topology.clusters.iter();
    let this = members.find(|member| member.this)?;
    let is_it = |row: &JsonRow| {
        row.meta.name == this.name && row.meta.namespace.as_deref() == Some(&this.namespace)
    };
    let found = clusters.iter().any(is_it);
    found.then(|| (this.namespace.clone(), this.name.clone()))
}

/// Kind and name of what the machines of the control plane belong to, by the annotations of its nodes.
fn makes(nodes: &[NodeRow]) -> Option<(&str, &str)> {
    let ours = nodes.iter().filter(|node| in_control_plane(node));
    ours.filter_map(|node| node.machine_owner.as_deref())
        .min()?
        .split_once('/')
}

fn text<'a>(row: &'a JsonRow, path: &str) -> Option<&'a str> {
    row.object.pointer(path).and_then(Value::as_str)
}

/// Nodes; none where they could not be read.
pub(super) fn nodes<'a>(situation: &Situation<'_>, picture: &'a Picture) -> &'a [NodeRow] {
    let rows = picture.read(&detect::nodes(), situation.catalog);
    rows.ok()
        .flatten()
        .map(|rows| rows.nodes())
        .unwrap_or_default()
}
