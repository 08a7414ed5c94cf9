//! Each rule by the two fixtures of its folder: what triggers it, and a patch of that which must not.

use std::path::PathBuf;

use kubectl_upgrade::report::{OutputFormat, RenderOptions, render_report};
use kubectl_upgrade::rules::{Evaluation, Finding, Rule};
use libtest_mimic::Trial;

use crate::cluster::{Cluster, rules};
use crate::{CATALOG, case, golden};

const FOLDER: &str = "tests/fixtures/rules";

pub(crate) fn trials() -> Vec<Trial> {
    let trial = |rule: &'static Rule| {
        case("rules", rule.id, || {
            the_trigger_triggers_at_its_worst(rule);
            the_near_miss_does_not(rule);
        })
    };
    rules().iter().copied().map(trial).collect()
}

fn the_trigger_triggers_at_its_worst(rule: &Rule) {
    let (judgement, report) = Cluster::load(file(rule, "trigger.yaml")).evaluate(&CATALOG, rules());
    let found = findings(rule, &judgement);
    assert!(!found.is_empty(), "{}: {:#?}", rule.id, judgement.findings);
    let worst = found.iter().map(|finding| finding.severity).max();
    assert_eq!(worst, Some(rule.severity), "{} at its worst", rule.id);
    let table =
        render_report(OutputFormat::Table, &report, &RenderOptions::default()).expect("a table");
    golden::compare(&format!("{FOLDER}/{}/trigger.txt", rule.id), &table);
}

fn the_near_miss_does_not(rule: &Rule) {
    let (judgement, _) =
        Cluster::load_patched(file(rule, "trigger.yaml"), file(rule, "near-miss.yaml"))
            .evaluate(&CATALOG, rules());
    let found = findings(rule, &judgement);
    assert!(found.is_empty(), "{}: {found:#?}", rule.id);
}

fn file(rule: &Rule, name: &str) -> PathBuf {
    golden::in_repository(&format!("{FOLDER}/{}/{name}", rule.id))
}

fn findings<'a>(rule: &Rule, judgement: &'a Evaluation) -> Vec<&'a Finding> {
    let findings = judgement.findings.iter();
    findings.filter(|it| it.id == rule.id).collect()
}
