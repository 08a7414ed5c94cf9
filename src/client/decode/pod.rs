//! Pods, from protobuf or JSON to one row.
//!
//! Only the fields that the row needs are declared, `managedFields` not even as far as other kinds have them. Tags are those
//! of k8s.io/api core/v1/generated.proto and k8s.io/apimachinery pkg/apis/meta/v1/generated.proto.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use serde::Deserialize;

use super::meta::{Time, rfc3339};
use super::volume::VolumeSource;
use crate::snapshot::{
    ControllerRef, Interner, Placement, PodFields, PodPhase, PodRow, SharedStr,
    label_requirement_holds,
};

/// The mark of a static pod's mirror.
const MIRROR_ANNOTATION: &str = "kubernetes.io/config.mirror";
/// The label by which a node is told from all others, and the topology of one node.
const HOSTNAME_LABEL: &str = "kubernetes.io/hostname";
/// The field that node affinity may name.
const NODE_NAME_FIELD: &str = "metadata.name";

/// A pod as it comes.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Pod {
    #[prost(message, optional, tag = "1")]
    metadata: Option<PodMetadata>,
    #[prost(message, optional, tag = "2")]
    spec: Option<PodSpec>,
    #[prost(message, optional, tag = "3")]
    status: Option<PodStatus>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodMetadata {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "3")]
    namespace: String,
    #[prost(message, optional, tag = "9")]
    #[serde(deserialize_with = "rfc3339")]
    deletion_timestamp: Option<Time>,
    #[prost(btree_map = "string, string", tag = "11")]
    labels: BTreeMap<String, String>,
    #[prost(btree_map = "string, string", tag = "12")]
    annotations: BTreeMap<String, String>,
    #[prost(message, repeated, tag = "13")]
    owner_references: Vec<PodOwnerReference>,
    #[prost(string, repeated, tag = "14")]
    finalizers: Vec<String>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodOwnerReference {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(bool, tag = "6")]
    controller: bool,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodSpec {
    #[prost(message, repeated, tag = "1")]
    volumes: Vec<Volume>,
    #[prost(int64, optional, tag = "4")]
    termination_grace_period_seconds: Option<i64>,
    #[prost(btree_map = "string, string", tag = "7")]
    node_selector: BTreeMap<String, String>,
    #[prost(string, tag = "10")]
    node_name: String,
    #[prost(message, optional, tag = "18")]
    affinity: Option<Affinity>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Affinity {
    #[prost(message, optional, tag = "1")]
    pub(super) node_affinity: Option<NodeAffinity>,
    #[prost(message, optional, tag = "3")]
    pod_anti_affinity: Option<PodAntiAffinity>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NodeAffinity {
    #[prost(message, optional, tag = "1")]
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    pub(super) required: Option<NodeSelector>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NodeSelector {
    #[prost(message, repeated, tag = "1")]
    #[serde(rename = "nodeSelectorTerms")]
    pub(super) terms: Vec<NodeSelectorTerm>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct NodeSelectorTerm {
    #[prost(message, repeated, tag = "1")]
    pub(super) match_expressions: Vec<RequirementProto>,
    #[prost(message, repeated, tag = "2")]
    pub(super) match_fields: Vec<RequirementProto>,
}

/// Of a node selector and of a label selector: both have the same tags.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct RequirementProto {
    #[prost(string, tag = "1")]
    pub(super) key: String,
    #[prost(string, tag = "2")]
    pub(super) operator: String,
    #[prost(string, repeated, tag = "3")]
    pub(super) values: Vec<String>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodAntiAffinity {
    #[prost(message, repeated, tag = "1")]
    #[serde(rename = "requiredDuringSchedulingIgnoredDuringExecution")]
    required: Vec<PodAffinityTerm>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodAffinityTerm {
    #[prost(message, optional, tag = "1")]
    label_selector: Option<LabelSelectorProto>,
    #[prost(string, repeated, tag = "2")]
    namespaces: Vec<String>,
    #[prost(string, tag = "3")]
    topology_key: String,
    #[prost(message, optional, tag = "4")]
    namespace_selector: Option<LabelSelectorProto>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct LabelSelectorProto {
    #[prost(btree_map = "string, string", tag = "1")]
    pub(super) match_labels: BTreeMap<String, String>,
    #[prost(message, repeated, tag = "2")]
    pub(super) match_expressions: Vec<RequirementProto>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Volume {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    #[serde(flatten)]
    source: Option<VolumeSource>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodStatus {
    #[prost(string, tag = "1")]
    phase: String,
    #[prost(message, repeated, tag = "2")]
    conditions: Vec<PodCondition>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodCondition {
    #[prost(string, tag = "1")]
    #[serde(rename = "type")]
    kind: String,
    #[prost(string, tag = "2")]
    status: String,
    #[prost(message, optional, tag = "4")]
    #[serde(deserialize_with = "rfc3339")]
    last_transition_time: Option<Time>,
}

impl Pod {
    /// The row, its texts from the pool.
    pub(super) fn into_row(self, pool: &mut Interner) -> PodRow {
        let meta = self.metadata.unwrap_or_default();
        let spec = self.spec.unwrap_or_default();
        let status = self.status.unwrap_or_default();
        let ready = status
            .conditions
            .iter()
            .find(|condition| condition.kind == "Ready");
        let owner = meta.owner_references.iter().find(|owner| owner.controller);
        let mut claims = Vec::new();
        for volume in &spec.volumes {
            let source = volume.source.as_ref();
            if let Some(claim) = source.and_then(|source| source.persistent_volume_claim.as_ref()) {
                claims.push(pool.intern(&claim.claim_name));
            }
            if source.is_some_and(|source| source.ephemeral.is_some()) {
                // The name that the controller of ephemeral volumes gives to the claim it makes.
                claims.push(pool.intern(&format!("{}-{}", meta.name, volume.name)));
            }
        }
        PodRow::from(PodFields {
            node_name: pool.intern(&spec.node_name),
            phase: parse_phase(&status.phase),
            is_ready: ready.is_some_and(|ready| ready.status == "True"),
            ready_transition_time: ready
                .and_then(|ready| ready.last_transition_time?.to_timestamp()),
            controller: owner.map(|owner| ControllerRef {
                kind: pool.intern(&owner.kind),
                name: pool.intern(&owner.name),
            }),
            is_mirror: meta.annotations.contains_key(MIRROR_ANNOTATION),
            deletion_timestamp: meta.deletion_timestamp.and_then(Time::to_timestamp),
            finalizers: meta
                .finalizers
                .iter()
                .map(|name| pool.intern(name))
                .collect(),
            termination_grace_period_seconds: spec.termination_grace_period_seconds,
            placement: placement(
                &spec.node_selector,
                spec.affinity.as_ref(),
                Vec::new(),
                pool,
            )
            .filter(|_| owner.is_none()),
            only_node: pinned_node(&spec).map(|node| pool.intern(node)),
            has_self_anti_affinity: has_self_anti_affinity(&spec, &meta),
            volume_claims: claims.into(),
            in_tree_volumes: in_tree_volumes(&spec.volumes, pool).into(),
            namespace: pool.intern(&meta.namespace),
            name: meta.name,
            labels: pool.intern_label_map(&meta.labels),
        })
    }
}

fn parse_phase(text: &str) -> PodPhase {
    match text {
        "Running" => PodPhase::Running,
        "Succeeded" => PodPhase::Succeeded,
        "Failed" => PodPhase::Failed,
        "Unknown" => PodPhase::Unknown,
        _ => PodPhase::Pending,
    }
}

/// The one node that the pod may run on: its node selector names it, or every term of its required node affinity does.
fn pinned_node(spec: &PodSpec) -> Option<&str> {
    if let Some(node) = spec.node_selector.get(HOSTNAME_LABEL) {
        return Some(node);
    }
    let terms = spec.affinity.as_ref()?.node_terms();
    let mut only = None;
    for term in terms {
        let node = term.only_node()?;
        if *only.get_or_insert(node) != node {
            return None;
        }
    }
    only
}

impl Affinity {
    /// The alternatives of which a node must fit one.
    fn node_terms(&self) -> &[NodeSelectorTerm] {
        let required = self
            .node_affinity
            .as_ref()
            .and_then(|affinity| affinity.required.as_ref());
        required.map_or(&[], |required| &required.terms)
    }
}

/// The in-tree drivers that volumes use, each once, by the names of their fields.
pub(super) fn in_tree_volumes(volumes: &[Volume], pool: &mut Interner) -> Vec<SharedStr> {
    let sources = volumes.iter().filter_map(|volume| volume.source.as_ref());
    let drivers = sources.filter_map(VolumeSource::in_tree_driver);
    let drivers: BTreeSet<&str> = drivers.collect();
    drivers
        .into_iter()
        .map(|driver| pool.intern(driver))
        .collect()
}

/// The keys by which a pod chooses nodes; none where it names none, as most do.
pub(super) fn placement(
    node_selector: &BTreeMap<String, String>,
    affinity: Option<&Affinity>,
    toleration_keys: Vec<SharedStr>,
    pool: &mut Interner,
) -> Option<Box<Placement>> {
    let terms = affinity.map_or(&[][..], Affinity::node_terms);
    let placement = Placement {
        node_selector_keys: node_selector.keys().map(|key| pool.intern(key)).collect(),
        required_affinity_keys: terms.iter().map(|term| term.label_keys(pool)).collect(),
        excluded_affinity_keys: excluded_affinity_keys(terms, pool),
        toleration_keys,
    };
    (placement != Placement::default()).then(|| Box::new(placement))
}

/// For each term the labels that a node must not have, or not with these values; empty if no term names any.
pub(super) fn excluded_affinity_keys(
    terms: &[NodeSelectorTerm],
    pool: &mut Interner,
) -> Vec<Vec<SharedStr>> {
    let excluded = terms.iter().map(|term| term.keys(false, pool));
    let excluded: Vec<Vec<SharedStr>> = excluded.collect();
    match excluded.iter().all(Vec::is_empty) {
        true => Vec::new(),
        false => excluded,
    }
}

impl NodeSelectorTerm {
    /// The labels that it wants a node to have.
    pub(super) fn label_keys(&self, pool: &mut Interner) -> Vec<SharedStr> {
        self.keys(true, pool)
    }

    fn keys(&self, are_wanted: bool, pool: &mut Interner) -> Vec<SharedStr> {
        let parts = self.match_expressions.iter().filter(|part| {
            let is_wanted = !matches!(part.operator.as_str(), "DoesNotExist" | "NotIn");
            is_wanted == are_wanted
        });
        parts.map(|part| pool.intern(&part.key)).collect()
    }

    /// All parts of a term must hold, so that one which names a single node is enough.
    fn only_node(&self) -> Option<&str> {
        let names = |requirement: &&RequirementProto, key: &str| {
            requirement.key == key && requirement.operator == "In" && requirement.values.len() == 1
        };
        let label = self
            .match_expressions
            .iter()
            .find(|part| names(part, HOSTNAME_LABEL));
        let field = || {
            self.match_fields
                .iter()
                .find(|part| names(part, NODE_NAME_FIELD))
        };
        label.or_else(field)?.values.first().map(String::as_str)
    }
}

/// Whether a required term of its anti-affinity, over single nodes, fits the pod itself.
fn has_self_anti_affinity(spec: &PodSpec, meta: &PodMetadata) -> bool {
    let anti = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    anti.is_some_and(|anti| {
        anti.required.iter().any(|term| {
            let here = match &term.namespace_selector {
                Some(selector)
                    if selector.match_labels.is_empty()
                        && selector.match_expressions.is_empty() =>
                {
                    true
                }
                // Which namespaces it fits is not known here.
                Some(_) => term.namespaces.contains(&meta.namespace),
                None => term.namespaces.is_empty() || term.namespaces.contains(&meta.namespace),
            };
            let fits = |selector: &LabelSelectorProto| selector.matches(&meta.labels);
            term.topology_key == HOSTNAME_LABEL
                && here
                && term.label_selector.as_ref().is_some_and(fits)
        })
    })
}

impl LabelSelectorProto {
    fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        let equal = |(key, value): (&String, &String)| labels.get(key) == Some(value);
        self.match_labels.iter().all(equal)
            && self.match_expressions.iter().all(|part| {
                let value = labels.get(&part.key).map(String::as_str);
                let is_listed = |value: &str| part.values.iter().any(|listed| listed == value);
                label_requirement_holds(&part.operator, value, is_listed).unwrap_or(false)
            })
    }
}
