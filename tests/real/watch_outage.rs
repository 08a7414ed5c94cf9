//! An API server that is away for a minute, twice, and comes back as the next minor.

use std::thread;
use std::time::Duration;

use libtest_mimic::Failed;
use serde_json::{Value, json};

use crate::harness::{Cluster, Need, create};
use crate::watch::{NEW, OLD, Watch, is_type, replace, says, text, watched, worker};

/// How long the API server is away.
const AWAY: Duration = Duration::from_secs(60);

scenarios! {
    twice_a_minute_and_the_next_minor: [Need::ControlPlane(OLD), Need::ControlPlane(NEW)],
}

fn twice_a_minute_and_the_next_minor() -> Result<(), Failed> {
    let mut cluster = Cluster::start(OLD);
    let names = ["a-1", "a-2", "a-3", "a-4"].map(str::to_owned);
    let nodes: Vec<Value> = names.iter().map(|name| worker(name, "a", OLD)).collect();
    create(&cluster, &nodes);
    let recording = cluster.folder.file("recording");
    // Shorter than an outage, which is no stall.
    let args = [
        "--to",
        "1.25",
        "--stall-after",
        "45s",
        "--record",
        text(&recording),
    ];
    let watch = Watch::start(&cluster, &args);
    watch.wait_for("the first picture", is_type("picture"));
    let outage = |cluster: &mut Cluster, version: &str, number: usize| {
        cluster.stop_apiserver();
        thread::sleep(AWAY);
        cluster.restart_apiserver(version);
        watch.wait_for("the return", says(&format!("outage {number}")));
    };
    outage(&mut cluster, NEW, 1);
    watch.wait_for("the new API server", says("API server: v1.25.0"));
    replace(&cluster, &names[..2], "a", NEW);
    watch.wait_for("half of the nodes", |event| event["progress"]["done"] == 2);
    let before = watch.events().len();
    outage(&mut cluster, NEW, 2);
    let during = watch.events();
    let during: Vec<&Value> = during[before..]
        .iter()
        .map(|event| &event["type"])
        .collect();
    assert_eq!(during, ["outage", "back"], "nothing else has changed");
    replace(&cluster, &names[2..], "a", NEW);
    watch.wait_for("the end", is_type("finished"));

    let events = watch.events();
    let count = |kind| events.iter().filter(|event| is_type(kind)(event)).count();
    assert_eq!((count("outage"), count("back"), count("stall")), (2, 2, 0));
    let gone = events.iter().filter(|event| says("is gone")(event)).count();
    assert!(gone <= names.len(), "no node has gone during an outage");
    assert_eq!(events[events.len() - 1]["progress"]["percent"], json!(100));
    let live = watch.process.log();
    let args = [
        "--to",
        "1.25",
        "--stall-after",
        "45s",
        "--replay",
        text(&recording),
        "-o",
        "json",
    ];
    let replayed = watched(&cluster, &args);
    assert_eq!((replayed.code, replayed.stdout), (0, live));
    Ok(())
}
