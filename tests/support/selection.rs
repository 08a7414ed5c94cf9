//! Which objects a request selects, and how an API server stores and lists them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kubectl_upgrade::catalog::{GroupResource, Gvk};
use kubectl_upgrade::need::{ListSelector, ReadTarget};
use serde_json::{Value, json};

use super::cluster::CATALOG;

pub(super) fn gvk(object: &Value) -> Gvk {
    let text = |field: &str| object[field].as_str();
    match text("apiVersion").zip(text("kind")) {
        Some((api_version, kind)) => Gvk::new(api_version, kind),
        None => panic!("neither apiVersion nor kind: {object}"),
    }
}

/// The resource that an object is of.
fn resource(object: &Value) -> GroupResource {
    let gvk = gvk(object);
    let built_in = CATALOG.apis.find(&gvk);
    if let Some(resource) = built_in.and_then(|api| CATALOG.apis.resource_of(api)) {
        return resource;
    }
    let mut custom = CATALOG.custom_apis.iter();
    match custom.find(|api| api.group == gvk.group && api.kind == gvk.kind) {
        Some(api) => GroupResource::new(&api.group, &api.resource),
        None => GroupResource::new(&gvk.group, &format!("{}s", gvk.kind.to_lowercase())),
    }
}

/// Whether a request for this target lists the object.
pub(super) fn is_selected(object: &Value, target: &ReadTarget) -> bool {
    let ReadTarget::Objects {
        resource: wanted,
        namespace,
        selector,
    } = target
    else {
        return false;
    };
    let namespace = namespace.as_deref();
    resource(object) == *wanted
        && namespace.is_none_or(|namespace| object["metadata"]["namespace"] == namespace)
        && selects(selector, object)
}

fn selects(selector: &ListSelector, object: &Value) -> bool {
    let field = |requirement: &str| match requirement.split_once('=') {
        Some(("type!", kind)) => object["type"] != kind,
        Some(("metadata.name", name)) => object["metadata"]["name"] == name,
        Some(("type", kind)) => object["type"] == kind,
        Some(("spec.serviceAccountName", name)) => {
            object["spec"]["serviceAccountName"]
                .as_str()
                .unwrap_or_default()
                == name
        }
        _ => panic!("field selector {requirement}"),
    };
    let label = |requirement: &str| {
        let value = |label: &str| {
            object["metadata"]["labels"]
                .get(label)
                .and_then(Value::as_str)
        };
        if let Some((label, values)) = requirement.split_once(" in ") {
            let mut values = values.trim_matches(['(', ')']).split(',');
            return value(label).is_some_and(|value| values.any(|other| other.trim() == value));
        }
        match requirement.split_once('=') {
            Some((label, wanted)) if label.ends_with('!') => {
                value(label.trim_end_matches('!')) != Some(wanted)
            }
            Some((label, wanted)) => value(label) == Some(wanted),
            None => value(requirement).is_some(),
        }
    };
    requirements(&selector.fields).all(field) && requirements(&selector.labels).all(label)
}

/// The parts of a selector: what commas outside parentheses separate.
fn requirements(selector: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0;
    let parts = selector.split(move |letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        letter == ',' && depth == 0
    });
    parts.filter(|part| !part.is_empty())
}

/// Whether `refused` or `pages` name this target so: by resource, by plural, by path, or with its selector as reports do.
pub(super) fn names(target: &ReadTarget, name: &str) -> bool {
    match target {
        ReadTarget::NonResourceUrl { path, .. } => path == name,
        ReadTarget::Objects { resource, .. } => {
            resource.plural == name || resource.to_string() == name || target.to_string() == name
        }
    }
}

/// The object as an item of a list: items of lists of built-in kinds have neither `apiVersion` nor `kind`.
pub(super) fn list_item(mut object: Value) -> Value {
    if CATALOG.apis.find(&gvk(&object)).is_some() {
        let fields = object.as_object_mut().expect("an object");
        fields.remove("apiVersion");
        fields.remove("kind");
    }
    object
}

/// The Secret in which Helm keeps this record.
pub(super) fn helm_secret(record: &Value) -> Value {
    let name = record["name"].as_str().expect("a name");
    let version = &record["version"];
    let status = record.get("label").unwrap_or(&record["info"]["status"]);
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {
            "namespace": record["namespace"],
            "name": format!("sh.helm.release.v1.{name}.v{version}"),
            "creationTimestamp": record["info"]["last_deployed"],
            "labels": {"owner": "helm", "name": name, "status": status, "version": version.to_string()},
        },
        "data": {"release": STANDARD.encode(STANDARD.encode(record.to_string()))},
    })
}
