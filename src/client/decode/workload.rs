//! Deployments, StatefulSets and DaemonSets, from protobuf or JSON to one row.
//!
//! Only the fields that the row needs are declared. Tags are those of k8s.io/api apps/v1/generated.proto and
//! core/v1/generated.proto; apps/v1beta1, apps/v1beta2 and extensions/v1beta1, through which old servers are asked, have
//! the same.

use prost::Message;
use serde::Deserialize;

use super::encoded_object::EncodedObject;
use super::meta::ObjectMeta;
use super::pod::{Affinity, LabelSelectorProto, Volume, in_tree_volumes, placement};
use crate::snapshot::{self, Interner, LabelSelectorRequirement, WorkloadRow, WorkloadStatus};

/// Which of the three, for each has tags of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WorkloadKind {
    Deployment,
    StatefulSet,
    DaemonSet,
}

impl WorkloadKind {
    /// By the plural, in the group `apps`.
    pub(super) fn from_plural(plural: &str) -> Option<Self> {
        match plural {
            "deployments" => Some(Self::Deployment),
            "statefulsets" => Some(Self::StatefulSet),
            "daemonsets" => Some(Self::DaemonSet),
            _ => None,
        }
    }
}

/// Declares the messages of kinds with metadata, spec and status.
macro_rules! workloads {
    ($($name:ident { $spec:ident, $status:ident })*) => {$(
        #[derive(Clone, PartialEq, Message, Deserialize)]
        #[serde(default)]
        struct $name {
            #[prost(message, optional, tag = "1")]
            metadata: Option<ObjectMeta>,
            #[prost(message, optional, tag = "2")]
            spec: Option<$spec>,
            #[prost(message, optional, tag = "3")]
            status: Option<$status>,
        }
    )*};
}

workloads! {
    Deployment { DeploymentSpec, DeploymentStatus }
    StatefulSet { StatefulSetSpec, StatefulSetStatus }
    DaemonSet { DaemonSetSpec, DaemonSetStatus }
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DeploymentSpec {
    #[prost(int32, optional, tag = "1")]
    replicas: Option<i32>,
    #[prost(message, optional, tag = "2")]
    selector: Option<LabelSelectorProto>,
    #[prost(message, optional, tag = "3")]
    template: Option<PodTemplateSpec>,
    #[prost(bool, tag = "7")]
    paused: bool,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DeploymentStatus {
    #[prost(int64, tag = "1")]
    observed_generation: i64,
    #[prost(int32, tag = "2")]
    replicas: i32,
    #[prost(int32, tag = "3")]
    #[serde(rename = "updatedReplicas")]
    updated: i32,
    #[prost(int32, tag = "4")]
    #[serde(rename = "availableReplicas")]
    available: i32,
    #[prost(message, repeated, tag = "6")]
    conditions: Vec<DeploymentCondition>,
    #[prost(int32, tag = "7")]
    #[serde(rename = "readyReplicas")]
    ready: i32,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DeploymentCondition {
    #[prost(string, tag = "1")]
    #[serde(rename = "type")]
    kind: String,
    #[prost(string, tag = "4")]
    reason: String,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StatefulSetSpec {
    #[prost(int32, optional, tag = "1")]
    replicas: Option<i32>,
    #[prost(message, optional, tag = "2")]
    selector: Option<LabelSelectorProto>,
    #[prost(message, optional, tag = "3")]
    template: Option<PodTemplateSpec>,
    #[prost(message, optional, tag = "7")]
    #[serde(rename = "updateStrategy")]
    strategy: Option<UpdateStrategy>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct StatefulSetStatus {
    #[prost(int64, tag = "1")]
    observed_generation: i64,
    #[prost(int32, tag = "2")]
    replicas: i32,
    #[prost(int32, tag = "3")]
    #[serde(rename = "readyReplicas")]
    ready: i32,
    #[prost(int32, tag = "5")]
    #[serde(rename = "updatedReplicas")]
    updated: i32,
    #[prost(string, tag = "6")]
    current_revision: String,
    #[prost(string, tag = "7")]
    update_revision: String,
    #[prost(int32, tag = "11")]
    #[serde(rename = "availableReplicas")]
    available: i32,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DaemonSetSpec {
    #[prost(message, optional, tag = "1")]
    selector: Option<LabelSelectorProto>,
    #[prost(message, optional, tag = "2")]
    template: Option<PodTemplateSpec>,
    #[prost(message, optional, tag = "3")]
    #[serde(rename = "updateStrategy")]
    strategy: Option<DaemonSetUpdateStrategy>,
}

#[derive(Clone, Copy, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DaemonSetStatus {
    #[prost(int32, tag = "3")]
    #[serde(rename = "desiredNumberScheduled")]
    desired: i32,
    #[prost(int32, tag = "4")]
    #[serde(rename = "numberReady")]
    ready: i32,
    #[prost(int64, tag = "5")]
    observed_generation: i64,
    #[prost(int32, tag = "6")]
    #[serde(rename = "updatedNumberScheduled")]
    updated: i32,
    #[prost(int32, tag = "7")]
    #[serde(rename = "numberAvailable")]
    available: i32,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct UpdateStrategy {
    #[prost(string, tag = "1")]
    #[serde(rename = "type")]
    kind: String,
    #[prost(message, optional, tag = "2")]
    rolling_update: Option<RollingUpdate>,
}

/// Without `rollingUpdate`, which has no partition here and other types under the same tags.
#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct DaemonSetUpdateStrategy {
    #[prost(string, tag = "1")]
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Clone, Copy, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RollingUpdate {
    #[prost(int32, tag = "1")]
    partition: i32,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct PodTemplateSpec {
    #[prost(message, optional, tag = "2")]
    spec: Option<TemplatePodSpec>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct TemplatePodSpec {
    #[prost(message, repeated, tag = "1")]
    volumes: Vec<Volume>,
    #[prost(message, repeated, tag = "2")]
    containers: Vec<Container>,
    #[prost(btree_map = "string, string", tag = "7")]
    node_selector: std::collections::BTreeMap<String, String>,
    #[prost(message, optional, tag = "18")]
    affinity: Option<Affinity>,
    #[prost(message, repeated, tag = "22")]
    tolerations: Vec<Toleration>,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Container {
    #[prost(string, tag = "2")]
    image: String,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Toleration {
    #[prost(string, tag = "1")]
    key: String,
}

/// Decodes one workload.
pub(super) fn decode_row(
    kind: WorkloadKind,
    object: EncodedObject<'_>,
    pool: &mut Interner,
) -> Result<WorkloadRow, String> {
    Ok(match kind {
        WorkloadKind::Deployment => deployment_row(object.decode()?, pool),
        WorkloadKind::StatefulSet => stateful_set_row(object.decode()?, pool),
        WorkloadKind::DaemonSet => daemon_set_row(object.decode()?, pool),
    })
}

fn deployment_row(object: Deployment, pool: &mut Interner) -> WorkloadRow {
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let given_up = status.conditions.iter().any(|condition| {
        condition.kind == "Progressing" && condition.reason == "ProgressDeadlineExceeded"
    });
    WorkloadRow {
        replicas: spec.replicas,
        is_paused: spec.paused,
        status: WorkloadStatus {
            observed_generation: status.observed_generation,
            replicas: status.replicas,
            updated_replicas: status.updated,
            ready_replicas: status.ready,
            available_replicas: status.available,
            is_progress_deadline_exceeded: given_up,
            ..WorkloadStatus::default()
        },
        ..common_row(object.metadata, spec.selector, spec.template, pool)
    }
}

fn stateful_set_row(object: StatefulSet, pool: &mut Interner) -> WorkloadRow {
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    let strategy = spec.strategy.unwrap_or_default();
    WorkloadRow {
        replicas: spec.replicas,
        partition: strategy.rolling_update.map(|rolling| rolling.partition),
        update_strategy: pool.intern(&strategy.kind),
        status: WorkloadStatus {
            observed_generation: status.observed_generation,
            replicas: status.replicas,
            updated_replicas: status.updated,
            ready_replicas: status.ready,
            available_replicas: status.available,
            has_pending_revision: status.current_revision != status.update_revision,
            ..WorkloadStatus::default()
        },
        ..common_row(object.metadata, spec.selector, spec.template, pool)
    }
}

fn daemon_set_row(object: DaemonSet, pool: &mut Interner) -> WorkloadRow {
    let spec = object.spec.unwrap_or_default();
    let status = object.status.unwrap_or_default();
    WorkloadRow {
        update_strategy: pool.intern(&spec.strategy.unwrap_or_default().kind),
        status: WorkloadStatus {
            observed_generation: status.observed_generation,
            replicas: status.desired,
            updated_replicas: status.updated,
            ready_replicas: status.ready,
            available_replicas: status.available,
            ..WorkloadStatus::default()
        },
        ..common_row(object.metadata, spec.selector, spec.template, pool)
    }
}

/// What all three have.
fn common_row(
    meta: Option<ObjectMeta>,
    wanted: Option<LabelSelectorProto>,
    template: Option<PodTemplateSpec>,
    pool: &mut Interner,
) -> WorkloadRow {
    let meta = meta.unwrap_or_default();
    let spec = template.and_then(|template| template.spec);
    let spec = spec.unwrap_or_default();
    let containers = spec.containers.iter();
    let tolerations = spec.tolerations.iter();
    let toleration_keys = tolerations.map(|one| pool.intern(&one.key)).collect();
    WorkloadRow {
        in_tree_volumes: in_tree_volumes(&spec.volumes, pool),
        images: containers
            .map(|container| pool.intern(&container.image))
            .collect(),
        generation: meta.generation,
        is_being_deleted: meta.deletion_timestamp.is_some(),
        selector: wanted.map(|wanted| Box::new(label_selector(&wanted, pool))),
        placement: placement(
            &spec.node_selector,
            spec.affinity.as_ref(),
            toleration_keys,
            pool,
        ),
        meta: meta.into_row(pool),
        ..WorkloadRow::default()
    }
}

fn label_selector(wanted: &LabelSelectorProto, pool: &mut Interner) -> snapshot::LabelSelector {
    let expressions = wanted.match_expressions.iter();
    snapshot::LabelSelector {
        match_expressions: expressions
            .map(|part| LabelSelectorRequirement {
                key: pool.intern(&part.key),
                operator: pool.intern(&part.operator),
                values: part.values.iter().map(|value| pool.intern(value)).collect(),
            })
            .collect(),
        match_labels: pool.intern_label_map(&wanted.match_labels),
    }
}
