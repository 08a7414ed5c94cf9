//! Credentials that are refreshed when the API server no longer accepts them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use kube::client::{Body, ClientBuilder};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tower::ServiceExt;

use super::error::{RequestError, classify};
use super::http_layer::{HttpLayer, HttpResult, HttpService, copy_request, tower_layer};
use crate::kubeconfig::Connection;

/// How long after a refresh that did not help a watch tries the next one. A credential plugin may open a browser window.
const MIN_REFRESH_DELAY: Duration = Duration::from_secs(2);
/// Delays double up to this, jitter not included.
const MAX_REFRESH_DELAY: Duration = Duration::from_secs(300);

/// Resends a request once with fresh credentials after a 401.
#[derive(Clone)]
pub(super) struct AuthRefreshLayer(pub(super) Arc<AuthSession>);

tower_layer!(AuthRefreshLayer);

impl HttpLayer for AuthRefreshLayer {
    async fn call<S: HttpService>(self, inner: S, request: Request<Body>) -> HttpResult {
        let copy = copy_request(&request);
        let response = inner.clone().oneshot(request).await?;
        let sent_with = response.extensions().get::<CredentialGeneration>().copied();
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(generation) = sent_with
            && self.0.refresh(generation).await?
        {
            return inner.oneshot(copy).await;
        }
        Ok(response)
    }
}

/// An extension of each response: the credentials that its request was sent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CredentialGeneration(u32);

/// A connection and its current credentials.
pub(super) struct AuthSession(Mutex<AuthSessionState>);

struct AuthSessionState {
    connection: Connection,
    client: kube::Client,
    generation: CredentialGeneration,
    /// Whether the server ever accepted these credentials; if not, they have not expired.
    is_accepted: Arc<AtomicBool>,
    /// Set after a failed refresh, which would fail the next time too.
    has_refresh_failed: bool,
    /// When to try again nevertheless; `None` if never.
    retry: Option<RefreshRetry>,
}

/// The schedule of refreshes that do not help, as long as none does.
struct RefreshRetry {
    delays: ExponentialBackoff,
    not_before: Instant,
}

impl RefreshRetry {
    fn new() -> Self {
        let delays = ExponentialBuilder::new()
            .with_min_delay(MIN_REFRESH_DELAY)
            .with_max_delay(MAX_REFRESH_DELAY)
            .without_max_times()
            .with_jitter();
        Self {
            delays: delays.build(),
            not_before: Instant::now(),
        }
    }

    fn postpone(&mut self) {
        self.not_before = Instant::now() + self.delays.next().unwrap_or(MAX_REFRESH_DELAY);
    }
}

impl AuthSessionState {
    /// Whether a refresh may help: the credentials were accepted before, and have thus expired; or, if it is worth trying
    /// again and again, a while has passed.
    fn may_refresh(&mut self) -> bool {
        let has_expired = !self.has_refresh_failed && self.is_accepted.load(Ordering::Relaxed);
        let Some(retry) = &mut self.retry else {
            return has_expired;
        };
        if has_expired {
            *retry = RefreshRetry::new();
        }
        let may_refresh = Instant::now() >= retry.not_before;
        if may_refresh {
            retry.postpone();
        }
        may_refresh
    }
}

impl AuthSession {
    /// # Errors
    /// If the configuration is unusable: certificates, authentication, a proxy.
    pub(super) fn new(connection: Connection) -> Result<Self, RequestError> {
        Ok(Self(Mutex::new(AuthSessionState {
            client: build_client(&connection)?,
            connection,
            generation: CredentialGeneration(0),
            is_accepted: Arc::default(),
            has_refresh_failed: false,
            retry: None,
        })))
    }

    /// From now on, tries again if a refresh fails or its credentials are refused: for a watch, which outlives that.
    pub(super) async fn keep_refreshing(&self) {
        let mut state = self.0.lock().await;
        state.retry.get_or_insert_with(RefreshRetry::new);
    }

    /// Sends a request with the current credentials.
    pub(super) async fn send(&self, request: Request<Body>) -> HttpResult {
        let (client, generation, is_accepted) = {
            let state = self.0.lock().await;
            let accepted = Arc::clone(&state.is_accepted);
            (state.client.clone(), state.generation, accepted)
        };
        let mut response = client.send(request).await?;
        response.extensions_mut().insert(generation);
        if response.status().is_success() {
            is_accepted.store(true, Ordering::Relaxed);
        }
        Ok(response.map(|body| body.map_err(Into::into).boxed_unsync()))
    }

    /// Replaces credentials that the server refused. Returns whether there are newer ones. If several requests are refused
    /// at once, a credential plugin runs once.
    ///
    /// # Errors
    /// If the credential plugin fails, or the token file is unreadable.
    async fn refresh(&self, refused: CredentialGeneration) -> Result<bool, RequestError> {
        let mut state = self.0.lock().await;
        if state.generation != refused {
            return Ok(true);
        }
        if !state.may_refresh() {
            return Ok(false);
        }
        let refreshed = state.connection.refresh_credentials().await;
        // An unchanged token file is no failure: it may change before the next refusal.
        state.has_refresh_failed = refreshed.is_err();
        let is_new = refreshed.map_err(|error| RequestError::CredentialsUnavailable {
            why: error.to_string(),
        })?;
        if is_new {
            tracing::info!("the API server no longer accepts the credentials, refreshed them");
            state.client = build_client(&state.connection)?;
            state.generation.0 += 1;
            state.is_accepted = Arc::default();
        }
        Ok(is_new)
    }
}

fn build_client(connection: &Connection) -> Result<kube::Client, RequestError> {
    let builder = ClientBuilder::try_from(connection.config.clone())
        .map_err(|error| classify(&error, &connection.server))?;
    Ok(builder.build())
}
