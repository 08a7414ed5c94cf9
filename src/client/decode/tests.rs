mod damaged;
mod nodes;
mod other_rows;
mod pods;
mod workloads;

use std::io::{BufRead, BufReader, Read};
use std::sync::LazyLock;

use proptest::prelude::*;
use prost::Message;

use super::{DecodeError, PageMeta, RowCollector, decode_page};
use crate::catalog::{Catalog, GroupResource};
use crate::need::{DetailLevel, Freshness, PolicyRule, ReadRequest, ReadTarget};
use crate::snapshot::Rows;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList";
const JSON: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Read once: the tests of properties make thousands of sinks.
static CATALOG: LazyLock<&Catalog> = LazyLock::new(|| Catalog::embedded().expect("the catalog"));

fn sink(resource: &str, depth: DetailLevel) -> RowCollector {
    sink_for_fields(resource, depth, &[""])
}

fn sink_for_fields(resource: &str, depth: DetailLevel, fields: &[&str]) -> RowCollector {
    let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
    let request = ReadRequest {
        target: ReadTarget::Objects {
            resource: GroupResource::new(group, plural),
            namespace: None,
            selector: crate::need::ListSelector::default(),
        },
        detail_level: depth,
        freshness: Freshness::WatchCache,
        field_paths: fields.iter().copied().collect(),
        path: String::new(),
        api_version: "v1".into(),
        rbac: PolicyRule::allow_list("", resource, None),
        all_namespaces: false,
        max_objects: None,
    };
    RowCollector::new(&request, *CATALOG)
}

/// The rows of one typed object, which both encodings must give.
#[track_caller]
fn decoded_alike(resource: &str, message: &[u8], json: serde_json::Value) -> Rows {
    let mut from_protobuf = sink(resource, DetailLevel::Typed);
    from_protobuf.push_protobuf(message);
    let mut from_json = sink(resource, DetailLevel::Typed);
    from_json.push_json(json);
    assert_eq!(from_protobuf.skipped_objects, []);
    assert_eq!(from_json.skipped_objects, []);
    assert_eq!(from_protobuf.rows, from_json.rows);
    from_json.rows
}

#[derive(Clone, PartialEq, Message)]
struct Unknown {
    #[prost(message, optional, tag = "1")]
    type_meta: Option<TypeMeta>,
    #[prost(bytes = "vec", tag = "2")]
    raw: Vec<u8>,
    #[prost(string, tag = "4")]
    content_type: String,
}

#[derive(Clone, PartialEq, Message)]
struct TypeMeta {
    #[prost(string, tag = "1")]
    api_version: String,
}

#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ListMeta>,
    #[prost(message, repeated, tag = "2")]
    items: Vec<Item>,
}

#[derive(Clone, PartialEq, Message)]
struct ListMeta {
    #[prost(string, tag = "2")]
    version: String,
    #[prost(string, tag = "3")]
    next: String,
    #[prost(int64, tag = "4")]
    remaining: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Item {
    #[prost(message, optional, tag = "1")]
    metadata: Option<Meta>,
}

#[derive(Clone, PartialEq, Message)]
struct Meta {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "3")]
    namespace: String,
    #[prost(btree_map = "string, string", tag = "12")]
    annotations: std::collections::BTreeMap<String, String>,
}

/// A list as an API server sends it.
fn list(names: &[&str], next: &str) -> Vec<u8> {
    let items = names.iter().map(|name| Item {
        metadata: Some(Meta {
            name: (*name).to_owned(),
            namespace: "shop".into(),
            annotations: std::collections::BTreeMap::new(),
        }),
    });
    let list = List {
        metadata: Some(ListMeta {
            version: "41".to_owned(),
            next: next.to_owned(),
            remaining: 7,
        }),
        items: items.collect(),
    };
    let unknown = Unknown {
        type_meta: Some(TypeMeta {
            api_version: "meta.k8s.io/v1".into(),
        }),
        raw: list.encode_to_vec(),
        content_type: String::new(),
    };
    let mut bytes = b"k8s\0".to_vec();
    bytes.extend(unknown.encode_to_vec());
    bytes
}

fn names(sink: &RowCollector) -> Vec<String> {
    sink.rows.metadata().map(|row| row.name.clone()).collect()
}

/// Gives one byte at a time, as a slow network does.
struct Drip<'a>(&'a [u8]);

impl Read for Drip<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = usize::from(!self.0.is_empty() && !into.is_empty());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

/// With one byte in its buffer at a time.
fn dripping(bytes: &[u8]) -> impl BufRead {
    BufReader::with_capacity(1, Drip(bytes))
}

#[test]
fn protobuf_lists_come_item_by_item_with_their_token() {
    let bytes = list(&["a", "b", "c"], "token");
    let mut sink = sink("pods", DetailLevel::Metadata);
    let read = decode_page(PROTOBUF, dripping(&bytes), &mut sink).expect("a page");
    assert_eq!(
        read,
        PageMeta {
            resource_version: "41".into(),
            continue_token: "token".into(),
            remaining_item_count: Some(7),
        }
    );
    assert_eq!(names(&sink), ["a", "b", "c"]);
    assert!(sink.skipped_objects.is_empty());
}

#[test]
fn a_protobuf_list_that_ends_early_is_an_error_wherever_it_ends() {
    let bytes = list(&["a", "b", "c"], "token");
    let envelope = bytes.len();
    for end in 0..envelope {
        let mut sink = sink("pods", DetailLevel::Metadata);
        let read = decode_page(PROTOBUF, &bytes[..end], &mut sink);
        assert!(read.is_err(), "cut at byte {end} of {envelope}: {read:?}");
    }
}

#[test]
fn a_lying_length_does_not_allocate() {
    // items, length 2^40
    let mut bytes = b"k8s\0\x12\xff\xff\xff\xff\xff\x7f\x12".to_vec();
    bytes.extend([0x80, 0x80, 0x80, 0x80, 0x80, 0x20]);
    let mut sink = sink("pods", DetailLevel::Metadata);
    let read = decode_page(PROTOBUF, bytes.as_slice(), &mut sink);
    assert!(matches!(read, Err(DecodeError::Malformed(_))), "{read:?}");
}

#[test]
fn json_lists_come_item_by_item_with_their_token() {
    let text = r#"{"kind":"List","metadata":{"resourceVersion":"1","continue":"more","remainingItemCount":7},"extra":[1,{"items":[]}],
        "items":[{"metadata":{"name":"a","namespace":"shop","managedFields":[
            {"manager":"helm","operation":"Update","apiVersion":"policy/v1beta1","time":"2024-01-01T00:00:00Z","fieldsV1":{"f:x":{}}}]}},
          {"metadata":{"name":"b"}}]}"#;
    let mut sink = sink("pods", DetailLevel::Metadata);
    let read = decode_page(JSON, dripping(text.as_bytes()), &mut sink).expect("a page");
    assert_eq!(
        read,
        PageMeta {
            resource_version: "1".into(),
            continue_token: "more".into(),
            remaining_item_count: Some(7),
        }
    );
    assert_eq!(names(&sink), ["a", "b"]);
    let Rows::Metadata(rows) = &sink.rows else {
        panic!("metadata");
    };
    assert_eq!(&*rows[0].field_managers[0].name, "helm");
    assert_eq!(
        rows[0].field_managers[0].time.expect("a time").to_string(),
        "2024-01-01T00:00:00Z"
    );
}

#[test]
fn json_that_ends_early_or_is_no_list_is_an_error() {
    let text = r#"{"metadata":{"continue":""},"items":[{"metadata":{"name":"a"}}]}"#;
    for end in 0..text.len() {
        let mut sink = sink("pods", DetailLevel::Metadata);
        assert!(
            decode_page(JSON, &text.as_bytes()[..end], &mut sink).is_err(),
            "cut at {end}"
        );
    }
    for text in [
        "{}",
        "[]",
        "null",
        r#"{"items":{}}"#,
        "<html>",
        &"[".repeat(100_000),
    ] {
        let mut sink = sink("pods", DetailLevel::Metadata);
        assert!(
            decode_page(JSON, text.as_bytes(), &mut sink).is_err(),
            "{text:.20}"
        );
    }
    let mut sink = sink("pods", DetailLevel::Metadata);
    let empty = decode_page(
        JSON,
        r#"{"metadata":{},"items":null}"#.as_bytes(),
        &mut sink,
    );
    assert_eq!(empty.expect("Go's empty list"), PageMeta::default());
}

#[test]
fn another_content_type_is_named() {
    let mut sink = sink("pods", DetailLevel::Metadata);
    let read = decode_page("text/html; charset=utf-8", "<html>".as_bytes(), &mut sink);
    assert!(
        matches!(read, Err(DecodeError::UnexpectedContentType { got }) if got.starts_with("text/html"))
    );
}

#[test]
fn an_item_that_cannot_be_understood_is_a_fault_and_the_rest_stays() {
    let mut bytes = list(&["a"], "");
    let broken = [0x0a, 0x03, 0x0a, 0x01, 0xff];
    let item: Vec<u8> = [&[0x12, broken.len() as u8], broken.as_slice()].concat();
    // A second envelope with the broken item alone.
    let mut second = b"k8s\0\x12".to_vec();
    second.push(item.len() as u8);
    second.extend(item);
    let mut sink = sink("pods", DetailLevel::Metadata);
    decode_page(PROTOBUF, bytes.as_mut_slice() as &[u8], &mut sink).expect("a page");
    decode_page(PROTOBUF, second.as_slice(), &mut sink).expect("a page");
    assert_eq!(names(&sink), ["a"]);
    assert_eq!(sink.skipped_objects.len(), 1, "{:?}", sink.skipped_objects);
}

#[test]
fn rows_keep_what_was_applied_and_who_owns_the_object() {
    let text = r#"{"items":[{"metadata":{"name":"a","annotations":{
        "kubectl.kubernetes.io/last-applied-configuration":"{\"apiVersion\":\"policy/v1beta1\",\"kind\":\"PodDisruptionBudget\",\"spec\":{}}",
        "kapp.k14s.io/original":"not json",
        "meta.helm.sh/release-name":"cart","meta.helm.sh/release-namespace":"shop"}}},
      {"metadata":{"name":"b","ownerReferences":[{"kind":"X","name":"x"},{"kind":"ReplicaSet","name":"web","controller":true}]}},
      {"metadata":{"name":"c","labels":{"argocd.argoproj.io/instance":"shop"}}}]}"#;
    let mut sink = sink("pods", DetailLevel::Metadata);
    decode_page(JSON, text.as_bytes(), &mut sink).expect("a page");
    let rows: Vec<_> = sink.rows.metadata().collect();
    assert_eq!(rows[0].last_applied.len(), 1);
    assert_eq!(&*rows[0].last_applied[0].api_version, "policy/v1beta1");
    assert_eq!(rows[0].owner.as_deref(), Some("helm release shop/cart"));
    assert_eq!(rows[1].owner.as_deref(), Some("ReplicaSet/web"));
    assert_eq!(rows[2].owner.as_deref(), Some("argo cd application shop"));
}

#[test]
fn labels_are_kept_of_helm_records_alone() {
    let text = r#"{"items":[
      {"metadata":{"name":"a","labels":{"owner":"helm","name":"cart","status":"failed","mine":"secret"},
        "ownerReferences":[{"apiVersion":"apps/v1","kind":"X","name":"x"}]}},
      {"metadata":{"name":"b","labels":{"owner":"me","name":"cart"}}}]}"#;
    let mut sink = sink("secrets", DetailLevel::Metadata);
    decode_page(JSON, text.as_bytes(), &mut sink).expect("a page");
    let rows: Vec<_> = sink.rows.metadata().collect();
    let kept: Vec<&str> = rows[0].helm_labels.keys().map(String::as_str).collect();
    assert_eq!(kept, ["name", "status"]);
    assert_eq!(&*rows[0].owner_references[0].api_version, "apps/v1");
    assert!(rows[1].helm_labels.is_empty());
}

/// Keys of a Secret may be needed; its values never are, whatever a need declares.
#[test]
fn values_of_secrets_are_dropped_whatever_is_declared() {
    for paths in [&["data{}"][..], &["data"], &[""]] {
        let mut sink = sink_for_fields("secrets", DetailLevel::Full, paths);
        sink.push_json(
            serde_json::json!({"metadata": {"name": "a", "namespace": "shop"},
            "data": {"global.tlsKey": "c2VjcmV0"}, "stringData": {"b": "secret"}}),
        );
        let text = serde_json::to_string(sink.rows.objects()).expect("JSON");
        assert!(text.contains("global.tlsKey"), "{text}");
        assert!(!text.contains("c2VjcmV0"), "{text}");
        assert!(!text.contains("\"secret\""), "{text}");
    }
}

#[test]
fn fields_that_no_need_declares_are_dropped() {
    let text = r#"{"items":[{"metadata":{"name":"a"},"spec":{"validation":{"a":1},
        "versions":[{"name":"v1","served":true,"schema":{"openAPIV3Schema":{"type":"object"}}}]}}]}"#;
    let mut sink = sink_for_fields(
        "customresourcedefinitions.apiextensions.k8s.io",
        DetailLevel::Full,
        &["spec.versions.name", "spec.versions.served"],
    );
    decode_page("application/json", text.as_bytes(), &mut sink).expect("a page");
    let spec = &sink.rows.objects()[0].object["spec"];
    let expected = serde_json::json!({"versions": [{"name": "v1", "served": true}]});
    assert_eq!(*spec, expected);
}

proptest! {
    #![proptest_config(crate::mutate::cases(256))]

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for (content_type, resource, depth) in [
            (PROTOBUF, "pods", DetailLevel::Metadata),
            (PROTOBUF, "nodes", DetailLevel::Typed),
            (PROTOBUF, "pods", DetailLevel::Typed),
            (PROTOBUF, "secrets", DetailLevel::Typed),
            (PROTOBUF, "endpointslices.discovery.k8s.io", DetailLevel::Typed),
            (PROTOBUF, "deployments.apps", DetailLevel::Typed),
            (PROTOBUF, "statefulsets.apps", DetailLevel::Typed),
            (PROTOBUF, "daemonsets.apps", DetailLevel::Typed),
            (JSON, "pods", DetailLevel::Metadata),
            (JSON, "pods", DetailLevel::Full),
            (JSON, "pods", DetailLevel::Typed),
        ] {
            let _ = decode_page(content_type, bytes.as_slice(), &mut sink(resource, depth));
            let framed = [b"k8s\0".as_slice(), &bytes].concat();
            let _ = decode_page(content_type, framed.as_slice(), &mut sink(resource, depth));
        }
    }
}
