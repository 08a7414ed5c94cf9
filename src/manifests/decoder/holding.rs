//! Objects whose manifests are in fields of other objects.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{DocumentPosition, Holding, ManifestDecoder, Origin, decode_within};
use crate::catalog::{HolderForm, ManifestHolder};
use crate::manifests::documents::{split_documents, truncate_name};
use crate::manifests::held::{HeldText, SetMember};
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
        let member = SetMember {
            kind: kind.to_owned(),
            name: name.to_owned(),
        };
        let is_member = api_version == "v1" && self.set_members.remove(&member);
        let place = || {
            let location = self.location(position);
            format!("{location} ({kind} {})", truncate_name(name))
        };
        let holders = held::holders(api_version, kind, self.catalog);
        let holders: Vec<_> = holders
            .filter(|holder| holder.form != HolderForm::SetMember || is_member)
            .collect();
        if holders.is_empty() {
            return;
        }
        let place = place();
        let Some(object) = position.content.filter(|_| self.holding.depth < MAX_DEPTH) else {
            // Secrets of other types hold no manifests.
            if is_member || holders.iter().any(|holder| holder.secret_type.is_empty()) {
                let why = "the manifests in it are too large or too deep to be read";
                self.record_skipped(place, why.to_owned());
            }
            return;
        };
        if is_member {
            self.record_unread_data(object, &holders, &place);
        }
        for holder in holders {
            self.decode_holder(object, holder, &place);
        }
    }

    /// Records what a resource set names and that is of another type, or not text.
    fn record_unread_data(&mut self, object: &Value, holders: &[&ManifestHolder], place: &str) {
        if let Some(holder) = holders.iter().find(|row| !held::is_typed(object, row)) {
            let wanted = &holder.secret_type;
            let why = format!(
                "a {RESOURCE_SET} names it, but its type is not {wanted}: its manifests were not read"
            );
            self.record_skipped(place.to_owned(), why);
        }
        let binary = object["binaryData"].as_object();
        if binary.is_some_and(|data| !data.is_empty()) {
            let why = "its binaryData was not read; put manifests into data".to_owned();
            self.record_skipped(place.to_owned(), why);
        }
    }

    fn decode_holder(&mut self, object: &Value, holder: &ManifestHolder, place: &str) {
        if holder.form == HolderForm::Reference {
            if held::is_set(object, &holder.path) {
                let (path, hint) = (&holder.path, &holder.hint);
                let why = format!("objects are rendered from elsewhere ({path}): {hint}");
                self.record_skipped(place.to_owned(), why);
            }
            return;
        }
        for text in held::texts(object, holder) {
            match text {
                Ok(held) => self.decode_held_text(&held, place),
                Err(why) => {
                    let why = format!("a manifest in it was not read: {why}");
                    self.record_skipped(place.to_owned(), why);
                }
            }
        }
    }

    fn decode_held_text(&mut self, held: &HeldText, place: &str) {
        let origin = Origin::File(place);
        let holding = Holding {
            depth: self.holding.depth + 1,
            is_strict: held.is_strict,
        };
        let inner = decode_within(&held.text, origin, self.budget, self.catalog, holding);
        self.decoded.objects.extend(inner.objects);
        self.decoded.skipped_objects.extend(inner.skipped_objects);
        self.decoded.external.extend(inner.external);
        self.decoded.helm_records.extend(inner.helm_records);
    }

    /// Records the members of resource sets that are not in this text.
    pub(super) fn record_unread_members(&mut self) {
        for SetMember { kind, name } in std::mem::take(&mut self.set_members) {
            let (name, origin) = (truncate_name(&name), self.origin_name());
            let what = format!("{kind} {name} of a {RESOURCE_SET} in {origin}");
            let why = "its manifests were not read: name them with -f, or put both into one file";
            self.record_skipped(what, why.to_owned());
        }
    }

    /// The ConfigMaps and Secrets that resource sets in this text have as members.
    pub(super) fn set_members(text: &str) -> BTreeSet<SetMember> {
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
        let members = members.flatten().filter_map(|member| {
            let kind = member["kind"].as_str()?;
            let name = member["name"].as_str()?.to_owned();
            matches!(kind, "ConfigMap" | "Secret").then(|| SetMember {
                kind: kind.to_owned(),
                name,
            })
        });
        members.collect()
    }
}
