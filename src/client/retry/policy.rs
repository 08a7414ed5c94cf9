//! Which failures are retried, how often, and after which wait.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::AttemptError;
use crate::client::error::RequestError;

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
/// How often a request with this failure is sent at most; `None` if another attempt is useless.
///
/// A server that has never responded is not waited for.
pub(super) fn max_attempts(failure: &AttemptError, has_responded: bool) -> Option<u32> {
    match &failure.error {
        RequestError::TooManyRequests { .. }
        | RequestError::Server {
            code: 500 | 502..=504,
            ..
        } => Some(
            failure
                .retry_after
                .map_or(MAX_ATTEMPTS_TRANSIENT, |_| MAX_ATTEMPTS_RETRY_AFTER),
        ),
        RequestError::ConnectionRefused { .. } if has_responded => {
            Some(MAX_ATTEMPTS_CONNECTION_REFUSED)
        }
        RequestError::Unreachable { .. } if has_responded => Some(MAX_ATTEMPTS_TRANSIENT),
        _ => None,
    }
}

/// The wait after this many attempts: never shorter than what the server asked for.
pub(super) fn backoff(failure: &AttemptError, attempt: u32) -> Option<Duration> {
    let mut schedule = SCHEDULE.build();
    match failure.retry_after {
        Some(wait) => schedule.next().map(|first| wait + (first - MIN_BACKOFF)),
        None => schedule.nth(attempt as usize - 1),
    }
}
