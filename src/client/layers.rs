//! The tower layers of the client, and the client made of them.
//!
//! From the outside in: [`RetryLayer`], [`AuthRefreshLayer`], [`TimeoutLayer`], [`ReadOnlyLayer`], and at the bottom kube's
//! own stack (address, credentials, TLS, proxy). The result is a [`kube::Client`], so that whatever is built on kube can
//! share it.

use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use kube::client::Body;
use tower::{BoxError, Service, ServiceBuilder};

use super::auth::AuthRefreshLayer;
use super::read_only::ReadOnlyLayer;
use super::retry::RetryLayer;
use super::timeout::TimeoutLayer;

/// The body of a response between two layers.
pub(super) type ResponseBody = UnsyncBoxBody<Bytes, BoxError>;

/// What a layer's service returns.
pub(super) type HttpResult = Result<Response<ResponseBody>, BoxError>;

/// A service that sends HTTP requests.
pub(super) trait HttpService:
    Service<Request<Body>, Response = Response<ResponseBody>, Error = BoxError, Future: Send>
    + Clone
    + Send
    + 'static
{
}

impl<S> HttpService for S where
    S: Service<Request<Body>, Response = Response<ResponseBody>, Error = BoxError, Future: Send>
        + Clone
        + Send
        + 'static
{
}

/// What a layer does with a request.
pub(super) trait HttpLayer: Clone + Send + 'static {
    fn call<S: HttpService>(
        self,
        inner: S,
        request: Request<Body>,
    ) -> impl Future<Output = HttpResult> + Send;
}

/// The service of an [`HttpLayer`].
#[derive(Debug, Clone)]
pub(super) struct Layered<L, S> {
    pub(super) layer: L,
    pub(super) inner: S,
}

impl<L: HttpLayer, S: HttpService> Service<Request<Body>> for Layered<L, S> {
    type Response = Response<ResponseBody>;
    type Error = BoxError;
    type Future = BoxFuture<'static, HttpResult>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Layers await the inner service themselves, since they may call it more than once.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.layer.clone().call(self.inner.clone(), request))
    }
}

/// Implements [`tower::Layer`] for an [`HttpLayer`].
macro_rules! tower_layer {
    ($layer:ty) => {
        impl<S> tower::Layer<S> for $layer {
            type Service = $crate::client::layers::Layered<Self, S>;

            fn layer(&self, inner: S) -> Self::Service {
                let layer = self.clone();
                $crate::client::layers::Layered { layer, inner }
            }
        }
    };
}
pub(super) use tower_layer;

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

/// A copy of a request to send again. Only reads pass the read-only layer, and these have no body.
pub(super) fn copy_request(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(Body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    copy
}

#[cfg(test)]
mod tests;
