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

/// A record of which only the labels are read.
fn record(status: &str, version: u32, created: &str) -> String {
    format!(
        "- apiVersion: v1
  kind: Secret
  type: helm.sh/release.v1
  metadata:
    namespace: shop
    name: sh.helm.release.v1.cart.v{version}
    creationTimestamp: {created}
    labels: {{owner: helm, name: cart, version: '{version}', status: {status}, modifiedAt: '1600000000'}}
"
    )
}

fn release(status: &str, version: u32, api: &str) -> String {
    format!(
        "- name: cart
  namespace: shop
  version: {version}
  info: {{status: {status}, last_deployed: 2024-12-01T00:00:00Z}}
  manifest: '{{apiVersion: {api}, metadata: {{name: cart}}}}'
"
    )
}

#[test]
fn an_operation_runs_since_its_record_was_created() {
    for (created, severity) in [
        ("2024-12-31T23:55:00Z", Severity::Note),
        ("2024-12-31T23:00:00Z", Severity::Warning),
    ] {
        let objects = format!("objects:\n{}", record("pending-upgrade", 2, created));
        let found = said(&evaluated("1.30.14", &objects), "helm-pending");
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
        let pending = record("pending-rollback", 2, "2024-12-31T23:00:00Z");
        let deployed = release("deployed", 1, api);
        let input = format!("objects:\n{pending}helm:\n{deployed}");
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

#[test]
fn a_failed_revision_counts_where_none_is_deployed() {
    let old = "policy/v1beta1, kind: PodDisruptionBudget";
    let new = "policy/v1, kind: PodDisruptionBudget";
    let removed = |releases: &[String]| {
        let input = format!("helm:\n{}", releases.concat());
        let found = said(&evaluated("1.24.17", &input), "api-removed");
        found
            .into_iter()
            .map(|(severity, _)| severity)
            .collect::<Vec<_>>()
    };
    assert_eq!(removed(&[release("failed", 1, old)]), [Severity::Blocker]);
    let deployed = release("deployed", 1, new);
    assert_eq!(removed(&[deployed, release("failed", 2, old)]), []);
}

#[test]
fn a_release_with_superseded_revisions_alone_is_a_gap() {
    let gaps = |objects: String, helm: &str| {
        let gaps = evaluated("1.30.14", &format!("objects:\n{objects}{helm}")).gaps;
        gaps.into_iter().map(|gap| gap.what).collect::<Vec<_>>()
    };
    let superseded = record("superseded", 3, "2024-12-01T00:00:00Z");
    assert_eq!(gaps(superseded.clone(), ""), ["helm release shop/cart v3"]);
    let deployed = release("deployed", 4, "apps/v1, kind: Deployment");
    assert_eq!(gaps(superseded, &format!("helm:\n{deployed}")), [""; 0]);
}

#[test]
fn secrets_that_may_not_be_read_are_a_gap_for_releases_and_one_for_operations() {
    let gaps = evaluated("1.30.14", "refused: [secrets]\n").gaps;
    let of = |what: &str| gaps.iter().filter(|gap| gap.what.contains(what)).count();
    assert_eq!(gaps.len(), 2, "{gaps:#?}");
    assert_eq!((of("status=deployed"), of("status in (failed")), (1, 1));
}
