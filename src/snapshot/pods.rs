//! Pods: the kind with the most objects, so rows keep few fields and share what they have in common.
//!
//! A row takes 280 bytes and about 40 for its name; namespaces, nodes, owners, claims and equal label maps are there once.
//! 150,000 pods, the most that Kubernetes supports, take about 50 MB. Labels that no other pod has, as those of StatefulSets
//! and Jobs, take about 250 bytes more for each such pod.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::shared::{Labels, Pool, Share, Text};

/// `status.phase`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// Not all containers have been started.
    Pending,
    /// At work.
    #[default]
    Running,
    /// Finished well.
    Succeeded,
    /// Finished badly.
    Failed,
    /// The node does not answer.
    Unknown,
}

/// The controller of a pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodOwner {
    /// Its kind.
    pub kind: Text,
    /// Its name.
    pub name: Text,
}

/// A pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodRow {
    /// Namespace.
    pub namespace: Text,
    /// Name.
    pub name: String,
    /// Labels.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// `spec.nodeName`, empty while it has none.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub node: Text,
    /// `status.phase`.
    pub phase: Phase,
    /// Whether condition `Ready` is true.
    pub ready: bool,
    /// Since when condition `Ready` is what it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready_changed: Option<Timestamp>,
    /// The owner that is its controller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<PodOwner>,
    /// Whether it mirrors a static pod of a kubelet.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub mirror: bool,
    /// `metadata.deletionTimestamp`: when it was to be gone, the grace period included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Timestamp>,
    /// `metadata.deletionGracePeriodSeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_grace: Option<i64>,
    /// `metadata.finalizers`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub finalizers: Vec<Text>,
    /// `spec.terminationGracePeriodSeconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace: Option<i64>,
    /// The only node that its node selector and required node affinity leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned_to: Option<Text>,
    /// Whether required anti-affinity keeps pods with its own labels off its node.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub apart: bool,
    /// Names of its claims for persistent volumes, those for ephemeral volumes included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claims: Vec<Text>,
    /// Kinds of volumes that Kubernetes has or had a driver of its own for, by the name of the field: `rbd`, `gitRepo`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Text>,
}

impl PodRow {
    /// Whether it will never run again.
    #[must_use]
    pub fn finished(&self) -> bool {
        matches!(self.phase, Phase::Succeeded | Phase::Failed)
    }

    /// Whether its controller is of this kind.
    #[must_use]
    pub fn owned_by(&self, kind: &str) -> bool {
        self.owner
            .as_ref()
            .is_some_and(|owner| &*owner.kind == kind)
    }
}

impl Share for PodRow {
    fn share(&mut self, pool: &mut Pool) {
        let texts = [&mut self.namespace, &mut self.node]
            .into_iter()
            .chain(
                self.owner
                    .iter_mut()
                    .flat_map(|owner| [&mut owner.kind, &mut owner.name]),
            )
            .chain(&mut self.pinned_to)
            .chain(&mut self.finalizers)
            .chain(&mut self.claims)
            .chain(&mut self.volumes);
        for text in texts {
            pool.share(text);
        }
        pool.share_labels(&mut self.labels);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Rows;
    use super::PodRow;

    #[test]
    fn a_row_stays_small() {
        assert!(size_of::<PodRow>() <= 288, "{} bytes", size_of::<PodRow>());
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
        assert!(a.labels.shared_with(&b.labels));
        assert!(std::ptr::eq(&*a.namespace, &*b.namespace));
        let again: Rows =
            serde_json::from_str(&serde_json::to_string(&rows).expect("text")).expect("rows");
        assert_eq!(again, rows);
    }
}
