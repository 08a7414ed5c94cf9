//! Each format over the same reports.

mod document;
mod rbac;
mod table;

use serde_json::Value;

use super::fixture::{finding, gap, hostile, object, report};
use super::{OutputFormat, RenderOptions, render_report, terminal};
use crate::api::v1::{SeverityDoc, UpgradeReport};

fn text(format: OutputFormat, report: &UpgradeReport) -> String {
    render_report(format, report, &RenderOptions::default())
        .expect("a report that can be written down")
}

fn table(report: &UpgradeReport) -> String {
    text(OutputFormat::Table, report)
}

fn three() -> UpgradeReport {
    let cart = object("PodDisruptionBudget", "cart", "helm release shop/cart v4");
    let db = object("PodDisruptionBudget", "db", "last-applied by kubectl");
    let mut warning = finding(
        SeverityDoc::Warning,
        "api-deprecated",
        Some("1.25"),
        vec![db.clone()],
    );
    warning.message = "deprecated since 1.21".into();
    let mut node = object("Node", "pool-a-2", "kubelet v1.22.1");
    node.namespace = None;
    node.owner = None;
    node.api_version = "v1".into();
    let mut note = finding(SeverityDoc::Note, "patch-behind", None, vec![node]);
    note.message = "12 patches behind".into();
    let blocker = finding(
        SeverityDoc::Blocker,
        "api-removed",
        Some("1.25"),
        vec![cart, db],
    );
    report(
        &["1.24.17", "1.25.16"],
        vec![blocker, warning, note],
        vec![gap()],
    )
}

#[test]
fn hostile_names_stay_names() {
    let report = hostile();
    for format in [OutputFormat::Table, OutputFormat::Wide, OutputFormat::Name] {
        let shown = text(format, &report);
        let bad: Vec<char> = shown
            .chars()
            .filter(|c| *c != '\n' && terminal::is_unsafe(*c))
            .collect();
        assert!(bad.is_empty(), "{bad:?}");
        assert!(shown.len() < 40_000, "{}", shown.len());
        assert!(
            !shown.lines().any(|line| line.starts_with("ready")),
            "{shown}"
        );
        assert!(shown.lines().all(|line| line == line.trim_end()), "{shown}");
    }
    assert_eq!(text(OutputFormat::Name, &report).lines().count(), 2);
    let value = serde_json::to_value(&report).expect("a value");
    let json: Value = serde_json::from_str(&text(OutputFormat::Json, &report)).expect("JSON");
    assert_eq!(json, value, "names come through whole");
    let yaml: Value = serde_saphyr::from_str(&text(OutputFormat::Yaml, &report)).expect("YAML");
    assert_eq!(yaml, value, "names come through whole");
}

#[test]
fn names_are_those_of_kubectl() {
    let mut report = three();
    let mut cluster = object("Cluster", "uid-1", "the API server is v1.24.17");
    cluster.api_version = String::new();
    report.findings.push(finding(
        SeverityDoc::Warning,
        "k8s-eol",
        None,
        vec![cluster],
    ));
    insta::assert_snapshot!(text(OutputFormat::Name, &report), @r"
    node/pool-a-2
    poddisruptionbudget.policy/cart -n shop
    poddisruptionbudget.policy/db -n shop
    ");
}
