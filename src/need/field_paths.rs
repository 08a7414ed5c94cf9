//! Which fields of a full object a reader declares.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Paths such as `spec.scaleTargetRef`. A path holds everything below it and leads through all items of a list; one that
/// ends in `[]` holds only that the field is there and, of a list, the number of its items; one that ends in `{}` only the
/// keys of a mapping. The empty path is the whole object.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FieldPaths(BTreeSet<String>);

/// The end of a path that holds no content.
const PRESENCE: &str = "[]";
/// The end of a path that holds keys without their values.
const KEYS: &str = "{}";

impl FieldPaths {
    /// The whole object.
    #[must_use]
    pub fn whole_object() -> Self {
        Self::from_iter([""])
    }

    /// Whether no field is declared: the reader only uses metadata of the row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The paths, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Adds the paths of another reader.
    pub fn union(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Whether an object with these fields has all fields of `needed`.
    #[must_use]
    pub fn covers(&self, needed: &Self) -> bool {
        needed.iter().all(|path| {
            let presence = path.strip_suffix(PRESENCE);
            self.iter().any(|held| {
                below(path, held).is_some()
                    || presence.is_some_and(|field| held == path || below(held, field).is_some())
            })
        })
    }

    /// Removes every other field. Values of environment variables and managed fields are removed in any case: passwords
    /// are found in the former, and rows have what counts of the latter.
    pub fn project(&self, object: &mut Value) {
        retain(object, &Vec::from_iter(self.iter()));
        remove_env(object);
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
    }
}

impl<P: Into<String>> FromIterator<P> for FieldPaths {
    fn from_iter<I: IntoIterator<Item = P>>(paths: I) -> Self {
        Self(paths.into_iter().map(P::into).collect())
    }
}

/// The part of `path` below `above`; empty if they are the same, `None` if it is elsewhere.
fn below<'p>(path: &'p str, above: &str) -> Option<&'p str> {
    if above.is_empty() {
        return Some(path);
    }
    match path.strip_prefix(above)? {
        "" => Some(""),
        PRESENCE => Some(PRESENCE),
        KEYS => Some(KEYS),
        rest => rest.strip_prefix('.'),
    }
}

/// Keeps what is at the end of these paths.
fn retain(value: &mut Value, paths: &[&str]) {
    match value {
        _ if paths.contains(&"") => {}
        Value::Array(items) => items.iter_mut().for_each(|item| retain(item, paths)),
        Value::Object(fields) if paths.contains(&KEYS) => {
            fields.values_mut().for_each(|field| *field = Value::Null);
        }
        Value::Object(fields) => fields.retain(|name, field| {
            let below: Vec<&str> = paths.iter().filter_map(|path| below(path, name)).collect();
            retain(field, &below);
            !below.is_empty() && !name.is_empty()
        }),
        _ => {}
    }
}

fn remove_env(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(remove_env),
        Value::Object(fields) => {
            fields.retain(|name, field| name != "env" || !field.is_array());
            fields.values_mut().for_each(remove_env);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::FieldPaths;

    fn projected(paths: &[&str], mut object: Value) -> Value {
        FieldPaths::from_iter(paths.iter().copied()).project(&mut object);
        object
    }

    #[test]
    fn only_declared_fields_are_kept() {
        for (paths, object, expected) in [
            (
                &["spec.type", "spec.selector"][..],
                json!({"metadata": {"name": "web"}, "spec": {"type": "ClusterIP", "ports": [{"port": 80}], "selector": {"app": "web"}}}),
                json!({"spec": {"type": "ClusterIP", "selector": {"app": "web"}}}),
            ),
            (
                &["spec.drivers.name"],
                json!({"spec": {"drivers": [{"name": "disk", "nodeID": "i-1"}, {"name": "net"}]}}),
                json!({"spec": {"drivers": [{"name": "disk"}, {"name": "net"}]}}),
            ),
            (
                &["spec.versions[]", "spec.rbd[]", "status.phase[]"],
                json!({"spec": {"versions": [{"name": "v1"}, {"name": "v2"}], "rbd": {"image": "x"}}, "status": {"phase": "Bound"}}),
                json!({"spec": {"versions": [{}, {}], "rbd": {}}, "status": {"phase": "Bound"}}),
            ),
            (
                &["spec.a", "spec.a.b", "spec.ab[]"],
                json!({"spec": {"a": {"b": 1, "c": 2}, "ab": {"x": 1}, "abc": 1}}),
                json!({"spec": {"a": {"b": 1, "c": 2}, "ab": {}}}),
            ),
            (
                &["data{}", "metadata.labels.component"],
                json!({"metadata": {"name": "a", "labels": {"component": "ory"}}, "data": {"global.tlsKey": "c2VjcmV0", "a": "b"}}),
                json!({"metadata": {"labels": {"component": "ory"}}, "data": {"global.tlsKey": null, "a": null}}),
            ),
            (&[], json!({"spec": {"x": 1}}), json!({})),
            (
                &[""],
                json!({"metadata": {"name": "web", "managedFields": [1]}, "spec": {"template": {"spec": {"containers": [{"env": [{"value": "secret"}], "image": "a"}]}}}}),
                json!({"metadata": {"name": "web"}, "spec": {"template": {"spec": {"containers": [{"image": "a"}]}}}}),
            ),
        ] {
            assert_eq!(projected(paths, object), expected, "{paths:?}");
        }
        for object in [
            json!(null),
            json!([1]),
            json!({"spec": 7}),
            json!({"spec": {"a": [1, {"b": null}]}}),
        ] {
            projected(&["spec.a.b", "spec.drivers[]"], object);
        }
    }

    #[test]
    fn a_path_covers_what_is_below_it() {
        let covers = |held: &[&str], needed: &str| {
            FieldPaths::from_iter(held.iter().copied()).covers(&FieldPaths::from_iter([needed]))
        };
        for (held, needed) in [
            ("", "spec"),
            ("", ""),
            ("spec", "spec.type"),
            ("spec.type", "spec.type"),
            ("spec.type", "spec[]"),
            ("spec[]", "spec[]"),
            ("spec", "spec.versions[]"),
            ("data", "data{}"),
            ("data{}", "data{}"),
            ("spec.versions.name", "spec.versions[]"),
        ] {
            assert!(covers(&[held], needed), "{held} covers {needed}");
        }
        for (held, needed) in [
            ("spec.type", "spec"),
            ("spec.type", ""),
            ("spec[]", "spec.type"),
            ("data{}", "data"),
            ("data{}", "data.a"),
            ("data[]", "data{}"),
            ("spec", "specs"),
            ("spec.a", "spec.b[]"),
        ] {
            assert!(!covers(&[held], needed), "{held} does not cover {needed}");
        }
        assert!(!covers(&[], "spec"));
        assert!(FieldPaths::default().covers(&FieldPaths::default()));
    }
}
