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
fn vertices() -> impl Strategy<Value = Vec<KubernetesVertex>> {
    proptest::collection::vec((0..3_u32, any::<bool>(), any::<bool>()), 0..5).prop_map(|steps| {
        let mut at = 20;
        steps
            .into_iter()
            .map(|(transition, newest, requested)| {
                at += transition.min(2) / 2 + transition % 2;
                KubernetesVertex {
                    minor: minor(at),
                    is_newest_patch: newest,
                    is_requested: requested && newest,
                }
            })
            .collect()
    })
}

fn track(vertex_count: usize) -> impl Strategy<Value = Vec<ReleaseVertex>> {
    let ships = proptest::option::of(0..vertex_count.max(1));
    let edge =
        proptest::option::weighted(0.6, (strengths(), proptest::option::weighted(0.2, spans())));
    let vertex = (spans(), ships, proptest::collection::vec(edge, 4));
    proptest::collection::vec(vertex, 1..5).prop_map(move |vertices| {
        let count = vertices.len();
        let vertices = vertices.into_iter().enumerate();
        vertices
            .map(|(at, (fits, ships, edges))| ReleaseVertex {
                kubernetes_range: fits,
                bundled_kubernetes: ships.filter(|_| vertex_count > 0),
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

fn graphs() -> impl Strategy<Value = UpgradeGraph> {
    vertices().prop_flat_map(|vertices| {
        let tracks = proptest::collection::vec(track(vertices.len()), 0..3);
        tracks.prop_map(move |tracks| UpgradeGraph {
            tracks,
            kubernetes_vertices: vertices.clone(),
        })
    })
}

fn quests() -> impl Strategy<Value = (UpgradeGraph, SearchGoal)> {
    graphs().prop_flat_map(|graph| {
        let vertices: Vec<_> = graph
            .tracks
            .iter()
            .map(|track| proptest::option::of(0..track.len()))
            .collect();
        let aims = match graph.kubernetes_vertices.len() {
            0 => vec![KubernetesGoal::Anywhere],
            count => (0..count)
                .flat_map(|at| {
                    [
                        KubernetesGoal::At(at),
                        KubernetesGoal::Minor(graph.kubernetes_vertices[at].minor),
                        KubernetesGoal::Anywhere,
                    ]
                })
                .collect(),
        };
        (vertices, select(aims)).prop_map(move |(vertices, aim)| {
            (
                graph.clone(),
                SearchGoal {
                    release_targets: vertices,
                    kubernetes: aim,
                },
            )
        })
    })
}

/// Far from every range by hand: how many minors Kubernetes lies outside of them, summed up.
fn outside(graph: &UpgradeGraph, state: &SearchState) -> Vec<u32> {
    let fits = |track: usize| graph.tracks[track][state.release_positions[track]].kubernetes_range;
    (0..graph.tracks.len())
        .map(
            |track| match graph.kubernetes_vertices.get(state.kubernetes_position) {
                None => 0,
                Some(vertex) => {
                    let low = fits(track).oldest.map_or(0, |oldest| oldest.minor);
                    let high = fits(track).newest.map_or(u32::MAX, |newest| newest.minor);
                    low.saturating_sub(vertex.minor.minor)
                        .max(vertex.minor.minor.saturating_sub(high))
                }
            },
        )
        .collect()
}

/// All allowed hops, in no order, by an independent implementation of the rules.
fn allowed(
    graph: &UpgradeGraph,
    state: &SearchState,
) -> Vec<(Transition, SearchState, EdgeConfidence)> {
    let mut found = Vec::new();
    let before = outside(graph, state);
    let no_worse = |next: &SearchState| {
        let after = outside(graph, next);
        before
            .iter()
            .zip(&after)
            .all(|(before, after)| after <= before)
    };
    for (track, at) in state.release_positions.iter().enumerate() {
        for edge in &graph.tracks[track][*at].edges {
            let mut next = state.clone();
            next.release_positions[track] = edge.to;
            let fine = match (
                edge.required_kubernetes,
                graph.kubernetes_vertices.get(state.kubernetes_position),
            ) {
                (_, None) => true,
                (Some(starts), Some(vertex)) => starts.contains(vertex.minor),
                (None, Some(_)) => no_worse(&next),
            };
            if fine {
                found.push((
                    Transition::Platform { track, to: edge.to },
                    next,
                    edge.confidence,
                ));
            }
        }
    }
    for to in 0..graph.kubernetes_vertices.len() {
        let mut next = state.clone();
        next.kubernetes_position = to;
        let transition = i64::from(graph.kubernetes_vertices[to].minor.minor)
            - i64::from(
                graph.kubernetes_vertices[state.kubernetes_position]
                    .minor
                    .minor,
            );
        if to > state.kubernetes_position
            && transition <= 1
            && no_worse(&next)
            && offered(graph, state, to)
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
fn offered(graph: &UpgradeGraph, state: &SearchState, to: usize) -> bool {
    let mut lowest = u32::MAX;
    let mut shipped = false;
    for (track, at) in state.release_positions.iter().enumerate() {
        if let Some(ships) = graph.tracks[track][*at].bundled_kubernetes {
            lowest = lowest.min(graph.kubernetes_vertices[ships].minor.minor);
            shipped |= ships == to;
        }
    }
    let vertex = &graph.kubernetes_vertices[to];
    shipped || vertex.is_requested || (vertex.is_newest_patch && vertex.minor.minor < lowest)
}

/// How a hop is preferred over another where nothing else decides: outer platforms, then newer releases, then Kubernetes.
fn preference(transition: &Transition) -> (usize, usize) {
    match transition {
        Transition::Platform { track, to } => (*track, usize::MAX - to),
        Transition::Kubernetes { to } => (usize::MAX, usize::MAX - to),
    }
}

type Solution = (PathCost, Vec<(usize, usize)>, Vec<Transition>);

/// Tries every path.
fn brute(graph: &UpgradeGraph, goal: &SearchGoal, within: bool) -> Option<Solution> {
    let mut best: Option<Solution> = None;
    let mut todo = vec![(
        graph.start_state(),
        PathCost::default(),
        Vec::<Transition>::new(),
    )];
    while let Some((state, cost, transitions)) = todo.pop() {
        let strain: u32 = outside(graph, &state).iter().sum();
        if graph.is_goal_met(&state, goal) && (!within || strain == 0) {
            let order: Vec<_> = transitions.iter().map(preference).collect();
            let found = (cost, order, transitions.clone());
            let better = |best: &Solution| (found.0, &found.1) < (best.0, &best.1);
            if best.as_ref().is_none_or(better) {
                best = Some(found);
            }
            continue;
        }
        for (transition, next, strength) in allowed(graph, &state) {
            let mut cost = cost;
            cost.hops += 1;
            cost.range_violation += outside(graph, &next).iter().sum::<u32>();
            match transition {
                Transition::Kubernetes { .. } => cost.kubernetes_hops += 1,
                Transition::Platform { .. } => {
                    cost.inferred_hops += u32::from(strength == EdgeConfidence::Inferred);
                    cost.rule_hops += u32::from(strength == EdgeConfidence::FromRule);
                }
            }
            let mut transitions = transitions.clone();
            transitions.push(transition);
            todo.push((next, cost, transitions));
        }
    }
    best
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_search_finds_what_brute_force_finds((graph, goal) in quests()) {
        let mut expected = brute(&graph, &goal, true);
        let begins: u32 = outside(&graph, &graph.start_state()).iter().sum();
        if expected.is_none() && begins > 0 {
            expected = brute(&graph, &goal, false);
        }
        prop_assert_eq!(graph.solve(&goal), expected.map(|(_, _, transitions)| transitions));
    }

    #[test]
    fn paths_use_allowed_transitions_only_and_never_go_back((graph, goal) in quests()) {
        let mut state = graph.start_state();
        let mut unvisited = graph.reachable_states();
        for transition in graph.solve(&goal).unwrap_or_default() {
            let next = graph.apply(&state, transition);
            prop_assert!(next.kubernetes_position >= state.kubernetes_position);
            prop_assert!(next.release_positions.iter().zip(&state.release_positions).all(|(next, vertex)| next >= vertex));
            prop_assert!(next != state);
            let step_allowed = allowed(&graph, &state).iter().any(|(one, ..)| *one == transition);
            prop_assert!(step_allowed);
            prop_assert!(unvisited.remove(&next));
            state = next;
        }
    }
}
