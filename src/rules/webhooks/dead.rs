//! `webhook-fail-dead`: a webhook that must answer, and behind which nothing answers.

use super::{Webhook, WebhookConfiguration};
use crate::facts::service_backends::{ServiceBackends, severity_if};
use crate::rules::webhooks;
use crate::rules::{CheckContext, Finding, Rule, RuleKind, Severity};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "webhook-fail-dead",
    severity: Severity::Blocker,
    title: "A webhook with failurePolicy Fail is unavailable",
    why: "Everything that the webhook covers is rejected while it does not answer. If that includes pods, evicted pods are not re-created; if it includes nodes or leases, nodes become NotReady.",
    detection: "By the service in clientConfig and the endpoints of its EndpointSlices. The finding is a blocker if the webhook's rules and selectors match objects that the cluster itself must write (pods, nodes, leases, certificate signing requests, tokens); otherwise it is a warning. A webhook with a ready endpoint is considered available. Webhooks called by URL are left out.",
    remedy: "Restore the webhook's pods. If the webhook is no longer used, delete its configuration; if it is not essential, set failurePolicy: Ignore until it is repaired.",
    reference: "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#failure-policy",
    sources: &[
        "kubernetes/api admissionregistration/v1/types.go",
        "kubernetes/apiserver pkg/admission/plugin/webhook/mutating/dispatcher.go",
    ],
    kind: RuleKind::Code {
        needs: |_| webhooks::with_services(),
        evaluate,
    },
    ..Rule::DEFAULT
};

fn evaluate(situation: &CheckContext<'_>) -> Vec<Finding> {
    let message = "what it covers is refused";
    webhooks::webhook_findings(&RULE, situation, message, |configuration, webhook| {
        let service = webhook.client_config.service.as_ref();
        let service = service.filter(|_| webhook.fails_closed())?;
        let dead = ServiceBackends::new(situation).unavailable_reason(service)?;
        let vital =
            !webhook.has_match_conditions() && blocks_upgrade(situation, configuration, webhook);
        Some((severity_if(vital), dead))
    })
}

/// Whether it is asked about something that no upgrade can do without.
fn blocks_upgrade(
    situation: &CheckContext<'_>,
    configuration: &WebhookConfiguration<'_>,
    webhook: &Webhook,
) -> bool {
    let mut rows = situation
        .catalog
        .system_writes
        .iter()
        .filter(|row| row.blocks_upgrade);
    rows.any(|row| webhook.is_called_for(row, configuration))
}
