//! Rules about nodes: kubelet skew, container runtime, state, labels.

pub(super) mod kubelet_skew;
pub(super) mod label_master;
mod label_placement;
pub(super) mod runtime;
pub(super) mod state;
