//! The only room that talks to an API server, and the one that reads files. It reads, it never writes.
//!
//! [`Reader::survey`] takes the first look; [`Reader::read`] carries out a plan of requests and answers with lines of the
//! ledger. A read that failed is a line that says so, never an empty list.

mod auth;
mod decode;
mod discovery;
pub mod error;
mod http_date;
mod list;
mod partition;
mod read_only;
mod response_body;
mod retry;
mod timeout;
mod transport;

pub use crate::kubeconfig::Timeout;
pub use decode::decode_objects;
pub use discovery::DiscoveryError;
pub use read_only::{ReadOnlyLayer, ReadOnlyService};

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use jiff::SignedDuration;
use tokio::sync::{Semaphore, SemaphorePermit};

use self::partition::ServerHints;
use crate::catalog::{Catalog, ServerFeature};
use crate::need::{Discovery, ReadRequest};
use crate::snapshot::ReadResult;
use auth::AuthSession;
use retry::RetryState;

/// How to read.
#[derive(Debug, Clone, Copy)]
pub struct ReadOptions {
    /// How long to wait.
    pub timeout: Timeout,
    /// Objects a page, where the server pages.
    pub page_size: u32,
    /// Requests in flight, whatever they are for.
    pub max_in_flight: usize,
}

/// Hears how a long read is getting on.
pub trait ReadObserver: Send + Sync {
    /// So many more requests will be sent.
    fn on_planned(&self, requests: usize);
    /// This resource is being read.
    fn on_started(&self, what: &str);
    /// So many objects of this resource so far.
    fn on_objects_read(&self, what: &str, objects: usize);
    /// One request is through.
    fn on_finished(&self, what: &str);
    /// The API server is busy or away, as this failure says: we wait, and try again. Said once.
    fn on_backoff(&self, failure: &str);
}

/// Nobody listens.
#[derive(Debug, Clone, Copy)]
pub struct NoopObserver;

impl ReadObserver for NoopObserver {
    fn on_planned(&self, _requests: usize) {}
    fn on_started(&self, _what: &str) {}
    fn on_objects_read(&self, _what: &str, _objects: usize) {}
    fn on_finished(&self, _what: &str) {}
    fn on_backoff(&self, _failure: &str) {}
}

/// A client that can only read, and only what was planned.
#[derive(Clone)]
pub struct ClusterReader {
    auth_session: Arc<AuthSession>,
    retry_state: Arc<RetryState>,
    /// For messages.
    server: String,
    read_only_layer: ReadOnlyLayer,
    options: ReadOptions,
    observer: Arc<dyn ReadObserver>,
    catalog: Arc<Catalog>,
    /// One for each request that may be in flight.
    request_slots: Arc<Semaphore>,
}

impl ClusterReader {
    /// Builds a client for a connection, whose credential plugin must have run.
    ///
    /// # Errors
    /// When the configuration cannot be used: certificates, an authentication plugin, a proxy.
    pub fn new(
        connection: &crate::kubeconfig::Connection,
        manner: ReadOptions,
        progress: Arc<dyn ReadObserver>,
        catalog: Arc<Catalog>,
    ) -> Result<Self, error::RequestError> {
        let guard = ReadOnlyLayer::default();
        let server = connection.server.clone();
        let session = AuthSession::new(connection.clone(), guard.clone())?;
        Ok(Self {
            auth_session: Arc::new(session),
            retry_state: Arc::new(RetryState::new(manner.timeout)),
            server,
            read_only_layer: guard,
            options: manner,
            observer: progress,
            catalog,
            request_slots: Arc::new(Semaphore::new(manner.max_in_flight.max(1))),
        })
    }

    /// How far the clock of the API server is ahead of ours, behind if negative; none where they agree well enough, or
    /// where nothing was asked yet.
    #[must_use]
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        self.auth_session.clock_skew()
    }

    /// How long we waited, between two attempts, for an API server that was busy or away.
    #[must_use]
    pub fn total_backoff(&self) -> Duration {
        self.retry_state.total_backoff()
    }

    /// What the API server is and what it offers.
    ///
    /// # Errors
    /// When it cannot be reached, refuses, or answers with something else: then there is nothing to go on with.
    pub async fn discover(&self) -> Result<Discovery, DiscoveryError> {
        discovery::discover(self).await
    }

    /// Carries out a plan; one line of the ledger for each request, in the order of the plan.
    pub async fn read(&self, plan: &[ReadRequest], survey: &Discovery) -> Vec<ReadResult> {
        self.read_only_layer
            .allow(plan.iter().map(|request| request.path.clone()));
        self.observer.on_planned(plan.len());
        let mut grounds = ServerHints {
            can_stream_lists: self
                .catalog
                .supports(ServerFeature::StreamingLists, survey.effective_minor()),
            namespaces: Vec::new(),
        };
        // Namespaces first, where they are to be read at all: large lists are taken apart by them.
        let namespaces = plan
            .iter()
            .position(|request| request.is_full_list_of("", "namespaces"));
        let mut first = None;
        if let Some(place) = namespaces {
            let reading = self.read_request(&plan[place], &grounds).await;
            grounds.namespaces = reading
                .rows
                .metadata()
                .map(|meta| meta.name.clone())
                .collect();
            first = Some((place, reading));
        }
        let grounds = &grounds;
        let mut others: Vec<usize> = (0..plan.len()).collect();
        others.retain(|place| namespaces != Some(*place));
        // The one that takes longest is begun first: what is left at the end is not waited for alone.
        others.sort_by_key(|place| !plan[*place].is_full_list_of("", "pods"));
        let readings = others.into_iter().map(|place| {
            let reading = async move { (place, self.read_request(&plan[place], grounds).await) };
            // Boxed, for the compiler takes very long over the type of all that is awaited in it.
            reading.boxed_local()
        });
        let mut readings = join_all(readings).await;
        readings.extend(first);
        readings.sort_unstable_by_key(|(place, _)| *place);
        readings.into_iter().map(|(_, reading)| reading).collect()
    }

    async fn read_request(&self, request: &ReadRequest, grounds: &ServerHints) -> ReadResult {
        let reading = list::read_request(self, request, grounds).await;
        self.observer.on_finished(&request.target.to_string());
        reading
    }

    /// Waits until another request may be in flight, which it may until the slot is dropped.
    async fn acquire_slot(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.request_slots.acquire().await.ok()
    }

    /// The name by which the API server knows us, as it says when it refuses one of these reads; none if it refuses none.
    /// Asks for one object of each, until it is refused.
    pub async fn user_from_forbidden(&self, plan: &[ReadRequest]) -> Option<String> {
        self.read_only_layer
            .allow(plan.iter().map(|request| request.path.clone()));
        list::user_from_forbidden(self, plan).await
    }
}
