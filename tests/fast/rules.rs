//! Every rule has a folder with an object that triggers it and a near miss that must not, and every folder has a rule.

use std::collections::{BTreeMap, BTreeSet};

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::need::{DetailLevel, NeedContext, ReadTarget};
use kubectl_upgrade::rules::{Applicability, RuleKind, Severity, Verdict, needs};

use crate::cluster::{Cluster, rules};
use crate::golden;

/// The list of what Helm has deployed, which is apart from what it has not.
const HELM_RELEASES: &str = "'secrets (type=helm.sh/release.v1, owner=helm,status=deployed)'";

const FOLDER: &str = "tests/fixtures/rules";

#[test]
fn every_rule_has_fixtures_and_every_folder_a_rule() {
    let ids: BTreeSet<String> = rules().iter().map(|rule| rule.id.to_owned()).collect();
    assert_eq!(ids.len(), rules().len(), "ids are unique");
    assert_eq!(golden::names(FOLDER), Vec::from_iter(ids));
}

#[test]
fn rules_are_complete_and_in_order() {
    let ids: Vec<&str> = rules().iter().map(|rule| rule.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    let catalog = Catalog::embedded().expect("the catalog");
    for rule in rules() {
        let id = rule.id;
        let kebab =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        assert!(id.chars().all(kebab), "{id}");
        for text in [
            rule.title,
            &rule.applies_to.describe(catalog),
            rule.why,
            rule.detection,
            rule.remedy,
        ] {
            assert!(!text.is_empty() && text.trim() == text, "{id}: {text:?}");
        }
        assert!(!rule.title.ends_with('.'), "{id}: a title is no sentence");
        assert!(rule.reference.starts_with("https://"), "{id}");
        assert!(!rule.sources.is_empty(), "{id}");
    }
}

/// Minors in texts, with the reason why no table has them.
const MINORS_IN_TEXTS: [(&str, &str); 1] = [
    // A change of the garbage collector, before which no minor of the catalog is affected otherwise.
    ("ownerref-cross-ns", "1.20"),
];

#[test]
fn texts_of_code_rules_name_no_minors() {
    let is_minor = |word: &&str| {
        let digits = word.strip_prefix("1.").unwrap_or_default();
        digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    for rule in rules() {
        let applies_to = match rule.applies_to {
            Applicability::Text(text) => text,
            Applicability::Computed(_) => "",
        };
        if !matches!(rule.kind, RuleKind::Code { .. }) {
            continue;
        }
        for text in [
            rule.title,
            applies_to,
            rule.why,
            rule.detection,
            rule.remedy,
        ] {
            let words = text.split(|letter: char| !letter.is_ascii_digit() && letter != '.');
            let words = words.map(|word| word.trim_end_matches('.'));
            for minor in words.filter(is_minor) {
                let is_allowed = MINORS_IN_TEXTS.contains(&(rule.id, minor));
                assert!(is_allowed, "{}: {minor} belongs in a table", rule.id);
            }
        }
    }
}

#[test]
fn a_read_that_was_refused_is_a_gap_and_never_ready() {
    let catalog = Catalog::embedded().expect("the catalog");
    let fixture = |refused: &str| {
        let text = format!(
            "kubernetes: 1.24.17\nto: '1.25'\nnow: 2023-01-01T00:00:00Z\nrefused: [{refused}]\n"
        );
        Cluster::parse(&text, refused).evaluate(catalog, rules()).0
    };
    assert_eq!(fixture("").verdict, Verdict::Ready);
    for refused in [
        "nodes",
        HELM_RELEASES,
        "/metrics",
        "poddisruptionbudgets.policy",
        "podsecuritypolicies.policy",
    ] {
        let judgement = fixture(refused);
        assert_eq!(judgement.verdict, Verdict::Incomplete, "{refused}");
        assert_eq!(judgement.gaps.len(), 1, "{refused}: {:#?}", judgement.gaps);
        let gap = &judgement.gaps[0];
        assert!(gap.rbac.is_some() && !gap.rules.is_empty(), "{gap:#?}");
    }
    let nodes = fixture("nodes");
    let blind = &nodes.gaps[0].rules;
    for rule in ["node-kubelet-too-new", "node-kubelet-too-old"] {
        assert!(blind.iter().any(|id| id == rule), "{blind:?}");
    }
    let evaluated = nodes.summary.rules_evaluated;
    assert!(evaluated <= rules().len() - 2, "neither was evaluated");
}

#[test]
fn every_hop_of_a_path_is_told_with_what_bites_at_it() {
    let catalog = Catalog::embedded().expect("the catalog");
    let text = "
kubernetes: 1.24.17
to: '1.27'
now: 2023-01-01T00:00:00Z
objects:
- apiVersion: policy/v1
  kind: PodDisruptionBudget
  metadata:
    name: a
    namespace: x
    managedFields: [{manager: m, operation: Update, apiVersion: policy/v1beta1, time: 2022-01-01T00:00:00Z}]
- apiVersion: storage.k8s.io/v1
  kind: CSIStorageCapacity
  metadata:
    name: b
    namespace: x
    managedFields: [{manager: m, operation: Update, apiVersion: storage.k8s.io/v1beta1, time: 2022-01-01T00:00:00Z}]
";
    let (judgement, _) = Cluster::parse(text, "three hops").evaluate(catalog, rules());
    let hops: Vec<String> = judgement
        .findings
        .iter()
        .filter(|finding| finding.severity == Severity::Blocker)
        .map(|finding| finding.hop.as_ref().expect("a hop").to_string())
        .collect();
    assert_eq!(hops, ["kubernetes 1.25", "kubernetes 1.27"]);
}

#[test]
fn a_removal_that_is_only_announced_warns() {
    let catalog = Catalog::embedded().expect("the catalog");
    let text = "
kubernetes: 1.37.0
to: '1.39'
now: 2026-12-01T00:00:00Z
files: {gpu.yaml: [{apiVersion: resource.k8s.io/v1beta2, kind: DeviceClass, metadata: {name: gpu}}]}
";
    let (judgement, _) = Cluster::parse(text, "announced").evaluate(catalog, rules());
    assert_eq!(judgement.findings[0].severity, Severity::Warning);
    assert_eq!(
        judgement.verdict,
        Verdict::Incomplete,
        "1.39 is beyond the catalog"
    );
}

#[test]
fn what_the_server_emulates_counts() {
    let catalog = Catalog::embedded().expect("the catalog");
    let text = "
kubernetes: 1.34.0
emulates: '1.33'
to: '1.34'
now: 2025-12-01T00:00:00Z
objects: [{apiVersion: v1, kind: Node, metadata: {name: ahead}, status: {nodeInfo: {kubeletVersion: v1.34.0}}}]
";
    let (judgement, _) = Cluster::parse(text, "emulated").evaluate(catalog, rules());
    let ids: Vec<&str> = judgement
        .findings
        .iter()
        .map(|finding| finding.id)
        .collect();
    assert!(ids.contains(&"node-kubelet-too-new"), "{ids:?}");
}

/// A plan reads each subject once, at the greatest depth asked of it: one rule that asked for whole pods would take the
/// typed rows from all others.
#[test]
fn kinds_with_typed_rows_are_asked_for_at_one_depth() {
    let catalog = Catalog::embedded().expect("the catalog");
    let text = "kubernetes: 1.24.17\nto: '1.37'\nnow: 2026-10-01T00:00:00Z\n";
    let fixture = Cluster::parse(text, "every hop");
    let path = fixture.path(catalog);
    let snapshot = fixture.snapshot(catalog, &path);
    let asking = NeedContext {
        path: &path,
        catalog,
        discovery: &snapshot.clusters[0].discovery,
    };
    let mut depths: BTreeMap<ReadTarget, BTreeSet<DetailLevel>> = BTreeMap::new();
    for need in needs(rules(), &asking) {
        depths
            .entry(need.target)
            .or_default()
            .insert(need.detail_level);
    }
    let typed = depths
        .iter()
        .filter(|(_, depths)| depths.contains(&DetailLevel::Typed));
    for (subject, depths) in typed {
        assert!(!depths.contains(&DetailLevel::Full), "{subject}");
    }
}

#[test]
fn an_applier_is_advised_to_apply_before_the_hop() {
    let catalog = Catalog::embedded().expect("the catalog");
    let remedy = |operation: &str| {
        let text = format!(
            "kubernetes: 1.24.17
now: 2023-01-01T00:00:00Z
objects:
- apiVersion: policy/v1
  kind: PodDisruptionBudget
  metadata:
    namespace: shop
    name: cart
    managedFields: [{{manager: deployer, operation: {operation}, apiVersion: policy/v1beta1, time: 2022-01-01T00:00:00Z}}]
"
        );
        let (evaluation, _) = Cluster::parse(&text, operation).evaluate(catalog, rules());
        let mut findings = evaluation.findings.into_iter();
        let finding = findings.find(|finding| finding.id == "api-removed");
        finding.expect("a finding").remedy
    };
    let advice = "Apply once through policy/v1 before the hop";
    assert!(remedy("Apply").contains(advice));
    assert!(!remedy("Update").contains(advice));
}

#[test]
fn a_policy_of_the_provider_is_a_note_only_where_the_provider_runs() {
    let catalog = Catalog::embedded().expect("the catalog");
    let severities = |version: &str, name: &str| {
        let text = format!(
            "kubernetes: {version}\nto: '1.25'\nnow: 2023-01-01T00:00:00Z\nobjects:\n- {{apiVersion: policy/v1beta1, kind: PodSecurityPolicy, metadata: {{name: {name}}}}}\n"
        );
        let (evaluation, _) = Cluster::parse(&text, name).evaluate(catalog, rules());
        let findings = evaluation.findings.into_iter();
        let findings = findings.filter(|finding| finding.id == "psp-present");
        findings.map(|finding| finding.severity).collect::<Vec<_>>()
    };
    assert_eq!(
        severities("1.24.17-eks-1", "eks.privileged"),
        [Severity::Note]
    );
    assert_eq!(severities("1.24.17", "eks.privileged"), [Severity::Blocker]);
    assert_eq!(
        severities("1.24.17-eks-1", "restricted"),
        [Severity::Blocker]
    );
}
