//! Clocks that differ.

use jiff::{SignedDuration, Timestamp};

use crate::proxy::Action;
use crate::table::Row;
use crate::wire::Fault;
use crate::world::World;

pub(crate) const FAULTS: &[Fault] = &[("clock::two_hours_off", two_hours_off)];

fn two_hours_off(world: &World, row: &Row) {
    let proxy = world.proxy(|_| {
        Action::change(|answer| {
            let there = Timestamp::now() - SignedDuration::from_hours(2);
            let there = there.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            answer.headers.retain(|(name, _)| name != "date");
            answer.headers.push(("date".to_owned(), there));
        })
    });
    let run = world.check(&proxy, &[]);
    world.judge(row, &run, &[]);
    let notes = run.stderr.matches("the API server's clock").count();
    assert_eq!(notes, 1, "{}", run.stderr);
    // Who says what time it is needs no clock.
    let now = Timestamp::now().to_string();
    let run = world.check(&proxy, &["--now", &now]);
    assert!(!run.stderr.contains("clock"), "{}", run.stderr);
}
