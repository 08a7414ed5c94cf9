//! `webhook-fail-dead`: a webhook that must answer, and behind which nothing answers.

use std::collections::{BTreeSet, HashMap};

use crate::catalog::SystemWrite;
use crate::facts::label_selector::LabelMap;
use crate::facts::pods::pods_need;
use crate::facts::service_backends::{ServiceBackends, service_ports};
use crate::need::Need;
use crate::rules::webhooks;
use crate::rules::{CheckContext, Finding, Rule, RuleKind, Severity};
use crate::snapshot::{ClusterSnapshot, MissingData, SharedLabels};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "webhook-fail-dead",
    severity: Severity::Blocker,
    title: "A webhook with failurePolicy Fail is unavailable",
    why: "Everything that the webhook covers is rejected while it does not answer. If that includes pods or their evictions, drains stop or evicted pods are not re-created; if it includes nodes or leases, nodes become NotReady.",
    detection: "By the service in clientConfig, its ports, and the endpoints of its EndpointSlices. The finding is a blocker if the webhook's rules and selectors match objects that drains, rollouts and nodes must write: pods and their evictions, bindings and status, ReplicaSets, EndpointSlices, volume attachments, nodes, leases, certificate signing requests, tokens. Otherwise, and with matchConditions, it is a warning. An objectSelector is compared with the labels of existing pods and nodes. A webhook with a ready endpoint is considered available. Webhooks called by URL are left out.",
    remedy: "Restore the webhook's pods. If the webhook is no longer used, delete its configuration; if it is not essential, set failurePolicy: Ignore until it is repaired.",
    reference: "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#failure-policy",
    sources: &[
        "kubernetes/api admissionregistration/v1/types.go",
        "kubernetes/apiserver pkg/admission/plugin/webhook/mutating/dispatcher.go",
    ],
    kind: RuleKind::Code {
        needs: |_| {
            let mut needs = webhooks::with_services();
            needs.extend([pods_need(), Need::nodes()]);
            needs
        },
        evaluate,
    },
    optional_needs: |_| vec![service_ports()],
    unevaluated: unknown_ports,
    ..Rule::DEFAULT
};

/// Services whose ports are not in the snapshot. In a cluster only a headless service has none, and it is not routed.
fn unknown_ports(context: &CheckContext<'_>) -> Vec<MissingData> {
    let need = service_ports();
    let is_read = |cluster: &ClusterSnapshot| cluster.rows_for(&need, context.catalog).is_ok();
    if context.cluster.is_none_or(is_read) {
        return Vec::new();
    }
    let backends = context.fact(ServiceBackends::new);
    let configurations = webhooks::read_configurations(context);
    let webhooks = configurations.iter().flat_map(|one| &one.webhooks);
    let services = webhooks.filter(|webhook| webhook.fails_closed());
    let services = services.filter_map(|webhook| webhook.client_config.service.as_ref());
    services
        .filter(|service| backends.lacks_ports(service))
        .map(|service| MissingData {
            what: format!("ports of the service {service}"),
            why: "not in this snapshot; take a new one".to_owned(),
            rbac: None,
        })
        .collect()
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let message = "what it covers is refused";
    let backends = context.fact(ServiceBackends::new);
    let written = WrittenLabels::new(context);
    webhooks::webhook_findings(&RULE, context, message, |configuration, webhook| {
        let service = webhook.client_config.service.as_ref();
        let service = service.filter(|_| webhook.fails_closed())?;
        let reason = backends.unavailable_reason(service)?;
        let mut writes = context.catalog.system_writes.iter();
        let blocked = writes.find(|row| {
            let is_called = || {
                webhook.is_called_for(row, configuration)
                    || written.of(row).any(|(namespace, labels)| {
                        webhook.is_called_for_labelled(row, configuration, namespace, labels)
                    })
            };
            row.blocks_upgrade && !webhook.has_match_conditions() && is_called()
        });
        Some(match blocked {
            Some(row) => (Severity::Blocker, format!("{reason}; {}", row.consequence)),
            None => (Severity::Warning, reason),
        })
    })
}

/// The labels of pods and nodes, which an objectSelector may select.
struct WrittenLabels<'a> {
    pods: BTreeSet<(&'a str, LabelMap)>,
    nodes: BTreeSet<LabelMap>,
}

impl<'a> WrittenLabels<'a> {
    fn new(context: &CheckContext<'a>) -> Self {
        let pods = context.pods().iter().filter(|pod| !pod.is_mirror);
        let mut distinct = HashMap::new();
        for pod in pods {
            let key = (&*pod.namespace, pod.labels.address());
            distinct.entry(key).or_insert(&pod.labels);
        }
        let map = |labels: &SharedLabels| {
            let labels = labels.iter();
            labels
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .collect()
        };
        let nodes = context.nodes().iter();
        Self {
            pods: distinct
                .into_iter()
                .map(|((namespace, _), labels)| (namespace, map(labels)))
                .collect(),
            nodes: nodes.map(|node| node.labels.clone()).collect(),
        }
    }

    /// The labels that objects of this resource carry, with their namespaces.
    fn of(&self, row: &SystemWrite) -> Box<dyn Iterator<Item = (&str, &LabelMap)> + '_> {
        match row.resource.as_str() {
            "pods" | "pods/status" => Box::new(
                self.pods
                    .iter()
                    .map(|(namespace, labels)| (*namespace, labels)),
            ),
            "nodes" | "nodes/status" => Box::new(self.nodes.iter().map(|labels| ("", labels))),
            _ => Box::new(std::iter::empty()),
        }
    }
}
