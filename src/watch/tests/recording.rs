//! Recordings: cut off, redacted, small.

use super::*;

/// A watch with a drain, an outage and a node that is done.
fn eventful() -> Watched<'static> {
    let (mut live, _) = watched(catalog(), None, "v1.37.0", &[("a", "old"), ("b", "old")]);
    live.change_node(10, "a", "old cordoned");
    let pod = json!({"namespace": "shop", "name": "web", "node": "a"});
    let pods = Table::from(vec![serde_json::from_value(pod).expect("a pod")]);
    live.see(15, listed(&pods_on_node_need("a"), Rows::Pods(pods)));
    let why = "cannot reach https://api.corp.example".to_owned();
    live.see(
        20,
        Change::Outage {
            why,
            is_unauthorized: false,
        },
    );
    live.probe(50, "v1.37.0");
    live.change_node(60, "a", "new");
    live
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
