//! In what pieces a list is asked for.
//!
//! The cheapest answer is the one from the API server's memory (`resourceVersion=0`): it spares etcd, but is as large as the
//! collection, for the limit is ignored. Servers that send a list while they encode it are asked so. Older ones
//! build the whole answer first, in memory that grows with it: they are asked for pages from their store. Lists of very many
//! objects are taken apart by namespace there, for several pieces in flight are encoded in parallel; their memory would go
//! through the objects of all namespaces to list one (until 1.32, BtreeWatchCache), their store does not.
//! Measured: docs/performance.md.

use futures::{FutureExt, StreamExt, TryStreamExt};

use super::ClusterReader;
use super::decode::RowCollector;
use super::list::{ListError, ListFrom, fetch_page, list_all};
use crate::need::{Freshness, ReadRequest, ReadTarget};

/// From so many pages on a list is large.
const LARGE_LIST_PAGES: u64 = 10;
/// Objects that a namespace must hold on average for its own request to be worth its while.
const MIN_OBJECTS_PER_NAMESPACE: u64 = 50;

/// What is known about the cluster when the pieces are chosen.
#[derive(Debug, Default)]
pub(super) struct ServerHints {
    /// Whether the server sends a list while it encodes it.
    pub(super) can_stream_lists: bool,
    /// The namespaces; none where they were not to be listed, or could not be.
    pub(super) namespaces: Vec<String>,
}

/// Reads what a request asks for; `empty` is the sink to collect in.
pub(super) async fn read_rows(
    reader: &ClusterReader,
    request: &ReadRequest,
    grounds: &ServerHints,
    empty: &RowCollector,
) -> Result<RowCollector, ListError> {
    let cached = request.freshness == Freshness::WatchCache && grounds.can_stream_lists;
    if matches!(request.target, ReadTarget::NonResourceUrl { .. }) || cached {
        return Ok(list_all(reader, request, ListFrom::WatchCache, empty, None).await?);
    }
    let (sink, first) = fetch_page(reader, request, ListFrom::Etcd, empty, "").await?;
    if first.continue_token.is_empty() {
        return Ok(sink);
    }
    let objects = sink.rows.len() as u64
        + u64::try_from(first.remaining_item_count.unwrap_or_default()).unwrap_or_default();
    if request.all_namespaces
        && should_partition(objects, reader.options.page_size, grounds)
        && let Some(inner) = per_namespace_requests(request, grounds)
    {
        // Older than the list of any namespace: a watch from it misses nothing.
        let resource_version = sink.resource_version;
        drop(sink.rows);
        let mut collected = list_by_namespace(reader, &inner, empty).await?;
        collected.resource_version = resource_version;
        return Ok(collected);
    }
    Ok(list_all(reader, request, ListFrom::Etcd, empty, Some((sink, first))).await?)
}

/// Whether a list of so many objects is asked for namespace by namespace.
fn should_partition(objects: u64, chunk: u32, grounds: &ServerHints) -> bool {
    let namespaces = grounds.namespaces.len() as u64;
    namespaces > 1
        && objects >= LARGE_LIST_PAGES * u64::from(chunk)
        && objects >= MIN_OBJECTS_PER_NAMESPACE * namespaces
}

/// The request for each namespace; none where one of them has a name that cannot be asked for.
fn per_namespace_requests<'a>(
    request: &ReadRequest,
    grounds: &'a ServerHints,
) -> Option<Vec<(&'a str, ReadRequest)>> {
    let of_one = |name: &'a String| Some((name.as_str(), request.in_namespace(name)?));
    grounds.namespaces.iter().map(of_one).collect()
}

/// Asks namespace by namespace.
async fn list_by_namespace(
    reader: &ClusterReader,
    inner: &[(&str, ReadRequest)],
    empty: &RowCollector,
) -> Result<RowCollector, ListError> {
    reader
        .read_only_layer
        .allow(inner.iter().map(|(_, request)| request.path.clone()));
    let mut parts: Vec<Option<RowCollector>> = inner.iter().map(|_| None).collect();
    let mut objects_read = 0;
    let mut answers = futures::stream::iter(inner.iter().enumerate())
        .map(|(place, (namespace, request))| {
            let part = async move {
                let part = list_all(reader, request, ListFrom::Etcd, empty, None).await;
                part.map(|part| (place, part)).map_err(|failure| ListError {
                    error: failure,
                    namespace: Some((*namespace).to_owned()),
                })
            };
            part.boxed_local()
        })
        .buffer_unordered(reader.options.max_in_flight.max(1));
    while let Some((place, part)) = answers.try_next().await? {
        objects_read += part.rows.len();
        reader
            .observer
            .on_objects_read(&inner[place].1.target.to_string(), objects_read);
        parts[place] = Some(part);
    }
    drop(answers);
    // In the order of the namespaces, so that the same cluster gives the same rows.
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
        let grounds = |namespaces: usize| ServerHints {
            can_stream_lists: false,
            namespaces: (0..namespaces).map(|n| format!("n{n}")).collect(),
        };
        assert!(should_partition(150_000, 500, &grounds(300)));
        assert!(!should_partition(150_000, 500, &grounds(5_000)), "too thin");
        assert!(!should_partition(4_999, 500, &grounds(10)), "few objects");
        assert!(should_partition(5_000, 500, &grounds(10)));
        assert!(
            !should_partition(150_000, 500, &grounds(1)),
            "nothing gained"
        );
        assert!(!should_partition(150_000, 500, &grounds(0)), "not listed");
    }
}
