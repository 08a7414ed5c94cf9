//! Helm's record of a revision as it is stored.

use jiff::Timestamp;

use crate::snapshot::HelmStorage;

/// A Secret or ConfigMap in which Helm keeps a revision. It holds the values of the release: never print or keep it.
pub(crate) struct HelmRecord {
    /// What it is kept in.
    pub(crate) storage: HelmStorage,
    /// `metadata.creationTimestamp`.
    pub(crate) created: Option<Timestamp>,
    /// The label with its status, by which Helm selects records; `None` if it has none.
    pub(crate) status: Option<String>,
    /// What Helm wrote: the bytes of `data.release` of a Secret, or the text of a ConfigMap.
    pub(crate) payload: Vec<u8>,
}
