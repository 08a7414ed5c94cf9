//! When a chain is reported, and when it has ended: each once.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::cause::Patience;
use super::chain::{Found, WaitChain};

/// In this time everything that a chain rests on is read at least twice.
const TWO_LOOKS: SignedDuration = SignedDuration::from_secs(12);

/// The chains that were found, and those that were reported.
#[derive(Debug, Default)]
pub(in crate::watch) struct WaitTracker {
    found: BTreeMap<String, Tracked>,
    /// Those that were reported, the longest wait first.
    reported: Vec<WaitChain>,
}

#[derive(Debug)]
struct Tracked {
    found: Found,
    first_at: Timestamp,
    last_at: Timestamp,
    is_reported: bool,
}

/// What changed.
#[derive(Debug, Default, PartialEq)]
pub(in crate::watch) struct WaitChanges {
    pub(in crate::watch) begun: Vec<WaitChain>,
    pub(in crate::watch) ended: Vec<WaitChain>,
}

impl WaitTracker {
    /// Those that were reported and have not ended, the longest wait first.
    pub(in crate::watch) fn reported(&self) -> &[WaitChain] {
        &self.reported
    }

    /// What explains a stall best: what was reported, or else the first that was found.
    pub(in crate::watch) fn explain<'f>(&'f self, found: &'f [Found]) -> Option<&'f WaitChain> {
        let reported = self.reported.first();
        reported.or_else(|| Some(&found.first()?.chain))
    }

    /// Takes note of what there is now.
    pub(in crate::watch) fn update(&mut self, found: Vec<Found>, at: Timestamp) -> WaitChanges {
        for one in found {
            match self.found.get_mut(&one.key) {
                // Two objects may wait for the same: the one that waits longest is shown.
                Some(tracked) if tracked.last_at == at => {
                    if one.chain.since < tracked.found.chain.since {
                        tracked.found = one;
                    }
                }
                Some(tracked) => {
                    if tracked.found.patience == Patience::UntilStall
                        && one.patience != Patience::UntilStall
                    {
                        // From now on it is a blocker: what was before does not count.
                        tracked.first_at = at;
                    }
                    tracked.last_at = at;
                    tracked.found = one;
                }
                None => {
                    let tracked = Tracked {
                        first_at: at,
                        last_at: at,
                        is_reported: false,
                        found: one,
                    };
                    self.found.insert(tracked.found.key.clone(), tracked);
                }
            }
        }
        let mut changes = WaitChanges::default();
        for tracked in self.found.values_mut() {
            if !tracked.is_reported && tracked.last_at == at && tracked.is_due(at) {
                tracked.is_reported = true;
                changes.begun.push(tracked.found.chain.clone());
            }
        }
        self.forget(
            |tracked| at.duration_since(tracked.last_at) >= TWO_LOOKS,
            &mut changes,
        );
        changes
    }

    /// Takes note that nothing is waited for any more.
    pub(in crate::watch) fn end_all(&mut self) -> WaitChanges {
        let mut changes = WaitChanges::default();
        self.forget(|_| true, &mut changes);
        changes
    }

    fn forget(&mut self, is_over: impl Fn(&Tracked) -> bool, changes: &mut WaitChanges) {
        self.found.retain(|_, tracked| {
            let is_over = is_over(tracked);
            if is_over && tracked.is_reported {
                changes.ended.push(tracked.found.chain.clone());
            }
            !is_over
        });
        let reported = self.found.values().filter(|tracked| tracked.is_reported);
        self.reported = reported
            .map(|tracked| tracked.found.chain.clone())
            .collect();
        self.reported.sort_by_key(|chain| chain.since);
    }
}

impl Tracked {
    fn is_due(&self, at: Timestamp) -> bool {
        let lasting = at.duration_since(self.first_at);
        match self.found.patience {
            Patience::None => lasting >= TWO_LOOKS,
            Patience::For(time) => lasting >= time.max(TWO_LOOKS),
            Patience::UntilStall => false,
        }
    }
}
