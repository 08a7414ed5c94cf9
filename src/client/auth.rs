//! Credentials that are refreshed when the API server no longer accepts them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::{Request, StatusCode};
use http_body_util::BodyExt;
use kube::client::{Body, ClientBuilder};
use tokio::sync::Mutex;
use tower::ServiceExt;

use super::error::{RequestError, classify};
use super::http_layer::{HttpLayer, HttpResult, HttpService, copy_request, tower_layer};
use crate::kubeconfig::Connection;

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
        })))
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
        if state.has_refresh_failed || !state.is_accepted.load(Ordering::Relaxed) {
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
