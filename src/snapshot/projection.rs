//! What is left out of whole objects: a map of JSON takes about 600 bytes however little is in it, so that of kinds which
//! may have tens of thousands of objects only what rules look at is kept.

use serde_json::{Map, Value};

use super::redact::KUBE_SYSTEM;
use crate::catalog::GroupResource;

/// Kinds with very many objects, and where in them is what rules look at; lists on the way are gone through. Rules that
/// are data see what is kept: a kind is not here while one of them is about more.
const KEPT_PATHS: &[(&str, &str, &[&[&str]])] = &[
    ("", "namespaces", &[&["metadata", "labels"]]),
    ("", "services", &[&["spec", "type"], &["spec", "selector"]]),
    (
        "autoscaling",
        "horizontalpodautoscalers",
        &[&["spec", "scaleTargetRef"], &["status", "conditions"]],
    ),
    (
        "storage.k8s.io",
        "csinodes",
        &[&["spec", "drivers", "name"]],
    ),
    (
        "storage.k8s.io",
        "volumeattachments",
        &[
            &["metadata", "creationTimestamp"],
            &["metadata", "deletionTimestamp"],
            &["spec", "nodeName"],
            &["status"],
        ],
    ),
];

/// Leaves out what no rule looks at.
pub fn project(resource: &GroupResource, object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("managedFields");
    }
    let (group, plural) = (resource.group.as_str(), resource.plural.as_str());
    let kept = KEPT_PATHS
        .iter()
        .find(|(of, kind, _)| (*of, *kind) == (group, plural));
    // By its UID a cluster is known again: the key of redaction.
    let uid = match (group, plural) {
        ("", "namespaces") => take_kube_system_uid(object),
        _ => None,
    };
    if let Some((_, _, paths)) = kept {
        retain_paths(object, paths);
    }
    if let (Some(uid), Value::Object(fields)) = (uid, &mut *object) {
        fields
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()))["uid"] = uid;
    }
    match (group, plural) {
        ("", "persistentvolumes") => project_persistent_volume(object),
        ("batch", "jobs") => {
            if let Some(spec) = object_field_mut(object, "spec") {
                spec.remove("template");
            }
        }
        ("apiextensions.k8s.io", "customresourcedefinitions") => remove_crd_schemas(object),
        _ => {}
    }
    remove_env(object);
}

fn take_kube_system_uid(namespace: &mut Value) -> Option<Value> {
    let metadata = object_field_mut(namespace, "metadata")?;
    let is_system = metadata.get("name")? == KUBE_SYSTEM;
    metadata.remove("uid").filter(|_| is_system)
}

/// The values of environment variables are where passwords stand that should stand in Secrets. No rule looks at them; they
/// are dropped from pods and from templates of pods, so that they are in no snapshot.
fn remove_env(object: &mut Value) {
    const TEMPLATES: [&str; 3] = [
        "/spec",
        "/spec/template/spec",
        "/spec/jobTemplate/spec/template/spec",
    ];
    for template in TEMPLATES {
        let Some(spec) = object.pointer_mut(template) else {
            continue;
        };
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            let containers = spec.get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                if let Some(container) = container.as_object_mut() {
                    container.remove("env");
                }
            }
        }
    }
}

fn object_field_mut<'a>(object: &'a mut Value, name: &str) -> Option<&'a mut Map<String, Value>> {
    object.get_mut(name)?.as_object_mut()
}

/// Keeps what is at the end of these paths.
fn retain_paths(value: &mut Value, paths: &[&[&str]]) {
    if paths.iter().any(|path| path.is_empty()) {
        return;
    }
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| retain_paths(item, paths)),
        Value::Object(fields) => fields.retain(|name, field| {
            let below: Vec<&[&str]> = paths
                .iter()
                .filter_map(|path| path.split_first())
                .filter(|(first, _)| *first == name)
                .map(|(_, rest)| rest)
                .collect();
            retain_paths(field, &below);
            !below.is_empty()
        }),
        _ => {}
    }
}

/// Of a volume: its phase, its claim, the node of a local one, and which plug-in it is of.
fn project_persistent_volume(object: &mut Value) {
    retain_paths(object, &[&["spec"], &["status", "phase"]]);
    let Some(spec) = object_field_mut(object, "spec") else {
        return;
    };
    let local = spec.contains_key("local") || spec.contains_key("hostPath");
    spec.retain(|name, field| {
        let paths: &[&[&str]] = match name.as_str() {
            "claimRef" => &[&["namespace"], &["name"]],
            "csi" => &[&["driver"]],
            "nodeAffinity" if local => &[&[]],
            "nodeAffinity" | "capacity" => return false,
            _ => &[],
        };
        retain_paths(field, paths);
        field.is_object()
    });
}

/// A CRD is its schemas to nearly all of its size, and no rule looks into them.
fn remove_crd_schemas(crd: &mut Value) {
    let Some(spec) = object_field_mut(crd, "spec") else {
        return;
    };
    spec.remove("validation");
    let versions = spec.get_mut("versions").and_then(Value::as_array_mut);
    for version in versions.into_iter().flatten() {
        if let Some(version) = version.as_object_mut() {
            version.remove("schema");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::project;
    use crate::catalog::GroupResource;

    fn trimmed(resource: &str, mut object: Value) -> Value {
        let (plural, group) = resource.split_once('.').unwrap_or((resource, ""));
        project(&GroupResource::new(group, plural), &mut object);
        object
    }

    #[test]
    fn what_rules_look_at_is_kept() {
        for (resource, object, expected) in [
            (
                "services",
                json!({"metadata": {"name": "web"}, "spec": {"type": "ClusterIP", "ports": [{"port": 80}], "selector": {"app": "web"}}}),
                json!({"spec": {"type": "ClusterIP", "selector": {"app": "web"}}}),
            ),
            (
                "namespaces",
                json!({"metadata": {"name": "kube-system", "uid": "1-2", "labels": {"a": "b"}}, "spec": {}}),
                json!({"metadata": {"uid": "1-2", "labels": {"a": "b"}}}),
            ),
            (
                "namespaces",
                json!({"metadata": {"name": "shop", "uid": "1-3", "labels": {"a": "b"}}}),
                json!({"metadata": {"labels": {"a": "b"}}}),
            ),
            (
                "csinodes.storage.k8s.io",
                json!({"spec": {"drivers": [{"name": "disk", "nodeID": "i-1"}, {"name": "net"}]}}),
                json!({"spec": {"drivers": [{"name": "disk"}, {"name": "net"}]}}),
            ),
            (
                "persistentvolumes",
                json!({"spec": {"capacity": {"storage": "1Gi"}, "claimRef": {"name": "a", "namespace": "b", "uid": "c"},
                    "nodeAffinity": {"required": {}}, "rbd": {"image": "x"}, "volumeMode": "Block"}, "status": {"phase": "Bound", "x": 1}}),
                json!({"spec": {"claimRef": {"name": "a", "namespace": "b"}, "rbd": {}}, "status": {"phase": "Bound"}}),
            ),
            (
                "persistentvolumes",
                json!({"spec": {"local": {"path": "/x"}, "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": []}]}}}}),
                json!({"spec": {"local": {}, "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": []}]}}}}),
            ),
            (
                "services.shop.example",
                json!({"metadata": {"name": "web", "managedFields": [1]}, "spec": {"x": 1}}),
                json!({"metadata": {"name": "web"}, "spec": {"x": 1}}),
            ),
        ] {
            assert_eq!(trimmed(resource, object), expected, "{resource}");
        }
    }

    #[test]
    fn other_shapes_than_expected_do_no_harm() {
        for object in [
            json!(null),
            json!([1]),
            json!({"spec": 7}),
            json!({"spec": {"csi": 1, "drivers": "x"}}),
        ] {
            for resource in [
                "persistentvolumes",
                "services",
                "jobs.batch",
                "csinodes.storage.k8s.io",
            ] {
                trimmed(resource, object.clone());
            }
        }
    }
}
