//! A chain, and the rows that chains are found in.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::cause::{Patience, WaitCause};
use crate::snapshot::ClusterView;
use crate::watch::drains::InFlight;
use crate::watch::object::EventObject;
use crate::watch::picture::Picture;

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
    /// Whether another chain is the same one at another time: it has the same cause, and begins or ends with the same
    /// object. In between and at one end, pods come and go.
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
            && (is_same(self.links.first(), other.links.first())
                || is_same(self.links.last(), other.links.last()))
    }

    /// What people do.
    #[must_use]
    pub const fn advice(&self) -> &'static str {
        self.cause.advice()
    }
}

/// The rows and what is kept beside them.
#[derive(Debug, Clone, Copy)]
pub(in crate::watch) struct Waits<'a> {
    pub(in crate::watch) view: ClusterView<'a>,
    pub(in crate::watch) picture: &'a Picture,
    /// The nodes that drain, since when.
    pub(in crate::watch) draining_since: &'a BTreeMap<String, Timestamp>,
    /// Those of them whose pods are read.
    pub(in crate::watch) followed: &'a BTreeSet<String>,
    /// The nodes that are in flight.
    pub(in crate::watch) in_flight: &'a BTreeMap<String, InFlight>,
    /// Managed clusters that are being upgraded, or were and are not complete.
    pub(in crate::watch) upgrading: &'a BTreeSet<String>,
    pub(in crate::watch) at: Timestamp,
}

/// A chain, and what decides when it is reported.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::watch) struct Found {
    pub(in crate::watch) chain: WaitChain,
    /// What makes it the same chain when it is found again.
    pub(super) key: String,
    pub(super) patience: Patience,
}

impl Found {
    /// A chain with the command that describes its root.
    pub(super) fn new(cause: WaitCause, links: Vec<EventObject>, since: Timestamp) -> Self {
        let root = links.last();
        let command = root.map_or_else(String::new, |root| {
            let namespace = root.namespace.as_ref();
            let namespace = namespace.map_or_else(String::new, |name| format!(" -n {name}"));
            format!(
                "kubectl describe {} {}{namespace}",
                root.kind.to_lowercase(),
                root.name
            )
        });
        Self {
            key: format!("{} {command}", cause.id()),
            patience: cause.patience(),
            chain: WaitChain {
                cause,
                links,
                since,
                command,
            },
        }
    }

    /// The same chain with another root of the same owner.
    pub(super) fn owned_by(mut self, owner: &str) -> Self {
        self.key = format!("{} {owner}", self.chain.cause.id());
        self
    }

    pub(super) fn with_command(mut self, command: String) -> Self {
        self.chain.command = command;
        self
    }

    pub(super) fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }
}
