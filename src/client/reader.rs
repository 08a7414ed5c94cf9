//! The reader of one cluster.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use jiff::SignedDuration;
use secrecy::SecretString;

use super::api_client::ApiClient;
use super::discovery::{self, DiscoveryError};
use super::error::RequestError;
use super::ledger;
use super::list;
use super::options::{ReadObserver, ReadOptions};
use super::partition::ServerHints;
use super::secret::{self, SecretReadError};
use crate::catalog::{Catalog, ServerFeature};
use crate::kubeconfig::Connection;
use crate::need::{Discovery, ReadRequest};
use crate::snapshot::ReadResult;

/// A client that can only read, and only what is planned.
#[derive(Clone)]
pub struct ClusterReader(Arc<ApiClient>);

impl ClusterReader {
    pub(super) fn api(&self) -> &ApiClient {
        &self.0
    }

    /// Builds a client for a connection whose credential plugin has run.
    ///
    /// # Errors
    /// If the configuration is unusable: certificates, authentication, a proxy.
    pub fn new(
        connection: &Connection,
        options: ReadOptions,
        observer: Arc<dyn ReadObserver>,
        catalog: &'static Catalog,
    ) -> Result<Self, RequestError> {
        let api = ApiClient::new(connection, options, observer, catalog)?;
        Ok(Self(Arc::new(api)))
    }

    /// How far the API server's clock is ahead of the local one, negative if it is behind; `None` if they agree well
    /// enough, or before the first response.
    #[must_use]
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        self.0.clock_skew.get()
    }

    /// How long the client waited between attempts, for an API server that was throttling or unavailable.
    #[must_use]
    pub fn total_backoff(&self) -> Duration {
        self.0.retry_state.total_backoff()
    }

    /// What the API server warned of in its responses, each once.
    #[must_use]
    pub fn server_warnings(&self) -> Vec<String> {
        self.0.retry_state.warnings()
    }

    /// Reads the API server's version and the APIs it serves.
    ///
    /// # Errors
    /// If the server is unreachable, refuses, or is no API server.
    pub async fn discover(&self) -> Result<Discovery, DiscoveryError> {
        discovery::discover(&self.0).await
    }

    /// Carries out a plan. Returns one ledger entry for each request, in the order of the plan.
    pub async fn read(&self, plan: &[ReadRequest], discovery: &Discovery) -> Vec<ReadResult> {
        let api = &*self.0;
        api.allow(plan);
        api.observer.on_planned(plan.len());
        let mut hints = ServerHints {
            can_stream_lists: api
                .catalog
                .supports(ServerFeature::StreamingLists, discovery.effective_minor()),
            namespaces: Vec::new(),
        };
        // Namespaces first, if they are planned: large lists are partitioned by them.
        let namespaces = plan
            .iter()
            .position(|request| request.is_full_list_of("", "namespaces"));
        let mut first = None;
        if let Some(index) = namespaces {
            let result = self.read_request(&plan[index], &hints).await;
            let names = result.rows.metadata().map(|meta| meta.name.clone());
            hints.namespaces = names.collect();
            first = Some((index, result));
        }
        let hints = &hints;
        let mut others: Vec<usize> = (0..plan.len()).collect();
        others.retain(|index| namespaces != Some(*index));
        // Pods take longest: started first, they do not finish alone.
        others.sort_by_key(|index| !plan[*index].is_full_list_of("", "pods"));
        let results = others.into_iter().map(|index| {
            let result = async move { (index, self.read_request(&plan[index], hints).await) };
            // Boxed: the compiler takes very long to check the type of the nested futures.
            result.boxed_local()
        });
        let mut results = join_all(results).await;
        results.extend(first);
        results.sort_unstable_by_key(|(index, _)| *index);
        results.into_iter().map(|(_, result)| result).collect()
    }

    async fn read_request(&self, request: &ReadRequest, hints: &ServerHints) -> ReadResult {
        let result = ledger::read_request(&self.0, request, hints).await;
        self.0.observer.on_finished(&request.target.to_string());
        result
    }

    /// The first of these keys that a Secret has. It is in memory only: neither logged, nor part of an error, nor of a
    /// ledger.
    ///
    /// # Errors
    /// If the Secret cannot be read, or has none of them.
    pub async fn read_secret(
        &self,
        namespace: &str,
        name: &str,
        keys: &'static [&'static str],
    ) -> Result<SecretString, SecretReadError> {
        secret::read_key(&self.0, namespace, name, keys).await
    }

    /// The user name that the API server knows the client by, as it says when it refuses a read of the plan; `None` if it
    /// refuses none. Requests one object of each target until one is refused.
    pub async fn user_from_forbidden(&self, plan: &[ReadRequest]) -> Option<String> {
        self.0.allow(plan);
        list::user_from_forbidden(&self.0, plan).await
    }
}
