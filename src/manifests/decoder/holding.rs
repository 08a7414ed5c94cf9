//! Objects whose manifests are in fields of other objects.

use serde_json::Value;

use super::{DocumentPosition, Holding, ManifestDecoder, Origin, decode_within};
use crate::catalog::{Catalog, HolderForm, ManifestHolder};
use crate::manifests::documents::{split_documents, truncate_name};
use crate::manifests::held::{HeldText, SetMember, SetMembers, UnreadMember};
use crate::manifests::nested::Nested;
use crate::manifests::{content, external, held, nested, parse};
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
        self.record_unjudged(api_version, kind, name, position);
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
        if let Some(object) = position
            .content
            .filter(|_| !is_custom && self.holding.depth < MAX_DEPTH)
        {
            let place = format!(
                "{} ({kind} {})",
                self.location(position),
                truncate_name(name)
            );
            let is_map = api_version == "v1" && ["ConfigMap", "Secret"].contains(&kind);
            self.decode_texts(object, is_map, &place);
        }
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
        let is_mounted = owner.is_some_and(|owner| owner.form == HolderForm::Mounted);
        if let Some(owner) = owner.filter(|_| !is_mounted) {
            let is_accepted = self.record_unread_data(object, owner, kind, &place);
            let mut own = holders.iter().filter(|row| !row.secret_type.is_empty());
            let has_own = own.any(|row| held::is_typed(object, row));
            holders.retain(|row| !row.is_of_member() || is_accepted && !has_own);
        }
        for holder in &holders {
            self.decode_holder(object, holder, is_mounted, &place);
        }
        if is_custom {
            self.decode_nested(object, &holders, &place);
        }
    }

    /// Records what an object configures components with and is not judged.
    fn record_unjudged(
        &mut self,
        api_version: &str,
        kind: &str,
        name: &str,
        position: DocumentPosition<'_>,
    ) {
        let Some(object) = position.content else {
            return;
        };
        let group = api_version.split('/').next().unwrap_or_default();
        let rows = self.catalog.component_settings.iter();
        let rows = rows.filter(|row| row.kind == kind && row.group == group);
        let flags = &self.catalog.control_plane_removals.flags;
        let rows = rows.filter(|row| row.is_unjudged_in(object, flags));
        let paths: Vec<&str> = rows.map(|row| row.path.as_str()).collect();
        if !paths.is_empty() {
            let place = match kind {
                "" => self.location(position),
                kind => format!(
                    "{} ({kind} {})",
                    self.location(position),
                    truncate_name(name)
                ),
            };
            let why = format!(
                "what it configures nodes and components with ({}) is not judged: compare it with the release notes of the target",
                paths.join(", ")
            );
            self.record_skipped(place, why);
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

    /// Adds what else in an object of a custom kind is a manifest.
    fn decode_nested(&mut self, object: &Value, holders: &[&ManifestHolder], place: &str) {
        for nested in nested::find(object, holders) {
            self.decode_found(nested, place);
        }
    }

    /// Adds the manifests in a document that is none itself: values of a chart, a playbook, a workflow. Returns whether
    /// there are any.
    pub(super) fn decode_headless(&mut self, position: DocumentPosition<'_>) -> bool {
        let is_file = !matches!(self.origin, Origin::Helm(_)) && self.holding.depth == 0;
        let Some(document) = position.content.filter(|_| is_file) else {
            return false;
        };
        self.record_unjudged("", "", "", position);
        let found = nested::find_in_document(document);
        let holds_manifests = !found.is_empty();
        let location = self.location(position);
        for nested in found {
            let (Nested::Object(_, path) | Nested::Text(_, path) | Nested::Unreadable(_, path)) =
                &nested;
            let place = format!("{location} ({})", truncate_name(path));
            self.decode_found(nested, &place);
        }
        self.decoded.manifest_count += usize::from(holds_manifests);
        holds_manifests
    }

    /// Adds what scripts in an object of any kind apply, and the configurations of components in a ConfigMap or
    /// Secret, except those that rules read there.
    fn decode_texts(&mut self, object: &Value, is_map: bool, place: &str) {
        let is_wanted = |path: &str, text: &str| {
            let is_read = ["data.ClusterConfiguration", "data.kubelet"].contains(&path);
            nested::is_script(text) && !nested::here_documents(text).is_empty()
                || is_map && !is_read && content::is_configuration(text)
        };
        for nested in nested::find_texts(object, is_wanted) {
            self.decode_found(nested, place);
        }
    }

    /// Adds what was found; a text that mentions manifests and is none is a gap.
    fn decode_found(&mut self, nested: Nested<'_>, place: &str) {
        let (text, path) = match nested {
            Nested::Object(object, _) => {
                let held = HeldText::of_controller(object.to_string());
                return self.decode_held_text(&held, place);
            }
            Nested::Unreadable(why, path) => {
                let why = format!("its {path} was not read: {why}");
                return self.record_skipped(place.to_owned(), why);
            }
            Nested::Text(text, path) => (text, path),
        };
        let mut texts = nested::here_documents(&text);
        if texts.is_empty() {
            texts = match held::looks_like_manifest(&text) {
                true => vec![text.into_owned()],
                false => nested::manifests_in(&text),
            };
        }
        if texts.is_empty() {
            let why = format!(
                "manifests in its {path} were not read: pipe what is rendered from it into `-f -`"
            );
            self.record_skipped(place.to_owned(), why);
        }
        for text in texts {
            self.decode_held_text(&HeldText::of_controller(text), place);
        }
    }

    fn decode_holder(
        &mut self,
        object: &Value,
        holder: &ManifestHolder,
        is_mounted: bool,
        place: &str,
    ) {
        if holder.has_members() {
            return;
        }
        if holder.form == HolderForm::Directories {
            let source = external::directories_source(object, holder, self.origin_name(), place);
            self.decoded.external.push(source);
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
        for text in held::texts(object, holder, is_mounted) {
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
                is_mounted: owner.form == HolderForm::Mounted,
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
            .filter(|row| row.has_members())
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
