//! A cluster of three pools, upgraded by following its own plan step by step: the API server's binary is replaced, nodes are
//! drained by the plan's commands and replaced, and the same question shows how far it is each time.

mod lines;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use lines::lines_are_accepted;

use crate::harness::{Cluster, Need, create, eventually};

const OLD: &str = "1.24.17";
const NEW: &str = "1.25.0";
const PLAN: [&str; 4] = ["--to", NEW, "-o", "json"];

scenarios! {
    by_its_own_plan: [Need::ControlPlane(OLD), Need::Controllers(OLD), Need::ControlPlane(NEW), Need::Kwok],
    lines_are_accepted: [Need::ControlPlane(OLD), Need::Controllers(OLD), Need::ControlPlane(NEW), Need::Kwok],
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

/// The mirrors of the control plane's static pods, as its kubelet writes them.
fn mirror(cluster: &Cluster, version: &str) {
    for component in [
        "kube-apiserver",
        "kube-controller-manager",
        "kube-scheduler",
    ] {
        let name = format!("{component}-cp-1");
        let pod = ["pod", "-n", "kube-system", &name];
        cluster.kubectl(&[&["delete"][..], &pod, &["--ignore-not-found", "--force"]].concat());
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "kube-system",
                "labels": {"tier": "control-plane", "component": component},
                "annotations": {"kubernetes.io/config.mirror": version}},
            "spec": {"nodeName": "cp-1", "containers": [{"name": component, "command": [component],
                "image": format!("registry.k8s.io/{component}:v{version}")}]}});
        create(cluster, &[pod]);
    }
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
