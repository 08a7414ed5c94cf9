//! From the bytes of a response to rows, one item at a time, so that memory does not grow with the response.
//!
//! One decoder for each encoding ([`protobuf`], [`json`], [`text`]) reads from a [`BufRead`] and hands items to a
//! [`RowCollector`], which turns them into rows and drops the rest.

mod encoded_object;
mod endpoint_slice;
mod helm_storage;
mod json;
mod limits;
mod meta;
mod node;
mod page;
mod pod;
mod protobuf;
mod row_collector;
#[cfg(test)]
mod tests;
mod text;
mod volume;
mod workload;

pub(super) use page::{DecodeError, PageMeta};
pub(super) use row_collector::RowCollector;

use std::io::BufRead;

use crate::catalog::Catalog;
use crate::need::ReadRequest;
use crate::snapshot::{MissingData, Rows};
use crate::text::truncate;

/// Decodes objects in JSON to the rows that a request asks for, as an answer of the API server in JSON is decoded.
///
/// Returns the rows and the objects that cannot be decoded.
#[must_use]
pub fn decode_objects(
    request: &ReadRequest,
    catalog: &'static Catalog,
    objects: impl IntoIterator<Item = serde_json::Value>,
) -> (Rows, Vec<MissingData>) {
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
