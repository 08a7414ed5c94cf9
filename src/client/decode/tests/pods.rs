//! Rows of pods, from messages as an API server sends them.

use prost::Message;

use super::super::pod::Pod;
use super::decoded_alike;
use crate::snapshot::{Interner, PodPhase, PodRow};

/// A field of a message, as bytes: its tag and, behind its length, what is in it.
pub(super) fn field(tag: u32, value: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::bytes::encode(tag, &value.as_ref().to_vec(), &mut bytes);
    bytes
}

/// A field that is a number.
pub(super) fn number(tag: u32, value: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::int64::encode(tag, &value, &mut bytes);
    bytes
}

pub(super) fn map(tag: u32, entries: &[(&str, &str)]) -> Vec<u8> {
    let entry = |(key, value): &(&str, &str)| field(tag, [field(1, key), field(2, value)].concat());
    entries.iter().flat_map(entry).collect()
}

fn time(seconds: i64) -> Vec<u8> {
    number(1, seconds)
}

/// A requirement of a selector: this key is among these values.
fn among(key: &str, values: &[&str]) -> Vec<u8> {
    let values = values.iter().flat_map(|value| field(3, value));
    [field(1, key), field(2, "In")]
        .concat()
        .into_iter()
        .chain(values)
        .collect()
}

/// A pod with these further fields of its metadata and its specification.
fn pod(meta: &[Vec<u8>], spec: &[Vec<u8>]) -> Vec<u8> {
    let named = [field(1, "cart-1"), field(3, "shop"), meta.concat()].concat();
    [field(1, named), field(2, spec.concat())].concat()
}

/// Required node affinity with a term for each of these, which has this field.
fn on_nodes(terms: &[Vec<u8>]) -> Vec<u8> {
    let terms: Vec<u8> = terms.iter().flat_map(|term| field(1, term)).collect();
    field(18, field(1, field(1, terms)))
}

fn row(message: &[u8], pool: &mut Interner) -> Result<PodRow, prost::DecodeError> {
    Pod::decode(message).map(|pod| pod.into_row(pool))
}

#[test]
fn a_row_has_what_rules_look_at() {
    let owner = |name: &str, controller: u8| {
        let controls = vec![6 << 3, controller];
        field(
            13,
            [field(1, "ReplicaSet"), field(3, name), controls].concat(),
        )
    };
    let meta = [
        field(9, time(1_700_000_000)),
        number(10, 30),
        map(11, &[("app", "cart")]),
        map(12, &[("kubernetes.io/config.mirror", "x"), ("other", "y")]),
        owner("not-this", 0),
        owner("cart-6d4f", 1),
        field(14, "shop.example/drain"),
        // managedFields are never looked into, not even when they are broken.
        field(17, [0xff, 0xff]),
    ];
    let volume =
        |name: &str, source: Vec<u8>| field(1, [field(1, name), field(2, source)].concat());
    let spec = [
        volume("data", field(10, field(1, "data-cart-1"))),
        volume("scratch", field(29, [])),
        volume("old", field(11, field(2, "image"))),
        volume("older", field(11, [])),
        volume("empty", field(2, [])),
        number(4, 3600),
        field(10, "pool-a-1"),
        map(7, &[("kubernetes.io/hostname", "pool-a-1")]),
    ];
    let condition = |kind: &str, status: &str| {
        field(
            2,
            [
                field(1, kind),
                field(2, status),
                field(4, time(1_600_000_000)),
            ]
            .concat(),
        )
    };
    let status = [
        field(1, "Running"),
        condition("Initialized", "False"),
        condition("Ready", "True"),
    ];
    let message = [pod(&meta, &spec), field(3, status.concat())].concat();

    let json = serde_json::json!({
        "metadata": {
            "name": "cart-1", "namespace": "shop", "labels": {"app": "cart"},
            "deletionTimestamp": "2023-11-14T22:13:20Z", "deletionGracePeriodSeconds": 30,
            "annotations": {"kubernetes.io/config.mirror": "x", "other": "y"},
            "ownerReferences": [
                {"kind": "ReplicaSet", "name": "not-this"}, {"kind": "ReplicaSet", "name": "cart-6d4f", "controller": true},
            ],
            "finalizers": ["shop.example/drain"],
        },
        "spec": {
            "volumes": [
                {"name": "data", "persistentVolumeClaim": {"claimName": "data-cart-1"}},
                {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}},
                {"name": "old", "rbd": {"image": "image"}}, {"name": "older", "rbd": {}}, {"name": "empty", "emptyDir": {}},
            ],
            "terminationGracePeriodSeconds": 3600, "nodeName": "pool-a-1",
            "nodeSelector": {"kubernetes.io/hostname": "pool-a-1"},
        },
        "status": {"phase": "Running", "conditions": [
            {"type": "Initialized", "status": "False", "lastTransitionTime": "2020-09-13T12:26:40Z"},
            {"type": "Ready", "status": "True", "lastTransitionTime": "2020-09-13T12:26:40Z"},
        ]},
    });
    let rows = decoded_alike("pods", &message, json);
    let row = rows.pods()[0].clone();
    assert_eq!((&*row.namespace, row.name.as_str()), ("shop", "cart-1"));
    assert_eq!(row.labels, [("app", "cart")].into_iter().collect());
    assert_eq!(
        row.deletion_timestamp.expect("a time").as_second(),
        1_700_000_000
    );
    assert_eq!(row.termination_grace_period_seconds, Some(3600));
    assert!(row.is_mirror && row.is_ready && row.is_controlled_by("ReplicaSet"));
    assert_eq!(
        &*row.controller.clone().expect("an owner").name,
        "cart-6d4f"
    );
    assert_eq!(*row.finalizers, ["shop.example/drain".into()]);
    assert_eq!(
        (&*row.node_name, row.phase),
        ("pool-a-1", PodPhase::Running)
    );
    assert_eq!(
        row.ready_transition_time.expect("a time").as_second(),
        1_600_000_000
    );
    assert_eq!(row.only_node, Some("pool-a-1".into()));
    assert_eq!(
        *row.volume_claims,
        ["data-cart-1".into(), "cart-1-scratch".into()]
    );
    assert_eq!(*row.in_tree_volumes, ["rbd".into()]);
    assert!(!row.has_self_anti_affinity);
}

#[test]
fn equal_labels_are_there_once() {
    let mut pool = Interner::default();
    let labels = map(11, &[("app", "cart"), ("tier", "front")]);
    let message = pod(&[labels], &[]);
    let first = row(&message, &mut pool).expect("a pod");
    let second = row(&message, &mut pool).expect("a pod");
    assert!(first.labels.ptr_eq(&second.labels));
    assert_eq!(first.phase, PodPhase::Pending);
}

#[test]
fn a_pod_is_pinned_where_every_term_names_the_same_node() {
    let pinned = |terms: &[Vec<u8>]| {
        let row = row(&pod(&[], &[on_nodes(terms)]), &mut Interner::default()).expect("a pod");
        row.only_node.map(|node| node.to_string())
    };
    let label = |nodes: &[&str]| field(1, among("kubernetes.io/hostname", nodes));
    let name = |nodes: &[&str]| field(2, among("metadata.name", nodes));
    let zone = || field(1, among("topology.kubernetes.io/zone", &["a"]));
    assert_eq!(pinned(&[label(&["a"])]).as_deref(), Some("a"));
    assert_eq!(pinned(&[name(&["a"])]).as_deref(), Some("a"));
    assert_eq!(
        pinned(&[[zone(), label(&["a"])].concat()]).as_deref(),
        Some("a")
    );
    assert_eq!(pinned(&[label(&["a"]), name(&["a"])]).as_deref(), Some("a"));
    assert_eq!(pinned(&[label(&["a"]), label(&["b"])]), None);
    assert_eq!(pinned(&[label(&["a", "b"])]), None);
    assert_eq!(pinned(&[label(&["a"]), zone()]), None);
    assert_eq!(pinned(&[]), None);
}

#[test]
fn a_pod_stands_apart_where_its_own_labels_are_kept_off_its_node() {
    let selector = |app: &str| field(1, map(1, &[("app", app)]));
    let topology = |key: &str| field(3, key);
    let apart = |term: Vec<u8>| {
        let anti = field(18, field(3, field(1, term)));
        let labels = map(11, &[("app", "cart")]);
        row(&pod(&[labels], &[anti]), &mut Interner::default())
            .expect("a pod")
            .has_self_anti_affinity
    };
    let host = || topology("kubernetes.io/hostname");
    assert!(apart([selector("cart"), host()].concat()));
    assert!(apart(
        [field(1, field(2, among("app", &["web", "cart"]))), host()].concat()
    ));
    assert!(apart([selector("cart"), host(), field(2, "shop")].concat()));
    assert!(apart([selector("cart"), host(), field(4, [])].concat()));
    assert!(
        !apart([selector("web"), host()].concat()),
        "another application"
    );
    assert!(!apart(
        [selector("cart"), topology("topology.kubernetes.io/zone")].concat()
    ));
    assert!(
        !apart([selector("cart"), host(), field(2, "test")].concat()),
        "elsewhere"
    );
    assert!(!apart(host()), "no selector fits nothing");
}

#[test]
fn affinity_is_read_from_json_too() {
    let on_node = on_nodes(&[field(2, among("metadata.name", &["a"]))]);
    let term = [
        field(1, field(2, among("app", &["cart"]))),
        field(2, "shop"),
        field(3, "kubernetes.io/hostname"),
        field(4, map(1, &[("team", "x")])),
    ];
    let apart = field(18, field(3, field(1, term.concat())));
    let labels = map(11, &[("app", "cart")]);
    let json = serde_json::json!({
        "metadata": {"name": "cart-1", "namespace": "shop", "labels": {"app": "cart"}},
        "spec": {"affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["a"]}]},
            ]}},
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
                "labelSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["cart"]}]},
                "namespaces": ["shop"],
                "topologyKey": "kubernetes.io/hostname",
                "namespaceSelector": {"matchLabels": {"team": "x"}},
            }]},
        }},
    });
    let rows = decoded_alike("pods", &pod(&[labels], &[on_node, apart]), json);
    let row = &rows.pods()[0];
    assert_eq!(row.only_node, Some("a".into()));
    assert!(row.has_self_anti_affinity);
}

#[test]
fn every_volume_of_a_driver_in_the_tree_is_read_from_json_too() {
    let drivers = [
        (3, "gcePersistentDisk"),
        (4, "awsElasticBlockStore"),
        (5, "gitRepo"),
        (9, "glusterfs"),
        (11, "rbd"),
        (12, "flexVolume"),
        (13, "cinder"),
        (14, "cephfs"),
        (15, "flocker"),
        (18, "azureFile"),
        (20, "vsphereVolume"),
        (21, "quobyte"),
        (22, "azureDisk"),
        (23, "photonPersistentDisk"),
        (24, "portworxVolume"),
        (25, "scaleIO"),
        (27, "storageos"),
    ];
    for (tag, driver) in drivers {
        let message = pod(
            &[],
            &[field(1, [field(1, "x"), field(2, field(tag, []))].concat())],
        );
        let json = serde_json::json!({
            "metadata": {"name": "cart-1", "namespace": "shop"},
            "spec": {"volumes": [{"name": "x", driver: {}}]},
        });
        let rows = decoded_alike("pods", &message, json);
        assert_eq!(*rows.pods()[0].in_tree_volumes, [driver.into()]);
    }
}
