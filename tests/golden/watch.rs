//! Upgrades by the controllers of Cluster API and of platforms, as an API server reported them: the lines of the watch.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use kubectl_upgrade::api::v1::{UPGRADE_EVENT_SCHEMA, UpgradeEvent};
use kubectl_upgrade::catalog::Release;
use kubectl_upgrade::client::decode_objects;
use kubectl_upgrade::need::{ClusterId, Discovery, ReadRequest, ReadTarget, read_plan};
use kubectl_upgrade::path::UpgradeTarget;
use kubectl_upgrade::report::{EventFormat, RenderOptions, render_event};
use kubectl_upgrade::snapshot::{ReadOutcome, ReadResult, RedactionKey, Redactor, Rows};
use kubectl_upgrade::watch::{
    Change, Observation, PlatformGoal, Progress, UpgradeWatch, WatchOptions, platform_needs,
    redact_observation, watched_needs,
};
use libtest_mimic::Trial;
use serde::Deserialize;
use serde_json::Value;

use crate::{CATALOG, case, golden};

pub(crate) const FOLDER: &str = "tests/fixtures/watch";

/// A line of a fixture: an object as it became, or one that was deleted; or the release of a platform that `--to` names.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at: Timestamp,
    object: Option<Value>,
    deleted: Option<Deleted>,
    to: Option<String>,
}

#[derive(Deserialize)]
struct Deleted {
    kind: String,
    namespace: String,
    name: String,
}

pub(crate) fn trials() -> Vec<Trial> {
    let names = golden::stems(FOLDER, ".jsonl").into_iter();
    let trial = |name: String| case("watch", &name.clone(), move || follow(&name));
    names.map(trial).collect()
}

fn follow(name: &str) {
    let mut watch = watch(name);
    let schema = serde_json::from_str(UPGRADE_EVENT_SCHEMA).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a schema");
    let mut shown = String::new();
    for observation in observations(name) {
        for event in watch.observe(&observation) {
            let document = UpgradeEvent::new(&event);
            let json = serde_json::to_value(&document).expect("JSON");
            schema
                .validate(&json)
                .unwrap_or_else(|error| panic!("{error}: {json:#}"));
            let look = RenderOptions::default();
            shown += &render_event(&document, EventFormat::Text, &look).expect("text");
        }
    }
    golden::compare(&format!("{FOLDER}/{name}.txt"), &shown);
    assert_eq!(progress(name, true), progress(name, false), "with --redact");
}

/// How far the upgrade was after each observation, with pseudonyms or without.
fn progress(name: &str, is_redacted: bool) -> Vec<Progress> {
    let mut redactor = Redactor::new(&RedactionKey::new(b"uid"), *CATALOG);
    let mut watch = watch(name);
    let mut progress = Vec::new();
    for mut observation in observations(name) {
        if is_redacted {
            redact_observation(&mut observation, &mut redactor);
        }
        watch.observe(&observation);
        progress.push(watch.progress(observation.at));
    }
    progress
}

/// The lines of a fixture.
fn lines(name: &str) -> Vec<Line> {
    let file = golden::in_repository(&format!("{FOLDER}/{name}.jsonl"));
    let text = fs::read_to_string(file).expect("a fixture");
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a line"))
        .collect()
}

/// A watch of the management cluster.
pub(crate) fn watch(name: &str) -> UpgradeWatch<'static> {
    let to = lines(name).into_iter().find_map(|line| line.to);
    let platform = to.map(|to| {
        let target: UpgradeTarget = to.parse().expect("a target");
        PlatformGoal {
            platform: target.platform.expect("a platform"),
            version: target.version,
        }
    });
    let options = WatchOptions {
        goal: None,
        platform,
        stall_after: SignedDuration::from_mins(5),
    };
    UpgradeWatch::new(ClusterId("management".to_owned()), *CATALOG, options)
}

/// What a fixture holds, in order.
pub(crate) fn observations(name: &str) -> Vec<Observation> {
    let lines = lines(name);
    let discovery = discovery("v1.37.0".parse().expect("a version"), &lines);
    let needs = [watched_needs(), platform_needs(&discovery)].concat();
    let requests = read_plan(&needs, &discovery, *CATALOG, None);
    let start = lines[0].at;
    let mut observations = Vec::new();
    let mut observe = |at, change| observations.push(Observation { at, change });
    let version = discovery.git_version.clone();
    observe(start, Change::Discovery(discovery));
    // What was there at first is a list; what came later are events.
    let (first, later): (Vec<&Line>, Vec<&Line>) = lines
        .iter()
        .partition(|line| line.at < start + SignedDuration::from_millis(500));
    for request in requests.iter().rev() {
        let rows = rows(request, &first);
        observe(start, Change::List(Box::new(listed(request, rows, start))));
    }
    let mut probed = start;
    for line in later {
        while line.at > probed + SignedDuration::from_mins(1) {
            probed += SignedDuration::from_mins(1);
            let version = version.clone();
            observe(probed, Change::Probe { version });
        }
        for request in &requests {
            let target = request.target.clone();
            let rows = rows(request, &[line]);
            match &line.deleted {
                Some(gone) if is_kind(request, &gone.kind) => observe(
                    line.at,
                    Change::Delete {
                        target,
                        namespace: gone.namespace.clone(),
                        name: gone.name.clone(),
                        uid: None,
                    },
                ),
                _ if !rows.is_empty() => observe(line.at, Change::Apply { target, rows }),
                _ => {}
            }
        }
    }
    observations
}

/// Of a server that serves what the lines hold.
fn discovery(version: Release, lines: &[Line]) -> Discovery {
    let objects = lines.iter().filter_map(|line| line.object.as_ref());
    let versions = objects.filter_map(|object| object["apiVersion"].as_str());
    let kubernetes = ["v1", "apps/v1"].into_iter();
    Discovery {
        git_version: version,
        emulation_version: None,
        group_versions: kubernetes.chain(versions).map(str::to_owned).collect(),
    }
}

fn is_kind(request: &ReadRequest, kind: &str) -> bool {
    request
        .path
        .ends_with(&format!("/{}s", kind.to_lowercase()))
}

/// The rows of the objects that a request reads.
fn rows(request: &ReadRequest, lines: &[&Line]) -> Rows {
    let objects = lines.iter().filter_map(|line| line.object.clone());
    let objects = objects.filter(|object| {
        is_kind(request, object["kind"].as_str().expect("a kind")) && is_selected(request, object)
    });
    decode_objects(request, *CATALOG, objects).0
}

/// Whether an object is in the namespace of a request, and has its name if it asks for one.
fn is_selected(request: &ReadRequest, object: &Value) -> bool {
    let ReadTarget::Objects {
        namespace,
        selector,
        ..
    } = &request.target
    else {
        return false;
    };
    let is = |field: &str, wanted: &str| object["metadata"][field] == wanted;
    let name = selector.fields.strip_prefix("metadata.name=");
    namespace
        .as_ref()
        .is_none_or(|wanted| is("namespace", wanted))
        && name.is_none_or(|wanted| is("name", wanted))
}

fn listed(request: &ReadRequest, rows: Rows, at: Timestamp) -> ReadResult {
    ReadResult {
        target: request.target.clone(),
        detail_level: request.detail_level,
        freshness: request.freshness,
        field_paths: request.field_paths.clone(),
        outcome: ReadOutcome::Complete,
        finished_at: at,
        rows,
        skipped_objects: Vec::new(),
        resource_version: None,
    }
}
