//! The rows of one read, in the shape that its detail level and kind ask for.

use serde::{Deserialize, Serialize};

use super::helm::HelmReleaseRow;
use super::metadata::{EndpointSliceRow, Keyed, MetaRow, ObjectRow, Row, RowKey};
use super::nodes::NodeRow;
use super::pods::PodRow;
use super::table::Table;
use super::workloads::WorkloadRow;

/// Declares [`Rows`] with what all of its variants have in common.
macro_rules! rows {
    ($($(#[$attribute:meta])* $variant:ident($row:ty) => $accessor:ident,)*) => {
        /// The rows of one read.
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub enum Rows {
            $($(#[$attribute])* $variant(Table<$row>),)*
        }

        impl Rows {
            /// The number of rows.
            #[must_use]
            pub fn len(&self) -> usize {
                match self {
                    $(Self::$variant(rows) => rows.len(),)*
                }
            }

            /// An empty table of the same variant.
            #[must_use]
            pub fn empty_like(&self) -> Self {
                match self {
                    $(Self::$variant(_) => Self::$variant(Table::default()),)*
                }
            }

            /// Reserves memory for exactly this many more rows.
            pub fn reserve(&mut self, additional: usize) {
                match self {
                    $(Self::$variant(rows) => rows.reserve(additional),)*
                }
            }

            /// Appends rows of the same variant; drops those of another.
            pub fn append(&mut self, more: Self) {
                match (self, more) {
                    $((Self::$variant(rows), Self::$variant(more)) => rows.append(more),)*
                    _ => {}
                }
            }

            /// The metadata of the rows that carry it.
            pub fn metadata(&self) -> Box<dyn Iterator<Item = &MetaRow> + '_> {
                match self {
                    $(Self::$variant(rows) => Box::new(rows.iter().filter_map(Row::metadata)),)*
                }
            }

            $(
                /// The rows of this variant; empty for any other.
                #[must_use]
                pub fn $accessor(&self) -> &[$row] {
                    match self {
                        Self::$variant(rows) => rows,
                        _ => &[],
                    }
                }
            )*
        }
    };
}

rows! {
    /// Metadata of any kind of object.
    #[serde(rename = "meta")]
    Metadata(MetaRow) => metadata_rows,
    /// Nodes.
    Nodes(NodeRow) => nodes,
    /// Pods.
    Pods(PodRow) => pods,
    /// Deployed revisions of Helm releases.
    #[serde(rename = "helm")]
    HelmReleases(HelmReleaseRow) => helm_releases,
    /// EndpointSlices.
    #[serde(rename = "slices")]
    EndpointSlices(EndpointSliceRow) => endpoint_slices,
    /// Deployments, StatefulSets or DaemonSets.
    Workloads(WorkloadRow) => workloads,
    /// Objects with the fields that needs declare.
    #[serde(rename = "json")]
    Objects(ObjectRow) => objects,
    /// Lines of a text page.
    #[serde(rename = "lines")]
    TextLines(String) => text_lines,
}

impl Rows {
    /// Inserts rows of the same variant, or replaces those of the same objects; returns whether that changed any of them.
    pub fn upsert_all(&mut self, rows: Self) -> bool {
        fn upsert<R: Keyed + PartialEq>(table: &mut Table<R>, rows: Table<R>) -> bool {
            let mut has_changed = false;
            for row in rows {
                has_changed |= table.upsert(row);
            }
            has_changed
        }
        match (self, rows) {
            (Self::Metadata(table), Self::Metadata(rows)) => upsert(table, rows),
            (Self::Nodes(table), Self::Nodes(rows)) => upsert(table, rows),
            (Self::Pods(table), Self::Pods(rows)) => upsert(table, rows),
            (Self::Workloads(table), Self::Workloads(rows)) => upsert(table, rows),
            (Self::Objects(table), Self::Objects(rows)) => upsert(table, rows),
            _ => false,
        }
    }

    /// Removes the row of an object; returns whether there was one.
    pub fn remove(&mut self, key: RowKey<'_>) -> bool {
        match self {
            Self::Metadata(table) => table.remove(key).is_some(),
            Self::Nodes(table) => table.remove(key).is_some(),
            Self::Pods(table) => table.remove(key).is_some(),
            Self::Workloads(table) => table.remove(key).is_some(),
            Self::Objects(table) => table.remove(key).is_some(),
            Self::HelmReleases(_) | Self::EndpointSlices(_) | Self::TextLines(_) => false,
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
