//! The same as the parser finds, in less time, for documents as tools write them.
//!
//! A parser of all of YAML takes most of the time of reading Helm's records, and a manifest needs next to nothing of it:
//! block collections, plain or quoted text on one line, block scalars. This goes through such a document line by line and
//! takes what [`Document`] holds. Whatever it is not sure of it leaves to the parser, broken documents among it: it skips
//! nothing whose form it has not checked.

mod line;
#[cfg(test)]
mod tests;

use super::shape::Document;
use line::{Value, key, text, value};

/// Collections within one another; the parser takes more.
const MAX_DEPTH: usize = 32;

/// The document, or none where the parser has to look at it.
pub(super) fn skim(text: &str) -> Option<Document> {
    let plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    // Without a short cut, for so it is done many bytes at a time.
    if !text.bytes().fold(true, |all, byte| all & plain(byte)) {
        return None;
    }
    let mut skim = Skim::default();
    for line in text.split('\n') {
        skim.line(line)?;
    }
    // Whether an empty document is null or nothing is not for us to say.
    (!skim.open.is_empty()).then_some(skim.document)
}

/// A collection that is not at its end.
#[derive(Clone, Copy)]
struct Open {
    /// The column at which its entries begin.
    at: usize,
    is_map: bool,
    part: Part,
}

/// What may come below the last line.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Below {
    /// The next entry.
    #[default]
    Entry,
    /// The value of the last entry, or nothing, which is null.
    Value,
    /// More of its plain text, folded.
    Folded,
    /// The lines of a block scalar, whose first one says where they begin. So many spaces had the longest line before it.
    Scalar { blank: usize },
    /// More lines of a block scalar that begin at this column.
    Lines { at: usize },
}

/// Which part of the document a mapping is.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    #[default]
    Document,
    Metadata,
    Labels,
    Spec,
    Data,
    Other,
}

#[derive(Default)]
struct Skim {
    document: Document,
    open: Vec<Open>,
    below: Below,
    /// What a mapping that begins now is.
    part: Part,
    /// Whether the document began with a marker.
    marked: bool,
    /// Whether its metadata has begun.
    has_metadata: bool,
}

impl Skim {
    /// Goes on by a line. None, here and below: the parser must look at the document.
    fn line(&mut self, line: &str) -> Option<()> {
        let content = line.trim_start_matches(' ');
        let at = line.len() - content.len();
        if self.in_scalar(at, content)? || content.is_empty() {
            return Some(());
        }
        if content.starts_with('#') {
            // Text that is folded does not go on behind a comment.
            if self.below == Below::Folded {
                self.below = Below::Entry;
            }
            return Some(());
        }
        if content.contains('\t') {
            return None;
        }
        if self.open.is_empty() && !self.marked && line == "---" {
            self.marked = true;
            return Some(());
        }
        if self.below == Below::Folded && self.open.last()?.at < at {
            return (line::plain(content)? == Value::Plain).then_some(());
        }
        self.place(at, content)?;
        self.node(at, content)
    }

    /// Whether a line belongs to the block scalar above it.
    fn in_scalar(&mut self, at: usize, content: &str) -> Option<bool> {
        let from = match self.below {
            Below::Lines { at } => at,
            Below::Scalar { blank } if content.is_empty() => {
                let blank = blank.max(at);
                self.below = Below::Scalar { blank };
                return Some(true);
            }
            // Lines above the first one may not be longer than its indentation.
            Below::Scalar { blank } if self.open.last()?.at < at => {
                if blank > at || content.starts_with('\t') {
                    return None;
                }
                self.below = Below::Lines { at };
                return Some(true);
            }
            Below::Scalar { .. } => usize::MAX,
            _ => return Some(false),
        };
        if content.is_empty() || at >= from {
            return Some(true);
        }
        self.below = Below::Entry;
        Some(false)
    }

    /// Ends the collections that a line at this column is not in, and begins the one that it is the first entry of.
    fn place(&mut self, at: usize, content: &str) -> Option<()> {
        let is_map = !line::is_item(content);
        let Some(inner) = self.open.last().copied() else {
            return if at == 0 && is_map {
                self.begin(at, is_map)
            } else {
                None
            };
        };
        // The items of a list may stand right below the key.
        let begins = inner.at < at || inner.at == at && inner.is_map && !is_map;
        if begins {
            return if self.below == Below::Value {
                self.begin(at, is_map)
            } else {
                None
            };
        }
        while self.open.last()?.at > at {
            self.open.pop();
        }
        if is_map && !self.open.last()?.is_map {
            self.open.pop();
        }
        let inner = self.open.last()?;
        (inner.at == at && inner.is_map == is_map).then_some(())
    }

    fn begin(&mut self, at: usize, is_map: bool) -> Option<()> {
        let part = if is_map { self.part } else { Part::Other };
        self.part = Part::Other;
        self.open.push(Open { at, is_map, part });
        (self.open.len() <= MAX_DEPTH).then_some(())
    }

    /// An entry of the innermost collection.
    fn node(&mut self, at: usize, content: &str) -> Option<()> {
        self.part = Part::Other;
        let inner = self.open.last()?;
        if inner.is_map {
            let (key, rest) = key(content)?;
            return self.entry(inner.part, key, rest);
        }
        let item = content[1..].trim_start_matches(' ');
        let is_map = !line::is_item(item);
        if is_map && key(item).is_none() {
            return self.value(item);
        }
        let at = at + content.len() - item.len();
        self.begin(at, is_map)?;
        self.node(at, item)
    }

    /// A key of a mapping and what stands behind it.
    fn entry(&mut self, part: Part, key: &str, rest: &str) -> Option<()> {
        let metadata = &mut self.document.metadata;
        let field = match (part, key) {
            (Part::Document, "apiVersion") => &mut self.document.api_version,
            (Part::Document, "kind") => &mut self.document.kind,
            (Part::Document, "type") => &mut self.document.of_type,
            (Part::Metadata, "name") => &mut metadata.name,
            (Part::Metadata, "generateName") => &mut metadata.generate_name,
            (Part::Metadata, "namespace") => &mut metadata.namespace,
            (Part::Metadata, "creationTimestamp") if rest.trim() == "null" => {
                return self.value(rest);
            }
            // What few documents have.
            (Part::Metadata, "creationTimestamp")
            | (Part::Labels, "owner" | "status")
            | (Part::Spec, "scaleTargetRef")
            | (Part::Data, "release")
            | (Part::Document, "items") => return None,
            _ => return self.part(part, key, rest),
        };
        // Of a key that is there twice the last one counts; which that is the parser knows.
        if field.is_some() {
            return None;
        }
        *field = Some(text(rest)?.to_owned());
        self.below = Below::Entry;
        Some(())
    }

    /// A key that is no field itself; below it may be some.
    fn part(&mut self, part: Part, key: &str, rest: &str) -> Option<()> {
        self.part = match (part, key) {
            (Part::Document, "metadata") if self.has_metadata => return None,
            (Part::Document, "metadata") => Part::Metadata,
            (Part::Document, "spec") => Part::Spec,
            (Part::Document, "data") => Part::Data,
            (Part::Metadata, "labels") => Part::Labels,
            _ => Part::Other,
        };
        self.has_metadata |= self.part == Part::Metadata;
        self.value(rest)?;
        let looked_at =
            self.part == Part::Other || self.below == Below::Value || rest.trim() == "{}";
        looked_at.then_some(())
    }

    /// What stands behind a key or the sign of an item.
    fn value(&mut self, rest: &str) -> Option<()> {
        self.below = match value(rest)? {
            Value::Below => Below::Value,
            Value::Scalar => Below::Scalar { blank: 0 },
            Value::Plain => Below::Folded,
            Value::Whole => Below::Entry,
        };
        Some(())
    }
}
