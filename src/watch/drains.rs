//! The nodes that drain, and all others of which something is under way.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::nodes::{NodePhase, NodeState, NodeTable};

/// Draining nodes whose pods are read: those beyond are shown without the number of their pods.
const MAX_FOLLOWED: usize = 20;
/// How often the progress of a drain is reported.
const REPORT_EVERY: SignedDuration = SignedDuration::from_secs(10);

/// A node of which something is under way: it drains, is not ready, or is not schedulable yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlight {
    /// When that was first seen.
    pub since: Timestamp,
    /// The most pods that a drain had to evict; `None` if they were not read.
    pub pods: Option<usize>,
    /// When the progress of the drain was last reported.
    reported: Option<Timestamp>,
}

/// The nodes that drain, since when, and those of them whose pods are read.
#[derive(Debug, Default)]
pub(super) struct Drains {
    since: BTreeMap<String, Timestamp>,
    followed: BTreeSet<String>,
    in_flight: BTreeMap<String, InFlight>,
}

impl Drains {
    /// When each of them was first seen cordoned.
    pub(super) fn since(&self) -> &BTreeMap<String, Timestamp> {
        &self.since
    }

    /// Those whose pods are read. A node stays one of them until it no longer drains.
    pub(super) fn followed(&self) -> &BTreeSet<String> {
        &self.followed
    }

    /// The nodes of which something is under way.
    pub(super) fn in_flight(&self) -> &BTreeMap<String, InFlight> {
        &self.in_flight
    }

    /// Takes note of all nodes.
    pub(super) fn set_all(&mut self, nodes: &NodeTable, at: Timestamp) {
        for (name, node) in nodes.iter() {
            self.set(name, Some(node), at);
        }
    }

    /// Takes note of a node; `None` if it is gone.
    pub(super) fn set(&mut self, name: &str, node: Option<&NodeState>, at: Timestamp) {
        self.set_in_flight(name, node, at);
        let is_draining = node.is_some_and(NodeState::is_draining);
        match (is_draining, self.since.contains_key(name)) {
            (true, false) => {
                self.since.insert(name.to_owned(), at);
                if self.followed.len() < MAX_FOLLOWED {
                    self.followed.insert(name.to_owned());
                }
            }
            (false, true) => {
                self.since.remove(name);
                if self.followed.remove(name) {
                    self.follow_another();
                }
            }
            _ => {}
        }
    }

    fn set_in_flight(&mut self, name: &str, node: Option<&NodeState>, at: Timestamp) {
        use NodePhase::{Cordoned, Down, Draining, Joining};
        let is_in_flight =
            |node: &&NodeState| matches!(node.phase, Draining { .. } | Joining | Cordoned | Down);
        let Some(node) = node.filter(is_in_flight) else {
            self.in_flight.remove(name);
            return;
        };
        let flight = self.in_flight.entry(name.to_owned()).or_insert(InFlight {
            since: at,
            pods: None,
            reported: None,
        });
        flight.pods = flight.pods.max(node.pods_left());
    }

    /// Whether the progress of a drain is to be reported: at its beginning and end, and now and then in between.
    pub(super) fn is_due(&mut self, name: &str, pods_left: Option<usize>, at: Timestamp) -> bool {
        let Some(flight) = self.in_flight.get_mut(name) else {
            return true;
        };
        let is_recent = |reported: Timestamp| at.duration_since(reported) < REPORT_EVERY;
        let is_due = pods_left == Some(0) || !flight.reported.is_some_and(is_recent);
        if is_due {
            flight.reported = Some(at);
        }
        is_due
    }

    /// The one that was cordoned first: whoever cordons a pool at once drains it in that order.
    fn follow_another(&mut self) {
        let others = self.since.iter();
        let others = others.filter(|(name, _)| !self.followed.contains(*name));
        let first = others.min_by_key(|(_, since)| **since);
        let name = first.map(|(name, _)| name.clone());
        self.followed.extend(name);
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use serde_json::json;

    use super::super::goal::UpgradeGoal;
    use super::super::nodes::NodeState;
    use super::{Drains, MAX_FOLLOWED};
    use crate::catalog::Catalog;

    fn cordoned(pods_left: Option<usize>) -> NodeState {
        let goal = UpgradeGoal::Given("1.37".parse().expect("a version"));
        let row = json!({"name": "a", "kubeletVersion": "v1.36.4", "unschedulable": true});
        let row = serde_json::from_value(row).expect("a node");
        let catalog = Catalog::embedded().expect("the catalog");
        let mut node = NodeState::new(&row, Some(&goal), catalog).expect("no virtual one");
        node.judge(Some(&goal), pods_left);
        node
    }

    #[test]
    fn of_a_cordoned_pool_those_are_followed_that_were_cordoned_first() {
        let mut drains = Drains::default();
        let name = |number: usize| format!("node-{:02}", 99 - number);
        for number in 0..=MAX_FOLLOWED + 1 {
            let seconds = i64::try_from(number).expect("a small number");
            let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
            drains.set(&name(number), Some(&cordoned(None)), at);
        }
        assert!(!drains.followed().contains(&name(MAX_FOLLOWED)));
        drains.set(&name(0), None, Timestamp::UNIX_EPOCH);
        assert!(!drains.followed().contains(&name(0)));
        assert!(drains.followed().contains(&name(MAX_FOLLOWED)));
        assert_eq!(drains.followed().len(), MAX_FOLLOWED);
        assert_eq!(drains.since().len(), MAX_FOLLOWED + 1);
    }

    #[test]
    fn the_pods_of_a_drain_are_counted_from_its_beginning() {
        let mut drains = Drains::default();
        let start = Timestamp::UNIX_EPOCH;
        for (second, pods) in [(0, None), (1, Some(30)), (2, Some(12))] {
            let at = start + SignedDuration::from_secs(second);
            drains.set("a", Some(&cordoned(pods)), at);
        }
        let flight = drains.in_flight()["a"];
        assert_eq!((flight.since, flight.pods), (start, Some(30)));
        drains.set("a", None, start);
        assert!(drains.in_flight().is_empty());
    }
}
