//! The read-only guard: a layer around the client that lets nothing through but what the needs allow.
//!
//! It looks at each request just before it is sent. A request passes if it is a GET, if its path is one that was allowed
//! by name, and if that path is none of those that do something although they are fetched with GET (exec, attach,
//! portforward, proxy). Allowing one of those by mistake is refused too.

use std::collections::BTreeSet;
use std::future::{Ready, ready};
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};

use futures::future::Either;
use http::{Method, Request};
use tower::{BoxError, Layer, Service};

use super::error::RequestError;

/// Subresources that act when they are read.
const CONNECT_SUBRESOURCES: [&str; 4] = ["exec", "attach", "portforward", "proxy"];

/// The paths that may be read, shared between the guard and those who plan.
#[derive(Debug, Clone, Default)]
pub struct ReadOnlyLayer(Arc<RwLock<BTreeSet<String>>>);

impl ReadOnlyLayer {
    /// Lets GET requests for these paths through from now on.
    pub fn allow(&self, paths: impl IntoIterator<Item = String>) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(paths);
    }

    /// Whether a request may be sent.
    ///
    /// # Errors
    /// When it may not.
    pub fn check(&self, method: &Method, path: &str) -> Result<(), RequestError> {
        let planned = self
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(path);
        if method == Method::GET && planned && !is_connect_path(path) {
            return Ok(());
        }
        // Always a mistake of ours, never the user's.
        Err(RequestError::NotAllowed {
            request: format!("{method} {path}"),
        })
    }
}

/// Whether a GET of this path does something: a subresource that opens a connection, or the old proxy root.
fn is_connect_path(path: &str) -> bool {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let rest: Vec<&str> = match segments.next() {
        Some("api") => segments.skip(1).collect(),
        Some("apis") => segments.skip(2).collect(),
        _ => return false,
    };
    let rest = match rest.as_slice() {
        ["namespaces", _, inner @ ..] if !inner.is_empty() => inner,
        all => all,
    };
    match rest {
        ["proxy", ..] => true,
        [_resource, _name, subresource, ..] => CONNECT_SUBRESOURCES.contains(subresource),
        _ => false,
    }
}

impl<S> Layer<S> for ReadOnlyLayer {
    type Service = ReadOnlyService<S>;

    fn layer(&self, inner: S) -> ReadOnlyService<S> {
        ReadOnlyService {
            layer: self.clone(),
            inner,
        }
    }
}

/// A service behind the guard.
#[derive(Debug, Clone)]
pub struct ReadOnlyService<S> {
    layer: ReadOnlyLayer,
    inner: S,
}

impl<S, B> Service<Request<B>> for ReadOnlyService<S>
where
    S: Service<Request<B>>,
    S::Error: Into<BoxError>,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Either<
        Ready<Result<S::Response, BoxError>>,
        futures::future::MapErr<S::Future, fn(S::Error) -> BoxError>,
    >;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        use futures::TryFutureExt;
        match self.layer.check(request.method(), request.uri().path()) {
            Ok(()) => Either::Right(
                self.inner
                    .call(request)
                    .map_err(Into::into as fn(S::Error) -> BoxError),
            ),
            Err(refusal) => Either::Left(ready(Err(refusal.into()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::{ReadOnlyLayer, is_connect_path};

    #[test]
    fn lets_through_what_was_planned_and_nothing_else() {
        let guard = ReadOnlyLayer::default();
        guard.allow(["/api/v1/nodes".to_owned(), "/version".to_owned()]);
        assert!(guard.check(&Method::GET, "/api/v1/nodes").is_ok());
        assert!(guard.check(&Method::GET, "/version").is_ok());
        for (method, path) in [
            (Method::GET, "/api/v1/secrets"),
            (Method::GET, "/api/v1/nodes/n1"),
            (Method::GET, "/api/v1/nodes/"),
            (Method::POST, "/api/v1/nodes"),
            (Method::PUT, "/version"),
            (Method::PATCH, "/api/v1/nodes"),
            (Method::DELETE, "/api/v1/nodes"),
            (Method::HEAD, "/api/v1/nodes"),
            (Method::OPTIONS, "/version"),
        ] {
            assert!(guard.check(&method, path).is_err(), "{method} {path}");
        }
    }

    #[test]
    fn a_get_that_acts_is_refused_even_when_it_was_allowed() {
        let guard = ReadOnlyLayer::default();
        for path in [
            "/api/v1/namespaces/shop/pods/cart/exec",
            "/api/v1/namespaces/shop/pods/cart/attach",
            "/api/v1/namespaces/shop/pods/cart/portforward",
            "/api/v1/namespaces/shop/pods/cart/proxy",
            "/api/v1/namespaces/shop/services/cart/proxy/admin",
            "/api/v1/nodes/n1/proxy/metrics",
            "/api/v1/proxy/nodes/n1",
        ] {
            guard.allow([path.to_owned()]);
            assert!(guard.check(&Method::GET, path).is_err(), "{path}");
        }
        // Names that only look like it.
        for path in [
            "/api/v1/namespaces/proxy/pods",
            "/api/v1/namespaces/exec/secrets",
            "/apis/policy/v1/poddisruptionbudgets",
        ] {
            assert!(!is_connect_path(path), "{path}");
        }
    }
}
