//! The search: the shortest way through a small world of numbers, exact.
//!
//! A state is a stop on each line (a release of each platform) and a point (a version of Kubernetes). A move goes forward on
//! one of them. Since no move goes back, every way ends, and the best way from a state is the best of its moves and the best
//! way from there.

use std::collections::{HashMap, HashSet};
use std::ops::Add;

use crate::catalog::{EdgeConfidence, Minor, MinorRange};

/// Lines outermost first, each with its stops oldest first; points oldest first. The first of each is where we are.
#[derive(Debug, Clone)]
pub(super) struct UpgradeGraph {
    pub(super) tracks: Vec<Vec<ReleaseVertex>>,
    /// Empty where it is not known which Kubernetes runs: then none is asked for, and none moves.
    pub(super) kubernetes_vertices: Vec<KubernetesVertex>,
}

/// A release of a platform.
#[derive(Debug, Clone)]
pub(super) struct ReleaseVertex {
    /// The minors of Kubernetes it runs on.
    pub(super) kubernetes_range: MinorRange,
    /// The point that it brings along.
    pub(super) bundled_kubernetes: Option<usize>,
    /// Edges, newest target first.
    pub(super) edges: Vec<GraphEdge>,
}

/// An edge to a later stop of the same line.
#[derive(Debug, Clone)]
pub(super) struct GraphEdge {
    pub(super) to: usize,
    pub(super) confidence: EdgeConfidence,
    /// Which Kubernetes must run when it begins, where that is said of the edge itself.
    pub(super) required_kubernetes: Option<MinorRange>,
}

/// A version of Kubernetes.
#[derive(Debug, Clone)]
pub(super) struct KubernetesVertex {
    pub(super) minor: Minor,
    /// The newest patch of its minor that is known.
    pub(super) is_newest_patch: bool,
    /// Somebody asked for exactly this one.
    pub(super) is_requested: bool,
}

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct SearchState {
    pub(super) release_positions: Vec<usize>,
    pub(super) kubernetes_position: usize,
}

/// One hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transition {
    Platform { track: usize, to: usize },
    Kubernetes { to: usize },
}

/// Where Kubernetes is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KubernetesGoal {
    /// Nobody asked: where the platforms that were asked for bring it.
    Anywhere,
    /// At this point.
    At(usize),
    /// At the best patch of this minor.
    Minor(Minor),
}

/// Where the way is to end.
#[derive(Debug, Clone)]
pub(super) struct SearchGoal {
    /// For each line; none where nobody asked.
    pub(super) release_targets: Vec<Option<usize>>,
    pub(super) kubernetes: KubernetesGoal,
}

/// What a way costs, what counts most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct PathCost {
    pub(super) hops: u32,
    pub(super) kubernetes_hops: u32,
    /// Hops that nobody published.
    pub(super) inferred_hops: u32,
    /// Hops that follow from a rule only.
    pub(super) rule_hops: u32,
    /// How far outside of supported ranges it leads, for how long.
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

/// For each state, the best way on from it: its cost and first move; none where the goal cannot be reached.
type BestTransitions = HashMap<SearchState, Option<(PathCost, Option<Transition>)>>;

impl UpgradeGraph {
    /// Where we are.
    pub(super) fn start_state(&self) -> SearchState {
        SearchState {
            release_positions: vec![0; self.tracks.len()],
            kubernetes_position: 0,
        }
    }

    pub(super) fn kubernetes_minor(&self, state: &SearchState) -> Option<Minor> {
        self.kubernetes_vertices
            .get(state.kubernetes_position)
            .map(|point| point.minor)
    }

    pub(super) fn vertex(&self, state: &SearchState, line: usize) -> &ReleaseVertex {
        &self.tracks[line][state.release_positions[line]]
    }

    /// By how many minors Kubernetes is outside of what the platforms run on.
    pub(super) fn range_violation(&self, state: &SearchState) -> u32 {
        let Some(minor) = self.kubernetes_minor(state) else {
            return 0;
        };
        (0..self.tracks.len())
            .map(|line| self.vertex(state, line).kubernetes_range.distance(minor))
            .sum()
    }

    /// The best way to the goal. It ends within all ranges; only where it begins outside of them and nothing leads back, it
    /// may end outside, no farther than it began.
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
        let mut moves = Vec::new();
        while let Some(Some((_, Some(next)))) = best.get(&state) {
            moves.push(*next);
            state = self.apply(&state, *next);
        }
        Some(moves)
    }

    fn best_cost(
        &self,
        state: &SearchState,
        goal: &SearchGoal,
        within: bool,
        known: &mut BestTransitions,
    ) -> Option<PathCost> {
        if let Some(found) = known.get(state) {
            return found.map(|(cost, _)| cost);
        }
        let found =
            if self.is_goal_met(state, goal) && (!within || self.range_violation(state) == 0) {
                Some((PathCost::default(), None))
            } else {
                let mut found: Option<(PathCost, Option<Transition>)> = None;
                for (step, cost) in self.transitions(state) {
                    let next = self.apply(state, step);
                    if self.is_past_goal(&next, goal) {
                        continue;
                    }
                    let Some(rest) = self.best_cost(&next, goal, within, known) else {
                        continue;
                    };
                    // The first of equals stays: moves come in the order of preference.
                    let whole = cost + rest;
                    if found.is_none_or(|(best, _)| whole < best) {
                        found = Some((whole, Some(step)));
                    }
                }
                found
            };
        known.insert(state.clone(), found);
        found.map(|(cost, _)| cost)
    }

    /// What may be done next, outer platforms first, newer releases first, Kubernetes last; with what it costs.
    pub(super) fn transitions(&self, state: &SearchState) -> Vec<(Transition, PathCost)> {
        let mut moves = Vec::new();
        let minor = self.kubernetes_minor(state);
        for line in 0..self.tracks.len() {
            let here = self.vertex(state, line);
            for way in &here.edges {
                let there = &self.tracks[line][way.to];
                let allowed = minor.is_none_or(|minor| match way.required_kubernetes {
                    Some(starts) => starts.contains(minor),
                    None => {
                        there.kubernetes_range.distance(minor)
                            <= here.kubernetes_range.distance(minor)
                    }
                });
                if allowed {
                    let step = Transition::Platform {
                        track: line,
                        to: way.to,
                    };
                    moves.push((step, self.transition_cost(state, step, way.confidence)));
                }
            }
        }
        for to in (state.kubernetes_position + 1..self.kubernetes_vertices.len()).rev() {
            if self.can_upgrade_kubernetes(state, to) {
                let step = Transition::Kubernetes { to };
                moves.push((
                    step,
                    self.transition_cost(state, step, EdgeConfidence::FromRule),
                ));
            }
        }
        moves
    }

    fn transition_cost(
        &self,
        state: &SearchState,
        step: Transition,
        strength: EdgeConfidence,
    ) -> PathCost {
        let platform = matches!(step, Transition::Platform { .. });
        PathCost {
            hops: 1,
            kubernetes_hops: u32::from(!platform),
            inferred_hops: u32::from(platform && strength == EdgeConfidence::Inferred),
            rule_hops: u32::from(platform && strength == EdgeConfidence::FromRule),
            range_violation: self.range_violation(&self.apply(state, step)),
        }
    }

    /// Whether Kubernetes may go to a later point: to the next minor at most, and farther out of no range.
    fn can_upgrade_kubernetes(&self, state: &SearchState, to: usize) -> bool {
        let (from, target) = (
            &self.kubernetes_vertices[state.kubernetes_position],
            &self.kubernetes_vertices[to],
        );
        let near = matches!(target.minor.minors_ahead_of(from.minor), Some(0 | 1));
        near && self.is_candidate(state, to)
            && (0..self.tracks.len()).all(|line| {
                let fits = self.vertex(state, line).kubernetes_range;
                fits.distance(target.minor) <= fits.distance(from.minor)
            })
    }

    /// Whether this version is one to go to: what a platform brings along, else the newest patch, else what was asked for.
    fn is_candidate(&self, state: &SearchState, to: usize) -> bool {
        let point = &self.kubernetes_vertices[to];
        let shipped: Vec<usize> = (0..self.tracks.len())
            .filter_map(|line| self.vertex(state, line).bundled_kubernetes)
            .collect();
        let lowest = shipped
            .iter()
            .map(|ships| self.kubernetes_vertices[*ships].minor)
            .min();
        point.is_requested
            || shipped.contains(&to)
            || point.is_newest_patch && lowest.is_none_or(|lowest| point.minor < lowest)
    }

    pub(super) fn apply(&self, state: &SearchState, step: Transition) -> SearchState {
        let mut next = state.clone();
        match step {
            Transition::Platform { track: line, to } => next.release_positions[line] = to,
            Transition::Kubernetes { to } => next.kubernetes_position = to,
        }
        next
    }

    /// Whether it is where the goal says.
    pub(super) fn is_goal_met(&self, state: &SearchState, goal: &SearchGoal) -> bool {
        let mut asked = goal.release_targets.iter().zip(&state.release_positions);
        if !asked.all(|(asked, stop)| asked.is_none_or(|asked| asked == *stop)) {
            return false;
        }
        match goal.kubernetes {
            KubernetesGoal::At(point) => state.kubernetes_position == point,
            KubernetesGoal::Minor(minor) => {
                let later = state.kubernetes_position + 1..self.kubernetes_vertices.len();
                let same = |to: usize| self.kubernetes_vertices[to].minor == minor;
                self.kubernetes_minor(state) == Some(minor)
                    && !later
                        .into_iter()
                        .any(|to| same(to) && self.can_upgrade_kubernetes(state, to))
            }
            KubernetesGoal::Anywhere => (0..self.tracks.len()).all(|line| {
                let ships = self.vertex(state, line).bundled_kubernetes;
                let asked =
                    goal.release_targets[line].is_some() && !self.kubernetes_vertices.is_empty();
                !asked || ships.is_none_or(|ships| ships <= state.kubernetes_position)
            }),
        }
    }

    /// Whether the goal lies behind, where nothing leads back to.
    fn is_past_goal(&self, state: &SearchState, goal: &SearchGoal) -> bool {
        let mut asked = goal.release_targets.iter().zip(&state.release_positions);
        let past = asked.any(|(asked, stop)| asked.is_some_and(|asked| asked < *stop));
        past || match goal.kubernetes {
            KubernetesGoal::At(point) => point < state.kubernetes_position,
            KubernetesGoal::Minor(minor) => self
                .kubernetes_minor(state)
                .is_some_and(|here| minor < here),
            KubernetesGoal::Anywhere => false,
        }
    }

    /// Every state that can be reached.
    pub(super) fn reachable_states(&self) -> HashSet<SearchState> {
        let mut seen = HashSet::from([self.start_state()]);
        let mut todo = vec![self.start_state()];
        while let Some(state) = todo.pop() {
            for (step, _) in self.transitions(&state) {
                let next = self.apply(&state, step);
                if seen.insert(next.clone()) {
                    todo.push(next);
                }
            }
        }
        seen
    }
}
