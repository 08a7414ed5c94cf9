//! The objects of Cluster API that the cluster is made from, by what its nodes note and, where the cluster looks after itself,
//! by the objects.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::check::Situation;
use crate::detect::{self, Detected, in_control_plane};
use crate::need::Need;
use crate::snapshot::{JsonRow, NodeRow, Picture};

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
    /// Names of its MachineDeployments, where they are here.
    pub(super) deployments: BTreeSet<String>,
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
            deployments: deployments.map(|row| row.meta.name.clone()).collect(),
            namespace,
            cluster,
        }
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
