//! Rows of one kind: a list as it was read, and updated in place by watch events.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize};

use super::intern::Interner;
use super::metadata::{Keyed, Row, RowKey};

/// Rows of one kind, in the order in which the API server listed them.
///
/// The first update sorts them by namespace and name. From then on an update takes a binary search, and an insertion or
/// removal moves the rows behind it; there is no index that takes memory.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Table<R> {
    rows: Vec<R>,
    #[serde(skip)]
    is_sorted: bool,
}

impl<R: Row> Table<R> {
    /// Adds a row at the end.
    pub fn push(&mut self, mut row: R) {
        self.is_sorted = false;
        if let Some(previous) = self.rows.last() {
            row.share_with(previous);
        }
        self.rows.push(row);
    }

    /// Reserves memory for exactly this many more rows.
    pub fn reserve(&mut self, additional: usize) {
        self.rows.reserve_exact(additional);
    }

    /// Adds rows at the end.
    pub fn append(&mut self, mut more: Self) {
        self.is_sorted = false;
        if self.rows.capacity() == 0 {
            self.rows = more.rows;
        } else {
            self.rows.append(&mut more.rows);
        }
    }
}

impl<R: Keyed> Table<R> {
    /// Inserts a row, or replaces the row of the same namespace and name; returns whether that changed the table.
    pub fn upsert(&mut self, row: R) -> bool
    where
        R: PartialEq,
    {
        match self.find(&row.key()) {
            Ok(at) if self.rows[at] == row => return false,
            Ok(at) => self.rows[at] = row,
            Err(at) => self.rows.insert(at, row),
        }
        true
    }

    /// Removes the row of an object; `None` if there is none, or if it has another UID: the object was re-created in the
    /// meantime.
    pub fn remove(&mut self, key: RowKey<'_>) -> Option<R> {
        let at = self.find(&key).ok()?;
        let is_other = self.rows[at].key().uid.zip(key.uid);
        let is_other = is_other.is_some_and(|(held, deleted)| held != deleted);
        (!is_other).then(|| self.rows.remove(at))
    }

    fn find(&mut self, key: &RowKey<'_>) -> Result<usize, usize> {
        if !self.is_sorted {
            self.rows
                .sort_by(|a, b| a.key().namespaced_name().cmp(&b.key().namespaced_name()));
            self.is_sorted = true;
        }
        self.rows
            .binary_search_by(|row| row.key().namespaced_name().cmp(&key.namespaced_name()))
    }
}

impl<R> Default for Table<R> {
    fn default() -> Self {
        Self::from(Vec::new())
    }
}

impl<R> From<Vec<R>> for Table<R> {
    fn from(rows: Vec<R>) -> Self {
        Self {
            rows,
            is_sorted: false,
        }
    }
}

impl<R> FromIterator<R> for Table<R> {
    fn from_iter<I: IntoIterator<Item = R>>(rows: I) -> Self {
        Self::from(Vec::from_iter(rows))
    }
}

impl<R> IntoIterator for Table<R> {
    type Item = R;
    type IntoIter = std::vec::IntoIter<R>;

    fn into_iter(self) -> Self::IntoIter {
        self.rows.into_iter()
    }
}

impl<R> Deref for Table<R> {
    type Target = [R];

    fn deref(&self) -> &[R] {
        &self.rows
    }
}

impl<R> DerefMut for Table<R> {
    fn deref_mut(&mut self) -> &mut [R] {
        // The caller may change the names.
        self.is_sorted = false;
        &mut self.rows
    }
}

/// Equal rows in the same order.
impl<R: PartialEq> PartialEq for Table<R> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

/// Interns strings while reading, so that loaded rows take no more memory than those of a live cluster.
impl<'de, R: Row + Deserialize<'de>> Deserialize<'de> for Table<R> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Interned<R>(std::marker::PhantomData<R>);
        impl<'de, R: Row + Deserialize<'de>> serde::de::Visitor<'de> for Interned<R> {
            type Value = Table<R>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("rows")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut from: A,
            ) -> Result<Table<R>, A::Error> {
                let mut interner = Interner::default();
                let mut rows = Table::default();
                while let Some(mut row) = from.next_element::<R>()? {
                    row.intern_with(&mut interner);
                    rows.push(row);
                }
                Ok(rows)
            }
        }
        from.deserialize_seq(Interned(std::marker::PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::super::MetaRow;
    use super::super::metadata::{Keyed, RowKey};
    use super::Table;

    fn row(namespace: &str, name: &str, uid: u8) -> MetaRow {
        MetaRow {
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
            uid: format!("00000000-0000-4000-8000-{uid:012}").parse().ok(),
            ..MetaRow::default()
        }
    }

    fn names(table: &Table<MetaRow>) -> Vec<String> {
        table.iter().map(|row| row.name.clone()).collect()
    }

    #[test]
    fn an_event_replaces_inserts_and_removes_by_namespace_and_name() {
        let mut table = Table::from(vec![
            row("shop", "b", 1),
            row("shop", "a", 2),
            row("ops", "a", 3),
        ]);
        assert_eq!(names(&table), ["b", "a", "a"], "as listed");
        let mut owned = row("shop", "a", 2);
        owned.owner = Some("ReplicaSet/a".to_owned());
        assert!(table.upsert(owned.clone()));
        assert!(!table.upsert(owned), "nothing changed");
        assert!(table.upsert(row("ops", "c", 4)));
        assert_eq!(names(&table), ["a", "c", "a", "b"]);
        assert_eq!(table[2].owner.as_deref(), Some("ReplicaSet/a"));
        let gone = row("ops", "a", 3);
        assert!(table.remove(gone.key()).is_some());
        assert!(table.remove(gone.key()).is_none(), "removed already");
        assert_eq!(names(&table), ["c", "a", "b"]);
    }

    #[test]
    fn a_late_deletion_does_not_remove_an_object_that_was_re_created() {
        let mut table = Table::from(vec![row("shop", "a", 1)]);
        assert!(table.upsert(row("shop", "a", 2)));
        assert!(table.remove(row("shop", "a", 1).key()).is_none());
        assert_eq!(table.len(), 1, "one row for each name");
        let unknown = RowKey {
            namespace: "shop",
            name: "a",
            uid: None,
        };
        assert!(table.remove(unknown).is_some());
    }

    #[test]
    fn rows_that_were_renamed_or_added_are_sorted_again() {
        let mut table = Table::from(vec![row("shop", "a", 1), row("shop", "b", 2)]);
        table.upsert(row("shop", "c", 3));
        table[0].name = "z".to_owned();
        assert!(table.remove(row("shop", "z", 1).key()).is_some());
        table.push(row("shop", "a", 4));
        assert!(table.remove(row("shop", "a", 4).key()).is_some());
        assert_eq!(names(&table), ["b", "c"]);
    }
}
