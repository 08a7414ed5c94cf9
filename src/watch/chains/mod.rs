//! What holds an upgrade up: chains of objects, from the one that waits to the root.
//!
//! A chain is a function of rows and time. A family finds the chains of one kind, and says what must be listed for it: see
//! [`FAMILIES`], to which another one is a line. When a chain is reported and when it has ended is for [`WaitTracker`].

mod budget;
mod cause;
mod drain;
mod machine;
mod node;
mod plan;
mod platform;
mod pod;
mod reads;
mod scheduling;
mod tracker;
mod volume;
mod webhook;
mod workload;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::drains::InFlight;
use super::event::EventObject;
use super::picture::Picture;
use crate::need::Need;
use crate::snapshot::ClusterView;

pub use cause::WaitCause;
pub use reads::wait_needs;

use cause::Patience;
pub(super) use tracker::WaitTracker;

/// The most lists that are wanted at a time.
const MAX_LISTS: usize = 40;

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

/// The rows and what is kept beside them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Waits<'a> {
    pub(super) view: ClusterView<'a>,
    pub(super) picture: &'a Picture,
    /// The nodes that drain, since when.
    pub(super) draining_since: &'a BTreeMap<String, Timestamp>,
    /// Those of them whose pods are read.
    pub(super) followed: &'a BTreeSet<String>,
    /// The nodes that are in flight.
    pub(super) in_flight: &'a BTreeMap<String, InFlight>,
    /// Managed clusters that are being upgraded, or were and are not complete.
    pub(super) upgrading: &'a BTreeSet<String>,
    pub(super) at: Timestamp,
}

/// A chain, and what decides when it is reported.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) chain: WaitChain,
    /// What makes it the same chain when it is found again.
    key: String,
    patience: Patience,
}

impl Found {
    /// A chain with the command that describes its root.
    fn new(cause: WaitCause, links: Vec<EventObject>, since: Timestamp) -> Self {
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
    fn owned_by(mut self, owner: &str) -> Self {
        self.key = format!("{} {owner}", self.chain.cause.id());
        self
    }

    fn with_command(mut self, command: String) -> Self {
        self.chain.command = command;
        self
    }

    fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }
}

/// A kind of chains.
struct Family {
    /// What must be listed now to find them.
    needs: fn(&Waits<'_>) -> Vec<Need>,
    /// The chains that there are now.
    find: fn(&Waits<'_>) -> Vec<Found>,
}

/// All kinds of chains, those first that explain a stall best.
const FAMILIES: &[Family] = &[
    Family {
        needs: drain::needs,
        find: drain::find,
    },
    Family {
        needs: node::needs,
        find: node::find,
    },
    Family {
        needs: |_| Vec::new(),
        find: platform::find,
    },
    Family {
        needs: |_| Vec::new(),
        find: plan::find,
    },
    Family {
        needs: machine::needs,
        find: machine::find,
    },
    Family {
        needs: workload::needs,
        find: workload::find,
    },
];

/// The chains that there are now.
pub(super) fn find(waits: &Waits<'_>) -> Vec<Found> {
    let families = FAMILIES.iter();
    families.flat_map(|family| (family.find)(waits)).collect()
}

/// What must be listed now to find them: no more than a limited number of lists.
pub(super) fn needs(waits: &Waits<'_>) -> Vec<Need> {
    let families = FAMILIES.iter();
    let needs = families.flat_map(|family| (family.needs)(waits));
    let mut wanted: Vec<Need> = Vec::new();
    for need in needs {
        if wanted.len() < MAX_LISTS && !wanted.contains(&need) {
            wanted.push(need);
        }
    }
    wanted
}
