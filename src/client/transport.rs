//! One GET request, whose body is decoded on a thread of its own while it arrives.

use std::io;
use std::sync::Arc;

use http::{Request, Response, header, request};
use http_body_util::BodyExt;
use kube::client::Body;

use super::api_client::ApiClient;
use super::error::{RequestError, classify};
use super::response_body::{BodyReader, ChunkSender, body_channel};
use super::retry::Attempts;

/// Fetches a response and decodes it. `decode` is called once for each response and starts from the beginning each time.
///
/// # Errors
/// If the request fails. A body that `decode` rejects is inside `Ok`.
pub(super) async fn get_and_decode<T: Send + 'static>(
    api: &ApiClient,
    uri: &str,
    accept: &str,
    decode: impl Fn(&str, BodyReader) -> T + Send + Sync + 'static,
) -> Result<T, RequestError> {
    let attempts = Attempts::start(api.options.timeout);
    let decode = Arc::new(decode);
    loop {
        let request = Request::get(uri)
            .header(header::ACCEPT, accept)
            .header(header::ACCEPT_ENCODING, "gzip");
        let response = send(api, request, &attempts).await?;
        // The layers retry until there is a response. If its body breaks off, the decoder must start over, which only the
        // caller of the layers can do; the attempts and the state of the server are shared with them.
        match decode_body(api, response, &decode).await {
            Ok(decoded) => {
                api.retry_state.record_success();
                return Ok(decoded);
            }
            Err(error) => {
                let failure = error.into();
                api.retry_state.back_off(uri, &attempts, failure).await?;
            }
        }
    }
}

/// Sends a request through the layers. A response that is an error is an `Err`.
pub(super) async fn send(
    api: &ApiClient,
    request: request::Builder,
    attempts: &Attempts,
) -> Result<Response<Body>, RequestError> {
    let request = request.extension(attempts.clone()).body(Body::empty());
    let request = request.map_err(|error| other_error(format!("it is no request: {error}")))?;
    let response = api.client.send(request).await;
    let response = response.map_err(|error| classify(&error, &api.server))?;
    match response.extensions().get::<RequestError>() {
        Some(error) => Err(error.clone()),
        None => Ok(response),
    }
}

async fn decode_body<T: Send + 'static>(
    api: &ApiClient,
    response: Response<Body>,
    decode: &Arc<impl Fn(&str, BodyReader) -> T + Send + Sync + 'static>,
) -> Result<T, RequestError> {
    let content_type = response
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let (sender, pending) = body_channel(response.headers());
    let decode = Arc::clone(decode);
    let decoding =
        tokio::task::spawn_blocking(move || decode(&content_type, pending.into_reader()));
    let sent = stream_body(response.into_body(), &sender, &api.server).await;
    if let Err(error) = &sent {
        // The decoder must see a broken body, not the end of one.
        let broken = io::Error::new(io::ErrorKind::ConnectionAborted, error.to_string());
        let _ = sender.send(Err(broken)).await;
    }
    drop(sender);
    let decoded = decoding
        .await
        .map_err(|error| other_error(format!("decoding the answer failed: {error}")))?;
    sent?;
    Ok(decoded)
}

/// Sends the body to the decoder as it arrives.
async fn stream_body(
    mut body: Body,
    decoder: &ChunkSender,
    server: &str,
) -> Result<(), RequestError> {
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| closed_mid_response(classify(&error, server)))?;
        if let Ok(data) = frame.into_data()
            && decoder.send(Ok(data)).await.is_err()
        {
            // The decoder needs no more: its result tells why.
            break;
        }
    }
    Ok(())
}

/// A server that began to respond is reachable: says that the response is incomplete instead.
fn closed_mid_response(error: RequestError) -> RequestError {
    match error {
        RequestError::Unreachable { server, .. } => RequestError::Unreachable {
            server,
            why: "the connection was closed before the answer was complete".to_owned(),
        },
        other => other,
    }
}

fn other_error(why: String) -> RequestError {
    RequestError::Other { why }
}
