//! Manifests: text in YAML or JSON to the objects it describes.
//!
//! Each document stands for itself: one that cannot be understood is a [`Fault`] with its place, and the others are
//! kept. What a document costs is bounded, however it is written: nesting, aliases and the number of objects have limits.

#[cfg(test)]
mod hostile;
mod parse;
mod shape;
mod skim;
mod split;
#[cfg(test)]
mod tests;

use std::cell::Cell;

use jiff::Timestamp;

use crate::snapshot::{Fault, HelmStorage, ManifestObject, Reference};
use shape::Document;
use split::{Chunk, chunks};

/// Objects that one text may hold: about 150 MB of rows.
const MAX_OBJECTS: usize = 500_000;

/// Bytes of the names, kinds and places of these objects: what a list lends to its items is there once for each of them.
const MAX_TEXT: usize = 128 << 20;

/// Faults of one text that are told one by one.
const MAX_FAULTS: usize = 100;

/// Characters of a name or path that are repeated in places and faults: more than Kubernetes and file systems allow.
const MAX_NAME: usize = 1000;

/// What may still be taken: of one text, or of all texts of a Helm record.
pub(crate) struct Room {
    /// Objects that may still be read.
    objects: Cell<usize>,
    /// Bytes that they may still take.
    text: Cell<usize>,
    /// Faults that may still be told one by one.
    faults: Cell<usize>,
    /// Faults beyond those.
    untold: Cell<usize>,
}

impl Default for Room {
    fn default() -> Self {
        Self {
            objects: Cell::new(MAX_OBJECTS),
            text: Cell::new(MAX_TEXT),
            faults: Cell::new(MAX_FAULTS),
            untold: Cell::new(0),
        }
    }
}

impl Room {
    /// What could not be told one by one.
    pub(crate) fn rest(&self, name: &str) -> Option<Fault> {
        let untold = self.untold.get();
        (untold > 0).then(|| Fault {
            what: name.to_owned(),
            why: format!("{untold} more documents cannot be understood"),
        })
    }
}

/// The beginning of a name that may have no end.
pub(crate) fn short(name: &str) -> &str {
    match name.char_indices().nth(MAX_NAME) {
        Some((end, _)) => &name[..end],
        None => name,
    }
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
pub(crate) struct Decoded {
    /// Objects in the order of the text, lists taken apart.
    pub(crate) objects: Vec<ManifestObject>,
    /// Records of deployed Helm releases, which are not among the objects.
    pub(crate) records: Vec<HelmRecord>,
    /// Documents that cannot be understood: `cart.yaml document 3, line 7` and why.
    pub(crate) faults: Vec<Fault>,
    /// Documents that were understood and are manifests, lists counted once.
    pub(crate) manifests: usize,
}

/// A Secret or ConfigMap in which Helm keeps a release. It holds the values of the release: never print or keep it.
pub(crate) struct HelmRecord {
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
pub(crate) fn decode(text: &str, origin: Origin<'_>) -> Decoded {
    let room = Room::default();
    let mut decoded = decode_within(text, origin, &room);
    let (Origin::Rendered(name) | Origin::File(name)) = origin;
    decoded.faults.extend(room.rest(name));
    decoded
}

/// [`decode`] for one of several texts that share a room. What of it could not be told is told by [`Room::rest`].
pub(crate) fn decode_within(text: &str, origin: Origin<'_>, room: &Room) -> Decoded {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let chunks = chunks(text);
    let mut decoder = Decoder {
        out: Decoded::default(),
        origin,
        several: chunks.len() > 1,
        number: 0,
        room,
        full: false,
    };
    for chunk in &chunks {
        if decoder.full {
            break;
        }
        if room.objects.get() == 0 {
            decoder.fault(
                format!("{}, line {} and below", decoder.name(), chunk.line),
                format!("more than {MAX_OBJECTS} objects; split it"),
            );
            break;
        }
        decoder.chunk(chunk);
    }
    if decoder.full {
        let why = format!(
            "its objects take more than {} MiB; split it",
            MAX_TEXT >> 20
        );
        decoder.fault(decoder.name().to_owned(), why);
    }
    decoder.out
}

/// A document and the template it was rendered from, if any.
#[derive(Clone, Copy)]
struct Place<'a> {
    number: usize,
    source: Option<&'a str>,
}

struct Decoder<'a> {
    out: Decoded,
    origin: Origin<'a>,
    /// Whether the text has more than one document, so that they are told apart by number.
    several: bool,
    /// Documents so far.
    number: usize,
    /// What may still be taken.
    room: &'a Room,
    /// Whether the room for objects has run out.
    full: bool,
}

impl Decoder<'_> {
    fn fault(&mut self, what: String, why: String) {
        match self.room.faults.get().checked_sub(1) {
            Some(left) => {
                self.room.faults.set(left);
                self.out.faults.push(Fault { what, why });
            }
            None => self.room.untold.set(self.room.untold.get() + 1),
        }
    }

    /// Keeps an object, unless the room for them has run out.
    fn keep(&mut self, object: ManifestObject) {
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
        match self.room.text.get().checked_sub(size) {
            Some(left) if !self.full => {
                self.room.text.set(left);
                self.out.objects.push(object);
            }
            _ => self.full = true,
        }
    }

    fn name(&self) -> &str {
        let (Origin::Rendered(name) | Origin::File(name)) = self.origin;
        name
    }

    fn chunk(&mut self, chunk: &Chunk<'_>) {
        let source = chunk.source().map(short);
        let (documents, broken) = parse::documents(chunk.text, &self.room.objects);
        self.several |= documents.len() + usize::from(broken.is_some()) > 1;
        for document in documents {
            self.number += 1;
            let number = self.number;
            self.document(document, Place { number, source });
        }
        if let Some(broken) = broken {
            self.number += 1;
            let number = self.number;
            let place = self.describe(Place { number, source });
            let what = match broken.line {
                Some(line) => format!("{place}, line {}", chunk.line + line - 1),
                None => place,
            };
            self.fault(what, broken.why);
        }
    }

    fn document(&mut self, document: Document, place: Place<'_>) {
        if document.api_version.is_some() && document.kind.is_some() {
            self.out.manifests += 1;
            let nameless = self.object(document, place);
            if nameless > 0 {
                let why = format!("{nameless} items of the list have no apiVersion and kind");
                self.fault(self.describe(place), why);
            }
        }
    }

    /// Takes an object, or the items of a list, and returns how many items are no objects.
    fn object(&mut self, mut document: Document, place: Place<'_>) -> usize {
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
                .map(|item| self.item(item, &api_version, item_kind, place))
                .sum();
        }
        if let Some(storage) = helm_storage(&api_version, &kind, &document) {
            self.record(document, storage, place);
            return 0;
        }
        let metadata = document.metadata;
        self.keep(ManifestObject {
            references: references(document.target),
            api_version,
            kind,
            namespace: metadata.namespace.filter(|name| !name.is_empty()),
            name: metadata.name.or(metadata.generate_name).unwrap_or_default(),
            location: self.location(place),
        });
        0
    }

    /// The API server leaves out of typed lists what the list already says: a `PodList` holds Pods.
    fn item(
        &mut self,
        mut item: Document,
        api_version: &str,
        kind: &str,
        place: Place<'_>,
    ) -> usize {
        if self.full {
            // What it would lend to the rest need not be copied any more.
            return 0;
        }
        let bare = item.api_version.is_none() && item.kind.is_none();
        if bare && !kind.is_empty() && item.metadata.name.is_some() {
            item.api_version = Some(api_version.to_owned());
            item.kind = Some(kind.to_owned());
        }
        self.object(item, place)
    }

    fn record(&mut self, document: Document, storage: HelmStorage, place: Place<'_>) {
        let metadata = document.metadata;
        let deployed = metadata.labels.status.as_deref().unwrap_or("deployed") == "deployed";
        let name = metadata.name.unwrap_or_default();
        match document.release {
            Some(payload) if deployed => self.out.records.push(HelmRecord {
                storage,
                namespace: metadata.namespace.unwrap_or_default(),
                name,
                created: metadata.created,
                payload,
                location: self.location(place),
            }),
            None if deployed => {
                let why = format!("the Helm record {} has no data.release", short(&name));
                self.fault(self.describe(place), why);
            }
            _ => {}
        }
    }

    fn location(&self, place: Place<'_>) -> String {
        match (self.origin, place.source) {
            (Origin::Rendered(_), Some(source)) => source.to_owned(),
            (Origin::Rendered(name) | Origin::File(name), _) => self.numbered(name, place.number),
        }
    }

    /// As [`location`](Self::location), with all that is known.
    fn describe(&self, place: Place<'_>) -> String {
        let numbered = self.numbered(self.name(), place.number);
        match place.source {
            Some(source) => format!("{numbered} ({source})"),
            None => numbered,
        }
    }

    fn numbered(&self, name: &str, number: usize) -> String {
        if self.several {
            format!("{name} document {number}")
        } else {
            name.to_owned()
        }
    }
}

fn references(target: shape::Target) -> Vec<Reference> {
    match (target.api_version, target.kind) {
        (Some(api_version), Some(kind)) => vec![Reference {
            field: "spec.scaleTargetRef".to_owned(),
            api_version,
            kind,
            name: target.name.unwrap_or_default(),
        }],
        // Without a version nothing is said about one.
        _ => Vec::new(),
    }
}

fn helm_storage(api_version: &str, kind: &str, document: &Document) -> Option<HelmStorage> {
    let of_type = document.of_type.as_deref();
    let owner = document.metadata.labels.owner.as_deref();
    match (api_version, kind) {
        ("v1", "Secret") if of_type == Some("helm.sh/release.v1") => Some(HelmStorage::Secret),
        ("v1", "ConfigMap") if owner == Some("helm") && document.release.is_some() => {
            Some(HelmStorage::ConfigMap)
        }
        _ => None,
    }
}
