//! The read-only layer: sends a request only if it is planned and cannot change anything.
//!
//! It checks each request just before it is sent. A request passes if it is a GET, if its verb and path were allowed, and
//! if the path is none of those that act although they are fetched with GET (exec, attach, portforward, proxy), which are
//! refused even when allowed by mistake.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use http::{Method, Request, Uri};
use kube::client::Body;
use percent_encoding::percent_decode_str;
use tower::ServiceExt;

use super::error::RequestError;
use super::http_layer::{HttpLayer, HttpResult, HttpService, tower_layer};
use crate::need::Verb;

/// Subresources that act when they are read.
const CONNECT_SUBRESOURCES: [&str; 4] = ["exec", "attach", "portforward", "proxy"];

/// The verbs allowed for each path; clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct ReadOnlyLayer(Arc<RwLock<BTreeMap<String, Vec<Verb>>>>);

tower_layer!(ReadOnlyLayer);

impl HttpLayer for ReadOnlyLayer {
    async fn call<S: HttpService>(self, inner: S, request: Request<Body>) -> HttpResult {
        self.check(request.method(), request.uri())?;
        inner.oneshot(request).await
    }
}

impl ReadOnlyLayer {
    /// Allows these reads from now on.
    pub(super) fn allow(&self, reads: impl IntoIterator<Item = (Verb, String)>) {
        let mut allowed = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (verb, path) in reads {
            let verbs = allowed.entry(path).or_default();
            if !verbs.contains(&verb) {
                verbs.push(verb);
            }
        }
    }

    /// Whether a request may be sent.
    ///
    /// # Errors
    /// If it may not, which is always a bug of the caller.
    fn check(&self, method: &Method, uri: &Uri) -> Result<(), RequestError> {
        let path = uri.path();
        let is_watch = requested_verb(uri) == Verb::Watch;
        let allowed = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let verbs = allowed.get(path).map_or(&[][..], Vec::as_slice);
        // A path belongs to one object or to one collection, so get and list need not be told apart.
        let is_allowed = verbs.iter().any(|verb| (*verb == Verb::Watch) == is_watch);
        if method == Method::GET && is_allowed && !is_connect_path(path) {
            return Ok(());
        }
        Err(RequestError::NotAllowed {
            request: format!("{method} {uri}"),
        })
    }
}

/// The verb that the API server authorizes a GET by: watch by its query or by the old `/watch/` paths, otherwise list,
/// which stands for get too.
///
/// Source: kubernetes/apiserver pkg/endpoints/request/requestinfo.go.
pub(super) fn requested_verb(uri: &Uri) -> Verb {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut pairs = uri.query().unwrap_or_default().split('&');
    let has_watch_parameter = pairs.any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        // To the API server every other value is true, an empty one included.
        decode(name) == "watch" && value != "0" && !value.eq_ignore_ascii_case("false")
    });
    if has_watch_parameter || api_path_segments(uri.path()).first() == Some(&"watch") {
        Verb::Watch
    } else {
        Verb::List
    }
}

/// The segments of an API path after its group and version; none for other paths.
fn api_path_segments(path: &str) -> Vec<&str> {
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    match segments.next() {
        Some("api") => segments.skip(1).collect(),
        Some("apis") => segments.skip(2).collect(),
        _ => Vec::new(),
    }
}

/// Whether a GET of this path acts: a subresource that opens a connection, or the old proxy root.
fn is_connect_path(path: &str) -> bool {
    let segments = api_path_segments(path);
    let segments = match segments.as_slice() {
        ["namespaces", _, inner @ ..] if !inner.is_empty() => inner,
        all => all,
    };
    match segments {
        ["proxy", ..] => true,
        [_resource, _name, subresource, ..] => CONNECT_SUBRESOURCES.contains(subresource),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use http::{Method, Uri};

    use super::{ReadOnlyLayer, Verb, is_connect_path};

    fn is_sent(layer: &ReadOnlyLayer, method: &Method, uri: &str) -> bool {
        let uri: Uri = uri.parse().expect("a URI");
        layer.check(method, &uri).is_ok()
    }

    #[test]
    fn sends_what_was_allowed_and_nothing_else() {
        let layer = ReadOnlyLayer::default();
        layer.allow([
            (Verb::List, "/api/v1/nodes".to_owned()),
            (Verb::Get, "/version".to_owned()),
        ]);
        assert!(is_sent(&layer, &Method::GET, "/api/v1/nodes?limit=500"));
        assert!(is_sent(&layer, &Method::GET, "/version"));
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
            assert!(!is_sent(&layer, &method, path), "{method} {path}");
        }
    }

    #[test]
    fn a_watch_needs_its_own_permission() {
        let watches = [
            "/api/v1/nodes?watch=1",
            "/api/v1/nodes?watch=true",
            "/api/v1/nodes?watch",
            "/api/v1/nodes?limit=500&watch=",
            "/api/v1/nodes?w%61tch=%74rue",
            "/api/v1/nodes?watch=0&watch=1",
        ];
        let lists = [
            "/api/v1/nodes",
            "/api/v1/nodes?watch=0",
            "/api/v1/nodes?watch=False",
            "/api/v1/nodes?labelSelector=watch",
        ];
        let old_path = "/api/v1/watch/nodes";
        let lister = ReadOnlyLayer::default();
        lister.allow(["/api/v1/nodes", old_path].map(|path| (Verb::List, path.to_owned())));
        let watcher = ReadOnlyLayer::default();
        watcher.allow(["/api/v1/nodes", old_path].map(|path| (Verb::Watch, path.to_owned())));
        for uri in watches.into_iter().chain([old_path]) {
            assert!(!is_sent(&lister, &Method::GET, uri), "{uri}");
            assert!(is_sent(&watcher, &Method::GET, uri), "{uri}");
        }
        for uri in lists {
            assert!(is_sent(&lister, &Method::GET, uri), "{uri}");
            assert!(!is_sent(&watcher, &Method::GET, uri), "{uri}");
        }
    }

    #[test]
    fn a_get_that_acts_is_refused_even_when_it_was_allowed() {
        let layer = ReadOnlyLayer::default();
        for path in [
            "/api/v1/namespaces/shop/pods/cart/exec",
            "/api/v1/namespaces/shop/pods/cart/attach",
            "/api/v1/namespaces/shop/pods/cart/portforward",
            "/api/v1/namespaces/shop/pods/cart/proxy",
            "/api/v1/namespaces/shop/services/cart/proxy/admin",
            "/api/v1/nodes/n1/proxy/metrics",
            "/api/v1/proxy/nodes/n1",
        ] {
            layer.allow([(Verb::Get, path.to_owned())]);
            assert!(!is_sent(&layer, &Method::GET, path), "{path}");
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
