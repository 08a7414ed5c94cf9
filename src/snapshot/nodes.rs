//! Rows of nodes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::metadata::{Keyed, Row, RowKey};
use super::uid::Uid;
use crate::catalog::ReportedVersion;

/// A condition of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeCondition {
    /// `Ready`, `MemoryPressure`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False`, `Unknown`.
    pub status: String,
    /// `reason`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// A node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeRow {
    /// Name.
    pub name: String,
    /// `metadata.uid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<Uid>,
    /// Labels, which show pools, roles and providers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// `spec.providerID`; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub provider_id: String,
    /// `status.nodeInfo.kubeletVersion`.
    pub kubelet_version: ReportedVersion,
    /// `status.nodeInfo.osImage`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os_image: String,
    /// `spec.unschedulable`: it is cordoned.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "unschedulable")]
    pub is_unschedulable: bool,
    /// Whether it has a taint with effect `NoSchedule` or `NoExecute`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "tainted")]
    pub has_repelling_taint: bool,
    /// Keys of its taints of any effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "taints")]
    pub taint_keys: Vec<String>,
    /// `status.conditions`; empty if no kubelet ever reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<NodeCondition>,
    /// `metadata.creationTimestamp`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "created")]
    pub created_at: Option<Timestamp>,
    /// `status.nodeInfo.containerRuntimeVersion`, such as `containerd://2.1.0`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(rename = "runtime")]
    pub container_runtime_version: String,
    /// The socket of the container runtime, from the annotation of kubeadm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cri_socket: Option<String>,
    /// `namespace/name` of its Cluster, from the annotations of Cluster API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "cluster")]
    pub capi_cluster: Option<String>,
    /// `Kind/name` of its machine's owner, such as `MachineSet/pool-a-x7k2q`, from the annotations of Cluster API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "machineOwner")]
    pub capi_machine_owner: Option<String>,
    /// The flags that k3s passes to the components that it runs on the node, as `kube-apiserver --feature-gates=A=true`, as
    /// it notes its own arguments in an annotation; `None` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub component_flags: Option<Vec<String>>,
}

impl Row for NodeRow {}

impl Keyed for NodeRow {
    fn key(&self) -> RowKey<'_> {
        RowKey {
            namespace: "",
            name: &self.name,
            uid: self.uid,
        }
    }
}

impl NodeRow {
    /// The condition of this type.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<&NodeCondition> {
        self.conditions
            .iter()
            .find(|condition| condition.kind == kind)
    }

    /// Its MachineDeployment, from the name of its MachineSet.
    #[must_use]
    pub fn machine_deployment(&self) -> Option<&str> {
        let owner = self.capi_machine_owner.as_ref();
        owner
            .and_then(|owner| owner.strip_prefix("MachineSet/"))
            .and_then(machine_deployment_of_set)
    }

    /// Its MachinePool.
    #[must_use]
    pub fn machine_pool(&self) -> Option<&str> {
        self.capi_machine_owner
            .as_ref()?
            .strip_prefix("MachinePool/")
    }
}

/// The MachineDeployment of a MachineSet, from its name; the MachineSet itself if no MachineDeployment created it; `None` if
/// the name was truncated.
///
/// The suffix is five random characters, or a hash in old releases, both without vowels. Source: kubernetes-sigs/cluster-api
/// internal/controllers/machinedeployment (computeNewMachineSetName); k8s.io/apimachinery pkg/util/rand (alphanums).
pub(super) fn machine_deployment_of_set(set: &str) -> Option<&str> {
    const LONGEST: usize = 63;
    const MADE: &str = "bcdfghjklmnpqrstvwxz2456789";
    match set.rsplit_once('-') {
        _ if set.len() >= LONGEST => None,
        Some((name, end)) if end.len() >= 5 && end.chars().all(|it| MADE.contains(it)) => {
            Some(name)
        }
        _ => Some(set),
    }
}

#[cfg(test)]
mod tests {
    use super::machine_deployment_of_set;

    #[test]
    fn a_machine_set_names_its_machine_deployment() {
        for (set, name) in [
            ("shop-md-0-x7k2q", "shop-md-0"),
            ("shop-md-0-5d8c9b7f64", "shop-md-0"),
            ("md-0", "md-0"),
            ("shop-workers", "shop-workers"),
            ("workers", "workers"),
        ] {
            assert_eq!(machine_deployment_of_set(set), Some(name));
        }
        assert_eq!(machine_deployment_of_set(&"a".repeat(63)), None);
    }
}
