//! Pods that are held by a budget, and why it allows no eviction.
//!
//! A refused eviction leaves no trace for others: this reasons from the numbers of the budget and from its pods.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use super::cause::WaitCause;
use super::chain::{Found, Waits};
use super::pod::{chain_through, controller, is_going, is_ready_or_going};
use super::reads::{self, condition, label_selector, text_at};
use crate::facts::budgets::{self, DisruptionBudget, integer_at};
use crate::need::Need;
use crate::snapshot::{ObjectRow, PodRow};
use crate::watch::object::EventObject;

/// Budgets whose pods are read: those beyond are followed when these let go.
const MAX_FOLLOWED: usize = 10;

/// The budgets that select a pod; `None` if budgets were not read.
pub(super) fn selecting<'a>(waits: &Waits<'a>, pod: &PodRow) -> Option<Vec<&'a ObjectRow>> {
    let need = reads::budgets();
    let rows = waits.read(&need)?;
    let resource = crate::catalog::GroupResource::new("policy", "poddisruptionbudgets");
    let gvk = waits.view.listed_gvk(&resource)?;
    let selects = |row: &&ObjectRow| {
        row.meta.namespace.as_deref() == Some(&*pod.namespace)
            && budgets::selects(row.object.pointer("/spec/selector"), &pod.labels, &gvk)
    };
    Some(rows.iter().filter(selects).collect())
}

/// Whether the budget refuses the eviction of the pod now. Source: kubernetes/kubernetes
/// pkg/registry/core/pod/storage/eviction.go.
fn refuses(row: &ObjectRow, pod: &PodRow) -> bool {
    let budget = DisruptionBudget::with_pods(row, vec![pod]);
    let healthy = budget.status_number("currentHealthy");
    let desired = budget.status_number("desiredHealthy");
    budget.refuses_evictions() && (pod.is_ready || desired == 0 || healthy < desired)
}

/// The condition of a budget whose numbers cannot be computed: it has none then, or old ones, and allows nothing.
fn sync_failure(row: &ObjectRow) -> Option<&Value> {
    let condition = condition(&row.object, "DisruptionAllowed")?;
    (condition["reason"] == "SyncFailed").then_some(condition)
}

/// What must be listed to explain these budgets.
pub(super) fn needs(waits: &Waits<'_>, pods: &[&PodRow]) -> Vec<Need> {
    let mut explained: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut needs = Vec::new();
    for pod in pods {
        let budgets = selecting(waits, pod).unwrap_or_default();
        for row in budgets.into_iter().filter(|row| refuses(row, pod)) {
            let is_new = explained.len() < MAX_FOLLOWED
                && explained.insert((&pod.namespace, &row.meta.name));
            let selector = row
                .object
                .pointer("/spec/selector")
                .and_then(label_selector);
            if let (true, Some(labels)) = (is_new, selector) {
                needs.push(reads::pods_of(&pod.namespace, &labels));
                needs.push(reads::replica_sets_of(&pod.namespace, &labels));
                if pod.is_controlled_by("StatefulSet") {
                    needs.push(reads::stateful_sets_of(&pod.namespace));
                }
                if !pod.volume_claims.is_empty() {
                    needs.push(reads::claims_of(&pod.namespace));
                    needs.push(reads::volume_attachments());
                }
            }
        }
    }
    needs
}

/// The chain from a pod that a budget holds; the links are those to the pod.
pub(super) fn chain(
    waits: &Waits<'_>,
    pod: &PodRow,
    links: &[EventObject],
    since: Timestamp,
) -> Option<Found> {
    let selecting = selecting(waits, pod)?;
    let namespace = &*pod.namespace;
    let object = |row: &ObjectRow, why: String| {
        EventObject::new("PodDisruptionBudget", Some(namespace), &row.meta.name, why)
    };
    let links = |more: Vec<EventObject>| -> Vec<EventObject> {
        links.iter().cloned().chain(more).collect()
    };
    if let [first, second, ..] = selecting[..] {
        let why = "selects the pod, and so does another budget: its eviction is an error";
        let budgets = [first, second].map(|row| object(row, why.to_owned()));
        return Some(Found::new(
            WaitCause::BudgetsOverlap,
            links(budgets.into()),
            since,
        ));
    }
    let row = *selecting.first()?;
    if let Some(failed) = sync_failure(row) {
        let why = format!("cannot be computed: {}", text_at(failed, "/message"));
        let links = links(vec![object(row, why)]);
        return Some(Found::new(WaitCause::BudgetSyncFailed, links, since));
    }
    if !refuses(row, pod) {
        return None;
    }
    let status = Numbers::of(row);
    let links = links(vec![object(row, status.to_string())]);
    Some(explain(waits, row, status, links, since))
}

/// Why a budget that allows no eviction does so.
fn explain(
    waits: &Waits<'_>,
    row: &ObjectRow,
    status: Numbers,
    mut links: Vec<EventObject>,
    since: Timestamp,
) -> Found {
    let namespace = row.meta.namespace.as_deref().unwrap_or_default();
    let labels = row
        .object
        .pointer("/spec/selector")
        .and_then(label_selector);
    let labels = labels.unwrap_or_default();
    let pods_need = reads::pods_of(namespace, &labels);
    let Some(pods) = waits.read(&pods_need) else {
        if let (Some(gap), Some(last)) = (waits.gap(&pods_need), links.last_mut()) {
            last.why += &format!("; which of its pods is not ready is unknown: {gap}");
        }
        return Found::new(WaitCause::BudgetExhausted, links, since);
    };
    let unready: Vec<&ObjectRow> = pods.iter().filter(|pod| !is_ready_or_going(pod)).collect();
    if let Some(found) = chain_through(waits, &unready, &links, since) {
        return found;
    }
    let sets = waits.read(&reads::replica_sets_of(namespace, &labels));
    if let Some((cause, set)) = sets.unwrap_or_default().iter().find_map(refused_pods) {
        links.push(set);
        return Found::new(cause, links, since);
    }
    let is_settled = unready.is_empty() && !pods.iter().any(is_going);
    let wanted = wanted_pods(waits, namespace, sets, pods);
    let is_all = wanted.is_none_or(|wanted| wanted <= status.desired);
    if is_settled && is_all && status.healthy >= status.expected {
        return Found::new(WaitCause::BudgetNeverAllows, links, since);
    }
    let starting = unready
        .first()
        .map(|pod| EventObject::new("Pod", Some(namespace), &pod.meta.name, "is not ready yet"));
    links.extend(starting);
    Found::new(WaitCause::BudgetExhausted, links, since)
}

/// How many pods the controllers of these pods are to have; `None` if one of them is unknown.
fn wanted_pods(
    waits: &Waits<'_>,
    namespace: &str,
    sets: Option<&[ObjectRow]>,
    pods: &[ObjectRow],
) -> Option<i64> {
    let mut sum = 0;
    let mut controllers: BTreeSet<(&str, &str)> = BTreeSet::new();
    for pod in pods {
        match controller(&pod.object) {
            Some(owner) => {
                controllers.insert(owner);
            }
            None => sum += 1,
        }
    }
    for (kind, name) in controllers {
        let rows = match kind {
            "ReplicaSet" => sets?,
            "StatefulSet" => waits.read(&reads::stateful_sets_of(namespace))?,
            _ => return None,
        };
        let row = rows.iter().find(|row| row.meta.name == name)?;
        sum += integer_at(&row.object, "/spec/replicas");
    }
    Some(sum)
}

/// Why a ReplicaSet cannot create its pods, if it cannot.
fn refused_pods(row: &ObjectRow) -> Option<(WaitCause, EventObject)> {
    let failure = condition(&row.object, "ReplicaFailure")?;
    let is_short =
        integer_at(&row.object, "/status/replicas") < integer_at(&row.object, "/spec/replicas");
    if failure["status"] != "True" || !is_short {
        return None;
    }
    let message = text_at(failure, "/message");
    let cause = match message {
        _ if message.contains("exceeded quota") => WaitCause::Quota,
        _ if message.contains("failed calling webhook") => WaitCause::WebhookDown,
        _ => WaitCause::PodsRefused,
    };
    let why = format!("cannot create pods: {message}");
    let namespace = row.meta.namespace.as_deref();
    Some((
        cause,
        EventObject::new("ReplicaSet", namespace, &row.meta.name, why),
    ))
}

/// The numbers of a budget.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    desired: i64,
    healthy: i64,
    expected: i64,
}

impl Numbers {
    fn of(row: &ObjectRow) -> Self {
        let number = |name: &str| integer_at(&row.object, &format!("/status/{name}"));
        Self {
            desired: number("desiredHealthy"),
            healthy: number("currentHealthy"),
            expected: number("expectedPods"),
        }
    }
}

impl std::fmt::Display for Numbers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "allows no eviction: it needs {} of {} pods healthy and has {}",
            self.desired, self.expected, self.healthy
        )
    }
}

/// Whether a value is a list of budgets that was refused, as a note to a pod that is still there.
pub(super) fn gap(waits: &Waits<'_>) -> Option<String> {
    waits.gap(&reads::budgets())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::reads::label_selector;

    #[test]
    fn selectors_are_written_as_kubectl_takes_them() {
        let written = |selector: Value| label_selector(&selector);
        assert_eq!(
            written(
                json!({"matchLabels": {"app": "web", "tier": "front"}, "matchExpressions": [
                {"key": "zone", "operator": "In", "values": ["a", "b"]},
                {"key": "canary", "operator": "DoesNotExist"}]})
            ),
            Some("app=web,tier=front,zone in (a,b),!canary".to_owned())
        );
        assert_eq!(written(json!({})), Some(String::new()));
        assert_eq!(written(Value::Null), None);
    }
}
