//! Manifests that are in fields of other objects: bundles and works for other clusters, sync sets, resource sets.

use serde_json::Value;
use std::collections::BTreeMap;

use super::documents::truncate_name;
use super::encoded::decoded;
use super::{external, nested};
use crate::catalog::{Catalog, HolderForm, ManifestHolder};
use crate::snapshot::MissingData;

/// An object that another one has as a member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SetMember {
    pub(super) kind: String,
    pub(super) name: String,
}

impl SetMember {
    /// How the location of what it holds names it.
    pub(super) fn label(&self) -> String {
        format!("({} {})", self.kind, truncate_name(&self.name))
    }
}

/// A member that is not in the text of the object that names it.
#[derive(Debug, Clone)]
pub(crate) struct UnreadMember {
    pub(super) member: SetMember,
    /// The index of the row of the object that names it.
    pub(super) owner: usize,
    /// The gap that it is if no other text has it; its place alone if it need not hold any.
    pub(super) gap: MissingData,
    /// Whether it need not hold any: scripts and settings are mounted too.
    pub(super) is_mounted: bool,
}

/// Members, each with the row of the object that names it.
pub(super) type SetMembers<'a> = BTreeMap<SetMember, &'a ManifestHolder>;

/// The rows of a kind that holds manifests.
pub(super) fn holders<'a>(
    api_version: &str,
    kind: &str,
    catalog: &'a Catalog,
) -> impl Iterator<Item = &'a ManifestHolder> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let rows = catalog.manifest_holders.iter();
    rows.filter(move |row| row.group == group && row.is_of_kind(kind) && !row.is_elsewhere())
}

/// Whether a text may hold an object of such a kind.
pub(super) fn may_hold(text: &str, catalog: &Catalog) -> bool {
    let mut rows = catalog
        .manifest_holders
        .iter()
        .filter(|row| !row.is_elsewhere());
    rows.any(|row| {
        let is_mentioned = row.kind == "*" || text.contains(&row.kind);
        is_mentioned && !row.mark().is_empty() && text.contains(row.mark())
    })
}

/// A text in an object.
pub(super) struct HeldText {
    pub(super) text: String,
    /// The name of the file, if it is a kustomization.
    pub(super) kustomization: Option<String>,
    /// Whether its controller may fill in the names of objects.
    pub(super) is_parameterized: bool,
    /// Whether each of its documents must be a manifest; bundles hold other files too.
    pub(super) is_strict: bool,
}

impl HeldText {
    /// A text that its controller renders: all of it must be manifests.
    pub(super) fn of_controller(text: String) -> Self {
        Self {
            text,
            kustomization: None,
            is_parameterized: true,
            is_strict: true,
        }
    }
}

/// Texts of the manifests in an object, or why one cannot be read.
pub(super) fn texts(
    object: &Value,
    holder: &ManifestHolder,
    is_mounted: bool,
) -> Vec<Result<HeldText, &'static str>> {
    let (parents, field) = parents(object, &holder.path);
    let is_bundle = is_mounted || holder.form == HolderForm::Texts && holder.secret_type.is_empty();
    let parents = parents.iter().filter(|_| is_typed(object, holder));
    let texts = parents.flat_map(|parent| match (parent.get(field), holder.form) {
        (None, _) if parent.is_null() && is_bundle => vec![Err("it is null")],
        (None, _) => Vec::new(),
        (Some(value), HolderForm::Objects) => {
            let texts = flattened(value).map(object_text);
            texts
                .map(|text| text.map(HeldText::of_controller))
                .collect()
        }
        (Some(value), HolderForm::Named) => {
            let named = flattened(value).filter_map(nested::named_object);
            let texts = named.map(|object| HeldText::of_controller(object.to_string()));
            texts.map(Ok).collect()
        }
        (Some(value), form) => {
            let texts = held_strings(value, form, &parent["encoding"]).into_iter();
            // Scripts and settings are mounted too.
            let is_wanted = |text: &Result<String, _>| match is_mounted {
                true => text.as_ref().is_ok_and(|text| looks_like_manifest(text)),
                false => !is_bundle || may_be_manifest(parent, text),
            };
            let texts = texts.filter(is_wanted);
            let texts = texts.map(|text| {
                text.map(|text| HeldText {
                    kustomization: kustomization_name(parent),
                    is_parameterized: false,
                    is_strict: !is_bundle || looks_like_manifest(&text),
                    text,
                })
            });
            texts.collect()
        }
    });
    texts.collect()
}

/// Whether the field of a reference is set.
pub(super) fn is_set(object: &Value, path: &str) -> bool {
    let (parents, field) = parents(object, path);
    let mut values = parents.iter().filter_map(|parent| parent.get(field));
    values.any(|value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => true,
    })
}

/// What an object has as members by a row.
pub(super) fn members<'a>(
    object: &'a Value,
    holder: &ManifestHolder,
) -> impl Iterator<Item = SetMember> + 'a {
    let (parents, field) = parents(object, &holder.path);
    let field = field.to_owned();
    let is_mounted = holder.form == HolderForm::Mounted;
    let applies = !is_mounted || nested::names_applier(&object.to_string());
    let parents = parents.into_iter().filter(move |_| applies);
    let named = parents.filter_map(move |parent| parent.get(&field));
    named.flat_map(flattened).filter_map(move |member| {
        Some(SetMember {
            // A reference to objects of one kind names none.
            kind: match is_mounted {
                true => "ConfigMap".to_owned(),
                false => member["kind"].as_str().unwrap_or("Secret").to_owned(),
            },
            name: member["name"].as_str()?.to_owned(),
        })
    })
}

/// Whether an object has the type that a row asks for.
pub(super) fn is_typed(object: &Value, holder: &ManifestHolder) -> bool {
    holder.secret_type.is_empty() || object["type"] == holder.secret_type.as_str()
}

/// What is above the last step of a path, and that step.
fn parents<'a, 'b>(object: &'a Value, path: &'b str) -> (Vec<&'a Value>, &'b str) {
    let (above, field) = path.rsplit_once('.').unwrap_or(("", path));
    let mut parents = vec![object];
    for step in above.split('.').filter(|step| !step.is_empty()) {
        let below = parents.iter().filter_map(|value| value.get(step));
        parents = below.flat_map(flattened).collect();
    }
    (parents, field)
}

fn object_text(value: &Value) -> Result<String, &'static str> {
    match value {
        Value::Object(_) => Ok(value.to_string()),
        Value::Null => Err("it is null"),
        _ => Err("it is no mapping"),
    }
}

/// The items of a sequence, or the value itself.
fn flattened(value: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match value {
        Value::Array(items) => Box::new(items.iter()),
        value => Box::new(std::iter::once(value)),
    }
}

fn held_strings(
    value: &Value,
    form: HolderForm,
    encoding: &Value,
) -> Vec<Result<String, &'static str>> {
    let texts: Vec<&str> = match value {
        Value::Object(fields) => fields.values().filter_map(Value::as_str).collect(),
        value => value.as_str().into_iter().collect(),
    };
    let decoded = texts
        .into_iter()
        .map(|text| match (form, encoding.as_str()) {
            (HolderForm::Base64 | HolderForm::SetMemberBase64, _) => decoded(text, false),
            (_, None | Some("")) => Ok(text.to_owned()),
            (_, Some("base64+gz")) => decoded(text, true),
            (_, Some(_)) => Err("its encoding is unknown"),
        });
    decoded.collect()
}

/// Whether a file of a bundle is read: one without a name or with that of a manifest, and one that looks like it.
fn may_be_manifest(file: &Value, text: &Result<String, &'static str>) -> bool {
    let ending = file["name"].as_str().map(|name| name.rsplit_once('.'));
    let is_named = match ending {
        None => true,
        Some(None) => kustomization_name(file).is_some(),
        Some(Some((_, ending))) => ["yaml", "yml", "json"].contains(&ending),
    };
    let has_head = |text: &String| text.contains("apiVersion") && text.contains("kind");
    is_named || text.as_ref().map_or(true, has_head)
}

/// The name of a file of a bundle, if it is that of a kustomization.
fn kustomization_name(file: &Value) -> Option<String> {
    let path = file["name"].as_str()?;
    let name = path.rsplit('/').next().unwrap_or(path);
    external::KUSTOMIZATION_NAMES
        .contains(&name)
        .then(|| path.to_owned())
}

/// Whether a text has a line of a manifest, or nothing but a template.
pub(super) fn looks_like_manifest(text: &str) -> bool {
    let mut lines = text.lines();
    text.trim_start().starts_with("{{")
        || lines.any(|line| line.starts_with("apiVersion:") || line.starts_with("kind:"))
}
