//! From the bytes of an answer to rows, one item at a time: memory is flat in the size of the answer.
//!
//! One decoder for each encoding ([`protobuf`], [`json`], [`text`]), all reading from a [`BufRead`], all handing items to a
//! [`Sink`], which turns them into rows and drops the rest.

mod encoded_object;
mod endpoint_slice;
mod helm_storage;
mod json;
mod limits;
mod meta;
mod node;
mod pod;
mod protobuf;
mod row_collector;
#[cfg(test)]
mod tests;
mod text;
mod workload;

pub(super) use meta::{ObjectMeta, Time};
pub(super) use row_collector::RowCollector;

use std::io::BufRead;
use std::sync::Arc;

use crate::catalog::Catalog;
use crate::need::ReadRequest;
use crate::snapshot::{Rows, SkippedObject};
use crate::text::truncate;

/// The most that one object may take. etcd takes 1.5 MiB by default and API servers 3 MiB of a request; a length beyond this
/// is a damaged or hostile answer. What a message of so many bytes expands to is bounded by it too.
///
/// Sources: etcd-io/etcd server/embed/config.go (DefaultMaxRequestBytes); kubernetes/kubernetes
/// staging/src/k8s.io/apiserver/pkg/server/config.go (MaxRequestBodyBytes).
const MAX_OBJECT_BYTES: usize = 8 << 20;

/// What came with a page of a list besides its items.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PageMeta {
    /// Token for the next page; empty after the last one.
    pub(super) continue_token: String,
    /// Objects after this page, where the server counted them: not when it had to select.
    pub(super) remaining_item_count: Option<u64>,
}

/// An answer that is not what it should be.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecodeError {
    /// The body ended, or the connection did.
    #[error("the answer broke off: {0}")]
    Io(#[from] std::io::Error),
    /// The body is no such encoding.
    #[error("the answer cannot be understood: {0}")]
    Malformed(String),
    /// The body is of another type than was asked for.
    #[error("the answer is {got:?}, not what was asked for")]
    UnexpectedContentType {
        /// `Content-Type` of the answer.
        got: String,
    },
}

/// Decodes objects in JSON to the rows that a request asks for, as an answer of the API server in JSON is decoded.
///
/// Returns the rows and the objects that cannot be decoded.
#[must_use]
pub fn decode_objects(
    request: &ReadRequest,
    catalog: Arc<Catalog>,
    objects: impl IntoIterator<Item = serde_json::Value>,
) -> (Rows, Vec<SkippedObject>) {
    let mut collector = RowCollector::new(request, catalog);
    for object in objects {
        collector.push_json(object);
    }
    collector.finish()
}

/// Decodes one page by its content type.
pub(super) fn decode_page(
    content_type: &str,
    from: impl BufRead,
    sink: &mut RowCollector,
) -> Result<PageMeta, DecodeError> {
    if sink.collects_lines() {
        return text::decode(from, sink);
    }
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    match essence {
        "application/vnd.kubernetes.protobuf" => protobuf::decode(from, sink),
        "application/json" => json::decode(from, sink),
        _ => Err(DecodeError::UnexpectedContentType {
            got: truncate(content_type, 100).to_owned(),
        }),
    }
}
