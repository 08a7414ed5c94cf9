//! A management cluster of DKP 2.1, with the kubeconfigs of clusters that it looks after.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::OLD;
use crate::detect::definition;
use crate::testbed::cluster::Cluster;

/// The Kubernetes that DKP 2.1 ran on.
pub(super) const DKP_KUBERNETES: &str = "1.21.14";
/// The objects of the DKP management cluster of the golden plans, and more of what it looks after.
pub(crate) fn management_objects() -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plans/dkp.yaml");
    let text = fs::read_to_string(path).expect("the fixture");
    let fixture: Value = serde_saphyr::from_str(&text).expect("YAML");
    let mut objects = fixture["objects"].as_array().expect("objects").clone();
    let kommander = "kommander.mesosphere.io/v1beta1";
    let workspaces = "workspaces.kommander.mesosphere.io/v1alpha1";
    let capi = "cluster.x-k8s.io/v1alpha4";
    objects.extend([
        json!({"apiVersion": workspaces, "kind": "Workspace", "metadata": {"name": "stores"},
            "status": {"namespaceRef": {"name": "stores"}}}),
        json!({"apiVersion": workspaces, "kind": "Project", "metadata": {"name": "tills", "namespace": "stores"},
            "status": {"namespaceRef": {"name": "tills-q2w3e"}}}),
        json!({"apiVersion": kommander, "kind": "KommanderCluster",
            "metadata": {"name": "west", "namespace": "stores"},
            "spec": {"clusterRef": {"capiCluster": {"name": "west", "namespace": "stores"}}},
            "status": {"phase": "Joined", "kubernetesVersion": "v1.21.6"}}),
        json!({"apiVersion": capi, "kind": "Cluster",
            "metadata": {"name": "west", "namespace": "stores", "labels": {"konvoy.d2iq.io/provider": "aws"}},
            "spec": {"controlPlaneRef": {"kind": "KubeadmControlPlane", "name": "west-control-plane"},
                "infrastructureRef": {"kind": "AWSCluster", "name": "west"}},
            "status": {"phase": "Provisioned"}}),
        json!({"apiVersion": "controlplane.cluster.x-k8s.io/v1alpha4", "kind": "KubeadmControlPlane",
            "metadata": {"name": "west-control-plane", "namespace": "stores"},
            "spec": {"version": "v1.21.6", "replicas": 1}, "status": {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}}),
        json!({"apiVersion": capi, "kind": "MachineDeployment", "metadata": {"name": "west-md-0", "namespace": "stores"},
            "spec": {"clusterName": "west", "replicas": 1, "template": {"spec": {"version": "v1.21.6"}}},
            "status": {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}}),
    ]);
    objects
}

/// Definitions of all kinds of these objects that Kubernetes does not have.
pub(crate) fn definitions_of(objects: &[Value]) -> Vec<Value> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let kinds: BTreeSet<(String, String, bool)> = objects
        .iter()
        .map(|object| {
            let is_namespaced = object["metadata"]["namespace"].is_string();
            (
                text(&object["apiVersion"]),
                text(&object["kind"]),
                is_namespaced,
            )
        })
        .collect();
    let custom = kinds
        .iter()
        .filter_map(|(api_version, kind, is_namespaced)| {
            let (group, version) = api_version.split_once('/')?;
            let scope = if *is_namespaced {
                "Namespaced"
            } else {
                "Cluster"
            };
            let plural = kind.to_lowercase()
                + if kind.ends_with("Repository") {
                    ""
                } else {
                    "s"
                };
            let plural = plural.replace("repository", "repositories");
            Some(definition(group, version, kind, &plural, scope))
        });
    custom.collect()
}

/// The Secret in which a management cluster has a kubeconfig.
pub(super) fn secret(namespace: &str, name: &str, kubeconfig: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "cluster.x-k8s.io/secret",
        "metadata": {"namespace": namespace, "name": name},
        "data": {"value": STANDARD.encode(kubeconfig.to_string())}})
}

/// A kubeconfig of a cluster as Cluster API writes it: everything is in it.
pub(super) fn inline_kubeconfig(cluster: &Cluster) -> Value {
    let text = fs::read_to_string(cluster.kubeconfig()).expect("a kubeconfig");
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    let entry = &mut config["clusters"][0]["cluster"];
    let ca = entry["certificate-authority"]
        .as_str()
        .expect("a path")
        .to_owned();
    let ca = fs::read(ca).expect("an authority");
    entry
        .as_object_mut()
        .expect("an object")
        .remove("certificate-authority");
    entry["certificate-authority-data"] = json!(STANDARD.encode(ca));
    config
}

pub(crate) fn start_at_dkp_2_1() -> Cluster {
    let mut options = Cluster::options(OLD);
    options.reported = Some(DKP_KUBERNETES.to_owned());
    options.start()
}
