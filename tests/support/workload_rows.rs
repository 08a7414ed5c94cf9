//! Workloads of fixtures: written as manifests, for that is how people know them, seen by rules as rows.

use serde_json::Value;

use kubectl_upgrade::snapshot::{
    LabelSelector, ObjectRow, Placement, Rows, SharedStr, WorkloadRow, WorkloadStatus,
};

/// The rows that the decoder of protobuf would have made of these manifests.
pub(crate) fn typed(rows: Rows) -> Rows {
    match rows {
        Rows::Objects(rows) => Rows::Workloads(rows.into_iter().map(row).collect()),
        other => other,
    }
}

fn row(ObjectRow { meta, object }: ObjectRow) -> WorkloadRow {
    let (spec, status) = (&object["spec"], &object["status"]);
    let rolling = &spec["updateStrategy"]["rollingUpdate"];
    WorkloadRow {
        meta,
        generation: object["metadata"]["generation"].as_i64().unwrap_or(0),
        is_being_deleted: object["metadata"]["deletionTimestamp"].is_string(),
        replicas: spec["replicas"].is_i64().then(|| number(&spec["replicas"])),
        is_paused: spec["paused"] == true,
        update_strategy: text(&spec["updateStrategy"]["type"]),
        partition: rolling.is_object().then(|| number(&rolling["partition"])),
        selector: selector(&spec["selector"]).map(Box::new),
        placement: placement(&spec["template"]["spec"]).map(Box::new),
        images: images(&spec["template"]["spec"]),
        status: WorkloadStatus {
            observed_generation: status["observedGeneration"].as_i64().unwrap_or(0),
            replicas: either(status, "replicas", "desiredNumberScheduled"),
            updated_replicas: either(status, "updatedReplicas", "updatedNumberScheduled"),
            ready_replicas: either(status, "readyReplicas", "numberReady"),
            available_replicas: either(status, "availableReplicas", "numberAvailable"),
            is_progress_deadline_exceeded: list(&status["conditions"]).iter().any(|condition| {
                condition["type"] == "Progressing"
                    && condition["reason"] == "ProgressDeadlineExceeded"
            }),
            has_pending_revision: status["currentRevision"] != status["updateRevision"],
        },
    }
}

fn selector(wanted: &Value) -> Option<LabelSelector> {
    let wanted = wanted.is_object().then(|| wanted.clone())?;
    Some(serde_json::from_value(wanted).expect("a label selector"))
}

fn placement(spec: &Value) -> Option<Placement> {
    let required =
        &spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let wanted = |term: &Value| {
        let parts = list(&term["matchExpressions"]).iter();
        let absent =
            |part: &&Value| part["operator"] == "DoesNotExist" || part["operator"] == "NotIn";
        parts
            .filter(|part| !absent(part))
            .map(|part| text(&part["key"]))
            .collect()
    };
    let placement = Placement {
        node_selector_keys: spec["nodeSelector"]
            .as_object()
            .into_iter()
            .flat_map(|labels| labels.keys().map(|key| SharedStr::from(key.as_str())))
            .collect(),
        required_affinity_keys: list(&required["nodeSelectorTerms"])
            .iter()
            .map(wanted)
            .collect(),
        toleration_keys: list(&spec["tolerations"])
            .iter()
            .map(|toleration| text(&toleration["key"]))
            .collect(),
    };
    (placement != Placement::default()).then_some(placement)
}

/// An API server takes no template without a container; a manifest of a fixture may leave out one that nobody looks at.
fn images(spec: &Value) -> Vec<SharedStr> {
    let containers = list(&spec["containers"]).iter();
    let images: Vec<SharedStr> = containers
        .map(|container| text(&container["image"]))
        .collect();
    match images.is_empty() {
        true => vec!["shop/any:1.0.0".into()],
        false => images,
    }
}

fn either(status: &Value, one: &str, other: &str) -> i32 {
    let given = if status[one].is_null() { other } else { one };
    number(&status[given])
}

fn number(value: &Value) -> i32 {
    value
        .as_i64()
        .map_or(0, |number| number.try_into().expect("a small number"))
}

fn text(value: &Value) -> SharedStr {
    value.as_str().unwrap_or_default().into()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
