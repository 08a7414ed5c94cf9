//! Releases of Helm: which revision counts, since when an operation runs, and what helps.

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::rules::{Evaluation, Severity};

use crate::cluster::{Cluster, rules};

fn evaluated(kubernetes: &str, more: &str) -> Evaluation {
    let catalog = Catalog::embedded().expect("the catalog");
    let text = format!("kubernetes: {kubernetes}\nnow: 2025-01-01T00:00:00Z\n{more}");
    Cluster::parse(&text, more).evaluate(catalog, rules()).0
}

/// The severities and remedies of a rule.
fn said(evaluation: &Evaluation, id: &str) -> Vec<(Severity, String)> {
    let findings = evaluation.findings.iter();
    let findings = findings.filter(|finding| finding.id == id);
    findings
        .map(|finding| (finding.severity, finding.remedy.clone()))
        .collect()
}

fn release(status: &str, version: u32, api: &str) -> String {
    created_at("2024-12-01T00:00:00Z", status, status, version, api)
}

/// A revision whose label says another status than the record itself.
fn labelled(label: &str, status: &str, version: u32, api: &str) -> String {
    created_at("2024-12-01T00:00:00Z", label, status, version, api)
}

fn created_at(created: &str, label: &str, status: &str, version: u32, api: &str) -> String {
    format!(
        "- name: cart
  namespace: shop
  version: {version}
  label: {label}
  info: {{status: {status}, last_deployed: {created}}}
  manifest: '{{apiVersion: {api}, metadata: {{name: cart}}}}'
"
    )
}

const OLD: &str = "policy/v1beta1, kind: PodDisruptionBudget";
const NEW: &str = "policy/v1, kind: PodDisruptionBudget";

#[test]
fn an_operation_runs_since_its_record_was_created() {
    for (created, severity) in [
        ("2024-12-31T23:55:00Z", Severity::Note),
        ("2024-12-31T23:00:00Z", Severity::Warning),
    ] {
        let status = "pending-upgrade";
        let pending = created_at(created, status, status, 2, "apps/v1, kind: Deployment");
        let input = format!("helm:\n{pending}");
        let found = said(&evaluated("1.30.14", &input), "helm-pending");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].0, severity, "{created}");
    }
}

#[test]
fn a_rollback_is_not_advised_where_the_deployed_revision_names_a_removed_api() {
    for (api, rolls_back) in [
        ("apps/v1, kind: Deployment", true),
        ("extensions/v1beta1, kind: Deployment", false),
    ] {
        let pending = release("pending-rollback", 2, "apps/v1, kind: Deployment");
        let deployed = release("deployed", 1, api);
        let input = format!("helm:\n{pending}{deployed}");
        let evaluation = evaluated("1.30.14", &input);
        let found = said(&evaluation, "helm-pending");
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(!found[0].1.contains("mapkubeapis"), rolls_back, "{api}");
        // The release cannot be upgraded now, whatever the hop.
        let removed = said(&evaluation, "api-removed");
        assert_eq!(removed.is_empty(), rolls_back, "{api}");
        assert!(removed.iter().all(|(severity, remedy)| {
            *severity == Severity::Warning && remedy.contains("mapkubeapis")
        }));
    }
}

/// What the rule for removed APIs reports of these revisions, and the gaps.
fn removed(revisions: &[String]) -> (Vec<String>, Vec<String>) {
    let evaluation = evaluated("1.24.17", &format!("helm:\n{}", revisions.concat()));
    let findings = evaluation.findings.iter();
    let objects = findings
        .filter(|finding| finding.id == "api-removed" && finding.severity == Severity::Blocker)
        .flat_map(|finding| &finding.objects);
    let evidence = objects.flat_map(|object| &object.evidence);
    let gaps = evaluation.gaps.iter().map(|gap| gap.what.clone());
    (
        evidence.map(|evidence| evidence.detail.clone()).collect(),
        gaps.collect(),
    )
}

#[test]
fn the_revision_that_helm_compares_with_is_read() {
    let release_text = "helm release shop/cart";
    for (revisions, blocker) in [
        (
            vec![release("failed", 1, OLD)],
            Some("v1 (failed, and none is deployed)"),
        ),
        (
            vec![release("deployed", 1, NEW), release("failed", 2, OLD)],
            None,
        ),
        (
            vec![release("superseded", 1, NEW), release("superseded", 2, OLD)],
            Some("v2 (superseded, and none is deployed)"),
        ),
        (
            vec![
                release("superseded", 9, OLD),
                release("superseded", 10, NEW),
            ],
            None,
        ),
        (
            vec![release("superseded", 1, OLD), release("deployed", 2, NEW)],
            None,
        ),
        (
            vec![release("pending-install", 1, OLD)],
            Some("v1 (pending-install)"),
        ),
        (
            vec![
                release("superseded", 1, OLD),
                release("uninstalled", 2, OLD),
            ],
            None,
        ),
        (
            vec![
                release("superseded", 1, OLD),
                release("superseded", 2, OLD),
                release("pending-upgrade", 3, NEW),
            ],
            Some("v2 (superseded, and none is deployed)"),
        ),
        (
            vec![
                release("superseded", 1, OLD),
                release("failed", 2, NEW),
                release("pending-rollback", 3, NEW),
            ],
            None,
        ),
        (
            vec![
                release("deployed", 1, NEW),
                release("pending-upgrade", 2, OLD),
            ],
            Some("v2 (pending-upgrade)"),
        ),
        (
            vec![
                release("pending-upgrade", 1, OLD),
                release("deployed", 2, NEW),
            ],
            None,
        ),
        (
            vec![
                release("superseded", 1, NEW),
                release("uninstalling", 2, OLD),
            ],
            Some("v2 (uninstalling)"),
        ),
    ] {
        let expected: Vec<String> = blocker
            .map(|text| format!("{release_text} {text}"))
            .into_iter()
            .collect();
        assert_eq!(removed(&revisions), (expected, Vec::new()), "{revisions:?}");
    }
}

#[test]
fn a_label_that_differs_from_its_record_is_a_gap_and_decides_as_in_helm() {
    for (revisions, blocks) in [
        (vec![labelled("weird", "deployed", 1, OLD)], true),
        (vec![labelled("null", "deployed", 1, OLD)], true),
        (
            vec![
                labelled("deployed", "superseded", 1, NEW),
                labelled("superseded", "deployed", 2, OLD),
            ],
            true,
        ),
        (
            vec![
                labelled("deployed", "superseded", 1, OLD),
                labelled("superseded", "deployed", 2, NEW),
            ],
            false,
        ),
    ] {
        let (blockers, gaps) = removed(&revisions);
        assert_eq!(!blockers.is_empty(), blocks, "{revisions:?}");
        let has_label = !revisions[0].contains("label: null");
        assert_eq!(gaps.is_empty(), !has_label, "{revisions:?} {gaps:?}");
        assert!(
            gaps.iter()
                .all(|gap| gap.starts_with("helm release shop/cart v"))
        );
    }
}

#[test]
fn a_record_that_helm_does_not_find_is_a_gap() {
    let lost = |labels: &str| {
        let input = format!(
            "objects:
- apiVersion: v1
  kind: Secret
  type: helm.sh/release.v1
  metadata: {{namespace: shop, name: sh.helm.release.v1.cart.v1, labels: {labels}}}
  data: {{release: aHVudGVyMg==}}
"
        );
        let gaps = evaluated("1.30.14", &input).gaps;
        gaps.into_iter()
            .map(|gap| (gap.what, gap.why))
            .collect::<Vec<_>>()
    };
    let gaps = lost("{}");
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!(
        gaps[0].0,
        "Helm release record shop/sh.helm.release.v1.cart.v1"
    );
    let damaged = lost("{owner: helm, name: cart, version: '1', status: failed}");
    assert!(
        damaged
            .iter()
            .any(|(what, _)| what == "helm release shop/cart v1"),
        "{damaged:?}"
    );
}

#[test]
fn secrets_that_may_not_be_read_are_one_gap() {
    let gaps = evaluated("1.30.14", "refused: [secrets]\n").gaps;
    assert_eq!(gaps.len(), 1, "{gaps:#?}");
    assert!(gaps[0].what.contains("status=deployed"));
    assert!(gaps[0].rules.contains(&"helm-pending".to_owned()));
}
