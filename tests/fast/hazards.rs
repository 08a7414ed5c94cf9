//! Every hazard that is known is a rule or stands in the table of those that are not, never both.

use std::collections::BTreeSet;

use serde_json::Value;

use kubectl_upgrade::rules::CoverageState;
use kubectl_upgrade::rules::hazards;

use crate::cluster::rules;
use crate::program::{run, text};

/// The ids of all hazards of Kubernetes, by which rules are called. An id is never taken away.
const IDS: &str = include_str!("data/hazards.txt");

#[test]
fn every_hazard_is_a_rule_or_is_listed_as_none() {
    let lines: Vec<&str> = IDS.lines().collect();
    assert!(lines.is_sorted_by(|a, b| a < b), "sorted, and each once");
    let ids = BTreeSet::from_iter(lines);
    let rules: BTreeSet<&str> = rules().iter().map(|rule| rule.id).collect();
    let table = hazards().expect("the table");
    let rows: BTreeSet<&str> = table.iter().map(|hazard| hazard.id.as_str()).collect();
    let mut wrong = Vec::new();
    for id in rows.intersection(&rules) {
        wrong.push(format!(
            "{id} is a rule now: remove row {id} from src/catalog/kubernetes/hazards.tsv"
        ));
    }
    for id in &ids {
        if !rules.contains(id) && !rows.contains(id) {
            wrong.push(format!(
                "{id} is neither a rule nor a row of src/catalog/kubernetes/hazards.tsv"
            ));
        }
    }
    for id in rows.difference(&ids) {
        wrong.push(format!("{id} is no hazard that is known: is it misspelt?"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rows_say_what_they_must() {
    let table = hazards().expect("the table");
    let ids: Vec<&String> = table.iter().map(|hazard| &hazard.id).collect();
    assert!(ids.is_sorted_by(|a, b| a < b), "sorted, and each once");
    for hazard in &table {
        let id = &hazard.id;
        let invisible = hazard.state == CoverageState::Invisible;
        assert_eq!(
            !hazard.manual_check.is_empty(),
            invisible,
            "{id}: what to look at"
        );
        assert!(
            !hazard.title.is_empty() && !hazard.title.ends_with('.'),
            "{id}"
        );
        assert!(hazard.title.chars().count() <= 90, "{id}: a line");
        assert!(
            !hazard.applies_to.is_empty() && !hazard.source.is_empty(),
            "{id}"
        );
    }
    assert!(
        table
            .iter()
            .any(|hazard| hazard.state == CoverageState::Invisible)
    );
}

#[test]
fn all_hazards_are_listed_with_what_becomes_of_them() {
    let list = |args: &[&str]| -> Value {
        let output = run(&[&["rules", "-o", "json"], args].concat());
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let some = list(&[]);
    let all = list(&["--all"]);
    let count = |list: &Value| list["items"].as_array().map(Vec::len).expect("items");
    let unchecked = hazards().expect("the table").len();
    assert_eq!(count(&some), rules().len());
    assert_eq!(count(&all), rules().len() + unchecked);
    let item = |id: &str| {
        let items = all["items"].as_array().expect("items");
        items
            .iter()
            .find(|item| item["id"] == id)
            .cloned()
            .expect(id)
    };
    let flags = item("node-kubelet-flags");
    assert_eq!(
        (&flags["visible"], &flags["state"]),
        (&false.into(), &"invisible".into())
    );
    assert!(flags["how"].to_string().contains("kubeadm-flags.env"));
    assert_eq!(item("api-removed")["state"], "checked");
    let table = text(&run(&["rules", "--all"]).stdout);
    assert!(table.starts_with("ID "), "{table}");
    assert!(
        table.contains("kubectl-exec-syntax") && table.contains("invisible"),
        "{table}"
    );
    let output = run(&["explain", "node-kubelet-flags"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stdout).contains("kubeadm-flags.env"));
}
