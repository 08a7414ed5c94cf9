//! One GET: sent within its time, sent again where that may help, its body read frame by frame on another thread.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use jiff::Timestamp;
use kube::client::Body;
use tokio::time::Instant;

use super::Reader;
use super::body::{Feed, Incoming, body, unpacked};
use super::clock::Clock;
use super::failure::{Failure, classify, from_answer};
use super::http_date::date;

/// The longest wait that a server may ask for between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How much of an error's body is read.
const ERROR_BODY: usize = 64 << 10;

/// How a page of checks begins a line about one that failed.
const FAILED_CHECK: &[u8] = b"[-]";

/// What is asked for, in which encoding, for which time.
type What<'a> = (&'a str, &'a str, u32);

/// Why an attempt failed, and for how long the server asked to be left alone.
pub(super) struct Refusal {
    pub(super) failure: Failure,
    pub(super) asked: Option<Duration>,
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            asked: None,
        }
    }
}

/// Fetches a page and decodes it on a thread of its own while it arrives. Sent again where that may help, from the
/// beginning: `decode` is called once for each answer, and must start anew each time.
///
/// # Errors
/// The failure of the request, or, inside `Ok`, what the decoder made of it.
pub(super) async fn get<T: Send + 'static>(
    reader: &Reader,
    uri: &str,
    accept: &str,
    decode: impl Fn(&str, Incoming) -> T + Send + Sync + 'static,
) -> Result<T, Failure> {
    let clock = Clock::start(reader.manner.patience);
    let decode = Arc::new(decode);
    for attempt in 1.. {
        reader.weather.hopeful(uri)?;
        let refusal = match once(reader, (uri, accept, attempt), &clock, &decode).await {
            Ok(decoded) => {
                reader.weather.cleared();
                return Ok(decoded);
            }
            Err(refusal) => refusal,
        };
        let wait = reader.weather.again(uri, &refusal, attempt);
        // What the time does not allow is not begun.
        let Some(wait) = wait.filter(|wait| clock.allows(*wait)) else {
            return Err(refusal.failure);
        };
        let failure = refusal.failure.to_string();
        tracing::info!(%uri, %failure, seconds = wait.as_secs_f32(), "waiting, then trying again");
        reader
            .weather
            .sit_out(wait, &failure, &*reader.progress)
            .await;
    }
    Err(other("no try was made".to_owned()))
}

/// One attempt.
async fn once<T: Send + 'static>(
    reader: &Reader,
    what: What<'_>,
    clock: &Clock,
    decode: &Arc<impl Fn(&str, Incoming) -> T + Send + Sync + 'static>,
) -> Result<T, Refusal> {
    let response = send(reader, what, clock).await?;
    let content_type = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let (feed, unread) = body(response.headers());
    let decode = Arc::clone(decode);
    let decoding = tokio::task::spawn_blocking(move || decode(&content_type, unread.open()));
    let fed = pump(response.into_body(), &feed, clock, &reader.server).await;
    if let Err(failure) = &fed {
        // The decoder must see a broken body, not the end of one.
        let broken =
            std::io::Error::new(std::io::ErrorKind::ConnectionAborted, failure.to_string());
        let _ = feed.send(Err(broken)).await;
    }
    drop(feed);
    let decoded = decoding
        .await
        .map_err(|error| other(format!("decoding the answer failed: {error}")))?;
    fed?;
    Ok(decoded)
}

/// Sends, and takes an answer that is worth reading.
async fn send(
    reader: &Reader,
    what @ (uri, ..): What<'_>,
    clock: &Clock,
) -> Result<Response<Body>, Refusal> {
    let response = ask(reader, what, clock).await?;
    reader.weather.reached();
    let status = response.status();
    tracing::debug!(%uri, %status, "answer");
    if status.is_success() {
        return Ok(response);
    }
    let asked = retry_after(response.headers(), Timestamp::now());
    let (mut head, body) = response.into_parts();
    let body = clock.limit("reading an error", start_of(body)).await?;
    let body = unpacked(&head.headers, body, ERROR_BODY);
    head.headers.remove(header::CONTENT_ENCODING);
    if names_failed_checks(&head.headers, &body) {
        // A page such as /readyz answers 500 with the very thing that was asked for.
        return Ok(Response::from_parts(head, Body::from(body)));
    }
    let failure = from_answer(status, &head.headers, &body);
    Err(Refusal { failure, asked })
}

/// Sends once, and once more with fresh credentials where the server does not accept the old ones any more.
async fn ask(
    reader: &Reader,
    (uri, accept, attempt): What<'_>,
    clock: &Clock,
) -> Result<Response<Body>, Failure> {
    let mut pass = reader.session.pass().await;
    let mut fresh = false;
    loop {
        let request = Request::get(uri)
            .header(header::ACCEPT, accept)
            .header(header::ACCEPT_ENCODING, "gzip")
            .body(Body::empty())
            .map_err(|error| other(format!("{uri} is no request: {error}")))?;
        let asked = Timestamp::now();
        tracing::debug!(%uri, accept, attempt, "GET");
        let response = clock
            .limit("waiting for an answer", pass.client.send(request))
            .await?
            .map_err(|error| classify(&error, &reader.server))?;
        reader.session.compare_clocks(asked, response.headers());
        if response.status().is_success() {
            pass.accept();
        }
        if fresh || response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        // A plugin may take longer than a request; it has its own limit.
        match reader.session.renew(&pass).await? {
            Some(next) => pass = next,
            None => return Ok(response),
        }
        fresh = true;
    }
}

/// Whether an error is a list of checks of which one failed, as plain text.
fn names_failed_checks(headers: &HeaderMap, body: &[u8]) -> bool {
    let text = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/plain"));
    text && body
        .split(|byte| *byte == b'\n')
        .any(|line| line.starts_with(FAILED_CHECK))
}

fn other(why: String) -> Failure {
    Failure::Other { why }
}

/// How long the server asks to be left alone: seconds, or a date that lies ahead.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?;
    let wait = match text.trim().parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            // By the clock of whoever set the date, where the answer tells that too.
            let now = date(headers, header::DATE).unwrap_or(now);
            let until = date(headers, header::RETRY_AFTER).filter(|until| *until > now)?;
            until.duration_since(now).unsigned_abs()
        }
    };
    Some(wait.min(LONGEST_WAIT))
}

/// The beginning of an error's body: enough for a `Status`, bounded for anything else.
async fn start_of(mut body: Body) -> Vec<u8> {
    let mut start = Vec::new();
    while start.len() < ERROR_BODY {
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
fn broken_off(failure: Failure) -> Failure {
    match failure {
        Failure::Unreachable { server, .. } => Failure::Unreachable {
            server,
            why: "the connection was closed before the answer was complete".to_owned(),
        },
        other => other,
    }
}

/// Hands the body to the decoder as it comes.
async fn pump(mut body: Body, feed: &Feed, clock: &Clock, server: &str) -> Result<(), Failure> {
    let mut floor = clock.floor();
    loop {
        let asked = Instant::now();
        let Some(frame) = clock.limit("reading the answer", body.frame()).await? else {
            return Ok(());
        };
        let frame = frame.map_err(|error| broken_off(classify(&error, server)))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        floor.came(data.len(), asked.elapsed())?;
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

    use super::{names_failed_checks, retry_after};

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
            names_failed_checks(&headers, body.as_bytes())
        };
        let checks = "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n";
        assert!(of("text/plain; charset=utf-8", checks));
        assert!(!of("application/json", checks));
        assert!(!of("text/plain", "bad gateway [-]"));
    }
}
