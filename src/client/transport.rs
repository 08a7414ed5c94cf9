//! One GET: sent within its time, sent again where that may help, its body read frame by frame on another thread.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use kube::client::Body;
use tokio::time::Instant;

use super::ClusterReader;
use super::error::{RequestError, classify, from_response};
use super::http_date::parse_date_header;
use super::response_body::{BodyReader, ChunkSender, body_channel, decompress_prefix};
use super::timeout::RequestTimer;

/// The longest wait that a server may ask for between two tries.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
/// How much of an error's body is read.
const MAX_ERROR_BODY_BYTES: usize = 64 << 10;

/// How a page of checks begins a line about one that failed.
const FAILED_CHECK_PREFIX: &[u8] = b"[-]";

/// What is asked for, in which encoding, for which time.
type AttemptSpec<'a> = (&'a str, &'a str, u32);

/// Why an attempt failed, and for how long the server asked to be left alone.
pub(super) struct AttemptError {
    pub(super) error: RequestError,
    pub(super) retry_after: Option<Duration>,
}

impl From<RequestError> for AttemptError {
    fn from(failure: RequestError) -> Self {
        Self {
            error: failure,
            retry_after: None,
        }
    }
}

/// Fetches a page and decodes it on a thread of its own while it arrives. Sent again where that may help, from the
/// beginning: `decode` is called once for each answer, and must start anew each time.
///
/// # Errors
/// The failure of the request, or, inside `Ok`, what the decoder made of it.
pub(super) async fn get_and_decode<T: Send + 'static>(
    reader: &ClusterReader,
    uri: &str,
    accept: &str,
    decode: impl Fn(&str, BodyReader) -> T + Send + Sync + 'static,
) -> Result<T, RequestError> {
    let clock = RequestTimer::start(reader.options.timeout);
    let decode = Arc::new(decode);
    for attempt in 1.. {
        reader.retry_state.check_circuit(uri)?;
        let refusal = match attempt_once(reader, (uri, accept, attempt), &clock, &decode).await {
            Ok(decoded) => {
                reader.retry_state.record_success();
                return Ok(decoded);
            }
            Err(refusal) => refusal,
        };
        let wait = reader.retry_state.backoff_for(uri, &refusal, attempt);
        // What the time does not allow is not begun.
        let Some(wait) = wait.filter(|wait| clock.has_time_for(*wait)) else {
            return Err(refusal.error);
        };
        let failure = refusal.error.to_string();
        tracing::info!(%uri, %failure, seconds = wait.as_secs_f32(), "waiting, then trying again");
        reader
            .retry_state
            .wait_backoff(wait, &failure, &*reader.observer)
            .await;
    }
    Err(other_error("no try was made".to_owned()))
}

/// One attempt.
async fn attempt_once<T: Send + 'static>(
    reader: &ClusterReader,
    what: AttemptSpec<'_>,
    clock: &RequestTimer,
    decode: &Arc<impl Fn(&str, BodyReader) -> T + Send + Sync + 'static>,
) -> Result<T, AttemptError> {
    let response = send_expecting_success(reader, what, clock).await?;
    let content_type = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let (feed, unread) = body_channel(response.headers());
    let decode = Arc::clone(decode);
    let decoding = tokio::task::spawn_blocking(move || decode(&content_type, unread.into_reader()));
    let fed = stream_body(response.into_body(), &feed, clock, &reader.server).await;
    if let Err(failure) = &fed {
        // The decoder must see a broken body, not the end of one.
        let broken =
            std::io::Error::new(std::io::ErrorKind::ConnectionAborted, failure.to_string());
        let _ = feed.send(Err(broken)).await;
    }
    drop(feed);
    let decoded = decoding
        .await
        .map_err(|error| other_error(format!("decoding the answer failed: {error}")))?;
    fed?;
    Ok(decoded)
}

/// Sends, and takes an answer that is worth reading.
async fn send_expecting_success(
    reader: &ClusterReader,
    what @ (uri, ..): AttemptSpec<'_>,
    clock: &RequestTimer,
) -> Result<Response<Body>, AttemptError> {
    let response = send_with_reauth(reader, what, clock).await?;
    reader.retry_state.record_response();
    let status = response.status();
    tracing::debug!(%uri, %status, "answer");
    if status.is_success() {
        return Ok(response);
    }
    let asked = retry_after(response.headers(), Timestamp::now());
    let (mut head, body) = response.into_parts();
    let body = clock
        .with_deadline("reading an error", read_body_prefix(body))
        .await?;
    let body = decompress_prefix(&head.headers, body, MAX_ERROR_BODY_BYTES);
    head.headers.remove(header::CONTENT_ENCODING);
    if has_failed_checks(&head.headers, &body) {
        // A page such as /readyz answers 500 with the very thing that was asked for.
        return Ok(Response::from_parts(head, Body::from(body)));
    }
    let failure = from_response(status, &head.headers, &body);
    Err(AttemptError {
        error: failure,
        retry_after: asked,
    })
}

/// Sends once, and once more with fresh credentials where the server does not accept the old ones any more.
async fn send_with_reauth(
    reader: &ClusterReader,
    (uri, accept, attempt): AttemptSpec<'_>,
    clock: &RequestTimer,
) -> Result<Response<Body>, RequestError> {
    let mut pass = reader.auth_session.current_client().await;
    let mut fresh = false;
    loop {
        let request = Request::get(uri)
            .header(header::ACCEPT, accept)
            .header(header::ACCEPT_ENCODING, "gzip")
            .body(Body::empty())
            .map_err(|error| other_error(format!("{uri} is no request: {error}")))?;
        let asked = Timestamp::now();
        tracing::debug!(%uri, accept, attempt, "GET");
        let response = clock
            .with_deadline("waiting for an answer", pass.client.send(request))
            .await?
            .map_err(|error| classify(&error, &reader.server))?;
        reader
            .auth_session
            .record_clock_skew(asked, response.headers());
        if response.status().is_success() {
            pass.mark_accepted();
        }
        if fresh || response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        // A plugin may take longer than a request; it has its own limit.
        match reader.auth_session.refresh(&pass).await? {
            Some(next) => pass = next,
            None => return Ok(response),
        }
        fresh = true;
    }
}

/// Whether an error is a list of checks of which one failed, as plain text.
fn has_failed_checks(headers: &HeaderMap, body: &[u8]) -> bool {
    let text = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
    text && body
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(FAILED_CHECK_PREFIX))
}

fn other_error(why: String) -> RequestError {
    RequestError::Other { why }
}

/// How long the server asks to be left alone: seconds, or a date that lies ahead.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let wait = match text.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            // By the clock of whoever set the date, where the answer tells that too.
            let now = parse_date_header(headers, header::DATE).unwrap_or(now);
            let until =
                parse_date_header(headers, header::RETRY_AFTER).filter(|until| *until > now)?;
            until.duration_since(now).unsigned_abs()
        }
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

/// The beginning of an error's body: enough for a `Status`, bounded for anything else.
async fn read_body_prefix(mut body: Body) -> Vec<u8> {
    let mut start = Vec::new();
    while start.len() < MAX_ERROR_BODY_BYTES {
        match body.frame().await {
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    start.extend_from_slice(&data);
                }
            }
            Some(Err(_)) | None => break,
        }
    }
    start
}

/// Who has begun to answer can be reached.
fn closed_mid_response(failure: RequestError) -> RequestError {
    match failure {
        RequestError::Unreachable { server, .. } => RequestError::Unreachable {
            server,
            why: "the connection was closed before the answer was complete".to_owned(),
        },
        other => other,
    }
}

/// Hands the body to the decoder as it comes.
async fn stream_body(
    mut body: Body,
    feed: &ChunkSender,
    clock: &RequestTimer,
    server: &str,
) -> Result<(), RequestError> {
    let mut floor = clock.throughput_guard();
    loop {
        let asked = Instant::now();
        let Some(frame) = clock
            .with_deadline("reading the answer", body.frame())
            .await?
        else {
            return Ok(());
        };
        let frame = frame.map_err(|error| closed_mid_response(classify(&error, server)))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        floor.record(data.len(), asked.elapsed())?;
        if feed.send(Ok(data)).await.is_err() {
            // The decoder has seen enough: what it says of that is the answer.
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue, header};

    use super::{has_failed_checks, retry_after};

    #[test]
    fn a_wait_is_a_number_of_seconds_or_a_date_that_lies_ahead() {
        let now = "2026-11-21T10:00:00Z".parse().expect("a time");
        let asked = |after: &'static str, there: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(after));
            if let Some(there) = there {
                headers.insert(header::DATE, HeaderValue::from_static(there));
            }
            retry_after(&headers, now)
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(asked("7", None), seconds(7));
        assert_eq!(asked("3600", None), seconds(30), "bounded");
        assert_eq!(asked("Sat, 21 Nov 2026 10:00:07 GMT", None), seconds(7));
        assert_eq!(asked("Sat, 21 Nov 2026 11:00:00 GMT", None), seconds(30));
        // No time to come back at.
        assert_eq!(asked("Sat, 21 Nov 2026 09:59:59 GMT", None), None);
        assert_eq!(asked("-1", None), None);
        assert_eq!(asked("soon", None), None);
        // Whose clock is two hours ahead does not mean two hours.
        let there = Some("Sat, 21 Nov 2026 12:00:00 GMT");
        assert_eq!(asked("Sat, 21 Nov 2026 12:00:07 GMT", there), seconds(7));
        assert_eq!(asked("Sat, 21 Nov 2026 11:00:00 GMT", there), None);
        assert_eq!(asked("7", there), seconds(7));
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn only_a_list_of_checks_is_an_answer_in_spite_of_its_status() {
        let of = |kind: &'static str, body: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            has_failed_checks(&headers, body.as_bytes())
        };
        let checks = "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n";
        assert!(of("text/plain; charset=utf-8", checks));
        assert!(!of("application/json", checks));
        assert!(!of("text/plain", "bad gateway [-]"));
    }
}
