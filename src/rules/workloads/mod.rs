//! Rules about workloads and their pods: rollouts, termination, pinning.

pub(super) mod pod_bare;
pub(super) mod pod_pinning;
pub(super) mod pod_termination;
pub(super) mod rollouts;
