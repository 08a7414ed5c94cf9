//! The tower layers of the client, and the client made of them.
//!
//! From the outside in: [`RetryLayer`], [`AuthRefreshLayer`], [`TimeoutLayer`], [`ReadOnlyLayer`], and at the bottom kube's
//! own stack (address, credentials, TLS, proxy). The result is a [`kube::Client`], so that whatever is built on kube can
//! share it.

use tower::ServiceBuilder;

use super::auth::AuthRefreshLayer;
use super::http_layer::HttpService;
use super::read_only::ReadOnlyLayer;
use super::retry::RetryLayer;
use super::timeout::TimeoutLayer;

/// The layers of a client.
pub(super) struct Layers {
    pub(super) retry: RetryLayer,
    pub(super) auth_refresh: AuthRefreshLayer,
    pub(super) timeout: TimeoutLayer,
    pub(super) read_only: ReadOnlyLayer,
}

impl Layers {
    /// Builds a client that sends through `transport`.
    pub(super) fn into_client(self, transport: impl HttpService + Sync) -> kube::Client {
        let service = ServiceBuilder::new()
            .layer(self.retry)
            .layer(self.auth_refresh)
            .layer(self.timeout)
            .layer(self.read_only)
            .service(transport);
        kube::Client::new(service, "default")
    }
}

#[cfg(test)]
mod tests;
