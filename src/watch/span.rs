//! A time that something lasted.

use jiff::Timestamp;

/// A time from which to which something lasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// When it began, as far as the watch saw it.
    pub started_at: Timestamp,
    /// When it ended; `None` if it had not when the watch did.
    pub ended_at: Option<Timestamp>,
}

impl From<Timestamp> for Span {
    /// What has begun.
    fn from(started_at: Timestamp) -> Self {
        Self {
            started_at,
            ended_at: None,
        }
    }
}
