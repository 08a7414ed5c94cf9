//! Texts and labels that many rows have in common, each there once.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::rows::{JsonRow, MetaRow, SliceRow};

/// A text that many rows share.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

/// Labels that many rows share, in the order of their keys. A slice, for a map takes half a kilobyte for one label.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Text, Text)]>);

/// Texts and labels that were seen before. Who chose them cannot choose which of them collide, for the hash begins with
/// another number in each run.
#[derive(Debug, Default)]
pub struct Pool {
    texts: HashSet<Text, RandomState>,
    labels: HashSet<Labels, RandomState>,
}

/// A row that has something in common with others.
pub(super) trait Share {
    /// Takes its texts from the pool.
    fn share(&mut self, pool: &mut Pool);
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

    /// The labels, shared with all before them.
    pub fn labels(&mut self, labels: &BTreeMap<String, String>) -> Labels {
        let labels: Vec<_> = labels
            .iter()
            .map(|(key, value)| (self.text(key), self.text(value)))
            .collect();
        self.known(&labels)
    }

    pub(super) fn share(&mut self, text: &mut Text) {
        *text = self.text(text);
    }

    pub(super) fn share_labels(&mut self, labels: &mut Labels) {
        if let Some(known) = self.labels.get(labels) {
            *labels = known.clone();
            return;
        }
        let shared: Vec<_> = labels
            .iter()
            .map(|(key, value)| (self.text(key), self.text(value)))
            .collect();
        *labels = self.known(&shared);
    }

    /// These labels, whose texts are shared already.
    fn known(&mut self, labels: &[(Text, Text)]) -> Labels {
        if let Some(known) = self.labels.get(labels) {
            return known.clone();
        }
        let new = Labels(labels.into());
        self.labels.insert(new.clone());
        new
    }
}

/// Rows of a saved snapshot, shared again while they are read.
pub(super) fn rows<'de, D, T>(rows: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Share + Deserialize<'de>,
{
    struct Shared<T>(std::marker::PhantomData<T>);
    impl<'de, T: Share + Deserialize<'de>> Visitor<'de> for Shared<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("rows")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
            let mut pool = Pool::default();
            let mut shared = Vec::new();
            while let Some(mut row) = rows.next_element::<T>()? {
                row.share(&mut pool);
                shared.push(row);
            }
            Ok(shared)
        }
    }
    rows.deserialize_seq(Shared(std::marker::PhantomData))
}

impl Share for MetaRow {
    fn share(&mut self, pool: &mut Pool) {
        let managers = self.managers.iter_mut().flat_map(|manager| {
            [
                &mut manager.manager,
                &mut manager.api_version,
                &mut manager.subresource,
            ]
        });
        let applied = self.applied.iter_mut().flat_map(|applied| {
            [
                &mut applied.annotation,
                &mut applied.api_version,
                &mut applied.kind,
            ]
        });
        let owners = self
            .owners
            .iter_mut()
            .flat_map(|owner| [&mut owner.api_version, &mut owner.kind, &mut owner.name]);
        for text in managers.chain(applied).chain(owners) {
            pool.share(text);
        }
    }
}

impl Share for SliceRow {
    fn share(&mut self, pool: &mut Pool) {
        self.meta.share(pool);
    }
}

impl Share for JsonRow {
    fn share(&mut self, pool: &mut Pool) {
        self.meta.share(pool);
    }
}

impl Text {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
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
        f.pad(&self.0)
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
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text::from(text))
            }
        }
        from.deserialize_str(Whole)
    }
}

impl FromIterator<(Text, Text)> for Labels {
    /// Of a key that is there twice the last one counts.
    fn from_iter<I: IntoIterator<Item = (Text, Text)>>(labels: I) -> Self {
        let labels: BTreeMap<Text, Text> = labels.into_iter().collect();
        Self(labels.into_iter().collect())
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Labels {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(labels: I) -> Self {
        let own = |(key, value): (&str, &str)| (Text::from(key), Text::from(value));
        labels.into_iter().map(own).collect()
    }
}

impl Labels {
    /// The value of a label; none where it is not there.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(key));
        at.ok().map(|at| &*self.0[at].1)
    }

    /// Keys and values, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where they are in memory: the same for those that are shared.
    #[must_use]
    pub fn address(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Whether both are the very same in memory.
    #[must_use]
    pub fn shared_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Borrow<[(Text, Text)]> for Labels {
    fn borrow(&self) -> &[(Text, Text)] {
        &self.0
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for Labels {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Labels {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Labels;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Labels, A::Error> {
                let mut labels: Vec<(Text, Text)> = Vec::new();
                while let Some(label) = map.next_entry()? {
                    labels.push(label);
                }
                // As we write them they are in order.
                let ordered = labels.is_sorted_by(|(one, _), (next, _)| one < next);
                Ok(if ordered {
                    Labels(labels.into())
                } else {
                    labels.into_iter().collect()
                })
            }
        }
        from.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::{Labels, Pool};

    #[test]
    fn labels_are_found_whatever_their_order_in_a_file() {
        let labels: Labels =
            serde_json::from_str(r#"{"tier":"front","app":"cart","app":"web"}"#).expect("labels");
        assert_eq!(labels.get("app"), Some("web"), "the last one counts");
        assert_eq!(labels.get("tier"), Some("front"));
        assert_eq!(labels.get("zone"), None);
        let text = serde_json::to_string(&labels).expect("text");
        assert_eq!(text, r#"{"app":"web","tier":"front"}"#);
    }

    #[test]
    fn texts_of_labels_are_shared_where_the_labels_differ() {
        let mut pool = Pool::default();
        let mut one: Labels = [("app", "web"), ("pod", "web-0")].into_iter().collect();
        let mut two: Labels = [("app", "web"), ("pod", "web-1")].into_iter().collect();
        pool.share_labels(&mut one);
        pool.share_labels(&mut two);
        let at = |labels: &Labels| labels.get("app").map(str::as_ptr);
        assert_eq!(at(&one), at(&two));
        assert!(!one.shared_with(&two));
    }
}
