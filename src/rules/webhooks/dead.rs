//! `webhook-fail-dead`: a webhook that must answer, and behind which nothing answers.

use std::collections::{BTreeSet, HashMap};

use crate::catalog::SystemWrite;
use crate::facts::label_selector::LabelMap;
use crate::facts::pods::pods_need;
use crate::facts::service_backends::{ServiceBackends, service_ports};
use crate::need::Need;
use crate::rules::webhooks::{self, Webhook, WebhookConfiguration};
use crate::rules::{CheckContext, Finding, Rule, RuleKind, Severity};
use crate::snapshot::{ClusterSnapshot, MissingData, SharedLabels};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "webhook-fail-dead",
    severity: Severity::Blocker,
    title: "A webhook with failurePolicy Fail is unavailable",
    why: "Everything that the webhook covers is rejected while it does not answer. If that includes pods or their evictions, drains stop or evicted pods are not re-created; if it includes nodes or leases, nodes become NotReady.",
    detection: "By the service in clientConfig, its ports, and the endpoints of its EndpointSlices. The finding is a blocker if the webhook's rules and selectors match objects that drains, rollouts and nodes must write: pods and their evictions, bindings and status, ReplicaSets, EndpointSlices, volume attachments, nodes, leases, certificate signing requests, tokens. Otherwise it is a warning, and a note if it can be called for nothing that exists now. matchConditions are evaluated for these writes with the operation, resource and namespace of the request; where they depend on more, that is a gap. An objectSelector is compared with the labels of existing pods and nodes. A webhook with a ready endpoint is considered available. A URL is followed if it names a service of the cluster; other URLs are left out.",
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
    optional_needs: |_| {
        let mut needs = webhooks::urls_and_conditions();
        needs.push(service_ports());
        needs
    },
    unevaluated: |context| [unknown_ports(context), unknown_calls(context)].concat(),
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
    let services = services.filter_map(|webhook| webhook.client_config.called_service());
    services
        .filter(|service| backends.lacks_ports(service))
        .map(|service| MissingData {
            what: format!("ports of the service {service}"),
            why: "not in this snapshot; take a new one".to_owned(),
            rbac: None,
        })
        .collect()
}

/// What a webhook that is unavailable does to the writes that an upgrade depends on.
enum Effect<'a> {
    /// This write is rejected.
    Blocks(&'a SystemWrite),
    /// Its conditions decide whether this write is rejected, by what is not known of the request.
    MayBlock(&'a SystemWrite),
    /// Other writes are rejected.
    Elsewhere,
    /// It can be called for nothing that exists now.
    Nothing,
}

fn effect<'a>(
    context: &CheckContext<'a>,
    written: &WrittenLabels<'_>,
    configuration: &WebhookConfiguration<'_>,
    webhook: &Webhook,
) -> Effect<'a> {
    let writes = context.catalog.system_writes.iter();
    let called = writes.filter(|row| {
        let is_called = || {
            webhook.is_called_for(row, configuration)
                || written.of(row).any(|(namespace, labels)| {
                    webhook.is_called_for_labelled(row, configuration, namespace, labels)
                })
        };
        row.blocks_upgrade && is_called()
    });
    let mut may_block = None;
    for row in called {
        match webhook.conditions_admit(row, configuration) {
            Some(true) => return Effect::Blocks(row),
            Some(false) => {}
            None => may_block = may_block.or(Some(row)),
        }
    }
    match may_block {
        Some(row) => Effect::MayBlock(row),
        None if webhook.matches_nothing(configuration, context.catalog) => Effect::Nothing,
        None => Effect::Elsewhere,
    }
}

/// The unavailable webhooks of which it is unknown whether they are called for what an upgrade depends on, and the webhooks
/// of which it is unknown who is called.
fn unknown_calls(context: &CheckContext<'_>) -> Vec<MissingData> {
    let backends = context.fact(ServiceBackends::new);
    let written = WrittenLabels::new(context);
    let mut missing = Vec::new();
    for configuration in webhooks::read_configurations(context) {
        for webhook in configuration
            .webhooks
            .iter()
            .filter(|one| one.fails_closed())
        {
            let config = &webhook.client_config;
            let service = config.called_service();
            let reason = service.and_then(|service| backends.unavailable_reason(&service));
            let why = match reason {
                None if config.is_unknown() => {
                    "its clientConfig is not in this snapshot; take a new one".to_owned()
                }
                None => continue,
                Some(reason) => match effect(context, &written, &configuration, webhook) {
                    Effect::MayBlock(row) => format!(
                        "{reason}; whether it is called, so that {}, depends on its matchConditions and on requests that are not known",
                        row.consequence
                    ),
                    _ => continue,
                },
            };
            missing.push(MissingData {
                what: format!("webhook {}", webhook.name),
                why,
                rbac: None,
            });
        }
    }
    missing
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let message = |severity| match severity {
        Severity::Note => "it is called for nothing that exists now",
        _ => "what it covers is refused",
    };
    let backends = context.fact(ServiceBackends::new);
    let written = WrittenLabels::new(context);
    webhooks::webhook_findings(&RULE, context, message, |configuration, webhook| {
        let service = webhook.client_config.called_service();
        let service = service.filter(|_| webhook.fails_closed())?;
        let reason = backends.unavailable_reason(&service)?;
        Some(match effect(context, &written, configuration, webhook) {
            Effect::Blocks(row) => (Severity::Blocker, format!("{reason}; {}", row.consequence)),
            Effect::MayBlock(_) | Effect::Elsewhere => (Severity::Warning, reason),
            Effect::Nothing => (Severity::Note, reason),
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
