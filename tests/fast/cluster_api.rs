//! What Cluster API tells of its machines, its topologies and its control planes.

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::conditions::CompletionCondition;
use kubectl_upgrade::plan::{PlanOptions, ScopeLevel, StepState};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::variant::{self, load, told};

fn catalog() -> &'static Catalog {
    Catalog::embedded().expect("the catalog")
}

/// The Cluster that the nodes are of.
fn shop(cluster: &mut Cluster) -> &mut Value {
    let mut objects = cluster.objects.iter_mut();
    let shop =
        objects.find(|object| object["kind"] == "Cluster" && object["metadata"]["name"] == "shop");
    shop.expect("the Cluster")
}

#[test]
fn a_cluster_that_looks_after_itself_shows_how_far_its_machines_are() {
    let plan = variant::plan(&load("cluster-api"), catalog());
    let state = |id: &str| {
        let mut steps = plan.steps.iter();
        let step = steps.find(|step| step.id == id);
        step.map(|step| (step.state, step.progress))
            .unwrap_or_else(|| panic!("no {id}: {}", told(&plan.steps)))
    };
    // Both pools are behind and catch up first. The new machine of one may be the one that is not available.
    assert_eq!(
        state("kubernetes-1.32.13-machine-deployment-to-1.31.14-shop-md-1"),
        (StepState::Todo, None)
    );
    assert_eq!(
        state("kubernetes-1.32.13-machine-deployment-to-1.31.14-shop-md-0"),
        (StepState::InProgress, Some((0, 2)))
    );
    assert_eq!(
        state("kubernetes-1.32.13-machine-deployment-shop-md-0"),
        (StepState::Todo, None)
    );
    assert_eq!(
        state("kubernetes-1.32.13-control-plane"),
        (StepState::Todo, None)
    );
}

#[test]
fn without_the_objects_of_its_machines_nodes_tell_how_far_it_is() {
    let mut cluster = load("cluster-topology");
    cluster
        .objects
        .retain(|object| object["kind"] != "MachineDeployment");
    let plan = variant::plan(&cluster, catalog());
    let mut pools = plan
        .steps
        .iter()
        .filter(|step| step.id.contains("-machine-deployment-"));
    assert!(pools.all(|step| matches!(step.done_when, CompletionCondition::Nodes { .. })));
    // A Cluster that is not of this cluster's nodes says nothing of it.
    cluster
        .objects
        .retain(|object| object["metadata"]["name"] != "shop");
    let text = told(&variant::plan(&cluster, catalog()).steps);
    assert!(
        text.contains("    kubectl patch kubeadmcontrolplane shop-cp -n fleet")
            && text.contains("    # on the management cluster:"),
        "{text}"
    );
}

#[test]
fn without_notes_on_nodes_the_address_tells_which_cluster_it_is() {
    let mut cluster = load("cluster-topology");
    for node in cluster
        .objects
        .iter_mut()
        .filter(|object| object["kind"] == "Node")
    {
        node["metadata"]["annotations"] = Value::Null;
    }
    // Neither its own nor that of another cluster: nobody knows who made it.
    let text = told(&variant::plan(&cluster, catalog()).steps);
    assert!(text.contains("kubernetes-1.31.14-api-servers"), "{text}");
    shop(&mut cluster)["spec"]["controlPlaneEndpoint"] =
        serde_json::json!({"host": "shop.example", "port": 443});
    let text = told(&variant::plan(&cluster, catalog()).steps);
    assert!(
        text.contains("patch clusters.cluster.x-k8s.io shop -n fleet"),
        "{text}"
    );
    // Workers of which no pool is known: whoever runs the command names it.
    assert!(
        text.contains("get machinedeployment \"$POOL\" -n fleet"),
        "{text}"
    );
}

#[test]
fn a_control_plane_of_another_kind_is_patched_as_that_kind() {
    let mut cluster = load("cluster-api-workload");
    cluster.objects.remove(0);
    let plan = variant::plan(&cluster, catalog());
    let text = told(&plan.steps);
    // A provider runs it: nothing here names it.
    assert!(
        text.contains("control-plane (todo, apiServer)")
            && text.contains("kubectl patch \"$CONTROL_PLANE_KIND\" \"$CONTROL_PLANE\" -n fleet"),
        "{text}"
    );
    let mut cluster = load("cluster-api");
    shop(&mut cluster)["spec"]["controlPlaneRef"] =
        serde_json::json!({"kind": "RKE2ControlPlane", "name": "shop-rke2"});
    let text = told(&variant::plan(&cluster, catalog()).steps);
    assert!(
        text.contains("control-plane (unknown, controlPlane)")
            && text.contains("patch rke2controlplane shop-rke2 -n fleet"),
        "{text}"
    );
}

#[test]
fn a_topology_says_which_pools_wait() {
    let cluster = load("cluster-topology-held");
    let catalog = catalog();
    let plan = variant::plan(&cluster, catalog);
    let states: Vec<(&str, StepState)> = plan
        .steps
        .iter()
        .filter_map(|step| {
            Some((
                step.id.strip_prefix("kubernetes-1.31.14-machine-")?,
                step.state,
            ))
        })
        .collect();
    // In the order of the topology, not by name; what is under way goes on.
    assert_eq!(
        states,
        [
            ("deployment-shop-web-7hkqm", StepState::Todo),
            ("deployment-shop-db-x2p9d", StepState::Blocked),
            ("deployment-shop-batch-9mzrv", StepState::Todo),
            ("deployment-shop-edge-c4jts", StepState::Blocked),
            ("deployment-shop-apps-w8bn5", StepState::Blocked),
            ("pool-shop-spot-kq6fd", StepState::Todo),
        ]
    );
    let held = plan
        .remarks
        .iter()
        .filter(|it| it.contains(" is held back: "));
    insta::assert_snapshot!(held.cloned().collect::<Vec<_>>().join("\n"), @r"
    shop-db-x2p9d is held back: topology.cluster.x-k8s.io/defer-upgrade is on it in spec.topology.workers.machineDeployments
    shop-edge-c4jts is held back: topology.cluster.x-k8s.io/hold-upgrade-sequence is on it in spec.topology.workers.machineDeployments
    shop-apps-w8bn5 is held back: topology.cluster.x-k8s.io/hold-upgrade-sequence is on edge, which comes before it in spec.topology.workers.machineDeployments
    spot is held back: topology.cluster.x-k8s.io/defer-upgrade is on it in spec.topology.workers.machinePools
    ");
    // Asked for, it counts for all of them.
    let wishes = PlanOptions {
        parallel: Some(3),
        ..PlanOptions::default()
    };
    let plan = cluster.plan(catalog, &[], &wishes);
    let pools = plan
        .steps
        .iter()
        .filter(|step| step.scope.level == ScopeLevel::Pool);
    let asked = pools.filter(|step| {
        step.duration
            .basis
            .ends_with("; 3 nodes at a time, as requested")
    });
    assert_eq!(asked.count(), 12);
}
