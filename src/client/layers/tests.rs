//! The layers over a transport that is a function.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::TryStreamExt;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full, StreamBody};
use k8s_openapi::api::core::v1::Node;
use kube::api::{Api, WatchParams};
use kube::client::Body;
use kube::core::WatchEvent;

use super::Layers;
use crate::client::auth::{AuthRefreshLayer, AuthSession};
use crate::client::error::{RequestError, classify};
use crate::client::http_layer::{HttpResult, ResponseBody};
use crate::client::options::NoopObserver;
use crate::client::read_only::ReadOnlyLayer;
use crate::client::retry::{RetryLayer, RetryState};
use crate::client::timeout::TimeoutLayer;
use crate::kubeconfig::{self, ConnectOptions, Env, Timeout};
use crate::need::Verb;

const TIMEOUT: Timeout = Timeout::Idle(Duration::from_secs(30));

/// A client whose transport gives these responses, and the URIs that reach it.
fn client(
    read_only: &ReadOnlyLayer,
    responses: impl IntoIterator<Item = Response<ResponseBody>>,
) -> (kube::Client, Arc<Mutex<Vec<String>>>) {
    let options = ConnectOptions {
        server: Some("http://127.0.0.1:1".to_owned()),
        ..ConnectOptions::default()
    };
    let env = Env {
        var: &|_| None,
        service_account_dir: std::path::Path::new("/none"),
    };
    let connection = kubeconfig::resolve(&options, &env).expect("a connection");
    let state = RetryState::new(String::new(), TIMEOUT, Arc::new(NoopObserver));
    let layers = Layers {
        retry: RetryLayer(Arc::new(state)),
        auth_refresh: AuthRefreshLayer(Arc::new(AuthSession::new(connection).expect("a session"))),
        timeout: TimeoutLayer(TIMEOUT),
        read_only: read_only.clone(),
    };
    let uris = Arc::<Mutex<Vec<String>>>::default();
    let responses = Arc::new(Mutex::new(VecDeque::from_iter(responses)));
    let sent = uris.clone();
    let transport = tower::service_fn(move |request: Request<Body>| {
        sent.lock().expect("a lock").push(request.uri().to_string());
        let response = responses.lock().expect("a lock").pop_front();
        async move { HttpResult::Ok(response.expect("a response for each request")) }
    });
    (layers.into_client(transport), uris)
}

fn response(status: u16, body: impl Into<bytes::Bytes>) -> Response<ResponseBody> {
    let body = Full::from(body.into()).map_err(Into::into).boxed_unsync();
    let response = Response::builder().status(status);
    response.body(body).expect("a response")
}

/// The events of a watch of nodes.
async fn watch(client: kube::Client) -> kube::Result<Vec<WatchEvent<Node>>> {
    let nodes: Api<Node> = Api::all(client);
    nodes
        .watch(&WatchParams::default(), "41")
        .await?
        .try_collect()
        .await
}

#[tokio::test(start_paused = true)]
async fn a_watch_of_kube_passes_through_the_layers_if_it_is_allowed() {
    let read_only = ReadOnlyLayer::default();
    read_only.allow([(Verb::Watch, "/api/v1/nodes".to_owned())]);
    let event = serde_json::json!({"type": "ADDED", "object": {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "resourceVersion": "42"}
    }});
    // Silent for longer than the timeout, as a watch without changes is.
    let frames = futures::stream::once(async move {
        tokio::time::sleep(Duration::from_secs(120)).await;
        let mut body = Full::new(bytes::Bytes::from(format!("{event}\n")));
        let frame = body.frame().await.expect("a frame");
        frame.map_err(tower::BoxError::from)
    });
    let body = StreamBody::new(frames).boxed_unsync();
    let throttled = response(429, "");
    let (client, uris) = client(&read_only, [throttled, Response::new(body)]);
    let events = watch(client).await.expect("events");
    assert!(
        matches!(&events[..], [WatchEvent::Added(node)] if node.metadata.name.as_deref() == Some("n1")),
        "{events:?}"
    );
    let uris = uris.lock().expect("a lock");
    assert_eq!(uris.len(), 2, "retried once: {uris:?}");
    assert!(uris[0].contains("watch=true"), "{uris:?}");
}

#[tokio::test]
async fn a_watch_is_not_sent_if_only_the_list_is_allowed() {
    let read_only = ReadOnlyLayer::default();
    read_only.allow([(Verb::List, "/api/v1/nodes".to_owned())]);
    let (client, uris) = client(&read_only, []);
    let error = watch(client).await.expect_err("refused");
    let error = classify(&error, "");
    assert!(matches!(error, RequestError::NotAllowed { .. }), "{error}");
    assert!(uris.lock().expect("a lock").is_empty());
}

#[tokio::test]
async fn kube_sees_the_status_of_an_error() {
    let read_only = ReadOnlyLayer::default();
    read_only.allow([(Verb::Watch, "/api/v1/nodes".to_owned())]);
    let status = serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure",
        "code": 410, "reason": "Expired", "message": "too old resource version"});
    let mut expired = response(410, status.to_string());
    let json = header::HeaderValue::from_static("application/json");
    expired.headers_mut().insert(header::CONTENT_TYPE, json);
    let (client, _) = client(&read_only, [expired]);
    let error = watch(client).await.expect_err("expired");
    assert!(
        matches!(&error, kube::Error::Api(status) if status.code == 410),
        "{error:?}"
    );
}
