//! What holds an upgrade up: chains of objects, from the one that waits to the root.
//!
//! A chain is a function of rows and time.

mod cause;

use jiff::Timestamp;

use super::event::EventObject;

pub use cause::WaitCause;

/// What an object of an upgrade waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitChain {
    /// Why it waits.
    pub cause: WaitCause,
    /// From the object that waits to the root; never empty.
    pub links: Vec<EventObject>,
    /// Since when it waits.
    pub since: Timestamp,
    /// The command that shows more.
    pub command: String,
}

impl WaitChain {
    /// What people do.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        self.cause.advice()
    }
}
