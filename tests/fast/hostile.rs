//! Strings that do something to a terminal, or to a reader, in every place that a string can come from: nothing of them
//! reaches an output but as escapes.

mod program;
mod report;

use serde_json::{Value, json};

use kubectl_upgrade::api::v1::UpgradeReport;
use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::report::{OutputFormat, RenderOptions, render_report, terminal};
use kubectl_upgrade::rules::{CheckContext, Policy, evaluate};
use kubectl_upgrade::snapshot::Snapshot;

use crate::cluster::{Cluster, rules};
use crate::golden;

/// Colours, a link, the clipboard, a bell, backspaces, C1 controls, marks that reorder or hide, another line.
const HOSTILE: &str = "\u{1b}[31m\u{1b}]8;;http://x\u{7}\u{1b}]52;c;YQ==\u{7}\r\u{8}\u{9b}2J\u{85}\u{202e}\u{2066}\u{2069}\u{200b}\u{feff}\nerror: all is well\t\0";

/// Nothing but what is seen, and line breaks.
#[track_caller]
fn harmless(what: &str, text: &str) {
    let raw = text
        .chars()
        .find(|letter| *letter != '\n' && terminal::is_unsafe(*letter));
    let shown: String = text.chars().take(2000).collect();
    assert_eq!(raw, None, "{what}: {shown:?}");
}

/// The places of strings in a value.
fn strings(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                strings(item, format!("{at}/{index}"), found);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                strings(field, format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

/// What was read, and what it was read from; not what was asked for, which is ours.
fn comes_from_outside(place: &str) -> bool {
    !place.contains("/subject/")
        && !place.contains("/survey/groupVersions/")
        && !["/depth", "/freshness", "/outcome", "/at"]
            .iter()
            .any(|end| place.ends_with(end))
}

/// Every string of every rule's trigger, made hostile one by one. How a report is encoded is looked at in `report`.
#[test]
fn whatever_a_rule_sees_is_shown_harmlessly() {
    let catalog = Catalog::embedded().expect("the catalog");
    let (mut tried, mut shown) = (0, 0);
    for rule in rules() {
        let file = format!("tests/fixtures/rules/{}/trigger.yaml", rule.id);
        let fixture = Cluster::load(golden::in_repository(&file));
        let path = fixture.path(catalog);
        let value = serde_json::to_value(fixture.snapshot(catalog, &path)).expect("a value");
        let mut places = Vec::new();
        strings(&value, String::new(), &mut places);
        places.retain(|place| comes_from_outside(place));
        for place in &places {
            let mut value = value.clone();
            let text = value.pointer_mut(place).expect("a place");
            *text = json!(format!("{}{HOSTILE}", text.as_str().unwrap_or_default()));
            // Not every string may be anything: times, phases.
            let Ok(snapshot) = serde_json::from_value::<Snapshot>(value) else {
                continue;
            };
            let situation = CheckContext::new(&snapshot, catalog, &path, snapshot.taken_at);
            let judgement = evaluate(&situation, &[rule], &Policy::default());
            let report = UpgradeReport::new(&situation, &judgement);
            tried += 1;
            let what = format!("{} {place}", rule.id);
            for format in [OutputFormat::Wide, OutputFormat::Name] {
                let text =
                    render_report(format, &report, &RenderOptions::default()).expect("a report");
                harmless(&what, &text);
                shown += usize::from(format == OutputFormat::Wide && text.contains("^[[31m"));
            }
        }
    }
    assert!(tried > 500 && shown > 200, "{tried} {shown}");
}
