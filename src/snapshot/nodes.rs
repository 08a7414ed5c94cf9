//! Rows of nodes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::metadata::{Keyed, Row, RowKey};
use super::uid::Uid;
use crate::catalog::ReportedVersion;

/// A condition that a node reports of itself, or that is reported of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeCondition {
    /// `Ready`, `MemoryPressure`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// `True`, `False`, `Unknown`.
    pub status: String,
    /// Why, in one word.
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
    /// Labels: pools, roles and marks of providers are told by them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// `spec.providerID`, empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub provider_id: String,
    /// `status.nodeInfo.kubeletVersion`.
    pub kubelet_version: ReportedVersion,
    /// `status.nodeInfo.osImage`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub os_image: String,
    /// `spec.unschedulable`: somebody cordoned it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "unschedulable")]
    pub is_unschedulable: bool,
    /// Whether a taint keeps pods off that do not tolerate it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "tainted")]
    pub has_repelling_taint: bool,
    /// Keys of its taints, whatever their effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "taints")]
    pub taint_keys: Vec<String>,
    /// What is reported of it; empty where no kubelet ever reported.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<NodeCondition>,
    /// When it joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "created")]
    pub created_at: Option<Timestamp>,
    /// `status.nodeInfo.containerRuntimeVersion`, such as `containerd://2.1.0`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[serde(rename = "runtime")]
    pub container_runtime_version: String,
    /// The socket of the runtime, where kubeadm noted it in an annotation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cri_socket: Option<String>,
    /// `namespace/name` of the Cluster it belongs to, where Cluster API noted it in annotations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[serde(rename = "cluster")]
    pub capi_cluster: Option<String>,
    /// `Kind/name` of what its machine belongs to, as `MachineSet/pool-a-x7k2q`, where Cluster API noted it in annotations.
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
    /// What is reported of it under this name.
    #[must_use]
    pub fn condition(&self, kind: &str) -> Option<&NodeCondition> {
        self.conditions
            .iter()
            .find(|condition| condition.kind == kind)
    }

    /// The MachineDeployment of Cluster API that made it, by the name of the MachineSet in between.
    #[must_use]
    pub fn machine_deployment(&self) -> Option<&str> {
        let owner = self.capi_machine_owner.as_ref();
        owner
            .and_then(|owner| owner.strip_prefix("MachineSet/"))
            .and_then(machine_deployment_of_set)
    }

    /// The MachinePool of Cluster API that it is of.
    #[must_use]
    pub fn machine_pool(&self) -> Option<&str> {
        self.capi_machine_owner
            .as_ref()?
            .strip_prefix("MachinePool/")
    }
}

/// The MachineDeployment of a MachineSet, by its name; the MachineSet itself where it was not made by one; none where the name
/// was cut to its greatest length.
///
/// What stands behind the last dash is five random letters, a hash in old releases, neither with vowels. Source:
/// kubernetes-sigs/cluster-api internal/controllers/machinedeployment, computeNewMachineSetName; the letters are those of
/// k8s.io/apimachinery pkg/util/rand: general knowledge, not opened.
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
