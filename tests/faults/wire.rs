//! Connections that are refused, hang, drip or break.

use crate::proxy::{Action, Front, refusing};
use crate::table::Row;
use crate::world::World;

/// A trial: its name in the table, and what it does.
pub(crate) type Fault = (&'static str, fn(&World, &Row));

pub(crate) const FAULTS: &[Fault] = &[
    ("wire::refused", refused),
    (
        "wire::hangs_before_the_handshake",
        hangs_before_the_handshake,
    ),
];

fn refused(world: &World, row: &Row) {
    let (_holder, port) = refusing(world.runtime.handle());
    let run = world.check_with(&world.kubeconfig(&format!("https://127.0.0.1:{port}")), &[]);
    world.judge(row, &run, &[]);
    assert!(run.seconds < 1.0, "a dead server took {} s", run.seconds);
}

fn hangs_before_the_handshake(world: &World, row: &Row) {
    let proxy = world.proxy_behind(Front::Mute, Box::new(|_| Action::Forward));
    let config = world.kubeconfig(&format!("https://127.0.0.1:{}", proxy.port));
    let run = world.check_with(&config, &["--request-timeout", "2"]);
    world.judge(row, &run, &[]);
    assert!(run.seconds > 1.9, "{} s", run.seconds);
}
