//! Deployments, StatefulSets and DaemonSets, from protobuf to one row.
//!
//! Only the fields that the row needs are declared. Tags are those of k8s.io/api apps/v1/generated.proto and
//! core/v1/generated.proto; apps/v1beta1, apps/v1beta2 and extensions/v1beta1, through which old servers are asked, have
//! the same.

use prost::{DecodeError, Message};

use super::ObjectMeta;
use super::pod::{LabelSelector, NodeAffinity, NodeTerm};
use crate::snapshot::{self, Placement, Pool, Requirement, Text, WorkloadRow, WorkloadStatus};

/// Which of the three, for each has tags of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Deployment,
    StatefulSet,
    DaemonSet,
}

impl Kind {
    /// By the plural, in the group `apps`.
    pub(super) fn of(plural: &str) -> Option<Self> {
        match plural {
            "deployments" => Some(Self::Deployment),
            "statefulsets" => Some(Self::StatefulSet),
            "daemonsets" => Some(Self::DaemonSet),
            _ => None,
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct Deployment {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
    #[prost(message, optional, tag = "2")]
    spec: Option<DeploymentSpec>,
    #[prost(message, optional, tag = "3")]
    status: Option<DeploymentStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct DeploymentSpec {
    #[prost(int32, optional, tag = "1")]
    replicas: Option<i32>,
    #[prost(message, optional, tag = "2")]
    selector: Option<LabelSelector>,
    #[prost(message, optional, tag = "3")]
    template: Option<Template>,
    #[prost(bool, tag = "7")]
    paused: bool,
}

#[derive(Clone, PartialEq, Message)]
struct DeploymentStatus {
    #[prost(int64, tag = "1")]
    observed_generation: i64,
    #[prost(int32, tag = "2")]
    replicas: i32,
    #[prost(int32, tag = "3")]
    updated: i32,
    #[prost(int32, tag = "4")]
    available: i32,
    #[prost(message, repeated, tag = "6")]
    conditions: Vec<Condition>,
    #[prost(int32, tag = "7")]
    ready: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Condition {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "4")]
    reason: String,
}

#[derive(Clone, PartialEq, Message)]
struct StatefulSet {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
    #[prost(message, optional, tag = "2")]
    spec: Option<StatefulSetSpec>,
    #[prost(message, optional, tag = "3")]
    status: Option<StatefulSetStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct StatefulSetSpec {
    #[prost(int32, optional, tag = "1")]
    replicas: Option<i32>,
    #[prost(message, optional, tag = "2")]
    selector: Option<LabelSelector>,
    #[prost(message, optional, tag = "3")]
    template: Option<Template>,
    #[prost(message, optional, tag = "7")]
    strategy: Option<Strategy>,
}

#[derive(Clone, PartialEq, Message)]
struct StatefulSetStatus {
    #[prost(int64, tag = "1")]
    observed_generation: i64,
    #[prost(int32, tag = "2")]
    replicas: i32,
    #[prost(int32, tag = "3")]
    ready: i32,
    #[prost(int32, tag = "5")]
    updated: i32,
    #[prost(string, tag = "6")]
    current_revision: String,
    #[prost(string, tag = "7")]
    update_revision: String,
    #[prost(int32, tag = "11")]
    available: i32,
}

#[derive(Clone, PartialEq, Message)]
struct DaemonSet {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
    #[prost(message, optional, tag = "2")]
    spec: Option<DaemonSetSpec>,
    #[prost(message, optional, tag = "3")]
    status: Option<DaemonSetStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct DaemonSetSpec {
    #[prost(message, optional, tag = "1")]
    selector: Option<LabelSelector>,
    #[prost(message, optional, tag = "2")]
    template: Option<Template>,
    #[prost(message, optional, tag = "3")]
    strategy: Option<Strategy>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct DaemonSetStatus {
    #[prost(int32, tag = "3")]
    desired: i32,
    #[prost(int32, tag = "4")]
    ready: i32,
    #[prost(int64, tag = "5")]
    observed_generation: i64,
    #[prost(int32, tag = "6")]
    updated: i32,
    #[prost(int32, tag = "7")]
    available: i32,
}

/// Of StatefulSets and DaemonSets; only the first have a partition, and tag 1 of the others is no number.
#[derive(Clone, PartialEq, Message)]
struct Strategy {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(bytes = "vec", optional, tag = "2")]
    rolling: Option<Vec<u8>>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Rolling {
    #[prost(int32, tag = "1")]
    partition: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Template {
    #[prost(message, optional, tag = "2")]
    spec: Option<PodSpec>,
}

#[derive(Clone, PartialEq, Message)]
struct PodSpec {
    #[prost(message, repeated, tag = "2")]
    containers: Vec<Container>,
    #[prost(btree_map = "string, string", tag = "7")]
    node_selector: std::collections::BTreeMap<String, String>,
    #[prost(message, optional, tag = "18")]
    affinity: Option<Affinity>,
    #[prost(message, repeated, tag = "22")]
    tolerations: Vec<Toleration>,
}

#[derive(Clone, PartialEq, Message)]
struct Container {
    #[prost(string, tag = "2")]
    image: String,
}

#[derive(Clone, PartialEq, Message)]
struct Affinity {
    #[prost(message, optional, tag = "1")]
    node: Option<NodeAffinity>,
}

#[derive(Clone, PartialEq, Message)]
struct Toleration {
    #[prost(string, tag = "1")]
    key: String,
}

/// Decodes one workload.
pub(super) fn row(kind: Kind, message: &[u8], pool: &mut Pool) -> Result<WorkloadRow, DecodeError> {
    match kind {
        Kind::Deployment => Deployment::decode(message).map(|it| deployment(it, pool)),
        Kind::StatefulSet => stateful_set(StatefulSet::decode(message)?, pool),
        Kind::DaemonSet => DaemonSet::decode(message).map(|it| daemon_set(it, pool)),
    }
}

fn deployment(object: Deployment, pool: &mut Pool) -> WorkloadRow {
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let given_up = status.conditions.iter().any(|condition| {
        condition.kind == "Progressing" && condition.reason == "ProgressDeadlineExceeded"
    });
    WorkloadRow {
        replicas: spec.replicas,
        paused: spec.paused,
        status: WorkloadStatus {
            observed_generation: status.observed_generation,
            replicas: status.replicas,
            updated: status.updated,
            ready: status.ready,
            available: status.available,
            given_up,
            between_revisions: false,
        },
        ..common(object.metadata, spec.selector, spec.template, pool)
    }
}

fn stateful_set(object: StatefulSet, pool: &mut Pool) -> Result<WorkloadRow, DecodeError> {
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let strategy = spec.strategy.unwrap_or_default();
    let rolling = strategy.rolling.as_deref();
    Ok(WorkloadRow {
        replicas: spec.replicas,
        partition: rolling
            .map(Rolling::decode)
            .transpose()?
            .map(|rolling| rolling.partition),
        update_strategy: pool.text(&strategy.kind),
        status: WorkloadStatus {
            observed_generation: status.observed_generation,
            replicas: status.replicas,
            updated: status.updated,
            ready: status.ready,
            available: status.available,
            given_up: false,
            between_revisions: status.current_revision != status.update_revision,
        },
        ..common(object.metadata, spec.selector, spec.template, pool)
    })
}

fn daemon_set(object: DaemonSet, pool: &mut Pool) -> WorkloadRow {
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    WorkloadRow {
        update_strategy: pool.text(&spec.strategy.unwrap_or_default().kind),
        status: WorkloadStatus {
            observed_generation: status.observed_generation,
            replicas: status.desired,
            updated: status.updated,
            ready: status.ready,
            available: status.available,
            given_up: false,
            between_revisions: false,
        },
        ..common(object.metadata, spec.selector, spec.template, pool)
    }
}

/// What all three have.
fn common(
    meta: Option<ObjectMeta>,
    wanted: Option<LabelSelector>,
    template: Option<Template>,
    pool: &mut Pool,
) -> WorkloadRow {
    let meta = meta.unwrap_or_default();
    let spec = template.and_then(|template| template.spec);
    let containers = spec.iter().flat_map(|spec| &spec.containers);
    WorkloadRow {
        images: containers
            .map(|container| pool.text(&container.image))
            .collect(),
        generation: meta.generation,
        deleted: meta.deleted.is_some(),
        selector: wanted.map(|wanted| Box::new(selector(&wanted, pool))),
        placement: spec
            .as_ref()
            .and_then(|spec| placement(spec, pool))
            .map(Box::new),
        meta: meta.row(pool),
        ..WorkloadRow::default()
    }
}

fn selector(wanted: &LabelSelector, pool: &mut Pool) -> snapshot::LabelSelector {
    let expressions = wanted.expressions.iter();
    snapshot::LabelSelector {
        match_expressions: expressions
            .map(|part| Requirement {
                key: pool.text(&part.key),
                operator: pool.text(&part.operator),
                values: part.values.iter().map(|value| pool.text(value)).collect(),
            })
            .collect(),
        match_labels: pool.labels(&wanted.labels),
    }
}

/// The keys that a template names; none where it names none, as most do.
fn placement(spec: &PodSpec, pool: &mut Pool) -> Option<Placement> {
    let required = spec
        .affinity
        .as_ref()
        .and_then(|affinity| affinity.node.as_ref()?.required.as_ref());
    let terms = required.map_or(&[][..], |required| &required.terms);
    let placement = Placement {
        node_selector: spec
            .node_selector
            .keys()
            .map(|key| pool.text(key))
            .collect(),
        node_affinity: terms.iter().map(|term| labels(term, pool)).collect(),
        tolerations: spec
            .tolerations
            .iter()
            .map(|toleration| pool.text(&toleration.key))
            .collect(),
    };
    (placement != Placement::default()).then_some(placement)
}

/// The labels that a term wants a node to have.
fn labels(term: &NodeTerm, pool: &mut Pool) -> Vec<Text> {
    let wanted = term
        .expressions
        .iter()
        .filter(|part| !matches!(part.operator.as_str(), "DoesNotExist" | "NotIn"));
    wanted.map(|part| pool.text(&part.key)).collect()
}
