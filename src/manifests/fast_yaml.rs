//! A fast path for YAML documents in the form that tools write; its result equals the parser's.
//!
//! A full YAML parser takes most of the time of reading Helm records, but manifests use little of YAML: block collections,
//! plain or quoted scalars on one line, and block scalars. This module scans such a document line by line into a
//! [`ManifestDocument`]. It leaves every other document, including a malformed one, to the parser, and skips nothing whose
//! form it has not checked.

mod line;
#[cfg(test)]
mod tests;

use super::header::{ManifestDocument, REPOSITORY_KIND, is_misspelt_head, is_stray_key};
use line::{ValueForm, classify_value, scalar_text, split_key};

/// Collections within one another; the parser takes more.
const MAX_DEPTH: usize = 32;

/// The document, or none where the parser has to look at it.
pub(super) fn parse_fast(text: &str) -> Option<ManifestDocument> {
    let plain = |byte: u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
    // Without a short cut, for so it is done many bytes at a time.
    if !text.bytes().fold(true, |all, byte| all & plain(byte)) {
        return None;
    }
    let mut skim = FastYamlParser::default();
    for line in text.split('\n') {
        skim.parse_line(line)?;
    }
    // Whether an empty document is null or nothing is not for us to say.
    skim.document.has_content = true;
    (!skim.open_collections.is_empty()).then_some(skim.document)
}

/// A collection that is not at its end.
#[derive(Clone, Copy)]
struct OpenCollection {
    /// The column at which its entries begin.
    indent: usize,
    is_map: bool,
    section: DocumentSection,
}

/// What may come below the last line.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Continuation {
    /// The next entry.
    #[default]
    Entry,
    /// The value of the last entry, or nothing, which is null.
    Value,
    /// More of its plain text, folded.
    Folded,
    /// The lines of a block scalar, whose first one says where they begin. So many spaces had the longest line before it.
    BlockScalarHead { longest_blank: usize },
    /// More lines of a block scalar that begin at this column.
    BlockScalarLines { indent: usize },
}

/// Which part of the document a mapping is.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum DocumentSection {
    #[default]
    Document,
    Metadata,
    Labels,
    Annotations,
    Spec,
    Data,
    Other,
}

#[derive(Default)]
struct FastYamlParser {
    document: ManifestDocument,
    open_collections: Vec<OpenCollection>,
    expected: Continuation,
    /// What a mapping that begins now is.
    next_section: DocumentSection,
    /// Whether the document began with a marker.
    has_marker: bool,
    /// Whether its metadata has begun.
    has_metadata: bool,
}

impl FastYamlParser {
    /// Goes on by a line. None, here and below: the parser must look at the document.
    fn parse_line(&mut self, line: &str) -> Option<()> {
        let content = line.trim_start_matches(' ');
        let at = line.len() - content.len();
        if self.in_block_scalar(at, content)? || content.is_empty() {
            return Some(());
        }
        if content.starts_with('#') {
            // Text that is folded does not go on behind a comment.
            if self.expected == Continuation::Folded {
                self.expected = Continuation::Entry;
            }
            return Some(());
        }
        if content.contains('\t') {
            return None;
        }
        if self.open_collections.is_empty() && !self.has_marker && line == "---" {
            self.has_marker = true;
            return Some(());
        }
        if self.expected == Continuation::Folded && self.open_collections.last()?.indent < at {
            return (line::classify_plain(content)? == ValueForm::PlainScalar).then_some(());
        }
        self.adjust_nesting(at, content)?;
        self.parse_node(at, content)
    }

    /// Whether a line belongs to the block scalar above it.
    fn in_block_scalar(&mut self, at: usize, content: &str) -> Option<bool> {
        let from = match self.expected {
            Continuation::BlockScalarLines { indent: at } => at,
            Continuation::BlockScalarHead {
                longest_blank: blank,
            } if content.is_empty() => {
                let blank = blank.max(at);
                self.expected = Continuation::BlockScalarHead {
                    longest_blank: blank,
                };
                return Some(true);
            }
            // Lines above the first one may not be longer than its indentation.
            Continuation::BlockScalarHead {
                longest_blank: blank,
            } if self.open_collections.last()?.indent < at => {
                if blank > at || content.starts_with('\t') {
                    return None;
                }
                self.expected = Continuation::BlockScalarLines { indent: at };
                return Some(true);
            }
            Continuation::BlockScalarHead { .. } => usize::MAX,
            _ => return Some(false),
        };
        if content.is_empty() || at >= from {
            return Some(true);
        }
        self.expected = Continuation::Entry;
        Some(false)
    }

    /// Ends the collections that a line at this column is not in, and begins the one that it is the first entry of.
    fn adjust_nesting(&mut self, at: usize, content: &str) -> Option<()> {
        let is_map = !line::is_item(content);
        let Some(inner) = self.open_collections.last().copied() else {
            return if at == 0 && is_map {
                self.open_collection(at, is_map)
            } else {
                None
            };
        };
        // The items of a list may stand right below the key.
        let begins = inner.indent < at || inner.indent == at && inner.is_map && !is_map;
        if begins {
            return if self.expected == Continuation::Value {
                self.open_collection(at, is_map)
            } else {
                None
            };
        }
        while self.open_collections.last()?.indent > at {
            self.open_collections.pop();
        }
        if is_map && !self.open_collections.last()?.is_map {
            self.open_collections.pop();
        }
        let inner = self.open_collections.last()?;
        (inner.indent == at && inner.is_map == is_map).then_some(())
    }

    fn open_collection(&mut self, at: usize, is_map: bool) -> Option<()> {
        let part = if is_map {
            self.next_section
        } else {
            DocumentSection::Other
        };
        self.next_section = DocumentSection::Other;
        self.open_collections.push(OpenCollection {
            indent: at,
            is_map,
            section: part,
        });
        (self.open_collections.len() <= MAX_DEPTH).then_some(())
    }

    /// An entry of the innermost collection.
    fn parse_node(&mut self, at: usize, content: &str) -> Option<()> {
        self.next_section = DocumentSection::Other;
        let inner = self.open_collections.last()?;
        if inner.is_map {
            let (key, rest) = split_key(content)?;
            return self.parse_map_entry(inner.section, key, rest);
        }
        let item = content[1..].trim_start_matches(' ');
        let is_map = !line::is_item(item);
        if is_map && split_key(item).is_none() {
            return self.parse_value(item);
        }
        let at = at + content.len() - item.len();
        self.open_collection(at, is_map)?;
        self.parse_node(at, item)
    }

    /// A key of a mapping and what stands behind it.
    fn parse_map_entry(&mut self, part: DocumentSection, key: &str, rest: &str) -> Option<()> {
        let kind = self.document.kind.as_deref();
        // As far as the kind is known.
        let may_have_url = kind.is_none_or(|kind| kind == REPOSITORY_KIND);
        let metadata = &mut self.document.metadata;
        let field = match (part, key) {
            (DocumentSection::Document, "apiVersion") => &mut self.document.api_version,
            (DocumentSection::Document, "kind") => &mut self.document.kind,
            (DocumentSection::Document, "type") => &mut self.document.secret_type,
            (DocumentSection::Spec, "url") if !may_have_url => {
                return self.parse_value(rest);
            }
            (DocumentSection::Metadata, "name") => &mut metadata.name,
            (DocumentSection::Metadata, "generateName") => &mut metadata.generate_name,
            (DocumentSection::Metadata, "namespace") => &mut metadata.namespace,
            (DocumentSection::Metadata, "creationTimestamp") if rest.trim() == "null" => {
                return self.parse_value(rest);
            }
            // What few documents have.
            (DocumentSection::Metadata, "creationTimestamp")
            | (DocumentSection::Labels, "owner" | "status" | "OWNER" | "STATUS")
            | (
                DocumentSection::Spec,
                "scaleTargetRef" | "targetRef" | "workloadRef" | "path" | "source" | "sync" | "git"
                | "sources" | "sourceRef" | "url",
            )
            | (DocumentSection::Data, "release")
            | (DocumentSection::Metadata, "uid" | "managedFields")
            | (
                DocumentSection::Annotations,
                "kubectl.kubernetes.io/last-applied-configuration" | "kapp.k14s.io/original",
            )
            | (
                DocumentSection::Document,
                "items"
                | "objects"
                | "resources"
                | "bases"
                | "components"
                | "generators"
                | "patches"
                | "patchesStrategicMerge"
                | "patchesJson6902"
                | "helmCharts"
                | "helmChartInflationGenerator",
            ) => return None,
            (DocumentSection::Document, key) if is_misspelt_head(key) || is_stray_key(key) => {
                return None;
            }
            _ => return self.parse_section(part, key, rest),
        };
        // Of a key that is there twice the last one counts; which that is the parser knows.
        if field.is_some() {
            return None;
        }
        *field = Some(scalar_text(rest)?.to_owned());
        self.expected = Continuation::Entry;
        Some(())
    }

    /// A key that is no field itself; below it may be some.
    fn parse_section(&mut self, part: DocumentSection, key: &str, rest: &str) -> Option<()> {
        self.next_section = match (part, key) {
            (DocumentSection::Document, "metadata") if self.has_metadata => return None,
            (DocumentSection::Document, "metadata") => DocumentSection::Metadata,
            (DocumentSection::Document, "spec") => DocumentSection::Spec,
            (DocumentSection::Document, "data") => DocumentSection::Data,
            (DocumentSection::Metadata, "labels") => DocumentSection::Labels,
            (DocumentSection::Metadata, "annotations") => DocumentSection::Annotations,
            _ => DocumentSection::Other,
        };
        self.has_metadata |= self.next_section == DocumentSection::Metadata;
        self.parse_value(rest)?;
        let looked_at = self.next_section == DocumentSection::Other
            || self.expected == Continuation::Value
            || rest.trim() == "{}";
        looked_at.then_some(())
    }

    /// What stands behind a key or the sign of an item.
    fn parse_value(&mut self, rest: &str) -> Option<()> {
        self.expected = match classify_value(rest)? {
            ValueForm::OnLinesBelow => Continuation::Value,
            ValueForm::BlockScalar => Continuation::BlockScalarHead { longest_blank: 0 },
            ValueForm::PlainScalar => Continuation::Folded,
            ValueForm::Complete => Continuation::Entry,
        };
        Some(())
    }
}
