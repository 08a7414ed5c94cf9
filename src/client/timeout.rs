//! When to give up waiting for a server that keeps us waiting.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Timeout;
use super::error::RequestError;

/// What must come in each second that is spent waiting for an answer's body, over a time without a byte that would be too
/// long. The slowest lines that anybody manages a cluster through are faster; a server that drips is not.
const MIN_BYTES_PER_SECOND: u64 = 1 << 10;

/// Total time, or time without a byte.
pub(super) struct RequestTimer {
    timeout: Timeout,
    started_at: Instant,
}

impl RequestTimer {
    pub(super) fn start(patience: Timeout) -> Self {
        Self {
            timeout: patience,
            started_at: Instant::now(),
        }
    }

    /// The moment at which the next byte must have come; none to wait for ever.
    fn deadline(&self) -> Option<Instant> {
        match self.timeout {
            Timeout::Idle(time) => Some(Instant::now() + time),
            Timeout::Total(time) => Some(self.started_at + time),
            Timeout::Never => None,
        }
    }

    pub(super) async fn with_deadline<T>(
        &self,
        what: &str,
        future: impl Future<Output = T>,
    ) -> Result<T, RequestError> {
        let (Some(deadline), Some(time)) = (self.deadline(), self.timeout_duration()) else {
            return Ok(future.await);
        };
        timeout_at(deadline, future)
            .await
            .map_err(|_| timed_out(what, time))
    }

    fn timeout_duration(&self) -> Option<Duration> {
        match self.timeout {
            Timeout::Idle(time) | Timeout::Total(time) => Some(time),
            Timeout::Never => None,
        }
    }

    /// Whether there is time to wait so long before another attempt. A wait of our own is no time without a byte.
    pub(super) fn has_time_for(&self, wait: Duration) -> bool {
        match self.timeout {
            Timeout::Total(time) => self.started_at.elapsed() + wait < time,
            Timeout::Idle(_) | Timeout::Never => true,
        }
    }

    /// Watches that a body does not merely drip.
    pub(super) fn throughput_guard(&self) -> ThroughputGuard {
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

/// Told is the time that was set: what passed is a little more, and another number each time.
fn timed_out(what: &str, time: Duration) -> RequestError {
    RequestError::TimedOut {
        operation: what.to_owned(),
        after: Some(time),
    }
}

/// The least that must come in a time. Time that our own decoder takes is not counted.
pub(super) struct ThroughputGuard {
    window: Option<Duration>,
    elapsed: Duration,
    bytes: u64,
}

impl ThroughputGuard {
    /// So many bytes came after so long.
    pub(super) fn record(&mut self, bytes: usize, after: Duration) -> Result<(), RequestError> {
        let Some(window) = self.window else {
            return Ok(());
        };
        self.bytes += bytes as u64;
        self.elapsed += after;
        if self.elapsed < window {
            return Ok(());
        }
        if self.bytes < window.as_secs() * MIN_BYTES_PER_SECOND {
            let what = "reading an answer that comes at less than 1 KiB a second";
            return Err(timed_out(what, window));
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

    fn seconds_of(patience: Timeout, bytes: usize) -> Option<usize> {
        let mut floor = RequestTimer::start(patience).throughput_guard();
        (1..1000).find(|_| floor.record(bytes, SECOND).is_err())
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
        let mut floor = RequestTimer::start(Timeout::Idle(30 * SECOND)).throughput_guard();
        for _ in 0..100 {
            assert!(floor.record(1 << 20, SECOND).is_ok());
            assert!(floor.record(1, 29 * SECOND).is_ok());
        }
    }
}
