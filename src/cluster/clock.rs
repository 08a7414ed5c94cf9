//! When to give up waiting for a server that keeps us waiting.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Patience;
use super::failure::Failure;

/// What must come in each second that is spent waiting for an answer's body, over a time without a byte that would be too
/// long. The slowest lines that anybody manages a cluster through are faster; a server that drips is not.
const FLOOR: u64 = 1 << 10;

/// Total time, or time without a byte.
pub(super) struct Clock {
    patience: Patience,
    started: Instant,
}

impl Clock {
    pub(super) fn start(patience: Patience) -> Self {
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

    pub(super) async fn limit<T>(
        &self,
        what: &str,
        future: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        let (Some(deadline), Some(time)) = (self.deadline(), self.time()) else {
            return Ok(future.await);
        };
        timeout_at(deadline, future)
            .await
            .map_err(|_| gave_up(what, time))
    }

    fn time(&self) -> Option<Duration> {
        match self.patience {
            Patience::Idle(time) | Patience::Total(time) => Some(time),
            Patience::Endless => None,
        }
    }

    /// Whether there is time to wait so long before another attempt. A wait of our own is no time without a byte.
    pub(super) fn allows(&self, wait: Duration) -> bool {
        match self.patience {
            Patience::Total(time) => self.started.elapsed() + wait < time,
            Patience::Idle(_) | Patience::Endless => true,
        }
    }

    /// Watches that a body does not merely drip.
    pub(super) fn floor(&self) -> Floor {
        let window = match self.patience {
            Patience::Idle(time) => Some(time),
            Patience::Total(_) | Patience::Endless => None,
        };
        Floor {
            window,
            waited: Duration::ZERO,
            bytes: 0,
        }
    }
}

/// Told is the time that was set: what passed is a little more, and another number each time.
fn gave_up(what: &str, time: Duration) -> Failure {
    Failure::TimedOut {
        what: what.to_owned(),
        after: Some(time),
    }
}

/// The least that must come in a time. Time that our own decoder takes is not counted.
pub(super) struct Floor {
    window: Option<Duration>,
    waited: Duration,
    bytes: u64,
}

impl Floor {
    /// So many bytes came after so long.
    pub(super) fn came(&mut self, bytes: usize, after: Duration) -> Result<(), Failure> {
        let Some(window) = self.window else {
            return Ok(());
        };
        self.bytes += bytes as u64;
        self.waited += after;
        if self.waited < window {
            return Ok(());
        }
        if self.bytes < window.as_secs() * FLOOR {
            let what = "reading an answer that comes at less than 1 KiB a second";
            return Err(gave_up(what, window));
        }
        self.waited = Duration::ZERO;
        self.bytes = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Clock, Patience};

    const SECOND: Duration = Duration::from_secs(1);

    fn seconds_of(patience: Patience, bytes: usize) -> Option<usize> {
        let mut floor = Clock::start(patience).floor();
        (1..1000).find(|_| floor.came(bytes, SECOND).is_err())
    }

    #[test]
    fn a_body_that_drips_is_given_up_and_a_slow_one_is_not() {
        let idle = Patience::Idle(30 * SECOND);
        assert_eq!(seconds_of(idle, 1), Some(30));
        assert_eq!(seconds_of(idle, 1023), Some(30));
        assert_eq!(seconds_of(idle, 1024), None);
        assert_eq!(seconds_of(Patience::Endless, 1), None);
        // The total ends it.
        assert_eq!(seconds_of(Patience::Total(30 * SECOND), 1), None);
    }

    #[test]
    fn a_pause_between_fast_parts_is_no_drip() {
        let mut floor = Clock::start(Patience::Idle(30 * SECOND)).floor();
        for _ in 0..100 {
            assert!(floor.came(1 << 20, SECOND).is_ok());
            assert!(floor.came(1, 29 * SECOND).is_ok());
        }
    }
}
