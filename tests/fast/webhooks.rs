//! What the rules on webhooks, Helm, aggregated APIs and readiness say between their trigger and their near miss.

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::rules::Severity;

use crate::fixture::{Fixture, rules};

/// The severities with which a rule speaks.
fn said(id: &str, rows: &str) -> Vec<Severity> {
    let catalog = Catalog::embedded().expect("the catalog");
    let text = format!("kubernetes: 1.30.14\nnow: 2025-01-01T00:00:00Z\n{rows}");
    let (judgement, _) = Fixture::parse(&text, id).evaluate(&catalog, rules());
    let findings = judgement.findings.iter();
    findings
        .filter(|finding| finding.id == id)
        .map(|finding| finding.severity)
        .collect()
}

/// A webhook of the service shop/guard, and what else there is.
fn guard(webhook: &str, rest: &str) -> String {
    format!(
        "rows:
  mutatingwebhookconfigurations.admissionregistration.k8s.io:
    json:
    - meta: {{name: guard}}
      object: {{metadata: {{name: guard}}, webhooks: [{{name: guard.shop, failurePolicy: Fail, {webhook}}}]}}
  namespaces: {{json: [{{meta: {{name: shop}}, object: {{metadata: {{name: shop, labels: {{team: a}}}}}}}}]}}
  services: {{json: [{{meta: {{namespace: shop, name: guard}}, object: {{spec: {{selector: {{app: guard}}}}}}}}]}}
{rest}"
    )
}

const TO_SERVICE: &str = "clientConfig: {service: {namespace: shop, name: guard}}";
const PODS: &str =
    "rules: [{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: [pods]}]";
const NONE_READY: &str = "  endpointslices.discovery.k8s.io: {slices: [{meta: {namespace: shop, name: a}, service: guard, endpoints: 1, ready: 0}]}";
const OF_ANOTHER: &str = "  endpointslices.discovery.k8s.io: {slices: [{meta: {namespace: shop, name: a}, service: web, endpoints: 1, ready: 1}]}";
const OF_THE_SERVER: &str = "  endpointslices.discovery.k8s.io: {slices: [{meta: {namespace: default, name: kubernetes}, service: kubernetes, endpoints: 1, ready: 1}]}";

#[test]
fn dead_webhooks_block_only_where_the_cluster_needs_them() {
    let id = "webhook-fail-dead";
    let hook = |more: &str| format!("{TO_SERVICE}, {PODS}{more}");
    for (more, rest, expected) in [
        ("", NONE_READY, vec![Severity::Blocker]),
        ("", OF_ANOTHER, vec![Severity::Blocker]),
        // Nobody keeps account of endpoints.
        ("", OF_THE_SERVER, vec![]),
        ("", "", vec![]),
        (
            ", matchConditions: [{name: a, expression: 'true'}]",
            NONE_READY,
            vec![Severity::Warning],
        ),
        (
            ", namespaceSelector: {matchLabels: {team: b}}",
            NONE_READY,
            vec![Severity::Warning],
        ),
        (
            ", namespaceSelector: {matchLabels: {team: a}}",
            NONE_READY,
            vec![Severity::Blocker],
        ),
        (
            ", objectSelector: {matchLabels: {guarded: 'yes'}}",
            NONE_READY,
            vec![Severity::Warning],
        ),
    ] {
        let rows = guard(&hook(more), rest);
        assert_eq!(said(id, &rows), expected, "{more} {rest}");
    }
    let by_url = format!("clientConfig: {{url: 'https://guard.example'}}, {PODS}");
    assert_eq!(said(id, &guard(&by_url, NONE_READY)), []);
}

#[test]
fn what_could_not_be_read_is_not_missing() {
    let hook = format!("{TO_SERVICE}, {PODS}");
    let rows = guard(&hook, NONE_READY).replace(
        "  services: {json: [{meta: {namespace: shop, name: guard}, object: {spec: {selector: {app: guard}}}}]}\n",
        "",
    );
    assert_eq!(said("webhook-fail-dead", &rows), [Severity::Blocker]);
    let refused = format!("refused: [services]\n{rows}");
    assert_eq!(said("webhook-fail-dead", &refused), []);
}

#[test]
fn helm_may_be_at_work() {
    let record = |time: i64| {
        format!(
            "rows: {{helm pending: {{meta: [{{namespace: shop, name: r, labels: {{name: cart, version: '2', \
             status: pending-upgrade, createdAt: '{time}'}}}}]}}}}"
        )
    };
    // 2025 began at this second.
    let now = 1_735_689_600;
    assert_eq!(said("helm-pending", &record(now - 60)), [Severity::Note]);
    assert_eq!(
        said("helm-pending", &record(now - 660)),
        [Severity::Warning]
    );
    let failed_since = "rows: {helm pending: {meta: [
        {namespace: shop, name: a, labels: {name: cart, version: '2', status: pending-upgrade}},
        {namespace: shop, name: b, labels: {name: cart, version: '10', status: failed}}]}}";
    assert_eq!(said("helm-pending", failed_since), []);
}

#[test]
fn metrics_and_short_outages_do_not_block() {
    let api = |group: &str, since: &str| {
        format!(
            "rows: {{apiservices.apiregistration.k8s.io: {{json: [{{meta: {{name: a}}, object: {{metadata: {{name: a}}, \
             spec: {{group: {group}, service: {{namespace: shop, name: a}}}}, status: {{conditions: \
             [{{type: Available, status: 'False', lastTransitionTime: '{since}'}}]}}}}}}]}}}}"
        )
    };
    let long_ago = "2024-12-01T00:00:00Z";
    let id = "apiservice-down";
    assert_eq!(
        said(id, &api("shop.example", long_ago)),
        [Severity::Blocker]
    );
    for (group, since) in [
        ("metrics.k8s.io", long_ago),
        ("shop.example", "2024-12-31T23:58:00Z"),
    ] {
        assert_eq!(said(id, &api(group, since)), [Severity::Warning], "{group}");
    }
}

#[test]
fn a_server_that_is_being_stopped_only_warns() {
    let page = |lines: &str| format!("rows: {{'/readyz?verbose': {{lines: [{lines}]}}}}");
    let stopping = "'[-]shutdown failed: reason withheld'";
    assert_eq!(said("cp-readyz", &page(stopping)), [Severity::Warning]);
    let both = format!("{stopping}, '[-]etcd failed: reason withheld'");
    assert_eq!(said("cp-readyz", &page(&both)), [Severity::Blocker]);
}

#[test]
fn autoscalers_in_manifests_and_their_own_word() {
    let id = "hpa-targetref";
    let file = "files: [{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, namespace: shop, name: web, location: a.yaml, \
        references: [{field: spec.scaleTargetRef, apiVersion: extensions/v1beta1, kind: Deployment, name: web}]}]";
    assert_eq!(said(id, file), [Severity::Warning]);
    let live = |message: &str| {
        format!(
            "rows: {{horizontalpodautoscalers.autoscaling: {{json: [{{meta: {{namespace: shop, name: web}}, object: \
             {{spec: {{scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}}}, status: {{conditions: \
             [{{type: AbleToScale, status: 'False', reason: FailedGetScale, message: '{message}'}}]}}}}}}]}}}}"
        )
    };
    let unknown = "unable to get the target current scale: no matches for kind \"Till\" in group \"shop.example\"";
    assert_eq!(said(id, &live(unknown)), [Severity::Warning]);
    assert_eq!(said(id, &live("not found")), [Severity::Note]);
}
