//! Answers that were valid once: whatever was done to them, a decoder ends with rows, faults or an error.

use proptest::prelude::*;

use super::{JSON, PROTOBUF, list, names, sink};
use crate::client::decode::page::MAX_OBJECT_BYTES;
use crate::client::decode::{DecodeError, decode_page};
use crate::mutate::{cases, damaged};
use crate::need::DetailLevel;
use crate::snapshot::Rows;

/// Length-delimited field of a message.
fn field(number: u8, inner: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    prost::encoding::encode_varint(u64::from(number) << 3 | 2, &mut bytes);
    prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
    bytes.extend_from_slice(inner);
    bytes
}

fn joined(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.concat()
}

/// A list with one item that has something in most of the fields that any row declares.
fn rich() -> Vec<u8> {
    let text = |number, text: &str| field(number, text.as_bytes());
    let entry =
        |number, key: &str, value: &str| field(number, &joined(&[text(1, key), text(2, value)]));
    let owner = joined(&[
        text(1, "ReplicaSet"),
        text(3, "web"),
        text(5, "apps/v1"),
        vec![6 << 3, 1],
    ]);
    let managed = joined(&[
        text(1, "helm"),
        text(2, "Update"),
        text(3, "policy/v1beta1"),
        field(4, &[8, 1]),
        text(8, "status"),
    ]);
    let metadata = joined(&[
        text(1, "cart"),
        text(3, "shop"),
        field(8, &[8, 200, 1]),
        field(9, &[8, 1]),
        entry(11, "kubernetes.io/service-name", "cart"),
        entry(
            12,
            "kubectl.kubernetes.io/last-applied-configuration",
            "{\"apiVersion\":\"v1\",\"kind\":\"X\"}",
        ),
        field(13, &owner),
        text(14, "finalizer"),
        field(17, &managed),
    ]);
    let condition = joined(&[
        text(1, "Ready"),
        text(2, "True"),
        field(4, &[8, 1]),
        text(5, "KubeletReady"),
    ]);
    let status = joined(&[
        text(1, "Running"),
        field(2, &condition),
        field(4, &condition),
        field(7, &text(7, "v1.24.17")),
    ]);
    let taint = joined(&[text(1, "key"), text(3, "NoSchedule")]);
    let volume = joined(&[text(1, "data"), field(2, &field(10, &text(1, "claim")))]);
    let spec = joined(&[
        field(1, &volume),
        text(3, "aws:///x"),
        vec![4 << 3, 30],
        field(5, &taint),
        text(10, "node-a"),
    ]);
    let item = joined(&[field(1, &metadata), field(2, &spec), field(3, &status)]);
    let items = joined(&[
        field(1, &text(3, "token")),
        field(2, &item),
        field(2, &item),
    ]);
    [b"k8s\0".to_vec(), field(2, &items)].concat()
}

const LIST: &str = r#"{"kind":"List","metadata":{"resourceVersion":"1","continue":"more"},"extra":[1,{"items":[]}],
    "items":[{"metadata":{"name":"a","namespace":"shop","labels":{"owner":"helm"},"annotations":{"kapp.k14s.io/original":"{}"},
      "ownerReferences":[{"kind":"ReplicaSet","name":"web","controller":true}],
      "managedFields":[{"manager":"helm","operation":"Update","apiVersion":"policy/v1beta1","time":"2024-01-01T00:00:00Z"}]},
      "spec":{"template":{"spec":{"containers":[{"name":"x","env":[{"name":"A","value":"b"}]}]}}}},{"metadata":{"name":"b"}}]}"#;

/// Reads an answer as every row that it might be meant for.
fn read_as_everything(bytes: &[u8]) {
    for (content_type, resource, depth) in [
        (PROTOBUF, "pods", DetailLevel::Metadata),
        (PROTOBUF, "nodes", DetailLevel::Typed),
        (PROTOBUF, "pods", DetailLevel::Typed),
        (PROTOBUF, "secrets", DetailLevel::Typed),
        (PROTOBUF, "configmaps", DetailLevel::Typed),
        (
            PROTOBUF,
            "endpointslices.discovery.k8s.io",
            DetailLevel::Typed,
        ),
        (JSON, "pods", DetailLevel::Metadata),
        (JSON, "deployments.apps", DetailLevel::Full),
        (JSON, "deployments.apps", DetailLevel::Typed),
        (JSON, "nodes", DetailLevel::Typed),
        (JSON, "pods", DetailLevel::Typed),
        (JSON, "secrets", DetailLevel::Typed),
    ] {
        let mut sink = sink(resource, depth);
        let _ = decode_page(content_type, bytes, &mut sink);
        assert!(
            sink.skipped_objects.len() <= 101,
            "{}",
            sink.skipped_objects.len()
        );
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn no_damage_makes_a_decoder_panic(bytes in damaged(vec![rich(), list(&["a", "b"], "token"), LIST.into()])) {
        read_as_everything(&bytes);
    }
}

#[test]
fn the_rich_list_is_a_list() {
    let mut nodes = sink("nodes", DetailLevel::Typed);
    decode_page(PROTOBUF, rich().as_slice(), &mut nodes).expect("nodes");
    let node = &nodes.rows.nodes()[0];
    assert_eq!(
        (node.name.as_str(), node.has_repelling_taint),
        ("cart", true)
    );
    let mut meta = sink("pods", DetailLevel::Metadata);
    decode_page(PROTOBUF, rich().as_slice(), &mut meta).expect("metadata");
    assert_eq!(names(&meta), ["cart", "cart"]);
    assert!(nodes.skipped_objects.is_empty() && meta.skipped_objects.is_empty());
}

/// Endless bytes behind a beginning.
fn endless(beginning: &str, rest: &'static [u8]) -> impl std::io::BufRead {
    struct Endless(&'static [u8], usize);
    impl std::io::Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            for byte in into.iter_mut() {
                *byte = self.0[self.1 % self.0.len()];
                self.1 += 1;
            }
            Ok(into.len())
        }
    }
    let rest = std::io::BufReader::new(Endless(rest, 0));
    std::io::Read::chain(std::io::Cursor::new(beginning.to_owned()), rest)
}

#[test]
fn an_object_without_an_end_has_one_for_us() {
    for (beginning, rest) in [
        (r#"{"items":[{"metadata":{"name":""#, b"a".as_slice()),
        (
            r#"{"items":[{"metadata":{"name":"a"},"spec":["#,
            br#"{"":0},"#,
        ),
        (r#"{"items":[{"metadata":{"name":"a"},"spec":["#, b"[],"),
        (r#"{"items":["#, b"{\"a\":"),
        (r#"{"items":["#, b" "),
        (r#"{"metadata":{"continue":""#, b"a"),
        (r#"{""#, b"a"),
    ] {
        let mut sink = sink("pods", DetailLevel::Full);
        let read = decode_page(JSON, endless(beginning, rest), &mut sink);
        assert!(
            matches!(read, Err(DecodeError::Malformed(_))),
            "{beginning}: {read:?}"
        );
        assert!(sink.rows.is_empty());
    }
    // A length that is true, and beyond what an object may take.
    let mut head = b"k8s\0\x12\xff\xff\xff\xff\x7f\x12".to_vec();
    prost::encoding::encode_varint(MAX_OBJECT_BYTES as u64 + 1, &mut head);
    let mut sink = sink("pods", DetailLevel::Metadata);
    let body = std::io::Read::chain(head.as_slice(), endless("", b"\x12\x00"));
    let read = decode_page(PROTOBUF, body, &mut sink);
    assert!(matches!(read, Err(DecodeError::Malformed(_))), "{read:?}");
}

#[test]
fn many_objects_that_cannot_be_understood_are_counted() {
    let text = format!(r#"{{"items":[{}]}}"#, vec!["{}"; 250].join(","));
    let mut sink = sink("pods", DetailLevel::Metadata);
    decode_page(JSON, text.as_bytes(), &mut sink).expect("a page");
    assert_eq!(sink.skipped_objects.len(), 101);
    assert_eq!(sink.skipped_objects[100].what, "150 more objects of pods");
}

#[test]
fn what_is_kept_of_an_object_can_be_saved() {
    let deep = |levels: usize| {
        let (open, close) = ("[".repeat(levels), "]".repeat(levels));
        format!(r#"{{"items":[{{"metadata":{{"name":"a"}},"spec":{open}{close}}}]}}"#)
    };
    let mut fits = sink("pods", DetailLevel::Full);
    decode_page(JSON, deep(98).as_bytes(), &mut fits).expect("a page");
    // A snapshot holds the object nine levels deep.
    let saved = format!(
        "{}{}{}",
        "[".repeat(9),
        serde_json::json!(fits.rows.objects()[0].object),
        "]".repeat(9)
    );
    serde_json::from_str::<serde_json::Value>(&saved).expect("its reader goes so deep");
    let mut deeper = sink("pods", DetailLevel::Full);
    let read = decode_page(JSON, deep(110).as_bytes(), &mut deeper);
    assert!(matches!(read, Err(DecodeError::Malformed(why)) if why.contains("levels deep")));
}

#[test]
fn environment_variables_and_copies_are_dropped() {
    let pod = r#"{"initContainers":[{"env":[{"name":"A","value":"canary"}]}],"containers":[{"name":"x","env":[{"name":"A","value":"canary"}]}]}"#;
    for spec in [
        pod.to_owned(),
        format!(r#"{{"template":{{"spec":{pod}}}}}"#),
        format!(r#"{{"jobTemplate":{{"spec":{{"template":{{"spec":{pod}}}}}}}}}"#),
    ] {
        let text = format!(
            r#"{{"items":[{{"metadata":{{"name":"a","annotations":{{"kubectl.kubernetes.io/last-applied-configuration":"canary"}}}},"spec":{spec}}}]}}"#
        );
        let mut sink = sink("deployments.apps", DetailLevel::Full);
        decode_page(JSON, text.as_bytes(), &mut sink).expect("a page");
        let kept = format!("{:?}", sink.rows);
        assert!(!kept.contains("canary") && kept.contains('x'), "{kept}");
        assert!(matches!(sink.rows, Rows::Objects(_)));
    }
}
