//! How long the work on each node took, and what it was.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::drains::InFlight;
use super::fold::UpgradeWatch;
use super::nodes::{NodePhase, NodeState};
use super::span::Span;

/// A part of the work on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodePart {
    /// Cordoned with the older version: its pods are being evicted.
    Drain,
    /// Not ready: it restarts, or joins.
    NotReady,
    /// Ready with the new version, and still cordoned.
    Cordoned,
}

impl NodePart {
    fn of(phase: NodePhase) -> Option<Self> {
        match phase {
            NodePhase::Draining { .. } => Some(Self::Drain),
            NodePhase::Down | NodePhase::Joining => Some(Self::NotReady),
            NodePhase::Cordoned => Some(Self::Cordoned),
            NodePhase::Waiting | NodePhase::Upgraded | NodePhase::Unknown => None,
        }
    }
}

/// The work on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeTime {
    /// Its name.
    pub name: String,
    /// Its pool; empty without one.
    pub pool: String,
    /// Whether it runs the control plane.
    pub is_control_plane: bool,
    /// Each time that it was worked on: from its cordon, or from when it was not ready, until it was ready again or gone.
    pub passes: Vec<Span>,
    /// What was done in these times, in order.
    pub parts: Vec<(NodePart, Span)>,
    /// Pods that a drain was seen to evict; `None` if its pods were not read.
    pub evicted_pods: Option<usize>,
    /// Whether it was removed: replaced by another one, or surge.
    pub is_removed: bool,
}

impl NodeTime {
    fn new(name: &str, node: &NodeState) -> Self {
        Self {
            name: name.to_owned(),
            pool: node.pool.clone(),
            is_control_plane: node.is_control_plane,
            passes: Vec::new(),
            parts: Vec::new(),
            evicted_pods: None,
            is_removed: false,
        }
    }

    /// From the beginning of the first pass to the end of the last one.
    #[must_use]
    pub fn span(&self) -> Option<Span> {
        Some(Span {
            started_at: self.passes.first()?.started_at,
            ended_at: self.passes.last()?.ended_at,
        })
    }

    fn add_pass(&mut self, pass: Pass, ended_at: Option<Timestamp>) {
        self.passes.push(Span {
            started_at: pass.since,
            ended_at,
        });
        self.parts.extend(pass.parts);
        let evicted = self.evicted_pods.into_iter().chain(pass.evicted_pods);
        self.evicted_pods = evicted.reduce(|one, other| one + other);
    }
}

/// A pass that goes on.
#[derive(Debug, Clone)]
struct Pass {
    node: NodeTime,
    since: Timestamp,
    parts: Vec<(NodePart, Span)>,
    evicted_pods: Option<usize>,
}

impl Pass {
    fn follow(&mut self, node: &NodeState, flight: &InFlight, at: Timestamp) {
        if let Some((left, all)) = node.pods_left().zip(flight.pods) {
            let evicted = all.saturating_sub(left);
            self.evicted_pods = self.evicted_pods.max(Some(evicted));
        }
        let Some(part) = NodePart::of(node.phase) else {
            return;
        };
        if self.parts.last().is_some_and(|(last, _)| *last == part) {
            return;
        }
        let started_at = if self.parts.is_empty() {
            self.since
        } else {
            at
        };
        self.close(at);
        self.parts.push((part, Span::from(started_at)));
    }

    fn close(&mut self, at: Timestamp) {
        if let Some((_, span)) = self.parts.last_mut() {
            span.ended_at.get_or_insert(at);
        }
    }
}

/// The work on all nodes.
#[derive(Debug, Default)]
pub(super) struct NodeTimes {
    begun: BTreeMap<String, Pass>,
    nodes: BTreeMap<String, NodeTime>,
}

impl NodeTimes {
    /// Takes note of what a node is doing.
    pub(super) fn follow(&mut self, watch: &UpgradeWatch<'_>, name: &str, at: Timestamp) {
        let node = watch.picture().and_then(|picture| picture.nodes.get(name));
        if let (Some(flight), Some(node)) = (watch.in_flight().get(name), node) {
            let pass = self.begun.entry(name.to_owned()).or_insert_with(|| Pass {
                node: NodeTime::new(name, node),
                since: flight.since,
                parts: Vec::new(),
                evicted_pods: None,
            });
            pass.follow(node, flight, at);
            return;
        }
        let Some(mut pass) = self.begun.remove(name) else {
            return;
        };
        pass.close(at);
        let is_done = node.is_none_or(|node| node.phase == NodePhase::Upgraded);
        // One that was uncordoned as it was before has taken no time of the upgrade.
        if is_done {
            let time = self.nodes.entry(name.to_owned());
            let time = time.or_insert_with(|| pass.node.clone());
            time.add_pass(pass, Some(at));
            time.is_removed = node.is_none();
        }
    }

    /// The work up to now, in the order in which it was begun.
    pub(super) fn finish(&self) -> Vec<NodeTime> {
        let mut nodes = self.nodes.clone();
        for (name, pass) in &self.begun {
            let time = nodes.entry(name.clone());
            let time = time.or_insert_with(|| pass.node.clone());
            time.is_removed = false;
            time.add_pass(pass.clone(), None);
        }
        let mut nodes: Vec<NodeTime> = nodes.into_values().collect();
        nodes.sort_by_key(|node| node.span().map(|span| span.started_at));
        nodes
    }
}
