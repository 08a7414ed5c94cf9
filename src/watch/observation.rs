//! What is seen of a cluster, in the order it is seen.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::Release;
use crate::need::{Discovery, ReadTarget};
use crate::snapshot::{ReadResult, Rows, Uid};

/// Something seen at a time: the input of the fold, and a line of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// When the client saw it.
    pub at: Timestamp,
    /// What it saw.
    #[serde(flatten)]
    pub change: Change,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// The version of an API server and the APIs that it serves.
    Discovery(Discovery),
    /// An API server answered a probe over a connection of its own: behind a load balancer each probe may reach another.
    Probe {
        /// The version that it reports.
        version: Release,
    },
    /// A list, which replaces the rows of an earlier one.
    List(Box<ReadResult>),
    /// Objects were created or changed.
    Apply {
        /// The watched resource.
        target: ReadTarget,
        /// The objects as they are now.
        rows: Rows,
    },
    /// An object was deleted.
    Delete {
        /// The watched resource.
        target: ReadTarget,
        /// Namespace; empty for cluster-scoped objects.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        namespace: String,
        /// Name.
        name: String,
        /// `metadata.uid`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        uid: Option<Uid>,
    },
    /// The API server cannot be reached, does not answer, or refuses the credentials.
    Outage {
        /// Why.
        why: String,
        /// Whether it refuses the credentials, or there are none.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[serde(rename = "unauthorized")]
        is_unauthorized: bool,
    },
}
