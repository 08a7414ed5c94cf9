//! `--redact`: the same findings, and no name.

mod program;
mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use kubectl_upgrade::catalog::{Catalog, PlatformName};
use kubectl_upgrade::report::{OutputFormat, RenderOptions, render_plan, render_report};
use kubectl_upgrade::snapshot::{RedactionKey, Snapshot, redact};
use serde_json::{Value, json};

use crate::golden;
use told::{Told, cases, example, redacted, shape, steps, told};

#[test]
fn what_is_found_is_the_same() {
    let catalog = Catalog::embedded().expect("the catalog");
    for case in cases(catalog) {
        let copy = redacted(&case.snapshot, catalog);
        let before = told(&case, &case.snapshot, catalog);
        let after = told(&case, &copy, catalog);
        let text = |told: &Told| {
            let all = json!({
                "judgement": shape(&told.judgement), "detected": told.detected, "plan": steps(&told.plan),
            });
            serde_json::to_string_pretty(&all).expect("JSON")
        };
        assert_eq!(text(&after), text(&before), "{}", case.name);
    }
}

/// The words of a text, as names may stand in it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let apart = |letter: char| !(letter.is_alphanumeric() || "._-".contains(letter));
    let words = text
        .split(apart)
        .map(|word| word.trim_matches(['.', '-', '_']));
    words.filter(|word| word.chars().any(char::is_alphabetic))
}

/// Every word of a snapshot that somebody outside of this project chose: of strings and of keys.
fn words_of(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => found.extend(words(text).map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| words_of(item, found)),
        Value::Object(fields) => {
            for (name, field) in fields {
                if name != "subject" && name != "at" {
                    found.extend(words(name).map(str::to_owned));
                    words_of(field, found);
                }
            }
        }
        _ => {}
    }
}

fn words_in(snapshot: &Snapshot) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    words_of(&serde_json::to_value(snapshot).expect("JSON"), &mut found);
    found
}

/// All words of all fixtures that a redaction keeps: to be read by people, who would see a name among them.
#[test]
fn the_words_that_stay_are_known() {
    let catalog = Catalog::embedded().expect("the catalog");
    let mut kept = BTreeSet::new();
    for case in cases(catalog) {
        let after = words_in(&redacted(&case.snapshot, catalog));
        kept.extend(words_in(&case.snapshot).intersection(&after).cloned());
    }
    // Versions of APIs and of software, of which there are many.
    kept.retain(|word| {
        !word
            .trim_start_matches('v')
            .starts_with(|first: char| first.is_ascii_digit())
    });
    let text = kept.into_iter().map(|word| word + "\n").collect::<String>();
    golden::compare("tests/fixtures/redact/kept.txt", &text);
}

#[test]
fn no_name_is_in_any_output_or_in_the_snapshot() {
    let catalog = Catalog::embedded().expect("the catalog");
    // Words of the program's own texts: a namespace `web` is not given away by the word.
    let own = [
        golden::in_repository("docs/rules.md"),
        golden::in_repository("docs/help.txt"),
    ];
    let own = own.map(|file| fs::read_to_string(file).expect("a page"));
    let own: BTreeSet<&str> = own
        .iter()
        .flat_map(|text| words(text))
        .chain(PlatformName::ALL.map(PlatformName::as_str))
        .collect();
    let kept = fs::read_to_string(golden::in_repository("tests/fixtures/redact/kept.txt"));
    let kept = kept.expect("the list");
    let kept: BTreeSet<&str> = kept.lines().collect();
    for case in cases(catalog) {
        let copy = redacted(&case.snapshot, catalog);
        let after = words_in(&copy);
        let before = words_in(&case.snapshot);
        let dropped: BTreeSet<&str> = before
            .difference(&after)
            .map(String::as_str)
            .filter(|word| word.len() > 2 && !own.contains(word) && !kept.contains(word))
            .collect();
        assert!(!dropped.is_empty(), "{}: {dropped:?}", case.name);
        let told = told(&case, &copy, catalog);
        let formats = [
            OutputFormat::Table,
            OutputFormat::Wide,
            OutputFormat::Json,
            OutputFormat::Yaml,
            OutputFormat::Name,
        ];
        for format in formats {
            let report =
                render_report(format, &told.report, &RenderOptions::default()).expect("a report");
            let plan = render_plan(format, &told.plan_document, &RenderOptions::default())
                .expect("a plan");
            let text = report + &plan;
            let left: Vec<&str> = words(&text).filter(|word| dropped.contains(word)).collect();
            assert!(
                left.is_empty(),
                "{} {format:?}: {left:?}\n{text}",
                case.name
            );
        }
    }
}

#[test]
fn what_a_topology_says_of_its_pools_stays() {
    let catalog = Catalog::embedded().expect("the catalog");
    let mut cases = cases(catalog).into_iter();
    let case = cases.find(|case| case.name.ends_with("/cluster-topology-held.yaml"));
    let case = case.expect("the case");
    let order = |snapshot: &Snapshot| {
        let told = told(&case, snapshot, catalog);
        let steps = told.plan.steps.into_iter();
        let pools = steps.filter(|step| step.id.contains("-machine-"));
        pools.map(|step| step.duration.basis).collect::<Vec<_>>()
    };
    let copy = redacted(&case.snapshot, catalog);
    assert_eq!(order(&copy), order(&case.snapshot));
    let plan = told(&case, &copy, catalog).plan;
    let mut commands = plan.steps.iter().flat_map(|step| &step.commands);
    assert!(commands.any(|line| line.contains("upgrade-concurrency=2 ")));
}

/// What is planted wherever a cluster may hold anything.
const CANARY: &str = "canary-4f1d9c";

/// Plants it in every string of rows, and as a label, but where only certain words can stand.
fn plant(value: &mut Value) {
    const TYPED: [&str; 11] = [
        "phase",
        "time",
        "created",
        "storage",
        "deleted",
        "readyChanged",
        "annotation",
        "field",
        "kubeletVersion",
        "uid",
        "gitVersion",
    ];
    match value {
        Value::String(text) if text.starts_with("[-]") => text.push_str(&format!(": {CANARY}")),
        Value::String(text) => *text = format!("{CANARY}/{text} {CANARY}"),
        Value::Array(items) => items.iter_mut().for_each(plant),
        Value::Object(fields) => {
            for (name, field) in &mut *fields {
                if !TYPED.contains(&name.as_str()) {
                    plant(field);
                }
                if ["labels", "matchLabels", "annotations", "nodeSelector"].contains(&name.as_str())
                    && let Some(labels) = field.as_object_mut()
                {
                    labels.insert(CANARY.to_owned(), CANARY.into());
                    labels.insert(format!("{CANARY}.example/{CANARY}"), CANARY.into());
                }
            }
        }
        _ => {}
    }
}

#[test]
fn what_is_not_understood_is_replaced() {
    let catalog = Catalog::embedded().expect("the catalog");
    for case in cases(catalog) {
        let mut value = serde_json::to_value(&case.snapshot).expect("JSON");
        let clusters = value["clusters"].as_array_mut().expect("clusters");
        for picture in clusters {
            for field in ["id", "context", "server", "namespace"] {
                picture[field] = CANARY.into();
            }
            picture["survey"]["groupVersions"] = json!([format!("{CANARY}.example/v1"), "v1"]);
            for reading in picture["readings"].as_array_mut().expect("readings") {
                plant(&mut reading["rows"]);
                if let Some(refused) = reading["outcome"].get_mut("refused") {
                    refused["why"] = format!("users {CANARY} is forbidden").into();
                    refused["rbac"]["namespace"] = CANARY.into();
                }
                reading["faults"] = json!([{"what": CANARY, "why": format!("of {CANARY}")}]);
            }
        }
        plant(&mut value["files"]);
        value["files"]["gaps"] = json!([{"what": CANARY, "why": CANARY, "rbac": null}]);
        let planted: Snapshot = serde_json::from_value(value).expect("a snapshot");
        let text = serde_json::to_string(&redacted(&planted, catalog)).expect("JSON");
        let at = text.find(CANARY);
        let around = at.map(|at| &text[at.saturating_sub(200)..(at + 100).min(text.len())]);
        assert_eq!(around, None, "{}", case.name);
    }
}

#[test]
fn what_was_redacted_stays_as_it_is() {
    let catalog = Catalog::embedded().expect("the catalog");
    for case in cases(catalog) {
        let once = redacted(&case.snapshot, catalog);
        let mut twice = once.clone();
        redact(&mut twice, &RedactionKey::new(b"another"), catalog);
        assert_eq!(twice, once, "{}", case.name);
    }
}

#[test]
fn pseudonyms_are_names_that_kubernetes_takes() {
    let catalog = Catalog::embedded().expect("the catalog");
    let case = example(catalog);
    let copy = redacted(&case.snapshot, catalog);
    let mut names: BTreeMap<&str, usize> = BTreeMap::new();
    for row in copy.clusters[0]
        .ledger
        .iter()
        .flat_map(|it| it.rows.metadata())
    {
        *names.entry(&row.name).or_default() += 1;
    }
    assert!(!names.is_empty());
    for name in names.keys() {
        let fits =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
        assert!(name.len() <= 63 && name.bytes().all(fits), "{name}");
    }
}
