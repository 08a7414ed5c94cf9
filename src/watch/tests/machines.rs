//! Chains of clusters that Cluster API upgrades: what a Machine, a control plane or a Cluster says that it waits for.

use serde_json::Value;

use super::chains::short;
use super::*;
use crate::detect;
use crate::facts::capi;
use crate::snapshot::ObjectRow;

fn row(object: &Value) -> ObjectRow {
    let meta = json!({"namespace": "shop", "name": object["metadata"]["name"]});
    serde_json::from_value(json!({"meta": meta, "object": object})).expect("a row")
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at(0).to_string()})
}

fn object(name: &str, version: &str, conditions: Value) -> Value {
    json!({"metadata": {"name": name, "namespace": "shop", "labels": {"cluster.x-k8s.io/cluster-name": "c1"}},
        "spec": {"version": version}, "status": {"conditions": conditions}})
}

/// A Cluster that is to run v1.35.0, with one old Machine.
struct Managed {
    cluster: Value,
    plane: Value,
    machines: Vec<Value>,
    pools: Vec<Value>,
}

impl Managed {
    fn new() -> Self {
        Self {
            cluster: object("c1", "", json!([])),
            plane: object("c1-plane", "v1.35.0", json!([])),
            machines: vec![object(
                "old",
                "v1.34.1",
                json!([condition("Available", "True", "Available", "")]),
            )],
            pools: Vec::new(),
        }
    }

    fn machine(conditions: Value) -> Self {
        let mut managed = Self::new();
        managed.machines.push(object("one", "v1.35.0", conditions));
        managed
    }

    fn leaving(reason: &str, message: &str) -> Self {
        let mut managed = Self::machine(json!([condition("Deleting", "True", reason, message)]));
        managed.machines[1]["metadata"]["deletionTimestamp"] = json!(at(0).to_string());
        managed
    }

    /// What is reported after this time, in one line each.
    fn chains_after(&self, seconds: i64) -> Vec<String> {
        let mut watched = behind();
        let list = |need: &Need, rows: &[Value]| {
            listed(need, Rows::Objects(rows.iter().map(row).collect()))
        };
        watched.see(
            0,
            list(
                &detect::capi_clusters_need(),
                std::slice::from_ref(&self.cluster),
            ),
        );
        watched.see(
            0,
            list(
                &detect::kubeadm_control_planes_need(),
                std::slice::from_ref(&self.plane),
            ),
        );
        watched.see(0, list(&capi::machines_need(), &self.machines));
        watched.see(0, listed(&Need::nodes(), nodes(&[])));
        for second in (1..=seconds).step_by(5) {
            if !watched.watch.wanted_needs().is_empty() {
                watched.see(second, list(&capi::machine_deployments_need(), &self.pools));
            }
            watched.probe(second, "v1.37.0");
        }
        short(watched.watch.chains())
    }
}

fn behind() -> Watched<'static> {
    let (mut watched, _) = unread(catalog(), None, "v1.37.0");
    let groups = [
        "v1",
        "apps/v1",
        "cluster.x-k8s.io/v1beta2",
        "controlplane.cluster.x-k8s.io/v1beta2",
    ];
    watched.see(
        0,
        Change::Discovery(Discovery {
            git_version: "v1.37.0".parse().expect("a version"),
            emulation_version: None,
            group_versions: groups.map(str::to_owned).into(),
        }),
    );
    watched
}

#[test]
fn a_new_machine_waits_for_its_bootstrap_data_its_infrastructure_or_its_node() {
    let conditions = |bootstrap: &str, infrastructure: &str| {
        json!([
            condition("Available", "False", "NotReady", ""),
            condition(
                "BootstrapConfigReady",
                bootstrap,
                "NotReady",
                "waits for data"
            ),
            condition(
                "InfrastructureReady",
                infrastructure,
                "NotReady",
                "quota exceeded"
            ),
            condition(
                "NodeHealthy",
                "Unknown",
                "InspectionFailed",
                "Waiting for a providerID"
            ),
        ])
    };
    for (bootstrap, infrastructure, cause) in [
        ("False", "False", "machine-bootstrap"),
        ("True", "False", "machine-infrastructure"),
        ("True", "True", "machine-node"),
    ] {
        let managed = Managed::machine(conditions(bootstrap, infrastructure));
        assert_eq!(managed.chains_after(240), [""; 0], "{cause}");
        assert_eq!(managed.chains_after(320), [format!("{cause}: Machine/one")]);
    }
    let available = json!([condition("Available", "True", "Available", "")]);
    assert_eq!(Managed::machine(available).chains_after(320), [""; 0]);
}

#[test]
fn a_machine_that_is_being_deleted_waits_for_a_hook_a_drain_or_a_volume() {
    for (reason, cause) in [
        ("WaitingForPreDrainHook", "machine-hook"),
        ("WaitingForPreTerminateHook", "machine-hook"),
        ("DrainingNode", "machine-drain"),
        ("WaitingForVolumeDetach", "machine-volume-detach"),
    ] {
        let managed = Managed::leaving(reason, "not yet");
        assert_eq!(managed.chains_after(100), [""; 0], "{reason}");
        assert_eq!(managed.chains_after(140), [format!("{cause}: Machine/one")]);
    }
    let held = "Drain not completed yet: * Pod shop/web-1: cannot evict pod as it would violate the pod's disruption budget. \
                The disruption budget web needs 1 healthy pods and has 1 currently";
    let expected = "machine-drain: Machine/one > Pod/web-1 > PodDisruptionBudget/web";
    assert_eq!(
        Managed::leaving("DrainingNode", held).chains_after(140),
        [expected]
    );
    let deletion = Managed::leaving("WaitingForInfrastructureDeletion", "Waiting for the VM");
    assert_eq!(deletion.chains_after(240), [""; 0]);
    assert_eq!(
        deletion.chains_after(320),
        ["machine-deletion: Machine/one"]
    );
}

#[test]
fn a_control_plane_that_waits_and_one_that_scales() {
    let scaling = |message: &str| {
        let mut managed = Managed::new();
        managed.plane["status"]["conditions"] =
            json!([condition("ScalingUp", "True", "ScalingUp", message)]);
        managed
    };
    let blocked = "Scaling up from 2 to 3 replicas is blocked because:\n* waiting for control plane components to become healthy";
    let expected = "control-plane-waits: Cluster/c1 > KubeadmControlPlane/c1-plane";
    assert_eq!(scaling(blocked).chains_after(100), [""; 0]);
    assert_eq!(scaling(blocked).chains_after(140), [expected]);
    assert_eq!(
        scaling("Scaling up from 2 to 3 replicas").chains_after(320),
        [""; 0]
    );
}

#[test]
fn what_is_paused_and_a_cluster_that_does_not_answer() {
    let mut paused = Managed::new();
    paused.cluster["spec"]["paused"] = json!(true);
    assert_eq!(paused.chains_after(22), ["paused: Cluster/c1"]);
    paused.cluster["spec"]["paused"] = json!(false);
    assert_eq!(paused.chains_after(320), [""; 0]);
    let mut pool = Managed::new();
    let mut deployment = object("c1-md-0", "", json!([]));
    deployment["metadata"]["annotations"] = json!({"cluster.x-k8s.io/paused": ""});
    pool.pools.push(deployment);
    assert_eq!(
        pool.chains_after(22),
        ["paused: Cluster/c1 > MachineDeployment/c1-md-0"]
    );
    // That of another cluster.
    pool.pools[0]["metadata"]["labels"]["cluster.x-k8s.io/cluster-name"] = json!("c2");
    assert_eq!(pool.chains_after(320), [""; 0]);

    let probe = |status: &str| {
        let mut managed = Managed::leaving("DrainingNode", "not yet");
        managed.cluster["status"]["conditions"] = json!([condition(
            "RemoteConnectionProbe",
            status,
            "ProbeFailed",
            "last succeeded"
        )]);
        managed
    };
    let expected = "cluster-unreachable: Machine/one > Cluster/c1";
    assert_eq!(probe("False").chains_after(50), [""; 0]);
    assert_eq!(probe("False").chains_after(90), [expected]);
    assert_eq!(probe("True").chains_after(90), [""; 0]);
}
