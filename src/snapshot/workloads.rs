//! Deployments, StatefulSets and DaemonSets: tens of thousands in a large cluster, of which rules want little.

use serde::{Deserialize, Serialize};

use super::rows::MetaRow;
use super::shared::{Labels, Pool, Share, Text};

/// A Deployment, a StatefulSet or a DaemonSet; what it is says the reading that it came with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadRow {
    /// Metadata.
    pub meta: MetaRow,
    /// `metadata.generation`: how often its specification was changed.
    pub generation: i64,
    /// Whether it is being deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// `spec.replicas`; of a DaemonSet none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// `spec.paused` of a Deployment.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
    /// `spec.updateStrategy.type`; of a Deployment none.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub update_strategy: Text,
    /// `spec.updateStrategy.rollingUpdate.partition`; none where `rollingUpdate` is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// `spec.selector`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<Box<LabelSelector>>,
    /// Where its pods may run; none where its template says nothing of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Box<Placement>>,
    /// Images of the containers of its template, those of init containers left out. An API server takes no template without
    /// any: where there are none, the snapshot is of a version that did not keep them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Text>,
    /// How far its controller has come.
    pub status: WorkloadStatus,
}

/// What the controller of a workload says; 0 where it says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadStatus {
    /// `observedGeneration`.
    #[serde(skip_serializing_if = "none")]
    pub observed_generation: i64,
    /// `replicas`; of a DaemonSet `desiredNumberScheduled`.
    #[serde(skip_serializing_if = "zero")]
    pub replicas: i32,
    /// `updatedReplicas`; of a DaemonSet `updatedNumberScheduled`.
    #[serde(skip_serializing_if = "zero")]
    pub updated: i32,
    /// `readyReplicas`; of a DaemonSet `numberReady`.
    #[serde(skip_serializing_if = "zero")]
    pub ready: i32,
    /// `availableReplicas`; of a DaemonSet `numberAvailable`.
    #[serde(skip_serializing_if = "zero")]
    pub available: i32,
    /// Whether condition `Progressing` of a Deployment has the reason `ProgressDeadlineExceeded`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
    /// Whether `updateRevision` and `currentRevision` of a StatefulSet differ.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub between_revisions: bool,
}

fn none(number: &i64) -> bool {
    *number == 0
}

fn zero(number: &i32) -> bool {
    *number == 0
}

/// A label selector; without requirements it fits everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// `matchLabels`.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub match_labels: Labels,
    /// `matchExpressions`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<Requirement>,
}

/// A part of `matchExpressions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requirement {
    /// Key of the label.
    pub key: Text,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`.
    pub operator: Text,
    /// What the value is compared with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Text>,
}

/// What the template of a workload says of nodes: the keys that it names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Placement {
    /// Labels of `nodeSelector`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node_selector: Vec<Text>,
    /// For each term of the required node affinity the labels that it wants; not those that must be absent or other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub node_affinity: Vec<Vec<Text>>,
    /// Keys of `tolerations`; an empty one tolerates every taint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tolerations: Vec<Text>,
}

impl LabelSelector {
    /// Whether it fits an object with these labels. An operator that is not known fits nothing.
    #[must_use]
    pub fn fits(&self, labels: &Labels) -> bool {
        let mut equal = self.match_labels.iter();
        equal.all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|part| {
                let value = labels.get(&part.key);
                let among =
                    || value.is_some_and(|value| part.values.iter().any(|it| &**it == value));
                match &*part.operator {
                    "In" => among(),
                    "NotIn" => !among(),
                    "Exists" => value.is_some(),
                    "DoesNotExist" => value.is_none(),
                    _ => false,
                }
            })
    }
}

impl Share for WorkloadRow {
    fn share(&mut self, pool: &mut Pool) {
        self.meta.share(pool);
        pool.share(&mut self.update_strategy);
        self.images.iter_mut().for_each(|image| pool.share(image));
        if let Some(selector) = &mut self.selector {
            pool.share_labels(&mut selector.match_labels);
            for part in &mut selector.match_expressions {
                pool.share(&mut part.key);
                pool.share(&mut part.operator);
                part.values.iter_mut().for_each(|value| pool.share(value));
            }
        }
        if let Some(placement) = &mut self.placement {
            let keys = placement.node_selector.iter_mut();
            let keys = keys.chain(placement.node_affinity.iter_mut().flatten());
            for key in keys.chain(&mut placement.tolerations) {
                pool.share(key);
            }
        }
    }
}
