//! What is news of an object: one that goes back and forth between two states makes no progress.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::event::EventScope;
use super::message::ScopedMessage;
use super::picture::Picture;
use crate::catalog::Release;

/// What was reported of each object since it runs the newest version that it has run.
#[derive(Debug, Default)]
pub(super) struct Novelty {
    reported: BTreeMap<EventScope, Reported>,
}

#[derive(Debug, Default)]
struct Reported {
    version: Option<Release>,
    /// Hashes: the messages of thousands of nodes take too much memory.
    messages: BTreeSet<u64>,
}

impl Novelty {
    /// Takes note of the messages. Returns whether any of them is reported for the first time.
    pub(super) fn take(&mut self, messages: &[ScopedMessage], picture: &Picture) -> bool {
        let mut is_news = false;
        for (scope, text) in messages {
            let reported = self.reported.entry(scope.clone()).or_default();
            let version = version_of(scope, picture);
            if version > reported.version.as_ref() {
                reported.version = version.cloned();
                reported.messages.clear();
            }
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            is_news |= reported.messages.insert(hasher.finish());
        }
        is_news
    }
}

fn version_of<'p>(scope: &EventScope, picture: &'p Picture) -> Option<&'p Release> {
    match scope {
        EventScope::Node(name) => picture.nodes.version(name),
        EventScope::Cluster(name) => match picture.managed.get(name) {
            Some(rollout) => rollout.control_plane_version.as_ref(),
            None => picture.control_plane.api_servers.last(),
        },
    }
}
