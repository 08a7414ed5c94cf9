//! The rows of one read, in the shape that its detail level and kind ask for.

use serde::{Deserialize, Serialize};

use super::helm::HelmReleaseRow;
use super::metadata::{EndpointSliceRow, Keyed, MetaRow, ObjectRow, Row, RowKey};
use super::nodes::NodeRow;
use super::pods::PodRow;
use super::table::Table;
use super::workloads::WorkloadRow;

/// Declares [`Rows`] and what is the same for each of its shapes.
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

            /// No rows, of the same shape.
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

            /// Appends rows of the same shape; rows of another shape are dropped.
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
                /// The rows of this shape; empty for any other.
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
    /// Inserts rows of the same shape, or replaces those of the same objects.
    pub fn upsert_all(&mut self, rows: Self) {
        fn upsert<R: Keyed + PartialEq>(table: &mut Table<R>, rows: Table<R>) {
            for row in rows {
                table.upsert(row);
            }
        }
        match (self, rows) {
            (Self::Metadata(table), Self::Metadata(rows)) => upsert(table, rows),
            (Self::Nodes(table), Self::Nodes(rows)) => upsert(table, rows),
            (Self::Pods(table), Self::Pods(rows)) => upsert(table, rows),
            (Self::Workloads(table), Self::Workloads(rows)) => upsert(table, rows),
            (Self::Objects(table), Self::Objects(rows)) => upsert(table, rows),
            _ => {}
        }
    }

    /// Removes the row of an object.
    pub fn remove(&mut self, key: RowKey<'_>) {
        match self {
            Self::Metadata(table) => drop(table.remove(key)),
            Self::Nodes(table) => drop(table.remove(key)),
            Self::Pods(table) => drop(table.remove(key)),
            Self::Workloads(table) => drop(table.remove(key)),
            Self::Objects(table) => drop(table.remove(key)),
            Self::HelmReleases(_) | Self::EndpointSlices(_) | Self::TextLines(_) => {}
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
