//! The fold over observations of small clusters.

mod chains;
mod cost;
mod extras;
mod machines;
mod recording;
mod sight;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::fold::RECENT_PROBES;
use super::{
    Change, EventKind, NodePhase, Observation, PlannedStep, Recording, RecordingHeader,
    RecordingWriter, SummaryBuilder, UpgradeGoal, UpgradePhase, UpgradeWatch, WatchEvent,
    WatchOptions, pods_on_node_need, redact_observation, trim, warnings_need,
};
use crate::catalog::Catalog;
use crate::conditions::{CompletionCondition, NodeSet, VersionGoal};
use crate::need::{ClusterId, Discovery, Need, PolicyRule};
use crate::snapshot::{NodeRow, ReadOutcome, ReadResult, RedactionKey, Redactor, Rows, Table};

const STALL_AFTER: SignedDuration = SignedDuration::from_mins(15);

fn at(seconds: i64) -> Timestamp {
    "2026-11-30T02:00:00Z".parse::<Timestamp>().expect("a time")
        + SignedDuration::from_secs(seconds)
}

/// A node: `old`, `new`, `cordoned` and `not-ready` in its description.
fn node(name: &str, description: &str) -> NodeRow {
    let version = if description.contains("new") {
        "v1.37.0"
    } else {
        "v1.36.4"
    };
    let ready = if description.contains("not-ready") {
        "False"
    } else {
        "True"
    };
    serde_json::from_value(json!({
        "name": name,
        "kubeletVersion": version,
        "unschedulable": description.contains("cordoned"),
        "conditions": [{"type": "Ready", "status": ready}],
    }))
    .expect("a node")
}

fn listed(need: &Need, rows: Rows) -> Change {
    Change::List(Box::new(ReadResult {
        target: need.target.clone(),
        detail_level: need.detail_level,
        freshness: need.freshness,
        field_paths: need.field_paths.clone(),
        outcome: ReadOutcome::Complete,
        finished_at: at(0),
        rows,
        skipped_objects: Vec::new(),
        resource_version: Some("1".to_owned()),
    }))
}

fn nodes(nodes: &[(&str, &str)]) -> Rows {
    let rows = nodes
        .iter()
        .map(|(name, description)| node(name, description));
    Rows::Nodes(Table::from_iter(rows))
}

fn server(version: &str) -> Change {
    Change::Discovery(Discovery {
        git_version: version.parse().expect("a version"),
        emulation_version: None,
        group_versions: ["v1".to_owned(), "apps/v1".to_owned()].into(),
    })
}

/// A watch, and the observations that it took.
struct Watched<'c> {
    watch: UpgradeWatch<'c>,
    observations: Vec<Observation>,
    events: Vec<WatchEvent>,
}

impl Watched<'_> {
    /// Observes a change and returns the kinds and messages of its events.
    fn see(&mut self, seconds: i64, change: Change) -> Vec<(EventKind, String)> {
        let observation = Observation {
            at: at(seconds),
            change,
        };
        let events = self.watch.observe(&observation);
        self.observations.push(observation);
        self.events.extend(events.clone());
        events
            .into_iter()
            .map(|event| (event.kind, event.message))
            .collect()
    }

    fn change_node(
        &mut self,
        seconds: i64,
        name: &str,
        description: &str,
    ) -> Vec<(EventKind, String)> {
        let target = Need::nodes().target;
        let rows = nodes(&[(name, description)]);
        self.see(seconds, Change::Apply { target, rows })
    }

    fn probe(&mut self, seconds: i64, version: &str) -> Vec<(EventKind, String)> {
        let version = version.parse().expect("a version");
        self.see(seconds, Change::Probe { version })
    }

    /// As many probes as it takes to know all API servers.
    fn probe_all(&mut self, version: &str) -> Vec<(EventKind, String)> {
        let probes = 0..RECENT_PROBES;
        probes.flat_map(|_| self.probe(0, version)).collect()
    }
}

fn catalog() -> &'static Catalog {
    Catalog::embedded().expect("the catalog")
}

/// A watch of these nodes behind an API server of this version.
fn watched<'c>(
    catalog: &'c Catalog,
    goal: Option<&str>,
    version: &str,
    all: &[(&str, &str)],
) -> (Watched<'c>, Vec<(EventKind, String)>) {
    let (mut watched, nothing) = unread(catalog, goal, version);
    assert_eq!(nothing, []);
    let first = watched.see(0, listed(&Need::nodes(), nodes(all)));
    (watched, first)
}

/// The same before the nodes are read, with enough probes to know all API servers.
fn unread<'c>(
    catalog: &'c Catalog,
    goal: Option<&str>,
    version: &str,
) -> (Watched<'c>, Vec<(EventKind, String)>) {
    let goal = goal.map(|goal| UpgradeGoal::Given(goal.parse().expect("a version")));
    let options = WatchOptions {
        platform: None,
        goal,
        stall_after: STALL_AFTER,
    };
    let mut watched = Watched {
        watch: UpgradeWatch::new(ClusterId("shop".to_owned()), catalog, options),
        observations: Vec::new(),
        events: Vec::new(),
    };
    let mut nothing = watched.see(0, server(version));
    nothing.extend(watched.probe_all(version));
    (watched, nothing)
}

#[test]
fn nodes_are_followed_from_cordon_to_ready_until_all_are_done() {
    let catalog = catalog();
    let (mut watched, first) = watched(catalog, None, "v1.37.0", &[("a", "old"), ("b", "new")]);
    assert_eq!(
        first,
        [(
            EventKind::Picture,
            "upgrade to 1.37: API server v1.37.0, 1 of 2 nodes upgraded".to_owned()
        )]
    );
    let progress = |message: &str| (EventKind::Progress, message.to_owned());
    assert_eq!(
        watched.change_node(10, "a", "old cordoned"),
        [progress("node a is cordoned")]
    );
    assert_eq!(
        watched.watch.draining_nodes().iter().collect::<Vec<_>>(),
        ["a"]
    );
    let pod =
        json!({"namespace": "shop", "name": "web", "node": "a", "phase": "Running", "ready": true});
    let pods = Rows::Pods(Table::from(vec![
        serde_json::from_value(pod).expect("a pod"),
    ]));
    assert_eq!(
        watched.see(20, listed(&pods_on_node_need("a"), pods)),
        [progress("node a is draining: 1 pod left")]
    );
    assert_eq!(
        watched.see(
            30,
            listed(&pods_on_node_need("a"), Rows::Pods(Table::default()))
        ),
        [progress("node a is cordoned and drained")]
    );
    assert_eq!(
        watched.change_node(40, "a", "new cordoned not-ready"),
        [progress("node a runs v1.37.0 and is not ready yet")]
    );
    assert_eq!(
        watched.change_node(50, "a", "new cordoned"),
        [progress("node a runs v1.37.0, is ready and still cordoned")]
    );
    assert_eq!(watched.watch.progress(at(50)).done, 1);
    assert_eq!(
        watched.change_node(60, "a", "new"),
        [
            progress("node a is ready at v1.37.0"),
            (
                EventKind::Finished,
                "the control plane and all 2 nodes run 1.37".to_owned()
            )
        ]
    );
    assert_eq!(watched.change_node(70, "a", "new"), [], "nothing changed");
}

#[test]
fn a_watch_that_joins_half_way_shows_what_the_cluster_keeps() {
    let catalog = catalog();
    let joined = |name: &str, description: &str, minutes: i64| {
        let mut row = node(name, description);
        row.created_at = Some(at(-60 * minutes));
        row
    };
    let begun = |rows: Vec<NodeRow>| {
        let (mut watched, _) = unread(catalog, None, "v1.37.0");
        let first = watched.see(0, listed(&Need::nodes(), Rows::Nodes(Table::from(rows))));
        (first, watched.watch.progress(at(0)))
    };
    let mut rows: Vec<NodeRow> = (1..=6)
        .map(|number| joined(&format!("new-{number}"), "new", 60 - 10 * number))
        .collect();
    rows.push(joined("old", "old", 100_000));
    let (first, progress) = begun(rows);
    assert_eq!(
        first[0].1,
        "upgrade to 1.37: API server v1.37.0, 6 of 7 nodes upgraded, 6 since 2026-11-30 01:10:00Z"
    );
    assert_eq!(progress.started_at, Some(at(-3000)));
    let remaining = progress.remaining.expect("an estimate");
    assert_eq!(
        (remaining.finished, remaining.low),
        (5, SignedDuration::from_mins(10))
    );
    // Upgraded in place: these joined long ago.
    let rows = vec![joined("new", "new", 100_000), joined("old", "old", 100_000)];
    let (first, progress) = begun(rows);
    assert!(first[0].1.ends_with("1 of 2 nodes upgraded"), "{first:?}");
    assert_eq!(progress.remaining, None);
}

#[test]
fn equal_minors_are_no_upgrade_and_a_given_patch_is() {
    let catalog = catalog();
    let all = [("a", "new"), ("b", "new")];
    let (watched_, first) = watched(catalog, None, "v1.37.2", &all);
    assert_eq!(first.len(), 1);
    assert!(
        first[0].1.starts_with("nothing is being upgraded"),
        "{first:?}"
    );
    assert_eq!(watched_.watch.progress(at(0)).phase, UpgradePhase::Waiting);
    let (watched_, _) = watched(catalog, Some("1.37.2"), "v1.37.2", &all);
    assert_eq!(watched_.watch.progress(at(0)).phase, UpgradePhase::Nodes);
    assert_eq!(watched_.watch.progress(at(0)).done, 0);
}

#[test]
fn surge_nodes_and_old_nodes_are_no_progress() {
    let catalog = catalog();
    let old: Vec<(&str, &str)> = ["a", "b", "c"].map(|name| (name, "old")).into();
    let (mut watched, _) = watched(catalog, None, "v1.37.0", &old);
    watched.change_node(10, "d", "new");
    assert_eq!(watched.watch.progress(at(10)).done, 0, "a surge node");
    let target = Need::nodes().target;
    let gone = watched.see(
        20,
        Change::Delete {
            target,
            namespace: String::new(),
            name: "a".to_owned(),
            uid: None,
        },
    );
    assert_eq!(
        gone,
        [(
            EventKind::Progress,
            "node a was deleted; it ran v1.36.4".to_owned()
        )]
    );
    let progress = watched.watch.progress(at(20));
    assert_eq!((progress.done, progress.total), (1, 3));
}

#[test]
fn a_mixed_control_plane_and_a_node_that_goes_back_are_said() {
    let catalog = catalog();
    let (mut watched, _) = watched(catalog, Some("1.37"), "v1.36.4", &[("a", "old")]);
    assert_eq!(watched.watch.progress(at(0)).phase, UpgradePhase::Waiting);
    let events = watched.probe(10, "v1.37.0");
    assert_eq!(events[0].1, "API server: v1.36.4 and v1.37.0");
    assert_eq!(
        watched.watch.progress(at(10)).phase,
        UpgradePhase::ControlPlane
    );
    for seconds in 11..20 {
        watched.probe(seconds, "v1.37.0");
    }
    assert_eq!(watched.watch.progress(at(20)).phase, UpgradePhase::Nodes);
    watched.change_node(30, "a", "new");
    let back = watched.change_node(40, "a", "old");
    assert_eq!(back[0].1, "node a went back from v1.37.0 to v1.36.4");
    assert_eq!(watched.watch.progress(at(40)).done, 0);
}

#[test]
fn an_upgrade_that_nothing_runs_any_more_was_taken_back() {
    let catalog = catalog();
    let old = [("a", "old"), ("b", "old")];
    let (mut found, _) = watched(catalog, None, "v1.37.0", &old);
    found.change_node(10, "a", "new");
    found.change_node(20, "a", "old");
    found.probe(30, "v1.36.4");
    for seconds in 31..40 {
        assert_eq!(
            found.probe(seconds, "v1.36.4").len(),
            usize::from(seconds == 37)
        );
    }
    assert_eq!(found.probe(330, "v1.36.4"), [], "within five minutes");
    let failed = (
        EventKind::Failed,
        "the upgrade to 1.37 was taken back: nothing runs it".to_owned(),
    );
    assert_eq!(found.probe(340, "v1.36.4"), [failed]);
    assert_eq!(found.probe(900, "v1.36.4"), [], "once");
    // A given version may come later.
    let (mut given, _) = watched(catalog, Some("1.37"), "v1.36.4", &old);
    assert_eq!(given.probe(900, "v1.36.4"), []);
}

#[test]
fn an_outage_is_counted_once_and_is_no_stall() {
    let catalog = catalog();
    let (mut watched, _) = watched(
        catalog,
        None,
        "v1.37.0",
        &[("a", "old cordoned"), ("b", "old")],
    );
    let outage = |why: &str| Change::Outage {
        why: why.to_owned(),
        is_unauthorized: false,
    };
    let events = watched.see(60, outage("connection refused"));
    assert_eq!(
        events,
        [(
            EventKind::Outage,
            "the API server does not answer: connection refused".to_owned()
        )]
    );
    assert_eq!(watched.see(600, outage("connection refused")), []);
    assert_eq!(
        watched.events.last().map(|event| event.age_seconds),
        Some(60)
    );
    let events = watched.probe(1200, "v1.37.0");
    assert_eq!(
        events,
        [(
            EventKind::Back,
            "the API server answers again after 20m, outage 1".to_owned()
        )]
    );
    assert!(
        !watched.watch.is_stalled(),
        "nothing could be seen to change"
    );
    let events = watched.probe(1200 + 15 * 60, "v1.37.0");
    assert_eq!(events[0].0, EventKind::Stall);
    assert!(
        events[0].1.contains("node a has been cordoned"),
        "{events:?}"
    );
    let events = watched.change_node(3000, "a", "new");
    assert_eq!(events[0].0, EventKind::Recovered);
}

#[test]
fn a_version_that_cannot_be_read_is_not_upgraded() {
    let catalog = catalog();
    let mut row = node("a", "new");
    row.kubelet_version = serde_json::from_value(json!("kwok-v0.5.1")).expect("a version");
    let (mut watched, _) = watched(catalog, Some("1.37"), "v1.37.0", &[("b", "new")]);
    let target = Need::nodes().target;
    let rows = Rows::Nodes(Table::from(vec![row]));
    watched.see(10, Change::Apply { target, rows });
    let picture = watched.watch.picture().expect("a picture");
    assert_eq!(
        picture.nodes.get("a").map(|node| node.phase),
        Some(NodePhase::Unknown)
    );
    assert_eq!(picture.phase(), UpgradePhase::Nodes);
}

fn options() -> WatchOptions {
    WatchOptions {
        platform: None,
        goal: None,
        stall_after: STALL_AFTER,
    }
}

#[test]
fn virtual_nodes_are_left_out() {
    let mut fargate = node("fargate-1", "old");
    let label = ("eks.amazonaws.com/compute-type", "fargate");
    fargate
        .labels
        .insert(label.0.to_owned(), label.1.to_owned());
    let (mut watched, _) = watched(catalog(), Some("1.37"), "v1.37.0", &[("a", "new")]);
    let target = Need::nodes().target;
    let rows = Rows::Nodes(Table::from(vec![fargate]));
    assert_eq!(watched.see(10, Change::Apply { target, rows }), []);
    let picture = watched.watch.picture().expect("a picture");
    assert_eq!(
        (picture.nodes.virtual_count(), picture.phase()),
        (1, UpgradePhase::Finished)
    );
}

/// A watch of 5,000 nodes of 50 pools, all waiting.
fn large() -> Watched<'static> {
    let names: Vec<String> = (0..5_000)
        .map(|number| format!("node-{number:04}"))
        .collect();
    let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "old")).collect();
    let (mut watched, _) = watched(catalog(), Some("1.37"), "v1.37.0", &all);
    watched.visited();
    watched
}

impl Watched<'_> {
    /// How many nodes were read since the last call.
    fn visited(&mut self) -> usize {
        let picture = self.watch.picture().expect("a picture");
        picture.nodes.take_visited()
    }
}

#[test]
fn a_second_list_reports_the_differences() {
    let catalog = catalog();
    let all = [("a", "old"), ("b", "old"), ("c", "new")];
    let (mut watched, _) = watched(catalog, Some("1.37"), "v1.37.0", &all);
    let later = nodes(&[("a", "new"), ("c", "new"), ("d", "new")]);
    let messages = watched.see(10, listed(&Need::nodes(), later));
    let messages: Vec<String> = messages.into_iter().map(|(_, message)| message).collect();
    assert_eq!(
        messages,
        [
            "node a is ready at v1.37.0",
            "node d joined with v1.37.0, is ready at v1.37.0",
            "node b was deleted; it ran v1.36.4",
            "the control plane and all 3 nodes run 1.37",
        ]
    );
}

#[test]
fn an_upgrade_that_is_found_is_one_event_not_one_for_each_node() {
    let catalog = catalog();
    let all: Vec<String> = (0..40).map(|number| format!("node-{number:02}")).collect();
    let all: Vec<(&str, &str)> = all.iter().map(|name| (name.as_str(), "old")).collect();
    let (mut watched, _) = watched(catalog, None, "v1.36.4", &all);
    let events = watched.probe(10, "v1.37.0");
    let messages: Vec<&str> = events.iter().map(|(_, message)| message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "an upgrade to 1.37 has begun",
            "API server: v1.36.4 and v1.37.0"
        ]
    );
    assert_eq!(watched.watch.progress(at(10)).done, 0);
}
