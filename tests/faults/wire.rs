//! Connections that are refused, hang, drip or break.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use crate::proxy::{Action, Front, Pace, Seen, refusing};
use crate::table::Row;
use crate::world::{World, at_once};

/// A trial: its name in the table, and what it does.
pub(crate) type Fault = (&'static str, fn(&World, &Row));

pub(crate) const FAULTS: &[Fault] = &[
    ("wire::refused", refused),
    (
        "wire::hangs_before_the_handshake",
        hangs_before_the_handshake,
    ),
    ("wire::hangs_for_everybody", hangs_for_everybody),
    ("wire::hangs_after_headers", hangs_after_headers),
    ("wire::drips", drips),
    ("wire::closes_in_a_page", closes_in_a_page),
    ("wire::closes_in_every_page", closes_in_every_page),
    ("wire::restarts_in_a_list", restarts_in_a_list),
    ("wire::goes_for_good", goes_for_good),
];

/// Long enough for anything that is well, also on a busy machine.
const SHORT: [&str; 2] = ["--request-timeout", "10"];

/// All pods.
const PODS: &str = "/api/v1/pods";

/// Whether a request is the first for a page after the first one, for each of these kinds once.
pub(crate) fn second_page(kinds: &'static [&str]) -> impl Fn(&Seen) -> bool + Send + Sync {
    let done = Mutex::new(BTreeSet::new());
    move |seen| {
        let continues = seen.query.contains("continue=");
        let is_of = |kind: &&&str| seen.path.ends_with(**kind);
        let kind = kinds.iter().find(is_of).filter(|_| continues);
        kind.is_some_and(|kind| done.lock().expect("no panic").insert(*kind))
    }
}

fn refused(world: &World, row: &Row) {
    let (_holder, port) = refusing(world.runtime.handle());
    let config = world.kubeconfig(&format!("https://127.0.0.1:{port}"));
    let run = at_once(|| world.check_with(&config, &[]));
    world.judge(row, &run, &[]);
}

fn hangs_before_the_handshake(world: &World, row: &Row) {
    let proxy = world.proxy_behind(Front::Mute, Box::new(|_| Action::Forward));
    let config = world.kubeconfig(&format!("https://127.0.0.1:{}", proxy.port));
    let run = world.check_with(&config, &["--request-timeout", "2"]);
    world.judge(row, &run, &[]);
    assert!(run.seconds > 1.9, "{} s", run.seconds);
}

/// After the first look nobody is answered any more: what hangs twice is not asked a third time.
fn hangs_for_everybody(world: &World, row: &Row) {
    let proxy = world.proxy(|seen| match seen.path.as_str() {
        "/version" | "/apis" => Action::Forward,
        _ => Action::Silence,
    });
    let run = world.check(&proxy, &SHORT);
    world.judge(row, &run, &[""]);
    assert!(run.seconds < 25.0, "{} s", run.seconds);
}

fn hangs_after_headers(world: &World, row: &Row) {
    let proxy = world.proxy(|seen| match seen.path == PODS {
        true => Action::change(|answer| answer.pace = Pace::Stall(0)),
        false => Action::Forward,
    });
    let run = world.check(&proxy, &SHORT);
    world.judge(row, &run, &["pods"]);
}

/// With the time-out that is used by default: half a minute.
fn drips(world: &World, row: &Row) {
    let proxy = world.proxy(|seen| match seen.path == PODS {
        true => Action::change(|answer| answer.pace = Pace::Drip(Duration::from_secs(1))),
        false => Action::Forward,
    });
    let run = world.check(&proxy, &[]);
    world.judge(row, &run, &["pods"]);
    assert!(run.seconds > 29.0, "{} s", run.seconds);
}

fn closes_in_a_page(world: &World, row: &Row) {
    let is_second = second_page(&[PODS]);
    let proxy = world.proxy(move |seen| match is_second(seen) {
        true => Action::change(|answer| {
            let half = answer.bytes().len() / 2;
            answer.pace = Pace::Cut(half);
        }),
        false => Action::Forward,
    });
    let run = world.check(&proxy, &[]);
    world.judge(row, &run, &[]);
    let asked = proxy.asked(PODS);
    let twice = asked.windows(2).filter(|two| two[0].query == two[1].query);
    assert_eq!(twice.count(), 1, "{asked:#?}");
}

fn closes_in_every_page(world: &World, row: &Row) {
    let proxy = world.proxy(|seen| match seen.path == PODS {
        true => Action::change(|answer| answer.pace = Pace::Cut(9)),
        false => Action::Forward,
    });
    let run = world.check(&proxy, &[]);
    world.judge(row, &run, &["pods"]);
}

fn restarts_in_a_list(world: &World, row: &Row) {
    let is_second = second_page(&[PODS]);
    let proxy = world.proxy(move |seen| match is_second(seen) {
        true => Action::Restart(Duration::from_secs(1)),
        false => Action::Forward,
    });
    let run = world.check(&proxy, &[]);
    world.judge(row, &run, &[]);
}

fn goes_for_good(world: &World, row: &Row) {
    let is_second = second_page(&[PODS]);
    let proxy = world.proxy(move |seen| match is_second(seen) {
        true => Action::Restart(Duration::from_secs(600)),
        false => Action::Forward,
    });
    let run = world.check(&proxy, &SHORT);
    world.judge(row, &run, &["", "pods"]);
    assert!(run.seconds < 25.0, "{} s", run.seconds);
}
