//! Chains: for each cause a cluster in which it holds up a drain, and one that is nearly the same.

use serde_json::Value;

use super::*;
use crate::need::ReadTarget;
use crate::snapshot::ObjectRow;
use crate::watch::WaitChain;

/// A server that serves all APIs of its release.
fn full_server() -> Change {
    let version = "v1.37.0".parse().expect("a version");
    let mut discovery = Discovery {
        git_version: version,
        emulation_version: None,
        group_versions: std::collections::BTreeSet::new(),
    };
    let apis = catalog().apis.iter();
    let apis = apis.filter(|api| api.exists_in(discovery.effective_minor()));
    discovery.group_versions = apis.map(|api| api.gvk().api_version()).collect();
    Change::Discovery(discovery)
}

/// What there is on a node that drains, and in the lists that are wanted, by plural.
#[derive(Default, Clone)]
struct Stuck {
    node: &'static str,
    pods: Vec<Value>,
    lists: Vec<(&'static str, Value)>,
}

impl Stuck {
    /// One pod `shop/web-0` of a workload of three with a budget that allows nothing, all of them healthy.
    fn healthy() -> Self {
        Self {
            node: "old cordoned",
            pods: vec![
                json!({"namespace": "shop", "name": "web-0", "labels": {"app": "web"}, "node": "a",
                "phase": "Running", "ready": true, "owner": {"kind": "ReplicaSet", "name": "web-1"}}),
            ],
            lists: vec![
                ("poddisruptionbudgets", budget("web", [3, 3, 3])),
                ("pods", pod("web-0", json!({}))),
                ("pods", pod("web-1", json!({}))),
                ("pods", pod("web-2", json!({}))),
                (
                    "replicasets",
                    json!({"metadata": {"namespace": "shop", "name": "web-1"},
                    "spec": {"replicas": 3}, "status": {"replicas": 3}}),
                ),
            ],
        }
    }

    /// The same, of which `web-2` is not ready.
    fn unready(status: Value) -> Self {
        let mut stuck = Self::healthy();
        stuck.lists[0].1 = budget("web", [3, 2, 3]);
        stuck.lists[3].1 = pod("web-2", status);
        stuck
    }

    /// Without a budget.
    fn free() -> Self {
        let mut stuck = Self::healthy();
        stuck.lists.clear();
        stuck
    }

    fn with(mut self, plural: &'static str, object: Value) -> Self {
        self.lists.push((plural, object));
        self
    }

    fn change_pod(mut self, fields: Value) -> Self {
        let pod = self.pods[0].as_object_mut().expect("a pod");
        pod.extend(fields.as_object().expect("fields").clone());
        self
    }

    /// What is reported within this time of the cordon.
    fn chains_after(&self, seconds: i64) -> Vec<WaitChain> {
        self.watched_for(seconds).watch.chains().to_vec()
    }

    fn watched_for(&self, seconds: i64) -> Watched<'static> {
        let (mut watched, _) = unread(catalog(), Some("1.37"), "v1.37.0");
        watched.see(0, full_server());
        watched.see(
            0,
            listed(&Need::nodes(), nodes(&[("a", "old"), ("b", "old")])),
        );
        watched.change_node(0, "a", self.node);
        let pods = self
            .pods
            .iter()
            .map(|pod| serde_json::from_value(pod.clone()).expect("a pod"));
        watched.see(
            1,
            listed(&pods_on_node_need("a"), Rows::Pods(pods.collect())),
        );
        for second in (2..=seconds).step_by(5) {
            self.answer(&mut watched, second);
            watched.probe(second, "v1.37.0");
        }
        watched
    }

    /// Gives the lists that are wanted, and those that are wanted once these are there.
    fn answer(&self, watched: &mut Watched<'_>, second: i64) {
        for _ in 0..3 {
            for need in watched.watch.wanted_needs().to_vec() {
                watched.see(second, listed(&need, self.rows(&need)));
            }
        }
    }

    fn rows(&self, need: &Need) -> Rows {
        let ReadTarget::Objects {
            resource,
            namespace,
            ..
        } = &need.target
        else {
            panic!("no list");
        };
        let own = self.lists.iter().filter(|(plural, object)| {
            let of_namespace = namespace
                .as_ref()
                .is_none_or(|name| object["metadata"]["namespace"] == **name);
            *plural == resource.plural && of_namespace
        });
        let own = own.map(|(_, object)| object.clone());
        if resource.plural == "endpointslices" {
            return Rows::EndpointSlices(
                own.map(|row| serde_json::from_value(row["row"].clone()).expect("a slice"))
                    .collect(),
            );
        }
        Rows::Objects(own.map(row).collect())
    }
}

fn row(object: Value) -> ObjectRow {
    let meta =
        json!({"namespace": object["metadata"]["namespace"], "name": object["metadata"]["name"]});
    serde_json::from_value(json!({"meta": meta, "object": object})).expect("a row")
}

/// Desired, healthy and expected pods.
fn budget(name: &str, [desired, healthy, expected]: [i64; 3]) -> Value {
    json!({"metadata": {"namespace": "shop", "name": name, "generation": 1},
        "spec": {"minAvailable": desired, "selector": {"matchLabels": {"app": "web"}}},
        "status": {"observedGeneration": 1, "disruptionsAllowed": 0, "desiredHealthy": desired,
            "currentHealthy": healthy, "expectedPods": expected}})
}

/// A pod; ready unless its status says more.
fn pod(name: &str, status: Value) -> Value {
    let status = match status.as_object().expect("a status").is_empty() {
        true => json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}),
        false => status,
    };
    json!({"metadata": {"namespace": "shop", "name": name,
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "controller": true}]},
        "spec": {"nodeName": "b"}, "status": status})
}

fn waiting(reason: &str, message: &str, restarts: i64) -> Value {
    json!({"phase": "Pending", "containerStatuses": [{"name": "web", "ready": false, "restartCount": restarts,
        "state": {"waiting": {"reason": reason, "message": message}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]})
}

fn unscheduled(message: &str) -> Value {
    json!({"phase": "Pending", "conditions": [
        {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}]})
}

/// The ids of causes and the ends of chains.
pub(super) fn short(chains: &[WaitChain]) -> Vec<String> {
    let texts = chains.iter().map(|chain| {
        let links = chain
            .links
            .iter()
            .map(|link| format!("{}/{}", link.kind, link.name));
        format!(
            "{}: {}",
            chain.cause.id(),
            links.collect::<Vec<_>>().join(" > ")
        )
    });
    texts.collect()
}

#[track_caller]
fn assert_chain(stuck: &Stuck, seconds: i64, expected: &str) {
    assert_eq!(short(&stuck.chains_after(seconds)), [expected]);
}

#[track_caller]
fn assert_none(stuck: &Stuck, seconds: i64) {
    assert_eq!(short(&stuck.chains_after(seconds)), [""; 0]);
}

#[test]
fn a_budget_that_can_never_allow_an_eviction_is_said_within_thirty_seconds_and_when_it_ends() {
    let stuck = Stuck::healthy();
    assert_none(&stuck, 10);
    assert_chain(
        &stuck,
        27,
        "budget-never-allows: Node/a > Pod/web-0 > PodDisruptionBudget/web",
    );
    let mut watched = stuck.watched_for(27);
    let blockers = watched
        .events
        .iter()
        .filter(|event| event.kind == EventKind::Blocker);
    let blockers: Vec<&str> = blockers.map(|event| event.message.as_str()).collect();
    assert_eq!(
        blockers,
        [
            "blocked: node a is cordoned with 1 pod left to evict; pod shop/web-0 is held by a budget; poddisruptionbudget \
          shop/web allows no eviction: it needs 3 of 3 pods healthy and has 3; see kubectl describe poddisruptionbudget web -n shop"
        ]
    );
    let mut relaxed = Stuck::healthy();
    relaxed.lists[0].1["status"]["disruptionsAllowed"] = json!(1);
    watched.events.clear();
    for second in (32..60).step_by(5) {
        relaxed.answer(&mut watched, second);
        watched.probe(second, "v1.37.0");
    }
    let ended: Vec<_> = watched
        .events
        .iter()
        .map(|event| (event.kind, &*event.message))
        .collect();
    let text = "no longer blocked, budget-never-allows: node a, poddisruptionbudget shop/web";
    assert_eq!(ended, [(EventKind::Recovered, text)]);
    assert!(watched.watch.chains().is_empty());
    let last = watched.events.last().and_then(|event| event.chain.as_ref());
    assert_eq!(
        last.map(|chain| chain.cause.id()),
        Some("budget-never-allows")
    );
}

#[test]
fn a_budget_whose_replacement_starts_is_normal() {
    let starting = json!({"phase": "Pending", "containerStatuses": [
        {"name": "web", "ready": false, "state": {"waiting": {"reason": "ContainerCreating"}}}]});
    assert_none(&Stuck::unready(starting.clone()), 240);
    let late = "budget-exhausted: Node/a > Pod/web-0 > PodDisruptionBudget/web > Pod/web-2";
    assert_chain(&Stuck::unready(starting), 330, late);
    // The replacement was not created yet.
    let mut gone = Stuck::healthy();
    gone.lists[0].1 = budget("web", [2, 2, 2]);
    gone.lists.remove(3);
    assert_none(&gone, 240);
    let mut allowed = Stuck::healthy();
    allowed.lists[0].1["status"]["disruptionsAllowed"] = json!(1);
    assert_none(&allowed, 600);
    let mut stale = Stuck::healthy();
    stale.lists[0].1["metadata"]["generation"] = json!(2);
    assert_none(&stale, 600);
    // An unready pod may go under this policy.
    let mut unready = Stuck::healthy().change_pod(json!({"ready": false}));
    unready.lists[0].1["spec"]["unhealthyPodEvictionPolicy"] = json!("AlwaysAllow");
    assert_none(&unready, 600);
}

#[test]
fn more_budgets_than_one_and_one_that_cannot_be_computed() {
    let two = Stuck::healthy().with("poddisruptionbudgets", budget("all", [1, 3, 3]));
    let expected =
        "budgets-overlap: Node/a > Pod/web-0 > PodDisruptionBudget/web > PodDisruptionBudget/all";
    assert_chain(&two, 22, expected);
    let mut other = budget("all", [1, 3, 3]);
    other["spec"]["selector"]["matchLabels"]["app"] = json!("db");
    let other = Stuck::free().with("poddisruptionbudgets", other);
    assert_none(&other, 600);
    let mut failed = Stuck::healthy();
    failed.lists[0].1["status"] = json!({"disruptionsAllowed": 0});
    failed.lists[0].1["status"]["conditions"] = json!([{"type": "DisruptionAllowed", "status": "False",
        "reason": "SyncFailed", "message": "found no controller ref for pod \"web-0\""}]);
    assert_chain(
        &failed,
        22,
        "budget-sync-failed: Node/a > Pod/web-0 > PodDisruptionBudget/web",
    );
}

#[test]
fn a_pod_that_waiting_does_not_make_ready_is_the_root() {
    let through =
        |cause: &str| format!("{cause}: Node/a > Pod/web-0 > PodDisruptionBudget/web > Pod/web-2");
    let no_match = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.";
    let taint = "0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: db}.";
    let claim = "0/3 nodes are available: persistentvolumeclaim \"data\" not found.";
    for (status, cause) in [
        (
            waiting(
                "ImagePullBackOff",
                "Back-off pulling image \"web:9\": not found",
                0,
            ),
            "image-pull",
        ),
        (
            waiting("InvalidImageName", "couldn't parse image name", 0),
            "image-pull",
        ),
        (
            waiting("CreateContainerConfigError", "secret \"db\" not found", 0),
            "container-config",
        ),
        (
            waiting(
                "CrashLoopBackOff",
                "back-off 40s restarting failed container",
                4,
            ),
            "crash-loop",
        ),
        (unscheduled(no_match), "unschedulable-affinity"),
        (unscheduled(taint), "unschedulable-taint"),
        (unscheduled(claim), "unschedulable-volume"),
    ] {
        assert_chain(&Stuck::unready(status), 22, &through(cause));
    }
    // These may pass.
    let cordoned = "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match Pod's node affinity/selector.";
    let room = "0/3 nodes are available: 3 Insufficient cpu.";
    let spread = "0/3 nodes are available: 3 node(s) didn't match pod topology spread constraints.";
    for (message, cause) in [
        (cordoned, "unschedulable-affinity"),
        (room, "unschedulable-room"),
        (spread, "unschedulable-topology"),
    ] {
        let stuck = Stuck::unready(unscheduled(message));
        assert_none(&stuck, 240);
        assert_chain(&stuck, 330, &through(cause));
    }
    assert_none(
        &Stuck::unready(waiting("CrashLoopBackOff", "back-off 10s", 1)),
        240,
    );
    let running = |since: i64| {
        json!({"phase": "Running", "containerStatuses": [
        {"name": "web", "ready": false, "state": {"running": {"startedAt": at(since).to_string()}}}]})
    };
    assert_chain(&Stuck::unready(running(-400)), 22, &through("probe-fails"));
    assert_none(&Stuck::unready(running(-60)), 200);
}

#[test]
fn what_a_kubelet_says_is_in_the_chain() {
    let chains = Stuck::unready(waiting("CrashLoopBackOff", "", 4)).chains_after(22);
    let last = chains[0].links.last().expect("a link");
    assert_eq!(
        last.why,
        "container web ends again and again with exit code 137 (OOMKilled), 4 restarts"
    );
    assert_eq!(
        chains[0].command,
        "kubectl logs web-2 -n shop --all-containers --previous"
    );
    assert!(chains[0].advice().contains("log"));
    assert_eq!(chains[0].since, at(0), "since the node was cordoned");
}

#[test]
fn pods_that_cannot_be_created() {
    let short_of = |message: &str, replicas: i64| {
        let mut stuck = Stuck::healthy();
        stuck.lists.remove(3);
        stuck.lists[0].1 = budget("web", [2, 2, 2]);
        stuck.lists[3].1["status"] = json!({"replicas": replicas, "conditions": [
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message}]});
        stuck
    };
    let links = "Node/a > Pod/web-0 > PodDisruptionBudget/web > ReplicaSet/web-1";
    let quota = "pods \"web-1-x\" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=2, limited: pods=2";
    assert_chain(&short_of(quota, 2), 22, &format!("quota: {links}"));
    let denied = "admission webhook \"shop.example\" denied the request: no";
    assert_chain(&short_of(denied, 2), 22, &format!("pods-refused: {links}"));
    // The condition outlives its cause until the next synchronization.
    assert_none(&short_of(quota, 3), 240);
}

#[test]
fn pods_that_are_being_deleted_and_stay() {
    let deleted = |fields: Value| {
        Stuck::free()
            .change_pod(json!({"deleted": at(0).to_string()}))
            .change_pod(fields)
    };
    let finalizer = json!({"phase": "Succeeded", "finalizers": ["shop.example/clean"]});
    let chain = "pod-finalizer: Node/a > Pod/web-0";
    assert_chain(&deleted(finalizer), 22, chain);
    assert_none(&deleted(json!({"finalizers": ["shop.example/clean"]})), 50);
    assert_chain(
        &deleted(json!({"finalizers": ["shop.example/clean"]})),
        90,
        chain,
    );
    assert_none(&deleted(json!({})), 60);
    assert_chain(
        &deleted(json!({})),
        90,
        "pod-terminating: Node/a > Pod/web-0",
    );
    let mut dead = deleted(json!({}));
    dead.node = "old cordoned not-ready";
    assert_chain(&dead, 90, "dead-kubelet: Node/a > Pod/web-0");
    // Finished pods and those of DaemonSets hold no drain.
    assert_none(
        &Stuck::free().change_pod(json!({"phase": "Succeeded"})),
        300,
    );
    assert_none(
        &deleted(json!({"owner": {"kind": "DaemonSet", "name": "log"}})),
        300,
    );
}

#[test]
fn a_namespace_that_is_being_deleted() {
    let namespace = |status: &str| {
        json!({"metadata": {"name": "shop"}, "status": {"conditions": [
        {"type": "NamespaceDeletionContentFailure", "status": status, "message": "unable to list carts"}]}})
    };
    let stuck = Stuck::free().with("namespaces", namespace("True"));
    assert_none(&stuck, 50);
    assert_chain(
        &stuck,
        90,
        "namespace-terminating: Node/a > Pod/web-0 > Namespace/shop",
    );
    assert_none(&Stuck::free().with("namespaces", namespace("False")), 300);
}

#[test]
fn a_webhook_that_evictions_need() {
    let webhook = |policy: &str, resource: &str| {
        json!({"metadata": {"name": "guard"}, "webhooks": [{"name": "guard.shop.example",
        "failurePolicy": policy, "clientConfig": {"service": {"namespace": "guard", "name": "guard"}},
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resource]}]}]})
    };
    let service =
        json!({"metadata": {"namespace": "guard", "name": "guard"}, "spec": {"type": "ClusterIP"}});
    let slice = |ready: u64| {
        json!({"metadata": {"namespace": "guard"}, "row": {"meta": {"namespace": "guard", "name": "guard-1"},
        "service": "guard", "endpoints": 1, "ready": ready}})
    };
    let stuck = |policy: &str, resource: &str, ready: u64| {
        let stuck =
            Stuck::free().with("validatingwebhookconfigurations", webhook(policy, resource));
        stuck
            .with("services", service.clone())
            .with("endpointslices", slice(ready))
    };
    let expected =
        "webhook-down: Node/a > Pod/web-0 > ValidatingWebhookConfiguration/guard > Service/guard";
    assert_chain(&stuck("Fail", "pods/eviction", 0), 90, expected);
    assert_none(&stuck("Fail", "pods/eviction", 0), 50);
    assert_none(&stuck("Fail", "pods/eviction", 1), 300);
    assert_none(&stuck("Ignore", "pods/eviction", 0), 300);
    assert_none(&stuck("Fail", "pods", 0), 300);
    let mut elsewhere = webhook("Fail", "pods/eviction");
    elsewhere["webhooks"][0]["namespaceSelector"] = json!({"matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["shop"]}]});
    assert_none(
        &Stuck::free().with("validatingwebhookconfigurations", elsewhere),
        300,
    );
    let missing = Stuck::free().with("mutatingwebhookconfigurations", webhook("Fail", "*/*"));
    let expected =
        "webhook-down: Node/a > Pod/web-0 > MutatingWebhookConfiguration/guard > Service/guard";
    assert_chain(&missing, 90, expected);
}

#[test]
fn volumes_that_are_not_detached_or_attached() {
    let attachment = |node: &str, more: Value| {
        let mut object = json!({"metadata": {"name": "csi-1"}, "spec": {"nodeName": node, "attacher": "csi.shop.example",
            "source": {"persistentVolumeName": "pv-1"}}, "status": {"attached": true}});
        for (key, value) in more.as_object().expect("fields") {
            object[key]
                .as_object_mut()
                .expect("an object")
                .extend(value.as_object().expect("fields").clone());
        }
        object
    };
    let mut empty = Stuck::free();
    empty.pods.clear();
    let leaving = json!({"metadata": {"deletionTimestamp": "2026-11-30T02:00:00Z"}});
    let stuck = |node: &str, more: Value| {
        empty
            .clone()
            .with("volumeattachments", attachment(node, more))
    };
    let expected = "volume-detach: Node/a > VolumeAttachment/csi-1";
    assert_chain(&stuck("a", leaving.clone()), 110, expected);
    assert_none(&stuck("a", leaving.clone()), 60);
    assert_none(&stuck("b", leaving), 600);
    assert_none(&stuck("a", json!({})), 600);

    let error = json!({"status": {"attached": false, "attachError": {"message": "Multi-Attach"}}});
    let mut pending =
        Stuck::unready(json!({"phase": "Pending"})).change_pod(json!({"claims": ["data"]}));
    pending.lists[3].1["spec"]["volumes"] =
        json!([{"persistentVolumeClaim": {"claimName": "data"}}]);
    let claim =
        json!({"metadata": {"namespace": "shop", "name": "data"}, "spec": {"volumeName": "pv-1"}});
    let pending = pending
        .with("persistentvolumeclaims", claim)
        .with("volumeattachments", attachment("b", error));
    assert_chain(
        &pending,
        90,
        "volume-attach: Node/a > Pod/web-0 > PodDisruptionBudget/web > Pod/web-2",
    );
}

#[test]
fn who_has_been_asked_to_move_a_pod_away() {
    let eviction = |state: &str| {
        json!({"metadata": {"namespace": "shop", "name": "web-0-x"},
        "spec": {"target": {"pod": {"name": "web-0"}}},
        "status": {"targetResponders": [{"name": "shop.example/mover", "state": state}],
            "responders": [{"name": "shop.example/mover", "startTime": at(5).to_string(), "message": "copies data"}]}})
    };
    let chain = "eviction-responder: Node/a > Pod/web-0 > Eviction/web-0-x";
    assert_chain(
        &Stuck::free().with("evictions", eviction("Active")),
        330,
        chain,
    );
    assert_none(&Stuck::free().with("evictions", eviction("Active")), 200);
    assert_none(&Stuck::free().with("evictions", eviction("Completed")), 330);
}

#[test]
fn a_kubelet_that_asks_for_a_certificate() {
    let request = |name: &str, conditions: Value| {
        json!({"metadata": {"name": name, "creationTimestamp": at(0).to_string()},
        "spec": {"username": "system:bootstrap:abcdef"}, "status": {"conditions": conditions}})
    };
    let pending = Stuck::free().with("certificatesigningrequests", request("csr-1", json!([])));
    assert_none(&pending, 50);
    assert_chain(&pending, 90, "csr-pending: CertificateSigningRequest/csr-1");
    let approved = request("csr-1", json!([{"type": "Approved", "status": "True"}]));
    assert_none(
        &Stuck::free().with("certificatesigningrequests", approved),
        300,
    );
}

#[test]
fn a_list_that_may_not_be_read_is_a_gap_and_no_guess() {
    let stuck = Stuck::healthy();
    let mut watched = stuck.watched_for(1);
    watched.probe(2, "v1.37.0");
    for need in watched.watch.wanted_needs().to_vec() {
        let Change::List(mut result) = listed(&need, stuck.rows(&need)) else {
            panic!("another change");
        };
        result.outcome = ReadOutcome::Forbidden {
            why: "no".to_owned(),
            rbac: PolicyRule::allow_list("policy", "poddisruptionbudgets", None),
        };
        watched.see(3, Change::List(result));
    }
    let stalled = watched.probe(3 + 15 * 60, "v1.37.0");
    assert_eq!(stalled.len(), 1, "{stalled:?}");
    let gap = "whether a budget holds it is unknown: poddisruptionbudgets.policy may not be listed";
    assert!(stalled[0].1.contains(gap), "{stalled:?}");
    assert!(watched.watch.chains().is_empty());
}

#[test]
fn lists_are_wanted_only_while_something_waits_and_no_more_than_some() {
    let stuck = Stuck::healthy();
    let mut watched = stuck.watched_for(30);
    assert!(watched.watch.wanted_needs().len() > 5);
    watched.change_node(40, "a", "new");
    watched.probe(45, "v1.37.0");
    let left: Vec<String> = watched
        .watch
        .wanted_needs()
        .iter()
        .map(|need| need.target.to_string())
        .collect();
    assert_eq!(
        left,
        [
            "certificatesigningrequests.certificates.k8s.io (spec.signerName=kubernetes.io/kube-apiserver-client-kubelet)"
        ]
    );
    let mut many = Stuck::healthy();
    for number in 0..200 {
        let name = format!("app-{number}");
        let mut pod = many.pods[0].clone();
        pod["name"] = json!(name);
        pod["namespace"] = json!(name);
        many.pods.push(pod);
        let mut budget = budget("web", [3, 3, 3]);
        budget["metadata"]["namespace"] = json!(name);
        many = many.with("poddisruptionbudgets", budget);
    }
    let count = many.watched_for(30).watch.wanted_needs().len();
    assert!(count <= 40, "{count} lists");
}
