//! Why a pod is not ready.

use jiff::SignedDuration;
use serde_json::Value;

use super::cause::{Patience, WaitCause};
use super::chain::{Found, Waits};
use super::reads::{condition, items_at, text_at};
use super::reason::NotReady;
use super::{scheduling, volume};
use crate::snapshot::ObjectRow;
use crate::watch::object::EventObject;

/// Restarts from which on a container that ends is one that ends again and again.
const MANY_RESTARTS: u64 = 2;
/// How long a container may take to become ready before its probe is looked at.
const STARTS_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// Whether a pod counts as healthy for its budget, or does not count any more.
pub(super) fn is_ready_or_going(pod: &ObjectRow) -> bool {
    let object = &pod.object;
    let is_ready = condition(object, "Ready").is_some_and(|ready| ready["status"] == "True");
    is_ready || is_going(pod)
}

/// Whether it is being deleted or has finished.
pub(super) fn is_going(pod: &ObjectRow) -> bool {
    let phase = text_at(&pod.object, "/status/phase");
    pod.object.pointer("/metadata/deletionTimestamp").is_some()
        || matches!(phase, "Succeeded" | "Failed")
}

/// The chain through the first of these pods that is not ready for a reason that waiting does not heal, or else through
/// another one that has a reason. The links are those before the pod.
pub(super) fn chain_through(
    waits: &Waits<'_>,
    pods: &[&ObjectRow],
    links: &[EventObject],
    since: jiff::Timestamp,
) -> Option<Found> {
    let reasons = pods
        .iter()
        .filter_map(|pod| Some((*pod, why_not_ready(waits, pod)?)));
    let (pod, reason) = reasons.min_by_key(|(_, reason)| reason.patience != Patience::None)?;
    let namespace = pod.meta.namespace.as_deref();
    let last = EventObject::new("Pod", namespace, &pod.meta.name, &reason.why);
    let links = links.iter().cloned().chain([last]).collect();
    let owner = controller(&pod.object).map_or_else(
        || pod.meta.name.clone(),
        |(kind, name)| format!("{kind} {name}"),
    );
    let found = Found::new(reason.cause, links, since).with_patience(reason.patience);
    let owner = format!("{} {owner}", namespace.unwrap_or_default());
    let found = found.owned_by(&owner);
    Some(match reason.cause {
        WaitCause::CrashLoop => {
            let namespace = namespace.unwrap_or_default();
            let name = &pod.meta.name;
            found.with_command(format!(
                "kubectl logs {name} -n {namespace} --all-containers --previous"
            ))
        }
        _ => found,
    })
}

/// Kind and name of the controller of a pod.
pub(super) fn controller(pod: &Value) -> Option<(&str, &str)> {
    let mut owners = items_at(pod, "/metadata/ownerReferences");
    let owner = owners.find(|owner| owner["controller"] == true)?;
    Some((owner["kind"].as_str()?, owner["name"].as_str()?))
}

fn why_not_ready(waits: &Waits<'_>, pod: &ObjectRow) -> Option<NotReady> {
    let object = &pod.object;
    let inits = items_at(object, "/status/initContainerStatuses");
    let mut containers = inits.chain(items_at(object, "/status/containerStatuses"));
    containers
        .find_map(of_container)
        .or_else(|| unscheduled(object))
        .or_else(|| volume::not_attached(waits, pod))
        .or_else(|| not_answering(waits, object))
}

/// Source: kubernetes/kubernetes pkg/kubelet/images/types.go, pkg/kubelet/container/sync_result.go.
fn of_container(status: &Value) -> Option<NotReady> {
    let reason = text_at(status, "/state/waiting/reason");
    let name = text_at(status, "/name");
    let message = text_at(status, "/state/waiting/message");
    let colon = if message.is_empty() { "" } else { ": " };
    let text = format!("container {name} waits: {reason}{colon}{message}");
    match reason {
        "ErrImagePull"
        | "ImagePullBackOff"
        | "InvalidImageName"
        | "ErrImageNeverPull"
        | "ImageInspectError"
        | "RegistryUnavailable"
        | "SignatureValidationFailed" => Some(NotReady::new(WaitCause::ImagePull, &text)),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => {
            Some(NotReady::new(WaitCause::ContainerConfig, &text))
        }
        "CrashLoopBackOff" => {
            let restarts = status["restartCount"].as_u64().unwrap_or(0);
            let last = &status["lastState"]["terminated"];
            let code = last["exitCode"].as_i64();
            let code = code.map_or_else(String::new, |code| format!(" with exit code {code}"));
            let why = match text_at(last, "/reason") {
                "" | "Error" | "Completed" => String::new(),
                reason => format!(" ({reason})"),
            };
            let note = match text_at(last, "/message") {
                "" => String::new(),
                message => format!(": {message}"),
            };
            let text = format!(
                "container {name} ends again and again{code}{why}, {restarts} restarts{note}"
            );
            (restarts >= MANY_RESTARTS).then(|| NotReady::new(WaitCause::CrashLoop, &text))
        }
        _ => None,
    }
}

fn unscheduled(pod: &Value) -> Option<NotReady> {
    let scheduled = condition(pod, "PodScheduled")?;
    if scheduled["status"] != "False" {
        return None;
    }
    let message = text_at(scheduled, "/message");
    let (cause, patience) = match text_at(scheduled, "/reason") {
        "Unschedulable" => scheduling::classify(message),
        _ => (WaitCause::Unschedulable, None),
    };
    let reason = NotReady::new(cause, &format!("is not scheduled: {message}"));
    Some(NotReady {
        patience: patience.unwrap_or(reason.patience),
        ..reason
    })
}

/// All containers run, and for longer than most take to become ready.
fn not_answering(waits: &Waits<'_>, pod: &Value) -> Option<NotReady> {
    let mut unready =
        items_at(pod, "/status/containerStatuses").filter(|one| one["ready"] == false);
    let late = unready.find(|status| {
        let since = text_at(status, "/state/running/startedAt");
        let since = since.parse::<jiff::Timestamp>();
        since.is_ok_and(|since| waits.at.duration_since(since) >= STARTS_WITHIN)
    })?;
    let text = format!("container {} runs and is not ready", text_at(late, "/name"));
    let reason = NotReady::new(WaitCause::ProbeFails, &text);
    // It has taken that long already.
    Some(NotReady {
        patience: Patience::None,
        ..reason
    })
}
