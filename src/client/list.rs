//! Lists page by page, and pages of text.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::api_client::ApiClient;
use super::decode::{DecodeError, PageMeta, RowCollector, decode_page};
use super::error::RequestError;
use super::transport::get_and_decode;
use crate::need::{DetailLevel, ReadRequest, ReadTarget};

/// How often a list is restarted after its continue token expired.
const MAX_RESTARTS: u32 = 3;

const ACCEPT_PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const ACCEPT_JSON: &str = "application/json";
const ACCEPT_METADATA: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Where the API server reads a list from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListFrom {
    /// The watch cache, in one response that ignores the limit; in pages for resources without a watch cache.
    WatchCache,
    /// etcd, in pages.
    Etcd,
}

/// The user name in the first 403 response to these requests; `None` if there is none.
pub(super) async fn user_from_forbidden(api: &ApiClient, plan: &[ReadRequest]) -> Option<String> {
    for request in plan {
        // From etcd, since the watch cache ignores the limit.
        let uri = request_uri(request, ListFrom::Etcd, 1, "");
        let response = get_and_decode(api, &uri, accept_header(request), |_, _| ()).await;
        if let Err(RequestError::Forbidden { message }) = response {
            // secrets is forbidden: User "jane" cannot list resource "secrets" …
            let (_, rest) = message.split_once("User \"")?;
            return rest.split_once('"').map(|(name, _)| name.to_owned());
        }
    }
    None
}

/// A whole list, restarted if its continue token expires, so that no object is duplicated or missing.
///
/// `first_page` is its first page, if that was fetched already.
pub(super) async fn list_all(
    api: &ApiClient,
    request: &ReadRequest,
    source: ListFrom,
    empty: &RowCollector,
    mut first_page: Option<(RowCollector, PageMeta)>,
) -> Result<RowCollector, RequestError> {
    let mut restarts = 0;
    loop {
        let listed = match first_page.take() {
            Some((rows, page)) => remaining_pages(api, request, source, rows, page).await,
            None => match fetch_page(api, request, source, empty, "").await {
                Ok((rows, page)) => remaining_pages(api, request, source, rows, page).await,
                Err(error) => Err(error),
            },
        };
        match listed {
            Err(error) if error.is_expired() && restarts < MAX_RESTARTS => restarts += 1,
            listed => return listed,
        }
    }
}

/// The pages after `page`, appended to `collected`.
async fn remaining_pages(
    api: &ApiClient,
    request: &ReadRequest,
    source: ListFrom,
    mut collected: RowCollector,
    mut page: PageMeta,
) -> Result<RowCollector, RequestError> {
    while !page.continue_token.is_empty() {
        let (part, next) =
            fetch_page(api, request, source, &collected, &page.continue_token).await?;
        collected.append(part);
        page = next;
        api.observer
            .on_objects_read(&request.target.to_string(), collected.rows.len());
    }
    Ok(collected)
}

/// One page, decoded while it arrives; `continue_token` is empty for the first.
pub(super) async fn fetch_page(
    api: &ApiClient,
    request: &ReadRequest,
    source: ListFrom,
    empty: &RowCollector,
    continue_token: &str,
) -> Result<(RowCollector, PageMeta), RequestError> {
    let uri = request_uri(request, source, api.options.page_size, continue_token);
    let empty = empty.empty_like();
    let _slot = api.acquire_slot().await;
    api.observer.on_started(&request.target.to_string());
    let (page, mut collector) = get_and_decode(
        api,
        &uri,
        accept_header(request),
        move |content_type, body| {
            let mut collector = empty.empty_like();
            let page = decode_page(content_type, body, &mut collector);
            (page, collector)
        },
    )
    .await?;
    let page = page.map_err(invalid_response)?;
    collector.resource_version =
        Some(page.resource_version.clone()).filter(|text| !text.is_empty());
    Ok((collector, page))
}

/// The cheapest encoding that has what the rows keep.
fn accept_header(request: &ReadRequest) -> &'static str {
    match (&request.target, request.detail_level) {
        (ReadTarget::NonResourceUrl { .. }, _) => "text/plain",
        (_, DetailLevel::Metadata) => ACCEPT_METADATA,
        (_, DetailLevel::Typed) => ACCEPT_PROTOBUF,
        (_, DetailLevel::Full) => ACCEPT_JSON,
    }
}

/// Path and query of a page.
///
/// With `resourceVersion=0` servers read from the watch cache and ignore the limit, except for resources without one.
fn request_uri(
    request: &ReadRequest,
    source: ListFrom,
    page_size: u32,
    continue_token: &str,
) -> String {
    let selector = match &request.target {
        ReadTarget::NonResourceUrl { path, .. } => return path.clone(),
        ReadTarget::Objects { selector, .. } => selector,
    };
    let mut query = vec![format!("limit={page_size}")];
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            query.push(format!("{name}={value}"));
        }
    };
    add("labelSelector", &selector.labels);
    add("fieldSelector", &selector.fields);
    add("continue", continue_token);
    if continue_token.is_empty() && source == ListFrom::WatchCache {
        add("resourceVersion", "0");
    }
    format!("{}?{}", request.path, query.join("&"))
}

fn invalid_response(error: DecodeError) -> RequestError {
    RequestError::InvalidResponse {
        found: error.to_string(),
    }
}
