//! Pods: the kind with the most objects, so rows keep few fields and share strings.
//!
//! A row takes 248 bytes and about 40 for its name; namespaces, nodes, owners, claims and equal label maps are shared.
//! 150,000 pods, the most that Kubernetes supports, take about 40 MB. Labels that no other pod has, as those of
//! StatefulSets and Jobs, take about 250 bytes more for each such pod.

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

/// A pod. Its UID is not kept: sixteen random bytes for each pod would triple the size of a file, and nothing refers to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodRow {
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
}

impl Row for PodRow {
    fn intern_with(&mut self, interner: &mut Interner) {
        let owner = self.controller.iter_mut();
        let texts = [&mut self.namespace, &mut self.node_name]
            .into_iter()
            .chain(owner.flat_map(|owner| [&mut owner.kind, &mut owner.name]))
            .chain(&mut self.only_node)
            .chain(&mut self.finalizers)
            .chain(&mut self.volume_claims)
            .chain(&mut self.in_tree_volumes)
            .chain(
                self.placement
                    .iter_mut()
                    .flat_map(|placement| placement.keys_mut()),
            );
        interner.intern_all(texts);
        interner.intern_labels_in_place(&mut self.labels);
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
        assert!(size_of::<PodRow>() <= 248, "{} bytes", size_of::<PodRow>());
    }

    #[test]
    fn rows_that_are_loaded_share_what_they_have_in_common() {
        let text = r#"{"pods":[
            {"namespace":"shop","name":"a","labels":{"app":"web"},"phase":"Running","ready":true},
            {"namespace":"shop","name":"b","labels":{"app":"web"},"phase":"Running","ready":true}]}"#;
        let rows: Rows = serde_json::from_str(text).expect("rows");
        let [a, b] = rows.pods() else {
            panic!("two pods");
        };
        assert!(a.labels.ptr_eq(&b.labels));
        assert!(std::ptr::eq(&*a.namespace, &*b.namespace));
        let again: Rows =
            serde_json::from_str(&serde_json::to_string(&rows).expect("text")).expect("rows");
        assert_eq!(again, rows);
    }
}
