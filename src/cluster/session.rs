//! Who we are to the API server, for as long as a read takes, and how far its clock is from ours.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use kube::client::ClientBuilder;
use tokio::sync::Mutex;

use super::failure::{Failure, classify};
use super::guard::Guard;
use super::http_date::date;
use super::kubeconfig::Connection;

/// Clocks that differ by less are as good as equal: what is judged by them lasts for hours at least.
const CLOCKS_MAY_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// A client, and where to get the next one when its credentials have ended.
pub(super) struct Session {
    guard: Guard,
    state: Mutex<State>,
    clocks: OnceLock<SignedDuration>,
}

struct State {
    connection: Connection,
    pass: Pass,
    /// Fresh credentials were wanted and could not be had; it would be no other the next time.
    exhausted: bool,
}

/// A client with the credentials of a moment.
#[derive(Clone)]
pub(super) struct Pass {
    pub(super) client: kube::Client,
    number: u32,
    /// Whether the server ever accepted them: what it never did has not ended.
    accepted: Arc<AtomicBool>,
}

impl Pass {
    fn new(connection: &Connection, guard: &Guard, number: u32) -> Result<Self, Failure> {
        let client = ClientBuilder::try_from(connection.config.clone())
            .map_err(|error| classify(&error, &connection.server))?
            .with_layer(guard)
            .build();
        Ok(Self {
            client,
            number,
            accepted: Arc::default(),
        })
    }

    pub(super) fn accept(&self) {
        self.accepted.store(true, Ordering::Relaxed);
    }
}

impl Session {
    pub(super) fn new(connection: Connection, guard: Guard) -> Result<Self, Failure> {
        let pass = Pass::new(&connection, &guard, 0)?;
        Ok(Self {
            guard,
            state: Mutex::new(State {
                connection,
                pass,
                exhausted: false,
            }),
            clocks: OnceLock::new(),
        })
    }

    pub(super) async fn pass(&self) -> Pass {
        self.state.lock().await.pass.clone()
    }

    /// A pass in place of one that the server does not accept any more; none where there is no better one. However many
    /// requests were refused at the same time, a credential plugin runs once.
    pub(super) async fn renew(&self, refused: &Pass) -> Result<Option<Pass>, Failure> {
        let mut state = self.state.lock().await;
        if state.pass.number != refused.number {
            return Ok(Some(state.pass.clone()));
        }
        if state.exhausted || !refused.accepted.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let renewed = state.connection.renew().await;
        // A file that is the same now may be another one at the next refusal; to look costs nothing.
        state.exhausted = renewed.is_err();
        if !renewed.map_err(|error| Failure::Login {
            why: error.to_string(),
        })? {
            return Ok(None);
        }
        tracing::info!("the API server did not accept the credentials any more, took fresh ones");
        state.pass = Pass::new(&state.connection, &self.guard, refused.number + 1)?;
        Ok(Some(state.pass.clone()))
    }

    /// Compares the clocks, by the first answer that says what time it is there.
    pub(super) fn compare_clocks(&self, asked: Timestamp, headers: &HeaderMap) {
        if let Some(there) = date(headers, header::DATE) {
            let _ = self.clocks.set(apart(asked, there, Timestamp::now()));
        }
    }

    /// How far the clock of the API server is ahead of ours, behind if negative; none where they agree well enough, or
    /// where it is not known.
    pub(super) fn clocks_apart(&self) -> Option<SignedDuration> {
        let apart = self.clocks.get().copied()?;
        (apart.abs() > CLOCKS_MAY_DIFFER).then_some(apart)
    }
}

/// An answer was written somewhen between the question and its arrival; beyond that the clocks differ.
fn apart(asked: Timestamp, there: Timestamp, arrived: Timestamp) -> SignedDuration {
    if there > arrived {
        there.duration_since(arrived)
    } else if there < asked {
        there.duration_since(asked)
    } else {
        SignedDuration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::apart;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_slow_answer_is_no_other_clock() {
        let (asked, arrived) = (time("2026-01-01T10:00:00Z"), time("2026-01-01T10:30:00Z"));
        for (there, hours) in [
            ("2026-01-01T10:00:00Z", 0),
            ("2026-01-01T10:29:59Z", 0),
            ("2026-01-01T12:30:00Z", 2),
            ("2026-01-01T08:00:00Z", -2),
        ] {
            let expected = SignedDuration::from_hours(hours);
            assert_eq!(apart(asked, time(there), arrived), expected, "{there}");
        }
    }
}
