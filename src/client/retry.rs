//! Retries: whether to send a request again, and when, by the state of the API server that all requests share.

mod policy;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use http::{HeaderMap, Request, Response, header};
use http_body_util::{BodyExt, Full};
use jiff::Timestamp;
use kube::client::Body;
use tower::{BoxError, ServiceExt};

use super::error::{RequestError, classify, from_response};
use super::http_layer::{
    HttpLayer, HttpResult, HttpService, ResponseBody, copy_request, tower_layer,
};
use super::read_only::requested_verb;
use super::response_body::decompress_prefix;
use super::retry_after::retry_after;
use super::timeout::RequestTimer;
use crate::kubeconfig::Timeout;
use crate::need::Verb;

pub(super) use state::RetryState;

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
            tracing::trace!(headers = ?readable_headers(request.headers()), "request headers");
            let sent = Instant::now();
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
            let milliseconds = sent.elapsed().as_millis();
            tracing::debug!(%uri, status = %response.status(), milliseconds, "answer");
            tracing::trace!(headers = ?readable_headers(response.headers()), "response headers");
            state.record_warnings(response.headers());
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

/// Headers for the log, without those that may hold credentials.
fn readable_headers(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let is_secret = |name: &str| {
        ["auth", "cookie", "token", "impersonate"]
            .iter()
            .any(|word| name.contains(word))
    };
    let headers = headers.iter();
    headers
        .filter(|(name, value)| !is_secret(name.as_str()) && !value.is_sensitive())
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect()
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
