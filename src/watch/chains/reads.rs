//! What is listed while something waits.

use serde_json::Value;

use super::chain::Waits;
use crate::catalog::GroupResource;
use crate::facts::{budgets, capi};
use crate::need::{DetailLevel, Freshness, ListSelector, Need, ReadTarget};
use crate::snapshot::{ObjectRow, ReadOutcome};

/// What stands for a namespace in [`wait_needs`].
const ANY_NAMESPACE: &str = "NAMESPACE";

/// Everything that may be listed to find out what an upgrade waits for, with a placeholder for namespaces.
#[must_use]
pub fn wait_needs() -> Vec<Need> {
    let namespace = ANY_NAMESPACE;
    let [mutating, validating] = webhooks();
    vec![
        budgets(),
        pods_of(namespace, "LABELS"),
        replica_sets_of(namespace, "LABELS"),
        stateful_sets_of(namespace),
        claims_of(namespace),
        terminating_namespaces(),
        mutating,
        validating,
        service(namespace, "NAME"),
        endpoint_slices(namespace, "NAME"),
        volume_attachments(),
        bootstrap_requests(),
        evictions(),
        machine_deployments(),
        pending_system_pods(),
    ]
}

fn fresh(need: Need) -> Need {
    Need {
        freshness: Freshness::MostRecent,
        ..need
    }
}

fn objects(group: &str, plural: &str, fields: &[&str]) -> Need {
    let resource = GroupResource::new(group, plural);
    fresh(Need::objects(resource, DetailLevel::Full).with_fields(fields))
}

fn selected(group: &str, plural: &str, selector: ListSelector, fields: &[&str]) -> Need {
    let resource = GroupResource::new(group, plural);
    fresh(Need::selected(resource, selector, DetailLevel::Full).with_fields(fields))
}

/// The fields of pods that show why they are not ready.
const POD_FIELDS: &[&str] = &[
    "metadata.deletionTimestamp",
    "metadata.ownerReferences",
    "spec.nodeName",
    "spec.volumes.persistentVolumeClaim.claimName",
    "status.conditions",
    "status.containerStatuses",
    "status.initContainerStatuses",
    "status.phase",
];

pub(super) fn budgets() -> Need {
    fresh(budgets::budgets_need())
}

/// The pods that a selector in a namespace selects.
pub(super) fn pods_of(namespace: &str, labels: &str) -> Need {
    selected("", "pods", ListSelector::by_labels(labels), POD_FIELDS).in_namespace(namespace)
}

/// Pods of kube-system that have not started.
pub(super) fn pending_system_pods() -> Need {
    let selector = ListSelector::by_fields("status.phase=Pending");
    selected("", "pods", selector, POD_FIELDS).in_namespace("kube-system")
}

/// The ReplicaSets with these labels: those of their pods.
pub(super) fn replica_sets_of(namespace: &str, labels: &str) -> Need {
    let fields = ["spec.replicas", "status.conditions", "status.replicas"];
    let selector = ListSelector::by_labels(labels);
    selected("apps", "replicasets", selector, &fields).in_namespace(namespace)
}

pub(super) fn stateful_sets_of(namespace: &str) -> Need {
    objects("apps", "statefulsets", &["spec.replicas"]).in_namespace(namespace)
}

pub(super) fn claims_of(namespace: &str) -> Need {
    objects(
        "",
        "persistentvolumeclaims",
        &["spec.volumeName", "status.phase"],
    )
    .in_namespace(namespace)
}

pub(super) fn terminating_namespaces() -> Need {
    let selector = ListSelector::by_fields("status.phase=Terminating");
    selected("", "namespaces", selector, &["status.conditions"])
}

pub(super) fn webhooks() -> [Need; 2] {
    [
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
    ]
    .map(|plural| {
        objects(
            "admissionregistration.k8s.io",
            plural,
            &[
                "webhooks.clientConfig.service",
                "webhooks.failurePolicy",
                "webhooks.matchConditions[]",
                "webhooks.name",
                "webhooks.namespaceSelector",
                "webhooks.objectSelector",
                "webhooks.rules",
            ],
        )
    })
}

pub(super) fn service(namespace: &str, name: &str) -> Need {
    let resource = GroupResource::new("", "services");
    let need = Need::single_object(resource, namespace, name);
    fresh(need.with_fields(&["spec.selector", "spec.type"]))
}

pub(super) fn endpoint_slices(namespace: &str, service: &str) -> Need {
    let resource = GroupResource::new("discovery.k8s.io", "endpointslices");
    let labels = format!("kubernetes.io/service-name={service}");
    fresh(Need::labelled_in_namespace(
        resource,
        namespace,
        &labels,
        DetailLevel::Typed,
    ))
}

pub(super) fn volume_attachments() -> Need {
    let fields = [
        "metadata.deletionTimestamp",
        "spec.attacher",
        "spec.nodeName",
        "spec.source.persistentVolumeName",
        "status.attachError.message",
        "status.attached",
        "status.detachError.message",
    ];
    objects("storage.k8s.io", "volumeattachments", &fields)
}

/// Requests of kubelets that join for their first certificate.
pub(super) fn bootstrap_requests() -> Need {
    let selector =
        ListSelector::by_fields("spec.signerName=kubernetes.io/kube-apiserver-client-kubelet");
    let fields = [
        "metadata.creationTimestamp",
        "spec.username",
        "status.conditions",
    ];
    selected(
        "certificates.k8s.io",
        "certificatesigningrequests",
        selector,
        &fields,
    )
}

/// What became of requests to move pods away, where that is served.
pub(super) fn evictions() -> Need {
    let fields = [
        "spec.target",
        "status.conditions",
        "status.requesters",
        "status.responders",
        "status.targetResponders",
    ];
    objects("lifecycle.k8s.io", "evictions", &fields)
}

/// As a watch of DKP reads them, so that one list answers both.
pub(super) fn machine_deployments() -> Need {
    capi::machine_deployments_need()
}

/// A selector of an object as a `labelSelector`; `None` if it selects nothing or cannot be written so.
pub(super) fn label_selector(selector: &Value) -> Option<String> {
    let selector = selector.as_object()?;
    let equal = selector.get("matchLabels").and_then(Value::as_object);
    let equal = equal.into_iter().flatten();
    let mut parts: Vec<String> = equal
        .map(|(key, value)| Some(format!("{key}={}", value.as_str()?)))
        .collect::<Option<_>>()?;
    let more = selector.get("matchExpressions").and_then(Value::as_array);
    for part in more.into_iter().flatten() {
        let key = part["key"].as_str()?;
        let values = part["values"].as_array().into_iter().flatten();
        let values: Vec<&str> = values.filter_map(Value::as_str).collect();
        let values = values.join(",");
        parts.push(match part["operator"].as_str()? {
            "In" => format!("{key} in ({values})"),
            "NotIn" => format!("{key} notin ({values})"),
            "Exists" => key.to_owned(),
            "DoesNotExist" => format!("!{key}"),
            _ => return None,
        });
    }
    Some(parts.join(","))
}

impl<'a> Waits<'a> {
    /// The objects of a list; `None` if it was not read, which is no empty list.
    pub(super) fn read(&self, need: &Need) -> Option<&'a [ObjectRow]> {
        self.view.rows(need).map(|rows| rows.objects())
    }

    /// Why a list cannot be read, to follow what it was needed for; `None` if it was read or is still to be.
    pub(super) fn gap(&self, need: &Need) -> Option<String> {
        let ledger = &self.view.cluster.ledger;
        let result = ledger.iter().find(|result| result.target == need.target)?;
        let ReadTarget::Objects {
            resource,
            namespace,
            ..
        } = &need.target
        else {
            return None;
        };
        let place = namespace.as_ref();
        let place = place.map_or_else(String::new, |name| format!(" in {name}"));
        match &result.outcome {
            ReadOutcome::Forbidden { .. } => Some(format!("{resource}{place} may not be listed")),
            ReadOutcome::Failed { why } => Some(format!("{resource}{place} cannot be read: {why}")),
            ReadOutcome::Complete | ReadOutcome::NotServed => None,
        }
    }
}

/// The text at a JSON pointer; empty without one.
pub(super) fn text_at<'v>(object: &'v Value, pointer: &str) -> &'v str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The items of an array at a JSON pointer.
pub(super) fn items_at<'v>(object: &'v Value, pointer: &str) -> impl Iterator<Item = &'v Value> {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// A condition of an object.
pub(super) fn condition<'v>(object: &'v Value, kind: &str) -> Option<&'v Value> {
    items_at(object, "/status/conditions").find(|condition| condition["type"] == kind)
}
