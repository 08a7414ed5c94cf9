//! The examples of CONTRIBUTING.md, followed word for word.

use std::fs;

use kubectl_upgrade::catalog::{Catalog, Gvk};
use kubectl_upgrade::rules::Rule;
use kubectl_upgrade::rules::engine::data_rule;

use crate::cluster::{Cluster, rules};
use crate::golden;

// The rule that CONTRIBUTING.md shows, as a contributor would have written it.
#[path = "contributing/node_old_ubuntu.rs"]
mod node_old_ubuntu;

/// The fenced block of the page whose info string is this.
fn block(info: &str) -> String {
    let page = fs::read_to_string(golden::in_repository("CONTRIBUTING.md")).expect("the page");
    let start = format!("```{info}\n");
    let (_, rest) = page
        .split_once(&start)
        .unwrap_or_else(|| panic!("no block {info}"));
    let (block, _) = rest.split_once("```").expect("an end");
    block.to_owned()
}

#[test]
fn a_fact_costs_one_row() {
    let row = block("tsv");
    let table = fs::read_to_string(golden::in_repository("src/catalog/kubernetes/apis.tsv"));
    let longer = format!("{}{row}", table.expect("the table"));
    let catalog = Catalog::with_apis(&longer).expect("the row fits");
    let fixture = Cluster::parse(&block("yaml fact"), "CONTRIBUTING.md");
    let (judgement, _) = fixture.evaluate(&catalog, rules());
    let found: Vec<&str> = judgement
        .findings
        .iter()
        .map(|finding| finding.id)
        .collect();
    assert_eq!(found, ["api-removed"], "{:#?}", judgement.findings);

    let before = Catalog::embedded().expect("the catalog");
    assert!(
        before
            .apis
            .find(&Gvk::new("shop.k8s.io/v1beta1", "Cart"))
            .is_none()
    );
    assert_eq!(fixture.evaluate(before, rules()).0.findings, []);
}

#[test]
fn a_rule_that_is_data_costs_a_row() {
    let file = fs::read_to_string(golden::in_repository("src/catalog/rules/budgets.yaml"));
    let row = block("yaml rule");
    assert!(
        file.expect("the file").contains(&row),
        "the page shows a row that is there"
    );
    let alone = format!("apiVersion: kubectl-upgrade/v1\nkind: RuleSet\nrules:\n{row}");
    let parsed = data_rule::parse_rules("CONTRIBUTING.md", &alone).expect("a rule");
    assert_eq!(parsed.len(), 1);
    assert!(rules().iter().any(|rule| rule.id == parsed[0].id));
    let broken = alone.replace("has(object.status) &&", "has(object.status) && &&");
    let error = data_rule::parse_rules("team.yaml", &broken).expect_err("no expression");
    let told = format!("{error}");
    for part in ["team.yaml", "pdb-nomatch", "when", "line 1, column"] {
        assert!(told.contains(part), "{told}");
    }
}

#[test]
fn a_rule_costs_a_module_a_line_and_a_fixture() {
    let shown = block("rust");
    let module = fs::read_to_string(golden::in_repository(
        "tests/fast/contributing/node_old_ubuntu.rs",
    ));
    // Inside the crate it says `crate` where a test has to name the library.
    let module = module
        .expect("the module")
        .replace("use kubectl_upgrade::", "use crate::");
    assert_eq!(shown, module, "the page shows what this test runs");

    let catalog = Catalog::embedded().expect("the catalog");
    let all: Vec<&Rule> = rules()
        .iter()
        .copied()
        .chain([&node_old_ubuntu::RULE])
        .collect();
    let says = |cluster: &Cluster| {
        let (judgement, _) = cluster.evaluate(catalog, &all);
        judgement
            .findings
            .iter()
            .any(|finding| finding.id == "node-old-ubuntu")
    };
    let (trigger, near_miss) = (block("yaml trigger"), block("yaml near-miss"));
    assert!(says(&Cluster::parse(&trigger, "trigger")));
    assert!(!says(&Cluster::parse_patched(
        &trigger,
        &near_miss,
        "near-miss"
    )));
}
