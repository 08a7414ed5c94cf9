//! A cluster of kubeadm, in any stage of an upgrade.

use serde_json::{Value, json};

use super::{lines, planned};
use crate::fixture::Fixture;

/// A cluster of kubeadm with two nodes of the control plane and two pools.
pub(super) struct Cluster {
    pub(super) server: &'static str,
    /// Of the components on cp-1 and cp-2.
    pub(super) control_plane: [&'static str; 2],
    pub(super) proxy: &'static str,
    /// Kubelets of cp-1, cp-2, a-1, a-2, b-1; a `!` at the end is a cordon.
    pub(super) kubelets: [&'static str; 5],
    pub(super) to: &'static str,
}

impl Cluster {
    pub(super) fn fixture(&self) -> Fixture {
        self.with(json!({}))
    }

    /// With rows of more resources.
    pub(super) fn with(&self, more: Value) -> Fixture {
        let names = ["cp-1", "cp-2", "a-1", "a-2", "b-1"];
        let nodes: Vec<Value> = names
            .iter()
            .zip(self.kubelets)
            .map(|(name, kubelet)| node(name, kubelet))
            .collect();
        let components = [
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
        ];
        let pods: Vec<Value> = ["cp-1", "cp-2"]
            .iter()
            .zip(self.control_plane)
            .flat_map(|(node, version)| {
                components.map(|component| static_pod(component, node, version))
            })
            .collect();
        let image = format!("registry.k8s.io/kube-proxy:v{}", self.proxy);
        let mut rows = json!({
            "nodes": {"nodes": nodes},
            "kube-system/pods": {"json": pods},
            "kube-system/kube-proxy": {"json": [{
                "meta": {"namespace": "kube-system", "name": "kube-proxy"},
                "object": {"metadata": {"namespace": "kube-system", "name": "kube-proxy"},
                    "spec": {"template": {"spec": {"containers": [{"name": "kube-proxy", "image": image}]}}}}}]},
        });
        let all = rows.as_object_mut().expect("rows");
        all.extend(more.as_object().expect("rows").clone());
        let fixture = json!({"kubernetes": self.server, "to": self.to, "now": "2023-02-01T00:00:00Z", "rows": rows});
        Fixture::parse(&fixture.to_string(), "a cluster of kubeadm")
    }

    pub(super) fn told(&self) -> String {
        lines(&planned(&self.fixture()))
    }
}

fn node(name: &str, kubelet: &str) -> Value {
    let cordoned = kubelet.ends_with('!');
    let kubelet = kubelet.trim_end_matches('!');
    let labels = match name.split_once('-').expect("a pool") {
        ("cp", _) => json!({"node-role.kubernetes.io/control-plane": ""}),
        (pool, _) => json!({"node.kubernetes.io/instance-group": format!("pool-{pool}")}),
    };
    json!({"name": name, "kubeletVersion": format!("v{kubelet}"), "labels": labels, "unschedulable": cordoned,
        "runtime": "containerd://1.7.0", "criSocket": "unix:///run/containerd/containerd.sock",
        "conditions": [{"type": "Ready", "status": "True"}]})
}

fn static_pod(component: &str, node: &str, version: &str) -> Value {
    let name = format!("{component}-{node}");
    json!({"meta": {"namespace": "kube-system", "name": name},
        "object": {"metadata": {"namespace": "kube-system", "name": name,
                "labels": {"tier": "control-plane", "component": component},
                "annotations": {"kubernetes.io/config.mirror": "a"}},
            "spec": {"nodeName": node,
                "containers": [{"name": component, "image": format!("registry.k8s.io/{component}:v{version}")}]}}})
}

/// Before an upgrade.
pub(super) const BEFORE: Cluster = Cluster {
    server: "1.24.17",
    control_plane: ["1.24.17"; 2],
    proxy: "1.24.17",
    kubelets: ["1.24.17"; 5],
    to: "1.25.0",
};
