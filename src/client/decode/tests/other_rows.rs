//! Rows of EndpointSlices, of metadata and of Helm's records, the same from protobuf and from JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::pods::{field, map, number};
use super::{decoded_alike, sink};
use crate::need::DetailLevel;

#[test]
fn a_slice_counts_its_endpoints() {
    let labels = map(11, &[("kubernetes.io/service-name", "cart")]);
    let metadata = [field(1, "cart-x7k2q"), field(3, "shop"), labels];
    let endpoint = |conditions: &[u8]| field(2, field(2, conditions));
    let message = [
        field(1, metadata.concat()),
        endpoint(&number(1, 1)),
        endpoint(&number(1, 0)),
        endpoint(&[]),
    ];
    let object = |endpoints: Value| {
        json!({
            "metadata": {
                "name": "cart-x7k2q", "namespace": "shop", "labels": {"kubernetes.io/service-name": "cart"},
            },
            "endpoints": endpoints,
        })
    };
    let slices = "endpointslices.discovery.k8s.io";
    let endpoints = json!([
        {"addresses": ["10.0.0.1"], "conditions": {"ready": true}}, {"conditions": {"ready": false}}, {"conditions": {}},
    ]);
    let rows = decoded_alike(slices, &message.concat(), object(endpoints));
    let row = &rows.endpoint_slices()[0];
    assert_eq!(row.service_name, "cart");
    assert_eq!((row.endpoint_count, row.ready_count), (3, 2));
    // As Go writes a list without items.
    let rows = decoded_alike(slices, &message[0], object(Value::Null));
    assert_eq!(rows.endpoint_slices()[0].endpoint_count, 0);
}

#[test]
fn metadata_is_the_same_from_both() {
    let owner = [
        field(1, "ReplicaSet"),
        field(3, "web"),
        field(4, "0b2ff2c5-8d3c-4d2b-9a53-27b9a83a9a55"),
        field(5, "apps/v1"),
        number(6, 1),
    ];
    let manager = [
        field(1, "helm"),
        field(2, "Apply"),
        field(3, "policy/v1beta1"),
        field(4, number(1, 1_700_000_000)),
        field(8, "status"),
    ];
    let metadata = [
        field(1, "web"),
        field(3, "shop"),
        field(5, "6f0cdd7c-08bb-4f7e-b27d-3c36c9d8ba5c"),
        map(
            12,
            &[("kapp.k14s.io/original", r#"{"apiVersion":"v1","kind":"X"}"#)],
        ),
        field(13, owner.concat()),
        field(17, manager.concat()),
    ];
    let json = json!({"metadata": {
        "name": "web", "namespace": "shop", "uid": "6f0cdd7c-08bb-4f7e-b27d-3c36c9d8ba5c",
        "annotations": {"kapp.k14s.io/original": r#"{"apiVersion":"v1","kind":"X"}"#},
        "ownerReferences": [{
            "kind": "ReplicaSet", "name": "web", "uid": "0b2ff2c5-8d3c-4d2b-9a53-27b9a83a9a55",
            "apiVersion": "apps/v1", "controller": true,
        }],
        "managedFields": [{
            "manager": "helm", "operation": "Apply", "apiVersion": "policy/v1beta1",
            "time": "2023-11-14T22:13:20Z", "subresource": "status",
        }],
    }});
    // No typed row is declared for the kind.
    let rows = decoded_alike("replicasets.apps", &field(1, metadata.concat()), json);
    let row = rows.metadata().next().expect("a row");
    assert_eq!(row.owner.as_deref(), Some("ReplicaSet/web"));
    assert!(row.uid.is_some() && row.field_managers[0].is_apply);
    assert_eq!(row.last_applied.len(), 1);
}

#[test]
fn a_record_of_helm_is_in_base64_once_more_where_json_holds_a_secret() {
    let record = json!({
        "name": "cart", "namespace": "shop", "version": 1, "info": {"status": "deployed"},
        "manifest": "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: cart}\n",
    });
    let payload = STANDARD.encode(record.to_string());
    let metadata = field(
        1,
        [field(1, "sh.helm.release.v1.cart.v1"), field(3, "shop")].concat(),
    );
    let message = [metadata, map(2, &[("release", &payload)])].concat();
    for (resource, written) in [
        ("secrets", STANDARD.encode(&payload)),
        ("configmaps", payload),
    ] {
        let json = json!({
            "metadata": {"name": "sh.helm.release.v1.cart.v1", "namespace": "shop"}, "data": {"release": written},
        });
        let rows = decoded_alike(resource, &message, json);
        assert_eq!(rows.helm_releases()[0].objects.len(), 1);
    }
}

#[test]
fn a_value_of_a_secret_is_never_quoted() {
    for data in [
        json!("hunter2"),
        json!({"release": ["hunter2"]}),
        json!({"release": "hunter2!"}),
    ] {
        let mut sink = sink("secrets", DetailLevel::Typed);
        sink.push_json(json!({"metadata": {"name": "a"}, "data": data}));
        assert_eq!(sink.skipped_objects.len(), 1);
        assert!(!format!("{sink:?}").contains("hunter2"));
    }
}
