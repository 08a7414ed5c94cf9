//! The search against a brute force on small worlds.

use proptest::prelude::*;
use proptest::sample::select;

use super::search::{
    GraphEdge, KubernetesGoal, KubernetesVertex, PathCost, ReleaseVertex, SearchGoal, SearchState,
    Transition, UpgradeGraph,
};
use crate::catalog::{EdgeConfidence, Minor, MinorRange};

fn minor(minor: u32) -> Minor {
    Minor { major: 1, minor }
}

fn spans() -> impl Strategy<Value = MinorRange> {
    (
        proptest::option::of(20..24_u32),
        proptest::option::of(0..3_u32),
    )
        .prop_map(|(oldest, length)| MinorRange {
            oldest: oldest.map(minor),
            newest: length.map(|length| minor(oldest.unwrap_or(21) + length)),
        })
}

fn strengths() -> impl Strategy<Value = EdgeConfidence> {
    select(vec![
        EdgeConfidence::Published,
        EdgeConfidence::FromRule,
        EdgeConfidence::Inferred,
    ])
}

/// Points with minors from 20 on, some minors twice, sometimes with a hole.
fn points() -> impl Strategy<Value = Vec<KubernetesVertex>> {
    proptest::collection::vec((0..3_u32, any::<bool>(), any::<bool>()), 0..5).prop_map(|steps| {
        let mut at = 20;
        steps
            .into_iter()
            .map(|(step, newest, asked)| {
                at += step.min(2) / 2 + step % 2;
                KubernetesVertex {
                    minor: minor(at),
                    is_newest_patch: newest,
                    is_requested: asked && newest,
                }
            })
            .collect()
    })
}

fn line(points: usize) -> impl Strategy<Value = Vec<ReleaseVertex>> {
    let ships = proptest::option::of(0..points.max(1));
    let edge =
        proptest::option::weighted(0.6, (strengths(), proptest::option::weighted(0.2, spans())));
    let stop = (spans(), ships, proptest::collection::vec(edge, 4));
    proptest::collection::vec(stop, 1..5).prop_map(move |stops| {
        let count = stops.len();
        let stops = stops.into_iter().enumerate();
        stops
            .map(|(at, (fits, ships, edges))| ReleaseVertex {
                kubernetes_range: fits,
                bundled_kubernetes: ships.filter(|_| points > 0),
                edges: (at + 1..count)
                    .rev()
                    .filter_map(|to| {
                        let (strength, starts) = edges[to - 1]?;
                        Some(GraphEdge {
                            to,
                            confidence: strength,
                            required_kubernetes: starts,
                        })
                    })
                    .collect(),
            })
            .collect()
    })
}

fn worlds() -> impl Strategy<Value = UpgradeGraph> {
    points().prop_flat_map(|points| {
        let lines = proptest::collection::vec(line(points.len()), 0..3);
        lines.prop_map(move |lines| UpgradeGraph {
            tracks: lines,
            kubernetes_vertices: points.clone(),
        })
    })
}

fn quests() -> impl Strategy<Value = (UpgradeGraph, SearchGoal)> {
    worlds().prop_flat_map(|world| {
        let stops: Vec<_> = world
            .tracks
            .iter()
            .map(|line| proptest::option::of(0..line.len()))
            .collect();
        let aims = match world.kubernetes_vertices.len() {
            0 => vec![KubernetesGoal::Anywhere],
            count => (0..count)
                .flat_map(|at| {
                    [
                        KubernetesGoal::At(at),
                        KubernetesGoal::Minor(world.kubernetes_vertices[at].minor),
                        KubernetesGoal::Anywhere,
                    ]
                })
                .collect(),
        };
        (stops, select(aims)).prop_map(move |(stops, aim)| {
            (
                world.clone(),
                SearchGoal {
                    release_targets: stops,
                    kubernetes: aim,
                },
            )
        })
    })
}

/// Far from every range by hand: how many minors Kubernetes lies outside of them, summed up.
fn outside(world: &UpgradeGraph, state: &SearchState) -> Vec<u32> {
    let fits = |line: usize| world.tracks[line][state.release_positions[line]].kubernetes_range;
    (0..world.tracks.len())
        .map(
            |line| match world.kubernetes_vertices.get(state.kubernetes_position) {
                None => 0,
                Some(point) => {
                    let low = fits(line).oldest.map_or(0, |oldest| oldest.minor);
                    let high = fits(line).newest.map_or(u32::MAX, |newest| newest.minor);
                    low.saturating_sub(point.minor.minor)
                        .max(point.minor.minor.saturating_sub(high))
                }
            },
        )
        .collect()
}

/// Every hop that the rules of the game allow, said anew and without any order.
fn allowed(
    world: &UpgradeGraph,
    state: &SearchState,
) -> Vec<(Transition, SearchState, EdgeConfidence)> {
    let mut found = Vec::new();
    let here = outside(world, state);
    let no_worse = |next: &SearchState| {
        let there = outside(world, next);
        here.iter().zip(&there).all(|(here, there)| there <= here)
    };
    for (line, at) in state.release_positions.iter().enumerate() {
        for way in &world.tracks[line][*at].edges {
            let mut next = state.clone();
            next.release_positions[line] = way.to;
            let fine = match (
                way.required_kubernetes,
                world.kubernetes_vertices.get(state.kubernetes_position),
            ) {
                (_, None) => true,
                (Some(starts), Some(point)) => starts.contains(point.minor),
                (None, Some(_)) => no_worse(&next),
            };
            if fine {
                found.push((
                    Transition::Platform {
                        track: line,
                        to: way.to,
                    },
                    next,
                    way.confidence,
                ));
            }
        }
    }
    for to in 0..world.kubernetes_vertices.len() {
        let mut next = state.clone();
        next.kubernetes_position = to;
        let step = i64::from(world.kubernetes_vertices[to].minor.minor)
            - i64::from(
                world.kubernetes_vertices[state.kubernetes_position]
                    .minor
                    .minor,
            );
        if to > state.kubernetes_position
            && step <= 1
            && no_worse(&next)
            && offered(world, state, to)
        {
            found.push((
                Transition::Kubernetes { to },
                next,
                EdgeConfidence::Published,
            ));
        }
    }
    found
}

/// What a platform brings along; below that, or without it, the newest patches; what was asked for.
fn offered(world: &UpgradeGraph, state: &SearchState, to: usize) -> bool {
    let mut lowest = u32::MAX;
    let mut shipped = false;
    for (line, at) in state.release_positions.iter().enumerate() {
        if let Some(ships) = world.tracks[line][*at].bundled_kubernetes {
            lowest = lowest.min(world.kubernetes_vertices[ships].minor.minor);
            shipped |= ships == to;
        }
    }
    let point = &world.kubernetes_vertices[to];
    shipped || point.is_requested || (point.is_newest_patch && point.minor.minor < lowest)
}

/// How a hop is preferred over another where nothing else decides: outer platforms, then newer releases, then Kubernetes.
fn preference(step: &Transition) -> (usize, usize) {
    match step {
        Transition::Platform { track: line, to } => (*line, usize::MAX - to),
        Transition::Kubernetes { to } => (usize::MAX, usize::MAX - to),
    }
}

type Way0 = (PathCost, Vec<(usize, usize)>, Vec<Transition>);

/// Walks every way there is.
fn brute(world: &UpgradeGraph, goal: &SearchGoal, within: bool) -> Option<Way0> {
    let mut best: Option<Way0> = None;
    let mut todo = vec![(
        world.start_state(),
        PathCost::default(),
        Vec::<Transition>::new(),
    )];
    while let Some((state, cost, moves)) = todo.pop() {
        let strain: u32 = outside(world, &state).iter().sum();
        if world.is_goal_met(&state, goal) && (!within || strain == 0) {
            let order: Vec<_> = moves.iter().map(preference).collect();
            let found = (cost, order, moves.clone());
            let better = |best: &Way0| (found.0, &found.1) < (best.0, &best.1);
            if best.as_ref().is_none_or(better) {
                best = Some(found);
            }
            continue;
        }
        for (step, next, strength) in allowed(world, &state) {
            let mut cost = cost;
            cost.hops += 1;
            cost.range_violation += outside(world, &next).iter().sum::<u32>();
            match step {
                Transition::Kubernetes { .. } => cost.kubernetes_hops += 1,
                Transition::Platform { .. } => {
                    cost.inferred_hops += u32::from(strength == EdgeConfidence::Inferred);
                    cost.rule_hops += u32::from(strength == EdgeConfidence::FromRule);
                }
            }
            let mut moves = moves.clone();
            moves.push(step);
            todo.push((next, cost, moves));
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_search_finds_what_walking_every_way_finds((world, goal) in quests()) {
        let mut expected = brute(&world, &goal, true);
        let begins: u32 = outside(&world, &world.start_state()).iter().sum();
        if expected.is_none() && begins > 0 {
            expected = brute(&world, &goal, false);
        }
        prop_assert_eq!(world.solve(&goal), expected.map(|(_, _, moves)| moves));
    }

    #[test]
    fn ways_go_up_over_edges_and_out_of_no_range((world, goal) in quests()) {
        let mut state = world.start_state();
        let mut seen = world.reachable_states();
        for step in world.solve(&goal).unwrap_or_default() {
            let next = world.apply(&state, step);
            prop_assert!(next.kubernetes_position >= state.kubernetes_position);
            prop_assert!(next.release_positions.iter().zip(&state.release_positions).all(|(next, stop)| next >= stop));
            prop_assert!(next != state);
            let step_allowed = allowed(&world, &state).iter().any(|(one, ..)| *one == step);
            prop_assert!(step_allowed);
            prop_assert!(seen.remove(&next));
            state = next;
        }
    }
}
