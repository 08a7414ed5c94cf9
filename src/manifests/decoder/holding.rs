//! Objects whose manifests are in fields of other objects.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{DocumentPosition, ManifestDecoder, Origin, decode_within};
use crate::catalog::HolderForm;
use crate::manifests::documents::{split_documents, truncate_name};
use crate::manifests::{content, held};

/// Objects that hold objects within one another; more than two are unheard of.
const MAX_DEPTH: usize = 4;

/// The kind that names ConfigMaps as its members.
const RESOURCE_SET: &str = "ClusterResourceSet";

impl ManifestDecoder<'_> {
    /// Adds the objects whose manifests are in fields of this one.
    pub(super) fn decode_held(
        &mut self,
        api_version: &str,
        kind: &str,
        name: &str,
        position: DocumentPosition<'_>,
    ) {
        if matches!(self.origin, Origin::Helm(_)) {
            return;
        }
        for holder in held::holders(api_version, kind, self.catalog) {
            if holder.form == HolderForm::SetMember && !self.set_members.remove(name) {
                continue;
            }
            let place = format!(
                "{} ({kind} {})",
                self.location(position),
                truncate_name(name)
            );
            let Some(object) = position.content.filter(|_| self.depth < MAX_DEPTH) else {
                // Secrets of other types hold no manifests.
                if holder.secret_type.is_empty() {
                    let why = "the manifests in it are too large or too deep to be read";
                    self.record_skipped(place, why.to_owned());
                }
                continue;
            };
            for text in held::texts(object, holder) {
                match text {
                    Ok(text) => self.decode_held_text(&text, &place),
                    Err(why) => {
                        let why = format!("a manifest in it was not read: {why}");
                        self.record_skipped(place.clone(), why);
                    }
                }
            }
        }
    }

    fn decode_held_text(&mut self, text: &str, place: &str) {
        let origin = Origin::File(place);
        let inner = decode_within(text, origin, self.budget, self.catalog, self.depth + 1);
        self.decoded.objects.extend(inner.objects);
        self.decoded.skipped_objects.extend(inner.skipped_objects);
        self.decoded.external.extend(inner.external);
        self.decoded.helm_records.extend(inner.helm_records);
    }

    /// Records the members of resource sets that are not in this text.
    pub(super) fn record_unread_members(&mut self) {
        for name in std::mem::take(&mut self.set_members) {
            let (name, origin) = (truncate_name(&name), self.origin_name());
            let what = format!("ConfigMap {name} of a {RESOURCE_SET} in {origin}");
            let why = "its manifests were not read: name them with -f, or put both into one file";
            self.record_skipped(what, why.to_owned());
        }
    }

    /// The names of ConfigMaps that resource sets in this text have as members.
    pub(super) fn set_members(text: &str) -> BTreeSet<String> {
        if !text.contains(RESOURCE_SET) {
            return BTreeSet::new();
        }
        let documents = split_documents(text).into_iter();
        let documents = documents.filter(|raw| raw.text.contains(RESOURCE_SET));
        let values: Vec<Value> = documents
            .flat_map(|raw| content::parse_values(raw.text))
            .collect();
        let objects = values.iter();
        let objects = objects.flat_map(|value| std::iter::once(value).chain(content::items(value)));
        let sets = objects.filter(|object| object["kind"] == RESOURCE_SET);
        let members = sets.filter_map(|set| set.pointer("/spec/resources")?.as_array());
        let members = members
            .flatten()
            .filter(|member| member["kind"] == "ConfigMap");
        let names = members.filter_map(|member| member["name"].as_str());
        names.map(str::to_owned).collect()
    }
}
