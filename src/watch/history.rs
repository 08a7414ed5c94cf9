//! What a cluster keeps of an upgrade that began before the watch: when the nodes or machines of the new version came.
//!
//! A node that is upgraded in place keeps nothing of that: it was created long ago, which is another history.

use jiff::{SignedDuration, Timestamp};

use super::managed::{MachinePhase, ManagedRollout};
use super::nodes::{NodePhase, NodeTable};
use crate::snapshot::NodeRow;

/// A longer pause is the end of another upgrade: one that goes on over night is two.
const MAX_PAUSE: SignedDuration = SignedDuration::from_hours(6);

/// When the nodes that run the new version joined, in order, if that is of this upgrade.
pub(super) fn of_nodes(rows: &[NodeRow], nodes: &NodeTable, at: Timestamp) -> Vec<Timestamp> {
    let is_upgraded = |row: &&NodeRow| {
        let node = nodes.get(&row.name);
        node.is_some_and(|node| node.phase == NodePhase::Upgraded)
    };
    let upgraded = rows.iter().filter(is_upgraded);
    latest(upgraded.filter_map(|row| row.created_at).collect(), at)
}

/// When the machines that run the new version became available, in order, if that is of this upgrade.
pub(super) fn of_machines<'r>(
    rollouts: impl Iterator<Item = &'r ManagedRollout>,
    at: Timestamp,
) -> Vec<Timestamp> {
    let rollouts = rollouts.filter(|rollout| rollout.is_upgrading());
    let machines = rollouts.flat_map(|rollout| rollout.machines.values());
    let upgraded = machines.filter(|machine| machine.phase == MachinePhase::Upgraded);
    latest(
        upgraded
            .filter_map(|machine| machine.available_since)
            .collect(),
        at,
    )
}

/// The times after the last long pause.
fn latest(mut times: Vec<Timestamp>, at: Timestamp) -> Vec<Timestamp> {
    times.sort();
    let ends = times.iter().skip(1).chain([&at]);
    let pauses = times
        .iter()
        .zip(ends)
        .map(|(time, next)| next.duration_since(*time));
    let first = pauses
        .collect::<Vec<_>>()
        .iter()
        .rposition(|pause| *pause > MAX_PAUSE);
    times.split_off(first.map_or(0, |index| index + 1))
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::latest;

    fn hours(hours: &[i64]) -> Vec<Timestamp> {
        let times = hours.iter();
        times
            .map(|hours| Timestamp::UNIX_EPOCH + SignedDuration::from_hours(*hours))
            .collect()
    }

    #[test]
    fn only_what_came_after_the_last_long_pause_is_of_this_upgrade() {
        let at = hours(&[100])[0];
        assert_eq!(latest(hours(&[99, 2, 1, 97]), at), hours(&[97, 99]));
        assert_eq!(
            latest(hours(&[1, 2, 90]), at),
            [],
            "upgraded in place, or long ago"
        );
        assert_eq!(
            latest(hours(&[88, 94]), at),
            hours(&[88, 94]),
            "just not too long"
        );
        assert_eq!(latest(Vec::new(), at), []);
    }
}
