//! The nodes that drain.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::nodes::NodeTable;

/// Draining nodes whose pods are read: those beyond are shown without the number of their pods.
const MAX_FOLLOWED: usize = 20;

/// The nodes that drain, since when, and those of them whose pods are read.
#[derive(Debug, Default)]
pub(super) struct Drains {
    since: BTreeMap<String, Timestamp>,
    followed: BTreeSet<String>,
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

    /// Takes note of all nodes.
    pub(super) fn set_all(&mut self, nodes: &NodeTable, at: Timestamp) {
        for (name, node) in nodes.iter() {
            self.set(name, node.is_draining(), at);
        }
    }

    /// Takes note of a node.
    pub(super) fn set(&mut self, name: &str, is_draining: bool, at: Timestamp) {
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

    use super::{Drains, MAX_FOLLOWED};

    #[test]
    fn of_a_cordoned_pool_those_are_followed_that_were_cordoned_first() {
        let mut drains = Drains::default();
        let name = |number: usize| format!("node-{:02}", 99 - number);
        for number in 0..=MAX_FOLLOWED + 1 {
            let seconds = i64::try_from(number).expect("a small number");
            let at = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
            drains.set(&name(number), true, at);
        }
        assert!(!drains.followed().contains(&name(MAX_FOLLOWED)));
        drains.set(&name(0), false, Timestamp::UNIX_EPOCH);
        assert!(!drains.followed().contains(&name(0)));
        assert!(drains.followed().contains(&name(MAX_FOLLOWED)));
        assert_eq!(drains.followed().len(), MAX_FOLLOWED);
        assert_eq!(drains.since().len(), MAX_FOLLOWED + 1);
    }
}
