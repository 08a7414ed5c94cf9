//! Webhooks that must answer when a pod is evicted, and behind which nothing is ready.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use super::cause::WaitCause;
use super::chain::{Found, Waits};
use super::reads::{self, items_at, text_at};
use crate::facts::label_selector::{LabelMap, WebhookLabelSelector};
use crate::need::Need;
use crate::snapshot::{ObjectRow, PodRow, Rows};
use crate::watch::object::EventObject;

/// Services whose endpoints are read.
const MAX_SERVICES: usize = 10;

/// A webhook that an eviction calls.
struct EvictionWebhook<'a> {
    kind: &'static str,
    configuration: &'a str,
    webhook: &'a Value,
    namespace: &'a str,
    service: &'a str,
}

/// The webhooks that every eviction needs, whatever the pod.
fn webhooks<'a>(waits: &Waits<'a>) -> Vec<EvictionWebhook<'a>> {
    let kinds = [
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ];
    let found = kinds
        .into_iter()
        .zip(reads::webhooks())
        .flat_map(|(kind, need)| {
            let rows = waits.read(&need).unwrap_or_default().iter();
            rows.flat_map(move |row: &ObjectRow| {
                let webhooks = items_at(&row.object, "/webhooks").filter(|one| must_answer(one));
                webhooks.filter_map(move |webhook| {
                    Some(EvictionWebhook {
                        kind,
                        configuration: &row.meta.name,
                        webhook,
                        namespace: webhook
                            .pointer("/clientConfig/service/namespace")?
                            .as_str()?,
                        service: webhook.pointer("/clientConfig/service/name")?.as_str()?,
                    })
                })
            })
        });
    found.collect()
}

/// Whether it is called for an eviction or for the deletion that follows, and the request fails without an answer. One with
/// match conditions may leave out the pod.
fn must_answer(webhook: &Value) -> bool {
    let fails = text_at(webhook, "/failurePolicy") != "Ignore";
    let has_conditions = items_at(webhook, "/matchConditions").next().is_some();
    fails && !has_conditions && items_at(webhook, "/rules").any(covers_eviction)
}

fn covers_eviction(rule: &Value) -> bool {
    let has = |field: &str, wanted: &[&str]| {
        let mut values = rule[field].as_array().into_iter().flatten();
        values.any(|value| value.as_str().is_some_and(|value| wanted.contains(&value)))
    };
    // The eviction itself is in the group policy, under the resource pods of the core group.
    has("apiGroups", &["", "*"])
        && (has(
            "resources",
            &["pods/eviction", "pods/*", "*/*", "*/eviction"],
        ) && has("operations", &["CREATE", "*"])
            || has("resources", &["pods", "*", "*/*"]) && has("operations", &["DELETE", "*"]))
}

/// Webhooks, and the services behind those that an eviction calls.
pub(super) fn needs(waits: &Waits<'_>) -> Vec<Need> {
    let mut needs = Vec::from(reads::webhooks());
    let services = webhooks(waits)
        .into_iter()
        .map(|one| (one.namespace, one.service));
    let services: BTreeSet<_> = services.collect();
    for (namespace, name) in services.into_iter().take(MAX_SERVICES) {
        needs.push(reads::service(namespace, name));
        needs.push(reads::endpoint_slices(namespace, name));
    }
    needs
}

/// The chain from a pod whose eviction calls a webhook behind which nothing is ready; the links are those to the pod.
pub(super) fn chain(
    waits: &Waits<'_>,
    pod: &PodRow,
    links: &[EventObject],
    since: Timestamp,
) -> Option<Found> {
    let webhooks = webhooks(waits);
    let (webhook, why) = webhooks.iter().find_map(|webhook| {
        let why = unavailable(waits, webhook).filter(|_| selects(webhook.webhook, pod))?;
        Some((webhook, why))
    })?;
    let name = text_at(webhook.webhook, "/name");
    let configuration = EventObject::new(
        webhook.kind,
        None,
        webhook.configuration,
        format!("must answer for {name}"),
    );
    let service = EventObject::new("Service", Some(webhook.namespace), webhook.service, why);
    let links = links.iter().cloned().chain([configuration, service]);
    Some(Found::new(WaitCause::WebhookDown, links.collect(), since))
}

/// Whether the webhook is called for this pod: certain only as far as the labels of its namespace are known.
fn selects(webhook: &Value, pod: &PodRow) -> bool {
    let selector = |field: &str| {
        let selector = webhook.get(field).filter(|selector| !selector.is_null());
        selector.map_or_else(
            || Some(WebhookLabelSelector::default()),
            |selector| WebhookLabelSelector::deserialize(selector).ok(),
        )
    };
    let name = (
        "kubernetes.io/metadata.name".to_owned(),
        pod.namespace.to_string(),
    );
    let of_namespace = LabelMap::from([name]);
    let labels = pod.labels.iter();
    let of_pod: LabelMap = labels
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    selector("namespaceSelector").is_some_and(|one| one.matches_any_superset(&of_namespace))
        && selector("objectSelector").is_some_and(|one| one.matches(&of_pod))
}

/// Why the service of a webhook cannot answer; `None` if it can or that is unknown.
fn unavailable(waits: &Waits<'_>, webhook: &EvictionWebhook<'_>) -> Option<String> {
    let services = waits.read(&reads::service(webhook.namespace, webhook.service))?;
    let Some(service) = services.first() else {
        return Some("does not exist".to_owned());
    };
    if service.object["spec"]["type"] == "ExternalName" {
        return None;
    }
    let slices = waits
        .view
        .rows(&reads::endpoint_slices(webhook.namespace, webhook.service));
    let slices = slices.map(Rows::endpoint_slices)?;
    // Without any slice, nobody maintains them.
    let ready: usize = slices.iter().map(|slice| slice.ready_count).sum();
    (!slices.is_empty() && ready == 0).then(|| "has no ready endpoint".to_owned())
}
