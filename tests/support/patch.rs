//! JSON merge patches (RFC 7386) of clusters.

use serde_json::Value;

/// Patches a cluster. The lists `objects` and `helm` are patched object by object: an entry of the patch is a merge patch
/// of the object of its kind, namespace and name, or a further object; `$patch: delete` removes an object.
pub(crate) fn apply(cluster: &mut Value, mut patch: Value, name: &str) {
    assert_ne!(patch, Value::Null, "{name}: an empty patch");
    for list in ["objects", "helm"] {
        let Some(Value::Array(patches)) = patch.get_mut(list).map(Value::take) else {
            continue;
        };
        patch.as_object_mut().expect("a patch").remove(list);
        let mut objects = match cluster[list].take() {
            Value::Array(objects) => objects,
            _ => Vec::new(),
        };
        for mut patch in patches {
            let fields = patch.as_object_mut().expect("a patch of an object");
            let is_deletion = fields
                .remove("$patch")
                .is_some_and(|value| value == "delete");
            let at = objects
                .iter()
                .position(|object| identity(object) == identity(&patch));
            match at {
                Some(at) if is_deletion => drop(objects.remove(at)),
                Some(at) => merge(&mut objects[at], patch),
                None if is_deletion => panic!("{name}: there is nothing to delete: {patch}"),
                None => objects.push(patch),
            }
        }
        cluster[list] = Value::Array(objects);
    }
    merge(cluster, patch);
}

/// What an object is found by: of Helm's records the name of the release.
fn identity(object: &Value) -> [&Value; 4] {
    let metadata = &object["metadata"];
    [
        &object["kind"],
        &metadata["namespace"],
        &metadata["name"],
        &object["name"],
    ]
}

/// Merges a patch as RFC 7386 defines it.
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let fields = target.as_object_mut().expect("an object");
    for (name, patch) in patch {
        match patch {
            Value::Null => drop(fields.remove(&name)),
            patch => merge(fields.entry(name).or_insert(Value::Null), patch),
        }
    }
}
