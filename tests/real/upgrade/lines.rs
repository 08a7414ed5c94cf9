//! The lines of plans for clusters of every kind, tried on a real API server.

use libtest_mimic::Failed;
use serde_json::{Value, json};

use super::{NEW, OLD, addons, states};
use crate::detect::{define, definition};
use crate::harness::{Cluster, create, eventually};

/// A cluster of a kind: what its two nodes carry.
struct Kind {
    name: &'static str,
    labels: &'static [(&'static str, &'static str)],
    annotations: &'static [(&'static str, &'static str)],
    provider_id: &'static str,
    os_image: &'static str,
}

const PLAIN: Kind = Kind {
    name: "otherwise",
    labels: &[],
    annotations: &[],
    provider_id: "",
    os_image: "",
};

const KINDS: [Kind; 8] = [
    PLAIN,
    Kind {
        name: "kubeadm",
        annotations: &[(
            "kubeadm.alpha.kubernetes.io/cri-socket",
            "unix:///run/containerd/containerd.sock",
        )],
        ..PLAIN
    },
    Kind {
        name: "eks",
        labels: &[("eks.amazonaws.com/nodegroup", "web")],
        ..PLAIN
    },
    Kind {
        name: "gke",
        labels: &[("cloud.google.com/gke-nodepool", "web")],
        ..PLAIN
    },
    Kind {
        name: "aks",
        labels: &[("kubernetes.azure.com/agentpool", "web")],
        ..PLAIN
    },
    Kind {
        name: "kops",
        labels: &[("kops.k8s.io/instancegroup", "web")],
        ..PLAIN
    },
    Kind {
        name: "talos",
        os_image: "Talos (v1.7.0)",
        ..PLAIN
    },
    Kind {
        name: "k3s",
        provider_id: "k3s://w-1",
        ..PLAIN
    },
];

/// Nodes that Cluster API made.
const MADE: Kind = Kind {
    name: "cluster-api",
    annotations: &[
        ("cluster.x-k8s.io/cluster-namespace", "fleet"),
        ("cluster.x-k8s.io/cluster-name", "shop"),
        ("cluster.x-k8s.io/owner-kind", "MachineSet"),
        ("cluster.x-k8s.io/owner-name", "shop-md-0-x7k2q"),
    ],
    ..PLAIN
};

/// Nodes of a machine pool of Cluster API.
const POOLED: Kind = Kind {
    name: "machine-pool",
    annotations: &[
        ("cluster.x-k8s.io/cluster-namespace", "fleet"),
        ("cluster.x-k8s.io/cluster-name", "shop"),
        ("cluster.x-k8s.io/owner-kind", "MachinePool"),
        ("cluster.x-k8s.io/owner-name", "shop-mp-0"),
    ],
    ..PLAIN
};

fn nodes_of(cluster: &Cluster, kind: &Kind) {
    let map = |pairs: &[(&str, &str)]| {
        let pairs = pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), json!(value)));
        pairs.collect::<serde_json::Map<String, Value>>()
    };
    for name in ["cp-1", "w-1"] {
        let mut labels = map(kind.labels);
        if name == "cp-1" {
            labels.insert(
                "node-role.kubernetes.io/control-plane".to_owned(),
                json!(""),
            );
        }
        let room = json!({"cpu": "32", "memory": "64Gi", "pods": "100"});
        let node = json!({"apiVersion": "v1", "kind": "Node",
            "metadata": {"name": name, "labels": labels, "annotations": map(kind.annotations)},
            "spec": {"providerID": kind.provider_id},
            "status": {"allocatable": room, "capacity": room,
                "conditions": [{"type": "Ready", "status": "True", "reason": "Test"}],
                "nodeInfo": {"architecture": "amd64", "operatingSystem": "linux", "bootID": "", "machineID": "", "systemUUID": "",
                    "kernelVersion": "", "kubeProxyVersion": "", "osImage": kind.os_image,
                    "containerRuntimeVersion": "containerd://1.7.0", "kubeletVersion": format!("v{OLD}")}}});
        create(cluster, &[node]);
    }
}

/// The objects of Cluster API that made this cluster.
fn fleet(cluster: &Cluster) {
    let definitions = [
        definition(
            "cluster.x-k8s.io",
            "v1beta1",
            "Cluster",
            "clusters",
            "Namespaced",
        ),
        definition(
            "cluster.x-k8s.io",
            "v1beta1",
            "MachineDeployment",
            "machinedeployments",
            "Namespaced",
        ),
        definition(
            "cluster.x-k8s.io",
            "v1beta1",
            "MachinePool",
            "machinepools",
            "Namespaced",
        ),
        definition(
            "controlplane.cluster.x-k8s.io",
            "v1beta1",
            "KubeadmControlPlane",
            "kubeadmcontrolplanes",
            "Namespaced",
        ),
        definition(
            "clusterctl.cluster.x-k8s.io",
            "v1alpha3",
            "Provider",
            "providers",
            "Namespaced",
        ),
    ];
    define(cluster, &definitions);
    let meta = |name: &str| json!({"name": name, "namespace": "fleet"});
    create(
        cluster,
        &[
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "fleet"}}),
            json!({"apiVersion": "clusterctl.cluster.x-k8s.io/v1alpha3", "kind": "Provider",
                "metadata": meta("cluster-api"), "providerName": "cluster-api", "type": "CoreProvider", "version": "v1.3.0"}),
            json!({"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "Cluster", "metadata": meta("shop"),
                "spec": {"controlPlaneRef": {"kind": "KubeadmControlPlane", "name": "shop-cp"}}}),
            json!({"apiVersion": "controlplane.cluster.x-k8s.io/v1beta1", "kind": "KubeadmControlPlane",
                "metadata": meta("shop-cp"), "spec": {"version": format!("v{OLD}"), "replicas": 1},
                "status": {"replicas": 1, "updatedReplicas": 1}}),
            json!({"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "MachineDeployment", "metadata": meta("shop-md-0"),
                "spec": {"clusterName": "shop", "replicas": 1, "template": {"spec": {"version": format!("v{OLD}")}}},
                "status": {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}}),
            json!({"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "MachinePool", "metadata": meta("shop-mp-0"),
                "spec": {"clusterName": "shop", "replicas": 1, "template": {"spec": {"version": format!("v{OLD}")}}}}),
        ],
    );
}

/// Has the API server try every line for kubectl: those that change something as a dry run. Returns their verbs.
fn try_lines(cluster: &Cluster, kind: &str) -> Vec<String> {
    const CHANGES: [&str; 6] = ["annotate", "cordon", "drain", "label", "patch", "uncordon"];
    let mut verbs = Vec::new();
    for step in steps(cluster) {
        for command in step["commands"].as_array().expect("commands") {
            let line = command.as_str().expect("a line");
            let Some(words) = line.strip_prefix("kubectl --context test ") else {
                let of_others =
                    !line.starts_with("kubectl ") || line.starts_with("kubectl upgrade-");
                assert!(of_others, "{kind}: {line}");
                continue;
            };
            let verb = words.split(' ').next().expect("a verb");
            let line = match CHANGES.contains(&verb) {
                true => format!("{line} --dry-run=server"),
                false => line.to_owned(),
            };
            let known = CHANGES.contains(&verb) || ["get", "rollout"].contains(&verb);
            assert!(known, "{kind}: can {line} be tried?");
            cluster.shell(&line).ok();
            verbs.push(verb.to_owned());
        }
    }
    verbs.sort();
    verbs.dedup();
    verbs
}

/// Whether the add-ons of kubeadm are at work on the nodes that are there.
fn rolled_out(cluster: &Cluster) -> bool {
    let status = ["rollout", "status", "-n", "kube-system", "--timeout=1s"];
    let is_done = |what| cluster.kubectl(&[&status[..], &[what]].concat()).code == 0;
    is_done("daemonset/kube-proxy") && is_done("deployment/coredns")
}

fn steps(cluster: &Cluster) -> Vec<Value> {
    let plan = cluster.plan(&SHOWN).ok().json();
    plan["steps"].as_array().expect("steps").clone()
}

/// The nodes of some kinds show no control plane, which is a gap.
const SHOWN: [&str; 5] = ["--to", NEW, "-o", "json", "--allow-gaps"];

pub(super) fn lines_are_accepted() -> Result<(), Failed> {
    let cluster = Cluster::options(OLD).with_controllers().with_kwok().start();
    define(
        &cluster,
        &[definition(
            "helm.cattle.io",
            "v1",
            "HelmChart",
            "helmcharts",
            "Namespaced",
        )],
    );
    let clear = || cluster.kubectl(&["delete", "node", "cp-1", "w-1"]).ok();
    nodes_of(&cluster, &PLAIN);
    addons(&cluster);
    eventually("what kubeadm installs is rolled out", 120, || {
        rolled_out(&cluster)
    });
    clear();
    for kind in &KINDS {
        nodes_of(&cluster, kind);
        let title = cluster.plan(&SHOWN).ok().json();
        let provider = &title["cluster"]["provider"];
        let expected = match kind.name {
            "otherwise" | "kubeadm" => Value::Null,
            name => json!(name),
        };
        assert_eq!(*provider, expected, "{}", kind.name);
        eventually("rolled out on these nodes", 120, || rolled_out(&cluster));
        let verbs = try_lines(&cluster, kind.name);
        assert!(
            verbs.contains(&"get".to_owned()),
            "{}: {verbs:?}",
            kind.name
        );
        clear();
    }
    fleet(&cluster);
    let of_both_kinds = |verb: &str| {
        let kinds = [
            (&MADE, "-machine-deployment-", "shop-md-0"),
            (&POOLED, "-machine-pool-", "shop-mp-0"),
        ];
        for (kind, part, pool) in kinds {
            nodes_of(&cluster, kind);
            assert_eq!(states(&steps(&cluster), part), [(pool, "todo")]);
            let verbs = try_lines(&cluster, kind.name);
            assert!(verbs.contains(&verb.to_owned()), "{}: {verbs:?}", kind.name);
            clear();
        }
    };
    of_both_kinds("patch");
    let topology = r#"{"spec":{"topology":{"version":"v1.24.17"}}}"#;
    let patch = [
        "patch",
        "clusters.cluster.x-k8s.io",
        "shop",
        "-n",
        "fleet",
        "--type=merge",
        "-p",
        topology,
    ];
    cluster.kubectl(&patch).ok();
    of_both_kinds("annotate");
    Ok(())
}
