//! A cluster of kubeadm, in any stage of an upgrade.

use serde_json::{Value, json};

use super::{lines, planned};
use crate::cluster::Cluster;

/// A cluster of kubeadm with two nodes of the control plane and two pools.
pub(super) struct Kubeadm {
    pub(super) server: &'static str,
    /// Of the components on cp-1 and cp-2.
    pub(super) control_plane: [&'static str; 2],
    pub(super) proxy: &'static str,
    /// Kubelets of cp-1, cp-2, a-1, a-2, b-1; a `!` at the end is a cordon.
    pub(super) kubelets: [&'static str; 5],
    pub(super) to: &'static str,
}

impl Kubeadm {
    pub(super) fn cluster(&self) -> Cluster {
        self.with([])
    }

    /// With more objects.
    pub(super) fn with(&self, more: impl IntoIterator<Item = Value>) -> Cluster {
        let names = ["cp-1", "cp-2", "a-1", "a-2", "b-1"];
        let nodes = names.iter().zip(self.kubelets);
        let nodes = nodes.map(|(name, kubelet)| node(name, kubelet));
        let components = [
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
        ];
        let members = ["cp-1", "cp-2"].iter().zip(self.control_plane);
        let pods = members.flat_map(|(node, version)| {
            components.map(|component| static_pod(component, node, version))
        });
        let objects = nodes
            .chain(pods)
            .chain([kube_proxy(self.proxy)])
            .chain(more);
        let objects: Vec<Value> = objects.collect();
        let cluster = json!({"kubernetes": self.server, "to": self.to, "now": "2023-02-01T00:00:00Z", "objects": objects});
        Cluster::from_value(cluster, "a cluster of kubeadm")
    }

    pub(super) fn told(&self) -> String {
        lines(&planned(&self.cluster()))
    }
}

fn node(name: &str, kubelet: &str) -> Value {
    let cordoned = kubelet.ends_with('!');
    let kubelet = kubelet.trim_end_matches('!');
    let labels = match name.split_once('-').expect("a pool") {
        ("cp", _) => json!({"node-role.kubernetes.io/control-plane": ""}),
        (pool, _) => json!({"node.kubernetes.io/instance-group": format!("pool-{pool}")}),
    };
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name, "labels": labels,
            "annotations": {"kubeadm.alpha.kubernetes.io/cri-socket": "unix:///run/containerd/containerd.sock"},
        },
        "spec": {"unschedulable": cordoned},
        "status": {
            "nodeInfo": {"kubeletVersion": format!("v{kubelet}"), "containerRuntimeVersion": "containerd://1.7.0"},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

fn static_pod(component: &str, node: &str, version: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "namespace": "kube-system", "name": format!("{component}-{node}"),
            "labels": {"tier": "control-plane", "component": component},
            "annotations": {"kubernetes.io/config.mirror": "a"},
        },
        "spec": {
            "nodeName": node,
            "containers": [{"name": component, "image": format!("registry.k8s.io/{component}:v{version}")}],
        },
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

fn kube_proxy(version: &str) -> Value {
    let image = format!("registry.k8s.io/kube-proxy:v{version}");
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"namespace": "kube-system", "name": "kube-proxy", "generation": 1},
        "spec": {
            "updateStrategy": {"type": "RollingUpdate"},
            "selector": {"matchLabels": {"k8s-app": "kube-proxy"}},
            "template": {"spec": {"containers": [{"name": "kube-proxy", "image": image}]}},
        },
        "status": {
            "observedGeneration": 1, "desiredNumberScheduled": 5, "updatedNumberScheduled": 5,
            "numberReady": 5, "numberAvailable": 5,
        },
    })
}

/// Before an upgrade.
pub(super) const BEFORE: Kubeadm = Kubeadm {
    server: "1.24.17",
    control_plane: ["1.24.17"; 2],
    proxy: "1.24.17",
    kubelets: ["1.24.17"; 5],
    to: "1.25.0",
};
