//! `webhook-old-versions`: webhooks that list only removed versions, so that they are no longer called.

use std::collections::BTreeMap;

use super::{Webhook, WebhookRule};
use crate::catalog::{Api, Gvk, Minor};
use crate::path::HopId;
use crate::rules::engine::manifests::{add_object, manifest_contents};
use crate::rules::webhooks;
use crate::rules::{AffectedObject, CheckContext, Finding, Rule, RuleKind, Severity};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "webhook-old-versions",
    severity: Severity::Warning,
    title: "A webhook lists only API versions that are removed",
    why: "Requests through the remaining versions bypass the webhook: objects are no longer validated or changed, without any error. matchPolicy Equivalent does not help, because it considers only served versions.",
    detection: "By the rules of all webhooks of a configuration together, in the cluster, in files and in Helm releases: every listed version of a kind is removed by the end of the path, while another version of the kind is still served.",
    remedy: "Add the served versions to the webhook's rules, and make the webhook support them.",
    reference: "https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-matchpolicy",
    sources: &[
        "kubernetes/apiserver pkg/admission/plugin/webhook/generic/webhook.go",
        "kubernetes/apimachinery pkg/runtime/mapper.go (EquivalentResourceRegistry)",
        "kubernetes/website content/en/releases/version-skew-policy.md",
    ],
    kind: RuleKind::Code {
        needs: |_| webhooks::configurations(),
        evaluate,
    },
    reads_files: true,
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<Option<HopId>, Vec<AffectedObject>> = BTreeMap::new();
    for configuration in webhooks::read_configurations(context) {
        if let Some((first, details)) = lost_apis(context, &configuration.webhooks) {
            let objects = found.entry(context.path.hop_into(first)).or_default();
            objects.push(configuration.object(details));
        }
    }
    for content in manifest_contents(context) {
        let webhooks = webhooks::in_manifest(&content);
        if let Some((first, details)) = lost_apis(context, &webhooks) {
            let objects = found.entry(context.path.hop_into(first)).or_default();
            add_object(objects, content.affected(details.join(", ")));
        }
    }
    RULE.findings_per_hop("requests that it should check bypass it", found)
}

/// The first minor at which requests pass by, and what is lost there: one object, one finding.
fn lost_apis(context: &CheckContext<'_>, webhooks: &[Webhook]) -> Option<(Minor, Vec<String>)> {
    let passed = bypassed_apis(context, webhooks);
    let first = passed.values().min().copied()?;
    let lost = passed.into_iter().filter(|(_, since)| *since == first);
    let details = lost.map(|(gvk, since)| format!("lists {gvk}, removed in {since}"));
    Some((first, details.collect()))
}

/// The newest named API of each kind that passes by at the end of the path, and since when.
fn bypassed_apis(context: &CheckContext<'_>, webhooks: &[Webhook]) -> BTreeMap<Gvk, Minor> {
    let catalog = context.catalog;
    let mut found = BTreeMap::new();
    let Some(end) = context.path.to else {
        return found;
    };
    let rules = || webhooks.iter().flat_map(|hook| &hook.rules);
    let named = catalog
        .apis
        .iter()
        .filter(|api| rules().any(|rule| names_exactly(rule, api)));
    for api in named {
        let (Some(removed), Some(resource)) = (api.removed, catalog.apis.resource_of(api)) else {
            continue;
        };
        let left = || {
            let family = catalog.apis.apis_of(&resource);
            family.filter(|other| other.exists_in(end))
        };
        let is_covered = left().any(|other| rules().any(|rule| covers_api(rule, other)));
        // Of several versions that went, the last one counts.
        let is_last = catalog.apis.apis_of(&resource).all(|other| {
            !rules().any(|rule| names_exactly(rule, other)) || other.removed <= api.removed
        });
        if removed <= end && left().next().is_some() && !is_covered && is_last {
            found.insert(api.gvk(), removed);
        }
    }
    found
}

/// Whether a rule names an API without any wildcard for its version.
fn names_exactly(rule: &WebhookRule, api: &Api) -> bool {
    let name = |list: &[String], name: &str| list.iter().any(|entry| entry == name);
    name(&rule.api_groups, api.group())
        && name(&rule.api_versions, api.version())
        && rule
            .resources
            .iter()
            .any(|entry| entry.split('/').next() == Some(&api.resource))
}

/// Whether requests through an API reach a rule.
fn covers_api(rule: &WebhookRule, api: &Api) -> bool {
    let name = |list: &[String], name: &str| list.iter().any(|entry| entry == "*" || entry == name);
    name(&rule.api_groups, api.group())
        && name(&rule.api_versions, api.version())
        && rule.resources.iter().any(|entry| {
            let plural = entry.split('/').next();
            plural == Some("*") || plural == Some(&api.resource)
        })
}
