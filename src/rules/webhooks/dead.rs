//! `webhook-fail-dead`: a webhook that must answer, and behind which nothing answers.

use super::{Webhook, WebhookConfiguration};
use crate::facts::service_backends::{ServiceBackends, severity_if};
use crate::rules::webhooks;
use crate::rules::{CheckContext, Finding, Rule, RuleKind, Severity};

/// The rule.
pub(in crate::rules) const RULE: Rule = Rule {
    id: "webhook-fail-dead",
    severity: Severity::Blocker,
    title: "A webhook that must answer has nothing behind it",
    applies_to: "any",
    why: "With failurePolicy Fail everything the webhook covers is refused while it does not answer. If that is pods, those that a drain takes away do not come back; if it is nodes or leases, nodes drop out.",
    detection: "By the service in clientConfig and the endpoints of its slices. It blocks where the webhook covers what the cluster itself must write (pods, nodes, leases, certificate signing requests, tokens) and its selectors let some of that through; anything else is a warning. A webhook with a ready endpoint is alive. Webhooks that are called by URL are not judged.",
    remedy: "Bring the webhook's pods back. If nobody uses it any more, delete the configuration; if it may be missed, set failurePolicy: Ignore until it is repaired.",
    reference: "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#failure-policy",
    sources: &[
        "kubernetes/api admissionregistration/v1/types.go",
        "kubernetes/apiserver pkg/admission/plugin/webhook/mutating/dispatcher.go",
    ],
    reads_files: false,
    kind: RuleKind::Code {
        needs: |_| webhooks::with_services(),
        evaluate,
    },
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
