//! Times without sight of the cluster.

use jiff::Timestamp;

/// What is missing, from the whole to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum OutageKind {
    /// The API server cannot be reached, or does not answer.
    Unreachable,
    /// It refuses the credentials, or there are none.
    Unauthorized,
    /// It answers, but does not permit to list nodes.
    NodesForbidden,
}

/// A time without sight of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// When the state was last confirmed.
    pub since: Timestamp,
    /// What is missing.
    pub kind: OutageKind,
}

impl OutageKind {
    /// The beginning of an outage, without why.
    pub(super) fn beginning(self) -> &'static str {
        match self {
            Self::Unreachable => "the API server does not answer",
            Self::Unauthorized => "there are no valid credentials for the API server",
            Self::NodesForbidden => "nodes cannot be read any more",
        }
    }

    /// The end of an outage.
    pub(super) fn end(self) -> &'static str {
        match self {
            Self::Unreachable => "the API server answers again",
            Self::Unauthorized => "the credentials are valid again",
            Self::NodesForbidden => "nodes can be read again",
        }
    }

    /// What has been so for some time, to be followed by how long.
    #[must_use]
    pub fn lasting(self) -> &'static str {
        match self {
            Self::Unreachable => "The API server has not answered for",
            Self::Unauthorized => "There have been no valid credentials for",
            Self::NodesForbidden => "Nodes could not be read for",
        }
    }
}
