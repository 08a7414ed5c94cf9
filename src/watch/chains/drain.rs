//! Nodes that are cordoned and not emptying.

use jiff::{SignedDuration, Timestamp};

use super::cause::WaitCause;
use super::chain::{Found, Waits};
use super::reads::{self, items_at, text_at};
use super::{budget, volume, webhook};
use crate::need::Need;
use crate::snapshot::{ObjectRow, PodRow};
use crate::text::{human_duration, pluralize};
use crate::watch::needs::pods_on_node_need;
use crate::watch::object::EventObject;

/// How much longer than its grace period a pod may take to end.
const LATE_AFTER: SignedDuration = SignedDuration::from_mins(1);

/// A node that drains.
struct Draining<'a> {
    name: &'a str,
    since: Timestamp,
    /// The pods that a drain waits for; `None` if they were not read.
    pods: Option<Vec<&'a PodRow>>,
}

/// The nodes that drain, the one that was cordoned first first.
fn draining<'a>(waits: &Waits<'a>) -> Vec<Draining<'a>> {
    let nodes = waits.draining_since.iter();
    let mut nodes: Vec<_> = nodes.map(|(name, since)| (name.as_str(), *since)).collect();
    nodes.sort_by_key(|(_, since)| *since);
    let nodes = nodes.into_iter().map(|(name, since)| {
        let rows = waits
            .followed
            .contains(name)
            .then(|| waits.view.rows(&pods_on_node_need(name)));
        let pods = rows.flatten().map(|rows| {
            let mut pods: Vec<_> = rows.pods().iter().filter(|pod| is_awaited(pod)).collect();
            pods.sort_by_key(|pod| {
                (
                    pod.ready_transition_time,
                    &*pod.namespace,
                    pod.name.as_str(),
                )
            });
            pods
        });
        Draining { name, since, pods }
    });
    nodes.collect()
}

/// Whether a drain waits until the pod is gone: one that has finished only if it is being deleted.
fn is_awaited(pod: &PodRow) -> bool {
    !pod.is_mirror
        && !pod.is_controlled_by("DaemonSet")
        && (!pod.is_finished() || pod.deletion_timestamp.is_some())
}

/// What must be listed while pods are left on a node that drains, or volumes on one that is empty.
pub(super) fn needs(waits: &Waits<'_>) -> Vec<Need> {
    let nodes = draining(waits);
    let pods: Vec<&PodRow> = nodes
        .iter()
        .filter_map(|node| node.pods.as_deref())
        .flatten()
        .copied()
        .collect();
    let mut needs = Vec::new();
    if !pods.is_empty() {
        needs.extend([
            reads::budgets(),
            reads::terminating_namespaces(),
            reads::evictions(),
        ]);
        needs.extend(webhook::needs(waits));
        let left: Vec<&PodRow> = pods
            .into_iter()
            .filter(|pod| pod.deletion_timestamp.is_none())
            .collect();
        needs.extend(budget::needs(waits, &left));
    }
    let is_empty = |node: &Draining<'_>| node.pods.as_ref().is_some_and(Vec::is_empty);
    if nodes
        .iter()
        .any(|node| is_empty(node) && volume::is_late(node.since, waits.at))
    {
        needs.push(reads::volume_attachments());
    }
    needs
}

/// For each pod that is left why it is, and for each empty node which volumes are not detached.
pub(super) fn find(waits: &Waits<'_>) -> Vec<Found> {
    let nodes = draining(waits);
    let mut found: Vec<Found> = nodes.iter().flat_map(|node| of_node(waits, node)).collect();
    found.extend(nodes.first().map(|node| still_there(waits, node)));
    found
}

fn of_node(waits: &Waits<'_>, node: &Draining<'_>) -> Vec<Found> {
    let Some(pods) = &node.pods else {
        return Vec::new();
    };
    if pods.is_empty() {
        let link = EventObject::new("Node", None, node.name, "is cordoned and has no pods left");
        return volume::not_detached(waits, node.name, link, node.since);
    }
    let why = format!(
        "is cordoned with {} left to evict",
        pluralize(pods.len(), "pod")
    );
    let link = EventObject::new("Node", None, node.name, why);
    let found = pods
        .iter()
        .filter_map(|pod| of_pod(waits, node, pod, link.clone()));
    found.collect()
}

fn of_pod(
    waits: &Waits<'_>,
    node: &Draining<'_>,
    pod: &PodRow,
    link: EventObject,
) -> Option<Found> {
    let links = |why: String| {
        vec![
            link.clone(),
            EventObject::new("Pod", Some(&*pod.namespace), &pod.name, why),
        ]
    };
    if let Some(deadline) = pod.deletion_timestamp {
        return ending(waits, node, pod, deadline, &links);
    }
    let since = node.since;
    if let Some(namespace) = terminating_namespace(waits, &pod.namespace) {
        let mut links =
            links("cannot be evicted from a namespace that is being deleted".to_owned());
        links.push(namespace);
        return Some(Found::new(WaitCause::NamespaceTerminating, links, since));
    }
    webhook::chain(
        waits,
        pod,
        &links("cannot be evicted: a webhook is asked and does not answer".to_owned()),
        since,
    )
    .or_else(|| responder(waits, pod, links("is asked to leave".to_owned()), since))
    .or_else(|| budget::chain(waits, pod, &links("is held by a budget".to_owned()), since))
}

/// A pod that is being deleted and still there.
fn ending(
    waits: &Waits<'_>,
    node: &Draining<'_>,
    pod: &PodRow,
    deadline: Timestamp,
    links: &dyn Fn(String) -> Vec<EventObject>,
) -> Option<Found> {
    let is_late = waits.at.duration_since(deadline) >= LATE_AFTER;
    let finalizers: Vec<&str> = pod.finalizers.iter().map(|name| &**name).collect();
    if !finalizers.is_empty() && (pod.is_finished() || is_late) {
        let why = format!(
            "is being deleted and waits for finalizer {}",
            finalizers.join(", ")
        );
        return Some(Found::new(WaitCause::PodFinalizer, links(why), deadline));
    }
    if !is_late {
        return None;
    }
    let ready = waits
        .view
        .nodes()
        .into_iter()
        .flatten()
        .find(|row| row.name == node.name);
    let ready = ready.and_then(|row| row.condition("Ready"));
    let is_dead = ready.is_none_or(|ready| ready.status != "True");
    let (cause, why) = match is_dead {
        true => (
            WaitCause::DeadKubelet,
            "is being deleted, and the kubelet of the node does not report",
        ),
        false => (
            WaitCause::Terminating,
            "is being deleted for longer than its grace period",
        ),
    };
    let mut links = links(why.to_owned());
    if is_dead && let Some(first) = links.first_mut() {
        first.why += " and is not ready";
    }
    let found =
        Found::new(cause, links, deadline).owned_by(&format!("{} {}", pod.namespace, pod.name));
    Some(match is_dead {
        true => found
            .owned_by(node.name)
            .with_command(format!("kubectl describe node {}", node.name)),
        false => found,
    })
}

/// The namespace of a pod if it is being deleted and says what keeps it.
fn terminating_namespace(waits: &Waits<'_>, namespace: &str) -> Option<EventObject> {
    let rows = waits.read(&reads::terminating_namespaces())?;
    let row = rows.iter().find(|row| row.meta.name == namespace)?;
    let conditions = items_at(&row.object, "/status/conditions");
    let messages = conditions.filter(|condition| condition["status"] == "True");
    let messages: Vec<&str> = messages
        .map(|condition| text_at(condition, "/message"))
        .collect();
    let why = format!("is being deleted: {}", messages.join("; "));
    (!messages.is_empty()).then(|| EventObject::new("Namespace", None, namespace, why))
}

/// Who has been asked to move a pod away, where the cluster serves that.
fn responder(
    waits: &Waits<'_>,
    pod: &PodRow,
    mut links: Vec<EventObject>,
    since: Timestamp,
) -> Option<Found> {
    let rows = waits.read(&reads::evictions())?;
    let is_of = |row: &&ObjectRow| {
        row.meta.namespace.as_deref() == Some(&*pod.namespace)
            && text_at(&row.object, "/spec/target/pod/name") == pod.name
    };
    let row = rows.iter().find(is_of)?;
    let mut active = items_at(&row.object, "/status/targetResponders");
    let active = active.find(|responder| responder["state"] == "Active")?;
    let name = text_at(active, "/name");
    let mut progress = items_at(&row.object, "/status/responders");
    let progress = progress.find(|responder| responder["name"] == active["name"]);
    let message = progress.map_or("", |responder| text_at(responder, "/message"));
    let colon = if message.is_empty() { "" } else { ": " };
    let why = format!("is left to {name}{colon}{message}");
    let begun = progress.and_then(|responder| text_at(responder, "/startTime").parse().ok());
    links.push(EventObject::new(
        "Eviction",
        Some(&*pod.namespace),
        &row.meta.name,
        why,
    ));
    let found = Found::new(WaitCause::EvictionResponder, links, begun.unwrap_or(since));
    let command = format!(
        "kubectl get evictions.lifecycle.k8s.io {} -n {} -o yaml",
        row.meta.name, pod.namespace
    );
    Some(found.with_command(command))
}

/// What is said of a stall without another cause: the node that has been draining longest, and its oldest pod.
fn still_there(waits: &Waits<'_>, node: &Draining<'_>) -> Found {
    let lasting = human_duration(waits.at.duration_since(node.since));
    let why = format!("has been cordoned for {lasting}");
    let link = EventObject::new("Node", None, node.name, why);
    let pod = node.pods.iter().flatten().next().map(|pod| {
        let why = match pod.deletion_timestamp {
            Some(_) => "is being deleted",
            None => "is still there",
        };
        let gap = budget::gap(waits).map_or_else(String::new, |gap| {
            format!("; whether a budget holds it is unknown: {gap}")
        });
        EventObject::new(
            "Pod",
            Some(&*pod.namespace),
            &pod.name,
            format!("{why}{gap}"),
        )
    });
    let links = std::iter::once(link).chain(pod).collect();
    Found::new(WaitCause::NotEvicted, links, node.since)
}
