//! How the API server is doing, as all requests of a reader see it: whether to try again, and for how long.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::error::RequestError;
use super::transport::AttemptError;
use super::{ReadObserver, Timeout};

/// Attempts where the server says when to come again; the number of client-go.
///
/// Source: kubernetes/client-go rest/request.go (maxRetries).
const MAX_ATTEMPTS_RETRY_AFTER: u32 = 10;
/// Attempts while nobody listens, as when an API server is restarted: some 30 s, unless all requests fail for so long.
const MAX_ATTEMPTS_CONNECTION_REFUSED: u32 = 10;
/// Attempts after other failures that may pass.
const MAX_ATTEMPTS_TRANSIENT: u32 = 4;
/// The first pause of our own; each is twice the one before.
const MIN_BACKOFF: Duration = Duration::from_millis(500);
/// The longest pause of our own.
const MAX_BACKOFF: Duration = Duration::from_secs(4);
/// How long all requests may fail where no time is set.
const DEFAULT_GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// Resources whose lists may time out, with nothing that succeeds in between, until no more is asked.
const MAX_TIMED_OUT_RESOURCES: usize = 2;

/// What is known, shared by all requests.
#[derive(Debug)]
pub(super) struct RetryState {
    /// How long all requests may fail until none is repeated.
    give_up_after: Duration,
    inner: Mutex<RetryStateInner>,
}

#[derive(Debug, Default)]
struct RetryStateInner {
    /// Whether the server ever answered: one that never did is not waited for.
    has_responded: bool,
    /// Since when nothing succeeded.
    failing_since: Option<Instant>,
    /// What was waited for in vain since then: last segments of paths, so that namespaces of one resource count as one.
    timed_out_resources: BTreeSet<String>,
    /// The last failure by time-out.
    last_timeout: Option<RequestError>,
    /// How many requests are waiting, and since when at least one is.
    waiting_requests: u32,
    waiting_since: Option<Instant>,
    /// How long at least one was waiting, before that.
    total_backoff: Duration,
    has_announced_wait: bool,
}

impl RetryState {
    pub(super) fn new(patience: Timeout) -> Self {
        Self {
            give_up_after: match patience {
                Timeout::Idle(time) | Timeout::Total(time) => time,
                Timeout::Never => DEFAULT_GIVE_UP_AFTER,
            },
            inner: Mutex::default(),
        }
    }

    fn lock_inner(&self) -> MutexGuard<'_, RetryStateInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server answered, whatever it said.
    pub(super) fn record_response(&self) {
        self.lock_inner().has_responded = true;
    }

    /// An answer came as it should.
    pub(super) fn record_success(&self) {
        let mut state = self.lock_inner();
        state.failing_since = None;
        state.timed_out_resources.clear();
        state.last_timeout = None;
    }

    /// Whether another request is worth sending.
    ///
    /// # Errors
    /// With the failure of those before it, when they all waited in vain.
    pub(super) fn check_circuit(&self, uri: &str) -> Result<(), RequestError> {
        let state = self.lock_inner();
        let hangs = state.timed_out_resources.len() >= MAX_TIMED_OUT_RESOURCES
            || state.timed_out_resources.contains(resource_of_uri(uri));
        match &state.last_timeout {
            Some(failure) if hangs => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    /// How long to wait before the next attempt; none where it is of no use.
    pub(super) fn backoff_for(
        &self,
        uri: &str,
        refusal: &AttemptError,
        attempt: u32,
    ) -> Option<Duration> {
        let mut state = self.lock_inner();
        let attempts = match &refusal.error {
            RequestError::TooManyRequests { .. }
            | RequestError::Server {
                code: 500 | 502..=504,
                ..
            } => refusal
                .retry_after
                .map_or(MAX_ATTEMPTS_TRANSIENT, |_| MAX_ATTEMPTS_RETRY_AFTER),
            RequestError::ConnectionRefused { .. } if state.has_responded => {
                MAX_ATTEMPTS_CONNECTION_REFUSED
            }
            RequestError::Unreachable { .. } if state.has_responded => MAX_ATTEMPTS_TRANSIENT,
            RequestError::TimedOut { .. } => {
                state
                    .timed_out_resources
                    .insert(resource_of_uri(uri).to_owned());
                state.last_timeout = Some(refusal.error.clone());
                return None;
            }
            _ => return None,
        };
        let failing = *state.failing_since.get_or_insert_with(Instant::now);
        if attempt >= attempts || failing.elapsed() >= self.give_up_after {
            return None;
        }
        let own = MIN_BACKOFF.saturating_mul(1 << (attempt - 1).min(10));
        Some(refusal.retry_after.unwrap_or(own.min(MAX_BACKOFF)))
    }

    /// Waits, and says so the first time.
    pub(super) async fn wait_backoff(
        &self,
        time: Duration,
        failure: &str,
        progress: &dyn ReadObserver,
    ) {
        let first = {
            let mut state = self.lock_inner();
            state.waiting_requests += 1;
            state.waiting_since.get_or_insert_with(Instant::now);
            !std::mem::replace(&mut state.has_announced_wait, true)
        };
        if first {
            progress.on_backoff(failure);
        }
        tokio::time::sleep(time).await;
        let mut state = self.lock_inner();
        state.waiting_requests -= 1;
        if state.waiting_requests == 0
            && let Some(since) = state.waiting_since.take()
        {
            state.total_backoff += since.elapsed();
        }
    }

    /// How long at least one request was waiting before another attempt.
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
    use std::time::Duration;

    use super::{AttemptError, RequestError, RetryState, Timeout};

    fn refusal(failure: RequestError, asked: Option<u64>) -> AttemptError {
        AttemptError {
            error: failure,
            retry_after: asked.map(Duration::from_secs),
        }
    }

    fn busy(asked: Option<u64>) -> AttemptError {
        let message = String::new();
        refusal(RequestError::TooManyRequests { message }, asked)
    }

    fn gone() -> AttemptError {
        let server = String::new();
        refusal(RequestError::ConnectionRefused { server }, None)
    }

    fn late() -> AttemptError {
        let what = String::new();
        refusal(
            RequestError::TimedOut {
                operation: what,
                after: None,
            },
            None,
        )
    }

    fn weather() -> RetryState {
        RetryState::new(Timeout::default())
    }

    fn waits(weather: &RetryState, refusal: &AttemptError) -> Vec<f32> {
        (1..)
            .map_while(|attempt| weather.backoff_for("/a", refusal, attempt))
            .map(|wait| wait.as_secs_f32())
            .collect()
    }

    #[test]
    fn waits_as_the_server_asks_and_else_longer_each_time() {
        assert_eq!(waits(&weather(), &busy(None)), [0.5, 1.0, 2.0]);
        assert_eq!(waits(&weather(), &busy(Some(7))), [7.0; 9]);
    }

    #[test]
    fn waits_for_a_server_that_was_there() {
        let weather = weather();
        assert!(waits(&weather, &gone()).is_empty());
        weather.record_response();
        let waits = waits(&weather, &gone());
        assert_eq!(waits[..5], [0.5, 1.0, 2.0, 4.0, 4.0]);
        assert_eq!(waits.len(), 9);
    }

    #[test]
    fn what_will_not_pass_is_not_sent_again() {
        let message = String::new();
        for failure in [
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
            assert!(waits(&weather(), &refusal(failure, None)).is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_fails_everybody_is_left_alone() {
        let weather = weather();
        assert!(weather.backoff_for("/a", &busy(Some(1)), 1).is_some());
        tokio::time::advance(Duration::from_secs(29)).await;
        assert!(weather.backoff_for("/a", &busy(Some(1)), 1).is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(weather.backoff_for("/a", &busy(Some(1)), 1).is_none());
        weather.record_success();
        assert!(weather.backoff_for("/a", &busy(Some(1)), 1).is_some());
    }

    #[test]
    fn a_server_that_hangs_twice_is_not_asked_a_third_time() {
        let weather = weather();
        assert!(
            weather
                .backoff_for("/ns/a/pods?limit=5", &late(), 1)
                .is_none()
        );
        assert!(
            weather
                .backoff_for("/ns/b/pods?limit=5", &late(), 1)
                .is_none()
        );
        assert!(weather.check_circuit("/ns/c/pods").is_err());
        assert_eq!(weather.check_circuit("/nodes"), Ok(()));
        assert!(weather.backoff_for("/nodes", &late(), 1).is_none());
        assert!(weather.check_circuit("/secrets").is_err());
        weather.record_success();
        assert_eq!(weather.check_circuit("/secrets"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_is_waited_together_counts_once() {
        let weather = weather();
        let wait = |seconds| {
            weather.wait_backoff(
                Duration::from_secs(seconds),
                "",
                &super::super::NoopObserver,
            )
        };
        futures::join!(wait(2), wait(5), wait(1));
        wait(1).await;
        assert_eq!(weather.total_backoff(), Duration::from_secs(6));
    }
}
