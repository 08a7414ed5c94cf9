//! From a chain of errors to its cause.

use std::error::Error;
use std::io;

use super::{Failure, Trouble, answer, bounded};

/// What an error of kube, of a layer around it or of the operating system means.
///
/// `server` is the address that was asked, for the sentence. A [`Failure`] anywhere in the chain is the answer.
#[must_use]
pub fn classify(error: &(dyn Error + 'static), server: &str) -> Failure {
    let links = links(error);
    for link in &links {
        if let Some(failure) = link.downcast_ref::<Failure>() {
            return failure.clone();
        }
        if let Some(error) = link.downcast_ref::<kube::Error>()
            && let Some(failure) = of_kube(error)
        {
            return failure;
        }
    }
    let texts: Vec<String> = links.iter().map(|link| link.to_string()).collect();
    of_proxy(&texts)
        .or_else(|| of_tls(&texts, server))
        .or_else(|| of_network(&links, &texts, server))
        .or_else(|| of_http(&links, &texts, server))
        .unwrap_or_else(|| Failure::Other {
            why: texts
                .last()
                .map_or_else(String::new, |text| bounded(&text_of_os(text))),
        })
}

/// The error and all that stands behind it. The cause of an I/O error is inside it, not behind it.
fn links<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    // Longer than any real chain; one that ends in itself must not hold us.
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

/// What kube says about answers and about preparing a request; `None` where the cause lies deeper.
fn of_kube(error: &kube::Error) -> Option<Failure> {
    match error {
        kube::Error::Api(status) => {
            let code = status.code;
            if status.reason == "Failed to parse error data" {
                // kube's words for a body that is no Status; the body is in the message.
                return Some(answer::from_body(code, status.message.as_bytes()));
            }
            let message = answer::clean(&status.message);
            Some(answer::of_code(code, status.reason.clone(), message))
        }
        kube::Error::SerdeError(error) => Some(Failure::Garbage {
            what: format!("its JSON makes no sense ({})", bounded(&error.to_string())),
        }),
        kube::Error::FromUtf8(_) => Some(Failure::Garbage {
            what: "it is no text".to_owned(),
        }),
        kube::Error::Auth(error) => of_login(error),
        kube::Error::RustlsTls(error) => Some(Failure::Login {
            why: bounded(&error.to_string()),
        }),
        kube::Error::ProxyProtocolUnsupported { .. }
        | kube::Error::ProxyProtocolDisabled { .. } => Some(Failure::Proxy {
            why: "the proxy's scheme must be http, https or socks5".to_owned(),
        }),
        _ => None,
    }
}

fn of_login(error: &kube::client::AuthError) -> Option<Failure> {
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
            text_of_os(&error.to_string())
        ),
        other => bounded(&other.to_string()),
    };
    Some(Failure::Login { why })
}

fn of_proxy(texts: &[String]) -> Option<Failure> {
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
        let cause = cause.map_or_else(String::new, |cause| format!(" ({})", text_of_os(cause)));
        format!("the proxy cannot be reached{cause}")
    } else {
        format!("the proxy failed ({})", bounded(text))
    };
    Some(Failure::Proxy { why })
}

/// By the words of rustls: its types are not ours to import, it comes with kube.
fn of_tls(texts: &[String], server: &str) -> Option<Failure> {
    let text = texts.iter().rev().find(|text| is_tls(text))?;
    let has = |word: &str| text.contains(word);
    let trouble = if has("UnknownIssuer") || has("not trusted") || has("BadSignature") {
        Trouble::UnknownAuthority
    } else if has("CaUsedAsEndEntity") {
        Trouble::AuthorityAsServer
    } else if has("certificate expired") || text.ends_with("certificate: Expired") {
        Trouble::Expired(end_of_certificate(text))
    } else if has("not valid yet") || has("NotValidYet") {
        Trouble::NotYetValid
    } else if has("not valid for") || has("NotValidForName") {
        let names = text
            .split_once("; ")
            .map_or(text.as_str(), |(_, names)| names);
        let names = names
            .trim_start_matches("certificate ")
            .replace("DnsName(\"", "")
            .replace("\")", "");
        Trouble::WrongName(bounded(&names))
    } else if has("received fatal alert") && (has("ertificate") || has("UnknownCA")) {
        Trouble::ClientCertificate
    } else if has("InvalidContentType") {
        Trouble::NotTls
    } else {
        Trouble::Other(bounded(text))
    };
    Some(Failure::Tls {
        server: server.to_owned(),
        trouble,
    })
}

fn is_tls(text: &str) -> bool {
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

fn end_of_certificate(text: &str) -> Option<jiff::Timestamp> {
    let (_, rest) = text.split_once("not valid after ")?;
    let seconds = rest.split(' ').next()?.parse().ok()?;
    jiff::Timestamp::from_second(seconds).ok()
}

fn of_network(links: &[&(dyn Error + 'static)], texts: &[String], server: &str) -> Option<Failure> {
    let unreachable = |why: String| {
        Some(Failure::Unreachable {
            server: server.to_owned(),
            why,
        })
    };
    if texts.iter().any(|text| text == "dns error") {
        let cause = texts.last().map(|text| text_of_os(text))?;
        let cause = cause
            .rsplit_once(": ")
            .map_or(cause.as_str(), |(_, cause)| cause);
        return unreachable(format!("its name cannot be looked up ({cause})"));
    }
    let error = links
        .iter()
        .rev()
        .find_map(|link| link.downcast_ref::<io::Error>())?;
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Some(Failure::Refused {
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
            .and_then(|_| unreachable(text_of_os(&error.to_string()))),
    }
}

/// By the words of hyper, tokio and the decompression, whose types are not ours to import either.
fn of_http(links: &[&(dyn Error + 'static)], texts: &[String], server: &str) -> Option<Failure> {
    let has = |words: &[&str]| {
        texts
            .iter()
            .any(|text| words.iter().any(|word| text.contains(word)))
    };
    if has(&["deadline has elapsed", "operation timed out"]) {
        return Some(Failure::TimedOut {
            what: "waiting for the answer".to_owned(),
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
        return Some(Failure::Unreachable {
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
        return Some(Failure::Garbage {
            what: texts.last().map_or_else(String::new, |text| bounded(text)),
        });
    }
    None
}

/// What the operating system says, without its number.
fn text_of_os(text: &str) -> String {
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_owned()
}
