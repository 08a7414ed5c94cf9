//! Why the scheduler finds no node for a pod, from its message.
//!
//! For each node it names the first filter that the node fails, in the order of the filters. So a reason of a later filter
//! is of nodes that pass all earlier ones: it is what keeps the pod off the nodes that come closest.
//!
//! Source: kubernetes/kubernetes pkg/scheduler/framework/types.go (FitError), pkg/scheduler/apis/config/v1/default_plugins.go.

use super::cause::{Patience, WaitCause};

/// Parts of reasons in the order of the filters.
const REASONS: &[(&str, WaitCause)] = &[
    ("untolerated taint", WaitCause::NoToleration),
    ("node affinity/selector", WaitCause::NoMatchingNode),
    ("didn't have free ports", WaitCause::NoRoom),
    ("Insufficient ", WaitCause::NoRoom),
    ("Too many pods", WaitCause::NoRoom),
    ("exceed max volume count", WaitCause::NoVolume),
    ("persistentvolumeclaim", WaitCause::NoVolume),
    ("PersistentVolumeClaims", WaitCause::NoVolume),
    ("persistent volumes to bind", WaitCause::NoVolume),
    ("volume node affinity conflict", WaitCause::NoVolume),
    ("volume zone", WaitCause::NoVolume),
    ("topology spread constraints", WaitCause::NoSpread),
    ("affinity rules", WaitCause::NoMatchingNode),
];
/// What is said of nodes that come back by themselves: cordoned, or not ready yet.
const PASSING: [&str; 2] = ["were unschedulable", "node.kubernetes.io/"];

/// The cause of a message `0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. preemption: …`, and how
/// long to wait before it is named: longer while nodes are away that may fit.
pub(super) fn classify(message: &str) -> (WaitCause, Option<Patience>) {
    let message = message.split(". preemption:").next().unwrap_or_default();
    let mut reasons = REASONS.iter().rev();
    let cause = reasons.find(|(part, _)| {
        // A taint of a node that is away says nothing of the pod.
        let mut clauses = message.split(", ");
        clauses.any(|clause| clause.contains(part) && !clause.contains(PASSING[1]))
    });
    let is_passing = PASSING.iter().any(|part| message.contains(part));
    let patience = is_passing.then_some(WaitCause::Unschedulable.patience());
    (
        cause.map_or(WaitCause::Unschedulable, |(_, cause)| *cause),
        patience,
    )
}

#[cfg(test)]
mod tests {
    use super::super::cause::WaitCause;
    use super::classify;

    #[test]
    fn the_reason_of_the_nodes_that_come_closest_counts() {
        for (message, cause, can_pass) in [
            (
                "0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.",
                "unschedulable-room",
                true,
            ),
            (
                "0/2 nodes are available: 2 Too many pods.",
                "unschedulable-room",
                false,
            ),
            (
                "0/2 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint(s).",
                "unschedulable-room",
                false,
            ),
            (
                "0/2 nodes are available: 2 node(s) had untolerated taint {dedicated: db}. preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.",
                "unschedulable-taint",
                false,
            ),
            (
                "0/2 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }, 1 node(s) were unschedulable.",
                "unschedulable",
                true,
            ),
            (
                "0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.",
                "unschedulable-affinity",
                false,
            ),
            (
                "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
                "unschedulable-affinity",
                false,
            ),
            (
                "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology spread constraints.",
                "unschedulable-topology",
                false,
            ),
            (
                "0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
                "unschedulable-volume",
                false,
            ),
            (
                "0/2 nodes are available: persistentvolumeclaim \"data\" not found. preemption: x",
                "unschedulable-volume",
                false,
            ),
            (
                "0/2 nodes are available: 2 node(s) had volume node affinity conflict.",
                "unschedulable-volume",
                false,
            ),
            (
                "no nodes available to schedule pods",
                "unschedulable",
                false,
            ),
        ] {
            let (found, patience): (WaitCause, _) = classify(message);
            assert_eq!(
                (found.id(), patience.is_some()),
                (cause, can_pass),
                "{message}"
            );
        }
    }
}
