//! A picture as detectors look at it.

use serde_json::Value;

pub(super) use crate::catalog::addons::reference as image;
use crate::catalog::{Catalog, Resource};
use crate::need::{Depth, Need, Survey};
use crate::snapshot::{JsonRow, NodeRow, Picture};

/// What detectors may look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look<'a> {
    pub(super) picture: &'a Picture,
    pub(super) catalog: &'a Catalog,
}

impl<'a> Look<'a> {
    pub(super) fn new(picture: &'a Picture, catalog: &'a Catalog) -> Self {
        Self { picture, catalog }
    }

    /// Whole objects; none where they could not be read too, which is a gap by itself.
    pub(super) fn objects(&self, need: &Need) -> &'a [JsonRow] {
        match self.picture.read(need, self.catalog) {
            Ok(Some(rows)) => rows.json(),
            Ok(None) | Err(_) => &[],
        }
    }

    /// Whether there is any object.
    pub(super) fn any(&self, need: &Need) -> bool {
        let read = self.picture.read(need, self.catalog);
        read.is_ok_and(|rows| rows.is_some_and(|rows| !rows.is_empty()))
    }

    /// Nodes; none where they could not be read.
    pub(super) fn nodes(&self) -> Option<&'a [NodeRow]> {
        let rows = self.picture.read(&super::nodes(), self.catalog).ok()??;
        Some(rows.nodes())
    }

    /// Group versions of groups with such an ending that are served, for messages.
    pub(super) fn served(&self, ending: &str) -> Vec<&'a str> {
        let versions = self.picture.survey.group_versions.iter();
        versions
            .map(String::as_str)
            .filter(|text| group(text).ends_with(ending))
            .collect()
    }
}

/// Whether any group with such an ending is served.
pub(super) fn serves(survey: &Survey, ending: &str) -> bool {
    let mut versions = survey.group_versions.iter();
    versions.any(|text| group(text).ends_with(ending))
}

fn group(api_version: &str) -> &str {
    api_version.split_once('/').map_or("", |(group, _)| group)
}

/// All objects of a resource, whole.
pub(super) fn all(group: &str, plural: &str) -> Need {
    Need::objects(Resource::new(group, plural), Depth::Whole)
}

/// One object, of which only its being there counts.
pub(super) fn presence(group: &str, plural: &str, namespace: &str, name: &str) -> Need {
    Need {
        depth: Depth::Meta,
        ..Need::named(Resource::new(group, plural), namespace, name)
    }
}

/// A text in an object that is not empty.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> Option<&'a str> {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// A text, owned.
pub(super) fn owned(object: &Value, pointer: &str) -> Option<String> {
    text(object, pointer).map(str::to_owned)
}

/// The items of a list in an object.
pub(super) fn items<'a>(object: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    let list = object.pointer(pointer).and_then(Value::as_array);
    list.into_iter().flatten()
}

/// A label.
pub(super) fn label<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.pointer("/metadata/labels")?.get(name)?.as_str()
}

/// Images of the containers of a workload.
pub(super) fn images(object: &Value) -> impl Iterator<Item = &str> {
    items(object, "/spec/template/spec/containers").filter_map(|it| text(it, "/image"))
}

/// `namespace/name` of an object.
pub(super) fn place(row: &JsonRow) -> String {
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
