//! Manifests: text in YAML or JSON to the objects it describes.
//!
//! Each document stands for itself: one that cannot be understood is a [`Fault`] with its place, and the others are
//! kept. What a document costs is bounded, however it is written: nesting, aliases and the number of objects have limits.

mod documents;
mod fast_yaml;
pub mod files;
mod header;
pub(crate) mod helm;
#[cfg(test)]
mod hostile;
mod parse;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use jiff::Timestamp;

use crate::snapshot::{HelmStorage, ManifestObject, ObjectReference, SkippedObject};
use crate::text::truncate;
use documents::{RawDocument, split_documents};
use header::ManifestDocument;

/// Objects that one text may hold: about 150 MB of rows.
const MAX_OBJECTS: usize = 500_000;

/// Bytes of the names, kinds and places of these objects: what a list lends to its items is there once for each of them.
const MAX_OBJECT_BYTES: usize = 128 << 20;

/// Faults of one text that are told one by one.
const MAX_LISTED_SKIPPED: usize = 100;

/// Characters of a name or path that are repeated in places and faults: more than Kubernetes and file systems allow.
const MAX_NAME: usize = 1000;

/// What may still be taken: of one text, or of all texts of a Helm record.
pub(crate) struct DecodeBudget {
    /// Objects that may still be read.
    objects_left: Cell<usize>,
    /// Bytes that they may still take.
    bytes_left: Cell<usize>,
    /// Faults that may still be told one by one.
    listings_left: Cell<usize>,
    /// Faults beyond those.
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
    /// What could not be told one by one.
    pub(crate) fn unlisted_skipped(&self, name: &str) -> Option<SkippedObject> {
        let untold = self.unlisted.get();
        (untold > 0).then(|| SkippedObject {
            what: name.to_owned(),
            why: format!("{untold} more documents cannot be understood"),
        })
    }
}

/// The beginning of a name that may have no end.
pub(crate) fn truncate_name(name: &str) -> &str {
    truncate(name, MAX_NAME)
}

/// Where a text comes from, which decides what to call the place of an object.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin<'a> {
    /// A file that people edit: its path and the number of the document.
    File(&'a str),
    /// What Helm rendered: the template that it names at the top of a document, otherwise as for a file.
    Rendered(&'a str),
}

/// What a text holds.
#[derive(Default)]
pub(crate) struct DecodedManifests {
    /// Objects in the order of the text, lists taken apart.
    pub(crate) objects: Vec<ManifestObject>,
    /// Records of deployed Helm releases, which are not among the objects.
    pub(crate) helm_records: Vec<EncodedHelmRecord>,
    /// Documents that cannot be understood: `cart.yaml document 3, line 7` and why.
    pub(crate) skipped_objects: Vec<SkippedObject>,
    /// Documents that were understood and are manifests, lists counted once.
    pub(crate) manifest_count: usize,
}

/// A Secret or ConfigMap in which Helm keeps a release. It holds the values of the release: never print or keep it.
pub(crate) struct EncodedHelmRecord {
    /// Which of the two.
    pub(crate) storage: HelmStorage,
    /// Namespace of the record; empty where none is given.
    pub(crate) namespace: String,
    /// Name of the record, `sh.helm.release.v1.cart.v4`.
    pub(crate) name: String,
    /// When it was made.
    pub(crate) created: Option<Timestamp>,
    /// `data.release` as it stands in the text; of a Secret that is one more layer of base64 than of a ConfigMap.
    pub(crate) payload: String,
    /// Where it was found.
    pub(crate) location: String,
}

/// Reads all documents of a text. Comments, empty documents and documents without `apiVersion` and `kind` are no fault.
pub(crate) fn decode(text: &str, origin: Origin<'_>) -> DecodedManifests {
    let room = DecodeBudget::default();
    let mut decoded = decode_with_budget(text, origin, &room);
    let (Origin::Rendered(name) | Origin::File(name)) = origin;
    decoded.skipped_objects.extend(room.unlisted_skipped(name));
    decoded
}

/// [`decode`] for one of several texts that share a room. What of it could not be told is told by [`Room::rest`].
pub(crate) fn decode_with_budget(
    text: &str,
    origin: Origin<'_>,
    room: &DecodeBudget,
) -> DecodedManifests {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let chunks = split_documents(text);
    let mut decoder = ManifestDecoder {
        decoded: DecodedManifests::default(),
        origin,
        is_multi_document: chunks.len() > 1,
        document_count: 0,
        budget: room,
        is_exhausted: false,
    };
    for chunk in &chunks {
        if decoder.is_exhausted {
            break;
        }
        if room.objects_left.get() == 0 {
            decoder.record_skipped(
                format!(
                    "{}, line {} and below",
                    decoder.origin_name(),
                    chunk.first_line
                ),
                format!("more than {MAX_OBJECTS} objects; split it"),
            );
            break;
        }
        decoder.decode_raw(chunk);
    }
    if decoder.is_exhausted {
        let why = format!(
            "its objects take more than {} MiB; split it",
            MAX_OBJECT_BYTES >> 20
        );
        decoder.record_skipped(decoder.origin_name().to_owned(), why);
    }
    decoder.decoded
}

/// A document and the template it was rendered from, if any.
#[derive(Clone, Copy)]
struct DocumentPosition<'a> {
    number: usize,
    template: Option<&'a str>,
}

struct ManifestDecoder<'a> {
    decoded: DecodedManifests,
    origin: Origin<'a>,
    /// Whether the text has more than one document, so that they are told apart by number.
    is_multi_document: bool,
    /// Documents so far.
    document_count: usize,
    /// What may still be taken.
    budget: &'a DecodeBudget,
    /// Whether the room for objects has run out.
    is_exhausted: bool,
}

impl ManifestDecoder<'_> {
    fn record_skipped(&mut self, what: String, why: String) {
        match self.budget.listings_left.get().checked_sub(1) {
            Some(left) => {
                self.budget.listings_left.set(left);
                self.decoded
                    .skipped_objects
                    .push(SkippedObject { what, why });
            }
            None => self.budget.unlisted.set(self.budget.unlisted.get() + 1),
        }
    }

    /// Keeps an object, unless the room for them has run out.
    fn push_object(&mut self, object: ManifestObject) {
        let referred = object
            .references
            .iter()
            .map(|to| to.api_version.len() + to.kind.len() + to.name.len());
        let size = object.api_version.len()
            + object.kind.len()
            + object.namespace.as_ref().map_or(0, String::len)
            + object.name.len()
            + object.location.len()
            + referred.sum::<usize>();
        match self.budget.bytes_left.get().checked_sub(size) {
            Some(left) if !self.is_exhausted => {
                self.budget.bytes_left.set(left);
                self.decoded.objects.push(object);
            }
            _ => self.is_exhausted = true,
        }
    }

    fn origin_name(&self) -> &str {
        let (Origin::Rendered(name) | Origin::File(name)) = self.origin;
        name
    }

    fn decode_raw(&mut self, chunk: &RawDocument<'_>) {
        let source = chunk.template_path().map(truncate_name);
        let (documents, broken) = parse::parse_documents(chunk.text, &self.budget.objects_left);
        self.is_multi_document |= documents.len() + usize::from(broken.is_some()) > 1;
        for document in documents {
            self.document_count += 1;
            let number = self.document_count;
            self.decode_document(
                document,
                DocumentPosition {
                    number,
                    template: source,
                },
            );
        }
        if let Some(broken) = broken {
            self.document_count += 1;
            let number = self.document_count;
            let place = self.describe_position(DocumentPosition {
                number,
                template: source,
            });
            let what = match broken.line {
                Some(line) => format!("{place}, line {}", chunk.first_line + line - 1),
                None => place,
            };
            self.record_skipped(what, broken.message);
        }
    }

    fn decode_document(&mut self, document: ManifestDocument, place: DocumentPosition<'_>) {
        if document.api_version.is_some() && document.kind.is_some() {
            self.decoded.manifest_count += 1;
            let nameless = self.decode_object(document, place);
            if nameless > 0 {
                let why = format!("{nameless} items of the list have no apiVersion and kind");
                self.record_skipped(self.describe_position(place), why);
            }
        }
    }

    /// Takes an object, or the items of a list, and returns how many items are no objects.
    fn decode_object(
        &mut self,
        mut document: ManifestDocument,
        place: DocumentPosition<'_>,
    ) -> usize {
        let (Some(api_version), Some(kind)) = (document.api_version.take(), document.kind.take())
        else {
            return 1;
        };
        // An object of a custom kind may be called `AllowList` and have items; then it has a name too, which lists have not.
        let item_kind = kind
            .strip_suffix("List")
            .filter(|_| document.metadata.name.is_none());
        if let (Some(item_kind), Some(items)) = (item_kind, document.items.take()) {
            return items
                .into_iter()
                .map(|item| self.decode_list_item(item, &api_version, item_kind, place))
                .sum();
        }
        if let Some(storage) = helm_storage_of(&api_version, &kind, &document) {
            self.decode_helm_record(document, storage, place);
            return 0;
        }
        let metadata = document.metadata;
        self.push_object(ManifestObject {
            references: scale_target_references(document.scale_target_ref),
            api_version,
            kind,
            namespace: metadata.namespace.filter(|name| !name.is_empty()),
            name: metadata.name.or(metadata.generate_name).unwrap_or_default(),
            location: self.location(place),
        });
        0
    }

    /// The API server leaves out of typed lists what the list already says: a `PodList` holds Pods.
    fn decode_list_item(
        &mut self,
        mut item: ManifestDocument,
        api_version: &str,
        kind: &str,
        place: DocumentPosition<'_>,
    ) -> usize {
        if self.is_exhausted {
            // What it would lend to the rest need not be copied any more.
            return 0;
        }
        let bare = item.api_version.is_none() && item.kind.is_none();
        if bare && !kind.is_empty() && item.metadata.name.is_some() {
            item.api_version = Some(api_version.to_owned());
            item.kind = Some(kind.to_owned());
        }
        self.decode_object(item, place)
    }

    fn decode_helm_record(
        &mut self,
        document: ManifestDocument,
        storage: HelmStorage,
        place: DocumentPosition<'_>,
    ) {
        let metadata = document.metadata;
        let deployed = metadata.labels.status.as_deref().unwrap_or("deployed") == "deployed";
        let name = metadata.name.unwrap_or_default();
        match document.release_payload {
            Some(payload) if deployed => self.decoded.helm_records.push(EncodedHelmRecord {
                storage,
                namespace: metadata.namespace.unwrap_or_default(),
                name,
                created: metadata.creation_timestamp,
                payload,
                location: self.location(place),
            }),
            None if deployed => {
                let why = format!(
                    "the Helm record {} has no data.release",
                    truncate_name(&name)
                );
                self.record_skipped(self.describe_position(place), why);
            }
            _ => {}
        }
    }

    fn location(&self, place: DocumentPosition<'_>) -> String {
        match (self.origin, place.template) {
            (Origin::Rendered(_), Some(source)) => source.to_owned(),
            (Origin::Rendered(name) | Origin::File(name), _) => {
                self.numbered_name(name, place.number)
            }
        }
    }

    /// As [`location`](Self::location), with all that is known.
    fn describe_position(&self, place: DocumentPosition<'_>) -> String {
        let numbered = self.numbered_name(self.origin_name(), place.number);
        match place.template {
            Some(source) => format!("{numbered} ({source})"),
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

fn scale_target_references(target: header::ScaleTargetRef) -> Vec<ObjectReference> {
    match (target.api_version, target.kind) {
        (Some(api_version), Some(kind)) => vec![ObjectReference {
            field: "spec.scaleTargetRef".to_owned(),
            api_version,
            kind,
            name: target.name.unwrap_or_default(),
        }],
        // Without a version nothing is said about one.
        _ => Vec::new(),
    }
}

fn helm_storage_of(
    api_version: &str,
    kind: &str,
    document: &ManifestDocument,
) -> Option<HelmStorage> {
    let of_type = document.secret_type.as_deref();
    let owner = document.metadata.labels.owner.as_deref();
    match (api_version, kind) {
        ("v1", "Secret") if of_type == Some("helm.sh/release.v1") => Some(HelmStorage::Secret),
        ("v1", "ConfigMap") if owner == Some("helm") && document.release_payload.is_some() => {
            Some(HelmStorage::ConfigMap)
        }
        _ => None,
    }
}
