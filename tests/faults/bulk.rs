//! Answers that are large, or pretend to be: the memory of the program stays within bounds.

use bytes::Bytes;
use prost::Message;

use crate::proxy::{Action, Answer, Body, Pace};
use crate::table::Row;
use crate::wire::Fault;
use crate::world::{World, objects};

pub(crate) const FAULTS: &[Fault] = &[
    ("bulk::gzip_bomb", gzip_bomb),
    ("bulk::helm_bomb", helm_bomb),
    ("bulk::answer_of_600_mb", answer_of_600_mb),
    ("bulk::object_of_1_5_mb", object_of_1_5_mb),
];

const MIB: u64 = 1 << 20;
/// What the program may take at its most, in any of these.
const BOUND: u64 = 250 * MIB;

/// A gzip stream that begins so and goes on with one letter: a mebibyte of it takes a kibibyte. It has no end, which
/// nobody is to reach.
fn bomb(beginning: &[u8], filler: u8, mebibytes: usize) -> Vec<u8> {
    // Magic, deflate, no flags, no time, no system: RFC 1952.
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    packed.extend(block(beginning));
    // After a full flush a block refers to none before it, so one does for all.
    packed.extend(block(&vec![filler; 1 << 20]).repeat(mebibytes));
    packed
}

fn block(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(bytes.len() + 1024);
    let mut packer = flate2::Compress::new(flate2::Compression::best(), false);
    let flush = flate2::FlushCompress::Full;
    let status = packer.compress_vec(bytes, &mut packed, flush);
    assert_eq!(status.expect("memory"), flate2::Status::Ok);
    assert_eq!(packer.total_in(), bytes.len() as u64);
    packed
}

/// Four gigabytes in four megabytes.
fn gzip_bomb(world: &World, row: &Row) {
    let beginning = br#"{"metadata":{},"items":[{"metadata":{"name":""#;
    let packed = bomb(beginning, b'a', 4096);
    let proxy = world.proxy(
        move |seen| match seen.path.ends_with("/poddisruptionbudgets") {
            true => Action::Answer(
                Answer::new(200, "application/json", packed.clone())
                    .with("content-encoding", "gzip"),
            ),
            false => Action::Forward,
        },
    );
    let (run, peak) = world.measure(&proxy, &[]);
    world.judge(row, &run, &["poddisruptionbudgets.policy"]);
    assert!(peak < BOUND, "{} MiB", peak / MIB);
}

/// Kubernetes' envelope of protobuf: k8s.io/apimachinery pkg/runtime/generated.proto.
#[derive(Clone, PartialEq, Message)]
struct Envelope {
    #[prost(bytes = "vec", tag = "1")]
    kind: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    raw: Vec<u8>,
}

const MAGIC: &[u8] = b"k8s\0";
/// `…List.items`.
const ITEMS: u64 = 2;

fn field(number: u64, bytes: &[u8]) -> Vec<u8> {
    let mut field = Vec::new();
    prost::encoding::encode_varint(number << 3 | 2, &mut field);
    prost::encoding::encode_varint(bytes.len() as u64, &mut field);
    field.extend_from_slice(bytes);
    field
}

fn entry(number: u64, key: &str, value: &[u8]) -> Vec<u8> {
    field(
        number,
        &[field(1, key.as_bytes()), field(2, value)].concat(),
    )
}

/// The list in an answer of the API server.
fn open(body: &[u8]) -> Envelope {
    let envelope = body.strip_prefix(MAGIC).expect("protobuf of Kubernetes");
    Envelope::decode(envelope).expect("an envelope")
}

fn close(envelope: &Envelope) -> Vec<u8> {
    [MAGIC, &envelope.encode_to_vec()].concat()
}

/// A record of a release, as a client with access to Secrets could leave it there.
fn helm_bomb(world: &World, row: &Row) {
    use base64::Engine;
    let packed = bomb(br#"{"name":"bomb","version":1,"manifest":""#, b'a', 1024);
    let payload = base64::engine::general_purpose::STANDARD.encode(packed);
    let meta = [
        field(1, b"sh.helm.release.v1.bomb.v1"),
        field(3, b"shop"),
        entry(11, "owner", b"helm"),
        entry(11, "status", b"deployed"),
    ];
    let secret = [
        field(1, &meta.concat()),
        entry(2, "release", payload.as_bytes()),
    ]
    .concat();
    let proxy = world.proxy(move |seen| {
        // The list of records, not that of their metadata.
        let whole = seen.header("accept") == Some("application/vnd.kubernetes.protobuf");
        if !seen.path.ends_with("/secrets") || !whole {
            return Action::Forward;
        }
        let secret = secret.clone();
        Action::change(move |answer| {
            let mut envelope = open(answer.bytes());
            // Once, behind the last page.
            if !has_next(&envelope.raw) {
                envelope.raw.extend(field(ITEMS, &secret));
            }
            *answer.bytes() = close(&envelope);
        })
    });
    let (run, peak) = world.measure(&proxy, &[]);
    world.judge(
        row,
        &run,
        &["Helm release record shop/sh.helm.release.v1.bomb.v1"],
    );
    assert!(peak < BOUND, "{} MiB", peak / MIB);
}

#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, optional, tag = "1")]
    meta: Option<ListMeta>,
}

#[derive(Clone, PartialEq, Message)]
struct ListMeta {
    #[prost(string, tag = "3")]
    next: String,
}

fn has_next(raw: &[u8]) -> bool {
    let list = List::decode(raw).expect("a list");
    list.meta.is_some_and(|meta| !meta.next.is_empty())
}

/// The last page of pods is followed by six hundred pods of a mebibyte each, none of which has anything to find.
fn answer_of_600_mb(world: &World, row: &Row) {
    const PODS: usize = 600;
    let proxy = world.proxy(|seen| match seen.path == "/api/v1/pods" {
        true => Action::change(|answer| {
            let envelope = open(answer.bytes());
            if !has_next(&envelope.raw) {
                answer.body = Body::Made(Box::new(swollen(&envelope, PODS)));
                answer.pace = Pace::Whole;
            }
        }),
        false => Action::Forward,
    });
    let (run, peak) = world.measure(&proxy, &[]);
    let mut healthy = world.healthy.clone();
    let read = healthy["summary"]["objectsRead"].as_u64().expect("a count");
    healthy["summary"]["objectsRead"] = (read + PODS as u64).into();
    world.judge_by(row, &run, &[], &healthy);
    assert!(peak < BOUND, "{} MiB", peak / MIB);
}

fn swollen(envelope: &Envelope, pods: usize) -> impl Iterator<Item = Bytes> + Send + use<> {
    let filler = Bytes::from(vec![b'x'; MIB as usize]);
    let head: Vec<Vec<u8>> = (0..pods).map(|at| large_pod(at, filler.len())).collect();
    let added: usize = head.iter().map(|head| head.len() + filler.len()).sum();
    let mut start = MAGIC.to_vec();
    start.extend(field(1, &envelope.kind));
    prost::encoding::encode_varint(2 << 3 | 2, &mut start);
    prost::encoding::encode_varint((envelope.raw.len() + added) as u64, &mut start);
    start.extend_from_slice(&envelope.raw);
    let pods = head
        .into_iter()
        .flat_map(move |head| [Bytes::from(head), filler.clone()]);
    std::iter::once(Bytes::from(start)).chain(pods)
}

/// A pod of a ReplicaSet up to where its filler begins: a field that is not read, as most of a pod is not.
fn large_pod(at: usize, filler: usize) -> Vec<u8> {
    let owner = [
        field(1, b"ReplicaSet"),
        field(3, b"large"),
        field(5, b"apps/v1"),
        vec![6 << 3, 1],
    ];
    let name = format!("large-{at}");
    let meta = [
        field(1, name.as_bytes()),
        field(3, b"shop"),
        field(13, &owner.concat()),
    ];
    let mut inner = [field(1, &meta.concat()), field(3, &field(1, b"Running"))].concat();
    prost::encoding::encode_varint(100 << 3 | 2, &mut inner);
    prost::encoding::encode_varint(filler as u64, &mut inner);
    let mut item = Vec::new();
    prost::encoding::encode_varint(ITEMS << 3 | 2, &mut item);
    prost::encoding::encode_varint((inner.len() + filler) as u64, &mut item);
    item.extend(inner);
    item
}

/// It is in the cluster, among all others.
fn object_of_1_5_mb(world: &World, row: &Row) {
    let proxy = world.proxy(|_| Action::Forward);
    let (run, peak) = world.measure(&proxy, &[]);
    world.judge(row, &run, &[]);
    assert!(run.stdout.contains(objects::LARGE), "{}", run.stdout);
    assert!(peak < BOUND, "{} MiB", peak / MIB);
}
