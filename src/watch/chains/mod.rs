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
    /// Whether another chain is the same one at another time: it has the same cause, and begins and ends with the same
    /// objects.
    #[must_use]
    pub fn names(&self, other: &Self) -> bool {
        let is_same = |one: Option<&EventObject>, other: Option<&EventObject>| {
            let name = |object: &EventObject| {
                (
                    object.kind.clone(),
                    object.namespace.clone(),
                    object.name.clone(),
                )
            };
            one.map(name) == other.map(name)
        };
        self.cause == other.cause
            && is_same(self.links.first(), other.links.first())
            && is_same(self.links.last(), other.links.last())
    }

    /// What people do.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        self.cause.advice()
    }
}
