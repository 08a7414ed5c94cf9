//! A picture as detectors look at it.

use serde_json::Value;

pub(super) use crate::catalog::addons::split_image_reference as image;
use crate::catalog::{Catalog, GroupResource};
use crate::need::{DetailLevel, Discovery, Need};
use crate::snapshot::{ClusterSnapshot, NodeRow, ObjectRow};

/// What detectors may look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClusterView<'a> {
    pub(super) cluster: &'a ClusterSnapshot,
    pub(super) catalog: &'a Catalog,
}

impl<'a> ClusterView<'a> {
    pub(super) fn new(picture: &'a ClusterSnapshot, catalog: &'a Catalog) -> Self {
        Self {
            cluster: picture,
            catalog,
        }
    }

    /// Whole objects; none where they could not be read too, which is a gap by itself.
    pub(super) fn objects(&self, need: &Need) -> &'a [ObjectRow] {
        match self.cluster.rows_for(need, self.catalog) {
            Ok(Some(rows)) => rows.objects(),
            Ok(None) | Err(_) => &[],
        }
    }

    /// Whether there is any object.
    pub(super) fn exists(&self, need: &Need) -> bool {
        let read = self.cluster.rows_for(need, self.catalog);
        read.is_ok_and(|rows| rows.is_some_and(|rows| !rows.is_empty()))
    }

    /// Nodes; none where they could not be read.
    pub(super) fn nodes(&self) -> Option<&'a [NodeRow]> {
        let rows = self
            .cluster
            .rows_for(&super::nodes(), self.catalog)
            .ok()??;
        Some(rows.nodes())
    }

    /// Group versions of groups with such an ending that are served, for messages.
    pub(super) fn served_group_versions(&self, ending: &str) -> Vec<&'a str> {
        let versions = self.cluster.discovery.group_versions.iter();
        versions
            .map(String::as_str)
            .filter(|text| api_group(text).ends_with(ending))
            .collect()
    }
}

/// Whether any group with such an ending is served.
pub(super) fn serves_group_suffix(survey: &Discovery, ending: &str) -> bool {
    let mut versions = survey.group_versions.iter();
    versions.any(|text| api_group(text).ends_with(ending))
}

fn api_group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// All objects of a resource, whole.
pub(super) fn list_need(group: &str, plural: &str) -> Need {
    Need::objects(GroupResource::new(group, plural), DetailLevel::Full)
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
pub(super) fn items_at<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
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

/// `namespace/name` of an object.
pub(super) fn namespaced_name(row: &ObjectRow) -> String {
    match &row.meta.namespace {
        Some(namespace) => format!("{namespace}/{}", row.meta.name),
        None => row.meta.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::image;

    #[test]
    fn images_are_taken_apart() {
        for (reference, repository, tag) in [
            (
                "eu.gcr.io/kyma-project/kyma-installer:1.14.0",
                "eu.gcr.io/kyma-project/kyma-installer",
                Some("1.14.0"),
            ),
            (
                "localhost:5000/kyma-installer",
                "localhost:5000/kyma-installer",
                None,
            ),
            (
                "localhost:5000/kyma-installer:1.2.3@sha256:0123",
                "localhost:5000/kyma-installer",
                Some("1.2.3"),
            ),
            ("kyma@sha256:0123", "kyma", None),
            ("", "", None),
        ] {
            assert_eq!(image(reference), (repository, tag), "{reference}");
        }
    }
}
