//! Decodes the documents of a text.
//!
//! Each document is independent: one that cannot be decoded is a [`MissingData`] with its position, and the others are
//! kept. The cost of a document is bounded, however it is written: nesting, aliases and the number of objects have limits.

mod holding;
#[cfg(test)]
mod hostile;
mod problems;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use serde_json::Value;

use super::documents::{RawDocument, split_documents, truncate_name};
use super::external::{ExternalSource, GitRepository};
use super::header::ManifestDocument;
use super::held::{SetMember, SetMembers, UnreadMember};
use super::helm_record::HelmRecord;
use super::traces::{helm_storage_of, live_traces};
use super::{content, external, parse, placeholders, traces};
use crate::catalog::Catalog;
use crate::snapshot::{self, HelmStorage, ManifestObject, MissingData, UnknownApi};
use crate::text::NamespacedName;

/// Maximum number of objects of one text: about 150 MB of rows.
const MAX_OBJECTS: usize = 500_000;

/// Maximum bytes of their names, kinds and locations: fields that items inherit from a list count for each item.
const MAX_OBJECT_BYTES: usize = 128 << 20;

/// Number of skipped documents that are listed one by one.
const MAX_LISTED_SKIPPED: usize = 100;

/// What may still be decoded, of one text or of all texts of a Helm record.
pub(crate) struct DecodeBudget {
    /// Objects left.
    objects_left: Cell<usize>,
    /// Bytes left for them.
    bytes_left: Cell<usize>,
    /// Skipped documents that may still be listed.
    listings_left: Cell<usize>,
    /// Number of skipped documents beyond those.
    unlisted: Cell<usize>,
}

impl Default for DecodeBudget {
    fn default() -> Self {
        Self {
            objects_left: Cell::new(MAX_OBJECTS),
            bytes_left: Cell::new(MAX_OBJECT_BYTES),
            listings_left: Cell::new(MAX_LISTED_SKIPPED),
            unlisted: Cell::new(0),
        }
    }
}

impl DecodeBudget {
    /// The skipped documents that were not listed, as one entry.
    pub(crate) fn unlisted_skipped(&self, name: &str) -> Option<MissingData> {
        let unlisted = self.unlisted.get();
        (unlisted > 0).then(|| MissingData {
            what: name.to_owned(),
            why: format!("{unlisted} more documents cannot be understood"),
            rbac: None,
        })
    }
}

/// The origin of a text, which decides how an object is located.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// A file: its path and the number of the document.
    File(&'a str),
    /// Rendered by Helm: the template named at the top of a document, otherwise as for a file.
    Rendered(&'a str),
    /// The same in a record of Helm, which applies no manifests that its objects hold for others.
    Helm(&'a str),
}

impl<'a> Origin<'a> {
    fn name(self) -> &'a str {
        let (Self::File(name) | Self::Rendered(name) | Self::Helm(name)) = self;
        name
    }
}

/// The decoded content of a text.
#[derive(Default)]
pub(crate) struct DecodedManifests {
    /// Objects in the order of the text; a list as its items.
    pub(crate) objects: Vec<ManifestObject>,
    /// Records of deployed Helm releases, which are not among the objects.
    pub(crate) helm_records: Vec<EncodedHelmRecord>,
    /// Documents that cannot be decoded: `cart.yaml document 3, line 7` and why.
    pub(crate) skipped_objects: Vec<MissingData>,
    /// APIs that may be misspelt, unless a custom resource has their group.
    pub(crate) unknown_apis: Vec<UnknownApi>,
    /// What renders objects that are not in the text.
    pub(crate) external: Vec<ExternalSource>,
    /// ConfigMaps and Secrets that may be members of objects elsewhere.
    pub(crate) possible_members: Vec<SetMember>,
    /// What objects have as members and is not in the text.
    pub(crate) unread_members: Vec<UnreadMember>,
    /// Names and URLs of the repositories that sources refer to.
    pub(crate) git_repositories: Vec<GitRepository>,
    /// Number of documents that are manifests; a list counts once.
    pub(crate) manifest_count: usize,
    /// Whether there is any document that is not empty.
    pub(crate) has_documents: bool,
    /// Whether one of them is neither a mapping nor a sequence.
    pub(crate) has_plain_text: bool,
}

/// A record of Helm in a text.
pub(crate) struct EncodedHelmRecord {
    /// What Helm wrote, in a Secret with the base64 that Kubernetes puts around it.
    pub(crate) record: HelmRecord,
    /// Whether it is in a Secret, of Helm 2 too.
    pub(crate) is_secret: bool,
    /// Namespace and name of the Secret or ConfigMap.
    pub(crate) name: NamespacedName,
    /// Where the record is.
    pub(crate) location: String,
}

/// Decodes all documents of a text. Comments, empty documents and documents without `apiVersion` and `kind` are ignored.
pub(crate) fn decode(text: &str, origin: Origin<'_>, catalog: &Catalog) -> DecodedManifests {
    let budget = DecodeBudget::default();
    let mut decoded = decode_with_budget(text, origin, &budget, catalog);
    decoded
        .skipped_objects
        .extend(budget.unlisted_skipped(origin.name()));
    decoded
}

/// The manifests that some objects of a text hold, which objects of other texts have as members.
pub(crate) fn decode_members(
    text: &str,
    origin: Origin<'_>,
    members: &[UnreadMember],
    catalog: &Catalog,
) -> DecodedManifests {
    let holding = Holding {
        members,
        ..Holding::default()
    };
    let mut decoded = decode_within(text, origin, &DecodeBudget::default(), catalog, holding);
    let labels: Vec<String> = members.iter().map(|unread| unread.member.label()).collect();
    let is_held = |place: &str| labels.iter().any(|label| place.contains(label));
    decoded.objects.retain(|object| is_held(&object.location));
    decoded
        .helm_records
        .retain(|record| is_held(&record.location));
    decoded
        .skipped_objects
        .retain(|skipped| is_held(&skipped.what));
    decoded.unknown_apis.retain(|api| is_held(&api.gap.what));
    decoded.external.retain(|source| is_held(source.what()));
    decoded
        .unread_members
        .retain(|unread| is_held(&unread.gap.what));
    decoded
}

/// [`decode`] for one of several texts that share a budget. The caller adds [`DecodeBudget::unlisted_skipped`].
pub(crate) fn decode_with_budget(
    text: &str,
    origin: Origin<'_>,
    budget: &DecodeBudget,
    catalog: &Catalog,
) -> DecodedManifests {
    decode_within(text, origin, budget, catalog, Holding::default())
}

/// [`decode_with_budget`] for a text that other objects may hold.
fn decode_within(
    text: &str,
    origin: Origin<'_>,
    budget: &DecodeBudget,
    catalog: &Catalog,
    holding: Holding<'_>,
) -> DecodedManifests {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let raw_documents = split_documents(text);
    let mut decoder = ManifestDecoder {
        decoded: DecodedManifests::default(),
        origin,
        is_multi_document: raw_documents.len() > 1,
        is_alone: false,
        document_count: 0,
        budget,
        catalog,
        is_exhausted: false,
        holding,
        set_members: ManifestDecoder::set_members(text, origin, holding.members, catalog),
        foreign: Vec::new(),
        unlisted_foreign: 0,
    };
    for raw in &raw_documents {
        if decoder.is_exhausted {
            break;
        }
        if budget.objects_left.get() == 0 {
            decoder.record_skipped(
                format!(
                    "{}, line {} and below",
                    decoder.origin_name(),
                    raw.first_line
                ),
                format!("more than {MAX_OBJECTS} objects; split it"),
            );
            break;
        }
        decoder.decode_raw(raw);
    }
    if decoder.is_exhausted {
        let why = format!(
            "its objects take more than {} MiB; split it",
            MAX_OBJECT_BYTES >> 20
        );
        decoder.record_skipped(decoder.origin_name().to_owned(), why);
    }
    decoder.record_foreign();
    decoder.record_unread_members();
    decoder.decoded
}

/// What holds a text.
#[derive(Clone, Copy, Default)]
struct Holding<'a> {
    /// What objects of other texts have as members.
    members: &'a [UnreadMember],
    /// Number of objects that hold it.
    depth: usize,
    /// Whether all that they hold must be manifests.
    is_strict: bool,
    /// Whether its names may hold parameters.
    is_parameterized: bool,
}

/// A document and the template it was rendered from, if any.
#[derive(Clone, Copy)]
struct DocumentPosition<'a> {
    number: usize,
    template: Option<&'a str>,
    raw: &'a RawDocument<'a>,
    /// Whether names may hold parameters, as in an OpenShift Template.
    is_parameterized: bool,
    /// The document as a whole, if rules read fields of it.
    content: Option<&'a Value>,
}

struct ManifestDecoder<'a> {
    decoded: DecodedManifests,
    origin: Origin<'a>,
    /// Whether the text has more than one document, so that locations need a number.
    is_multi_document: bool,
    /// Whether the document is the only one of its part of the text, so that its line is known.
    is_alone: bool,
    /// Number of documents so far.
    document_count: usize,
    budget: &'a DecodeBudget,
    catalog: &'a Catalog,
    /// Whether the bytes for objects are exhausted.
    is_exhausted: bool,
    /// What holds this text.
    holding: Holding<'a>,
    /// ConfigMaps and Secrets that other objects have as members and that were not met yet.
    set_members: SetMembers<'a>,
    /// Where documents are that are no manifests: a fault if others are.
    foreign: Vec<String>,
    /// Their number beyond those.
    unlisted_foreign: usize,
}

impl ManifestDecoder<'_> {
    fn record_skipped(&mut self, what: String, why: String) {
        if self.take_listing() {
            let rbac = None;
            self.decoded
                .skipped_objects
                .push(MissingData { what, why, rbac });
        }
    }

    /// Whether one more document may be listed; otherwise it is counted.
    fn take_listing(&self) -> bool {
        let left = self.budget.listings_left.get().checked_sub(1);
        match left {
            Some(left) => self.budget.listings_left.set(left),
            None => self.budget.unlisted.set(self.budget.unlisted.get() + 1),
        }
        left.is_some()
    }

    /// Adds an object, unless the bytes for objects are exhausted.
    fn push_object(&mut self, object: ManifestObject) {
        let referenced = object
            .references
            .iter()
            .map(|to| to.api_version.len() + to.kind.len() + to.name.len());
        let size = object.api_version.len()
            + object.kind.len()
            + object.namespace.as_ref().map_or(0, String::len)
            + object.name.len()
            + object.location.len()
            + referenced.sum::<usize>();
        match self.budget.bytes_left.get().checked_sub(size) {
            Some(left) if !self.is_exhausted => {
                self.budget.bytes_left.set(left);
                self.decoded.objects.push(object);
            }
            _ => self.is_exhausted = true,
        }
    }

    fn origin_name(&self) -> &str {
        self.origin.name()
    }

    fn decode_raw(&mut self, raw: &RawDocument<'_>) {
        let is_parameterized = self.holding.is_parameterized;
        let position = |number, template, content| DocumentPosition {
            number,
            template,
            raw,
            is_parameterized,
            content,
        };
        let template = raw.template_path().map(truncate_name);
        let (documents, error) = parse::parse_documents(raw.text, &self.budget.objects_left);
        let contents =
            content::parse_contents(raw.text, &documents, &self.set_members, self.catalog);
        // Copies of live objects name the apiVersions of their writers.
        let is_unsearched = raw.text.len() > parse::MAX_DOCUMENT_BYTES
            && documents.iter().any(content::has_head)
            && !raw.text.contains("managedFields")
            && content::may_nest(raw.text, &documents, self.catalog);
        let count = documents.len() + usize::from(error.is_some());
        self.is_multi_document |= count > 1;
        self.is_alone = count == 1;
        for (at, document) in documents.into_iter().enumerate() {
            self.document_count += 1;
            let number = self.document_count;
            self.decode_document(document, position(number, template, contents.get(at)));
        }
        if is_unsearched {
            let place = self.describe_position(position(self.document_count, template, None));
            let why = "it is too large to be searched for manifests in custom resources; split it";
            self.record_skipped(place, why.to_owned());
        }
        if let Some(error) = error {
            self.document_count += 1;
            let number = self.document_count;
            let place = self.describe_position(position(number, template, None));
            let what = match error.line {
                Some(line) => format!("{place}, line {}", raw.first_line + line - 1),
                None => place,
            };
            self.record_skipped(what, error.message);
        }
    }

    fn decode_document(&mut self, document: ManifestDocument, position: DocumentPosition<'_>) {
        let sources = external::kustomization_source(&document, self.origin_name(), position.raw);
        let is_kustomization = sources.is_some();
        self.decoded.has_documents |= document.has_content;
        self.decoded.has_plain_text |= document.is_scalar;
        self.decoded.external.extend(sources);
        if self.record_placeholder(&document, position) || self.record_sequence(&document, position)
        {
            return;
        }
        self.record_patched_head(position);
        let is_headless = document.api_version.is_none() || document.kind.is_none();
        if is_headless && document.has_content && !is_kustomization {
            let holds_manifests = self.decode_headless(position);
            if !holds_manifests {
                self.note_foreign(position);
            }
        }
        if document.api_version.is_some() && document.kind.is_some() {
            self.decoded.manifest_count += 1;
            let nameless = self.decode_object(document, position);
            if nameless > 0 {
                let why = format!("{nameless} items of the list have no apiVersion and kind");
                self.record_skipped(self.describe_position(position), why);
            }
        }
    }

    /// Adds an object, or the items of a list. Returns how many items are no objects.
    fn decode_object(
        &mut self,
        mut document: ManifestDocument,
        position: DocumentPosition<'_>,
    ) -> usize {
        let (Some(api_version), Some(kind)) = (document.api_version.take(), document.kind.take())
        else {
            return 1;
        };
        // An object of a custom kind such as `AllowList` may have items, but unlike a list of its items it has a name.
        let is_plain_list = (api_version.as_str(), kind.as_str()) == ("v1", "List");
        let item_kind = kind
            .strip_suffix("List")
            .filter(|_| is_plain_list || document.metadata.name.is_none());
        let is_template = kind == "Template" && external::is_template_api(&api_version);
        let item_kind = item_kind.or(is_template.then_some(""));
        if let (Some(item_kind), Some(items)) = (item_kind, document.items.take()) {
            let position = DocumentPosition {
                is_parameterized: is_template || position.is_parameterized,
                ..position
            };
            let contents = position.content.map(content::items);
            let items = items.into_iter().enumerate().map(|(at, item)| {
                let position = DocumentPosition {
                    content: contents.and_then(|contents| contents.get(at)),
                    ..position
                };
                self.decode_list_item(item, &api_version, item_kind, position)
            });
            return items.sum();
        }
        if self.record_object_problem(&document, &api_version, &kind, position) {
            return 0;
        }
        if let Some(storage) = helm_storage_of(&api_version, &kind, &document) {
            self.decode_helm_record(document, storage, kind == "Secret", position);
            return 0;
        }
        let place = self.location(position);
        let source = external::rendered_source(
            &api_version,
            &kind,
            &document,
            position.content,
            &place,
            self.catalog,
        );
        self.decoded.external.extend(source);
        let repository = external::git_repository(&api_version, &kind, &document);
        self.decoded.git_repositories.extend(repository);
        self.record_function(position);
        let name = document.metadata.name.as_deref().unwrap_or_default();
        self.decode_held(&api_version, &kind, name, position);
        let metadata = document.metadata;
        let references = traces::references(document.references);
        for reference in &references {
            self.record_unknown_reference(reference, position);
        }
        let has_sections = document.misshapen_section.is_none();
        let fields = self.read_fields(&api_version, &kind, has_sections, position);
        self.push_object(ManifestObject {
            fields: fields.map(Box::new),
            references,
            api_version,
            kind,
            live: live_traces(&metadata),
            namespace: metadata.namespace.filter(|name| !name.is_empty()),
            name: metadata.name.or(metadata.generate_name).unwrap_or_default(),
            location: place,
        });
        0
    }

    /// What rules read of an object. Records a placeholder there, unless a whole section was recorded as one.
    fn read_fields(
        &mut self,
        api_version: &str,
        kind: &str,
        has_sections: bool,
        position: DocumentPosition<'_>,
    ) -> Option<Value> {
        let whole = position.content?;
        let mut kept = None;
        for row in content::fields_rows(api_version, kind, self.catalog) {
            if row.paths.is_empty() {
                continue;
            }
            let fields = snapshot::kept_fields(whole, row);
            if row.is_read_by_mention() && fields.is_none() {
                continue;
            }
            let unrendered = content::unrendered_field(whole, row);
            if let Some((field, text)) = unrendered.filter(|_| has_sections) {
                let problem = placeholders::unrendered(field, text);
                self.record_field(field, Some(text), &problem, position);
            }
            kept = kept.or(fields);
        }
        kept
    }

    /// Items of typed lists inherit apiVersion and kind: a `PodList` holds Pods.
    fn decode_list_item(
        &mut self,
        mut item: ManifestDocument,
        api_version: &str,
        kind: &str,
        position: DocumentPosition<'_>,
    ) -> usize {
        if self.is_exhausted {
            // Spares copying the inherited fields.
            return 0;
        }
        let inherits =
            item.api_version.is_none() && item.kind.is_none() && item.unreadable_field.is_none();
        if inherits && !kind.is_empty() && item.metadata.name.is_some() {
            item.api_version = Some(api_version.to_owned());
            item.kind = Some(kind.to_owned());
        }
        if self.record_placeholder(&item, position) {
            return 0;
        }
        self.decode_object(item, position)
    }

    fn decode_helm_record(
        &mut self,
        document: ManifestDocument,
        storage: HelmStorage,
        is_secret: bool,
        position: DocumentPosition<'_>,
    ) {
        let metadata = document.metadata;
        let status = metadata.labels.status.or(metadata.labels.tiller_status);
        let name = metadata.name.unwrap_or_default();
        let name = NamespacedName::new(metadata.namespace.as_deref(), &name);
        let Some(payload) = document.release_payload else {
            let why = format!("the Helm record {name} has no data.release");
            return self.record_skipped(self.describe_position(position), why);
        };
        self.decoded.helm_records.push(EncodedHelmRecord {
            record: HelmRecord {
                storage,
                created: metadata.creation_timestamp,
                status,
                payload: payload.into_bytes(),
            },
            is_secret,
            name,
            location: self.location(position),
        });
    }

    fn location(&self, position: DocumentPosition<'_>) -> String {
        match (self.origin, position.template) {
            (Origin::Rendered(_) | Origin::Helm(_), Some(template)) => template.to_owned(),
            (origin, _) => {
                let name = self.numbered_name(origin.name(), position.number);
                let is_helm = matches!(origin, Origin::Helm(_));
                match self.is_multi_document && self.is_alone && !is_helm {
                    true => format!("{name}, line {}", position.raw.content_line()),
                    false => name,
                }
            }
        }
    }

    /// Like [`location`](Self::location), with both number and template.
    fn describe_position(&self, position: DocumentPosition<'_>) -> String {
        let numbered = self.numbered_name(self.origin_name(), position.number);
        match position.template {
            Some(template) => format!("{numbered} ({template})"),
            None => numbered,
        }
    }

    fn numbered_name(&self, name: &str, number: usize) -> String {
        if self.is_multi_document {
            format!("{name} document {number}")
        } else {
            name.to_owned()
        }
    }
}
