//! Manifests that are in fields of other objects: bundles and works for other clusters, sync sets, resource sets.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::bufread::MultiGzDecoder;
use serde_json::Value;

use crate::catalog::{Catalog, HolderForm, ManifestHolder};

/// Maximum size of one compressed text: as much as an API server takes in one request.
const MAX_TEXT_BYTES: u64 = 3 << 20;

/// The rows of a kind that holds manifests.
pub(super) fn holders<'a>(
    api_version: &str,
    kind: &str,
    catalog: &'a Catalog,
) -> impl Iterator<Item = &'a ManifestHolder> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    let rows = catalog.manifest_holders.iter();
    rows.filter(move |row| row.group == group && row.kind == kind && !row.is_elsewhere())
}

/// Whether a text may hold an object of such a kind.
pub(super) fn may_hold(text: &str, catalog: &Catalog) -> bool {
    let mut rows = catalog
        .manifest_holders
        .iter()
        .filter(|row| !row.is_elsewhere());
    rows.any(|row| text.contains(&row.kind) && !row.mark().is_empty() && text.contains(row.mark()))
}

/// Texts of the manifests in an object, or why one cannot be read.
pub(super) fn texts(object: &Value, holder: &ManifestHolder) -> Vec<Result<String, &'static str>> {
    let is_typed = holder.secret_type.is_empty() || object["type"] == holder.secret_type.as_str();
    let (above, field) = holder.path.rsplit_once('.').unwrap_or(("", &holder.path));
    let mut parents = vec![object];
    for step in above.split('.').filter(|step| !step.is_empty()) {
        let below = parents.iter().filter_map(|value| value.get(step));
        parents = below.flat_map(flattened).collect();
    }
    let parents = parents.iter().filter(|_| is_typed);
    let held = parents.filter_map(|parent| Some((parent.get(field)?, &parent["encoding"])));
    held.flat_map(|(value, encoding)| match holder.form {
        HolderForm::Objects => flattened(value)
            .map(|object| Ok(object.to_string()))
            .collect(),
        form => held_strings(value, form, encoding),
    })
    .filter(|text| text.as_ref().map_or(true, |text| may_be_manifest(text)))
    .collect()
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
            (HolderForm::Base64, _) => decoded(text, false),
            (_, None | Some("")) => Ok(text.to_owned()),
            (_, Some("base64+gz")) => decoded(text, true),
            (_, Some(_)) => Err("its encoding is unknown"),
        });
    decoded.collect()
}

fn decoded(text: &str, is_compressed: bool) -> Result<String, &'static str> {
    const DAMAGED: &str = "its base64 or gzip data is damaged";
    let bytes = STANDARD.decode(text.trim()).map_err(|_| DAMAGED)?;
    if !is_compressed {
        return String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text");
    }
    let mut text = String::new();
    let mut limited = MultiGzDecoder::new(bytes.as_slice()).take(MAX_TEXT_BYTES + 1);
    limited.read_to_string(&mut text).map_err(|_| DAMAGED)?;
    match limited.limit() {
        0 => Err("it expands to more than 3 MiB"),
        _ => Ok(text),
    }
}

/// Bundles hold other files too, such as documentation and values.
fn may_be_manifest(text: &str) -> bool {
    text.contains("apiVersion") && text.contains("kind")
}
