//! Text of a document to what is taken from it, at a bounded cost.

use std::cell::Cell;

use serde::Deserialize;
use serde::de::DeserializeSeed;
use serde_json::Value;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{MessageFormatter, UserMessageFormatter};

use super::fast_yaml::parse_fast;
use super::header::{DocumentSeed, ManifestDocument, take_object};

/// Sequences and mappings within one another. The schemas of real CustomResourceDefinitions need about thirty; this many fit
/// on the stack of a thread in a debug build.
const MAX_DEPTH: usize = 64;

/// Nodes that aliases of one document may expand to.
const MAX_ALIAS_NODES: usize = 100_000;

/// Bytes that aliases of one document may expand to, on top of what stands in the document.
const MAX_ALIAS_BYTES: usize = 8 << 20;

/// Maximum bytes of a document as values: as much as an API server takes in one request, so that their cost is bounded.
pub(super) const MAX_DOCUMENT_BYTES: usize = 3 << 20;

/// A broken document: the line within its chunk, and why.
pub(super) struct ManifestParseError {
    pub(super) line: Option<usize>,
    pub(super) message: String,
}

/// The documents of a chunk, and what is broken behind them. A chunk of YAML is one document, but JSON values may stand one
/// behind the other. Every object is taken off `left`, and it is a fault when none is left.
pub(super) fn parse_documents(
    text: &str,
    left: &Cell<usize>,
) -> (Vec<ManifestDocument>, Option<ManifestParseError>) {
    let (above, body) = text.split_at(text.len() - strip_marker(text).len());
    if body.starts_with(['{', '[']) {
        let (documents, broken) = parse_json(body, left);
        let lines = above.matches('\n').count();
        let broken = broken.map(|broken| ManifestParseError {
            line: broken.line.map(|line| line + lines),
            ..broken
        });
        (documents, broken)
    } else {
        let quick = || parse_fast(text).filter(|_| take_object(left).is_some());
        match quick().map_or_else(|| parse_yaml(text, left), Ok) {
            Ok(document) => (vec![document], None),
            Err(broken) => (Vec::new(), Some(broken)),
        }
    }
}

/// JSON may stand between markers too.
fn strip_marker(text: &str) -> &str {
    let text = text.trim_start();
    text.strip_prefix("---").unwrap_or(text).trim_start()
}

/// What is not quite JSON may still be YAML.
fn parse_json(
    text: &str,
    left: &Cell<usize>,
) -> (Vec<ManifestDocument>, Option<ManifestParseError>) {
    let mut documents = Vec::new();
    let mut parser = serde_json::Deserializer::from_str(text);
    let error = loop {
        if parser.end().is_ok() {
            return (documents, None);
        }
        match DocumentSeed::new(left).deserialize(&mut parser) {
            Ok(document) => documents.push(document),
            Err(error) => break error,
        }
    };
    if documents.is_empty() {
        match parse_yaml(text, left) {
            Ok(document) => return (vec![document], None),
            Err(broken) if !looks_like_json(text) => return (documents, Some(broken)),
            Err(_) => {}
        }
    }
    let why = error.to_string();
    let broken = ManifestParseError {
        line: Some(error.line()),
        // That is the line within the document; the caller knows the line within the file.
        message: why.split(" at line ").next().unwrap_or(&why).to_owned(),
    };
    (documents, Some(broken))
}

/// The values of the documents in a text, in their order; none if it is too large.
pub(super) fn parse_values(text: &str) -> Vec<Value> {
    if text.len() > MAX_DOCUMENT_BYTES {
        return Vec::new();
    }
    let body = text.trim_start();
    let body = body.strip_prefix("---").unwrap_or(body).trim_start();
    if body.starts_with('{') {
        let values = serde_json::Deserializer::from_str(body).into_iter::<Value>();
        let values: Vec<Value> = values.map_while(Result::ok).collect();
        if !values.is_empty() {
            return values;
        }
    }
    let parsed =
        serde_saphyr::with_deserializer_from_str_with_options(text, yaml_options(text), |parser| {
            Value::deserialize(parser)
        });
    Vec::from_iter(parsed.ok())
}

fn looks_like_json(text: &str) -> bool {
    let inner = text.trim_start_matches('[').trim_start();
    inner
        .strip_prefix('{')
        .is_none_or(|rest| rest.trim_start().starts_with(['"', '}']))
}

pub(super) fn parse_yaml(
    text: &str,
    left: &Cell<usize>,
) -> Result<ManifestDocument, ManifestParseError> {
    serde_saphyr::with_deserializer_from_str_with_options(text, yaml_options(text), |parser| {
        DocumentSeed::new(left).deserialize(parser)
    })
    .map_err(|error| {
        let line = error
            .location()
            .and_then(|location| usize::try_from(location.line()).ok())
            .filter(|&line| line > 0);
        explain_yaml_error(text, line, &error)
    })
}

/// Snippets are off because they would show values of Secrets, comments because their number is limited.
pub(super) fn yaml_options(text: &str) -> serde_saphyr::Options {
    serde_saphyr::options! {
        with_snippet: false,
        emit_comments: false,
        strict_booleans: true,
        ignore_binary_tag_for_string: true,
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_ALIAS_NODES,
        },
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            flow_nesting_limit: MAX_DEPTH,
            max_recorded_anchor_events: MAX_ALIAS_NODES,
            enforce_alias_anchor_ratio: false,
            // Files are bounded by their size.
            max_events: usize::MAX,
            max_nodes: usize::MAX,
            // Escapes and tags may be longer than they are written, but not twice as long.
            max_total_scalar_bytes: 2 * text.len() + MAX_ALIAS_BYTES,
        },
    }
}

/// Says what is wrong, and what is likely behind it.
fn explain_yaml_error(
    text: &str,
    line: Option<usize>,
    error: &serde_saphyr::Error,
) -> ManifestParseError {
    // The parser may notice a tab only on the line before it.
    let near = line.map_or(0, |line| line - 1);
    let mut lines = (1..).zip(text.lines()).skip(near).take(2);
    let tab = lines.find(|(_, line)| {
        let content = line.trim_start();
        !content.is_empty() && line[..line.len() - content.len()].contains('\t')
    });
    if let Some((line, _)) = tab {
        return ManifestParseError {
            line: Some(line),
            message: "YAML does not allow tabs for indentation; use spaces".to_owned(),
        };
    }
    let template = text
        .lines()
        .nth(near)
        .is_some_and(|line| line.contains("{{") || line.contains("{%"));
    let mut cause = error;
    while let serde_saphyr::Error::AliasError { error, .. } = cause {
        cause = error;
    }
    let mut why = match cause {
        serde_saphyr::Error::Budget { .. }
        | serde_saphyr::Error::AliasReplayLimitExceeded { .. }
        | serde_saphyr::Error::AliasReplayStackDepthExceeded { .. } => format!(
            "nested deeper than {MAX_DEPTH} levels, or aliases that expand to more than {MAX_ALIAS_NODES} nodes or {} MiB",
            MAX_ALIAS_BYTES >> 20
        ),
        other => UserMessageFormatter.format_message(other).into_owned(),
    };
    if template {
        why.push_str("; it looks like a template: render it first, `helm template` for a chart");
    }
    ManifestParseError { line, message: why }
}
