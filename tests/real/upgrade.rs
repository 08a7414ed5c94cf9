//! A cluster of three pools, upgraded by following its own plan step by step: the API server's binary is replaced, nodes are
//! drained by the plan's commands and replaced, and the same question shows how far it is each time.

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::detect::{define, definition};
use crate::harness::{Cluster, Need, create, eventually, scenario};

const OLD: &str = "1.24.17";
const NEW: &str = "1.25.0";
const PLAN: [&str; 4] = ["--to", NEW, "-o", "json"];

/// The scenarios of this file.
pub(crate) fn trials() -> Vec<Trial> {
    let needs = [
        Need::ControlPlane(OLD),
        Need::Controllers(OLD),
        Need::ControlPlane(NEW),
        Need::Kwok,
    ];
    vec![
        scenario("upgrade::by_its_own_plan", &needs, by_its_own_plan),
        scenario("upgrade::lines_are_accepted", &needs, lines_are_accepted),
    ]
}

/// What kubeadm would have left: a node of the control plane, and two, one and one worker.
const NODES: [(&str, &str); 5] = [
    ("cp-1", ""),
    ("a-1", "pool-a"),
    ("a-2", "pool-a"),
    ("b-1", "pool-b"),
    ("c-1", "pool-c"),
];

fn add_node(cluster: &Cluster, name: &str, version: &str) {
    cluster.add_node(name, version);
    let (_, pool) = NODES
        .iter()
        .find(|(node, _)| *node == name)
        .expect("a node");
    let label = match *pool {
        "" => "node-role.kubernetes.io/control-plane=".to_owned(),
        pool => format!("node.kubernetes.io/instance-group={pool}"),
    };
    cluster.kubectl(&["label", "node", name, &label]).ok();
    let socket = "kubeadm.alpha.kubernetes.io/cri-socket=unix:///run/containerd/containerd.sock";
    cluster.kubectl(&["annotate", "node", name, socket]).ok();
    if pool.is_empty() {
        // Nothing else may run there.
        let taint = "node-role.kubernetes.io/control-plane:NoSchedule";
        cluster.kubectl(&["taint", "node", name, taint]).ok();
    }
    eventually("the node is ready", 60, || {
        let ready = "jsonpath={.status.conditions[?(@.type=='Ready')].status}";
        cluster.kubectl(&["get", "node", name, "-o", ready]).stdout == "True"
    });
}

/// The mirror of the API server's static pod, as its kubelet writes it.
fn mirror(cluster: &Cluster, version: &str) {
    let name = "kube-apiserver-cp-1";
    let args = [
        "delete",
        "pod",
        "-n",
        "kube-system",
        name,
        "--ignore-not-found",
        "--force",
    ];
    cluster.kubectl(&args);
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "kube-system",
            "labels": {"tier": "control-plane", "component": "kube-apiserver"},
            "annotations": {"kubernetes.io/config.mirror": version}},
        "spec": {"nodeName": "cp-1", "containers": [{"name": "kube-apiserver",
            "image": format!("registry.k8s.io/kube-apiserver:v{version}")}]}});
    create(cluster, &[pod]);
}

/// What kubeadm installs and upgrades by itself.
fn addons(cluster: &Cluster) {
    let labels = |name: &str| json!({"k8s-app": name});
    let meta = |name: &str| json!({"name": name, "namespace": "kube-system"});
    let template = |name: &str, image: String| {
        json!({"metadata": {"labels": labels(name)}, "spec": {"terminationGracePeriodSeconds": 1,
            "tolerations": [{"operator": "Exists"}], "containers": [{"name": name, "image": image}]}})
    };
    let proxy = json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta("kube-proxy"),
        "spec": {"selector": {"matchLabels": labels("kube-proxy")},
            "template": template("kube-proxy", format!("registry.k8s.io/kube-proxy:v{OLD}"))}});
    let dns = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta("coredns"),
        "spec": {"replicas": 2, "selector": {"matchLabels": labels("coredns")},
            "template": template("coredns", "registry.k8s.io/coredns/coredns:v1.8.6".to_owned())}});
    create(cluster, &[proxy, dns]);
}

/// A Deployment of six, of which five must be there at all times.
fn workload(cluster: &Cluster) {
    let labels = json!({"app": "web"});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"replicas": 6, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels},
            "spec": {"terminationGracePeriodSeconds": 1, "containers": [{"name": "web", "image": "web"}]}}}});
    let budget = json!({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "default"},
        "spec": {"minAvailable": 5, "selector": {"matchLabels": labels}}});
    create(cluster, &[deployment, budget]);
    eventually("six pods are ready", 120, || {
        let ready = "jsonpath={.status.readyReplicas}";
        cluster
            .kubectl(&["get", "deployment", "web", "-o", ready])
            .stdout
            == "6"
    });
}

fn planned(cluster: &Cluster) -> Vec<Value> {
    let plan = cluster.plan(&PLAN).ok().json();
    plan["steps"].as_array().expect("steps").clone()
}

/// The state of each step whose id ends so.
fn states<'a>(steps: &'a [Value], part: &str) -> Vec<(&'a str, &'a str)> {
    let of = |step: &'a Value| {
        let id = step["id"].as_str().expect("an id");
        let at = id.find(part)?;
        Some((
            &id[at + part.len()..],
            step["state"].as_str().expect("a state"),
        ))
    };
    steps.iter().filter_map(of).collect()
}

/// What stands in a plan for a machine's own tools.
fn on_node(cluster: &mut Cluster, node: &str, line: &str) {
    if line.contains("kubeadm upgrade apply") {
        cluster.restart_apiserver(NEW);
        mirror(cluster, NEW);
        let image = format!("kube-proxy=registry.k8s.io/kube-proxy:v{NEW}");
        let set = [
            "set",
            "image",
            "-n",
            "kube-system",
            "daemonset/kube-proxy",
            &image,
        ];
        cluster.kubectl(&set).ok();
    } else if line.contains("systemctl restart kubelet") {
        cluster.kubectl(&["delete", "node", node]).ok();
        add_node(cluster, node, NEW);
        if node == "cp-1" {
            mirror(cluster, NEW);
        } else {
            // The machine is the same: it stays cordoned until the plan says otherwise.
            cluster.kubectl(&["cordon", node]).ok();
        }
    }
}

/// Follows the commands of a step. After the first of several the plan must say that it is under way.
fn follow(cluster: &mut Cluster, step: &Value) {
    let commands = step["commands"].as_array().expect("commands");
    let id = step["id"].as_str().expect("an id");
    for command in commands {
        let line = command.as_str().expect("a line");
        if line.starts_with("kubectl upgrade-") {
            // The suite itself is no plugin of this shell.
        } else if line.starts_with("kubectl ") {
            cluster.shell(line).ok();
        } else if !line.starts_with('#') {
            let node = step["scope"]["name"].as_str().expect("a name");
            on_node(cluster, node, line);
        }
        if line.contains(" drain ") {
            let now = planned(cluster);
            let now = now.iter().find(|step| step["id"] == id).expect("the step");
            assert_eq!(now["state"], "doing", "{id} is drained: {now:#}");
        }
    }
}

fn by_its_own_plan() -> Result<(), Failed> {
    let mut cluster = Cluster::options(OLD).with_controllers().with_kwok().start();
    for (name, _) in NODES {
        add_node(&cluster, name, OLD);
    }
    mirror(&cluster, OLD);
    addons(&cluster);
    workload(&cluster);

    let before = planned(&cluster);
    assert_eq!(states(&before, "-apply-"), [("cp-1", "todo")]);
    let workers = |state| {
        [
            ("a-1", state),
            ("a-2", state),
            ("b-1", state),
            ("c-1", state),
        ]
    };
    assert_eq!(states(&before, "-worker-"), workers("todo"));
    let ids: Vec<String> = before
        .iter()
        .map(|step| step["id"].as_str().expect("an id").to_owned())
        .collect();
    for id in &ids {
        let steps = planned(&cluster);
        let Some(step) = steps.iter().find(|step| step["id"] == **id) else {
            // At the target no step is left, that of a last look included.
            assert_eq!(steps, Vec::<Value>::new(), "before {id}");
            continue;
        };
        assert_ne!(step["state"], "blocked", "{step:#}");
        follow(&mut cluster, step);
        let after = planned(&cluster);
        let Some(step) = after.iter().find(|step| step["id"] == **id) else {
            assert_eq!(after, Vec::<Value>::new(), "after {id}");
            continue;
        };
        let shown = [
            "-kubeadm-first-",
            "-apply-",
            "-control-plane-kubelet-",
            "-worker-",
        ];
        if shown.iter().any(|part| id.contains(part)) && !id.contains("-kubeadm-first-") {
            assert_eq!(step["state"], "done", "{step:#}");
        }
        if id.ends_with("-apply-cp-1") {
            assert_eq!(states(&after, "-kubeadm-first-"), [("cp-1", "done")]);
            assert_eq!(states(&after, "-worker-"), workers("todo"));
        }
        if id.ends_with("-worker-a-2") {
            let states = states(&after, "-worker-");
            assert_eq!(states[1..3], [("a-2", "done"), ("b-1", "todo")]);
        }
    }
    let check = cluster.plan(&PLAN).ok().json();
    assert_eq!(check["summary"]["steps"], 0, "{check:#}");
    Ok(())
}

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
    for step in planned(cluster) {
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

fn lines_are_accepted() -> Result<(), Failed> {
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
        let title = cluster.plan(&PLAN).ok().json();
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
            assert_eq!(states(&planned(&cluster), part), [(pool, "todo")]);
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
