//! The live view of `upgrade-watch`: what is shown of an upgrade, as a frame of a terminal or as text.
//!
//! Lines are built once, with a tone for each piece of them; [`draw_live_view`] shows a part of them, [`live_view_text`]
//! prints all. Whatever comes from a cluster is escaped where a line is built.

mod bars;
mod chains;
mod frame;
mod line;
mod sections;
#[cfg(test)]
mod tests;

use jiff::SignedDuration;

use crate::api::v1::{EventObjectDoc, UpgradeEvent};

pub use frame::{draw_live_view, live_view_text};
pub use line::Tone;

/// The narrowest terminal that the view fits.
pub const MIN_COLUMNS: u16 = 60;

/// What is shown.
#[derive(Debug, Clone)]
pub struct LiveView {
    /// The state as an event of type `picture`.
    pub picture: UpgradeEvent,
    /// Since the upgrade was first seen under way; `None` if it is not.
    pub elapsed: Option<SignedDuration>,
    /// What has been missing, `The API server has not answered for`, and for how long; `None` if nothing is.
    pub outage: Option<(&'static str, SignedDuration)>,
    /// What the upgrade is stuck on.
    pub chains: Vec<StuckChain>,
    /// How far the plan is; `None` without one.
    pub plan: Option<String>,
    /// The phases in their order.
    pub phases: Vec<PhaseRow>,
    /// Parts of the control plane: what, which version, how many.
    pub control_plane: Vec<[String; 3]>,
    /// Nodes and machines in flight, the longest first.
    pub in_flight: Vec<InFlightRow>,
    /// How many more of them there are.
    pub more_in_flight: usize,
    /// The latest events, the oldest first.
    pub events: Vec<UpgradeEvent>,
    /// Notes, warnings and the log, the oldest first.
    pub notes: Vec<String>,
}

/// A phase of the upgrade.
#[derive(Debug, Clone)]
pub struct PhaseRow {
    /// What is upgraded.
    pub name: String,
    /// Parts that are done, and all of them; `None` if they are not counted.
    pub done: Option<(usize, usize)>,
    /// How far it is, in words.
    pub status: String,
}

/// A chain of objects that hold the upgrade up.
#[derive(Debug, Clone)]
pub struct StuckChain {
    /// What it is stuck on, in a sentence.
    pub cause: String,
    /// For how long; `None` if that is unknown.
    pub since: Option<SignedDuration>,
    /// From the object that waits to the one that it waits for.
    pub links: Vec<EventObjectDoc>,
    /// The command that shows more; empty without one.
    pub command: String,
    /// What people do about it; empty if nothing is known.
    pub advice: String,
}

/// A node or machine in flight.
#[derive(Debug, Clone)]
pub struct InFlightRow {
    /// Its name.
    pub name: String,
    /// Its pool; empty without one.
    pub pool: String,
    /// What it is doing.
    pub status: String,
    /// Pods that a drain has evicted, and all that it has to evict; `None` if it does not drain, or if they were not read.
    pub evicted: Option<(usize, usize)>,
    /// For how long; `None` if that is unknown.
    pub since: Option<SignedDuration>,
    /// What is reported of it, such as the last warning; empty lines are left out.
    pub notes: Vec<String>,
}

/// What the reader has chosen to see.
#[derive(Debug, Clone, Copy)]
pub struct LiveViewState {
    /// The first line that is shown below the heading.
    pub scroll: usize,
    /// Whether long sections are folded.
    pub is_folded: bool,
    /// Whether the keys are explained.
    pub shows_help: bool,
    /// Whether the view is frozen.
    pub is_paused: bool,
    /// Whether keys are read.
    pub has_keys: bool,
}

impl Default for LiveViewState {
    fn default() -> Self {
        Self {
            scroll: 0,
            is_folded: true,
            shows_help: false,
            is_paused: false,
            has_keys: true,
        }
    }
}
