//! Nodes, from protobuf or JSON to one row.
//!
//! Only the fields that the row needs are declared. Tags are those of k8s.io/api core/v1/generated.proto.

use std::collections::BTreeMap;

use prost::Message;
use serde::Deserialize;

use super::meta::{Time, rfc3339};
use crate::snapshot::{NodeCondition, NodeRow};

/// Where kubeadm notes the socket of a node's container runtime.
const CRI_SOCKET_ANNOTATION: &str = "kubeadm.alpha.kubernetes.io/cri-socket";

/// Where Cluster API notes whose machine a node is. Source: kubernetes-sigs/cluster-api api/core common_types.go.
const CLUSTER_ANNOTATIONS: [&str; 2] = [
    "cluster.x-k8s.io/cluster-namespace",
    "cluster.x-k8s.io/cluster-name",
];

/// Where it notes what that machine belongs to. Source: the same.
const MACHINE_OWNER_ANNOTATIONS: [&str; 2] =
    ["cluster.x-k8s.io/owner-kind", "cluster.x-k8s.io/owner-name"];

/// A node as it comes.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Node {
    #[prost(message, optional, tag = "1")]
    metadata: Option<NodeMeta>,
    #[prost(message, optional, tag = "2")]
    spec: Option<NodeSpec>,
    #[prost(message, optional, tag = "3")]
    status: Option<NodeStatus>,
}

/// Without `managedFields`, which are a third of a node.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeMeta {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "5")]
    uid: String,
    #[prost(message, optional, tag = "8")]
    #[serde(deserialize_with = "rfc3339")]
    creation_timestamp: Option<Time>,
    #[prost(btree_map = "string, string", tag = "11")]
    labels: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "12")]
    annotations: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeSpec {
    #[prost(string, tag = "3")]
    #[serde(rename = "providerID")]
    provider_id: String,
    #[prost(bool, tag = "4")]
    unschedulable: bool,
    #[prost(message, repeated, tag = "5")]
    taints: Vec<Taint>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Taint {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "3")]
    effect: String,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeStatus {
    #[prost(message, repeated, tag = "4")]
    conditions: Vec<NodeConditionProto>,
    #[prost(message, optional, tag = "7")]
    node_info: Option<NodeSystemInfo>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeConditionProto {
    #[prost(string, tag = "1")]
    #[serde(rename = "type")]
    kind: String,
    #[prost(string, tag = "2")]
    status: String,
    #[prost(string, tag = "5")]
    reason: String,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct NodeSystemInfo {
    #[prost(string, tag = "5")]
    os_image: String,
    #[prost(string, tag = "6")]
    container_runtime_version: String,
    #[prost(string, tag = "7")]
    kubelet_version: String,
}

/// Annotations of k3s and RKE2: their arguments on this node, those of the configuration file among them.
/// Source: k3s-io/k3s pkg/nodeconfig/nodeconfig.go, where the name of the program is the prefix.
const K3S_ARGS_ANNOTATIONS: [&str; 2] = ["k3s.io/node-args", "rke2.io/node-args"];

/// Arguments of k3s and RKE2 that add a flag to a component. Source: k3s-io/k3s pkg/cli/cmds/server.go, agent.go.
const K3S_COMPONENT_ARGUMENTS: [(&str, &str); 6] = [
    ("kube-apiserver-arg", "kube-apiserver"),
    ("kube-controller-arg", "kube-controller-manager"),
    ("kube-controller-manager-arg", "kube-controller-manager"),
    ("kube-proxy-arg", "kube-proxy"),
    ("kube-scheduler-arg", "kube-scheduler"),
    ("kubelet-arg", "kubelet"),
];

/// The flags of components in the arguments of k3s, a JSON list; `None` if it is no such list.
fn component_flags(args: &str) -> Option<Vec<String>> {
    let args: Vec<String> = serde_json::from_str(args).ok()?;
    let mut words = args.iter();
    let mut flags = Vec::new();
    while let Some(word) = words.next() {
        // Go's flag parser takes one dash for two.
        let Some(argument) = word.strip_prefix("--").or_else(|| word.strip_prefix('-')) else {
            continue;
        };
        let (name, value) = argument.split_once('=').unzip();
        let name = name.unwrap_or(argument);
        let mut arguments = K3S_COMPONENT_ARGUMENTS.iter();
        let Some((_, component)) = arguments.find(|(argument, _)| *argument == name) else {
            continue;
        };
        let value = value.or_else(|| words.next().map(String::as_str));
        let value = value.unwrap_or_default().trim_start_matches('-');
        flags.push(format!("{component} --{value}"));
    }
    Some(flags)
}

impl Node {
    /// The row.
    pub(super) fn into_row(self) -> NodeRow {
        let meta = self.metadata.unwrap_or_default();
        let status = self.status.unwrap_or_default();
        let info = status.node_info.unwrap_or_default();
        let spec = self.spec.unwrap_or_default();
        let keeps_off = |taint: &Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
        let condition = |condition: NodeConditionProto| NodeCondition {
            kind: condition.kind,
            status: condition.status,
            reason: condition.reason,
        };
        let [namespace, cluster] = CLUSTER_ANNOTATIONS.map(|name| meta.annotations.get(name));
        let [kind, owner] = MACHINE_OWNER_ANNOTATIONS.map(|name| meta.annotations.get(name));
        NodeRow {
            component_flags: K3S_ARGS_ANNOTATIONS
                .iter()
                .find_map(|name| meta.annotations.get(*name))
                .and_then(|args| component_flags(args)),
            capi_machine_owner: kind
                .zip(owner)
                .map(|(kind, owner)| format!("{kind}/{owner}")),
            // Old releases of Cluster API did not note the namespace.
            capi_cluster: cluster.map(|name| match namespace {
                Some(namespace) => format!("{namespace}/{name}"),
                None => format!("/{name}"),
            }),
            created_at: meta.creation_timestamp.and_then(Time::to_timestamp),
            cri_socket: meta.annotations.get(CRI_SOCKET_ANNOTATION).cloned(),
            uid: meta.uid.parse().ok(),
            name: meta.name,
            labels: meta.labels,
            is_unschedulable: spec.unschedulable,
            has_repelling_taint: spec.taints.iter().any(keeps_off),
            taint_keys: spec.taints.into_iter().map(|taint| taint.key).collect(),
            conditions: status.conditions.into_iter().map(condition).collect(),
            container_runtime_version: info.container_runtime_version,
            provider_id: spec.provider_id,
            kubelet_version: info.kubelet_version.into(),
            os_image: info.os_image,
        }
    }
}
