//! The search: the shortest way through a small world of numbers, exact.
//!
//! A state is a stop on each line (a release of each platform) and a point (a version of Kubernetes). A move goes forward on
//! one of them. Since no move goes back, every way ends, and the best way from a state is the best of its moves and the best
//! way from there.

use std::collections::{HashMap, HashSet};
use std::ops::Add;

use crate::catalog::{Minor, Span, Strength};

/// Lines outermost first, each with its stops oldest first; points oldest first. The first of each is where we are.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) lines: Vec<Vec<Stop>>,
    /// Empty where it is not known which Kubernetes runs: then none is asked for, and none moves.
    pub(super) points: Vec<Point>,
}

/// A release of a platform.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    /// The minors of Kubernetes it runs on.
    pub(super) fits: Span,
    /// The point that it brings along.
    pub(super) ships: Option<usize>,
    /// Edges, newest target first.
    pub(super) ways: Vec<Way>,
}

/// An edge to a later stop of the same line.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) to: usize,
    pub(super) strength: Strength,
    /// Which Kubernetes must run when it begins, where that is said of the edge itself.
    pub(super) starts: Option<Span>,
}

/// A version of Kubernetes.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) minor: Minor,
    /// The newest patch of its minor that is known.
    pub(super) newest: bool,
    /// Somebody asked for exactly this one.
    pub(super) asked: bool,
}

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    pub(super) stops: Vec<usize>,
    pub(super) point: usize,
}

/// One hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    Platform { line: usize, to: usize },
    Kubernetes { to: usize },
}

/// Where Kubernetes is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aim {
    /// Nobody asked: where the platforms that were asked for bring it.
    Anywhere,
    /// At this point.
    At(usize),
    /// At the best patch of this minor.
    Minor(Minor),
}

/// Where the way is to end.
#[derive(Debug, Clone)]
pub(super) struct Goal {
    /// For each line; none where nobody asked.
    pub(super) stops: Vec<Option<usize>>,
    pub(super) aim: Aim,
}

/// What a way costs, what counts most first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Cost {
    pub(super) hops: u32,
    pub(super) kubernetes: u32,
    /// Hops that nobody published.
    pub(super) inferred: u32,
    /// Hops that follow from a rule only.
    pub(super) ruled: u32,
    /// How far outside of supported ranges it leads, for how long.
    pub(super) strain: u32,
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            hops: self.hops + other.hops,
            kubernetes: self.kubernetes + other.kubernetes,
            inferred: self.inferred + other.inferred,
            ruled: self.ruled + other.ruled,
            strain: self.strain + other.strain,
        }
    }
}

/// For each state, the best way on from it: its cost and first move; none where the goal cannot be reached.
type Best = HashMap<State, Option<(Cost, Option<Move>)>>;

impl World {
    /// Where we are.
    pub(super) fn start(&self) -> State {
        State {
            stops: vec![0; self.lines.len()],
            point: 0,
        }
    }

    pub(super) fn minor(&self, state: &State) -> Option<Minor> {
        self.points.get(state.point).map(|point| point.minor)
    }

    pub(super) fn stop(&self, state: &State, line: usize) -> &Stop {
        &self.lines[line][state.stops[line]]
    }

    /// By how many minors Kubernetes is outside of what the platforms run on.
    pub(super) fn strain(&self, state: &State) -> u32 {
        let Some(minor) = self.minor(state) else {
            return 0;
        };
        (0..self.lines.len())
            .map(|line| self.stop(state, line).fits.distance(minor))
            .sum()
    }

    /// The best way to the goal. It ends within all ranges; only where it begins outside of them and nothing leads back, it
    /// may end outside, no farther than it began.
    pub(super) fn solve(&self, goal: &Goal) -> Option<Vec<Move>> {
        let within = self.ways(goal, true);
        if within.is_none() && self.strain(&self.start()) > 0 {
            return self.ways(goal, false);
        }
        within
    }

    fn ways(&self, goal: &Goal, within: bool) -> Option<Vec<Move>> {
        let mut best = Best::new();
        let mut state = self.start();
        self.best(&state, goal, within, &mut best)?;
        let mut moves = Vec::new();
        while let Some(Some((_, Some(next)))) = best.get(&state) {
            moves.push(*next);
            state = self.after(&state, *next);
        }
        Some(moves)
    }

    fn best(&self, state: &State, goal: &Goal, within: bool, known: &mut Best) -> Option<Cost> {
        if let Some(found) = known.get(state) {
            return found.map(|(cost, _)| cost);
        }
        let found = if self.is_met(state, goal) && (!within || self.strain(state) == 0) {
            Some((Cost::default(), None))
        } else {
            let mut found: Option<(Cost, Option<Move>)> = None;
            for (step, cost) in self.moves(state) {
                let next = self.after(state, step);
                if self.is_past(&next, goal) {
                    continue;
                }
                let Some(rest) = self.best(&next, goal, within, known) else {
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
    pub(super) fn moves(&self, state: &State) -> Vec<(Move, Cost)> {
        let mut moves = Vec::new();
        let minor = self.minor(state);
        for line in 0..self.lines.len() {
            let here = self.stop(state, line);
            for way in &here.ways {
                let there = &self.lines[line][way.to];
                let allowed = minor.is_none_or(|minor| match way.starts {
                    Some(starts) => starts.contains(minor),
                    None => there.fits.distance(minor) <= here.fits.distance(minor),
                });
                if allowed {
                    let step = Move::Platform { line, to: way.to };
                    moves.push((step, self.cost(state, step, way.strength)));
                }
            }
        }
        for to in (state.point + 1..self.points.len()).rev() {
            if self.may_rise(state, to) {
                let step = Move::Kubernetes { to };
                moves.push((step, self.cost(state, step, Strength::Rule)));
            }
        }
        moves
    }

    fn cost(&self, state: &State, step: Move, strength: Strength) -> Cost {
        let platform = matches!(step, Move::Platform { .. });
        Cost {
            hops: 1,
            kubernetes: u32::from(!platform),
            inferred: u32::from(platform && strength == Strength::Inferred),
            ruled: u32::from(platform && strength == Strength::Rule),
            strain: self.strain(&self.after(state, step)),
        }
    }

    /// Whether Kubernetes may go to a later point: to the next minor at most, and farther out of no range.
    fn may_rise(&self, state: &State, to: usize) -> bool {
        let (from, target) = (&self.points[state.point], &self.points[to]);
        let near = matches!(target.minor.ahead_of(from.minor), Some(0 | 1));
        near && self.is_offered(state, to)
            && (0..self.lines.len()).all(|line| {
                let fits = self.stop(state, line).fits;
                fits.distance(target.minor) <= fits.distance(from.minor)
            })
    }

    /// Whether this version is one to go to: what a platform brings along, else the newest patch, else what was asked for.
    fn is_offered(&self, state: &State, to: usize) -> bool {
        let point = &self.points[to];
        let shipped: Vec<usize> = (0..self.lines.len())
            .filter_map(|line| self.stop(state, line).ships)
            .collect();
        let lowest = shipped.iter().map(|ships| self.points[*ships].minor).min();
        point.asked
            || shipped.contains(&to)
            || point.newest && lowest.is_none_or(|lowest| point.minor < lowest)
    }

    pub(super) fn after(&self, state: &State, step: Move) -> State {
        let mut next = state.clone();
        match step {
            Move::Platform { line, to } => next.stops[line] = to,
            Move::Kubernetes { to } => next.point = to,
        }
        next
    }

    /// Whether it is where the goal says.
    pub(super) fn is_met(&self, state: &State, goal: &Goal) -> bool {
        let mut asked = goal.stops.iter().zip(&state.stops);
        if !asked.all(|(asked, stop)| asked.is_none_or(|asked| asked == *stop)) {
            return false;
        }
        match goal.aim {
            Aim::At(point) => state.point == point,
            Aim::Minor(minor) => {
                let later = state.point + 1..self.points.len();
                let same = |to: usize| self.points[to].minor == minor;
                self.minor(state) == Some(minor)
                    && !later
                        .into_iter()
                        .any(|to| same(to) && self.may_rise(state, to))
            }
            Aim::Anywhere => (0..self.lines.len()).all(|line| {
                let ships = self.stop(state, line).ships;
                let asked = goal.stops[line].is_some() && !self.points.is_empty();
                !asked || ships.is_none_or(|ships| ships <= state.point)
            }),
        }
    }

    /// Whether the goal lies behind, where nothing leads back to.
    fn is_past(&self, state: &State, goal: &Goal) -> bool {
        let mut asked = goal.stops.iter().zip(&state.stops);
        let past = asked.any(|(asked, stop)| asked.is_some_and(|asked| asked < *stop));
        past || match goal.aim {
            Aim::At(point) => point < state.point,
            Aim::Minor(minor) => self.minor(state).is_some_and(|here| minor < here),
            Aim::Anywhere => false,
        }
    }

    /// Every state that can be reached.
    pub(super) fn reach(&self) -> HashSet<State> {
        let mut seen = HashSet::from([self.start()]);
        let mut todo = vec![self.start()];
        while let Some(state) = todo.pop() {
            for (step, _) in self.moves(&state) {
                let next = self.after(&state, step);
                if seen.insert(next.clone()) {
                    todo.push(next);
                }
            }
        }
        seen
    }
}
