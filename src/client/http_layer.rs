//! What the tower layers of the client have in common.

use std::task::{Context, Poll};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use kube::client::Body;
use tower::{BoxError, Service};

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
            type Service = $crate::client::http_layer::Layered<Self, S>;

            fn layer(&self, inner: S) -> Self::Service {
                let layer = self.clone();
                $crate::client::http_layer::Layered { layer, inner }
            }
        }
    };
}
pub(super) use tower_layer;

/// A copy of a request to send again. Only reads pass the read-only layer, and these have no body.
pub(super) fn copy_request(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(Body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    *copy.extensions_mut() = request.extensions().clone();
    copy
}
