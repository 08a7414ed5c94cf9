//! `webhook-ca-expired` and `webhook-timeout`: how the API server calls a webhook.

use crate::rules::webhooks;
use crate::rules::{CheckContext, Finding, Rule, RuleKind, Severity};

/// The default timeout; a longer one was chosen explicitly.
/// Source: kubernetes/kubernetes pkg/apis/admissionregistration/v1/defaults.go.
const DEFAULT_TIMEOUT_SECONDS: i64 = 10;

/// The certificates that it trusts.
pub(crate) const CA_EXPIRED: Rule = Rule {
    id: "webhook-ca-expired",
    severity: Severity::Warning,
    title: "The API server no longer trusts any certificate of a webhook",
    why: "Every call to the webhook fails. With failurePolicy Fail the requests it covers are rejected, with Ignore they pass unchecked.",
    detection: "By clientConfig.caBundle: none of its certificates can be parsed, or all of them have expired. A bundle with one valid certificate is fine, and an empty one is not inspected. With failurePolicy Ignore the finding is a note.",
    remedy: "Renew the webhook's certificates and put the new CA into caBundle. With cert-manager, check the Certificate and the CA injector.",
    reference: "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#contacting-the-webhook",
    sources: &[
        "kubernetes/apiserver pkg/util/webhook/client.go",
        "golang/go src/crypto/x509/verify.go",
    ],
    kind: RuleKind::Code {
        needs: |_| webhooks::configurations(),
        evaluate: expired_ca,
    },
    ..Rule::DEFAULT
};

/// How long it waits.
pub(crate) const TIMEOUT: Rule = Rule {
    id: "webhook-timeout",
    severity: Severity::Note,
    title: "A webhook has a long timeout",
    why: "While the webhook's pods move to another node, every write that it covers waits this long. Drains become slow, and clients time out.",
    detection: "By timeoutSeconds above the default.",
    remedy: "Lower timeoutSeconds to a few seconds.",
    reference: "https://kubernetes.io/docs/concepts/cluster-administration/admission-webhooks-good-practices/#timeout",
    sources: &["kubernetes/kubernetes pkg/apis/admissionregistration/v1/defaults.go"],
    kind: RuleKind::Code {
        needs: |_| webhooks::configurations(),
        evaluate: long_timeout,
    },
    ..Rule::DEFAULT
};

fn expired_ca(context: &CheckContext<'_>) -> Vec<Finding> {
    let message = "calls to it fail";
    webhooks::webhook_findings(
        &CA_EXPIRED,
        context,
        |_| message,
        |_, webhook| {
            let fault = webhook
                .client_config
                .decoded_ca_bundle()
                .problem(context.now)?;
            let severity = if webhook.fails_closed() {
                Severity::Warning
            } else {
                Severity::Note
            };
            Some((severity, fault))
        },
    )
}

fn long_timeout(context: &CheckContext<'_>) -> Vec<Finding> {
    let message = "writes wait for it";
    webhooks::webhook_findings(
        &TIMEOUT,
        context,
        |_| message,
        |_, webhook| {
            let seconds = webhook.timeout_seconds?;
            (seconds > DEFAULT_TIMEOUT_SECONDS)
                .then(|| (Severity::Note, format!("waits up to {seconds} s")))
        },
    )
}
