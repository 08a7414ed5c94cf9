//! Rules about nodes: kubelet skew, container runtime, state, labels.

pub(super) mod kubelet_skew;
pub(super) mod label_master;
mod label_placement;
pub(super) mod runtime;
pub(super) mod state;

use crate::text::pluralize;

/// Verbs of one node and of several.
const RUN: [&str; 2] = ["runs", "run"];
const ARE: [&str; 2] = ["is", "are"];

/// `1 node is cordoned`, `2 nodes are cordoned`.
fn nodes_phrase(number: usize, [one, several]: [&str; 2], rest: &str) -> String {
    let verb = if number == 1 { one } else { several };
    format!("{} {verb} {rest}", pluralize(number, "node"))
}
