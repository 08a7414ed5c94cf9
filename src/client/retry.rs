//! Retries: whether to send a request again, and when, by the state of the API server that all requests share.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use kube::client::Body;
use tokio::time::Instant;
use tower::{BoxError, ServiceExt};

use super::error::{RequestError, classify, from_response};
use super::http_layer::{
    HttpLayer, HttpResult, HttpService, ResponseBody, copy_request, tower_layer,
};
use super::options::ReadObserver;
use super::read_only::requested_verb;
use super::response_body::decompress_prefix;
use super::retry_after::retry_after;
use super::timeout::RequestTimer;
use crate::kubeconfig::Timeout;
use crate::need::Verb;

/// Attempts if the server sends `Retry-After`; the number of client-go.
///
/// Source: kubernetes/client-go rest/request.go (maxRetries).
const MAX_ATTEMPTS_RETRY_AFTER: u32 = 10;
/// Attempts while the connection is refused, as when an API server restarts: more than 30 s, unless all requests fail for that long.
const MAX_ATTEMPTS_CONNECTION_REFUSED: u32 = 10;
/// Attempts after other failures that may be transient.
const MAX_ATTEMPTS_TRANSIENT: u32 = 4;
/// The first wait without `Retry-After`.
const MIN_BACKOFF: Duration = Duration::from_millis(500);
/// Waits double up to this, jitter not included.
const MAX_BACKOFF: Duration = Duration::from_secs(4);
/// The jitter: each wait is extended by a random part of itself, so that concurrent requests do not return together.
const SCHEDULE: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(MIN_BACKOFF)
    .with_max_delay(MAX_BACKOFF)
    .without_max_times()
    .with_jitter();
/// How long all requests may fail if no timeout is set.
const DEFAULT_GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// Resources whose lists may time out, without a success in between, before requests are no longer sent.
const MAX_TIMED_OUT_RESOURCES: usize = 2;
/// How much of an error's body is read.
const MAX_ERROR_BODY_BYTES: usize = 64 << 10;
/// The prefix of a failed check in the text of `/readyz` and the like.
const FAILED_CHECK_PREFIX: &[u8] = b"[-]";

/// Sends requests again after transient failures: no connection, or a status that asks for it.
///
/// A response that is an error is returned with its [`RequestError`] in the extensions. A body that breaks off is beyond
/// this layer: see `get_and_decode`, which shares [`RetryState`] and [`Attempts`].
#[derive(Clone)]
pub(super) struct RetryLayer(pub(super) Arc<RetryState>);

tower_layer!(RetryLayer);

impl HttpLayer for RetryLayer {
    async fn call<S: HttpService>(self, inner: S, mut request: Request<Body>) -> HttpResult {
        let state = self.0;
        let uri = request.uri().to_string();
        let attempts = request.extensions().get::<Attempts>().cloned();
        let attempts = attempts.unwrap_or_else(|| Attempts::start(state.timeout));
        request.extensions_mut().insert(attempts.timer);
        loop {
            state.check_circuit(&uri)?;
            let accept = request.headers().get(header::ACCEPT);
            let accept = accept.and_then(|accept| accept.to_str().ok());
            tracing::debug!(%uri, accept, attempt = attempts.count() + 1, "GET");
            let response = inner.clone().oneshot(copy_request(&request)).await;
            let response = match response {
                Ok(response) => response,
                Err(error) => {
                    let error = classify(&*error, &state.server);
                    state.back_off(&uri, &attempts, error.into()).await?;
                    continue;
                }
            };
            state.record_response();
            tracing::debug!(%uri, status = %response.status(), "answer");
            if response.status().is_success() {
                if requested_verb(request.uri()) == Verb::Watch {
                    // A watch has no end that would show that it succeeded.
                    state.record_success();
                }
                return Ok(response);
            }
            let (response, failure) = match read_error(response).await {
                Ok(read) => read,
                Err(error) => {
                    let error = classify(&*error, &state.server);
                    state.back_off(&uri, &attempts, error.into()).await?;
                    continue;
                }
            };
            let Some(failure) = failure else {
                return Ok(response);
            };
            if state.back_off(&uri, &attempts, failure).await.is_err() {
                return Ok(response);
            }
        }
    }
}

/// Why an attempt failed, and how long the server asked the client to wait.
#[derive(Debug)]
pub(super) struct AttemptError {
    pub(super) error: RequestError,
    pub(super) retry_after: Option<Duration>,
}

impl From<RequestError> for AttemptError {
    fn from(error: RequestError) -> Self {
        Self {
            error,
            retry_after: None,
        }
    }
}

/// The attempts of one request, in its extensions.
#[derive(Debug, Clone)]
pub(super) struct Attempts {
    timer: RequestTimer,
    failed: Arc<AtomicU32>,
}

impl Attempts {
    pub(super) fn start(timeout: Timeout) -> Self {
        Self {
            timer: RequestTimer::start(timeout),
            failed: Arc::default(),
        }
    }

    /// How many attempts failed.
    fn count(&self) -> u32 {
        self.failed.load(Ordering::Relaxed)
    }
}

/// Reads the body of an error. The failure is `None` if the response is usable in spite of its status: `/readyz` answers
/// 500 with the checks that were asked for.
async fn read_error(
    response: Response<ResponseBody>,
) -> Result<(Response<ResponseBody>, Option<AttemptError>), BoxError> {
    let (mut head, body) = response.into_parts();
    let body = decompress_prefix(
        &head.headers,
        read_prefix(body).await?,
        MAX_ERROR_BODY_BYTES,
    );
    head.headers.remove(header::CONTENT_ENCODING);
    head.headers.remove(header::CONTENT_LENGTH);
    let failure = (!has_failed_checks(&head.headers, &body)).then(|| AttemptError {
        error: from_response(head.status, &head.headers, &body),
        retry_after: retry_after(&head.headers, Timestamp::now()),
    });
    if let Some(failure) = &failure {
        head.extensions.insert(failure.error.clone());
    }
    let body = Full::from(body).map_err(Into::into).boxed_unsync();
    Ok((Response::from_parts(head, body), failure))
}

/// The beginning of an error's body: enough for a `Status`, bounded for anything else. If the connection breaks, what
/// came before it is enough.
async fn read_prefix(mut body: ResponseBody) -> Result<Vec<u8>, BoxError> {
    let mut prefix = Vec::new();
    while prefix.len() < MAX_ERROR_BODY_BYTES {
        match body.frame().await {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    prefix.extend_from_slice(&data);
                }
            }
            Some(Err(error)) if error.is::<RequestError>() => return Err(error),
            Some(Err(_)) | None => break,
        }
    }
    Ok(prefix)
}

/// Whether an error is a plain text list of checks, some of which failed.
fn has_failed_checks(headers: &HeaderMap, body: &[u8]) -> bool {
    let is_text = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
    is_text
        && body
            .split(|byte| *byte == b'\n')
            .any(|line| line.starts_with(FAILED_CHECK_PREFIX))
}

/// The state of the API server as all requests of a client see it.
pub(super) struct RetryState {
    server: String,
    timeout: Timeout,
    observer: Arc<dyn ReadObserver>,
    inner: Mutex<RetryStateInner>,
}

#[derive(Debug, Default)]
struct RetryStateInner {
    /// Whether the server ever responded: the client does not wait for one that never did.
    has_responded: bool,
    /// Since when no request has succeeded.
    failing_since: Option<Instant>,
    /// What timed out since then: last path segments, so that the namespaces of one resource count once.
    timed_out_resources: BTreeSet<String>,
    last_timeout: Option<RequestError>,
    waiting_requests: u32,
    /// Since when at least one request has been waiting.
    waiting_since: Option<Instant>,
    /// How long at least one request waited, before `waiting_since`.
    total_backoff: Duration,
    has_announced_wait: bool,
}

impl RetryState {
    pub(super) fn new(server: String, timeout: Timeout, observer: Arc<dyn ReadObserver>) -> Self {
        Self {
            server,
            timeout,
            observer,
            inner: Mutex::default(),
        }
    }

    fn lock_inner(&self) -> MutexGuard<'_, RetryStateInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server responded, with whatever status.
    fn record_response(&self) {
        self.lock_inner().has_responded = true;
    }

    /// A response is complete and usable.
    pub(super) fn record_success(&self) {
        let mut state = self.lock_inner();
        state.failing_since = None;
        state.timed_out_resources.clear();
        state.last_timeout = None;
    }

    /// Forgets earlier failures: for readers that never give up.
    pub(super) fn reset(&self) {
        self.record_success();
    }

    /// Whether to send another request.
    ///
    /// # Errors
    /// The last timeout, if too many requests timed out.
    fn check_circuit(&self, uri: &str) -> Result<(), RequestError> {
        let state = self.lock_inner();
        let is_open = state.timed_out_resources.len() >= MAX_TIMED_OUT_RESOURCES
            || state.timed_out_resources.contains(resource_of_uri(uri));
        match &state.last_timeout {
            Some(failure) if is_open => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    /// Waits before the next attempt. Announces the first wait to the observer.
    ///
    /// # Errors
    /// `failure`, if another attempt is useless or the request's time does not suffice.
    pub(super) async fn back_off(
        &self,
        uri: &str,
        attempts: &Attempts,
        failure: AttemptError,
    ) -> Result<(), RequestError> {
        let attempt = attempts.failed.fetch_add(1, Ordering::Relaxed) + 1;
        let wait = self.backoff_for(uri, &failure, attempt);
        let Some(wait) = wait.filter(|wait| attempts.timer.has_time_for(*wait)) else {
            return Err(failure.error);
        };
        let failure = failure.error.to_string();
        tracing::info!(%uri, %failure, seconds = wait.as_secs_f32(), "waiting, then trying again");
        self.wait_backoff(wait, &failure).await;
        Ok(())
    }

    /// How long to wait before the next attempt; `None` if there should be none.
    fn backoff_for(&self, uri: &str, failure: &AttemptError, attempt: u32) -> Option<Duration> {
        let mut state = self.lock_inner();
        let max_attempts = match &failure.error {
            RequestError::TooManyRequests { .. }
            | RequestError::Server {
                code: 500 | 502..=504,
                ..
            } => failure
                .retry_after
                .map_or(MAX_ATTEMPTS_TRANSIENT, |_| MAX_ATTEMPTS_RETRY_AFTER),
            RequestError::ConnectionRefused { .. } if state.has_responded => {
                MAX_ATTEMPTS_CONNECTION_REFUSED
            }
            RequestError::Unreachable { .. } if state.has_responded => MAX_ATTEMPTS_TRANSIENT,
            RequestError::TimedOut { .. } => {
                let resource = resource_of_uri(uri).to_owned();
                state.timed_out_resources.insert(resource);
                state.last_timeout = Some(failure.error.clone());
                return None;
            }
            _ => return None,
        };
        let failing = *state.failing_since.get_or_insert_with(Instant::now);
        let give_up_after = self.timeout.duration().unwrap_or(DEFAULT_GIVE_UP_AFTER);
        if attempt >= max_attempts || failing.elapsed() >= give_up_after {
            return None;
        }
        let mut schedule = SCHEDULE.build();
        match failure.retry_after {
            // Never earlier than requested.
            Some(wait) => schedule.next().map(|first| wait + (first - MIN_BACKOFF)),
            None => schedule.nth(attempt as usize - 1),
        }
    }

    async fn wait_backoff(&self, wait: Duration, failure: &str) {
        let is_first = {
            let mut state = self.lock_inner();
            state.waiting_requests += 1;
            state.waiting_since.get_or_insert_with(Instant::now);
            !std::mem::replace(&mut state.has_announced_wait, true)
        };
        if is_first {
            self.observer.on_backoff(failure);
        }
        tokio::time::sleep(wait).await;
        let mut state = self.lock_inner();
        state.waiting_requests -= 1;
        if state.waiting_requests == 0
            && let Some(since) = state.waiting_since.take()
        {
            state.total_backoff += since.elapsed();
        }
    }

    /// How long at least one request waited before another attempt.
    pub(super) fn total_backoff(&self) -> Duration {
        self.lock_inner().total_backoff
    }
}

/// The last segment of the path.
fn resource_of_uri(uri: &str) -> &str {
    let path = uri.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::Arc;
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, header};

    use super::super::options::NoopObserver;
    use super::{AttemptError, RequestError, RetryState, Timeout, has_failed_checks};

    fn failed(error: RequestError, seconds: Option<u64>) -> AttemptError {
        AttemptError {
            error,
            retry_after: seconds.map(Duration::from_secs),
        }
    }

    fn throttled(seconds: Option<u64>) -> AttemptError {
        let message = String::new();
        failed(RequestError::TooManyRequests { message }, seconds)
    }

    fn connection_refused() -> AttemptError {
        let server = String::new();
        failed(RequestError::ConnectionRefused { server }, None)
    }

    fn timed_out() -> AttemptError {
        let operation = String::new();
        let after = None;
        failed(RequestError::TimedOut { operation, after }, None)
    }

    fn state() -> RetryState {
        RetryState::new(String::new(), Timeout::default(), Arc::new(NoopObserver))
    }

    /// Every wait until the last attempt; each must be in its range of seconds.
    fn assert_waits(state: &RetryState, failure: &AttemptError, expected: &[Range<f32>]) {
        let waits: Vec<f32> = (1..)
            .map_while(|attempt| state.backoff_for("/a", failure, attempt))
            .map(|wait| wait.as_secs_f32())
            .collect();
        assert_eq!(waits.len(), expected.len(), "{waits:?}");
        for (wait, range) in waits.iter().zip(expected) {
            assert!(range.contains(wait), "{waits:?}");
        }
    }

    #[test]
    fn waits_as_the_server_asks_and_else_longer_each_time() {
        assert_waits(&state(), &throttled(None), &[0.5..1.0, 1.0..2.0, 2.0..4.0]);
        assert_waits(&state(), &throttled(Some(7)), &vec![7.0..7.5; 9]);
    }

    #[test]
    fn concurrent_requests_do_not_return_together() {
        for failure in [throttled(None), throttled(Some(1))] {
            let wait = || state().backoff_for("/a", &failure, 1);
            let first = wait();
            assert!((0..20).any(|_| wait() != first), "{first:?}");
        }
    }

    #[test]
    fn waits_for_a_server_that_has_responded() {
        let state = state();
        assert_waits(&state, &connection_refused(), &[]);
        state.record_response();
        let mut expected = vec![0.5..1.0, 1.0..2.0, 2.0..4.0];
        expected.resize(9, 4.0..8.0);
        assert_waits(&state, &connection_refused(), &expected);
    }

    #[test]
    fn permanent_failures_are_not_retried() {
        let message = String::new();
        for error in [
            RequestError::Forbidden {
                message: message.clone(),
            },
            RequestError::Server {
                code: 501,
                reason: message.clone(),
                message: message.clone(),
            },
            RequestError::InvalidResponse { found: message },
        ] {
            assert_waits(&state(), &failed(error, None), &[]);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn retries_end_when_all_requests_fail_for_too_long() {
        let state = state();
        let retries = || state.backoff_for("/a", &throttled(Some(1)), 1).is_some();
        assert!(retries());
        tokio::time::advance(Duration::from_secs(29)).await;
        assert!(retries());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!retries());
        state.record_success();
        assert!(retries());
    }

    #[test]
    fn a_server_that_hangs_twice_gets_no_third_request() {
        let state = state();
        let hangs = |uri: &str| assert!(state.backoff_for(uri, &timed_out(), 1).is_none());
        hangs("/ns/a/pods?limit=5");
        hangs("/ns/b/pods?limit=5");
        assert!(state.check_circuit("/ns/c/pods").is_err());
        assert_eq!(state.check_circuit("/nodes"), Ok(()));
        hangs("/nodes");
        assert!(state.check_circuit("/secrets").is_err());
        state.record_success();
        assert_eq!(state.check_circuit("/secrets"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_waits_count_once() {
        let state = state();
        let wait = |seconds| state.wait_backoff(Duration::from_secs(seconds), "");
        futures::join!(wait(2), wait(5), wait(1));
        wait(1).await;
        assert_eq!(state.total_backoff(), Duration::from_secs(6));
    }

    #[test]
    fn only_a_list_of_checks_is_usable_in_spite_of_its_status() {
        let has_checks = |content_type: &'static str, body: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            has_failed_checks(&headers, body.as_bytes())
        };
        let checks = "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n";
        assert!(has_checks("text/plain; charset=utf-8", checks));
        assert!(!has_checks("application/json", checks));
        assert!(!has_checks("text/plain", "bad gateway [-]"));
    }
}
