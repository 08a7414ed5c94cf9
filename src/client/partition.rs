//! How a list is partitioned: one response, pages, or namespace by namespace.
//!
//! The cheapest list comes from the watch cache (`resourceVersion=0`): it spares etcd, but it ignores the limit, so the
//! response is as large as the collection. It is used for servers that stream the list while they encode it. Older servers
//! build the whole response in memory first: they are asked for pages from etcd. Very large lists are partitioned by
//! namespace there, since the server encodes concurrent responses in parallel; from the watch cache this would be slow, as
//! it scans the objects of all namespaces to list one (until 1.32, BtreeWatchCache), while etcd does not.
//! Measured: docs/performance.md.

use futures::{FutureExt, StreamExt, TryStreamExt};

use super::api_client::ApiClient;
use super::decode::RowCollector;
use super::error::RequestError;
use super::list::{ListFrom, fetch_page, list_all};
use crate::need::{Freshness, ReadRequest, ReadTarget};

/// Number of pages from which a list is large.
const LARGE_LIST_PAGES: u64 = 10;
/// Average number of objects per namespace that makes one request each worthwhile.
const MIN_OBJECTS_PER_NAMESPACE: u64 = 50;

/// What decides how to list.
#[derive(Debug, Default)]
pub(super) struct ServerHints {
    /// Whether the server streams a list while it encodes it.
    pub(super) can_stream_lists: bool,
    /// The names of all namespaces; empty if they are not planned or not readable.
    pub(super) namespaces: Vec<String>,
}

/// Why a list is not complete.
#[derive(Debug)]
pub(super) struct ListError {
    pub(super) error: RequestError,
    /// The namespace whose list failed, if the list was partitioned.
    pub(super) namespace: Option<String>,
}

impl From<RequestError> for ListError {
    fn from(error: RequestError) -> Self {
        Self {
            error,
            namespace: None,
        }
    }
}

/// How recent the rows of a request are: servers that stream lists are read from their watch cache, others from etcd.
pub(super) fn freshness_of(request: &ReadRequest, hints: &ServerHints) -> Freshness {
    match request.target {
        ReadTarget::Objects { .. } if !hints.can_stream_lists => Freshness::MostRecent,
        _ => request.freshness,
    }
}

/// Reads the rows of a request into a copy of `empty`.
pub(super) async fn read_rows(
    api: &ApiClient,
    request: &ReadRequest,
    hints: &ServerHints,
    empty: &RowCollector,
) -> Result<RowCollector, ListError> {
    let cached = freshness_of(request, hints) == Freshness::WatchCache;
    if matches!(request.target, ReadTarget::NonResourceUrl { .. }) || cached {
        return Ok(list_all(api, request, ListFrom::WatchCache, empty, None).await?);
    }
    let (collector, first) = fetch_page(api, request, ListFrom::Etcd, empty, "").await?;
    if first.continue_token.is_empty() {
        return Ok(collector);
    }
    let objects = collector.rows.len() as u64
        + u64::try_from(first.remaining_item_count.unwrap_or_default()).unwrap_or_default();
    if let Some(limit) = request.max_objects.filter(|limit| objects > *limit) {
        return Err(RequestError::TooManyObjects { objects, limit }.into());
    }
    if request.all_namespaces
        && should_partition(objects, api.options.page_size, hints)
        && let Some(inner) = per_namespace_requests(request, hints)
    {
        // Older than the list of any namespace: a watch from it misses nothing.
        let resource_version = collector.resource_version;
        drop(collector.rows);
        let mut collected = list_by_namespace(api, &inner, empty).await?;
        collected.resource_version = resource_version;
        return Ok(collected);
    }
    Ok(list_all(
        api,
        request,
        ListFrom::Etcd,
        empty,
        Some((collector, first)),
    )
    .await?)
}

/// Whether a list of `objects` objects is read namespace by namespace.
fn should_partition(objects: u64, page_size: u32, hints: &ServerHints) -> bool {
    let namespaces = hints.namespaces.len() as u64;
    namespaces > 1
        && objects >= LARGE_LIST_PAGES * u64::from(page_size)
        && objects >= MIN_OBJECTS_PER_NAMESPACE * namespaces
}

/// The request for each namespace; `None` if one of them has an invalid name.
fn per_namespace_requests<'a>(
    request: &ReadRequest,
    hints: &'a ServerHints,
) -> Option<Vec<(&'a str, ReadRequest)>> {
    let in_namespace = |name: &'a String| Some((name.as_str(), request.in_namespace(name)?));
    hints.namespaces.iter().map(in_namespace).collect()
}

/// Lists namespace by namespace.
async fn list_by_namespace(
    api: &ApiClient,
    inner: &[(&str, ReadRequest)],
    empty: &RowCollector,
) -> Result<RowCollector, ListError> {
    api.allow(inner.iter().map(|(_, request)| request));
    let mut parts: Vec<Option<RowCollector>> = inner.iter().map(|_| None).collect();
    let mut objects_read = 0;
    let mut results = futures::stream::iter(inner.iter().enumerate())
        .map(|(index, (namespace, request))| {
            let part = async move {
                let part = list_all(api, request, ListFrom::Etcd, empty, None).await;
                part.map(|part| (index, part)).map_err(|error| ListError {
                    error,
                    namespace: Some((*namespace).to_owned()),
                })
            };
            part.boxed_local()
        })
        .buffer_unordered(api.options.max_in_flight.max(1));
    while let Some((index, part)) = results.try_next().await? {
        objects_read += part.rows.len();
        api.observer
            .on_objects_read(&inner[index].1.target.to_string(), objects_read);
        parts[index] = Some(part);
    }
    drop(results);
    // In the order of the namespaces: the order of rows must not depend on that of responses.
    let mut collected = empty.empty_like();
    collected.rows.reserve(objects_read);
    for part in parts.into_iter().flatten() {
        collected.append(part);
    }
    Ok(collected)
}

#[cfg(test)]
mod tests {
    use super::{ServerHints, should_partition};

    #[test]
    fn a_list_is_taken_apart_where_namespaces_are_worth_a_request() {
        let hints = |namespaces: usize| ServerHints {
            can_stream_lists: false,
            namespaces: (0..namespaces).map(|n| format!("n{n}")).collect(),
        };
        assert!(should_partition(150_000, 500, &hints(300)));
        assert!(!should_partition(150_000, 500, &hints(5_000)), "too thin");
        assert!(!should_partition(4_999, 500, &hints(10)), "few objects");
        assert!(should_partition(5_000, 500, &hints(10)));
        assert!(!should_partition(150_000, 500, &hints(1)), "nothing gained");
        assert!(!should_partition(150_000, 500, &hints(0)), "not listed");
    }
}
