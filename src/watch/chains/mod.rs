//! What holds an upgrade up: chains of objects, from the one that waits to the root.
//!
//! A chain is a function of rows and time. A family finds the chains of one kind, and says what must be listed for it: see
//! [`FAMILIES`], to which another one is a line. When a chain is reported and when it has ended is for [`WaitTracker`].

mod budget;
mod cause;
mod chain;
mod drain;
mod machine;
mod node;
mod plan;
mod platform;
mod pod;
mod reads;
mod reason;
mod scheduling;
mod tracker;
mod volume;
mod webhook;
mod workload;

use crate::need::Need;

pub use cause::WaitCause;
pub use chain::WaitChain;
pub use reads::wait_needs;

pub(super) use chain::{Found, Waits};
pub(super) use tracker::WaitTracker;

/// The most lists that are wanted at a time.
const MAX_LISTS: usize = 40;

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
