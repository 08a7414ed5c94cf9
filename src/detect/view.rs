//! What detectors share: needs, and access to fields of objects.

use serde_json::Value;

use crate::catalog::GroupResource;
use crate::need::{DetailLevel, Discovery, Need};

/// Whether any group with such an ending is served.
pub(super) fn serves_group_suffix(survey: &Discovery, ending: &str) -> bool {
    let mut versions = survey.group_versions.iter();
    versions.any(|text| api_group(text).ends_with(ending))
}

fn api_group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// All objects of a resource, with these fields.
pub(super) fn list_need(group: &str, plural: &str, fields: &[&str]) -> Need {
    Need::objects(GroupResource::new(group, plural), DetailLevel::Full).with_fields(fields)
}

/// One object, of which only its being there counts.
pub(super) fn existence_need(group: &str, plural: &str, namespace: &str, name: &str) -> Need {
    Need {
        detail_level: DetailLevel::Metadata,
        ..Need::single_object(GroupResource::new(group, plural), namespace, name)
    }
}

/// A text in an object that is not empty.
pub(super) fn str_at<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// A text, owned.
pub(super) fn string_at(object: &Value, pointer: &str) -> Option<String> {
    str_at(object, pointer).map(str::to_owned)
}

/// The items of a list in an object.
pub(super) fn items_at<'a>(
    object: &'a Value,
    pointer: &str,
) -> impl Iterator<Item = &'a Value> + Clone {
    let list = object.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// A label.
pub(super) fn label_of<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.pointer("/metadata/labels")?.get(name)?.as_str()
}

/// Images of the containers of a workload.
pub(super) fn container_images(object: &Value) -> impl Iterator<Item = &str> {
    items_at(object, "/spec/template/spec/containers").filter_map(|it| str_at(it, "/image"))
}
