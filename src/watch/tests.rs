//! The fold over observations of small clusters.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    Change, EventKind, NodePhase, Observation, PlannedStep, Recording, RecordingHeader,
    RecordingWriter, UpgradeGoal, UpgradePhase, UpgradeWatch, WatchEvent, WatchOptions,
    pods_on_node_need, redact_observation, trim, warnings_need,
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

/// The same before the nodes are read.
fn unread<'c>(
    catalog: &'c Catalog,
    goal: Option<&str>,
    version: &str,
) -> (Watched<'c>, Vec<(EventKind, String)>) {
    let goal = goal.map(|goal| UpgradeGoal::Given(goal.parse().expect("a version")));
    let options = WatchOptions {
        goal,
        stall_after: STALL_AFTER,
    };
    let mut watched = Watched {
        watch: UpgradeWatch::new(ClusterId("shop".to_owned()), catalog, options),
        observations: Vec::new(),
        events: Vec::new(),
    };
    let nothing = watched.see(0, server(version));
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
            "node a is gone, it ran v1.36.4".to_owned()
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
    assert!(events[0].1.contains("node a is cordoned"), "{events:?}");
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

/// A watch with a drain, an outage and a node that is done.
fn eventful() -> Watched<'static> {
    let (mut live, _) = watched(catalog(), None, "v1.37.0", &[("a", "old"), ("b", "old")]);
    live.change_node(10, "a", "old cordoned");
    let pod = json!({"namespace": "shop", "name": "web", "node": "a"});
    let pods = Table::from(vec![serde_json::from_value(pod).expect("a pod")]);
    live.see(15, listed(&pods_on_node_need("a"), Rows::Pods(pods)));
    let why = "cannot reach https://api.corp.example".to_owned();
    live.see(20, Change::Outage { why });
    live.probe(50, "v1.37.0");
    live.change_node(60, "a", "new");
    live
}

fn options() -> WatchOptions {
    WatchOptions {
        goal: None,
        stall_after: STALL_AFTER,
    }
}

/// Records the observations and returns the file.
fn record(observations: &[Observation], path: &std::path::Path) {
    let header = RecordingHeader::new(ClusterId("shop".to_owned()), at(0));
    let mut writer = RecordingWriter::create(path, &header).expect("a file");
    for observation in observations {
        writer.append(observation).expect("a line");
    }
}

fn replay(path: &std::path::Path) -> Result<Vec<WatchEvent>, String> {
    let recording = Recording::open(path).map_err(|error| error.to_string())?;
    let mut watch = UpgradeWatch::new(recording.header.cluster.clone(), catalog(), options());
    let mut events = Vec::new();
    for observation in recording {
        events.extend(watch.observe(&observation.map_err(|error| error.to_string())?));
    }
    Ok(events)
}

#[test]
fn a_recording_that_is_cut_off_anywhere_gives_the_events_up_to_there() {
    let live = eventful();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("recording");
    record(&live.observations, &path);
    assert_eq!(replay(&path).expect("events"), live.events);
    let whole = std::fs::read(&path).expect("bytes");
    let mut lengths = std::collections::BTreeSet::new();
    for length in whole.len().saturating_sub(2048)..whole.len() {
        std::fs::write(&path, &whole[..length]).expect("a file");
        match replay(&path) {
            Ok(events) => {
                assert_eq!(events, live.events[..events.len()], "{length} bytes");
                lengths.insert(events.len());
            }
            Err(error) => assert!(error.contains("cut off"), "{length} bytes: {error}"),
        }
    }
    assert_eq!(
        lengths.last(),
        Some(&live.events.len()),
        "only the trailer is missing"
    );
    assert!(lengths.len() > 4, "{lengths:?}");

    let mut damaged = whole.clone();
    let middle = whole.len() / 2;
    damaged[middle..middle + 8].fill(0xff);
    std::fs::write(&path, damaged).expect("a file");
    let error = replay(&path).expect_err("bytes in the middle are damaged");
    assert!(error.contains(", line "), "{error}");
}

#[test]
fn lines_without_gzip_are_a_recording_too() {
    let live = eventful();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("recording");
    let header = RecordingHeader::new(ClusterId("shop".to_owned()), at(0));
    let mut lines = vec![serde_json::to_string(&header).expect("JSON")];
    let observations = live.observations.iter();
    lines.extend(observations.map(|one| serde_json::to_string(one).expect("JSON")));
    let text = lines.join("\n") + "\n" + r#"{"at":"2026-11-30T02:"#;
    std::fs::write(&path, text).expect("text");
    assert_eq!(replay(&path).expect("events"), live.events);
}

#[test]
fn a_redacted_replay_gives_the_redacted_events() {
    let live = eventful();
    let mut redactor = Redactor::new(&RedactionKey::new(b"uid"), catalog());
    let mut redacted = live.observations.clone();
    for observation in &mut redacted {
        redact_observation(observation, &mut redactor);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("recording");
    record(&redacted, &path);
    let replayed: Vec<String> = replay(&path)
        .expect("events")
        .into_iter()
        .map(|event| format!("{:?} {}", event.scope, event.message))
        .collect();
    let expected: Vec<String> = live
        .events
        .iter()
        .map(|event| {
            let text = format!("{:?} {}", event.scope, event.message);
            let mut text = text.replace(
                "cannot reach https://api.corp.example",
                "it failed; more is left out by --redact",
            );
            for name in ["a", "b"] {
                let pseudonym = redactor.redact_name(name);
                text = text.replace(&format!("node {name} "), &format!("node {pseudonym} "));
                text = text.replace(
                    &format!("Node(\"{name}\")"),
                    &format!("Node(\"{pseudonym}\")"),
                );
            }
            text
        })
        .collect();
    assert_eq!(replayed, expected);
    let file = Recording::open(&path).expect("a recording");
    for observation in file {
        let line = serde_json::to_string(&observation.expect("one")).expect("JSON");
        for name in ["\"shop\"", "\"web\"", "\"a\"", "=a\"", "corp"] {
            assert!(!line.contains(name), "{name}: {line}");
        }
    }
}

/// A hundredth of a day of 5,000 nodes, one changing a second and the pods of ten of them being evicted.
#[test]
fn a_day_of_five_thousand_nodes_is_recorded_in_fifty_megabytes() {
    const SECONDS: i64 = 864;
    let mut watched = large();
    for second in 1..=SECONDS {
        let name = format!("node-{:04}", second % 10);
        if second <= 10 {
            watched.change_node(second, &name, "old cordoned");
        }
        let other = format!("node-{:04}", 100 + second);
        watched.change_node(second, &other, "new");
        let pods = (0..30).map(|number| {
            let name = format!(
                "web-{:08x}-{number}",
                (second / 300 + 1) * 0x9e37_79b9 % 0xffff_ffff
            );
            serde_json::from_value(
                json!({"namespace": "shop", "name": name, "node": "node-0001",
                "owner": {"kind": "ReplicaSet", "name": "web"}, "ready": true}),
            )
            .expect("a pod")
        });
        let need = pods_on_node_need(&name);
        if second % 300 <= 10 {
            watched.see(second, listed(&need, Rows::Pods(pods.collect())));
        }
        let key = format!(
            "web-{:08x}-{}",
            (second / 300 + 1) * 0x9e37_79b9 % 0xffff_ffff,
            second % 30
        );
        let target = need.target;
        let namespace = "shop".to_owned();
        watched.see(
            second,
            Change::Delete {
                target,
                namespace,
                name: key,
                uid: None,
            },
        );
        if second % 5 == 0 {
            watched.probe(second, "v1.37.0");
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("recording");
    record(&watched.observations[..2], &path);
    let start = std::fs::metadata(&path).expect("a file").len();
    std::fs::remove_file(&path).expect("a file");
    record(&watched.observations, &path);
    let later = std::fs::metadata(&path).expect("a file").len() - start;
    let day = start + 100 * later;
    assert!(day < 50_000_000, "{start} bytes, then {later}");
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
fn a_change_of_a_node_costs_one_node_of_five_thousand() {
    let mut watched = large();
    let probes = watched.probe(1, "v1.37.0");
    assert_eq!((probes, watched.visited()), (Vec::new(), 0));
    for (number, description) in [
        "old cordoned",
        "new not-ready cordoned",
        "new cordoned",
        "new",
    ]
    .into_iter()
    .enumerate()
    {
        let seconds = 10 + i64::try_from(number).expect("a small number");
        let events = watched.change_node(seconds, "node-2500", description);
        assert_eq!(events.len(), 1, "{description}");
        let visited = watched.visited();
        assert!(visited <= 3, "{description}: {visited} nodes");
    }
    assert_eq!(watched.watch.progress(at(20)).done, 1);
    let pod = json!({"namespace": "shop", "name": "web", "node": "node-0001"});
    let pods = Table::from(vec![serde_json::from_value(pod).expect("a pod")]);
    watched.change_node(30, "node-0001", "old cordoned");
    watched.visited();
    watched.see(
        31,
        listed(&pods_on_node_need("node-0001"), Rows::Pods(pods)),
    );
    assert!(watched.visited() <= 3);
}

#[test]
fn what_says_nothing_new_is_neither_an_event_nor_recorded() {
    let mut watched = large();
    let apply = |description: &str| Observation {
        at: at(10),
        change: Change::Apply {
            target: Need::nodes().target,
            rows: nodes(&[("node-0001", description)]),
        },
    };
    assert_eq!(watched.watch.take(&apply("old")), None);
    assert_eq!(watched.visited(), 0);
    assert!(watched.watch.take(&apply("old cordoned")).is_some());
    let delete = Change::Delete {
        target: Need::nodes().target,
        namespace: String::new(),
        name: "node-9999".to_owned(),
        uid: None,
    };
    let unknown = Observation {
        at: at(20),
        change: delete,
    };
    assert_eq!(watched.watch.take(&unknown), None);
}

#[test]
fn a_heartbeat_is_trimmed_to_nothing() {
    let heartbeat = |time: &str| {
        json!({"name": "a", "kubeletVersion": "v1.36.4", "labels": {"zone": time, "node.kubernetes.io/instance-group": "a"},
            "conditions": [{"type": "MemoryPressure", "status": time}, {"type": "Ready", "status": "True", "reason": time}],
            "taints": [time], "cluster": time})
    };
    let trimmed = |time: &str| {
        let row: NodeRow = serde_json::from_value(heartbeat(time)).expect("a node");
        let mut change = Change::Apply {
            target: Need::nodes().target,
            rows: Rows::Nodes(Table::from(vec![row])),
        };
        trim(&mut change, catalog(), false);
        change
    };
    assert_eq!(trimmed("1"), trimmed("2"));
    let Change::Apply { rows, .. } = trimmed("1") else {
        panic!("another change");
    };
    let node = &rows.nodes()[0];
    assert_eq!(node.labels.len(), 1, "that of its pool");
    assert_eq!(node.conditions[0].status, "True");
}

#[test]
fn the_pods_of_a_node_are_dropped_when_it_no_longer_drains() {
    let catalog = catalog();
    let (mut watched, _) = watched(
        catalog,
        Some("1.37"),
        "v1.37.0",
        &[("a", "old"), ("b", "old")],
    );
    let pod = json!({"namespace": "shop", "name": "web", "node": "a"});
    let pods = || {
        let pod = serde_json::from_value(pod.clone()).expect("a pod");
        listed(&pods_on_node_need("a"), Rows::Pods(Table::from(vec![pod])))
    };
    assert_eq!(watched.see(5, pods()), [], "it does not drain");
    watched.change_node(10, "a", "old cordoned");
    assert_eq!(watched.see(11, pods()).len(), 1);
    let left = |watched: &Watched<'_>| {
        let picture = watched.watch.picture().expect("a picture");
        picture.nodes.get("a").and_then(super::NodeState::pods_left)
    };
    assert_eq!(left(&watched), Some(1));
    watched.change_node(12, "a", "old");
    watched.change_node(13, "a", "old cordoned");
    assert_eq!(left(&watched), None, "read again");
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
            "node b is gone, it ran v1.36.4",
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

fn step(id: &str, condition: Option<CompletionCondition>) -> PlannedStep {
    PlannedStep {
        id: id.to_owned(),
        title: format!("do {id}"),
        condition,
    }
}

#[test]
fn the_steps_of_a_plan_are_ticked_off() {
    let goal = || VersionGoal {
        release: "1.37.0".parse().expect("a version"),
        any_patch: false,
    };
    let nodes = |nodes| {
        Some(CompletionCondition::Nodes {
            nodes,
            goal: goal(),
        })
    };
    let all = [("a", "old"), ("b", "old")];
    let mut watched = Watched {
        watch: UpgradeWatch::new(ClusterId("shop".to_owned()), catalog(), options()),
        observations: Vec::new(),
        events: Vec::new(),
    };
    watched.watch.follow_plan(vec![
        step("servers", Some(CompletionCondition::ApiServer(goal()))),
        step("a", nodes(NodeSet::Node("a".to_owned()))),
        step("pool", nodes(NodeSet::Pool(String::new()))),
        step("backup", Some(CompletionCondition::Manual)),
        step("proxy", Some(CompletionCondition::KubeProxy(goal()))),
        step("newer", None),
    ]);
    watched.see(0, server("v1.36.4"));
    let first = watched.see(0, listed(&Need::nodes(), self::nodes(&all)));
    assert_eq!(
        first[1].1,
        "plan: 0 of 6 steps done; 1 confirmed manually; 2 not followed, because a watch does not read what they depend on: \
         do proxy and 1 more"
    );
    let messages = |events: Vec<(EventKind, String)>| -> Vec<String> {
        let steps = events.into_iter().map(|(_, message)| message);
        steps
            .filter(|message| message.starts_with("step "))
            .collect()
    };
    assert_eq!(watched.probe(5, "v1.37.0").len(), 2, "one of two servers");
    let events = (10..18).flat_map(|second| watched.probe(second, "v1.37.0"));
    let events: Vec<_> = events.collect();
    assert_eq!(messages(events), ["step done: do servers"]);
    watched.change_node(20, "a", "old cordoned");
    let events = watched.probe(25, "v1.37.0");
    assert_eq!(
        messages(events),
        ["step begun: do a", "step begun: do pool"]
    );
    watched.change_node(30, "a", "new");
    assert_eq!(messages(watched.probe(35, "v1.37.0")), ["step done: do a"]);
    let last = watched.events.last().expect("an event").step.clone();
    assert_eq!(last.map(|step| step.id), Some("a".to_owned()));
    watched.change_node(40, "a", "old");
    assert_eq!(
        messages(watched.probe(45, "v1.37.0")),
        ["step no longer done: do a"]
    );
}

/// A list of one event of type Warning.
fn warning(kind: &str, name: &str, count: u64) -> Change {
    let object = json!({"regarding": {"kind": kind, "namespace": "shop", "name": name}, "reason": "FailedKillPod",
        "note": "call Ann", "deprecatedCount": count});
    let row = json!({"meta": {"name": "event-1"}, "object": object});
    let rows = Rows::Objects(Table::from(vec![
        serde_json::from_value(row).expect("an event"),
    ]));
    listed(&warnings_need(), rows)
}

#[test]
fn warnings_about_what_is_in_flight_are_events_once_and_no_progress() {
    let all = [("a", "old"), ("b", "old")];
    let (mut watched, _) = watched(catalog(), Some("1.37"), "v1.37.0", &all);
    assert_eq!(watched.see(5, warning("Node", "a", 1)), [], "not in flight");
    watched.change_node(10, "a", "old cordoned");
    let pod = json!({"namespace": "shop", "name": "web", "node": "a"});
    let pods = Table::from(vec![serde_json::from_value(pod).expect("a pod")]);
    watched.see(11, listed(&pods_on_node_need("a"), Rows::Pods(pods)));
    assert_eq!(watched.see(12, warning("Pod", "other", 1)), []);
    let expected = "node a: warning: pod/shop/web FailedKillPod: call Ann".to_owned();
    assert_eq!(
        watched.see(13, warning("Pod", "web", 1)),
        [(EventKind::Progress, expected)]
    );
    assert_eq!(
        watched.see(14, warning("Pod", "web", 9)),
        [],
        "the same again"
    );
    let lines: Vec<String> = watched.watch.warnings("a").collect();
    assert_eq!(lines, ["pod/shop/web FailedKillPod (9 times): call Ann"]);
    let stalled = watched.probe(12 + 15 * 60, "v1.37.0");
    assert_eq!(stalled[0].0, EventKind::Stall, "a warning is no progress");
    watched.change_node(2000, "a", "new");
    assert_eq!(watched.watch.warnings("a").count(), 0);
}

#[test]
fn events_that_may_not_be_read_are_a_gap_that_is_said_once() {
    let (mut watched, _) = watched(catalog(), Some("1.37"), "v1.37.0", &[("a", "old")]);
    let refused = || {
        let Change::List(mut result) = warning("Node", "a", 1) else {
            panic!("another change");
        };
        result.outcome = ReadOutcome::Forbidden {
            why: "events.events.k8s.io is forbidden".to_owned(),
            rbac: PolicyRule::allow_list("events.k8s.io", "events", None),
        };
        Change::List(result)
    };
    let message = "warnings about nodes and pods are not shown: events.events.k8s.io is forbidden";
    assert_eq!(
        watched.see(1, refused()),
        [(EventKind::Progress, message.to_owned())]
    );
    assert_eq!(watched.see(2, refused()), []);
}

#[test]
fn a_redacted_warning_has_no_note() {
    let mut observation = Observation {
        at: at(0),
        change: warning("Pod", "web", 3),
    };
    let mut redactor = Redactor::new(&RedactionKey::new(b"uid"), catalog());
    redact_observation(&mut observation, &mut redactor);
    let text = serde_json::to_string(&observation).expect("JSON");
    assert!(
        !text.contains("Ann") && !text.contains("shop") && !text.contains("web"),
        "{text}"
    );
    assert!(text.contains(&redactor.redact_name("web")) && text.contains("FailedKillPod"));
}

#[test]
fn a_drain_is_not_an_event_for_each_pod_and_yet_no_stall() {
    let all = [("a", "old"), ("b", "old")];
    let (mut watched, _) = watched(catalog(), Some("1.37"), "v1.37.0", &all);
    watched.change_node(0, "a", "old cordoned");
    let pods = |count: usize| {
        let pods = (0..count).map(|number| {
            let pod = json!({"namespace": "shop", "name": format!("web-{number}"), "node": "a"});
            serde_json::from_value(pod).expect("a pod")
        });
        listed(&pods_on_node_need("a"), Rows::Pods(pods.collect()))
    };
    let mut events = 0;
    for second in 1..=30 {
        let left = usize::try_from(30 - second).expect("a small number");
        events += watched.see(second, pods(left)).len();
    }
    assert_eq!(events, 4, "three times in 30 seconds, and the end");
    let last = watched.events.last().expect("an event");
    assert_eq!(last.message, "node a is cordoned and drained");
    assert!(watched.probe(29 + 15 * 60, "v1.37.0").is_empty());
}
