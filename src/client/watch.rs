//! Watches: a list, then its changes, through every outage. And probes, each over a connection of its own.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use http::{Request, Response, header};
use http_body_util::{BodyExt, Limited};
use kube::client::Body;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, sleep, timeout_at};

use super::api_client::ApiClient;
use super::decode::RowCollector;
use super::discovery::VersionInfo;
use super::error::{RequestError, classify};
use super::reader::ClusterReader;
use super::retry::Attempts;
use super::transport::send;
use crate::catalog::Release;
use crate::need::{Discovery, ReadRequest, ReadTarget, Verb};
use crate::snapshot::{ReadOutcome, ReadResult, Rows, Uid};

/// The first wait after a watch broke off.
const MIN_BACKOFF: Duration = Duration::from_secs(1);
/// Waits double up to this, jitter not included: an API server that returns must not wait long to be seen.
const MAX_BACKOFF: Duration = Duration::from_secs(15);
/// How long the API server is asked to keep a watch open.
const WATCH_SECONDS: u64 = 290;
/// How much longer the client waits for it to end: a connection that died silently ends then.
const GRACE: Duration = Duration::from_secs(30);
/// Time from which a watch counts as one that worked, so that the next failure waits briefly again.
const WORKED_AFTER: Duration = Duration::from_secs(30);
/// The longest event that is read.
const MAX_EVENT_BYTES: usize = 16 << 20;
/// The longest answer to a probe.
const MAX_PROBE_BYTES: usize = 1 << 20;

/// What a watch reports.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchUpdate {
    /// A list, complete or failed. It replaces all rows before it.
    Listed(Box<ReadResult>),
    /// Objects were created or changed.
    Applied(Rows),
    /// An object was deleted.
    Deleted {
        /// Namespace; empty for cluster-scoped objects.
        namespace: String,
        /// Name.
        name: String,
        /// `metadata.uid`.
        uid: Option<Uid>,
    },
}

/// How a watch ended.
enum WatchEnd {
    /// It can be resumed from this resource version.
    Closed(String),
    /// It cannot be resumed: the resource version is gone, watching is refused, or an event cannot be understood.
    ListAgain,
    /// Nobody receives any more.
    Dropped,
}

#[derive(Deserialize)]
struct RawEvent {
    #[serde(rename = "type")]
    kind: String,
    object: Value,
}

impl ClusterReader {
    /// Follows the changes of what a request reads from a resource version, or lists it first if there is none, until
    /// `updates` is closed. Credentials that are refused are refreshed with backoff for as long as it takes.
    ///
    /// A watch that breaks off is resumed from where it was, with backoff and jitter and without giving up; where the API
    /// server no longer has that resource version (410), the list is read again.
    pub async fn watch(
        &self,
        request: &ReadRequest,
        discovery: &Discovery,
        mut resource_version: Option<String>,
        updates: Sender<WatchUpdate>,
    ) {
        let api = self.api();
        api.read_only.allow([(Verb::Watch, request.path.clone())]);
        api.auth_session.keep_refreshing().await;
        let mut backoff = schedule();
        loop {
            // A watch outlives the outages for which other requests give up.
            api.retry_state.reset();
            let started = Instant::now();
            let Some(from) = resource_version.take() else {
                let results = self.read(std::slice::from_ref(request), discovery).await;
                for result in results {
                    resource_version.clone_from(&result.resource_version);
                    let is_complete = result.outcome == ReadOutcome::Complete;
                    if updates
                        .send(WatchUpdate::Listed(Box::new(result)))
                        .await
                        .is_err()
                    {
                        return;
                    }
                    if !is_complete {
                        resource_version = None;
                    }
                }
                if resource_version.is_none() {
                    wait(&mut backoff).await;
                }
                continue;
            };
            match watch_once(api, request, &from, &updates).await {
                WatchEnd::Dropped => return,
                WatchEnd::ListAgain => {}
                WatchEnd::Closed(reached) => resource_version = Some(reached),
            }
            if started.elapsed() >= WORKED_AFTER {
                backoff = schedule();
            } else {
                wait(&mut backoff).await;
            }
        }
    }

    /// Asks one API server for its version over a new connection, which a load balancer may send to another one each time.
    ///
    /// # Errors
    /// If none answers within the timeout of the reader, or the answer is not a version.
    pub async fn probe(&self) -> Result<Release, RequestError> {
        let api = self.api();
        api.retry_state.reset();
        api.auth_session.keep_refreshing().await;
        api.read_only.allow([(Verb::Get, "/version".to_owned())]);
        let request = Request::get("/version").header(header::CONNECTION, "close");
        let response = get(api, request).await?;
        let body = Limited::new(response.into_body(), MAX_PROBE_BYTES);
        let body = body.collect().await;
        let body = body.map_err(|error| classify(&*error, &api.server))?;
        let info: Result<VersionInfo, _> = serde_json::from_slice(&body.to_bytes());
        let invalid = |found: String| RequestError::InvalidResponse { found };
        let info = info.map_err(|error| invalid(error.to_string()))?;
        info.git_version
            .parse()
            .map_err(|error: crate::catalog::ParseVersionError| invalid(error.to_string()))
    }
}

fn schedule() -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(MIN_BACKOFF)
        .with_max_delay(MAX_BACKOFF)
        .without_max_times()
        .with_jitter()
        .build()
}

async fn wait(backoff: &mut ExponentialBackoff) {
    sleep(backoff.next().unwrap_or(MAX_BACKOFF)).await;
}

/// A request for JSON with attempts of its own.
async fn get(
    api: &ApiClient,
    request: http::request::Builder,
) -> Result<Response<Body>, RequestError> {
    let request = request.header(header::ACCEPT, "application/json");
    send(api, request, &Attempts::start(api.options.timeout)).await
}

/// Watches from a resource version until the API server closes the watch, or the connection breaks.
async fn watch_once(
    api: &ApiClient,
    request: &ReadRequest,
    from: &str,
    updates: &Sender<WatchUpdate>,
) -> WatchEnd {
    let uri = watch_uri(request, from);
    let mut reached = from.to_owned();
    let mut body = match get(api, Request::get(&uri)).await {
        Ok(response) => response.into_body(),
        // A list says why it is refused.
        Err(error) if error.is_expired() || matches!(error, RequestError::Forbidden { .. }) => {
            return WatchEnd::ListAgain;
        }
        Err(error) => {
            tracing::info!(%uri, %error, "the watch could not be started");
            return WatchEnd::Closed(reached);
        }
    };
    let deadline = Instant::now() + Duration::from_secs(WATCH_SECONDS) + GRACE;
    let mut buffer: Vec<u8> = Vec::new();
    while let Ok(Some(Ok(frame))) = timeout_at(deadline, body.frame()).await {
        let Ok(data) = frame.into_data() else {
            continue;
        };
        buffer.extend_from_slice(&data);
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            let Ok(event) = serde_json::from_slice::<RawEvent>(&line) else {
                // What follows an event that was missed would be wrong.
                return WatchEnd::ListAgain;
            };
            if let Some(end) = take_event(api, request, event, &mut reached, updates).await {
                return end;
            }
        }
        if buffer.len() > MAX_EVENT_BYTES {
            return WatchEnd::ListAgain;
        }
    }
    WatchEnd::Closed(reached)
}

async fn take_event(
    api: &ApiClient,
    request: &ReadRequest,
    event: RawEvent,
    reached: &mut String,
    updates: &Sender<WatchUpdate>,
) -> Option<WatchEnd> {
    let text = |pointer: &str| {
        let value = event.object.pointer(pointer).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let version = text("/metadata/resourceVersion");
    let update = match event.kind.as_str() {
        "BOOKMARK" => None,
        "DELETED" => Some(WatchUpdate::Deleted {
            namespace: text("/metadata/namespace"),
            name: text("/metadata/name"),
            uid: text("/metadata/uid").parse().ok(),
        }),
        "ADDED" | "MODIFIED" => {
            let mut collector = RowCollector::new(request, api.catalog);
            collector.push_json(event.object);
            Some(WatchUpdate::Applied(collector.finish().0))
        }
        // An error, such as a resource version that is too old.
        _ => return Some(WatchEnd::ListAgain),
    };
    if !version.is_empty() {
        *reached = version;
    }
    let is_dropped = updates.send(update?).await.is_err();
    is_dropped.then_some(WatchEnd::Dropped)
}

fn watch_uri(request: &ReadRequest, from: &str) -> String {
    let mut uri = format!(
        "{}?watch=true&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={from}",
        request.path
    );
    if let ReadTarget::Objects { selector, .. } = &request.target {
        for (name, value) in [
            ("labelSelector", &selector.labels),
            ("fieldSelector", &selector.fields),
        ] {
            if !value.is_empty() {
                let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
                uri.push_str(&format!("&{name}={value}"));
            }
        }
    }
    uri
}
