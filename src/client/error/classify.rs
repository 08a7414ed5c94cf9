//! From a chain of errors to a [`RequestError`].

use std::error::Error;
use std::io;

use super::{RequestError, TlsError, sanitize_line, status};
use crate::text::strip_os_code;

/// Classifies an error of kube, of a layer or of the operating system.
///
/// `server` is the address of the server, for messages. A [`RequestError`] anywhere in the chain is returned as it is.
#[must_use]
pub fn classify(error: &(dyn Error + 'static), server: &str) -> RequestError {
    let links = error_chain(error);
    for link in &links {
        if let Some(failure) = link.downcast_ref::<RequestError>() {
            return failure.clone();
        }
        if let Some(error) = link.downcast_ref::<kube::Error>()
            && let Some(failure) = from_kube_error(error)
        {
            return failure;
        }
    }
    let texts: Vec<String> = links.iter().map(|link| link.to_string()).collect();
    proxy_error(&texts)
        .or_else(|| tls_error(&texts, server))
        .or_else(|| network_error(&links, &texts, server))
        .or_else(|| http_error(&links, &texts, server))
        .unwrap_or_else(|| RequestError::Other {
            why: texts
                .last()
                .map_or_else(String::new, |text| sanitize_line(strip_os_code(text))),
        })
}

/// The error and its sources. The source of an I/O error is inside it.
fn error_chain<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    // Longer than any real chain; guards against a cycle.
    const LONGEST: usize = 32;
    let mut links: Vec<&'a (dyn Error + 'static)> = Vec::new();
    let mut next = Some(error);
    while let Some(link) = next
        && links.len() < LONGEST
    {
        links.push(link);
        let inner = link
            .downcast_ref::<io::Error>()
            .and_then(|error| error.get_ref());
        next = match inner {
            Some(inner) => Some(inner),
            None => link.source(),
        };
    }
    links
}

/// Errors of kube itself; `None` if the cause is one of its sources.
fn from_kube_error(error: &kube::Error) -> Option<RequestError> {
    match error {
        kube::Error::Api(status) => {
            let code = status.code;
            if status.reason == "Failed to parse error data" {
                // kube's words for a body that is no Status; the body is in the message.
                return Some(status::from_body(code, status.message.as_bytes()));
            }
            let message = status::sanitize_message(&status.message);
            Some(status::from_status_code(
                code,
                status.reason.clone(),
                message,
            ))
        }
        kube::Error::SerdeError(error) => Some(RequestError::InvalidResponse {
            found: format!(
                "its JSON makes no sense ({})",
                sanitize_line(&error.to_string())
            ),
        }),
        kube::Error::FromUtf8(_) => Some(RequestError::InvalidResponse {
            found: "it is no text".to_owned(),
        }),
        kube::Error::Auth(error) => from_auth_error(error),
        kube::Error::RustlsTls(error) => Some(RequestError::CredentialsUnavailable {
            why: sanitize_line(&error.to_string()),
        }),
        kube::Error::ProxyProtocolUnsupported { .. }
        | kube::Error::ProxyProtocolDisabled { .. } => Some(RequestError::Proxy {
            why: "the proxy's scheme must be http, https or socks5".to_owned(),
        }),
        _ => None,
    }
}

fn from_auth_error(error: &kube::client::AuthError) -> Option<RequestError> {
    use kube::client::AuthError;
    let why = match error {
        // Its Display shows everything that the plugin printed, credentials included.
        AuthError::AuthExecRun { out, .. } => {
            format!("the credential plugin failed ({})", out.status)
        }
        AuthError::AuthExecParse(_) | AuthError::ParseTokenKey(_) => {
            "the credential plugin gave no credentials".to_owned()
        }
        AuthError::ReadTokenFile(error, path) => format!(
            "cannot read the token file {}: {}",
            path.display(),
            strip_os_code(&error.to_string())
        ),
        other => sanitize_line(&other.to_string()),
    };
    Some(RequestError::CredentialsUnavailable { why })
}

fn proxy_error(texts: &[String]) -> Option<RequestError> {
    let at = texts
        .iter()
        .position(|text| text.starts_with("tunnel error: ") || text.starts_with("SOCKS error: "))?;
    let text = &texts[at];
    let why = if text.ends_with("proxy authorization required") {
        "the proxy wants a user name and a password".to_owned()
    } else if text.ends_with("unsuccessful") {
        "the proxy refuses to connect to the server".to_owned()
    } else if text.ends_with("failed to create underlying connection") {
        let cause = texts.last().filter(|_| at + 1 < texts.len());
        let cause = cause.map_or_else(String::new, |cause| format!(" ({})", strip_os_code(cause)));
        format!("the proxy cannot be reached{cause}")
    } else {
        format!("the proxy failed ({})", sanitize_line(text))
    };
    Some(RequestError::Proxy { why })
}

/// By the messages of rustls, which is no direct dependency.
fn tls_error(texts: &[String], server: &str) -> Option<RequestError> {
    let text = texts.iter().rev().find(|text| is_tls_message(text))?;
    let has = |word: &str| text.contains(word);
    let cause = if has("UnknownIssuer") || has("not trusted") || has("BadSignature") {
        TlsError::UnknownAuthority
    } else if has("CaUsedAsEndEntity") {
        TlsError::CaUsedAsServer
    } else if has("certificate expired") || text.ends_with("certificate: Expired") {
        TlsError::Expired(parse_not_after(text))
    } else if has("not valid yet") || has("NotValidYet") {
        TlsError::NotYetValid
    } else if has("not valid for") || has("NotValidForName") {
        let names = text
            .split_once("; ")
            .map_or(text.as_str(), |(_, names)| names);
        let names = names
            .trim_start_matches("certificate ")
            .replace("DnsName(\"", "")
            .replace("\")", "");
        TlsError::HostnameMismatch(sanitize_line(&names))
    } else if has("received fatal alert") && (has("ertificate") || has("UnknownCA")) {
        TlsError::ClientCertificateRejected
    } else if has("InvalidContentType") {
        TlsError::NotTls
    } else {
        TlsError::Other(sanitize_line(text))
    };
    Some(RequestError::Tls {
        server: server.to_owned(),
        cause,
    })
}

fn is_tls_message(text: &str) -> bool {
    const BEGINNINGS: [&str; 10] = [
        "invalid peer certificate",
        "received corrupt message",
        "received fatal alert",
        "received unexpected message",
        "received unexpected handshake message",
        "peer is incompatible",
        "peer misbehaved",
        "peer sent no certificates",
        "peer sent excess record size",
        "cannot decrypt peer's message",
    ];
    BEGINNINGS
        .iter()
        .any(|beginning| text.starts_with(beginning))
}

fn parse_not_after(text: &str) -> Option<jiff::Timestamp> {
    let (_, rest) = text.split_once("not valid after ")?;
    let seconds = rest.split(' ').next()?.parse().ok()?;
    jiff::Timestamp::from_second(seconds).ok()
}

fn network_error(
    links: &[&(dyn Error + 'static)],
    texts: &[String],
    server: &str,
) -> Option<RequestError> {
    let unreachable = |why: String| {
        Some(RequestError::Unreachable {
            server: server.to_owned(),
            why,
        })
    };
    if texts.iter().any(|text| text == "dns error") {
        let cause = texts.last().map(|text| strip_os_code(text))?;
        let cause = cause.rsplit_once(": ").map_or(cause, |(_, cause)| cause);
        return unreachable(format!("its name cannot be looked up ({cause})"));
    }
    let error = links
        .iter()
        .rev()
        .find_map(|link| link.downcast_ref::<io::Error>())?;
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(RequestError::ConnectionRefused {
            server: server.to_owned(),
        }),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => unreachable("the connection was closed".to_owned()),
        io::ErrorKind::TimedOut => unreachable("there is no answer from there".to_owned()),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            unreachable("there is no way to it".to_owned())
        }
        _ => error
            .raw_os_error()
            .and_then(|_| unreachable(strip_os_code(&error.to_string()).to_owned())),
    }
}

/// By the messages of hyper, tokio and the decompression, which are no direct dependencies either.
fn http_error(
    links: &[&(dyn Error + 'static)],
    texts: &[String],
    server: &str,
) -> Option<RequestError> {
    let has = |words: &[&str]| {
        texts
            .iter()
            .any(|text| words.iter().any(|word| text.contains(word)))
    };
    if has(&["deadline has elapsed", "operation timed out"]) {
        return Some(RequestError::TimedOut {
            operation: "waiting for the answer".to_owned(),
            after: None,
        });
    }
    let broken = [
        "connection closed before message completed",
        "end of file before message length reached",
        "unexpected EOF during chunk",
        "error reading a body",
        "channel closed",
        "operation was canceled",
    ];
    if has(&broken) {
        return Some(RequestError::Unreachable {
            server: server.to_owned(),
            why: "the connection was closed before the answer was complete".to_owned(),
        });
    }
    let is_json = links
        .iter()
        .any(|link| link.downcast_ref::<serde_json::Error>().is_some());
    let unlike_http = [
        "invalid HTTP",
        "invalid content-length",
        "transfer-encoding parsed",
        "message head is too large",
    ];
    if is_json || has(&unlike_http) || has(&["gzip", "deflate", "Invalid chunk"]) {
        return Some(RequestError::InvalidResponse {
            found: texts
                .last()
                .map_or_else(String::new, |text| sanitize_line(text)),
        });
    }
    None
}
