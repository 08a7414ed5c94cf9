//! The only room that talks to an API server, and the one that reads files. It reads, it never writes.
//!
//! [`Reader::survey`] takes the first look; [`Reader::read`] carries out a plan of requests and answers with lines of the
//! ledger. A read that failed is a line that says so, never an empty list.

mod body;
mod clock;
mod decode;
pub mod failure;
pub mod files;
mod get;
mod guard;
mod helm;
mod http_date;
pub mod kubeconfig;
mod list;
mod manifest;
mod pieces;
mod releases;
mod session;
mod survey;
mod weather;

pub use guard::{Guard, Guarded};
pub use kubeconfig::Patience;
pub use survey::SurveyError;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use jiff::SignedDuration;
use tokio::sync::{Semaphore, SemaphorePermit};

use self::pieces::Grounds;
use crate::catalog::{Ability, Catalog};
use crate::need::{Request, Survey};
use crate::snapshot::Reading;
use session::Session;
use weather::Weather;

/// How to read.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How long to wait.
    pub patience: Patience,
    /// Objects a page, where the server pages.
    pub chunk: u32,
    /// Requests in flight, whatever they are for.
    pub in_flight: usize,
}

/// Hears how a long read is getting on.
pub trait Progress: Send + Sync {
    /// So many more requests will be sent.
    fn planned(&self, requests: usize);
    /// This resource is being read.
    fn begun(&self, what: &str);
    /// So many objects of this resource so far.
    fn read(&self, what: &str, objects: usize);
    /// One request is through.
    fn done(&self, what: &str);
    /// The API server is busy or away, as this failure says: we wait, and try again. Said once.
    fn waiting(&self, failure: &str);
}

/// Nobody listens.
#[derive(Debug, Clone, Copy)]
pub struct Silent;

impl Progress for Silent {
    fn planned(&self, _requests: usize) {}
    fn begun(&self, _what: &str) {}
    fn read(&self, _what: &str, _objects: usize) {}
    fn done(&self, _what: &str) {}
    fn waiting(&self, _failure: &str) {}
}

/// A client that can only read, and only what was planned.
#[derive(Clone)]
pub struct Reader {
    session: Arc<Session>,
    weather: Arc<Weather>,
    /// For messages.
    server: String,
    guard: Guard,
    manner: Manner,
    progress: Arc<dyn Progress>,
    catalog: Arc<Catalog>,
    /// One for each request that may be in flight.
    slots: Arc<Semaphore>,
}

impl Reader {
    /// Builds a client for a connection, whose credential plugin must have run.
    ///
    /// # Errors
    /// When the configuration cannot be used: certificates, an authentication plugin, a proxy.
    pub fn new(
        connection: &kubeconfig::Connection,
        manner: Manner,
        progress: Arc<dyn Progress>,
        catalog: Arc<Catalog>,
    ) -> Result<Self, failure::Failure> {
        let guard = Guard::default();
        let server = connection.server.clone();
        let session = Session::new(connection.clone(), guard.clone())?;
        Ok(Self {
            session: Arc::new(session),
            weather: Arc::new(Weather::new(manner.patience)),
            server,
            guard,
            manner,
            progress,
            catalog,
            slots: Arc::new(Semaphore::new(manner.in_flight.max(1))),
        })
    }

    /// How far the clock of the API server is ahead of ours, behind if negative; none where they agree well enough, or
    /// where nothing was asked yet.
    #[must_use]
    pub fn clocks_apart(&self) -> Option<SignedDuration> {
        self.session.clocks_apart()
    }

    /// How long we waited, between two attempts, for an API server that was busy or away.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.weather.waited()
    }

    /// What the API server is and what it offers.
    ///
    /// # Errors
    /// When it cannot be reached, refuses, or answers with something else: then there is nothing to go on with.
    pub async fn survey(&self) -> Result<Survey, SurveyError> {
        survey::survey(self).await
    }

    /// Carries out a plan; one line of the ledger for each request, in the order of the plan.
    pub async fn read(&self, plan: &[Request], survey: &Survey) -> Vec<Reading> {
        self.guard
            .allow(plan.iter().map(|request| request.path.clone()));
        self.progress.planned(plan.len());
        let mut grounds = Grounds {
            streams: self
                .catalog
                .can(Ability::StreamsLists, survey.effective_minor()),
            namespaces: Vec::new(),
        };
        // Namespaces first, where they are to be read at all: large lists are taken apart by them.
        let namespaces = plan
            .iter()
            .position(|request| request.lists("", "namespaces"));
        let mut first = None;
        if let Some(place) = namespaces {
            let reading = self.read_one(&plan[place], &grounds).await;
            grounds.namespaces = reading.rows.meta().map(|meta| meta.name.clone()).collect();
            first = Some((place, reading));
        }
        let grounds = &grounds;
        let mut others: Vec<usize> = (0..plan.len()).collect();
        others.retain(|place| namespaces != Some(*place));
        // The one that takes longest is begun first: what is left at the end is not waited for alone.
        others.sort_by_key(|place| !plan[*place].lists("", "pods"));
        let readings = others.into_iter().map(|place| {
            let reading = async move { (place, self.read_one(&plan[place], grounds).await) };
            // Boxed, for the compiler takes very long over the type of all that is awaited in it.
            reading.boxed_local()
        });
        let mut readings = join_all(readings).await;
        readings.extend(first);
        readings.sort_unstable_by_key(|(place, _)| *place);
        readings.into_iter().map(|(_, reading)| reading).collect()
    }

    async fn read_one(&self, request: &Request, grounds: &Grounds) -> Reading {
        let reading = list::read(self, request, grounds).await;
        self.progress.done(&request.subject.to_string());
        reading
    }

    /// Waits until another request may be in flight, which it may until the slot is dropped.
    async fn slot(&self) -> Option<SemaphorePermit<'_>> {
        // Never closed.
        self.slots.acquire().await.ok()
    }

    /// The name by which the API server knows us, as it says when it refuses one of these reads; none if it refuses none.
    /// Asks for one object of each, until it is refused.
    pub async fn refused_user(&self, plan: &[Request]) -> Option<String> {
        self.guard
            .allow(plan.iter().map(|request| request.path.clone()));
        list::refused_user(self, plan).await
    }
}
