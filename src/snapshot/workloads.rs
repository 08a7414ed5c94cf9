//! Deployments, StatefulSets and DaemonSets: a large cluster has tens of thousands, and rules read few of their fields.

use serde::{Deserialize, Serialize};

use super::intern::{Interner, SharedLabels, SharedStr};
use super::metadata::{Keyed, MetaRow, Row, RowKey};

/// A Deployment, a StatefulSet or a DaemonSet, as the target of the read says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadRow {
    /// Metadata.
    pub meta: MetaRow,
    /// `metadata.generation`.
    pub generation: i64,
    /// Whether it is being deleted.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "deleted")]
    pub is_being_deleted: bool,
    /// `spec.replicas`; `None` for a DaemonSet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i32>,
    /// `spec.paused` of a Deployment.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "paused")]
    pub is_paused: bool,
    /// `spec.updateStrategy.type`; empty for a Deployment.
    #[serde(skip_serializing_if = "SharedStr::is_empty")]
    pub update_strategy: SharedStr,
    /// `spec.updateStrategy.rollingUpdate.partition`; `None` without `rollingUpdate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    /// `spec.selector`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<Box<LabelSelector>>,
    /// Keys in the template that restrict placement; `None` if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Box<Placement>>,
    /// Images of the containers of its template, without init containers. Empty only in snapshots of versions that did not
    /// keep them, because a template has at least one container.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<SharedStr>,
    /// The fields of volumes of in-tree plugins in its template.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub in_tree_volumes: Vec<SharedStr>,
    /// Its status.
    pub status: WorkloadStatus,
}

/// The status of a workload; 0 for fields that are not set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WorkloadStatus {
    /// `observedGeneration`.
    #[serde(skip_serializing_if = "is_zero_i64")]
    pub observed_generation: i64,
    /// `replicas`; of a DaemonSet `desiredNumberScheduled`.
    #[serde(skip_serializing_if = "is_zero_i32")]
    pub replicas: i32,
    /// `updatedReplicas`; of a DaemonSet `updatedNumberScheduled`.
    #[serde(skip_serializing_if = "is_zero_i32")]
    #[serde(rename = "updated")]
    pub updated_replicas: i32,
    /// `readyReplicas`; of a DaemonSet `numberReady`.
    #[serde(skip_serializing_if = "is_zero_i32")]
    #[serde(rename = "ready")]
    pub ready_replicas: i32,
    /// `availableReplicas`; of a DaemonSet `numberAvailable`.
    #[serde(skip_serializing_if = "is_zero_i32")]
    #[serde(rename = "available")]
    pub available_replicas: i32,
    /// Whether condition `Progressing` of a Deployment has the reason `ProgressDeadlineExceeded`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "givenUp")]
    pub is_progress_deadline_exceeded: bool,
    /// Whether `updateRevision` and `currentRevision` of a StatefulSet differ.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "betweenRevisions")]
    pub has_pending_revision: bool,
}

fn is_zero_i64(number: &i64) -> bool {
    *number == 0
}

fn is_zero_i32(number: &i32) -> bool {
    *number == 0
}

/// A label selector; an empty one matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LabelSelector {
    /// `matchLabels`.
    #[serde(skip_serializing_if = "SharedLabels::is_empty")]
    pub match_labels: SharedLabels,
    /// `matchExpressions`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelSelectorRequirement>,
}

/// A requirement of `matchExpressions`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LabelSelectorRequirement {
    /// Key of the label.
    pub key: SharedStr,
    /// `In`, `NotIn`, `Exists`, `DoesNotExist`.
    pub operator: SharedStr,
    /// The values to compare with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<SharedStr>,
}

/// The keys by which a pod template selects nodes and tolerates taints.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Placement {
    /// Labels of `nodeSelector`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "nodeSelector")]
    pub node_selector_keys: Vec<SharedStr>,
    /// For each term of the required node affinity, the labels that must exist; without `DoesNotExist` and `NotIn`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "nodeAffinity")]
    pub required_affinity_keys: Vec<Vec<SharedStr>>,
    /// For each of these terms the labels that must be absent or have another value; empty if no term names any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "nodeAntiAffinity")]
    pub excluded_affinity_keys: Vec<Vec<SharedStr>>,
    /// Keys of `tolerations`; an empty one tolerates every taint.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "tolerations")]
    pub toleration_keys: Vec<SharedStr>,
}

impl Placement {
    /// All keys.
    pub(super) fn keys_mut(&mut self) -> impl Iterator<Item = &mut SharedStr> {
        let selected = self.node_selector_keys.iter_mut();
        let affinity = self.required_affinity_keys.iter_mut();
        let affinity = affinity.chain(&mut self.excluded_affinity_keys).flatten();
        selected.chain(affinity).chain(&mut self.toleration_keys)
    }
}

impl LabelSelector {
    /// Whether it matches these labels. An unknown operator matches nothing.
    #[must_use]
    pub fn matches(&self, labels: &SharedLabels) -> bool {
        let mut equal = self.match_labels.iter();
        equal.all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|part| {
                let is_listed = |value: &str| part.values.iter().any(|listed| &**listed == value);
                label_requirement_holds(&part.operator, labels.get(&part.key), is_listed)
                    .unwrap_or(false)
            })
    }
}

/// Whether a requirement of `matchExpressions` holds for the value of its label; `None` if the operator is unknown.
#[must_use]
pub fn label_requirement_holds(
    operator: &str,
    value: Option<&str>,
    is_listed: impl Fn(&str) -> bool,
) -> Option<bool> {
    match operator {
        "In" => Some(value.is_some_and(is_listed)),
        "NotIn" => Some(!value.is_some_and(is_listed)),
        "Exists" => Some(value.is_some()),
        "DoesNotExist" => Some(value.is_none()),
        _ => None,
    }
}

impl Row for WorkloadRow {
    fn metadata(&self) -> Option<&MetaRow> {
        Some(&self.meta)
    }

    fn intern_with(&mut self, interner: &mut Interner) {
        self.meta.intern_with(interner);
        let names = self.images.iter_mut().chain(&mut self.in_tree_volumes);
        interner.intern_all(names.chain([&mut self.update_strategy]));
        if let Some(selector) = &mut self.selector {
            interner.intern_labels_in_place(&mut selector.match_labels);
            for part in &mut selector.match_expressions {
                interner.intern_all([&mut part.key, &mut part.operator]);
                interner.intern_all(&mut part.values);
            }
        }
        if let Some(placement) = &mut self.placement {
            interner.intern_all(placement.keys_mut());
        }
    }
}

impl Keyed for WorkloadRow {
    fn key(&self) -> RowKey<'_> {
        self.meta.key()
    }
}
