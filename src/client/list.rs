//! A list with all its pages, or a page of text, to one line of the ledger.

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::ClusterReader;
use super::decode::{DecodeError, PageMeta, RowCollector, decode_page};
use super::error::RequestError;
use super::partition;
use super::partition::ServerHints;
use super::transport::get_and_decode;
use crate::catalog::{Catalog, ServingMode};
use crate::need::{Encoding, ReadRequest, ReadTarget};
use crate::snapshot::{ReadOutcome, ReadResult};

/// How often a list is begun anew after its continue token has expired.
const MAX_RESTARTS: u32 = 3;

const ACCEPT_PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const ACCEPT_JSON: &str = "application/json";
const ACCEPT_METADATA: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Where the API server takes a list from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListFrom {
    /// Its memory, in one answer, whatever the limit. Kinds that it does not keep there come in pages.
    WatchCache,
    /// Its store, in pages.
    Etcd,
}

/// Why a list is not complete.
#[derive(Debug)]
pub(super) struct ListError {
    pub(super) error: RequestError,
    /// The namespace that was being listed, where the list was taken apart.
    pub(super) namespace: Option<String>,
}

impl From<RequestError> for ListError {
    fn from(failure: RequestError) -> Self {
        Self {
            error: failure,
            namespace: None,
        }
    }
}

/// Carries out one request.
pub(super) async fn read_request(
    reader: &ClusterReader,
    request: &ReadRequest,
    grounds: &ServerHints,
) -> ReadResult {
    let sink = RowCollector::new(request, reader.catalog.clone());
    let (outcome, collected) = match partition::read_rows(reader, request, grounds, &sink).await {
        Ok(collected) => (ReadOutcome::Complete, collected),
        Err(lost) => (outcome_of(&lost, request, &reader.catalog), sink),
    };
    let (rows, skipped_objects) = collected.finish();
    ReadResult {
        target: request.target.clone(),
        detail_level: request.detail_level,
        freshness: request.freshness,
        field_paths: request.field_paths.clone(),
        outcome,
        finished_at: Timestamp::now(),
        rows,
        skipped_objects,
    }
}

/// The name by which the API server knows us, from the first of these requests that it refuses; none if it refuses none.
pub(super) async fn user_from_forbidden(
    reader: &ClusterReader,
    plan: &[ReadRequest],
) -> Option<String> {
    for request in plan {
        // From the store, where the limit is obeyed.
        let uri = request_uri(request, ListFrom::Etcd, 1, "");
        let answer = get_and_decode(reader, &uri, accept_header(request), |_, _| ()).await;
        if let Err(RequestError::Forbidden { message }) = answer {
            // secrets is forbidden: User "jane" cannot list resource "secrets" …
            let (_, rest) = message.split_once("User \"")?;
            return rest.split_once('"').map(|(name, _)| name.to_owned());
        }
    }
    None
}

/// A whole list, begun anew when its continue token has expired, so that nothing is seen twice and nothing is missed.
///
/// `begun` is its first page, where that was fetched already.
pub(super) async fn list_all(
    reader: &ClusterReader,
    request: &ReadRequest,
    source: ListFrom,
    empty: &RowCollector,
    begun: Option<(RowCollector, PageMeta)>,
) -> Result<RowCollector, RequestError> {
    let mut begun = begun;
    let mut restarts = 0;
    loop {
        let listed = match begun.take() {
            Some((sink, first)) => remaining_pages(reader, request, source, sink, first).await,
            None => match fetch_page(reader, request, source, empty, "").await {
                Ok((sink, first)) => remaining_pages(reader, request, source, sink, first).await,
                Err(failure) => Err(failure),
            },
        };
        match listed {
            Err(RequestError::Server { code: 410, .. }) if restarts < MAX_RESTARTS => restarts += 1,
            listed => return listed,
        }
    }
}

/// The pages after the first one.
async fn remaining_pages(
    reader: &ClusterReader,
    request: &ReadRequest,
    source: ListFrom,
    mut collected: RowCollector,
    mut page: PageMeta,
) -> Result<RowCollector, RequestError> {
    while !page.continue_token.is_empty() {
        let (part, following) =
            fetch_page(reader, request, source, &collected, &page.continue_token).await?;
        collected.append(part);
        page = following;
        reader
            .observer
            .on_objects_read(&request.target.to_string(), collected.rows.len());
    }
    Ok(collected)
}

/// One page, decoded while it arrives; `next` is the token of the page before it, empty for the first.
pub(super) async fn fetch_page(
    reader: &ClusterReader,
    request: &ReadRequest,
    source: ListFrom,
    empty: &RowCollector,
    next: &str,
) -> Result<(RowCollector, PageMeta), RequestError> {
    let uri = request_uri(request, source, reader.options.page_size, next);
    let empty = empty.empty_like();
    let _slot = reader.acquire_slot().await;
    reader.observer.on_started(&request.target.to_string());
    let (decoded, sink) = get_and_decode(
        reader,
        &uri,
        accept_header(request),
        move |content_type, body| {
            let mut sink = empty.empty_like();
            let decoded = decode_page(content_type, body, &mut sink);
            (decoded, sink)
        },
    )
    .await?;
    Ok((sink, decoded.map_err(invalid_response)?))
}

fn accept_header(request: &ReadRequest) -> &'static str {
    match request.encoding {
        Encoding::Metadata => ACCEPT_METADATA,
        Encoding::Protobuf => ACCEPT_PROTOBUF,
        Encoding::Json => ACCEPT_JSON,
        Encoding::Text => "text/plain",
    }
}

/// The request line.
///
/// With `resourceVersion=0` servers answer from memory and ignore the limit, but for kinds without a watch cache.
fn request_uri(request: &ReadRequest, source: ListFrom, chunk: u32, next: &str) -> String {
    let selector = match &request.target {
        ReadTarget::NonResourceUrl { path, .. } => return path.clone(),
        ReadTarget::Objects { selector, .. } => selector,
    };
    let mut query = vec![format!("limit={chunk}")];
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            query.push(format!("{name}={value}"));
        }
    };
    add("labelSelector", &selector.labels);
    add("fieldSelector", &selector.fields);
    add("continue", next);
    if next.is_empty() && source == ListFrom::WatchCache {
        add("resourceVersion", "0");
    }
    format!("{}?{}", request.path, query.join("&"))
}

/// What a failure means for the ledger.
fn outcome_of(lost: &ListError, request: &ReadRequest, catalog: &Catalog) -> ReadOutcome {
    let why = match &lost.namespace {
        Some(namespace) => format!("namespace {namespace}: {}", lost.error),
        None => lost.error.to_string(),
    };
    match &lost.error {
        RequestError::Forbidden { .. } => ReadOutcome::Forbidden {
            why,
            rbac: request.rbac.clone(),
        },
        // Where other namespaces have answered, the resource is there. What comes and goes may be gone; what always is
        // there was offered a moment ago, and is not empty for sure.
        RequestError::NotFound { .. }
            if lost.namespace.is_none() && !is_always_served(request, catalog) =>
        {
            ReadOutcome::NotServed
        }
        // 401 among them: no permission helps somebody whom the server does not know.
        _ => ReadOutcome::Failed { why },
    }
}

fn is_always_served(request: &ReadRequest, catalog: &Catalog) -> bool {
    let ReadTarget::Objects { resource, .. } = &request.target else {
        return false;
    };
    let mut family = catalog.apis.apis_of(resource);
    family.any(|api| {
        api.gvk().api_version() == request.api_version && api.serving_mode == ServingMode::ByDefault
    })
}

fn invalid_response(error: DecodeError) -> RequestError {
    RequestError::InvalidResponse {
        found: error.to_string(),
    }
}
