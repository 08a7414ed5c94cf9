//! How the API server is doing, as all requests of a reader see it: whether to try again, and for how long.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::failure::Failure;
use super::get::Refusal;
use super::{Patience, Progress};

/// Attempts where the server says when to come again; the number of client-go.
///
/// Source: kubernetes/client-go rest/request.go (maxRetries).
const AS_ASKED: u32 = 10;
/// Attempts while nobody listens, as when an API server is restarted: some 30 s, unless all requests fail for so long.
const REFUSED: u32 = 10;
/// Attempts after other failures that may pass.
const OTHERWISE: u32 = 4;
/// The first pause of our own; each is twice the one before.
const SHORTEST: Duration = Duration::from_millis(500);
/// The longest pause of our own.
const LONGEST: Duration = Duration::from_secs(4);
/// How long all requests may fail where no time is set.
const STORM: Duration = Duration::from_secs(30);
/// Resources whose lists may time out, with nothing that succeeds in between, until no more is asked.
const HANGING: usize = 2;

/// What is known, shared by all requests.
#[derive(Debug)]
pub(super) struct Weather {
    /// How long all requests may fail until none is repeated.
    storm: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Whether the server ever answered: one that never did is not waited for.
    reached: bool,
    /// Since when nothing succeeded.
    failing: Option<Instant>,
    /// What was waited for in vain since then: last segments of paths, so that namespaces of one resource count as one.
    hanging: BTreeSet<String>,
    /// The last failure by time-out.
    silence: Option<Failure>,
    /// How many requests are waiting, and since when at least one is.
    waiting: u32,
    since: Option<Instant>,
    /// How long at least one was waiting, before that.
    waited: Duration,
    told: bool,
}

impl Weather {
    pub(super) fn new(patience: Patience) -> Self {
        Self {
            storm: match patience {
                Patience::Idle(time) | Patience::Total(time) => time,
                Patience::Endless => STORM,
            },
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server answered, whatever it said.
    pub(super) fn reached(&self) {
        self.state().reached = true;
    }

    /// An answer came as it should.
    pub(super) fn cleared(&self) {
        let mut state = self.state();
        state.failing = None;
        state.hanging.clear();
        state.silence = None;
    }

    /// Whether another request is worth sending.
    ///
    /// # Errors
    /// With the failure of those before it, when they all waited in vain.
    pub(super) fn hopeful(&self, uri: &str) -> Result<(), Failure> {
        let state = self.state();
        let hangs = state.hanging.len() >= HANGING || state.hanging.contains(resource(uri));
        match &state.silence {
            Some(failure) if hangs => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    /// How long to wait before the next attempt; none where it is of no use.
    pub(super) fn again(&self, uri: &str, refusal: &Refusal, attempt: u32) -> Option<Duration> {
        let mut state = self.state();
        let attempts = match &refusal.failure {
            Failure::TooManyRequests { .. }
            | Failure::Server {
                code: 500 | 502..=504,
                ..
            } => refusal.asked.map_or(OTHERWISE, |_| AS_ASKED),
            Failure::Refused { .. } if state.reached => REFUSED,
            Failure::Unreachable { .. } if state.reached => OTHERWISE,
            Failure::TimedOut { .. } => {
                state.hanging.insert(resource(uri).to_owned());
                state.silence = Some(refusal.failure.clone());
                return None;
            }
            _ => return None,
        };
        let failing = *state.failing.get_or_insert_with(Instant::now);
        if attempt >= attempts || failing.elapsed() >= self.storm {
            return None;
        }
        let own = SHORTEST.saturating_mul(1 << (attempt - 1).min(10));
        Some(refusal.asked.unwrap_or(own.min(LONGEST)))
    }

    /// Waits, and says so the first time.
    pub(super) async fn sit_out(&self, time: Duration, failure: &str, progress: &dyn Progress) {
        let first = {
            let mut state = self.state();
            state.waiting += 1;
            state.since.get_or_insert_with(Instant::now);
            !std::mem::replace(&mut state.told, true)
        };
        if first {
            progress.waiting(failure);
        }
        tokio::time::sleep(time).await;
        let mut state = self.state();
        state.waiting -= 1;
        if state.waiting == 0
            && let Some(since) = state.since.take()
        {
            state.waited += since.elapsed();
        }
    }

    /// How long at least one request was waiting before another attempt.
    pub(super) fn waited(&self) -> Duration {
        self.state().waited
    }
}

/// The last segment of the path.
fn resource(uri: &str) -> &str {
    let path = uri.split('?').next().unwrap_or_default();
    path.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Failure, Patience, Refusal, Weather};

    fn refusal(failure: Failure, asked: Option<u64>) -> Refusal {
        Refusal {
            failure,
            asked: asked.map(Duration::from_secs),
        }
    }

    fn busy(asked: Option<u64>) -> Refusal {
        let message = String::new();
        refusal(Failure::TooManyRequests { message }, asked)
    }

    fn gone() -> Refusal {
        let server = String::new();
        refusal(Failure::Refused { server }, None)
    }

    fn late() -> Refusal {
        let what = String::new();
        refusal(Failure::TimedOut { what, after: None }, None)
    }

    fn weather() -> Weather {
        Weather::new(Patience::default())
    }

    fn waits(weather: &Weather, refusal: &Refusal) -> Vec<f32> {
        (1..)
            .map_while(|attempt| weather.again("/a", refusal, attempt))
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
        weather.reached();
        let waits = waits(&weather, &gone());
        assert_eq!(waits[..5], [0.5, 1.0, 2.0, 4.0, 4.0]);
        assert_eq!(waits.len(), 9);
    }

    #[test]
    fn what_will_not_pass_is_not_sent_again() {
        let message = String::new();
        for failure in [
            Failure::Forbidden {
                message: message.clone(),
            },
            Failure::Server {
                code: 501,
                reason: message.clone(),
                message: message.clone(),
            },
            Failure::Garbage { what: message },
        ] {
            assert!(waits(&weather(), &refusal(failure, None)).is_empty());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_fails_everybody_is_left_alone() {
        let weather = weather();
        assert!(weather.again("/a", &busy(Some(1)), 1).is_some());
        tokio::time::advance(Duration::from_secs(29)).await;
        assert!(weather.again("/a", &busy(Some(1)), 1).is_some());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(weather.again("/a", &busy(Some(1)), 1).is_none());
        weather.cleared();
        assert!(weather.again("/a", &busy(Some(1)), 1).is_some());
    }

    #[test]
    fn a_server_that_hangs_twice_is_not_asked_a_third_time() {
        let weather = weather();
        assert!(weather.again("/ns/a/pods?limit=5", &late(), 1).is_none());
        assert!(weather.again("/ns/b/pods?limit=5", &late(), 1).is_none());
        assert!(weather.hopeful("/ns/c/pods").is_err());
        assert_eq!(weather.hopeful("/nodes"), Ok(()));
        assert!(weather.again("/nodes", &late(), 1).is_none());
        assert!(weather.hopeful("/secrets").is_err());
        weather.cleared();
        assert_eq!(weather.hopeful("/secrets"), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn time_that_is_waited_together_counts_once() {
        let weather = weather();
        let wait =
            |seconds| weather.sit_out(Duration::from_secs(seconds), "", &super::super::Silent);
        futures::join!(wait(2), wait(5), wait(1));
        wait(1).await;
        assert_eq!(weather.waited(), Duration::from_secs(6));
    }
}
