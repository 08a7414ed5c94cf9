//! Who we are to the API server, for as long as a read takes, and how far its clock is from ours.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{HeaderMap, header};
use jiff::{SignedDuration, Timestamp};
use kube::client::ClientBuilder;
use tokio::sync::Mutex;

use super::error::{RequestError, classify};
use super::http_date::parse_date_header;
use super::read_only::ReadOnlyLayer;
use crate::kubeconfig::Connection;

/// Clocks that differ by less are as good as equal: what is judged by them lasts for hours at least.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// A client, and where to get the next one when its credentials have ended.
pub(super) struct AuthSession {
    read_only_layer: ReadOnlyLayer,
    state: Mutex<AuthSessionState>,
    clock_skew: OnceLock<SignedDuration>,
}

struct AuthSessionState {
    connection: Connection,
    current_client: AuthedClient,
    /// Fresh credentials were wanted and could not be had; it would be no other the next time.
    has_refresh_failed: bool,
}

/// A client with the credentials of a moment.
#[derive(Clone)]
pub(super) struct AuthedClient {
    pub(super) client: kube::Client,
    generation: u32,
    /// Whether the server ever accepted them: what it never did has not ended.
    is_accepted: Arc<AtomicBool>,
}

impl AuthedClient {
    fn new(
        connection: &Connection,
        guard: &ReadOnlyLayer,
        number: u32,
    ) -> Result<Self, RequestError> {
        let client = ClientBuilder::try_from(connection.config.clone())
            .map_err(|error| classify(&error, &connection.server))?
            .with_layer(guard)
            .build();
        Ok(Self {
            client,
            generation: number,
            is_accepted: Arc::default(),
        })
    }

    pub(super) fn mark_accepted(&self) {
        self.is_accepted.store(true, Ordering::Relaxed);
    }
}

impl AuthSession {
    pub(super) fn new(connection: Connection, guard: ReadOnlyLayer) -> Result<Self, RequestError> {
        let pass = AuthedClient::new(&connection, &guard, 0)?;
        Ok(Self {
            read_only_layer: guard,
            state: Mutex::new(AuthSessionState {
                connection,
                current_client: pass,
                has_refresh_failed: false,
            }),
            clock_skew: OnceLock::new(),
        })
    }

    pub(super) async fn current_client(&self) -> AuthedClient {
        self.state.lock().await.current_client.clone()
    }

    /// A pass in place of one that the server does not accept any more; none where there is no better one. However many
    /// requests were refused at the same time, a credential plugin runs once.
    pub(super) async fn refresh(
        &self,
        refused: &AuthedClient,
    ) -> Result<Option<AuthedClient>, RequestError> {
        let mut state = self.state.lock().await;
        if state.current_client.generation != refused.generation {
            return Ok(Some(state.current_client.clone()));
        }
        if state.has_refresh_failed || !refused.is_accepted.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let renewed = state.connection.refresh_credentials().await;
        // A file that is the same now may be another one at the next refusal; to look costs nothing.
        state.has_refresh_failed = renewed.is_err();
        if !renewed.map_err(|error| RequestError::CredentialsUnavailable {
            why: error.to_string(),
        })? {
            return Ok(None);
        }
        tracing::info!("the API server did not accept the credentials any more, took fresh ones");
        state.current_client = AuthedClient::new(
            &state.connection,
            &self.read_only_layer,
            refused.generation + 1,
        )?;
        Ok(Some(state.current_client.clone()))
    }

    /// Compares the clocks, by the first answer that says what time it is there.
    pub(super) fn record_clock_skew(&self, asked: Timestamp, headers: &HeaderMap) {
        if let Some(there) = parse_date_header(headers, header::DATE) {
            let _ = self
                .clock_skew
                .set(skew_between(asked, there, Timestamp::now()));
        }
    }

    /// How far the clock of the API server is ahead of ours, behind if negative; none where they agree well enough, or
    /// where it is not known.
    pub(super) fn clock_skew(&self) -> Option<SignedDuration> {
        let apart = self.clock_skew.get().copied()?;
        (apart.abs() > MAX_CLOCK_SKEW).then_some(apart)
    }
}

/// An answer was written somewhen between the question and its arrival; beyond that the clocks differ.
fn skew_between(asked: Timestamp, there: Timestamp, arrived: Timestamp) -> SignedDuration {
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

    use super::skew_between;

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
            assert_eq!(
                skew_between(asked, time(there), arrived),
                expected,
                "{there}"
            );
        }
    }
}
