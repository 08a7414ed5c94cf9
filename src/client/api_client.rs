//! What all requests of a reader share.

use std::sync::Arc;

use http::Request;
use jiff::Timestamp;
use kube::client::Body;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::auth::{AuthRefreshLayer, AuthSession};
use super::clock_skew::ClockSkew;
use super::error::RequestError;
use super::layers::Layers;
use super::options::{ReadObserver, ReadOptions};
use super::read_only::ReadOnlyLayer;
use super::retry::{RetryLayer, RetryState};
use super::timeout::TimeoutLayer;
use crate::catalog::Catalog;
use crate::kubeconfig::Connection;
use crate::need::ReadRequest;

/// A read-only client and what its requests share.
pub(super) struct ApiClient {
    /// Sends through all [layers](super::layers).
    pub(super) client: kube::Client,
    /// URL of the API server, for messages.
    pub(super) server: String,
    pub(super) options: ReadOptions,
    pub(super) observer: Arc<dyn ReadObserver>,
    pub(super) catalog: &'static Catalog,
    pub(super) read_only: ReadOnlyLayer,
    pub(super) retry_state: Arc<RetryState>,
    pub(super) clock_skew: Arc<ClockSkew>,
    pub(super) auth_session: Arc<AuthSession>,
    /// One permit for each request in flight.
    request_slots: Semaphore,
}

impl ApiClient {
    /// # Errors
    /// If the configuration is unusable: certificates, authentication, a proxy.
    pub(super) fn new(
        connection: &Connection,
        options: ReadOptions,
        observer: Arc<dyn ReadObserver>,
        catalog: &'static Catalog,
    ) -> Result<Self, RequestError> {
        let server = connection.server.clone();
        let session = Arc::new(AuthSession::new(connection.clone())?);
        let retry_state = RetryState::new(server.clone(), options.timeout, observer.clone());
        let retry_state = Arc::new(retry_state);
        let read_only = ReadOnlyLayer::default();
        let clock_skew = Arc::<ClockSkew>::default();
        let layers = Layers {
            retry: RetryLayer(retry_state.clone()),
            auth_refresh: AuthRefreshLayer(session.clone()),
            timeout: TimeoutLayer(options.timeout),
            read_only: read_only.clone(),
        };
        let auth_session = session.clone();
        let skew = clock_skew.clone();
        let transport = tower::service_fn(move |request: Request<Body>| {
            let (session, skew) = (session.clone(), skew.clone());
            async move {
                let sent_at = Timestamp::now();
                let response = session.send(request).await?;
                skew.record(sent_at, response.headers());
                Ok(response)
            }
        });
        Ok(Self {
            client: layers.into_client(transport),
            server,
            options,
            observer,
            catalog,
            read_only,
            retry_state,
            clock_skew,
            auth_session,
            request_slots: Semaphore::new(options.max_in_flight.max(1)),
        })
    }

    /// Lets these requests through the read-only layer.
    pub(super) fn allow<'a>(&self, requests: impl IntoIterator<Item = &'a ReadRequest>) {
        let reads = requests.into_iter();
        self.read_only
            .allow(reads.map(|request| (request.verb(), request.path.clone())));
    }

    /// Waits until another request may be in flight, which it may until the permit is dropped.
    pub(super) async fn acquire_slot(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.request_slots.acquire().await.ok()
    }
}
