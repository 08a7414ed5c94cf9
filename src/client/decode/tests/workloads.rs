//! Rows of workloads, from messages as an API server sends them.

use super::super::encoded_object::EncodedObject;
use super::super::workload::{WorkloadKind, decode_row};
use super::pods::{field, map, number};
use super::{PROTOBUF, decoded_alike, sink};
use serde_json::json;

use crate::need::DetailLevel;
use crate::snapshot::{Interner, SharedStr, WorkloadRow};

/// Metadata of a changed object, with these further fields.
fn meta(more: &[Vec<u8>]) -> Vec<u8> {
    let fields = [
        field(1, "cart"),
        field(3, "shop"),
        number(7, 2),
        more.concat(),
    ];
    field(1, fields.concat())
}

fn parse(kind: WorkloadKind, message: &[Vec<u8>]) -> WorkloadRow {
    decode_row(
        kind,
        EncodedObject::Protobuf(&message.concat()),
        &mut Interner::default(),
    )
    .expect("a workload")
}

fn condition(kind: &str, reason: &str) -> Vec<u8> {
    field(6, [field(1, kind), field(4, reason)].concat())
}

fn requirement(key: &str, operator: &str, value: &str) -> Vec<u8> {
    [field(1, key), field(2, operator), field(3, value)].concat()
}

#[test]
fn a_deployment_has_what_rules_look_at() {
    let manager = [field(1, "helm"), field(2, "Update"), field(3, "apps/v1")];
    let selector = [
        map(1, &[("app", "cart")]),
        field(2, requirement("tier", "In", "front")),
    ];
    let term = [
        field(1, requirement("pool", "In", "a")),
        field(1, requirement("old", "DoesNotExist", "")),
    ];
    let affinity = field(18, field(1, field(1, field(1, term.concat()))));
    let container = |image: &str| field(2, [field(1, "it"), field(2, image)].concat());
    let pod = [
        container("shop/cart:1.2.0"),
        container("envoy:v1"),
        // An init container.
        field(20, field(2, "shop/init:1")),
        map(7, &[("disk", "ssd")]),
        affinity,
        field(22, field(1, "dedicated")),
        field(22, field(2, "Exists")),
    ];
    let spec = [
        number(1, 3),
        field(2, selector.concat()),
        field(3, field(2, pod.concat())),
        number(7, 1),
    ];
    let status = [
        number(1, 2),
        number(2, 4),
        number(3, 1),
        number(4, 2),
        condition("Available", "MinimumReplicasAvailable"),
        condition("Progressing", "ProgressDeadlineExceeded"),
        number(7, 3),
    ];
    let message = [
        meta(&[
            field(9, number(1, 1_700_000_000)),
            field(17, manager.concat()),
        ]),
        field(2, spec.concat()),
        field(3, status.concat()),
    ];
    let json = json!({
        "metadata": {
            "name": "cart", "namespace": "shop", "generation": 2, "deletionTimestamp": "2023-11-14T22:13:20Z",
            "managedFields": [{"manager": "helm", "operation": "Update", "apiVersion": "apps/v1"}],
        },
        "spec": {
            "replicas": 3, "paused": true,
            "selector": {
                "matchLabels": {"app": "cart"},
                "matchExpressions": [{"key": "tier", "operator": "In", "values": ["front"]}],
            },
            "template": {"metadata": {"creationTimestamp": null}, "spec": {
                "containers": [{"name": "it", "image": "shop/cart:1.2.0"}, {"name": "it", "image": "envoy:v1"}],
                "initContainers": [{"name": "it", "image": "shop/init:1"}],
                "nodeSelector": {"disk": "ssd"},
                "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
                    {"matchExpressions": [
                        {"key": "pool", "operator": "In", "values": ["a"]}, {"key": "old", "operator": "DoesNotExist"},
                    ]},
                ]}}},
                "tolerations": [{"key": "dedicated"}, {"operator": "Exists"}],
            }},
        },
        "status": {
            "observedGeneration": 2, "replicas": 4, "updatedReplicas": 1, "availableReplicas": 2, "readyReplicas": 3,
            "conditions": [
                {"type": "Available", "reason": "MinimumReplicasAvailable"},
                {"type": "Progressing", "reason": "ProgressDeadlineExceeded"},
            ],
        },
    });
    let rows = decoded_alike("deployments.apps", &message.concat(), json);
    let row = rows.workloads()[0].clone();
    assert_eq!(
        (row.meta.namespace.as_deref(), row.meta.name.as_str()),
        (Some("shop"), "cart")
    );
    assert_eq!(&*row.meta.field_managers[0].name, "helm");
    assert!(row.is_being_deleted && row.is_paused);
    assert_eq!((row.generation, row.replicas), (2, Some(3)));
    let selector = row.selector.expect("a selector");
    let fits = |labels: &[(&'static str, &'static str)]| {
        selector.matches(&labels.iter().copied().collect())
    };
    assert!(fits(&[("app", "cart"), ("tier", "front")]));
    assert!(!fits(&[("app", "cart")]));
    assert_eq!(
        row.images,
        [
            SharedStr::from("shop/cart:1.2.0"),
            SharedStr::from("envoy:v1")
        ]
    );
    let placement = row.placement.expect("a placement");
    assert_eq!(placement.node_selector_keys, [SharedStr::from("disk")]);
    assert_eq!(
        placement.required_affinity_keys,
        [vec![SharedStr::from("pool")]]
    );
    assert_eq!(
        placement.toleration_keys,
        [SharedStr::from("dedicated"), SharedStr::from("")]
    );
    let status = row.status;
    assert_eq!(status.observed_generation, 2);
    let counts = [
        status.replicas,
        status.updated_replicas,
        status.available_replicas,
        status.ready_replicas,
    ];
    assert_eq!(counts, [4, 1, 2, 3]);
    assert!(status.is_progress_deadline_exceeded && !status.has_pending_revision);
}

#[test]
fn a_stateful_set_has_its_revisions_and_its_partition() {
    let strategy =
        |rolling: &[Vec<u8>]| field(7, [field(1, "RollingUpdate"), rolling.concat()].concat());
    let status = |update: &str| {
        field(
            3,
            [
                number(1, 2),
                number(2, 5),
                number(3, 4),
                number(5, 3),
                field(6, "db-1"),
                field(7, update),
                number(11, 2),
            ]
            .concat(),
        )
    };
    let set = |rolling: &[Vec<u8>], update: &str| {
        let spec = [number(1, 0), strategy(rolling)];
        let message = [meta(&[]), field(2, spec.concat()), status(update)];
        parse(WorkloadKind::StatefulSet, &message)
    };
    let spec = [number(1, 0), strategy(&[field(2, number(1, 2))])];
    let message = [meta(&[]), field(2, spec.concat()), status("db-2")];
    let json = json!({
        "metadata": {"name": "cart", "namespace": "shop", "generation": 2},
        "spec": {
            "replicas": 0,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2, "maxUnavailable": "10%"}},
        },
        "status": {
            "observedGeneration": 2, "replicas": 5, "readyReplicas": 4, "updatedReplicas": 3, "availableReplicas": 2,
            "currentRevision": "db-1", "updateRevision": "db-2",
        },
    });
    let rows = decoded_alike("statefulsets.apps", &message.concat(), json);
    let row = rows.workloads()[0].clone();
    assert_eq!(&*row.update_strategy, "RollingUpdate");
    assert_eq!((row.replicas, row.partition), (Some(0), Some(2)));
    let counts = [
        row.status.replicas,
        row.status.ready_replicas,
        row.status.updated_replicas,
        row.status.available_replicas,
    ];
    assert_eq!(counts, [5, 4, 3, 2]);
    assert!(row.status.has_pending_revision && !row.is_being_deleted);
    assert_eq!(set(&[field(2, [])], "db-1").partition, Some(0));
    let row = set(&[], "db-1");
    assert_eq!(
        (row.partition, row.status.has_pending_revision),
        (None, false)
    );
}

#[test]
fn a_daemon_set_has_other_tags() {
    // maxUnavailable stands where a StatefulSet has its partition.
    let rolling = field(2, field(1, number(2, 1)));
    let spec = [
        field(1, map(1, &[("app", "logs")])),
        field(2, field(2, field(22, field(1, "node-role")))),
        field(3, [field(1, "RollingUpdate"), rolling].concat()),
    ];
    let status = [1, 9, 3, 4, 2, 6, 7].into_iter().zip([1, 2, 3, 4, 5, 6, 7]);
    let status: Vec<u8> = status.flat_map(|(value, tag)| number(tag, value)).collect();
    let message = [meta(&[]), field(2, spec.concat()), field(3, status)];
    let json = json!({
        "metadata": {"name": "cart", "namespace": "shop", "generation": 2},
        "spec": {
            "selector": {"matchLabels": {"app": "logs"}},
            "template": {"spec": {"tolerations": [{"key": "node-role"}], "containers": null}},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
        },
        "status": {
            "currentNumberScheduled": 1, "numberMisscheduled": 9, "desiredNumberScheduled": 3, "numberReady": 4,
            "observedGeneration": 2, "updatedNumberScheduled": 6, "numberAvailable": 7,
        },
    });
    let rows = decoded_alike("daemonsets.apps", &message.concat(), json);
    let row = rows.workloads()[0].clone();
    assert_eq!(&*row.update_strategy, "RollingUpdate");
    assert_eq!((row.replicas, row.partition), (None, None));
    assert!(
        row.selector
            .is_some_and(|it| it.matches(&[("app", "logs")].into_iter().collect()))
    );
    assert_eq!(
        row.placement.expect("a placement").toleration_keys,
        [SharedStr::from("node-role")]
    );
    let status = row.status;
    assert_eq!(status.observed_generation, 2);
    assert_eq!(
        [
            status.replicas,
            status.ready_replicas,
            status.updated_replicas,
            status.available_replicas
        ],
        [3, 4, 6, 7]
    );
}

#[test]
fn the_resource_decides_which_of_them_comes() {
    let spec = field(2, [number(1, 2), number(7, 1)].concat());
    let item = field(2, [meta(&[]), spec].concat());
    let bytes = [b"k8s\0".to_vec(), field(2, item)].concat();
    let mut deployments = sink("deployments.apps", DetailLevel::Typed);
    super::decode_page(PROTOBUF, bytes.as_slice(), &mut deployments).expect("a page");
    assert!(deployments.skipped_objects.is_empty() && deployments.rows.workloads()[0].is_paused);
    let mut sets = sink("statefulsets.apps", DetailLevel::Typed);
    super::decode_page(PROTOBUF, bytes.as_slice(), &mut sets).expect("a page");
    assert_eq!(sets.skipped_objects.len(), 1, "field 7 is a message there");
    let mut elsewhere = sink("deployments.shop.example", DetailLevel::Typed);
    super::decode_page(PROTOBUF, bytes.as_slice(), &mut elsewhere).expect("a page");
    assert_eq!(
        elsewhere.rows.metadata().count(),
        1,
        "metadata is what can be had"
    );
    assert!(elsewhere.rows.workloads().is_empty());
}
