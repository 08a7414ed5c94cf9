//! Plans of clusters in several stages of an upgrade: what is done, what is under way, what is left.

mod kubeadm;

use std::collections::BTreeSet;

use kubectl_upgrade::api::v1::StepStateDoc;
use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::path::UpgradePath;
use kubectl_upgrade::plan::{Plan, PlanOptions, Step, StepState, build};
use kubectl_upgrade::rules::{CheckContext, Policy, evaluate};
use kubectl_upgrade::snapshot::{ManifestFiles, Snapshot};
use serde_json::{Value, json};

use crate::cluster::{Cluster, rules};
use crate::program::{run_plan, text};
use kubeadm::{BEFORE, Kubeadm};

fn planned(cluster: &Cluster) -> Plan {
    let catalog = Catalog::embedded().expect("the catalog");
    cluster.plan(catalog, rules(), &PlanOptions::default())
}

/// A step a line: how far it is, and which one it is.
fn lines(plan: &Plan) -> String {
    let line = |step: &Step| match step.progress {
        Some((done, of)) => format!("doing {done}/{of} {}", step.id),
        None => format!("{} {}", StepStateDoc::from(step.state).as_str(), step.id),
    };
    let lines: Vec<String> = plan.steps.iter().map(line).collect();
    lines.join("\n").replace("kubernetes-", "")
}

#[test]
fn before_an_upgrade_all_is_to_do() {
    insta::assert_snapshot!(BEFORE.told(), @r"
    by-hand 1.25.0-backup
    done 1.25.0-check
    todo 1.25.0-kubeadm-first-cp-1
    todo 1.25.0-apply-cp-1
    todo 1.25.0-control-plane-node-cp-2
    todo 1.25.0-control-plane-kubelet-cp-1
    todo 1.25.0-control-plane-kubelet-cp-2
    todo 1.25.0-kube-proxy
    todo 1.25.0-worker-a-1
    todo 1.25.0-worker-a-2
    todo 1.25.0-worker-b-1
    by-hand 1.25.0-verify
    ");
}

#[test]
fn half_way_the_same_question_shows_what_is_done() {
    let control_plane = Kubeadm {
        control_plane: ["1.24.17", "1.25.0"],
        ..BEFORE
    };
    // Whichever went first is the first.
    insta::assert_snapshot!(control_plane.told(), @r"
    by-hand 1.25.0-backup
    done 1.25.0-check
    done 1.25.0-kubeadm-first-cp-2
    done 1.25.0-apply-cp-2
    todo 1.25.0-control-plane-node-cp-1
    todo 1.25.0-control-plane-kubelet-cp-2
    todo 1.25.0-control-plane-kubelet-cp-1
    todo 1.25.0-kube-proxy
    todo 1.25.0-worker-a-1
    todo 1.25.0-worker-a-2
    todo 1.25.0-worker-b-1
    by-hand 1.25.0-verify
    ");
    let nodes = Kubeadm {
        server: "1.25.0",
        control_plane: ["1.25.0"; 2],
        proxy: "1.25.0",
        kubelets: ["1.25.0", "1.25.0", "1.25.0", "1.24.17!", "1.24.17"],
        to: "1.25.0",
    };
    insta::assert_snapshot!(nodes.told(), @r"
    by-hand 1.25.0-backup
    done 1.25.0-check
    done 1.25.0-kubeadm-first-cp-1
    done 1.25.0-apply-cp-1
    done 1.25.0-control-plane-node-cp-2
    done 1.25.0-control-plane-kubelet-cp-1
    done 1.25.0-control-plane-kubelet-cp-2
    done 1.25.0-kube-proxy
    done 1.25.0-worker-a-1
    doing 0/1 1.25.0-worker-a-2
    todo 1.25.0-worker-b-1
    by-hand 1.25.0-verify
    ");
}

#[test]
fn at_the_end_nothing_is_left() {
    let done = Kubeadm {
        server: "1.25.0",
        control_plane: ["1.25.0"; 2],
        proxy: "1.25.0",
        kubelets: ["1.25.0"; 5],
        to: "1.25.0",
    };
    assert_eq!(planned(&done.cluster()).steps, []);
}

#[test]
fn pools_skip_hops_as_far_as_skew_allows() {
    let far = Kubeadm {
        to: "1.27",
        ..BEFORE
    };
    let plan = planned(&far.cluster());
    let workers: Vec<&str> = plan
        .steps
        .iter()
        .filter(|step| step.scope.pool.is_some())
        .map(|step| step.id.as_str())
        .collect();
    // Kubelets 1.24 may be two behind: they wait for 1.26, and move on with the last hop.
    assert_eq!(
        workers,
        [
            "kubernetes-1.26.15-worker-a-1",
            "kubernetes-1.26.15-worker-a-2",
            "kubernetes-1.26.15-worker-b-1",
            "kubernetes-1.27.16-worker-a-1",
            "kubernetes-1.27.16-worker-a-2",
            "kubernetes-1.27.16-worker-b-1",
        ]
    );
}

#[test]
fn a_pool_that_would_be_too_old_goes_first_and_blocks_nothing_itself() {
    let old = Kubeadm {
        kubelets: ["1.24.17", "1.24.17", "1.24.17", "1.24.17", "1.22.17"],
        ..BEFORE
    };
    let plan = planned(&old.cluster());
    let at = |id: &str| {
        let found = plan.steps.iter().position(|step| step.id == id);
        found.unwrap_or_else(|| panic!("no {id} in\n{}", lines(&plan)))
    };
    let first = at("kubernetes-1.25.0-worker-to-1.24.17-b-1");
    assert_eq!(plan.steps[first].state, StepState::Todo);
    assert!(first < at("kubernetes-1.25.0-apply-cp-1"));
    assert!(first < at("kubernetes-1.25.0-worker-b-1"));
}

#[test]
fn a_budget_that_never_lets_go_blocks_the_nodes_of_its_pods_alone() {
    let pod = |name: &str, node: &str| {
        let owner = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name, "controller": true});
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"namespace": "shop", "name": name, "labels": {"app": name}, "ownerReferences": [owner]},
            "spec": {"nodeName": node, "terminationGracePeriodSeconds": 90},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        })
    };
    let budget = json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"namespace": "shop", "name": "db", "generation": 1},
        "spec": {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "db"}}},
        "status": {
            "disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1, "observedGeneration": 1,
        },
    });
    let plan = planned(&BEFORE.with([pod("db", "a-2"), pod("web", "b-1"), budget]));
    let step = |id: &str| plan.steps.iter().find(|step| step.id == id).expect(id);
    let blocked = step("kubernetes-1.25.0-worker-a-2");
    assert_eq!(blocked.state, StepState::Blocked);
    assert_eq!(
        (blocked.duration.max_seconds, blocked.gates.len()),
        (None, 1)
    );
    assert!(
        blocked.duration.basis.contains("shop/db"),
        "{}",
        blocked.duration.basis
    );
    let gate = plan
        .findings
        .iter()
        .find(|it| it.fingerprint == blocked.gates[0]);
    assert_eq!(gate.map(|it| it.id), Some("pdb-impossible"));
    let free = step("kubernetes-1.25.0-worker-b-1");
    assert_eq!(
        (free.state, free.duration.max_seconds),
        (StepState::Todo, Some(690))
    );
    assert_eq!(
        free.interrupts.last().map(String::as_str),
        Some("statefulset/shop/web is unavailable during the drain: it has a single pod")
    );
    let untouched = step("kubernetes-1.25.0-worker-a-1");
    assert_eq!(
        (untouched.state, untouched.duration.max_seconds),
        (StepState::Todo, Some(600))
    );
}

#[test]
fn a_budget_that_lets_unready_pods_go_holds_up_only_the_nodes_of_ready_ones() {
    let pod = |name: &str, node: &str, ready: &str| {
        json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"namespace": "shop", "name": name, "labels": {"app": "db"}},
            "spec": {"nodeName": node},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]},
        })
    };
    let budget = json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"namespace": "shop", "name": "db", "generation": 1},
        "spec": {
            "minAvailable": 2,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": {"app": "db"}},
        },
        "status": {
            "disruptionsAllowed": 0, "currentHealthy": 1, "desiredHealthy": 2, "expectedPods": 2, "observedGeneration": 1,
        },
    });
    let plan = planned(&BEFORE.with([
        pod("db-0", "a-2", "True"),
        pod("db-1", "b-1", "False"),
        budget,
    ]));
    let is_named = |id: &str| {
        let step = plan.steps.iter().find(|step| step.id == id).expect(id);
        step.duration.basis.contains("shop/db")
    };
    assert!(is_named("kubernetes-1.25.0-worker-a-2"));
    assert!(!is_named("kubernetes-1.25.0-worker-b-1"));
}

#[test]
fn what_could_not_be_read_is_a_gap_and_never_done() {
    let catalog = Catalog::embedded().expect("the catalog");
    let refused = json!({"kubernetes": "1.24.17", "to": "1.25.0", "now": "2023-02-01T00:00:00Z", "refused": ["nodes"]});
    let plan = planned(&Cluster::from_value(refused, "refused"));
    assert!(
        plan.gaps.iter().any(|gap| gap.what == "nodes"),
        "{:?}",
        plan.gaps
    );
    let done: Vec<&str> = plan
        .steps
        .iter()
        .filter(|step| step.state == StepState::Done && !step.id.ends_with("-check"))
        .map(|step| step.id.as_str())
        .collect();
    assert_eq!(done, [""; 0], "{}", catalog.date);
}

#[test]
fn commands_name_the_cluster_and_quote_its_names() {
    let plan = planned(&BEFORE.cluster());
    let worker = plan
        .steps
        .iter()
        .find(|step| step.id.ends_with("worker-a-1"));
    insta::assert_snapshot!(worker.expect("a worker").commands.join("\n"), @r"
    # on a-1:
    # pkgs.k8s.io has a repository for each minor; RHEL and Fedora: baseurl in /etc/yum.repos.d/kubernetes.repo, then yum install --disableexcludes=kubernetes
    echo 'deb [signed-by=/etc/apt/keyrings/kubernetes-apt-keyring.gpg] https://pkgs.k8s.io/core:/stable:/v1.25/deb/ /' | sudo tee /etc/apt/sources.list.d/kubernetes.list
    curl -fsSL https://pkgs.k8s.io/core:/stable:/v1.25/deb/Release.key | sudo gpg --dearmor --yes -o /etc/apt/keyrings/kubernetes-apt-keyring.gpg
    sudo apt-mark unhold kubeadm && sudo apt-get update && sudo apt-get install -y kubeadm='1.25.0-*' && sudo apt-mark hold kubeadm
    sudo kubeadm upgrade node
    # where kubectl runs:
    kubectl --context shop drain a-1 --ignore-daemonsets --delete-emptydir-data
    # on a-1:
    sudo apt-mark unhold kubelet kubectl && sudo apt-get update && sudo apt-get install -y kubelet='1.25.0-*' kubectl='1.25.0-*' && sudo apt-mark hold kubelet kubectl
    sudo systemctl daemon-reload && sudo systemctl restart kubelet
    # where kubectl runs:
    kubectl --context shop uncordon a-1
    ");
}

/// A plan without a cluster.
fn local(from: &str, to: &str) -> Plan {
    let catalog = Catalog::embedded().expect("the catalog");
    let running = from.parse().expect("a release");
    let to = format!("kubernetes={to}").parse().expect("a target");
    let path = UpgradePath::for_kubernetes(Some(&running), None, &[to], catalog).expect("a path");
    let snapshot = Snapshot {
        unread: Vec::new(),
        is_redacted: false,
        taken_at: jiff::Timestamp::UNIX_EPOCH,
        clusters: Vec::new(),
        files: ManifestFiles::default(),
    };
    let situation = CheckContext::new(&snapshot, catalog, &path, snapshot.taken_at);
    let judgement = evaluate(&situation, rules(), &Policy::default());
    build(&situation, &judgement, &PlanOptions::default())
}

#[test]
fn the_whole_way_of_kubernetes_is_planned_hop_by_hop() {
    let plan = local("1.16.15", "1.37");
    let minors: Vec<u32> = plan.hops.iter().map(|hop| hop.minor().minor).collect();
    assert_eq!(minors, (17..=37).collect::<Vec<_>>());
    for hop in &plan.hops {
        let of_hop = |part: &str| {
            let id = format!("kubernetes-{}-{part}", hop.to);
            plan.steps.iter().position(|step| step.id == id)
        };
        let order = ["backup", "check", "api-servers", "controllers", "verify"].map(of_hop);
        assert!(
            order.iter().all(Option::is_some) && order.is_sorted(),
            "{}: {order:?}",
            hop.to
        );
    }
    let ids: BTreeSet<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
    assert_eq!(ids.len(), plan.steps.len(), "ids are unique");
    // Of every cluster that is not known the pools move as seldom as skew allows.
    let drains = plan.steps.iter().filter(|step| step.id.contains("-drain-"));
    assert_eq!(drains.count(), 9);
    let unfilled: Vec<&String> = plan
        .steps
        .iter()
        .flat_map(|step| step.commands.iter().chain([&step.title]))
        .filter(|text| text.contains(['{', '}']))
        .collect();
    assert_eq!(unfilled, [""; 0]);
}

fn deployment(namespace: &str, name: &str, image: &str) -> Value {
    let labels = json!({"app": name});
    let helm =
        json!({"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace});
    json!({
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": namespace, "name": name, "generation": 1, "annotations": helm},
        "spec": {
            "replicas": 2, "selector": {"matchLabels": labels},
            "template": {"spec": {"containers": [{"name": name, "image": image}]}},
        },
        "status": {
            "observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
        },
    })
}

#[test]
fn add_ons_go_in_their_place_and_as_seldom_as_can_be() {
    let cluster = Kubeadm {
        server: "1.27.16",
        control_plane: ["1.27.16"; 2],
        proxy: "1.27.16",
        kubelets: ["1.27.16"; 5],
        to: "1.30",
    };
    let cluster = cluster.with([
        deployment(
            "cert-manager",
            "cert-manager",
            "quay.io/jetstack/cert-manager-controller:v1.13.2",
        ),
        deployment(
            "kube-system",
            "cluster-autoscaler",
            "registry.k8s.io/autoscaling/cluster-autoscaler:v1.27.3",
        ),
        deployment(
            "web",
            "ingress-nginx-controller",
            "registry.k8s.io/ingress-nginx/controller@sha256:abc",
        ),
        deployment("shop", "cart", "example.com/cart:1.0.0"),
    ]);
    let plan = planned(&cluster);
    let told: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| step.id.contains("-addon-"))
        .map(|step| {
            format!(
                "{} {}: {}",
                StepStateDoc::from(step.state).as_str(),
                step.hop.to,
                step.title
            )
        })
        .collect();
    // cert-manager 1.16 lasts to 1.32; an autoscaler is of the minor of its cluster.
    insta::assert_snapshot!(told.join("\n"), @r"
    todo 1.28: Upgrade cert-manager from 1.13.2 to 1.16, which supports Kubernetes 1.28 and the minor before
    by-hand 1.28: Determine which release of ingress-nginx runs, and whether it supports Kubernetes 1.28: the image is named by its digest alone
    todo 1.28: Upgrade cluster-autoscaler from 1.27.3 to 1.28, which supports Kubernetes 1.28
    todo 1.29: Upgrade cluster-autoscaler from 1.28 to 1.29, which supports Kubernetes 1.29
    todo 1.30: Upgrade cluster-autoscaler from 1.29 to 1.30, which supports Kubernetes 1.30
    ");
    let order = [
        "-addon-cert-manager",
        "-apply-",
        "-addon-cluster-autoscaler",
        "-worker-",
    ]
    .map(|part| plan.steps.iter().position(|step| step.id.contains(part)));
    assert!(order.is_sorted(), "{order:?}");
    let next = plan
        .steps
        .iter()
        .find(|step| step.id.ends_with("-addon-cert-manager-cert-manager"));
    let next = next.expect("a step");
    assert_eq!(
        next.objects,
        ["deployment/cert-manager/cert-manager (helm release cert-manager/cert-manager)"]
    );
}

#[test]
fn a_backup_comes_before_the_first_step_that_cannot_be_undone() {
    for (from, to) in [
        ("kyma=1.10", "kyma=1.14"),
        ("dkp=2.1.2", "dkp=2.2.1"),
        ("kubernetes=1.30.4", "kubernetes=1.31"),
        // A patch, too, cannot be undone everywhere.
        ("kubernetes=1.30.4", "kubernetes=1.30.5"),
    ] {
        let output = run_plan(&["--local", "--from", from, "--to", to, "-o", "json"]);
        let plan: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{from}: {error}: {}", text(&output.stderr)));
        let steps = plan["steps"].as_array().expect("steps");
        let mut backups = steps.iter();
        let backup = backups.position(|step| step["doneWhen"]["condition"]["type"] == "backup");
        let mut irreversible = steps.iter();
        let irreversible = irreversible.position(|step| step["reversible"] == false);
        assert!(irreversible.is_some(), "{from} {to}: {plan:#}");
        assert!(
            backup.is_some_and(|backup| Some(backup) < irreversible),
            "{from} {to}: {plan:#}"
        );
    }
}
