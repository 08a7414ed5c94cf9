//! `webhook-critical-rules`, `webhook-kube-system` and `webhook-self-deadlock`: webhooks that must answer and reach too far.

use super::{KUBE_SYSTEM, Webhook, WebhookConfiguration};
use crate::catalog::SystemWrite;
use crate::facts::service_backends::ServiceBackends;
use crate::rules::webhooks;
use crate::rules::{CheckContext, Finding, Rule, RuleKind, Severity};

const GOOD_PRACTICE: &str =
    "https://kubernetes.io/docs/concepts/cluster-administration/admission-webhooks-good-practices/";
/// What a drain creates.
const EVICTION: &str = "pods/eviction";
const SOURCES: &[&str] = &[
    "kubernetes/website content/en/docs/concepts/cluster-administration/admission-webhooks-good-practices.md",
    "kubernetes/api admissionregistration/v1/types.go",
];

/// What the cluster itself writes.
pub(crate) const CRITICAL_RULES: Rule = Rule {
    id: "webhook-critical-rules",
    severity: Severity::Warning,
    title: "A webhook with failurePolicy Fail covers nodes, leases, certificates, tokens, events or evictions",
    why: "The cluster writes these objects all the time. When the webhook does not answer, as happens briefly during an upgrade, nodes cannot report, leaders lose their leases, joining nodes get no certificate, and drains stop.",
    detection: "By failurePolicy Fail and the rules and selectors of each webhook, against the list of such resources in the catalog. If evictions alone are covered, the finding is a note. A webhook with matchConditions is left out, because they may exclude these objects.",
    remedy: "Restrict the rules to the resources that the webhook needs; do not use * for groups and resources.",
    reference: GOOD_PRACTICE,
    sources: SOURCES,
    kind: RuleKind::Code {
        needs: |_| configurations_with_namespaces(),
        evaluate: critical_rules,
    },
    ..Rule::DEFAULT
};

/// Add-ons of the cluster.
pub(crate) const KUBE_SYSTEM_ADDONS: Rule = Rule {
    id: "webhook-kube-system",
    severity: Severity::Warning,
    title: "A webhook with failurePolicy Fail covers kube-system",
    why: "The network plugin, DNS and kube-proxy run there, and the webhook depends on them. If all of them are down at once, none can start again.",
    detection: "By failurePolicy Fail, rules that cover pods, deployments or daemonsets, and a namespaceSelector that matches kube-system. A webhook with matchConditions or with an opt-in objectSelector is left out.",
    remedy: "Exclude the namespace: namespaceSelector with kubernetes.io/metadata.name NotIn (kube-system).",
    reference: GOOD_PRACTICE,
    sources: SOURCES,
    kind: RuleKind::Code {
        needs: |_| configurations_with_namespaces(),
        evaluate: kube_system_addons,
    },
    ..Rule::DEFAULT
};

/// Its own pods.
pub(crate) const SELF_DEADLOCK: Rule = Rule {
    id: "webhook-self-deadlock",
    severity: Severity::Warning,
    title: "A webhook with one replica covers its own pods",
    why: "Once a drain has evicted the only replica, its replacement is rejected because the webhook does not answer.",
    detection: "By failurePolicy Fail, rules that cover the creation of pods, selectors that certainly match the webhook's own pods, and a service with one endpoint.",
    remedy: "Exclude the webhook's namespace in its namespaceSelector, and run at least two replicas on different nodes with a disruption budget.",
    reference: GOOD_PRACTICE,
    sources: SOURCES,
    kind: RuleKind::Code {
        needs: |_| webhooks::with_services(),
        evaluate: self_deadlock,
    },
    ..Rule::DEFAULT
};

fn configurations_with_namespaces() -> Vec<crate::need::Need> {
    let mut needs = webhooks::configurations();
    needs.push(webhooks::namespaces());
    needs
}

fn critical_rules(context: &CheckContext<'_>) -> Vec<Finding> {
    let message = "the cluster needs it to answer";
    webhooks::webhook_findings(
        &CRITICAL_RULES,
        context,
        |_| message,
        |configuration, webhook| {
            let rows = context.catalog.system_writes.iter();
            let called: Vec<&SystemWrite> = rows
                .filter(|row| row.is_off_limits && webhook.is_called_for(row, configuration))
                .collect();
            // Only drains wait for a webhook on evictions, and some exist for this purpose.
            let is_worse = called.iter().any(|row| row.resource != EVICTION);
            let severity = match is_worse {
                true => Severity::Warning,
                false => Severity::Note,
            };
            let names = required_resource_names(webhook, called.into_iter())?;
            Some((severity, format!("covers {names}")))
        },
    )
}

fn kube_system_addons(context: &CheckContext<'_>) -> Vec<Finding> {
    let message = "pods in kube-system cannot start without it, and it depends on them";
    webhooks::webhook_findings(
        &KUBE_SYSTEM_ADDONS,
        context,
        |_| message,
        |configuration, webhook| {
            let kube_system = configuration.namespaces.labels(KUBE_SYSTEM)?;
            if !webhook.matches_namespace(kube_system) || !webhook.matches_unlabelled() {
                return None;
            }
            let rows = context.catalog.system_writes.iter();
            let asked =
                rows.filter(|row| row.is_addon && webhook.covers(row, configuration.cluster));
            required_resource_names(webhook, asked)
                .map(|names| (Severity::Warning, format!("covers {names}")))
        },
    )
}

fn self_deadlock(context: &CheckContext<'_>) -> Vec<Finding> {
    let message = "its only replica cannot be replaced";
    webhooks::webhook_findings(
        &SELF_DEADLOCK,
        context,
        |_| message,
        |configuration, webhook| {
            let detail = self_call_evidence(context, configuration, webhook)?;
            Some((Severity::Warning, detail))
        },
    )
}

/// How many endpoints it has, if the creation of its own pods depends on them and one is all there is.
fn self_call_evidence(
    context: &CheckContext<'_>,
    configuration: &WebhookConfiguration<'_>,
    webhook: &Webhook,
) -> Option<String> {
    let cluster = configuration.cluster;
    let service = webhook.client_config.service.as_ref()?;
    let backing = context.fact(ServiceBackends::new);
    let pods = context.catalog.system_writes.iter();
    let covers_pods = pods
        .filter(|row| row.group().is_empty() && row.resource == "pods")
        .filter(|row| row.operations().any(|operation| operation == "CREATE"))
        .any(|row| webhook.covers(row, cluster));
    let own = configuration.namespaces.labels(&service.namespace)?;
    let labels = backing.selector_labels(service)?;
    let asked = webhook.fails_closed()
        && !webhook.has_match_conditions()
        && covers_pods
        && webhook.matches_namespace(own)
        && webhook.matches_all_with(&labels);
    match backing.endpoint_counts(service)? {
        (_, 1) if asked => Some(format!("service {service} has one endpoint")),
        _ => None,
    }
}

/// The names of what it covers, if it is one that must answer.
fn required_resource_names<'a>(
    webhook: &Webhook,
    asked: impl Iterator<Item = &'a SystemWrite>,
) -> Option<String> {
    if !webhook.fails_closed() || webhook.has_match_conditions() {
        return None;
    }
    let mut names: Vec<&str> = asked.map(|row| row.resource.as_str()).collect();
    names.dedup();
    (!names.is_empty()).then(|| names.join(", "))
}
