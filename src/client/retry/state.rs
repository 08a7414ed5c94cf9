//! The state of the API server that all requests of a client share.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderMap, header};
use tokio::time::Instant;

use super::{AttemptError, Attempts, policy};
use crate::client::error::RequestError;
use crate::client::options::ReadObserver;
use crate::kubeconfig::Timeout;

/// Warnings that are kept.
const MAX_WARNINGS: usize = 100;
/// How long all requests may fail if no timeout is set.
const DEFAULT_GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// Resources whose lists may time out, without a success in between, before requests are no longer sent.
const MAX_TIMED_OUT_RESOURCES: usize = 2;

/// The state of the API server as all requests of a client see it.
pub(in crate::client) struct RetryState {
    pub(super) server: String,
    pub(super) timeout: Timeout,
    observer: Arc<dyn ReadObserver>,
    inner: Mutex<RetryStateInner>,
}

#[derive(Debug, Default)]
struct RetryStateInner {
    /// Whether the server ever responded: the client does not wait for one that never did.
    has_responded: bool,
    /// Since when no request has succeeded.
    failing_since: Option<Instant>,
    /// What timed out since then: last path segments, so that the namespaces of one resource count once.
    timed_out_resources: BTreeSet<String>,
    last_timeout: Option<RequestError>,
    waiting_requests: u32,
    /// Since when at least one request has been waiting.
    waiting_since: Option<Instant>,
    /// How long at least one request waited, before `waiting_since`.
    total_backoff: Duration,
    has_announced_wait: bool,
    /// Warnings of the server, each once.
    warnings: BTreeSet<String>,
}

/// The text of a warning that is meant for people: code 299, an agent, and a quoted text.
fn warning_text(value: &str) -> Option<String> {
    let (_, text) = value.strip_prefix("299 ")?.split_once(" \"")?;
    let (text, _) = text.rsplit_once('"')?;
    Some(text.replace("\\\"", "\"").replace("\\\\", "\\"))
}

impl RetryState {
    pub(in crate::client) fn new(
        server: String,
        timeout: Timeout,
        observer: Arc<dyn ReadObserver>,
    ) -> Self {
        Self {
            server,
            timeout,
            observer,
            inner: Mutex::default(),
        }
    }

    fn lock_inner(&self) -> MutexGuard<'_, RetryStateInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server responded, with whatever status.
    pub(super) fn record_response(&self) {
        self.lock_inner().has_responded = true;
    }

    /// Keeps the warnings of a response: `299 - "policy/v1beta1 PodSecurityPolicy is deprecated"`.
    pub(super) fn record_warnings(&self, headers: &HeaderMap) {
        let values = headers.get_all(header::WARNING).iter();
        for warning in values.filter_map(|value| warning_text(value.to_str().ok()?)) {
            let mut state = self.lock_inner();
            if state.warnings.len() < MAX_WARNINGS {
                state.warnings.insert(warning);
            }
        }
    }

    /// What the server warned of, each once.
    pub(in crate::client) fn warnings(&self) -> Vec<String> {
        self.lock_inner().warnings.iter().cloned().collect()
    }

    /// A response is complete and usable.
    pub(in crate::client) fn record_success(&self) {
        let mut state = self.lock_inner();
        state.failing_since = None;
        state.timed_out_resources.clear();
        state.last_timeout = None;
    }

    /// Forgets earlier failures: for readers that never give up.
    pub(in crate::client) fn reset(&self) {
        self.record_success();
    }

    /// Whether to send another request.
    ///
    /// # Errors
    /// The last timeout, if too many requests timed out.
    pub(super) fn check_circuit(&self, uri: &str) -> Result<(), RequestError> {
        let state = self.lock_inner();
        let is_open = state.timed_out_resources.len() >= MAX_TIMED_OUT_RESOURCES
            || state.timed_out_resources.contains(resource_of_uri(uri));
        match &state.last_timeout {
            Some(failure) if is_open => Err(failure.clone()),
            _ => Ok(()),
        }
    }

    /// Waits before the next attempt. Announces the first wait to the observer.
    ///
    /// # Errors
    /// `failure`, if another attempt is useless or the request's time does not suffice.
    pub(in crate::client) async fn back_off(
        &self,
        uri: &str,
        attempts: &Attempts,
        failure: AttemptError,
    ) -> Result<(), RequestError> {
        let attempt = attempts.failed.fetch_add(1, Ordering::Relaxed) + 1;
        let wait = self.backoff_for(uri, &failure, attempt);
        let Some(wait) = wait.filter(|wait| attempts.timer.has_time_for(*wait)) else {
            return Err(failure.error);
        };
        let failure = failure.error.to_string();
        tracing::info!(%uri, %failure, seconds = wait.as_secs_f32(), "waiting, then trying again");
        self.wait_backoff(wait, &failure).await;
        Ok(())
    }

    /// How long to wait before the next attempt; `None` if there should be none.
    pub(super) fn backoff_for(
        &self,
        uri: &str,
        failure: &AttemptError,
        attempt: u32,
    ) -> Option<Duration> {
        let mut state = self.lock_inner();
        if let RequestError::TimedOut { .. } = failure.error {
            let resource = resource_of_uri(uri).to_owned();
            state.timed_out_resources.insert(resource);
            state.last_timeout = Some(failure.error.clone());
        }
        let max_attempts = policy::max_attempts(failure, state.has_responded)?;
        let failing = *state.failing_since.get_or_insert_with(Instant::now);
        let give_up_after = self.timeout.duration().unwrap_or(DEFAULT_GIVE_UP_AFTER);
        if attempt >= max_attempts || failing.elapsed() >= give_up_after {
            return None;
        }
        policy::backoff(failure, attempt)
    }

    pub(super) async fn wait_backoff(&self, wait: Duration, failure: &str) {
        let is_first = {
            let mut state = self.lock_inner();
            state.waiting_requests += 1;
            state.waiting_since.get_or_insert_with(Instant::now);
            !std::mem::replace(&mut state.has_announced_wait, true)
        };
        if is_first {
            self.observer.on_backoff(failure);
        }
        tokio::time::sleep(wait).await;
        let mut state = self.lock_inner();
        state.waiting_requests -= 1;
        if state.waiting_requests == 0
            && let Some(since) = state.waiting_since.take()
        {
            state.total_backoff += since.elapsed();
        }
    }

    /// How long at least one request waited before another attempt.
    pub(in crate::client) fn total_backoff(&self) -> Duration {
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
    use super::warning_text;

    #[test]
    fn a_warning_is_what_the_server_says_to_people() {
        for (header, text) in [
            (
                r#"299 - "policy/v1beta1 PodSecurityPolicy is deprecated in v1.21+""#,
                Some("policy/v1beta1 PodSecurityPolicy is deprecated in v1.21+"),
            ),
            (r#"299 - "say \"no\"""#, Some(r#"say "no""#)),
            (r#"199 - "something else""#, None),
            ("299 - unquoted", None),
            ("", None),
        ] {
            assert_eq!(warning_text(header).as_deref(), text, "{header}");
        }
    }
}
