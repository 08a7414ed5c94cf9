//! Answers that are errors, or are not what was asked for.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::proxy::{Action, Answer, Seen};
use crate::table::Row;
use crate::wire::{Fault, second_page};
use crate::world::World;

pub(crate) const FAULTS: &[Fault] = &[
    ("answers::unauthorized", unauthorized),
    ("answers::group_is_gone", group_is_gone),
    ("answers::expired_token", expired_token),
    ("answers::token_expires_each_time", token_expires_each_time),
    ("answers::busy_until_then", busy_until_then),
    ("answers::busy_until_a_date", busy_until_a_date),
    ("answers::busy", busy),
    ("answers::busy_for_ever", busy_for_ever),
    ("answers::internal_error", internal_error),
    ("answers::away_for_a_while", away_for_a_while),
    ("answers::away_for_ever", away_for_ever),
    ("answers::page_to_log_in", page_to_log_in),
    ("answers::page_of_a_gateway", page_of_a_gateway),
    ("answers::truncated_json", truncated_json),
    ("answers::truncated_protobuf", truncated_protobuf),
    ("answers::nested_json", nested_json),
    ("answers::invalid_utf8", invalid_utf8),
    ("answers::aggregated_api_hangs", aggregated_api_hangs),
    (
        "answers::discovery_without_a_group",
        discovery_without_a_group,
    ),
    ("answers::discovery_fails", discovery_fails),
];

const BUDGETS: &str = "/poddisruptionbudgets";
const BUDGETS_GAP: &str = "poddisruptionbudgets.policy";
const JSON: &str = "application/json";

/// Answers all requests for a kind, and lets the others through.
fn instead(
    kind: &'static str,
    answer: impl Fn() -> Answer + Send + Sync + 'static,
) -> impl Fn(&Seen) -> Action + Send + Sync + 'static {
    move |seen| match seen.path.ends_with(kind) {
        true => Action::Answer(answer()),
        false => Action::Forward,
    }
}

/// Changes what the API server says of a kind.
fn edited(
    kind: &'static str,
    edit: fn(&mut Vec<u8>),
) -> impl Fn(&Seen) -> Action + Send + Sync + 'static {
    move |seen| match seen.path.ends_with(kind) {
        true => Action::change(move |answer| edit(answer.bytes())),
        false => Action::Forward,
    }
}

fn unauthorized(world: &World, row: &Row) {
    let proxy =
        world.proxy(|_| Action::Answer(Answer::status(401, "Unauthorized", "Unauthorized")));
    world.judge(row, &world.check(&proxy, &[]), &[]);
    assert_eq!(proxy.seen().len(), 1);
}

fn group_is_gone(world: &World, row: &Row) {
    let gone = "the server could not find the requested resource";
    let proxy = world.proxy(move |seen| match seen.path.starts_with("/apis/policy/") {
        true => Action::Answer(Answer::status(404, "NotFound", gone)),
        false => Action::Forward,
    });
    world.judge(
        row,
        &world.check(&proxy, &[]),
        &[BUDGETS_GAP, "podsecuritypolicies.policy"],
    );
}

fn expired() -> Answer {
    let message = "The provided continue parameter is too old to display a consistent list result.";
    Answer::status(410, "Expired", message)
}

/// No object is seen twice, none is missed: the numbers and the findings are those of a run without faults.
fn expired_token(world: &World, row: &Row) {
    let is_second = second_page(&["/api/v1/pods", "/secrets", BUDGETS]);
    let proxy = world.proxy(move |seen| match is_second(seen) {
        true => Action::Answer(expired()),
        false => Action::Forward,
    });
    world.judge(row, &world.check(&proxy, &[]), &[]);
    let asked = proxy.asked("/api/v1/pods");
    assert!(!asked[2].query.contains("continue="), "{asked:#?}");
}

fn token_expires_each_time(world: &World, row: &Row) {
    let proxy = world.proxy(|seen| {
        match seen.path.ends_with("/pods") && seen.query.contains("continue=") {
            true => Action::Answer(expired()),
            false => Action::Forward,
        }
    });
    world.judge(row, &world.check(&proxy, &[]), &["pods"]);
}

fn too_many() -> Answer {
    let message = "the server has received too many requests and has asked us to try again later";
    Answer::status(429, "TooManyRequests", message)
}

/// Six times, more often than without being asked.
fn busy_until_then(world: &World, row: &Row) {
    let proxy = world.proxy(|seen| match seen.path.ends_with("/pods") && seen.nth <= 6 {
        true => Action::Answer(too_many().with("retry-after", "1")),
        false => Action::Forward,
    });
    let run = world.check(&proxy, &[]);
    world.judge(row, &run, &[]);
    assert!(run.seconds > 6.0, "came again too early: {} s", run.seconds);
    assert!(
        run.stderr.contains("retrying after a delay"),
        "{}",
        run.stderr
    );
}

/// Four times two seconds ahead, less what the date is short of a whole second; once more than without being asked.
fn busy_until_a_date(world: &World, row: &Row) {
    let proxy = world.proxy(|seen| match seen.path.ends_with("/pods") && seen.nth <= 4 {
        true => {
            let until = Timestamp::now() + SignedDuration::from_secs(2);
            let until = until.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            Action::Answer(too_many().with("retry-after", &until))
        }
        false => Action::Forward,
    });
    let run = world.check(&proxy, &[]);
    world.judge(row, &run, &[]);
    assert!(run.seconds > 3.9, "came again too early: {} s", run.seconds);
}

fn busy(world: &World, row: &Row) {
    let proxy = world.proxy(|seen| match seen.path.ends_with("/pods") && seen.nth <= 2 {
        true => Action::Answer(too_many()),
        false => Action::Forward,
    });
    world.judge(row, &world.check(&proxy, &[]), &[]);
}

fn busy_for_ever(world: &World, row: &Row) {
    let proxy = world.proxy(instead("/pods", too_many));
    world.judge(row, &world.check(&proxy, &[]), &["pods"]);
}

fn internal_error(world: &World, row: &Row) {
    let error = || Answer::status(500, "InternalError", "etcdserver: leader changed");
    let proxy = world.proxy(instead(BUDGETS, error));
    world.judge(row, &world.check(&proxy, &[]), &[BUDGETS_GAP]);
}

fn away() -> Answer {
    Answer::status(
        503,
        "ServiceUnavailable",
        "the server is currently unable to handle the request",
    )
}

/// From the third request on, for a second, for everybody.
fn away_for_a_while(world: &World, row: &Row) {
    let since = Mutex::new(None);
    let proxy = world.proxy(move |seen| {
        if ["/version", "/apis"].contains(&seen.path.as_str()) {
            return Action::Forward;
        }
        let since = *since
            .lock()
            .expect("no panic")
            .get_or_insert_with(Instant::now);
        match since.elapsed() < Duration::from_secs(1) {
            true => Action::Answer(away()),
            false => Action::Forward,
        }
    });
    world.judge(row, &world.check(&proxy, &[]), &[]);
}

fn away_for_ever(world: &World, row: &Row) {
    let proxy = world.proxy(|_| Action::Answer(away()));
    world.judge(row, &world.check(&proxy, &[]), &[]);
    assert_eq!(proxy.seen().len(), 4, "attempts");
}

const PAGE: &str = "<!DOCTYPE html><html><head><title>Please log in</title></head></html>";

fn page_to_log_in(world: &World, row: &Row) {
    let proxy = world.proxy(|_| Action::Answer(Answer::new(200, "text/html", PAGE)));
    world.judge(row, &world.check(&proxy, &[]), &[]);
}

fn page_of_a_gateway(world: &World, row: &Row) {
    let page = "<html><head><title>502 Bad Gateway</title></head></html>";
    let proxy = world.proxy(instead(BUDGETS, move || {
        Answer::new(502, "text/html", page)
    }));
    world.judge(row, &world.check(&proxy, &[]), &[BUDGETS_GAP]);
}

fn truncated_json(world: &World, row: &Row) {
    let proxy = world.proxy(edited(BUDGETS, |body| body.truncate(body.len() / 2)));
    world.judge(row, &world.check(&proxy, &[]), &[BUDGETS_GAP]);
}

fn truncated_protobuf(world: &World, row: &Row) {
    let proxy = world.proxy(edited("/pods", |body| body.truncate(body.len() / 2)));
    world.judge(row, &world.check(&proxy, &[]), &["pods"]);
}

fn nested_json(world: &World, row: &Row) {
    const DEEP: usize = 10_000;
    let body = || {
        let deep = format!("{}{}", "[".repeat(DEEP), "]".repeat(DEEP));
        format!(r#"{{"metadata":{{}},"items":[{{"metadata":{{"name":"a"}},"spec":{deep}}}]}}"#)
    };
    let proxy = world.proxy(instead(BUDGETS, move || Answer::new(200, JSON, body())));
    world.judge(row, &world.check(&proxy, &[]), &[BUDGETS_GAP]);
}

fn invalid_utf8(world: &World, row: &Row) {
    let proxy = world.proxy(edited(BUDGETS, |body| {
        let name = b"\"name\":\"";
        let at = body.windows(name.len()).position(|some| some == name);
        body[at.expect("a name") + name.len()] = 0xff;
    }));
    world.judge(row, &world.check(&proxy, &[]), &[BUDGETS_GAP]);
}

/// The aggregated API is in discovery, and its APIService is among the objects; its own paths are never asked.
fn aggregated_api_hangs(world: &World, row: &Row) {
    let proxy = world.proxy(|seen| match seen.path.contains("dead.example.com") {
        true => Action::Silence,
        false => Action::Forward,
    });
    let run = world.check(&proxy, &[]);
    world.judge(row, &run, &[]);
    assert!(run.stdout.contains("apiservice-down"), "{}", run.stdout);
    assert!(run.stdout.contains("v1.dead.example.com"), "{}", run.stdout);
}

fn discovery_without_a_group(world: &World, row: &Row) {
    let proxy = world.proxy(|seen| match seen.path.as_str() {
        "/apis" => Action::change(|answer| {
            let mut list: serde_json::Value =
                serde_json::from_slice(answer.bytes()).expect("a list of groups");
            let groups = list["groups"].as_array_mut().expect("groups");
            groups.retain(|group| group["name"] != "policy");
            *answer.bytes() = list.to_string().into_bytes();
        }),
        _ => Action::Forward,
    });
    world.judge(
        row,
        &world.check(&proxy, &[]),
        &[BUDGETS_GAP, "podsecuritypolicies.policy"],
    );
}

fn discovery_fails(world: &World, row: &Row) {
    let error = || Answer::status(500, "InternalError", "cannot list API groups");
    let proxy = world.proxy(instead("/apis", error));
    world.judge(row, &world.check(&proxy, &[]), &[]);
}
