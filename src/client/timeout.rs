//! Timeouts of requests, for headers and bodies.

use std::time::Duration;

use bytes::Bytes;
use futures::stream;
use http::Request;
use http_body_util::{BodyExt, StreamBody};
use kube::client::Body;
use tokio::time::{Instant, timeout_at};
use tower::{BoxError, ServiceExt};

use super::error::RequestError;
use super::http_layer::{HttpLayer, HttpResult, HttpService, ResponseBody, tower_layer};
use super::read_only::requested_verb;
use crate::kubeconfig::Timeout;
use crate::need::Verb;

/// The minimum throughput of a body, measured over the idle timeout: slower than the slowest usable line, faster than a
/// server that drips.
const MIN_BYTES_PER_SECOND: u64 = 1 << 10;

/// Limits how long a request waits for headers and for each part of the body.
///
/// The [`RequestTimer`] in the request's extensions, if there is one, started with the first attempt.
#[derive(Debug, Clone)]
pub(super) struct TimeoutLayer(pub(super) Timeout);

tower_layer!(TimeoutLayer);

impl HttpLayer for TimeoutLayer {
    async fn call<S: HttpService>(self, inner: S, request: Request<Body>) -> HttpResult {
        let timer = request.extensions().get::<RequestTimer>().copied();
        let timer = timer.unwrap_or_else(|| RequestTimer::start(self.0));
        let is_watch = requested_verb(request.uri()) == Verb::Watch;
        let response = timer
            .with_deadline("waiting for an answer", inner.oneshot(request))
            .await??;
        if is_watch {
            // Silent for as long as nothing changes.
            return Ok(response);
        }
        Ok(response.map(|body| timed_body(body, timer)))
    }
}

/// A body that fails if it keeps its reader waiting for too long.
fn timed_body(body: ResponseBody, timer: RequestTimer) -> ResponseBody {
    let state = (body, timer.throughput_guard());
    let frames = stream::try_unfold(state, move |(mut body, mut guard)| async move {
        let asked_at = Instant::now();
        let frame = timer.with_deadline("reading the answer", body.frame());
        let Some(frame) = frame.await?.transpose()? else {
            return Ok::<_, BoxError>(None);
        };
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        guard.record(bytes, asked_at.elapsed())?;
        Ok(Some((frame, (body, guard))))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// Measures a request, its retries included, against its timeout.
#[derive(Debug, Clone, Copy)]
pub(super) struct RequestTimer {
    timeout: Timeout,
    started_at: Instant,
}

impl RequestTimer {
    pub(super) fn start(timeout: Timeout) -> Self {
        Self {
            timeout,
            started_at: Instant::now(),
        }
    }

    /// When the next byte must have arrived; `None` without a timeout.
    fn deadline(&self) -> Option<Instant> {
        match self.timeout {
            Timeout::Idle(time) => Some(Instant::now() + time),
            Timeout::Total(time) => Some(self.started_at + time),
            Timeout::Never => None,
        }
    }

    async fn with_deadline<T>(
        &self,
        operation: &str,
        future: impl Future<Output = T>,
    ) -> Result<T, RequestError> {
        let (Some(deadline), Some(time)) = (self.deadline(), self.timeout.duration()) else {
            return Ok(future.await);
        };
        timeout_at(deadline, future)
            .await
            .map_err(|_| timed_out(operation, time))
    }

    /// Whether there is time for another attempt after `wait`. Backoff does not count as time without a byte.
    pub(super) fn has_time_for(&self, wait: Duration) -> bool {
        match self.timeout {
            Timeout::Total(time) => self.started_at.elapsed() + wait < time,
            Timeout::Idle(_) | Timeout::Never => true,
        }
    }

    fn throughput_guard(&self) -> ThroughputGuard {
        let window = match self.timeout {
            Timeout::Idle(time) => Some(time),
            Timeout::Total(_) | Timeout::Never => None,
        };
        ThroughputGuard {
            window,
            elapsed: Duration::ZERO,
            bytes: 0,
        }
    }
}

/// Reports the configured timeout, not the elapsed time, so that messages are reproducible.
fn timed_out(operation: &str, time: Duration) -> RequestError {
    RequestError::TimedOut {
        operation: operation.to_owned(),
        after: Some(time),
    }
}

/// Checks the throughput of a body. Only time spent waiting for frames counts, not the decoder's.
struct ThroughputGuard {
    window: Option<Duration>,
    elapsed: Duration,
    bytes: u64,
}

impl ThroughputGuard {
    /// `bytes` arrived after a wait of `after`.
    ///
    /// # Errors
    /// If the body is too slow.
    fn record(&mut self, bytes: usize, after: Duration) -> Result<(), RequestError> {
        let Some(window) = self.window else {
            return Ok(());
        };
        self.bytes += bytes as u64;
        self.elapsed += after;
        if self.elapsed < window {
            return Ok(());
        }
        if self.bytes < window.as_secs() * MIN_BYTES_PER_SECOND {
            let operation = "reading an answer that comes at less than 1 KiB a second";
            return Err(timed_out(operation, window));
        }
        self.elapsed = Duration::ZERO;
        self.bytes = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{RequestTimer, Timeout};

    const SECOND: Duration = Duration::from_secs(1);

    fn seconds_of(timeout: Timeout, bytes: usize) -> Option<usize> {
        let mut guard = RequestTimer::start(timeout).throughput_guard();
        (1..1000).find(|_| guard.record(bytes, SECOND).is_err())
    }

    #[test]
    fn a_body_that_drips_is_given_up_and_a_slow_one_is_not() {
        let idle = Timeout::Idle(30 * SECOND);
        assert_eq!(seconds_of(idle, 1), Some(30));
        assert_eq!(seconds_of(idle, 1023), Some(30));
        assert_eq!(seconds_of(idle, 1024), None);
        assert_eq!(seconds_of(Timeout::Never, 1), None);
        // The total ends it.
        assert_eq!(seconds_of(Timeout::Total(30 * SECOND), 1), None);
    }

    #[test]
    fn a_pause_between_fast_parts_is_no_drip() {
        let mut guard = RequestTimer::start(Timeout::Idle(30 * SECOND)).throughput_guard();
        for _ in 0..100 {
            assert!(guard.record(1 << 20, SECOND).is_ok());
            assert!(guard.record(1, 29 * SECOND).is_ok());
        }
    }
}
