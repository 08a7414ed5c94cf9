//! Exact shortest-path search over a small graph of indices.
//!
//! A state is a release of each platform and a Kubernetes version. A transition moves one of them forward. No transition
//! goes back, so the search ends, and the best path from a state is its best transition followed by the best path from the
//! next state.

use std::collections::{HashMap, HashSet};
use std::ops::Add;

use crate::catalog::{EdgeConfidence, Minor, MinorRange};

/// Tracks of releases, outermost platform first, and Kubernetes versions; each oldest first, beginning with the running one.
#[derive(Debug, Clone)]
pub(super) struct UpgradeGraph {
    pub(super) tracks: Vec<Vec<ReleaseVertex>>,
    /// Empty if the running Kubernetes version is unknown; then there are no Kubernetes transitions.
    pub(super) kubernetes_vertices: Vec<KubernetesVertex>,
}

/// A release of a platform.
#[derive(Debug, Clone)]
pub(super) struct ReleaseVertex {
    /// The Kubernetes minors it supports.
    pub(super) kubernetes_range: MinorRange,
    /// Position of the Kubernetes version it bundles.
    pub(super) bundled_kubernetes: Option<usize>,
    /// Upgrades from it, newest target first.
    pub(super) edges: Vec<GraphEdge>,
}

/// An upgrade to a later release of the same track.
#[derive(Debug, Clone)]
pub(super) struct GraphEdge {
    pub(super) to: usize,
    pub(super) confidence: EdgeConfidence,
    /// The Kubernetes minors required before the upgrade, if its source names them.
    pub(super) required_kubernetes: Option<MinorRange>,
}

/// A Kubernetes version.
#[derive(Debug, Clone)]
pub(super) struct KubernetesVertex {
    pub(super) minor: Minor,
    /// Whether it is the newest known patch of its minor.
    pub(super) is_newest_patch: bool,
    /// Whether the target names exactly this version.
    pub(super) is_requested: bool,
}

/// Positions on all tracks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SearchState {
    pub(super) release_positions: Vec<usize>,
    pub(super) kubernetes_position: usize,
}

/// A hop, by positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transition {
    Platform { track: usize, to: usize },
    Kubernetes { to: usize },
}

/// The target of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KubernetesGoal {
    /// No target: follow the versions that the target releases bundle.
    Anywhere,
    /// This position.
    At(usize),
    /// The best patch of this minor.
    Minor(Minor),
}

/// The targets of a search.
#[derive(Debug, Clone)]
pub(super) struct SearchGoal {
    /// For each track, the position to reach, if it has a target.
    pub(super) release_targets: Vec<Option<usize>>,
    pub(super) kubernetes: KubernetesGoal,
}

/// The cost of a path, most significant part first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct PathCost {
    pub(super) hops: u32,
    pub(super) kubernetes_hops: u32,
    /// Hops without a published source.
    pub(super) inferred_hops: u32,
    /// Hops that follow from a rule.
    pub(super) rule_hops: u32,
    /// Minors outside supported ranges, summed over the states of the path.
    pub(super) range_violation: u32,
}

impl Add for PathCost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            hops: self.hops + other.hops,
            kubernetes_hops: self.kubernetes_hops + other.kubernetes_hops,
            inferred_hops: self.inferred_hops + other.inferred_hops,
            rule_hops: self.rule_hops + other.rule_hops,
            range_violation: self.range_violation + other.range_violation,
        }
    }
}

/// For each state, the cost and first transition of its best path; `None` if it cannot reach the goal.
type BestTransitions = HashMap<SearchState, Option<(PathCost, Option<Transition>)>>;

impl UpgradeGraph {
    pub(super) fn start_state(&self) -> SearchState {
        SearchState {
            release_positions: vec![0; self.tracks.len()],
            kubernetes_position: 0,
        }
    }

    pub(super) fn kubernetes_minor(&self, state: &SearchState) -> Option<Minor> {
        self.kubernetes_vertices
            .get(state.kubernetes_position)
            .map(|vertex| vertex.minor)
    }

    pub(super) fn vertex(&self, state: &SearchState, track: usize) -> &ReleaseVertex {
        &self.tracks[track][state.release_positions[track]]
    }

    /// By how many minors Kubernetes is outside the ranges of the platforms, summed.
    pub(super) fn range_violation(&self, state: &SearchState) -> u32 {
        let Some(minor) = self.kubernetes_minor(state) else {
            return 0;
        };
        (0..self.tracks.len())
            .map(|track| self.vertex(state, track).kubernetes_range.distance(minor))
            .sum()
    }

    /// The best path to the goal. It ends within all supported ranges, unless it starts outside of them and no path leads
    /// back in.
    pub(super) fn solve(&self, goal: &SearchGoal) -> Option<Vec<Transition>> {
        let within = self.search(goal, true);
        if within.is_none() && self.range_violation(&self.start_state()) > 0 {
            return self.search(goal, false);
        }
        within
    }

    fn search(&self, goal: &SearchGoal, within: bool) -> Option<Vec<Transition>> {
        let mut best = BestTransitions::new();
        let mut state = self.start_state();
        self.best_cost(&state, goal, within, &mut best)?;
        let mut transitions = Vec::new();
        while let Some(Some((_, Some(next)))) = best.get(&state) {
            transitions.push(*next);
            state = self.apply(&state, *next);
        }
        Some(transitions)
    }

    fn best_cost(
        &self,
        state: &SearchState,
        goal: &SearchGoal,
        within: bool,
        best_known: &mut BestTransitions,
    ) -> Option<PathCost> {
        if let Some(found) = best_known.get(state) {
            return found.map(|(cost, _)| cost);
        }
        let found =
            if self.is_goal_met(state, goal) && (!within || self.range_violation(state) == 0) {
                Some((PathCost::default(), None))
            } else {
                let mut found: Option<(PathCost, Option<Transition>)> = None;
                for (transition, cost) in self.transitions(state) {
                    let next = self.apply(state, transition);
                    if self.is_past_goal(&next, goal) {
                        continue;
                    }
                    let Some(rest) = self.best_cost(&next, goal, within, best_known) else {
                        continue;
                    };
                    // Transitions come in order of preference, so the first of equal cost wins.
                    let whole = cost + rest;
                    if found.is_none_or(|(best, _)| whole < best) {
                        found = Some((whole, Some(transition)));
                    }
                }
                found
            };
        best_known.insert(state.clone(), found);
        found.map(|(cost, _)| cost)
    }

    /// Allowed transitions with their costs: outer platforms first, newer releases first, Kubernetes last.
    pub(super) fn transitions(&self, state: &SearchState) -> Vec<(Transition, PathCost)> {
        let mut transitions = Vec::new();
        let minor = self.kubernetes_minor(state);
        for track in 0..self.tracks.len() {
            let vertex = self.vertex(state, track);
            for edge in &vertex.edges {
                let target = &self.tracks[track][edge.to];
                let allowed = minor.is_none_or(|minor| match edge.required_kubernetes {
                    Some(starts) => starts.contains(minor),
                    None => {
                        target.kubernetes_range.distance(minor)
                            <= vertex.kubernetes_range.distance(minor)
                    }
                });
                if allowed {
                    let transition = Transition::Platform { track, to: edge.to };
                    transitions.push((
                        transition,
                        self.transition_cost(state, transition, edge.confidence),
                    ));
                }
            }
        }
        for to in (state.kubernetes_position + 1..self.kubernetes_vertices.len()).rev() {
            if self.can_upgrade_kubernetes(state, to) {
                let transition = Transition::Kubernetes { to };
                transitions.push((
                    transition,
                    self.transition_cost(state, transition, EdgeConfidence::FromRule),
                ));
            }
        }
        transitions
    }

    fn transition_cost(
        &self,
        state: &SearchState,
        transition: Transition,
        confidence: EdgeConfidence,
    ) -> PathCost {
        let platform = matches!(transition, Transition::Platform { .. });
        PathCost {
            hops: 1,
            kubernetes_hops: u32::from(!platform),
            inferred_hops: u32::from(platform && confidence == EdgeConfidence::Inferred),
            rule_hops: u32::from(platform && confidence == EdgeConfidence::FromRule),
            range_violation: self.range_violation(&self.apply(state, transition)),
        }
    }

    /// Whether Kubernetes may move to a later position: by at most one minor, and no farther outside any range.
    fn can_upgrade_kubernetes(&self, state: &SearchState, to: usize) -> bool {
        let (from, target) = (
            &self.kubernetes_vertices[state.kubernetes_position],
            &self.kubernetes_vertices[to],
        );
        let near = matches!(target.minor.minors_ahead_of(from.minor), Some(0 | 1));
        near && self.is_candidate(state, to)
            && (0..self.tracks.len()).all(|track| {
                let fits = self.vertex(state, track).kubernetes_range;
                fits.distance(target.minor) <= fits.distance(from.minor)
            })
    }

    /// Whether to consider this version: one that a platform bundles, the newest patch below those, or the target.
    fn is_candidate(&self, state: &SearchState, to: usize) -> bool {
        let vertex = &self.kubernetes_vertices[to];
        let bundled: Vec<usize> = (0..self.tracks.len())
            .filter_map(|track| self.vertex(state, track).bundled_kubernetes)
            .collect();
        let lowest = bundled
            .iter()
            .map(|bundled| self.kubernetes_vertices[*bundled].minor)
            .min();
        vertex.is_requested
            || bundled.contains(&to)
            || vertex.is_newest_patch && lowest.is_none_or(|lowest| vertex.minor < lowest)
    }

    pub(super) fn apply(&self, state: &SearchState, transition: Transition) -> SearchState {
        let mut next = state.clone();
        match transition {
            Transition::Platform { track, to } => next.release_positions[track] = to,
            Transition::Kubernetes { to } => next.kubernetes_position = to,
        }
        next
    }

    /// Whether a state satisfies the goal.
    pub(super) fn is_goal_met(&self, state: &SearchState, goal: &SearchGoal) -> bool {
        let mut requested = goal.release_targets.iter().zip(&state.release_positions);
        if !requested
            .all(|(requested, position)| requested.is_none_or(|requested| requested == *position))
        {
            return false;
        }
        match goal.kubernetes {
            KubernetesGoal::At(position) => state.kubernetes_position == position,
            KubernetesGoal::Minor(minor) => {
                let later = state.kubernetes_position + 1..self.kubernetes_vertices.len();
                let same = |to: usize| self.kubernetes_vertices[to].minor == minor;
                self.kubernetes_minor(state) == Some(minor)
                    && !later
                        .into_iter()
                        .any(|to| same(to) && self.can_upgrade_kubernetes(state, to))
            }
            KubernetesGoal::Anywhere => (0..self.tracks.len()).all(|track| {
                let bundled = self.vertex(state, track).bundled_kubernetes;
                let requested =
                    goal.release_targets[track].is_some() && !self.kubernetes_vertices.is_empty();
                !requested || bundled.is_none_or(|bundled| bundled <= state.kubernetes_position)
            }),
        }
    }

    /// Whether a state is past the goal.
    fn is_past_goal(&self, state: &SearchState, goal: &SearchGoal) -> bool {
        let mut requested = goal.release_targets.iter().zip(&state.release_positions);
        let past = requested
            .any(|(requested, position)| requested.is_some_and(|requested| requested < *position));
        past || match goal.kubernetes {
            KubernetesGoal::At(position) => position < state.kubernetes_position,
            KubernetesGoal::Minor(minor) => self
                .kubernetes_minor(state)
                .is_some_and(|current| minor < current),
            KubernetesGoal::Anywhere => false,
        }
    }

    /// All states reachable from the start.
    pub(super) fn reachable_states(&self) -> HashSet<SearchState> {
        let mut reached = HashSet::from([self.start_state()]);
        let mut todo = vec![self.start_state()];
        while let Some(state) = todo.pop() {
            for (transition, _) in self.transitions(&state) {
                let next = self.apply(&state, transition);
                if reached.insert(next.clone()) {
                    todo.push(next);
                }
            }
        }
        reached
    }
}
