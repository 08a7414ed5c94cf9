//! Interned strings and labels, which many rows share.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use foldhash::fast::RandomState;
use serde::{Deserialize, Serialize, Serializer};

/// A shared string.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "String")]
pub struct SharedStr(Arc<str>);

/// Shared labels, ordered by key. A slice, because a map takes half a kilobyte for one label.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "BTreeMap<SharedStr, SharedStr>")]
pub struct SharedLabels(Arc<[(SharedStr, SharedStr)]>);

/// Interns strings and labels. The hash is seeded per run, so that nobody can choose strings that collide.
#[derive(Debug, Default)]
pub struct Interner {
    strings: HashSet<SharedStr, RandomState>,
    labels: HashSet<SharedLabels, RandomState>,
}

impl Interner {
    /// The interned string.
    pub fn intern(&mut self, text: &str) -> SharedStr {
        if let Some(known) = self.strings.get(text) {
            return known.clone();
        }
        let new = SharedStr::from(text);
        self.strings.insert(new.clone());
        new
    }

    /// The interned labels.
    pub fn intern_label_map(&mut self, labels: &BTreeMap<String, String>) -> SharedLabels {
        let labels: Vec<_> = labels
            .iter()
            .map(|(key, value)| (self.intern(key), self.intern(value)))
            .collect();
        self.intern_label_pairs(&labels)
    }

    /// Replaces strings by interned ones.
    pub(super) fn intern_all<'t>(&mut self, texts: impl IntoIterator<Item = &'t mut SharedStr>) {
        for text in texts {
            *text = self.intern(text);
        }
    }

    pub(super) fn intern_labels_in_place(&mut self, labels: &mut SharedLabels) {
        if let Some(known) = self.labels.get(labels) {
            *labels = known.clone();
            return;
        }
        let shared: Vec<_> = labels
            .iter()
            .map(|(key, value)| (self.intern(key), self.intern(value)))
            .collect();
        *labels = self.intern_label_pairs(&shared);
    }

    /// Interns labels whose strings are interned already.
    fn intern_label_pairs(&mut self, labels: &[(SharedStr, SharedStr)]) -> SharedLabels {
        if let Some(known) = self.labels.get(labels) {
            return known.clone();
        }
        let new = SharedLabels(labels.into());
        self.labels.insert(new.clone());
        new
    }
}

impl SharedStr {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<&str> for SharedStr {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for SharedStr {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Deref for SharedStr {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SharedStr {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SharedStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SharedStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl Serialize for SharedStr {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl From<BTreeMap<SharedStr, SharedStr>> for SharedLabels {
    fn from(labels: BTreeMap<SharedStr, SharedStr>) -> Self {
        Self(labels.into_iter().collect())
    }
}

impl FromIterator<(SharedStr, SharedStr)> for SharedLabels {
    /// The last value of a repeated key wins.
    fn from_iter<I: IntoIterator<Item = (SharedStr, SharedStr)>>(labels: I) -> Self {
        Self::from(BTreeMap::from_iter(labels))
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for SharedLabels {
    fn from_iter<I: IntoIterator<Item = (&'a str, &'a str)>>(labels: I) -> Self {
        let own = |(key, value): (&str, &str)| (SharedStr::from(key), SharedStr::from(value));
        labels.into_iter().map(own).collect()
    }
}

impl SharedLabels {
    /// The value of a label.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(known, _)| (**known).cmp(key));
        at.ok().map(|at| &*self.0[at].1)
    }

    /// Keys and values, ordered by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their address in memory, which shared labels have in common.
    #[must_use]
    pub fn address(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// Whether both are the same allocation.
    #[must_use]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Borrow<[(SharedStr, SharedStr)]> for SharedLabels {
    fn borrow(&self) -> &[(SharedStr, SharedStr)] {
        &self.0
    }
}

impl fmt::Debug for SharedLabels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl Serialize for SharedLabels {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::{Interner, SharedLabels};

    #[test]
    fn labels_are_found_whatever_their_order_in_a_file() {
        let labels: SharedLabels =
            serde_json::from_str(r#"{"tier":"front","app":"cart","app":"web"}"#).expect("labels");
        assert_eq!(labels.get("app"), Some("web"), "the last one counts");
        assert_eq!(labels.get("tier"), Some("front"));
        assert_eq!(labels.get("zone"), None);
        let text = serde_json::to_string(&labels).expect("text");
        assert_eq!(text, r#"{"app":"web","tier":"front"}"#);
    }

    #[test]
    fn texts_of_labels_are_shared_where_the_labels_differ() {
        let mut pool = Interner::default();
        let mut one: SharedLabels = [("app", "web"), ("pod", "web-0")].into_iter().collect();
        let mut two: SharedLabels = [("app", "web"), ("pod", "web-1")].into_iter().collect();
        pool.intern_labels_in_place(&mut one);
        pool.intern_labels_in_place(&mut two);
        let at = |labels: &SharedLabels| labels.get("app").map(str::as_ptr);
        assert_eq!(at(&one), at(&two));
        assert!(!one.ptr_eq(&two));
    }
}
