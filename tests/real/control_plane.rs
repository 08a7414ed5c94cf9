//! What the control plane is started with, as mirror pods and kubeadm's ConfigMaps on a real API server show it.

use libtest_mimic::Failed;
use serde_json::Value;

use crate::harness::{Cluster, Need};

const OLD: &str = "1.24.17";

scenarios! {
    what_the_next_minor_does_not_take: [Need::ControlPlane(OLD)],
}

/// A pod of the control plane as kubeadm labels it; `mirror` for one that a kubelet mirrors.
fn pod(component: &str, node: &str, version: &str, flags: &str, mirror: bool) -> String {
    let annotation = if mirror {
        "annotations: {kubernetes.io/config.mirror: a},"
    } else {
        ""
    };
    format!(
        "---\napiVersion: v1\nkind: Pod\nmetadata: {{namespace: kube-system, name: {component}-{node}, {annotation} \
         labels: {{tier: control-plane, component: {component}}}}}\n\
         spec: {{nodeName: {node}, hostNetwork: true, containers: [{{name: {component}, \
         image: 'registry.k8s.io/{component}:v{version}', command: [{component}, {flags}]}}]}}\n"
    )
}

const KEPT: &str = "
---
apiVersion: v1
kind: ConfigMap
metadata: {namespace: kube-system, name: kubeadm-config}
data:
  ClusterConfiguration: |
    apiVersion: kubeadm.k8s.io/v1beta1
    kind: ClusterConfiguration
    apiServer:
      extraArgs:
        enable-admission-plugins: NodeRestriction,PodSecurityPolicy
    controllerManager:
      extraArgs:
        feature-gates: PodSecurity=true,TTLAfterFinished=true
---
apiVersion: v1
kind: ConfigMap
metadata: {namespace: kube-system, name: kubelet-config}
data:
  kubelet: |
    apiVersion: kubelet.config.k8s.io/v1beta1
    featureGates: {EphemeralContainers: false, DaemonSetUpdateSurge: true}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {namespace: kube-system, name: kube-proxy}
spec:
  selector: {matchLabels: {k8s-app: kube-proxy}}
  template:
    metadata: {labels: {k8s-app: kube-proxy}}
    spec: {containers: [{name: kube-proxy, image: 'registry.k8s.io/kube-proxy:v1.22.17'}]}
";

/// Severity and message of every finding of these rules, sorted.
fn said(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().expect("findings");
    let mut found: Vec<String> = findings
        .iter()
        .filter(|finding| {
            finding["id"]
                .as_str()
                .is_some_and(|id| id.starts_with("cp-"))
        })
        .map(|finding| {
            let text = |field: &str| finding[field].as_str().expect("a text").to_owned();
            let count = finding["objects"].as_array().expect("objects").len();
            format!("{} {}: {count}", text("severity"), text("message"))
        })
        .collect();
    found.sort();
    found
}

fn what_the_next_minor_does_not_take() -> Result<(), Failed> {
    let cluster = Cluster::start(OLD);
    for node in ["cp-1", "cp-2"] {
        cluster.add_node(node, OLD);
    }
    let apiserver = "'--enable-admission-plugins=NodeRestriction,PodSecurityPolicy', --service-account-api-audiences, shop";
    let manager = "--pod-eviction-timeout=1m, --feature-gates=PodSecurity=true";
    let etcd = "--feature-gates=TTLAfterFinished=true";
    let manifest = [
        pod("kube-apiserver", "cp-1", OLD, apiserver, true),
        pod("kube-apiserver", "cp-2", "1.22.17", "", true),
        pod("kube-controller-manager", "cp-1", "1.23.17", manager, true),
        pod(
            "kube-scheduler",
            "cp-1",
            "1.25.0",
            "--lock-object-name=a",
            true,
        ),
        // Neither of the next two is a mirror of a component of Kubernetes.
        pod("etcd", "cp-1", "3.5.6", etcd, true),
        pod("kube-scheduler", "cp-2", "1.20.0", etcd, false),
    ];
    let create = ["create", "-f", "-"];
    cluster.kubectl_stdin(&create, &manifest.concat()).ok();
    let run = cluster.check(&["--to", "1.25", "-o", "json"]);
    let alone = [
        "blocker API servers 1.22 and 1.24 run in one cluster: 2",
        "blocker kube-apiserver configures the admission plugin PodSecurityPolicy, removed in 1.25: 1",
        "blocker kube-apiserver sets the flag --service-account-api-audiences, removed in 1.25: 1",
        "blocker kube-scheduler 1.25 is newer than the API server 1.24: 1",
        "warning kube-controller-manager 1.23 is newer than the oldest API server 1.22: 1",
    ];
    assert_eq!(said(&run.json()), alone, "{}", run.stderr);

    cluster.kubectl_stdin(&create, KEPT).ok();
    let run = cluster.check(&["--to", "1.25", "-o", "json"]);
    // kubeadm regenerates the manifests: settings that it does not store disappear.
    let kept = [
        "blocker API servers 1.22 and 1.24 run in one cluster: 2",
        "blocker kube-apiserver configures the admission plugin PodSecurityPolicy, removed in 1.25: 2",
        "blocker kube-controller-manager sets the feature gate TTLAfterFinished, removed in 1.25: 1",
        "blocker kube-scheduler 1.25 is newer than the API server 1.24: 1",
        "blocker kubeadm.k8s.io/v1beta1 is not read by kubeadm 1.22 and later: 1",
        "blocker kubelet sets the feature gate EphemeralContainers=false, locked to true in 1.25: 1",
        "note kube-apiserver sets the flag --service-account-api-audiences, removed in 1.25: 1",
        "warning kube-controller-manager 1.23 is newer than the oldest API server 1.22: 1",
        "warning kube-proxy 1.22 is too old for an API server 1.25: 1",
    ];
    assert_eq!(said(&run.json()), kept, "{}", run.stderr);
    Ok(())
}
