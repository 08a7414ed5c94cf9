//! Manifests of removed APIs, taken to the replacement as the remedies say, and given to a real API server.

use kubectl_upgrade::catalog::{Catalog, FieldChange, FieldFate, Gvk};
use libtest_mimic::Failed;
use serde_json::{Map, Value, json};

use crate::extensions::REQUEST;
use crate::harness::{Cluster, Need};

const NEWEST: &str = "1.37.0";

scenarios! {
    accepted_by_a_server: [Need::ControlPlane(NEWEST)],
}

/// Each manifest is accepted with all changes of the table. With another `apiVersion` alone it is refused, if the table says
/// that a field moves, ends or is required.
fn accepted_by_a_server() -> Result<(), Failed> {
    let cluster = Cluster::start(NEWEST);
    let catalog = Catalog::embedded().expect("the catalog");
    let text = include_str!("../fixtures/field-changes.yaml").replace("REQUEST", REQUEST);
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).expect("manifests");
    for document in documents {
        let text = |key: &str| document[key].as_str().expect("apiVersion and kind");
        let old = Gvk::new(text("apiVersion"), text("kind"));
        let api = catalog.apis.find(&old).expect("a removed API");
        let to = api.replacement.clone().expect("a replacement");
        let mut new = document.clone();
        new["apiVersion"] = json!(to.api_version());
        let create = ["create", "--dry-run=server", "--validate=strict", "-f", "-"];
        let changes: Vec<&FieldChange> = catalog.field_changes(&old, &to).collect();
        let must_change = changes
            .iter()
            .any(|change| !matches!(change.fate, FieldFate::Default | FieldFate::Mean));
        let alone = cluster.kubectl_stdin(&create, &new.to_string());
        assert_eq!(alone.code != 0, must_change, "{old}: {}", alone.stderr);
        for change in changes {
            apply(change, &mut new);
        }
        let changed = cluster.kubectl_stdin(&create, &new.to_string());
        assert_eq!(changed.code, 0, "{old} as {new:#}: {}", changed.stderr);
    }
    Ok(())
}

/// Makes a change in a manifest as a person would who reads it.
fn apply(change: &FieldChange, manifest: &mut Value) {
    let field = segments(&change.field);
    match change.fate {
        FieldFate::Mean => {}
        FieldFate::Drop => {
            take(manifest, &field, &mut Vec::new());
        }
        FieldFate::Require | FieldFate::Default if change.value.is_empty() => {}
        FieldFate::Require | FieldFate::Default => {
            let value = serde_json::from_str(&change.value).expect("JSON");
            fill(manifest, &field, &value, change.fate == FieldFate::Default);
        }
        FieldFate::Move => {
            let into = segments(&change.into);
            for (at, value) in take(manifest, &field, &mut Vec::new()) {
                // The table describes ports by number; one with a name has another place, as its note says.
                let into = match (into.last(), &value) {
                    (Some(Segment::Key("number")), Value::String(_)) => {
                        [&into[..into.len() - 1], &[Segment::Key("name")]].concat()
                    }
                    _ => into.clone(),
                };
                let beside = change
                    .value
                    .split(", ")
                    .filter_map(|pair| pair.split_once(": "));
                let parent = &into[..into.len() - 1];
                for (name, value) in beside {
                    let value = serde_json::from_str(value).unwrap_or(json!(value));
                    put(
                        manifest,
                        &[parent, &[Segment::Key(name)]].concat(),
                        &at,
                        value,
                    );
                }
                put(manifest, &into, &at, value);
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Segment<'a> {
    Key(&'a str),
    Element,
}

fn segments(path: &str) -> Vec<Segment<'_>> {
    let parts = path
        .split('.')
        .flat_map(|part| match part.strip_suffix("[]") {
            Some(name) => vec![Segment::Key(name), Segment::Element],
            None => vec![Segment::Key(part)],
        });
    parts.collect()
}

/// Takes the values at a path out of a manifest, and the objects that this empties; with the index of each list on the way.
fn take(within: &mut Value, path: &[Segment<'_>], at: &mut Vec<usize>) -> Vec<(Vec<usize>, Value)> {
    match (path, within) {
        ([Segment::Key(last)], Value::Object(map)) => {
            let value = map.remove(*last);
            value.map(|value| (at.clone(), value)).into_iter().collect()
        }
        ([Segment::Key(key), rest @ ..], Value::Object(map)) => {
            let Some(next) = map.get_mut(*key) else {
                return Vec::new();
            };
            let found = take(next, rest, at);
            if next.as_object().is_some_and(Map::is_empty) && !found.is_empty() {
                map.remove(*key);
            }
            found
        }
        ([Segment::Element, rest @ ..], Value::Array(list)) => {
            let mut found = Vec::new();
            for (index, next) in list.iter_mut().enumerate() {
                at.push(index);
                found.extend(take(next, rest, at));
                at.pop();
            }
            found
        }
        _ => Vec::new(),
    }
}

/// Puts a value at a path. A list on the way that the value does not come from is one for all its elements.
fn put(within: &mut Value, path: &[Segment<'_>], at: &[usize], value: Value) {
    match path {
        [] => match (within, value) {
            (Value::Object(old), Value::Object(new)) => old.extend(new),
            (old, new) => *old = new,
        },
        [Segment::Key(key), rest @ ..] => {
            if within.is_null() {
                *within = json!({});
            }
            put(&mut within[*key], rest, at, value);
        }
        [Segment::Element, rest @ ..] => {
            if within.is_null() {
                *within = json!([]);
            }
            let list = within.as_array_mut().expect("a list");
            let (wanted, below) = match at {
                [first, below @ ..] => (*first..first + 1, below),
                [] => (0..list.len().max(1), at),
            };
            for index in wanted {
                if list.len() <= index {
                    list.resize(index + 1, Value::Null);
                }
                put(&mut list[index], rest, below, value.clone());
            }
        }
    }
}

/// Sets a field that is missing, in each object that could have it; with its parents for a default.
fn fill(within: &mut Value, path: &[Segment<'_>], value: &Value, parents: bool) {
    match (path, within) {
        ([Segment::Key(last)], Value::Object(map)) => {
            map.entry(*last).or_insert_with(|| value.clone());
        }
        ([Segment::Key(key), rest @ ..], Value::Object(map)) => {
            if parents {
                map.entry(*key).or_insert_with(|| json!({}));
            }
            if let Some(next) = map.get_mut(*key) {
                fill(next, rest, value, parents);
            }
        }
        ([Segment::Element, rest @ ..], Value::Array(list)) => {
            for next in list {
                fill(next, rest, value, parents);
            }
        }
        _ => {}
    }
}
