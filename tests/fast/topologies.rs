//! Clusters with a ClusterClass: the versions that it offers, upgrades in progress, and what Cluster API reports of them.

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::plan::{Plan, PlanOptions, Step, StepState};
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::variant::{self, load};

fn catalog() -> &'static Catalog {
    Catalog::embedded().expect("the catalog")
}

/// The shop at 1.34.1, whose class offers these versions, with a target.
fn shop(offered: &[&str], to: Option<&str>) -> Cluster {
    let mut cluster = load("cluster-topology").with("1.30.4", "1.34.1");
    cluster.objects.push(json!({
        "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "ClusterClass",
        "metadata": {"name": "small", "namespace": "fleet"},
        "spec": {"kubernetesVersions": offered},
    }));
    cluster.kubernetes = "1.34.1".parse().expect("a release");
    cluster.targeting(to)
}

fn object<'a>(cluster: &'a mut Cluster, kind: &str, name: &str) -> &'a mut Value {
    let mut objects = cluster.objects.iter_mut();
    let found = objects.find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.expect("the object")
}

/// Sets the topology, as a person does, and what the controller reports of it.
fn request(cluster: &mut Cluster, version: &str, status: &str, reason: &str, observed: u64) {
    let shop = object(cluster, "Cluster", "shop");
    shop["spec"]["topology"]["version"] = version.into();
    shop["metadata"]["generation"] = 7.into();
    shop["status"] = json!({"observedGeneration": 7, "conditions": [{
        "type": "TopologyReconciled", "status": status, "reason": reason,
        "message": "Cluster is upgrading\nto another version", "observedGeneration": observed,
    }]});
}

fn plan(cluster: &Cluster) -> Plan {
    cluster.plan(catalog(), &[], &PlanOptions::default())
}

fn step<'a>(plan: &'a Plan, id: &str) -> &'a Step {
    let mut steps = plan.steps.iter();
    let found = steps.find(|step| step.id == id);
    found.unwrap_or_else(|| panic!("no {id}: {}", variant::told(&plan.steps)))
}

const LISTED: [&str; 4] = ["v1.34.1", "v1.35.0", "v1.35.2", "v1.36.0"];

#[test]
fn targets_and_commands_stay_on_the_list_of_the_class() {
    let steps = |to| variant::told(&plan(&shop(&LISTED, to)).steps);
    let next = steps(None);
    assert!(next.contains("\"version\":\"v1.35.2\""), "{next}");
    assert!(!next.contains("one patch may cover"), "{next}");
    let two = steps(Some("1.36"));
    assert!(
        two.contains("\"version\":\"v1.35.2\"") && two.contains("\"version\":\"v1.36.0\""),
        "{two}"
    );
    assert!(
        two.contains("one patch may cover all hops: set v1.36.0"),
        "{two}"
    );
    // Without a list, the newest patches.
    let any = plan(&shop(&[], None));
    let newest = &catalog()
        .kubernetes_releases
        .find("1.35".parse().expect("a minor"))
        .expect("a row")
        .newest_patch;
    assert!(variant::told(&any.steps).contains(&format!("\"version\":\"v{newest}\"")));
    assert!(
        !any.remarks.concat().contains("ClusterClass"),
        "{:?}",
        any.remarks
    );
}

#[test]
fn what_the_class_does_not_offer_is_said() {
    let path = |to: Option<&str>| shop(&LISTED, to).path(catalog());
    let beyond = path(Some("1.36.1"));
    assert!(
        beyond
            .remarks
            .concat()
            .contains("does not offer 1.36.1: add it"),
        "{:?}",
        beyond.remarks
    );
    let later = path(Some("1.37"));
    assert!(
        later.remarks.concat().contains("does not offer 1.37."),
        "{:?}",
        later.remarks
    );
    let at_the_end = shop(&["v1.33.4", "v1.34.1"], None).path(catalog());
    assert!(at_the_end.hops.is_empty(), "{:?}", at_the_end.hops);
    assert!(
        at_the_end
            .remarks
            .concat()
            .contains("offers Kubernetes up to 1.34.1"),
        "{:?}",
        at_the_end.remarks
    );
}

#[test]
fn a_topology_that_is_set_is_in_progress_whatever_its_control_plane_does() {
    let mut cluster = shop(&LISTED, Some("1.36.0"));
    request(&mut cluster, "v1.36.0", "False", "ClusterUpgrading", 7);
    let chain = plan(&cluster);
    let first = step(&chain, "kubernetes-1.35.2-control-plane");
    assert_eq!(
        (first.state, first.progress),
        (StepState::InProgress, Some((0, 1)))
    );
    let evidence = first.evidence.concat();
    assert_eq!(
        evidence,
        "Cluster fleet/shop: TopologyReconciled False, ClusterUpgrading: Cluster is upgrading to another version"
    );
    let text = variant::told(&chain.steps);
    assert!(
        !text.contains("kubectl --context shop-prod patch"),
        "{text}"
    );
    assert!(
        text.contains("spec.topology.version is 1.36.0 already"),
        "{text}"
    );
    // Pools follow at the end of the chain.
    assert!(
        !text.contains("kubernetes-1.35.2-machine-deployment"),
        "{text}"
    );
    assert!(
        text.contains("kubernetes-1.36.0-machine-deployment-shop-md-0 (todo"),
        "{text}"
    );
    let remarks = chain.remarks.concat();
    assert!(
        remarks.contains("the Cluster fleet/shop, set to v1.36.0, is not rolled out completely"),
        "{remarks}"
    );
    // Any patch on the way will do.
    let control_plane = object(&mut cluster, "KubeadmControlPlane", "shop-cp");
    control_plane["spec"]["version"] = "v1.35.0".into();
    let on_the_way = plan(&cluster);
    let state = |id| step(&on_the_way, id).state;
    assert_eq!(state("kubernetes-1.35.2-control-plane"), StepState::Done);
    assert_eq!(
        state("kubernetes-1.36.0-control-plane"),
        StepState::InProgress
    );
}

#[test]
fn a_condition_of_an_older_generation_is_not_believed() {
    let mut cluster = shop(&LISTED, Some("1.35.0"));
    request(&mut cluster, "v1.35.0", "True", "ReconcileSucceeded", 6);
    let stale = plan(&cluster);
    let control_plane = step(&stale, "kubernetes-1.35.0-control-plane");
    assert_eq!(control_plane.state, StepState::InProgress);
    let evidence = control_plane.evidence.concat();
    assert!(
        evidence.contains("not yet about the latest spec"),
        "{evidence}"
    );
    // A frozen provider.
    request(&mut cluster, "v1.35.0", "False", "ReconcileFailed", 7);
    let failed = plan(&cluster);
    let control_plane = step(&failed, "kubernetes-1.35.0-control-plane");
    assert_eq!(control_plane.state, StepState::InProgress);
    assert!(control_plane.evidence.concat().contains("ReconcileFailed"));
    // Nothing was asked for.
    let idle = plan(&shop(&LISTED, Some("1.35.0")));
    let control_plane = step(&idle, "kubernetes-1.35.0-control-plane");
    assert_eq!(control_plane.state, StepState::Todo);
    assert_eq!(control_plane.evidence, Vec::<String>::new());
    assert!(control_plane.commands.concat().contains("v1.35.0"));
}

#[test]
fn another_version_is_refused_while_pools_are_unfinished() {
    let mut cluster = shop(&[], Some("1.35"));
    request(
        &mut cluster,
        "v1.34.1",
        "False",
        "MachineDeploymentsUpgradeDeferred",
        7,
    );
    let held = plan(&cluster);
    let mut steps = held.steps.iter();
    let control_plane = steps
        .find(|step| step.id.ends_with("-control-plane"))
        .expect("a step");
    assert_eq!(control_plane.state, StepState::Todo);
    let commands = control_plane.commands.concat();
    assert!(
        commands.contains("refuses another version until 1.34.1 is rolled out"),
        "{commands}"
    );
}

#[test]
fn a_drain_that_hangs_is_shown_with_what_holds_it() {
    let mut cluster = shop(&LISTED, Some("1.35.0"));
    request(&mut cluster, "v1.35.0", "False", "ClusterUpgrading", 7);
    for (kind, name, at) in [
        ("KubeadmControlPlane", "shop-cp", "/spec/version"),
        (
            "MachineDeployment",
            "shop-md-0",
            "/spec/template/spec/version",
        ),
    ] {
        let object = object(&mut cluster, kind, name);
        *object.pointer_mut(at).expect("a version") = "v1.35.0".into();
    }
    object(&mut cluster, "MachineDeployment", "shop-md-0")["status"]["upToDateReplicas"] = 1.into();
    cluster.objects.push(json!({
        "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine",
        "metadata": {"name": "shop-md-0-old", "namespace": "fleet", "deletionTimestamp": "2026-11-20T10:00:00Z",
            "labels": {"cluster.x-k8s.io/deployment-name": "shop-md-0"}},
        "spec": {"clusterName": "shop"},
        "status": {"nodeRef": {"name": "shop-md-0-1"}, "deletion": {"nodeDrainStartTime": "2026-11-20T10:00:01Z"},
            "conditions": [{"type": "Deleting", "status": "True", "reason": "DrainingNode",
                "message": "Drain not completed yet:\n* Pod shop/db-0: cannot evict pod as it would violate the pod's disruption budget. The disruption budget db needs 1 healthy pods and has 1 currently"}]},
    }));
    let hanging = plan(&cluster);
    let pool = step(&hanging, "kubernetes-1.35.0-machine-deployment-shop-md-0");
    assert_eq!(
        (pool.state, pool.progress),
        (StepState::InProgress, Some((1, 2)))
    );
    let evidence = pool.evidence.concat();
    for word in [
        "fleet/shop-md-0-old (node shop-md-0-1)",
        "since 2026-11-20T10:00:01Z",
        "shop/db-0",
        "disruption budget db",
    ] {
        assert!(evidence.contains(word), "{word}: {evidence}");
    }
    let other = step(&hanging, "kubernetes-1.35.0-machine-deployment-shop-md-1");
    assert_eq!(other.evidence, Vec::<String>::new());
}
