//! Pods: the kind with the most objects, so rows keep few fields and share what they have in common.
//!
//! A row takes 272 bytes and about 50 for its name; namespaces, nodes, owners, claims and equal label maps are there once.
//! 150,000 pods, the most that Kubernetes supports, take about 50 MB. Labels that no other pod has, as those of StatefulSets
//! and Jobs, take about 1 KB more for each such pod.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that many rows share.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

/// A map of labels that many rows share.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<BTreeMap<String, String>>);

/// Texts and maps that were seen before.
#[derive(Debug, Default)]
pub struct Pool {
    texts: HashSet<Text>,
    labels: HashSet<Labels>,
}

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
    #[serde(skip_serializing_if = "nothing")]
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

fn nothing(text: &str) -> bool {
    text.is_empty()
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

    /// The same row with its texts from the pool.
    #[must_use]
    pub fn share(mut self, pool: &mut Pool) -> Self {
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
            *text = pool.text(text);
        }
        self.labels = pool.labels(self.labels);
        self
    }
}

impl Pool {
    /// The text, shared with all before it.
    pub fn text(&mut self, text: &str) -> Text {
        if let Some(known) = self.texts.get(text) {
            return known.clone();
        }
        let new = Text::from(text);
        self.texts.insert(new.clone());
        new
    }

    /// The map, shared with all before it.
    pub fn labels(&mut self, labels: impl Into<Labels>) -> Labels {
        let labels = labels.into();
        if let Some(known) = self.labels.get(&labels) {
            return known.clone();
        }
        self.labels.insert(labels.clone());
        labels
    }
}

/// Rows of a saved snapshot, shared again.
pub(super) fn shared<'de, D: Deserializer<'de>>(rows: D) -> Result<Vec<PodRow>, D::Error> {
    struct Shared;
    impl<'de> Visitor<'de> for Shared {
        type Value = Vec<PodRow>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("rows of pods")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
            let mut pool = Pool::default();
            let mut shared = Vec::new();
            while let Some(row) = rows.next_element::<PodRow>()? {
                shared.push(row.share(&mut pool));
            }
            Ok(shared)
        }
    }
    rows.deserialize_seq(Shared)
}

impl Default for Text {
    fn default() -> Self {
        Self::from("")
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|text| Self(text.into()))
    }
}

impl From<BTreeMap<String, String>> for Labels {
    fn from(labels: BTreeMap<String, String>) -> Self {
        Self(Arc::new(labels))
    }
}

impl Labels {
    /// Whether both are the very same map in memory.
    #[must_use]
    pub fn shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Deref for Labels {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(from).map(Self::from)
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
