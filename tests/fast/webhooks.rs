//! What the rules on webhooks, Helm, aggregated APIs and readiness say between their trigger and their near miss.

use kubectl_upgrade::catalog::Catalog;
use kubectl_upgrade::rules::Severity;

use crate::cluster::{Cluster, rules};

/// The severities with which a rule speaks.
fn said(id: &str, objects: &str) -> Vec<Severity> {
    let catalog = Catalog::embedded().expect("the catalog");
    let text = format!("kubernetes: 1.30.14\nnow: 2025-01-01T00:00:00Z\n{objects}");
    let (judgement, _) = Cluster::parse(&text, id).evaluate(catalog, rules());
    let findings = judgement.findings.iter();
    findings
        .filter(|finding| finding.id == id)
        .map(|finding| finding.severity)
        .collect()
}

/// A webhook of the service shop/guard, and what else there is.
fn guard(webhook: &str, rest: &str) -> String {
    format!(
        "objects:
- apiVersion: admissionregistration.k8s.io/v1
  kind: MutatingWebhookConfiguration
  metadata: {{name: guard}}
  webhooks: [{{name: guard.shop, failurePolicy: Fail, {webhook}}}]
- {{apiVersion: v1, kind: Namespace, metadata: {{name: shop, labels: {{team: a}}}}}}
{SERVICE}
{rest}"
    )
}

const TO_SERVICE: &str = "clientConfig: {service: {namespace: shop, name: guard}}";
const PODS: &str =
    "rules: [{apiGroups: ['*'], apiVersions: ['*'], operations: ['*'], resources: [pods]}]";
const SERVICE: &str = "- {apiVersion: v1, kind: Service, metadata: {namespace: shop, name: guard}, spec: {selector: {app: guard}}}";
const NONE_READY: &str = "
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {namespace: shop, name: a, labels: {kubernetes.io/service-name: guard}}
  endpoints: [{conditions: {ready: false}}]";
const OF_ANOTHER: &str = "
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {namespace: shop, name: a, labels: {kubernetes.io/service-name: web}}
  endpoints: [{conditions: {ready: true}}]";
const OF_THE_SERVER: &str = "
- apiVersion: discovery.k8s.io/v1
  kind: EndpointSlice
  metadata: {namespace: default, name: kubernetes, labels: {kubernetes.io/service-name: kubernetes}}
  endpoints: [{conditions: {ready: true}}]";

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
            vec![Severity::Blocker],
        ),
        (
            ", matchConditions: [{name: a, expression: 'request.resource.resource == \"pods\"'}]",
            NONE_READY,
            vec![Severity::Blocker],
        ),
        (
            ", matchConditions: [{name: a, expression: '!(request.namespace in [\"shop\"])'}]",
            NONE_READY,
            vec![Severity::Warning],
        ),
        (
            ", matchConditions: [{name: a, expression: 'false'}]",
            NONE_READY,
            vec![Severity::Note],
        ),
        (
            ", matchConditions: [{name: a, expression: 'object.metadata.name != \"a\"'}]",
            NONE_READY,
            vec![Severity::Warning],
        ),
        (
            ", namespaceSelector: {matchLabels: {team: b}}",
            NONE_READY,
            vec![Severity::Note],
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
    for (url, expected) in [
        ("https://guard.example", vec![]),
        ("https://guard.shop.svc/v", vec![Severity::Blocker]),
        (
            "https://gone.shop.svc.cluster.local:8443",
            vec![Severity::Blocker],
        ),
    ] {
        let by_url = format!("clientConfig: {{url: '{url}'}}, {PODS}");
        assert_eq!(said(id, &guard(&by_url, NONE_READY)), expected, "{url}");
    }
}

#[test]
fn what_a_drain_or_a_rollout_writes_must_pass_its_webhooks() {
    let severities = |group: &str, resource: &str, operation: &str| {
        let rule = format!(
            "rules: [{{apiGroups: ['{group}'], apiVersions: ['*'], operations: [{operation}], resources: [{resource}]}}]"
        );
        let leases = "- {apiVersion: v1, kind: Namespace, metadata: {name: kube-node-lease}}";
        let rest = format!("{NONE_READY}\n{leases}");
        let rows = guard(&format!("{TO_SERVICE}, {rule}"), &rest);
        said("webhook-fail-dead", &rows)
    };
    for (group, resource, operation) in [
        ("", "pods", "CREATE"),
        ("", "pods", "DELETE"),
        ("", "pods/eviction", "CREATE"),
        ("", "pods/binding", "CREATE"),
        ("", "bindings", "CREATE"),
        ("", "nodes", "CREATE"),
        ("", "serviceaccounts/token", "CREATE"),
        ("apps", "replicasets", "CREATE"),
        ("authentication.k8s.io", "tokenreviews", "CREATE"),
        (
            "certificates.k8s.io",
            "certificatesigningrequests",
            "CREATE",
        ),
        ("coordination.k8s.io", "leases", "UPDATE"),
        ("discovery.k8s.io", "endpointslices", "UPDATE"),
        ("storage.k8s.io", "volumeattachments", "CREATE"),
    ] {
        let found = severities(group, resource, operation);
        assert_eq!(found, [Severity::Blocker], "{operation} {group}/{resource}");
    }
    for (group, resource, operation) in [
        ("", "pods/exec", "CONNECT"),
        ("", "configmaps", "CREATE"),
        ("", "events", "CREATE"),
        ("apps", "pods", "CREATE"),
    ] {
        let found = severities(group, resource, operation);
        assert!(
            !found.contains(&Severity::Blocker),
            "{operation} {group}/{resource}: {found:?}"
        );
    }
}

#[test]
fn dead_webhooks_that_match_nothing_are_notes() {
    let condition = "!(request.namespace in [\"shop\"])";
    let pods =
        "rules: [{apiGroups: [''], apiVersions: [v1], operations: [CREATE], resources: [pods]}]";
    let hook =
        format!("{TO_SERVICE}, {pods}, matchConditions: [{{name: a, expression: '{condition}'}}]");
    let found = said("webhook-fail-dead", &guard(&hook, NONE_READY));
    assert_eq!(found, [Severity::Note], "{condition}");
    for (rules, expected) in [
        (
            "{apiGroups: [shop.example], apiVersions: ['*'], operations: ['*'], resources: [carts]}",
            Severity::Note,
        ),
        (
            "{apiGroups: [''], apiVersions: [v2], operations: ['*'], resources: [pods]}",
            Severity::Note,
        ),
        (
            "{apiGroups: [''], apiVersions: [v1], operations: ['*'], resources: [pods], scope: Cluster}",
            Severity::Note,
        ),
        (
            "{apiGroups: [apps], apiVersions: [v1], operations: ['*'], resources: [deployments]}",
            Severity::Warning,
        ),
    ] {
        let hook = format!("{TO_SERVICE}, rules: [{rules}]");
        let found = said("webhook-fail-dead", &guard(&hook, NONE_READY));
        assert_eq!(found, [expected], "{rules}");
    }
}

#[test]
fn conditions_that_cannot_be_evaluated_are_gaps() {
    let catalog = Catalog::embedded().expect("the catalog");
    for (expression, is_gap) in [
        ("!(\"system:nodes\" in request.userInfo.groups)", true),
        ("request.operation == \"CONNECT\"", false),
        ("true", false),
    ] {
        let hook = format!(
            "{TO_SERVICE}, {PODS}, matchConditions: [{{name: a, expression: '{expression}'}}]"
        );
        let text = format!(
            "kubernetes: 1.30.14\nnow: 2025-01-01T00:00:00Z\n{}",
            guard(&hook, NONE_READY)
        );
        let (judgement, _) = Cluster::parse(&text, expression).evaluate(catalog, rules());
        let mut gaps = judgement.gaps.iter();
        assert_eq!(
            gaps.any(|gap| gap.what == "webhook guard.shop"),
            is_gap,
            "{expression}"
        );
    }
}

#[test]
fn what_could_not_be_read_is_not_missing() {
    let hook = format!("{TO_SERVICE}, {PODS}");
    let rows = guard(&hook, NONE_READY).replace(SERVICE, "");
    assert_eq!(said("webhook-fail-dead", &rows), [Severity::Blocker]);
    let refused = format!("refused: [services]\n{rows}");
    assert_eq!(said("webhook-fail-dead", &refused), []);
}

/// `{"name":"cart","namespace":"shop","version":10,"info":{"status":"failed"}}` as Helm and Kubernetes encode it.
const FAILED_RECORD: &str = "  data: {release: ZXlKdVlXMWxJam9pWTJGeWRDSXNJbTVoYldWemNHRmpaU0k2SW5Ob2IzQWlMQ0oyWlhKemFXOXVJam94TUN3aWFXNW1ieUk2ZXlKemRHRjBkWE1pT2lKbVlXbHNaV1FpZlgwPQ==}
";

#[test]
fn helm_may_be_at_work() {
    let secret = |version: u32, labels: &str| {
        format!(
            "- apiVersion: v1
  kind: Secret
  type: helm.sh/release.v1
  metadata:
    namespace: shop
    name: sh.helm.release.v1.cart.v{version}
    labels: {{owner: helm, name: cart, version: '{version}', {labels}}}
{FAILED_RECORD}"
        )
    };
    let record = |time: i64| {
        let labels = format!("status: pending-upgrade, createdAt: '{time}'");
        format!("objects:\n{}", secret(2, &labels))
    };
    // 2025 began at this second.
    let now = 1_735_689_600;
    assert_eq!(said("helm-pending", &record(now - 60)), [Severity::Note]);
    assert_eq!(
        said("helm-pending", &record(now - 660)),
        [Severity::Warning]
    );
    let (pending, failed) = (
        secret(2, "status: pending-upgrade"),
        secret(10, "status: failed"),
    );
    let failed_since = &format!("objects:\n{pending}{failed}");
    assert_eq!(said("helm-pending", failed_since), []);
}

#[test]
fn metrics_and_short_outages_do_not_block() {
    let api = |group: &str, since: &str| {
        format!(
            "objects:
- apiVersion: apiregistration.k8s.io/v1
  kind: APIService
  metadata: {{name: a}}
  spec: {{group: {group}, service: {{namespace: shop, name: a}}}}
  status: {{conditions: [{{type: Available, status: 'False', lastTransitionTime: '{since}'}}]}}
"
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
    let page = |lines: &str| format!("pages: {{'/readyz?verbose': \"{lines}\"}}");
    let stopping = "[-]shutdown failed: reason withheld";
    assert_eq!(said("cp-readyz", &page(stopping)), [Severity::Warning]);
    let both = format!("{stopping}\\n[-]etcd failed: reason withheld");
    assert_eq!(said("cp-readyz", &page(&both)), [Severity::Blocker]);
}

#[test]
fn autoscalers_in_manifests_and_their_own_word() {
    let id = "hpa-targetref";
    let file = "files:
  a.yaml:
  - apiVersion: autoscaling/v2
    kind: HorizontalPodAutoscaler
    metadata: {namespace: shop, name: web}
    spec: {scaleTargetRef: {apiVersion: extensions/v1beta1, kind: Deployment, name: web}}
";
    assert_eq!(said(id, file), [Severity::Warning]);
    let live = |message: &str| {
        format!(
            "objects:
- apiVersion: autoscaling/v2
  kind: HorizontalPodAutoscaler
  metadata: {{namespace: shop, name: web}}
  spec: {{scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}}}
  status: {{conditions: [{{type: AbleToScale, status: 'False', reason: FailedGetScale, message: '{message}'}}]}}
"
        )
    };
    let unknown = "unable to get the target current scale: no matches for kind \"Till\" in group \"shop.example\"";
    assert_eq!(said(id, &live(unknown)), [Severity::Warning]);
    assert_eq!(said(id, &live("not found")), [Severity::Note]);
}
