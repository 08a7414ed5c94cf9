//! One GET: sent within its time, tried again where that is right, its body read frame by frame on another thread.

use std::io::Read;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use kube::client::Body;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::failure::{Failure, classify, from_answer};
use super::{Patience, Reader};

/// Tries of a request that a busy or restarting server refused.
const TRIES: u32 = 4;
/// The longest wait that a server may ask for between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How much of an error's body is read.
const ERROR_BODY: usize = 64 << 10;

/// How a page of checks begins a line about one that failed.
const FAILED_CHECK: &[u8] = b"[-]";

/// When to give up: total time, or time without a byte.
struct Clock {
    patience: Patience,
    started: Instant,
}

impl Clock {
    fn start(patience: Patience) -> Self {
        Self {
            patience,
            started: Instant::now(),
        }
    }

    /// The moment at which the next byte must have come; none to wait for ever.
    fn deadline(&self) -> Option<Instant> {
        match self.patience {
            Patience::Idle(time) => Some(Instant::now() + time),
            Patience::Total(time) => Some(self.started + time),
            Patience::Endless => None,
        }
    }

    async fn limit<T>(&self, what: &str, future: impl Future<Output = T>) -> Result<T, Failure> {
        let Some(deadline) = self.deadline() else {
            return Ok(future.await);
        };
        timeout_at(deadline, future)
            .await
            .map_err(|_| Failure::TimedOut {
                what: what.to_owned(),
                after: Some(self.started.elapsed()),
            })
    }
}

/// Fetches a page and decodes it on a thread of its own while it arrives.
///
/// # Errors
/// The failure of the request, or, inside `Ok`, what the decoder made of it.
pub(super) async fn get<T: Send + 'static>(
    reader: &Reader,
    uri: &str,
    accept: &str,
    decode: impl FnOnce(&str, Incoming) -> T + Send + 'static,
) -> Result<T, Failure> {
    let clock = Clock::start(reader.manner.patience);
    let response = send(reader, uri, accept, &clock).await?;
    let content_type = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let (feed, incoming) = mpsc::channel(16);
    let decoding =
        tokio::task::spawn_blocking(move || decode(&content_type, Incoming::new(incoming)));
    let fed = pump(response.into_body(), &feed, &clock, &reader.server).await;
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
    fed.map(|()| decoded)
}

/// Sends until an answer comes that is worth reading.
async fn send(
    reader: &Reader,
    uri: &str,
    accept: &str,
    clock: &Clock,
) -> Result<Response<Body>, Failure> {
    for attempt in 1.. {
        let request = Request::get(uri)
            .header(header::ACCEPT, accept)
            .body(Body::empty())
            .map_err(|error| other(format!("{uri} is no request: {error}")))?;
        tracing::debug!(%uri, accept, attempt, "GET");
        let response = clock
            .limit("waiting for an answer", reader.client.send(request))
            .await?
            .map_err(|error| classify(&error, &reader.server))?;
        let status = response.status();
        tracing::debug!(%uri, %status, "answer");
        if status.is_success() {
            return Ok(response);
        }
        let wait = retry_after(&response).unwrap_or(Duration::from_millis(250 << attempt.min(4)));
        let (head, body) = response.into_parts();
        let body = clock.limit("reading an error", start_of(body)).await?;
        if names_failed_checks(&head.headers, &body) {
            // A page such as /readyz answers 500 with the very thing that was asked for.
            return Ok(Response::from_parts(head, Body::from(body)));
        }
        let failure = from_answer(status, &head.headers, &body);
        let busy = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        if !busy || attempt >= TRIES {
            return Err(failure);
        }
        tracing::info!(%uri, %status, seconds = wait.as_secs_f32(), "the API server is busy, waiting");
        clock
            .limit("waiting as the API server asked", tokio::time::sleep(wait))
            .await?;
    }
    Err(other("no try was made".to_owned()))
}

/// Whether an error is a list of checks of which one failed, as plain text.
fn names_failed_checks(headers: &header::HeaderMap, body: &[u8]) -> bool {
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

fn retry_after(response: &Response<Body>) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?;
    let seconds: u64 = seconds.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
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

/// Hands the body to the decoder as it comes.
async fn pump(
    mut body: Body,
    feed: &mpsc::Sender<std::io::Result<Bytes>>,
    clock: &Clock,
    server: &str,
) -> Result<(), Failure> {
    while let Some(frame) = clock.limit("reading the answer", body.frame()).await? {
        let frame = frame.map_err(|error| classify(&error, server))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if feed.send(Ok(data)).await.is_err() {
            // The decoder has seen enough: what it says of that is the answer.
            return Ok(());
        }
    }
    Ok(())
}

/// A body as a reader, on the decoder's thread.
pub(super) struct Incoming {
    chunks: mpsc::Receiver<std::io::Result<Bytes>>,
    current: Bytes,
}

impl Incoming {
    fn new(chunks: mpsc::Receiver<std::io::Result<Bytes>>) -> Self {
        Self {
            chunks,
            current: Bytes::new(),
        }
    }
}

impl Read for Incoming {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Ok(0),
            }
        }
        let count = into.len().min(self.current.len());
        into[..count].copy_from_slice(&self.current.split_to(count));
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};

    use super::names_failed_checks;

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
