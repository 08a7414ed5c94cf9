//! Rollouts in kube-system, and the pods of them that do not start.

use super::cause::WaitCause;
use super::chain::{Found, Waits};
use super::pod::{chain_through, controller, is_ready_or_going};
use super::reads;
use crate::need::Need;
use crate::snapshot::ObjectRow;
use crate::watch::object::EventObject;
use crate::watch::picture::RolloutState;

/// Pods that have not started, while a rollout is not complete.
pub(super) fn needs(waits: &Waits<'_>) -> Vec<Need> {
    let is_rolling = !waits.picture.rollouts.is_empty();
    is_rolling
        .then(reads::pending_system_pods)
        .into_iter()
        .collect()
}

/// For each rollout the pod that holds it up, or else the first rollout.
pub(super) fn find(waits: &Waits<'_>) -> Vec<Found> {
    let rollouts = &waits.picture.rollouts;
    let pods = waits
        .read(&reads::pending_system_pods())
        .unwrap_or_default();
    let link = |rollout: &RolloutState| {
        EventObject::new(
            rollout.kind,
            Some("kube-system"),
            &rollout.name,
            &rollout.why,
        )
    };
    let mut found: Vec<Found> = rollouts
        .iter()
        .filter_map(|rollout| {
            let own = pods
                .iter()
                .filter(|pod| is_of(pod, rollout) && !is_ready_or_going(pod));
            let own: Vec<&ObjectRow> = own.collect();
            chain_through(waits, &own, &[link(rollout)], waits.at)
        })
        .collect();
    let first = rollouts.first();
    found.extend(first.map(|one| Found::new(WaitCause::Rollout, vec![link(one)], waits.at)));
    found
}

/// Whether a rollout made the pod: the name of a ReplicaSet is that of its Deployment and a hash.
fn is_of(pod: &ObjectRow, rollout: &RolloutState) -> bool {
    controller(&pod.object).is_some_and(|(kind, name)| match (rollout.kind, kind) {
        ("Deployment", "ReplicaSet") => name
            .rsplit_once('-')
            .is_some_and(|(name, _)| name == rollout.name),
        (rolled, kind) => rolled == kind && name == rollout.name,
    })
}
