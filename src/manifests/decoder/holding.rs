//! Objects whose manifests are in fields of other objects.

use serde_json::Value;

use super::{DocumentPosition, Holding, ManifestDecoder, Origin, decode_within};
use crate::catalog::{Catalog, HolderForm, ManifestHolder};
use crate::manifests::documents::{split_documents, truncate_name};
use crate::manifests::held::{HeldText, SetMember, SetMembers, UnreadMember};
use crate::manifests::nested::Nested;
use crate::manifests::{content, held, nested, parse};
use crate::snapshot::MissingData;

/// Objects that hold objects within one another; more than two are unheard of.
const MAX_DEPTH: usize = 4;

impl<'a> ManifestDecoder<'a> {
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
        let may_be_member = api_version == "v1" && ["ConfigMap", "Secret"].contains(&kind);
        let owner = match may_be_member {
            true => self.set_members.remove(&member),
            false => None,
        };
        if may_be_member && owner.is_none() {
            self.decoded.possible_members.push(member);
        }
        let is_custom =
            position.content.is_some() && nested::is_custom(api_version, &self.catalog.apis);
        let holders = held::holders(api_version, kind, self.catalog);
        let mut holders: Vec<_> = holders
            .filter(|row| !row.is_of_member() || owner.is_some())
            .collect();
        if holders.is_empty() && !is_custom {
            return;
        }
        let location = self.location(position);
        let place = format!("{location} ({kind} {})", truncate_name(name));
        let Some(object) = position.content.filter(|_| self.holding.depth < MAX_DEPTH) else {
            // Secrets of other types hold no manifests.
            let is_holder = holders.iter().any(|holder| holder.secret_type.is_empty());
            if is_holder
                || position
                    .content
                    .is_some_and(|object| !nested::find(object, &[]).is_empty())
            {
                let why = "the manifests in it are too large or too deep to be read";
                self.record_skipped(place, why.to_owned());
            }
            return;
        };
        if let Some(owner) = owner {
            let is_accepted = self.record_unread_data(object, owner, kind, &place);
            let mut own = holders.iter().filter(|row| !row.secret_type.is_empty());
            let has_own = own.any(|row| held::is_typed(object, row));
            holders.retain(|row| !row.is_of_member() || is_accepted && !has_own);
        }
        for holder in &holders {
            self.decode_holder(object, holder, &place);
        }
        if is_custom {
            self.decode_nested(object, &holders, &place);
        }
    }

    /// Records what is a member and of another type than its owner accepts, or not text. Returns whether it is accepted.
    fn record_unread_data(
        &mut self,
        object: &Value,
        owner: &ManifestHolder,
        kind: &str,
        place: &str,
    ) -> bool {
        let is_accepted = kind != "Secret" || held::is_typed(object, owner);
        if !is_accepted {
            let (owner, wanted) = (&owner.kind, &owner.secret_type);
            let why = format!(
                "a {owner} names it, but its type is not {wanted}: its manifests were not read"
            );
            self.record_skipped(place.to_owned(), why);
        }
        let binary = object["binaryData"].as_object();
        if binary.is_some_and(|data| !data.is_empty()) {
            let why = "its binaryData was not read; put manifests into data".to_owned();
            self.record_skipped(place.to_owned(), why);
        }
        is_accepted
    }

    /// Adds what else in an object of a custom kind is a manifest; a text that mentions some and is none is a gap.
    fn decode_nested(&mut self, object: &Value, holders: &[&ManifestHolder], place: &str) {
        for nested in nested::find(object, holders) {
            let (path, text) = match nested {
                Nested::Object(object) => {
                    let held = HeldText::of_controller(object.to_string());
                    self.decode_held_text(&held, place);
                    continue;
                }
                Nested::Text(path, text) => (path, text),
            };
            let objects = match held::looks_like_manifest(text) {
                true => vec![text.to_owned()],
                false => {
                    let objects = nested::objects_in(text).into_iter();
                    objects.map(|object| object.to_string()).collect()
                }
            };
            if objects.is_empty() {
                let why = format!(
                    "manifests in its {path} were not read: pipe what is rendered from it into `-f -`"
                );
                self.record_skipped(place.to_owned(), why);
            }
            for text in objects {
                self.decode_held_text(&HeldText::of_controller(text), place);
            }
        }
    }

    fn decode_holder(&mut self, object: &Value, holder: &ManifestHolder, place: &str) {
        if holder.form == HolderForm::Members {
            return;
        }
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
        let place = match &held.kustomization {
            Some(name) => format!("{place}/{name}"),
            None => place.to_owned(),
        };
        let holding = Holding {
            depth: self.holding.depth + 1,
            is_strict: held.is_strict,
            is_parameterized: held.is_parameterized,
            members: &[],
        };
        let origin = Origin::File(&place);
        let inner = decode_within(&held.text, origin, self.budget, self.catalog, holding);
        self.decoded.objects.extend(inner.objects);
        self.decoded.skipped_objects.extend(inner.skipped_objects);
        self.decoded.unknown_apis.extend(inner.unknown_apis);
        // Files that a kustomization lists are beside it in the bundle.
        let external = inner.external.into_iter();
        let external = external.filter_map(|source| match held.kustomization {
            Some(_) => source.without_local(),
            None => Some(source),
        });
        self.decoded.external.extend(external);
        let repositories = inner.git_repositories;
        self.decoded.git_repositories.extend(repositories);
        self.decoded.helm_records.extend(inner.helm_records);
        self.decoded.unread_members.extend(inner.unread_members);
    }

    /// Adds the members that are not in this text.
    pub(super) fn record_unread_members(&mut self) {
        for (member, owner) in std::mem::take(&mut self.set_members) {
            let mut rows = self.catalog.manifest_holders.iter();
            let Some(at) = rows.position(|row| std::ptr::eq(row, owner)) else {
                continue;
            };
            let (kind, name) = (&member.kind, truncate_name(&member.name));
            let what = format!(
                "{kind} {name} of a {} in {}",
                owner.kind,
                self.origin_name()
            );
            let why = "its manifests were not read: name them with -f";
            let gap = MissingData {
                what,
                why: why.to_owned(),
                rbac: None,
            };
            self.decoded.unread_members.push(UnreadMember {
                member,
                owner: at,
                gap,
            });
        }
    }

    /// What objects in this text, and in others, have as members. Helm applies nothing that its objects hold.
    pub(super) fn set_members(
        text: &str,
        origin: Origin<'_>,
        members: &[UnreadMember],
        catalog: &'a Catalog,
    ) -> SetMembers<'a> {
        let named = members.iter().filter_map(|unread| {
            let owner = catalog.manifest_holders.get(unread.owner)?;
            Some((unread.member.clone(), owner))
        });
        let mut members: SetMembers<'a> = named.collect();
        let rows = catalog.manifest_holders.iter();
        let rows: Vec<&ManifestHolder> = rows
            .filter(|row| row.form == HolderForm::Members)
            .filter(|row| text.contains(&row.kind) && text.contains(&row.group))
            .collect();
        if rows.is_empty() || matches!(origin, Origin::Helm(_)) {
            return members;
        }
        let documents = split_documents(text).into_iter();
        let documents = documents.filter(|raw| rows.iter().any(|row| raw.text.contains(&row.kind)));
        for value in documents.flat_map(|raw| parse::parse_values(raw.text)) {
            for object in std::iter::once(&value).chain(content::items(&value)) {
                let api_version = object["apiVersion"].as_str().unwrap_or_default();
                let group = api_version.split('/').next().unwrap_or_default();
                let owners = rows
                    .iter()
                    .filter(|row| row.group == group && object["kind"] == row.kind.as_str());
                for row in owners {
                    members.extend(held::members(object, row).map(|member| (member, *row)));
                }
            }
        }
        members
    }
}
