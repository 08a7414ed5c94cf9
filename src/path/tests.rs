//! The search against a brute force on small worlds.

use proptest::prelude::*;
use proptest::sample::select;

use super::search::{Aim, Cost, Goal, Move, Point, State, Stop, Way, World};
use crate::catalog::{Minor, Span, Strength};

fn minor(minor: u32) -> Minor {
    Minor { major: 1, minor }
}

fn spans() -> impl Strategy<Value = Span> {
    (
        proptest::option::of(20..24_u32),
        proptest::option::of(0..3_u32),
    )
        .prop_map(|(oldest, length)| Span {
            oldest: oldest.map(minor),
            newest: length.map(|length| minor(oldest.unwrap_or(21) + length)),
        })
}

fn strengths() -> impl Strategy<Value = Strength> {
    select(vec![
        Strength::Published,
        Strength::Rule,
        Strength::Inferred,
    ])
}

/// Points with minors from 20 on, some minors twice, sometimes with a hole.
fn points() -> impl Strategy<Value = Vec<Point>> {
    proptest::collection::vec((0..3_u32, any::<bool>(), any::<bool>()), 0..5).prop_map(|steps| {
        let mut at = 20;
        steps
            .into_iter()
            .map(|(step, newest, asked)| {
                at += step.min(2) / 2 + step % 2;
                Point {
                    minor: minor(at),
                    newest,
                    asked: asked && newest,
                }
            })
            .collect()
    })
}

fn line(points: usize) -> impl Strategy<Value = Vec<Stop>> {
    let ships = proptest::option::of(0..points.max(1));
    let edge =
        proptest::option::weighted(0.6, (strengths(), proptest::option::weighted(0.2, spans())));
    let stop = (spans(), ships, proptest::collection::vec(edge, 4));
    proptest::collection::vec(stop, 1..5).prop_map(move |stops| {
        let count = stops.len();
        let stops = stops.into_iter().enumerate();
        stops
            .map(|(at, (fits, ships, edges))| Stop {
                fits,
                ships: ships.filter(|_| points > 0),
                ways: (at + 1..count)
                    .rev()
                    .filter_map(|to| {
                        let (strength, starts) = edges[to - 1]?;
                        Some(Way {
                            to,
                            strength,
                            starts,
                        })
                    })
                    .collect(),
            })
            .collect()
    })
}

fn worlds() -> impl Strategy<Value = World> {
    points().prop_flat_map(|points| {
        let lines = proptest::collection::vec(line(points.len()), 0..3);
        lines.prop_map(move |lines| World {
            lines,
            points: points.clone(),
        })
    })
}

fn quests() -> impl Strategy<Value = (World, Goal)> {
    worlds().prop_flat_map(|world| {
        let stops: Vec<_> = world
            .lines
            .iter()
            .map(|line| proptest::option::of(0..line.len()))
            .collect();
        let aims = match world.points.len() {
            0 => vec![Aim::Anywhere],
            count => (0..count)
                .flat_map(|at| {
                    [
                        Aim::At(at),
                        Aim::Minor(world.points[at].minor),
                        Aim::Anywhere,
                    ]
                })
                .collect(),
        };
        (stops, select(aims)).prop_map(move |(stops, aim)| (world.clone(), Goal { stops, aim }))
    })
}

/// Far from every range by hand: how many minors Kubernetes lies outside of them, summed up.
fn outside(world: &World, state: &State) -> Vec<u32> {
    let fits = |line: usize| world.lines[line][state.stops[line]].fits;
    (0..world.lines.len())
        .map(|line| match world.points.get(state.point) {
            None => 0,
            Some(point) => {
                let low = fits(line).oldest.map_or(0, |oldest| oldest.minor);
                let high = fits(line).newest.map_or(u32::MAX, |newest| newest.minor);
                low.saturating_sub(point.minor.minor)
                    .max(point.minor.minor.saturating_sub(high))
            }
        })
        .collect()
}

/// Every hop that the rules of the game allow, said anew and without any order.
fn allowed(world: &World, state: &State) -> Vec<(Move, State, Strength)> {
    let mut found = Vec::new();
    let here = outside(world, state);
    let no_worse = |next: &State| {
        let there = outside(world, next);
        here.iter().zip(&there).all(|(here, there)| there <= here)
    };
    for (line, at) in state.stops.iter().enumerate() {
        for way in &world.lines[line][*at].ways {
            let mut next = state.clone();
            next.stops[line] = way.to;
            let fine = match (way.starts, world.points.get(state.point)) {
                (_, None) => true,
                (Some(starts), Some(point)) => starts.contains(point.minor),
                (None, Some(_)) => no_worse(&next),
            };
            if fine {
                found.push((Move::Platform { line, to: way.to }, next, way.strength));
            }
        }
    }
    for to in 0..world.points.len() {
        let mut next = state.clone();
        next.point = to;
        let step = i64::from(world.points[to].minor.minor)
            - i64::from(world.points[state.point].minor.minor);
        if to > state.point && step <= 1 && no_worse(&next) && offered(world, state, to) {
            found.push((Move::Kubernetes { to }, next, Strength::Published));
        }
    }
    found
}

/// What a platform brings along; below that, or without it, the newest patches; what was asked for.
fn offered(world: &World, state: &State, to: usize) -> bool {
    let mut lowest = u32::MAX;
    let mut shipped = false;
    for (line, at) in state.stops.iter().enumerate() {
        if let Some(ships) = world.lines[line][*at].ships {
            lowest = lowest.min(world.points[ships].minor.minor);
            shipped |= ships == to;
        }
    }
    let point = &world.points[to];
    shipped || point.asked || (point.newest && point.minor.minor < lowest)
}

/// How a hop is preferred over another where nothing else decides: outer platforms, then newer releases, then Kubernetes.
fn preference(step: &Move) -> (usize, usize) {
    match step {
        Move::Platform { line, to } => (*line, usize::MAX - to),
        Move::Kubernetes { to } => (usize::MAX, usize::MAX - to),
    }
}

type Way0 = (Cost, Vec<(usize, usize)>, Vec<Move>);

/// Walks every way there is.
fn brute(world: &World, goal: &Goal, within: bool) -> Option<Way0> {
    let mut best: Option<Way0> = None;
    let mut todo = vec![(world.start(), Cost::default(), Vec::<Move>::new())];
    while let Some((state, cost, moves)) = todo.pop() {
        let strain: u32 = outside(world, &state).iter().sum();
        if world.is_met(&state, goal) && (!within || strain == 0) {
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
            cost.strain += outside(world, &next).iter().sum::<u32>();
            match step {
                Move::Kubernetes { .. } => cost.kubernetes += 1,
                Move::Platform { .. } => {
                    cost.inferred += u32::from(strength == Strength::Inferred);
                    cost.ruled += u32::from(strength == Strength::Rule);
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
        let begins: u32 = outside(&world, &world.start()).iter().sum();
        if expected.is_none() && begins > 0 {
            expected = brute(&world, &goal, false);
        }
        prop_assert_eq!(world.solve(&goal), expected.map(|(_, _, moves)| moves));
    }

    #[test]
    fn ways_go_up_over_edges_and_out_of_no_range((world, goal) in quests()) {
        let mut state = world.start();
        let mut seen = world.reach();
        for step in world.solve(&goal).unwrap_or_default() {
            let next = world.after(&state, step);
            prop_assert!(next.point >= state.point);
            prop_assert!(next.stops.iter().zip(&state.stops).all(|(next, stop)| next >= stop));
            prop_assert!(next != state);
            let step_allowed = allowed(&world, &state).iter().any(|(one, ..)| *one == step);
            prop_assert!(step_allowed);
            prop_assert!(seen.remove(&next));
            state = next;
        }
    }
}
