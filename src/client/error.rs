//! Errors of requests, with messages for users.
//!
//! Errors arrive as chains: kube around hyper around TLS around the operating system. [`classify()`] walks the chain to the
//! cause, [`from_response`] classifies a response of the server. `Display` uses kubectl's message if kubectl has one; none
//! is a debug dump, none is longer than a few lines.

mod classify;
mod status;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

pub use classify::classify;
pub use status::from_response;

use crate::kubeconfig::HumanDuration;
use crate::text::ellipsize;

/// Why a request failed.
///
/// Layers return it as their error: [`classify()`] finds it under whatever is wrapped around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestError {
    /// Nothing listens at the address.
    ConnectionRefused {
        /// The address of the server.
        server: String,
    },
    /// The server is unreachable, or the connection broke.
    Unreachable {
        /// The address of the server.
        server: String,
        /// Why, without a full stop.
        why: String,
    },
    /// The proxy failed.
    Proxy {
        /// Why, without a full stop.
        why: String,
    },
    /// There is no secure connection.
    Tls {
        /// The address of the server.
        server: String,
        /// The cause.
        cause: TlsError,
    },
    /// 401: not authenticated.
    Unauthorized {
        /// The server's message.
        message: String,
    },
    /// 403: authenticated, but not authorized.
    Forbidden {
        /// The server's message: the user and the denied request.
        message: String,
    },
    /// 404.
    NotFound {
        /// The server's message.
        message: String,
    },
    /// 429: throttled.
    TooManyRequests {
        /// The server's message.
        message: String,
    },
    /// Another error response.
    Server {
        /// The HTTP status code.
        code: u16,
        /// The reason of the `Status`, or the usual name of the code: `InternalError`, `Bad Gateway`.
        reason: String,
        /// The server's message.
        message: String,
    },
    /// The timeout elapsed.
    TimedOut {
        /// What the client was doing: `listing pods`.
        operation: String,
        /// The timeout, if known.
        after: Option<Duration>,
    },
    /// The response is not that of a Kubernetes API server.
    InvalidResponse {
        /// What it is instead.
        found: String,
    },
    /// The read-only layer rejected the request.
    NotAllowed {
        /// The request.
        request: String,
    },
    /// The list is longer than the request accepts.
    TooManyObjects {
        /// How many objects there are.
        objects: u64,
        /// How many are accepted.
        limit: u64,
    },
    /// A credential plugin or another source of credentials failed.
    CredentialsUnavailable {
        /// Why, without a full stop.
        why: String,
    },
    /// Something else.
    Other {
        /// The innermost message of the chain.
        why: String,
    },
}

/// Common failures of TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsError {
    /// The certificate is signed by an untrusted authority.
    UnknownAuthority,
    /// The certificate is of an authority itself, or is trusted as one without being one.
    CaUsedAsServer,
    /// The certificate expired, at this time if known.
    Expired(Option<jiff::Timestamp>),
    /// The certificate is not valid yet, or the local clock is wrong.
    NotYetValid,
    /// The certificate is for other names, as the library lists them.
    HostnameMismatch(String),
    /// The server rejected the client certificate, or requires one.
    ClientCertificateRejected,
    /// The other side does not speak TLS.
    NotTls,
    /// Something else.
    Other(String),
}

impl std::error::Error for RequestError {}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionRefused { server } => write!(
                f,
                "The connection to the server {} was refused - did you specify the right host or port?",
                host_and_port(server)
            ),
            Self::Unreachable { server, why } => {
                write!(
                    f,
                    "Unable to connect to the server {}: {why}",
                    host_and_port(server)
                )
            }
            Self::Proxy { why } => write!(
                f,
                "Unable to connect to the server: {why}; check proxy-url of the kubeconfig, --proxy-url, HTTPS_PROXY and NO_PROXY"
            ),
            Self::Tls { server, cause } => {
                write!(
                    f,
                    "Unable to connect to the server {}: {cause}",
                    host_and_port(server)
                )
            }
            Self::Unauthorized { message } => write!(
                f,
                "You must be logged in to the server ({message}): the token or certificate was refused, log in again"
            ),
            Self::Forbidden { message } => write!(f, "Error from server (Forbidden): {message}"),
            Self::NotFound { message } => write!(f, "Error from server (NotFound): {message}"),
            Self::TooManyRequests { message } => {
                write!(f, "Error from server (TooManyRequests): {message}")
            }
            Self::Server {
                reason, message, ..
            } => {
                write!(f, "Error from server ({reason}): {message}")
            }
            Self::TimedOut {
                operation,
                after: Some(after),
            } => {
                write!(f, "Gave up {operation} after {}", HumanDuration(*after))
            }
            Self::TimedOut {
                operation,
                after: None,
            } => write!(f, "Gave up {operation}: it took too long"),
            Self::InvalidResponse { found } => write!(
                f,
                "The answer is not that of a Kubernetes API server: {found}; check the address and what is in between"
            ),
            Self::NotAllowed { request } => {
                write!(
                    f,
                    "Not sent, because it is outside what may be read: {request}"
                )
            }
            Self::TooManyObjects { objects, limit } => write!(
                f,
                "Not read: there are {objects} objects, and only up to {limit} are inspected"
            ),
            Self::CredentialsUnavailable { why } => write!(f, "Unable to log in: {why}"),
            Self::Other { why } => write!(f, "The request failed: {why}"),
        }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAuthority => f.write_str(
                "its certificate is signed by an unknown authority; check certificate-authority of the cluster entry, which \
                 must hold the authority: the server's own certificate there is enough for kubectl, but not here",
            ),
            Self::CaUsedAsServer => f.write_str(
                "its certificate is that of an authority, which cannot be used for a server here, although kubectl accepts \
                 it; give the server a certificate of its own, signed by that authority",
            ),
            Self::Expired(Some(end)) => write!(f, "its certificate expired at {end}; renew it, or set the clock here"),
            Self::Expired(None) => f.write_str("its certificate has expired; renew it, or set the clock here"),
            Self::NotYetValid => f.write_str("its certificate is not valid yet; is the clock here right?"),
            Self::HostnameMismatch(names) => {
                write!(f, "its certificate is for another name, it {names}; use that address, or --tls-server-name")
            }
            Self::ClientCertificateRejected => f.write_str(
                "it refused our client certificate or asks for one; check client-certificate of the user entry and whether it has expired",
            ),
            Self::NotTls => f.write_str("it does not speak TLS there; does the address begin with http://, or is the port another?"),
            Self::Other(text) => write!(f, "no secure connection: {text}"),
        }
    }
}

/// The host and port of an address, as kubectl names it.
fn host_and_port(server: &str) -> &str {
    let rest = server.split_once("://").map_or(server, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// External text on one line, without control characters, truncated.
pub(super) fn sanitize_line(text: &str) -> String {
    const LONGEST: usize = 200;
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    // A word takes at least one character of the line.
    let words = words.filter(|word| !word.is_empty()).take(LONGEST + 1);
    let line = words.collect::<Vec<_>>().join(" ");
    ellipsize(&line, LONGEST).into_owned()
}
