//! Pods, from protobuf to one row.
//!
//! Only the fields that the row needs are declared, `managedFields` not even as far as other kinds have them. Tags are those
//! of k8s.io/api core/v1/generated.proto and k8s.io/apimachinery pkg/apis/meta/v1/generated.proto.

use std::collections::BTreeMap;

use prost::Message;

use super::Time;
use crate::snapshot::{Phase, PodOwner, PodRow, Pool, Text};

/// The mark of a static pod's mirror.
const MIRROR: &str = "kubernetes.io/config.mirror";
/// The label by which a node is told from all others, and the topology of one node.
const HOSTNAME: &str = "kubernetes.io/hostname";
/// The field that node affinity may name.
const NODE_NAME: &str = "metadata.name";

/// A pod as it comes.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Pod {
    #[prost(message, optional, tag = "1")]
    metadata: Option<Meta>,
    #[prost(message, optional, tag = "2")]
    spec: Option<Spec>,
    #[prost(message, optional, tag = "3")]
    status: Option<Status>,
}

#[derive(Clone, PartialEq, Message)]
struct Meta {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "3")]
    namespace: String,
    #[prost(message, optional, tag = "9")]
    deleted: Option<Time>,
    #[prost(int64, optional, tag = "10")]
    deletion_grace: Option<i64>,
    #[prost(btree_map = "string, string", tag = "11")]
    labels: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "12")]
    annotations: BTreeMap<String, String>,
    #[prost(message, repeated, tag = "13")]
    owners: Vec<Owner>,
    #[prost(string, repeated, tag = "14")]
    finalizers: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct Owner {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(bool, tag = "6")]
    controller: bool,
}

#[derive(Clone, PartialEq, Message)]
struct Spec {
    #[prost(message, repeated, tag = "1")]
    volumes: Vec<Volume>,
    #[prost(int64, optional, tag = "4")]
    grace: Option<i64>,
    #[prost(btree_map = "string, string", tag = "7")]
    node_selector: BTreeMap<String, String>,
    #[prost(string, tag = "10")]
    node: String,
    #[prost(message, optional, tag = "18")]
    affinity: Option<Affinity>,
}

#[derive(Clone, PartialEq, Message)]
struct Affinity {
    #[prost(message, optional, tag = "1")]
    node: Option<NodeAffinity>,
    #[prost(message, optional, tag = "3")]
    anti: Option<AntiAffinity>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeAffinity {
    #[prost(message, optional, tag = "1")]
    pub(super) required: Option<NodeSelector>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeSelector {
    #[prost(message, repeated, tag = "1")]
    pub(super) terms: Vec<NodeTerm>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct NodeTerm {
    #[prost(message, repeated, tag = "1")]
    pub(super) expressions: Vec<Requirement>,
    #[prost(message, repeated, tag = "2")]
    pub(super) fields: Vec<Requirement>,
}

/// Of a node selector and of a label selector: both have the same tags.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Requirement {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, tag = "2")]
    pub(super) operator: String,
    #[prost(string, repeated, tag = "3")]
    pub(super) values: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct AntiAffinity {
    #[prost(message, repeated, tag = "1")]
    required: Vec<AntiTerm>,
}

#[derive(Clone, PartialEq, Message)]
struct AntiTerm {
    #[prost(message, optional, tag = "1")]
    selector: Option<LabelSelector>,
    #[prost(string, repeated, tag = "2")]
    namespaces: Vec<String>,
    #[prost(string, tag = "3")]
    topology: String,
    #[prost(message, optional, tag = "4")]
    namespace_selector: Option<LabelSelector>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct LabelSelector {
    #[prost(btree_map = "string, string", tag = "1")]
    pub(super) labels: BTreeMap<String, String>,
    #[prost(message, repeated, tag = "2")]
    pub(super) expressions: Vec<Requirement>,
}

#[derive(Clone, PartialEq, Message)]
struct Volume {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    source: Option<VolumeSource>,
}

/// A message of which only the presence counts.
#[derive(Clone, PartialEq, Message)]
struct Present {}

#[derive(Clone, PartialEq, Message)]
struct Claim {
    #[prost(string, tag = "1")]
    name: String,
}

#[derive(Clone, PartialEq, Message)]
struct VolumeSource {
    #[prost(message, optional, tag = "10")]
    claim: Option<Claim>,
    #[prost(message, optional, tag = "29")]
    ephemeral: Option<Present>,
    #[prost(message, optional, tag = "3")]
    gce_persistent_disk: Option<Present>,
    #[prost(message, optional, tag = "4")]
    aws_elastic_block_store: Option<Present>,
    #[prost(message, optional, tag = "5")]
    git_repo: Option<Present>,
    #[prost(message, optional, tag = "9")]
    glusterfs: Option<Present>,
    #[prost(message, optional, tag = "11")]
    rbd: Option<Present>,
    #[prost(message, optional, tag = "12")]
    flex_volume: Option<Present>,
    #[prost(message, optional, tag = "13")]
    cinder: Option<Present>,
    #[prost(message, optional, tag = "14")]
    cephfs: Option<Present>,
    #[prost(message, optional, tag = "15")]
    flocker: Option<Present>,
    #[prost(message, optional, tag = "18")]
    azure_file: Option<Present>,
    #[prost(message, optional, tag = "20")]
    vsphere_volume: Option<Present>,
    #[prost(message, optional, tag = "21")]
    quobyte: Option<Present>,
    #[prost(message, optional, tag = "22")]
    azure_disk: Option<Present>,
    #[prost(message, optional, tag = "23")]
    photon_persistent_disk: Option<Present>,
    #[prost(message, optional, tag = "24")]
    portworx_volume: Option<Present>,
    #[prost(message, optional, tag = "25")]
    scale_io: Option<Present>,
    #[prost(message, optional, tag = "27")]
    storageos: Option<Present>,
}

impl VolumeSource {
    /// The driver of Kubernetes' own that it uses, by the name of the field.
    fn driver(&self) -> Option<&'static str> {
        let all = [
            (&self.gce_persistent_disk, "gcePersistentDisk"),
            (&self.aws_elastic_block_store, "awsElasticBlockStore"),
            (&self.git_repo, "gitRepo"),
            (&self.glusterfs, "glusterfs"),
            (&self.rbd, "rbd"),
            (&self.flex_volume, "flexVolume"),
            (&self.cinder, "cinder"),
            (&self.cephfs, "cephfs"),
            (&self.flocker, "flocker"),
            (&self.azure_file, "azureFile"),
            (&self.vsphere_volume, "vsphereVolume"),
            (&self.quobyte, "quobyte"),
            (&self.azure_disk, "azureDisk"),
            (&self.photon_persistent_disk, "photonPersistentDisk"),
            (&self.portworx_volume, "portworxVolume"),
            (&self.scale_io, "scaleIO"),
            (&self.storageos, "storageos"),
        ];
        all.into_iter()
            .find_map(|(field, name)| field.as_ref().map(|_| name))
    }
}

#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "1")]
    phase: String,
    #[prost(message, repeated, tag = "2")]
    conditions: Vec<Condition>,
}

#[derive(Clone, PartialEq, Message)]
struct Condition {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "2")]
    status: String,
    #[prost(message, optional, tag = "4")]
    changed: Option<Time>,
}

impl Pod {
    /// The row, its texts from the pool.
    pub(super) fn row(self, pool: &mut Pool) -> PodRow {
        let meta = self.metadata.unwrap_or_default();
        let spec = self.spec.unwrap_or_default();
        let status = self.status.unwrap_or_default();
        let ready = status
            .conditions
            .iter()
            .find(|condition| condition.kind == "Ready");
        let owner = meta.owners.iter().find(|owner| owner.controller);
        let mut volumes: Vec<Text> = Vec::new();
        let mut claims = Vec::new();
        for volume in &spec.volumes {
            let source = volume.source.as_ref();
            if let Some(claim) = source.and_then(|source| source.claim.as_ref()) {
                claims.push(pool.text(&claim.name));
            }
            if source.is_some_and(|source| source.ephemeral.is_some()) {
                // The name that the controller of ephemeral volumes gives to the claim it makes.
                claims.push(pool.text(&format!("{}-{}", meta.name, volume.name)));
            }
            if let Some(driver) = source.and_then(VolumeSource::driver) {
                volumes.push(pool.text(driver));
            }
        }
        volumes.sort();
        volumes.dedup();
        PodRow {
            node: pool.text(&spec.node),
            phase: phase(&status.phase),
            ready: ready.is_some_and(|ready| ready.status == "True"),
            ready_changed: ready.and_then(|ready| ready.changed?.timestamp()),
            owner: owner.map(|owner| PodOwner {
                kind: pool.text(&owner.kind),
                name: pool.text(&owner.name),
            }),
            mirror: meta.annotations.contains_key(MIRROR),
            deleted: meta.deleted.and_then(Time::timestamp),
            deletion_grace: meta.deletion_grace,
            finalizers: meta.finalizers.iter().map(|name| pool.text(name)).collect(),
            grace: spec.grace,
            pinned_to: pinned_to(&spec).map(|node| pool.text(node)),
            apart: apart(&spec, &meta),
            claims,
            volumes,
            namespace: pool.text(&meta.namespace),
            name: meta.name,
            labels: pool.labels(&meta.labels),
        }
    }
}

fn phase(text: &str) -> Phase {
    match text {
        "Running" => Phase::Running,
        "Succeeded" => Phase::Succeeded,
        "Failed" => Phase::Failed,
        "Unknown" => Phase::Unknown,
        _ => Phase::Pending,
    }
}

/// The one node that the pod may run on: its node selector names it, or every term of its required node affinity does.
fn pinned_to(spec: &Spec) -> Option<&str> {
    if let Some(node) = spec.node_selector.get(HOSTNAME) {
        return Some(node);
    }
    let terms = &spec
        .affinity
        .as_ref()?
        .node
        .as_ref()?
        .required
        .as_ref()?
        .terms;
    let mut only = None;
    for term in terms {
        let node = term.only_node()?;
        if *only.get_or_insert(node) != node {
            return None;
        }
    }
    only
}

impl NodeTerm {
    /// All parts of a term must hold, so that one which names a single node is enough.
    fn only_node(&self) -> Option<&str> {
        let names = |requirement: &&Requirement, key: &str| {
            requirement.key == key && requirement.operator == "In" && requirement.values.len() == 1
        };
        let label = self.expressions.iter().find(|part| names(part, HOSTNAME));
        let field = || self.fields.iter().find(|part| names(part, NODE_NAME));
        label.or_else(field)?.values.first().map(String::as_str)
    }
}

/// Whether a required term of its anti-affinity, over single nodes, fits the pod itself.
fn apart(spec: &Spec, meta: &Meta) -> bool {
    let anti = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.anti.as_ref());
    anti.is_some_and(|anti| {
        anti.required.iter().any(|term| {
            let here = match &term.namespace_selector {
                Some(selector) if selector.labels.is_empty() && selector.expressions.is_empty() => {
                    true
                }
                // Which namespaces it fits is not known here.
                Some(_) => term.namespaces.contains(&meta.namespace),
                None => term.namespaces.is_empty() || term.namespaces.contains(&meta.namespace),
            };
            let fits = |selector: &LabelSelector| selector.fits(&meta.labels);
            term.topology == HOSTNAME && here && term.selector.as_ref().is_some_and(fits)
        })
    })
}

impl LabelSelector {
    fn fits(&self, labels: &BTreeMap<String, String>) -> bool {
        let equal = |(key, value): (&String, &String)| labels.get(key) == Some(value);
        self.labels.iter().all(equal)
            && self.expressions.iter().all(|part| {
                let value = labels.get(&part.key);
                let among = value.is_some_and(|value| part.values.contains(value));
                match part.operator.as_str() {
                    "In" => among,
                    "NotIn" => !among,
                    "Exists" => value.is_some(),
                    "DoesNotExist" => value.is_none(),
                    _ => false,
                }
            })
    }
}
