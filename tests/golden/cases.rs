//! Cases from the field: a cluster or manifests, and what is right to say of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use libtest_mimic::Trial;
use serde::Deserialize;
use serde_json::Value;

use crate::cluster::{Cluster, rules};
use crate::{CATALOG, case, golden};

const FOLDER: &str = "tests/fixtures/cases";

/// What is right to say.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expectation {
    /// The findings of these rules, `severity Kind/name` for each object, and no others.
    #[serde(default)]
    findings: BTreeMap<String, BTreeSet<String>>,
    /// Parts of gaps.
    #[serde(default)]
    gaps: Vec<String>,
    /// What no gap mentions.
    #[serde(default)]
    without_gaps: Vec<String>,
}

pub(crate) fn trials() -> Vec<Trial> {
    let names = golden::stems(FOLDER, ".yaml").into_iter();
    let trials = names.map(|name| {
        case("cases", &name.clone(), move || {
            let path = golden::in_repository(&format!("{FOLDER}/{name}.yaml"));
            let text = fs::read_to_string(path).expect("the case");
            check(&name, serde_saphyr::from_str(&text).expect("YAML"));
        })
    });
    trials.collect()
}

fn check(name: &str, mut case: Value) {
    let expected = case.as_object_mut().expect("a mapping").remove("expect");
    let expected: Expectation =
        serde_json::from_value(expected.expect("what is right")).expect("an expectation");
    let (evaluation, _) = Cluster::from_value(case, name).evaluate(&CATALOG, rules());
    for (rule, right) in &expected.findings {
        assert!(rules().iter().any(|known| known.id == rule), "{rule}");
        let findings = evaluation.findings.iter();
        let findings = findings.filter(|finding| finding.id == rule);
        let found: BTreeSet<String> = findings
            .flat_map(|finding| {
                let severity = format!("{:?}", finding.severity).to_lowercase();
                let objects = finding.objects.iter();
                objects.map(move |object| format!("{severity} {}/{}", object.kind, object.name))
            })
            .collect();
        assert_eq!(&found, right, "{rule} in {name}");
    }
    let gaps = evaluation.gaps.iter();
    let gaps: Vec<String> = gaps
        .map(|gap| without_lines(&format!("{}: {}", gap.what, gap.why)))
        .collect();
    for part in &expected.gaps {
        assert!(
            gaps.iter().any(|gap| gap.contains(&without_lines(part))),
            "{part} in {gaps:#?}"
        );
    }
    for part in &expected.without_gaps {
        assert!(
            !gaps.iter().any(|gap| gap.contains(&without_lines(part))),
            "{part} in {gaps:#?}"
        );
    }
}

/// A text without the lines of documents, which say no more than their numbers.
fn without_lines(text: &str) -> String {
    let mut parts = text.split(" document ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = part.split_at(digits);
        let rest = match rest.strip_prefix(", line ") {
            Some(line) if digits > 0 => {
                line.trim_start_matches(|digit: char| digit.is_ascii_digit())
            }
            _ => rest,
        };
        out += &format!(" document {number}{rest}");
    }
    out
}
