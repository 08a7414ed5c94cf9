//! Servers on the loopback that misbehave, and chains of errors as the libraries build them.

use std::io::{Read, Write};
use std::net::TcpListener;

use http::{HeaderMap, StatusCode};
use kube::client::{Body, ClientBuilder};
use kube::{Client, Config};

use super::{RequestError, TlsError, classify, from_response, sanitize_line};

const SERVER: &str = "https://host:6443/prefix";

/// A server that reads a request, answers with these bytes and hangs up. Returns its address.
fn serve(answer: impl Into<Vec<u8>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let answer = answer.into();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer);
        }
    });
    format!("http://{address}")
}

fn client(server: &str) -> Client {
    let mut config = Config::new(server.parse().expect("an address"));
    config.default_retry = false;
    config.root_cert = Some(Vec::new());
    Client::try_from(config).expect("a client")
}

/// What is said of the answer to a typed request.
async fn failure_of(server: &str) -> RequestError {
    let error = client(server).apiserver_version().await;
    classify(&error.expect_err("a failure"), server)
}

fn answer(code: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {code}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn status(code: u16, reason: &str, message: &str) -> String {
    serde_json::json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
        .to_string()
}

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    for scheme in ["http", "https"] {
        let failure = failure_of(&format!("{scheme}://{address}")).await;
        assert_eq!(
            failure.to_string(),
            format!(
                "The connection to the server {address} was refused - did you specify the right host or port?"
            )
        );
    }
}

#[tokio::test]
async fn nobody_knows_the_name() {
    let failure = failure_of("http://no-such-host.invalid:1").await;
    let text = failure.to_string();
    let start =
        "Unable to connect to the server no-such-host.invalid:1: its name cannot be looked up (";
    assert!(text.starts_with(start), "{text}");
    assert!(!text.contains("os error"), "{text}");
}

#[tokio::test]
async fn the_server_refuses() {
    let body = status(401, "Unauthorized", "Unauthorized");
    let failure = failure_of(&serve(answer(
        "401 Unauthorized",
        "application/json",
        &body,
    )))
    .await;
    assert_eq!(
        failure.to_string(),
        "You must be logged in to the server (Unauthorized): the token or certificate was refused, log in again"
    );
    let message = "nodes is forbidden: User \"me\" cannot list resource \"nodes\"";
    let body = status(403, "Forbidden", message);
    let failure = failure_of(&serve(answer("403 Forbidden", "application/json", &body))).await;
    assert_eq!(
        failure.to_string(),
        format!("Error from server (Forbidden): {message}")
    );
}

#[tokio::test]
async fn a_proxy_answers() {
    let page =
        "<html>\n<head><title>502 Bad\n Gateway</title></head><body>secret words</body></html>";
    let failure = failure_of(&serve(answer("502 Bad Gateway", "text/html", page))).await;
    assert_eq!(
        failure.to_string(),
        "Error from server (Bad Gateway): HTTP 502 with a web page titled \"502 Bad Gateway\""
    );
    let failure = failure_of(&serve(answer("404 Not Found", "text/html", page))).await;
    assert!(
        matches!(failure, RequestError::InvalidResponse { .. }),
        "{failure}"
    );
    let failure = failure_of(&serve(answer("200 OK", "text/html", page))).await;
    assert!(
        matches!(failure, RequestError::InvalidResponse { .. }),
        "{failure}"
    );
}

#[tokio::test]
async fn something_else_answers() {
    let failure = failure_of(&serve("220 mail.example ESMTP\r\n")).await;
    assert!(
        matches!(failure, RequestError::InvalidResponse { .. }),
        "{failure}"
    );
    let failure = failure_of(&serve("")).await;
    assert!(
        matches!(failure, RequestError::Unreachable { .. }),
        "{failure}"
    );
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{";
    let failure = failure_of(&serve(cut)).await;
    assert!(
        matches!(failure, RequestError::Unreachable { .. }),
        "{failure}"
    );
}

#[tokio::test]
async fn it_does_not_speak_tls() {
    let server = serve("HTTP/1.1 400 Bad Request\r\n\r\n").replace("http:", "https:");
    let failure = failure_of(&server).await;
    let expected = RequestError::Tls {
        server,
        cause: TlsError::NotTls,
    };
    assert_eq!(failure, expected);
}

#[tokio::test]
async fn the_proxy_is_the_trouble() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let gone = listener.local_addr().expect("an address");
    drop(listener);
    for (proxy, expected) in [
        (
            format!("http://{gone}"),
            "the proxy cannot be reached (Connection refused)",
        ),
        (format!("socks5://{gone}"), "the proxy cannot be reached"),
        (
            serve("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
            "the proxy wants a user name and a password",
        ),
        (
            serve("HTTP/1.1 403 Forbidden\r\n\r\n"),
            "the proxy refuses to connect to the server",
        ),
    ] {
        let mut config = Config::new("https://host.invalid".parse().expect("an address"));
        config.default_retry = false;
        config.root_cert = Some(Vec::new());
        config.proxy_url = Some(proxy.parse().expect("an address"));
        let client = Client::try_from(config).expect("a client");
        let error = client.apiserver_version().await.expect_err("a failure");
        let failure = classify(&error, "https://host.invalid");
        assert!(
            matches!(failure, RequestError::Proxy { .. }),
            "{proxy}: {failure:?}"
        );
        assert!(failure.to_string().contains(expected), "{proxy}: {failure}");
    }
}

#[tokio::test]
async fn a_layer_may_give_up_by_itself() {
    let refused = RequestError::NotAllowed {
        request: "POST /api/v1/nodes".to_owned(),
    };
    let error = refused.clone();
    let service = tower::service_fn(move |_: http::Request<Body>| {
        let error = error.clone();
        async move { Err::<http::Response<Body>, _>(tower::BoxError::from(error)) }
    });
    let client = ClientBuilder::new(service, "default").build();
    let error = client.apiserver_version().await.expect_err("a failure");
    assert_eq!(classify(&error, SERVER), refused);
}

fn from(code: u16, body: &str) -> RequestError {
    let code = StatusCode::from_u16(code).expect("a code");
    from_response(code, &HeaderMap::new(), body.as_bytes())
}

#[test]
fn the_code_counts() {
    let not_found = from(404, "404 page not found\n");
    assert_eq!(
        not_found.to_string(),
        "Error from server (NotFound): HTTP 404 with \"404 page not found\""
    );
    assert!(matches!(not_found, RequestError::NotFound { .. }));
    assert!(matches!(
        from(404, &status(404, "NotFound", "no")),
        RequestError::NotFound { .. }
    ));
    assert!(matches!(
        from(404, " <!DOCTYPE html><p>no"),
        RequestError::InvalidResponse { .. }
    ));
    assert!(matches!(
        from(403, "<html>no"),
        RequestError::Forbidden { .. }
    ));
    assert!(matches!(from(401, ""), RequestError::Unauthorized { .. }));
    assert!(matches!(
        from(429, "slow"),
        RequestError::TooManyRequests { .. }
    ));
    let expired = from(410, &status(410, "Expired", "too old"));
    assert!(expired.is_expired());
    assert_eq!(expired.to_string(), "Error from server (Expired): too old");
    assert_eq!(
        from(503, "").to_string(),
        "Error from server (Service Unavailable): HTTP 503 without a text"
    );
    let text = from(400, "Client sent an HTTP request to an HTTPS server.\n").to_string();
    assert_eq!(
        text,
        "Error from server (Bad Request): it expects TLS; begin the address with https://"
    );
}

#[test]
fn a_redirect_is_no_answer() {
    let mut headers = HeaderMap::new();
    let location = "https://login.example/start?ticket=s3cret".parse();
    headers.insert("location", location.expect("a header"));
    let failure = from_response(StatusCode::FOUND, &headers, b"");
    let text = failure.to_string();
    assert!(
        text.contains("a redirect to https://login.example/start, perhaps a page to log in"),
        "{text}"
    );
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn bodies_are_bounded_and_tame() {
    let long = format!("a\u{1b}[31m\r\n\tb{}", "x".repeat(10_000));
    let text = from(500, &long).to_string();
    assert!(text.len() < 300, "{text}");
    assert!(text.contains("a [31m b"), "{text}");
    assert!(!text.chars().any(char::is_control), "{text}");
    let failure = from_response(StatusCode::BAD_GATEWAY, &HeaderMap::new(), &[0xFF; 500]);
    assert!(
        failure.to_string().contains("500 bytes that are no text"),
        "{failure}"
    );
    let huge = status(422, "Invalid", &"y".repeat(100_000));
    assert!(from(422, &huge).to_string().len() < 1_200);
    assert_eq!(sanitize_line("ä".repeat(300).as_str()).chars().count(), 201);
}

/// A chain with the words of the TLS library, whose types we do not import.
fn tls(words: &str) -> String {
    let inner = std::io::Error::new(std::io::ErrorKind::InvalidData, words.to_owned());
    let outer = std::io::Error::other(inner);
    let error = kube::Error::Service(outer.into());
    classify(&error, SERVER).to_string()
}

#[test]
fn says_what_is_wrong_with_a_certificate() {
    for (words, expected) in [
        (
            "invalid peer certificate: UnknownIssuer",
            "signed by an unknown authority",
        ),
        (
            "invalid peer certificate: UnknownIssuer",
            "the server's own certificate there is enough for kubectl, but not here",
        ),
        (
            "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
            "that of an authority",
        ),
        (
            "invalid peer certificate: certificate expired: verification time 1893456000 (UNIX), but certificate is not valid after 1700000000 (1 seconds ago)",
            "its certificate expired at 2023-11-14T22:13:20Z",
        ),
        (
            "invalid peer certificate: Expired",
            "its certificate has expired",
        ),
        (
            "invalid peer certificate: NotValidYet",
            "is the clock here right?",
        ),
        (
            "invalid peer certificate: certificate not valid for name \"host\"; certificate is only valid for DnsName(\"kubernetes\")",
            "for another name, it is only valid for kubernetes; use",
        ),
        (
            "received fatal alert: CertificateRequired",
            "refused our client certificate",
        ),
        (
            "received fatal alert: BadCertificate",
            "refused our client certificate",
        ),
        (
            "received corrupt message of type InvalidContentType",
            "does not speak TLS",
        ),
        (
            "peer is incompatible: NoKxGroupsInCommon",
            "no secure connection: peer is incompatible",
        ),
    ] {
        let text = tls(words);
        assert!(
            text.starts_with("Unable to connect to the server host:6443: "),
            "{text}"
        );
        assert!(text.contains(expected), "{words}: {text}");
    }
}

#[test]
fn shows_nothing_that_a_plugin_printed() {
    let script = "echo s3cret; exit 3";
    let Ok(out) = std::process::Command::new("sh")
        .args(["-c", script])
        .output()
    else {
        return;
    };
    let error = kube::client::AuthError::AuthExecRun {
        cmd: "plugin".to_owned(),
        out: Box::new(out),
    };
    let failure = classify(&kube::Error::Auth(error), SERVER);
    assert_eq!(
        failure.to_string(),
        "Unable to log in: the credential plugin failed (exit status: 3)"
    );
}

#[test]
fn anything_else_is_its_innermost_sentence() {
    let error = std::io::Error::other("something odd");
    let error = kube::Error::Service(error.into());
    assert_eq!(
        classify(&error, SERVER).to_string(),
        "The request failed: something odd"
    );
    let after = Some(std::time::Duration::from_secs(90));
    let waited = RequestError::TimedOut {
        operation: "listing pods".to_owned(),
        after,
    };
    assert_eq!(waited.to_string(), "Gave up listing pods after 1m30s");
}
