//! Pods: the kind with the most objects, so rows keep few fields and share strings.
//!
//! A row takes 112 bytes and about 40 for its name. What the pods of one template have in common is kept once for those
//! that follow one another, as they do in a list; namespaces, nodes, owners, claims and equal label maps are shared by all.
//! 150,000 pods, the most that Kubernetes supports, take about 22 MB. A pod that shares nothing with the one before it, as
//! those of StatefulSets and Jobs, takes about 160 bytes more, and about 250 more with labels that no other pod has.

use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::intern::{Interner, SharedLabels, SharedStr};
use super::metadata::{Keyed, Row, RowKey};
use super::workloads::Placement;

/// `status.phase`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PodPhase {
    /// Not all containers have started.
    Pending,
    /// At least one container runs.
    #[default]
    Running,
    /// All containers succeeded.
    Succeeded,
    /// All containers have terminated, at least one in failure.
    Failed,
    /// The node does not report.
    Unknown,
}

/// The controller of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControllerRef {
    /// Its kind.
    pub kind: SharedStr,
    /// Its name.
    pub name: SharedStr,
}

/// A pod, as a snapshot file holds it and as it is decoded. Its UID is not kept: sixteen random bytes for each pod would
/// triple the size of a file, and nothing refers to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodFields {
    /// Namespace.
    pub namespace: SharedStr,
    /// Name.
    pub name: String,
    /// Labels.
    #[serde(skip_serializing_if = "SharedLabels::is_empty")]
    pub labels: SharedLabels,
    /// `spec.nodeName`; empty until it is scheduled.
    #[serde(skip_serializing_if = "SharedStr::is_empty")]
    #[serde(rename = "node")]
    pub node_name: SharedStr,
    /// `status.phase`.
    pub phase: PodPhase,
    /// Whether condition `Ready` is true.
    #[serde(rename = "ready")]
    pub is_ready: bool,
    /// `lastTransitionTime` of condition `Ready`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "readyChanged")]
    pub ready_transition_time: Option<Timestamp>,
    /// The owner reference that is its controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "owner")]
    pub controller: Option<ControllerRef>,
    /// Whether it is the mirror pod of a static pod.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "mirror")]
    pub is_mirror: bool,
    /// `metadata.deletionTimestamp`, which includes the grace period.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "deleted")]
    pub deletion_timestamp: Option<Timestamp>,
    /// `metadata.finalizers`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub finalizers: Box<[SharedStr]>,
    /// `spec.terminationGracePeriodSeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "grace")]
    pub termination_grace_period_seconds: Option<i64>,
    /// The only node that its node selector and required node affinity allow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "pinnedTo")]
    pub only_node: Option<SharedStr>,
    /// Keys that restrict placement; of pods without a controller only, because others get them from a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Box<Placement>>,
    /// Whether required anti-affinity keeps pods with the same labels off its node.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "apart")]
    pub has_self_anti_affinity: bool,
    /// Names of its PersistentVolumeClaims, including those of ephemeral volumes.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[serde(rename = "claims")]
    pub volume_claims: Box<[SharedStr]>,
    /// Fields of volumes with an in-tree driver, present or past: `rbd`, `gitRepo`.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[serde(rename = "volumes")]
    pub in_tree_volumes: Box<[SharedStr]>,
}

/// A pod; dereferences to what it shares with others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "PodFields", into = "PodFields")]
pub struct PodRow {
    /// Name.
    pub name: String,
    /// `spec.nodeName`; empty until it is scheduled.
    pub node_name: SharedStr,
    /// `status.phase`.
    pub phase: PodPhase,
    /// Whether condition `Ready` is true.
    pub is_ready: bool,
    /// `lastTransitionTime` of condition `Ready`.
    pub ready_transition_time: Option<Timestamp>,
    /// The only node that its node selector and required node affinity allow.
    pub only_node: Option<SharedStr>,
    /// Names of its PersistentVolumeClaims, including those of ephemeral volumes.
    pub volume_claims: Box<[SharedStr]>,
    shared: Arc<SharedPodFields>,
}

/// The fields in which pods of one template are equal; those of [`PodFields`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "documented at PodFields")]
pub struct SharedPodFields {
    pub namespace: SharedStr,
    pub labels: SharedLabels,
    pub controller: Option<ControllerRef>,
    pub is_mirror: bool,
    pub deletion_timestamp: Option<Timestamp>,
    pub finalizers: Box<[SharedStr]>,
    pub termination_grace_period_seconds: Option<i64>,
    pub placement: Option<Box<Placement>>,
    pub has_self_anti_affinity: bool,
    pub in_tree_volumes: Box<[SharedStr]>,
}

impl PodRow {
    /// Whether it has terminated.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        matches!(self.phase, PodPhase::Succeeded | PodPhase::Failed)
    }

    /// Whether its controller is of this kind.
    #[must_use]
    pub fn is_controlled_by(&self, kind: &str) -> bool {
        self.controller
            .as_ref()
            .is_some_and(|owner| &*owner.kind == kind)
    }

    /// Changes any of its fields.
    pub fn update(&mut self, change: impl FnOnce(&mut PodFields)) {
        let mut fields = PodFields::from(std::mem::take(self));
        change(&mut fields);
        *self = fields.into();
    }
}

impl Deref for PodRow {
    type Target = SharedPodFields;

    fn deref(&self) -> &SharedPodFields {
        &self.shared
    }
}

impl From<PodFields> for PodRow {
    fn from(pod: PodFields) -> Self {
        Self {
            name: pod.name,
            node_name: pod.node_name,
            phase: pod.phase,
            is_ready: pod.is_ready,
            ready_transition_time: pod.ready_transition_time,
            only_node: pod.only_node,
            volume_claims: pod.volume_claims,
            shared: Arc::new(SharedPodFields {
                namespace: pod.namespace,
                labels: pod.labels,
                controller: pod.controller,
                is_mirror: pod.is_mirror,
                deletion_timestamp: pod.deletion_timestamp,
                finalizers: pod.finalizers,
                termination_grace_period_seconds: pod.termination_grace_period_seconds,
                placement: pod.placement,
                has_self_anti_affinity: pod.has_self_anti_affinity,
                in_tree_volumes: pod.in_tree_volumes,
            }),
        }
    }
}

impl From<PodRow> for PodFields {
    fn from(row: PodRow) -> Self {
        let shared = Arc::unwrap_or_clone(row.shared);
        Self {
            namespace: shared.namespace,
            name: row.name,
            labels: shared.labels,
            node_name: row.node_name,
            phase: row.phase,
            is_ready: row.is_ready,
            ready_transition_time: row.ready_transition_time,
            controller: shared.controller,
            is_mirror: shared.is_mirror,
            deletion_timestamp: shared.deletion_timestamp,
            finalizers: shared.finalizers,
            termination_grace_period_seconds: shared.termination_grace_period_seconds,
            only_node: row.only_node,
            placement: shared.placement,
            has_self_anti_affinity: shared.has_self_anti_affinity,
            volume_claims: row.volume_claims,
            in_tree_volumes: shared.in_tree_volumes,
        }
    }
}

impl Row for PodRow {
    fn intern_with(&mut self, interner: &mut Interner) {
        let shared = Arc::make_mut(&mut self.shared);
        let owner = shared.controller.iter_mut();
        let placement = shared.placement.iter_mut();
        let texts = [&mut shared.namespace, &mut self.node_name]
            .into_iter()
            .chain(owner.flat_map(|owner| [&mut owner.kind, &mut owner.name]))
            .chain(&mut self.only_node)
            .chain(&mut shared.finalizers)
            .chain(&mut self.volume_claims)
            .chain(&mut shared.in_tree_volumes)
            .chain(placement.flat_map(|placement| placement.keys_mut()));
        interner.intern_all(texts);
        interner.intern_labels_in_place(&mut shared.labels);
    }

    fn share_with(&mut self, previous: &Self) {
        if self.shared == previous.shared {
            self.shared = Arc::clone(&previous.shared);
        }
    }
}

impl Keyed for PodRow {
    fn key(&self) -> RowKey<'_> {
        RowKey {
            namespace: &self.namespace,
            name: &self.name,
            uid: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::PodRow;

    #[test]
    fn a_row_stays_small() {
        assert!(size_of::<PodRow>() <= 112, "{} bytes", size_of::<PodRow>());
    }

    #[test]
    fn rows_that_are_loaded_share_what_they_have_in_common() {
        let text = r#"{"pods":[
            {"namespace":"shop","name":"a","labels":{"app":"web"},"phase":"Running","ready":true},
            {"namespace":"shop","name":"b","labels":{"app":"web"},"phase":"Pending","ready":false},
            {"namespace":"shop","name":"c","labels":{"app":"web"},"phase":"Running","grace":5}]}"#;
        let rows: Rows = serde_json::from_str(text).expect("rows");
        let [a, b, c] = rows.pods() else {
            panic!("three pods");
        };
        assert!(std::sync::Arc::ptr_eq(&a.shared, &b.shared));
        assert!(!std::sync::Arc::ptr_eq(&b.shared, &c.shared));
        assert!(b.labels.ptr_eq(&c.labels));
        assert!(std::ptr::eq(&*b.namespace, &*c.namespace));
        let again: Rows =
            serde_json::from_str(&serde_json::to_string(&rows).expect("text")).expect("rows");
        assert_eq!(again, rows);
    }
}
