//! Every field of a report, in every format.

use serde_json::Value;

use kubectl_upgrade::api::v1::{
    ComponentDoc, GapDoc, KnownClusterDoc, ProjectDoc, RoleDoc, TopologyDoc, UpgradeReport,
    WaiverDoc, WorkspaceDoc,
};
use kubectl_upgrade::catalog::{Catalog, Release, VersionSpec};
use kubectl_upgrade::report::{OutputFormat, RenderOptions, Styles, render_report};

use super::{HOSTILE, harmless};
use crate::cluster::{Cluster, rules};
use crate::golden;
use crate::plan_hostile::{HOSTILE as MARKUP, structure, tags};

/// Words that YAML takes for something else.
const WORDS: [&str; 12] = [
    "yes", "null", "~", "- a", "#", ": ", "a: b", "", "---", "1e3", "*a", "'\"\\",
];

/// The report in every format: harmless, and the same value for a program.
#[track_caller]
fn harmless_in_every_format(what: &str, report: &UpgradeReport) {
    let value = serde_json::to_value(report).expect("a value");
    let narrow = RenderOptions {
        width: Some(60),
        ..RenderOptions::default()
    };
    let failing = RenderOptions {
        failing: vec!["blocker", "warning", "note"],
        ..RenderOptions::default()
    };
    for (format, look) in [
        (OutputFormat::Junit, failing),
        (OutputFormat::Table, RenderOptions::default()),
        (OutputFormat::Table, narrow),
        (OutputFormat::Wide, RenderOptions::default()),
        (OutputFormat::Json, RenderOptions::default()),
        (OutputFormat::Yaml, RenderOptions::default()),
        (OutputFormat::Name, RenderOptions::default()),
        (OutputFormat::Markdown, RenderOptions::default()),
        (OutputFormat::Html, RenderOptions::default()),
        (OutputFormat::Summary, RenderOptions::default()),
        (OutputFormat::Csv, RenderOptions::default()),
        (OutputFormat::Waivers, RenderOptions::default()),
    ] {
        let text = render_report(format, report, &look).expect("a report");
        harmless(&format!("{what} as {format:?}"), &text);
        match format {
            OutputFormat::Json => {
                let back: Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!(back, value, "{what}");
            }
            OutputFormat::Yaml => {
                let back: Value = serde_saphyr::from_str(&text).expect("YAML");
                assert_eq!(back, value, "{what}");
            }
            OutputFormat::Name => {
                let objects = report.findings.iter().flat_map(|finding| &finding.objects);
                assert!(text.lines().count() <= objects.count(), "{what}: {text}");
                assert!(
                    text.lines().all(|line| line.contains('/')),
                    "{what}: {text}"
                );
            }
            OutputFormat::Table
            | OutputFormat::Wide
            | OutputFormat::Markdown
            | OutputFormat::Html
            | OutputFormat::Summary
            | OutputFormat::Csv => {}
            OutputFormat::Junit => {
                let count = |tag: &str| text.matches(tag).count();
                assert_eq!(count("<testcase "), count("</testcase>"), "{what}: {text}");
                assert_eq!(count("<"), count(">"), "{what}: {text}");
            }
            OutputFormat::Waivers => {
                let _: Value = serde_saphyr::from_str(&text).expect("YAML");
            }
        }
    }
    // With colours of our own, nothing else is coloured.
    let colored = RenderOptions {
        styles: Styles::colored(),
        ..RenderOptions::default()
    };
    let text = render_report(OutputFormat::Table, report, &colored).expect("a report");
    let plain = ["31;1", "33", "2", "32;1", "1", "0"]
        .iter()
        .fold(text, |text, code| {
            text.replace(&format!("\u{1b}[{code}m"), "")
        });
    harmless(what, &plain);
}

/// Puts a text into what a management cluster says of others.
fn poison_topology(topology: &mut TopologyDoc, text: &str) {
    let some = || Some(text.to_owned());
    topology.evidence = vec![text.to_owned()];
    topology.upgrade_from = some();
    topology.workspaces = vec![WorkspaceDoc {
        name: text.to_owned(),
        namespace: some(),
    }];
    topology.projects = vec![ProjectDoc {
        workspace: some(),
        name: text.to_owned(),
        namespace: some(),
    }];
    topology.clusters = vec![KnownClusterDoc {
        cluster: text.to_owned(),
        namespace: text.to_owned(),
        name: text.to_owned(),
        workspace: some(),
        role: RoleDoc::Managed,
        kubernetes_version: some(),
        provider: some(),
        phase: some(),
        is_inspected: false,
    }];
}

/// Puts a text into every field of a report that is not ours.
fn poison(report: &mut UpgradeReport, text: &str) {
    let some = || Some(text.to_owned());
    let cluster = &mut report.cluster;
    cluster.context = some();
    cluster.server = some();
    cluster.namespace = some();
    cluster.kubernetes_version = some();
    cluster.provider = some();
    for platform in &mut cluster.platforms {
        platform.version = some();
        platform.evidence = vec![text.to_owned()];
        platform.variant = some();
        platform.components = vec![ComponentDoc {
            name: text.to_owned(),
            version: some(),
            state: some(),
        }];
    }
    poison_topology(&mut cluster.topology, text);
    for hop in &mut report.path {
        let mut hostile: Release = "1.2.3".parse().expect("a release");
        hostile.raw = text.to_owned();
        hop.from = Some(VersionSpec::Release(hostile.clone()));
        hop.to = VersionSpec::Release(hostile);
    }
    for finding in &mut report.findings {
        finding.message = text.to_owned();
        finding.remedy = text.to_owned();
        for object in &mut finding.objects {
            object.api_version = format!("{text}/{text}");
            object.kind = text.to_owned();
            object.namespace = some();
            object.name = text.to_owned();
            object.owner = some();
            object.waiver = Some(WaiverDoc {
                owner: text.to_owned(),
                reason: text.to_owned(),
                expires: text.to_owned(),
            });
            for evidence in &mut object.evidence {
                evidence.detail = text.to_owned();
                evidence.writer = some();
                evidence.location = some();
            }
        }
    }
    let mut past = report.findings.clone();
    for finding in &mut past {
        finding.id = text.to_owned();
        finding.title = text.to_owned();
        finding.reference = text.to_owned();
        for object in &mut finding.objects {
            object.waiver = None;
        }
    }
    report.resolved = past.clone();
    // Open findings too, with a remedy and names.
    report.findings.extend(past);
    report.gaps = vec![GapDoc {
        what: text.to_owned(),
        why: text.to_owned(),
        cluster: None,
        rules: vec![text.to_owned()],
        rbac: None,
    }];
    report.remarks = vec![text.to_owned()];
}

#[test]
fn every_field_of_a_report_is_shown_harmlessly() {
    let catalog = Catalog::embedded().expect("the catalog");
    let file = golden::in_repository("tests/fixtures/rules/psp-present/trigger.yaml");
    let fresh = || Cluster::load(&file).evaluate(catalog, rules()).1;
    for word in WORDS.into_iter().chain([HOSTILE]) {
        let mut report = fresh();
        poison(&mut report, word);
        harmless_in_every_format(&format!("{word:?}"), &report);
    }
    let mut report = fresh();
    poison(&mut report, HOSTILE);
    let table =
        render_report(OutputFormat::Table, &report, &RenderOptions::default()).expect("a table");
    assert!(
        table.contains("^[[31m") && table.contains("\\u202e"),
        "{table}"
    );

    let long = format!("{HOSTILE}{}", "x ".repeat(500_000));
    let mut report = fresh();
    poison(&mut report, &long);
    for format in [
        OutputFormat::Table,
        OutputFormat::Wide,
        OutputFormat::Name,
        OutputFormat::Markdown,
        OutputFormat::Html,
    ] {
        let text = render_report(format, &report, &RenderOptions::default()).expect("a report");
        harmless("long", &text);
        assert!(text.len() < 200_000, "{format:?}: {}", text.len());
    }
}

#[test]
fn no_field_of_a_report_becomes_markup() {
    let catalog = Catalog::embedded().expect("the catalog");
    let file = golden::in_repository("tests/fixtures/rules/psp-present/trigger.yaml");
    let fresh = Cluster::load(&file).evaluate(catalog, rules()).1;
    let told = |word: &str| {
        let mut report = fresh.clone();
        poison(&mut report, word);
        [OutputFormat::Html, OutputFormat::Markdown].map(|format| {
            render_report(format, &report, &RenderOptions::default()).expect("a page")
        })
    };
    let [page, text] = told("x");
    assert!(!tags(&page).is_empty() && !structure(&text).is_empty());
    for word in MARKUP {
        let [other, other_text] = told(word);
        assert_eq!(tags(&other), tags(&page), "{word:?}");
        assert_eq!(structure(&other_text), structure(&text), "{word:?}");
    }
}
