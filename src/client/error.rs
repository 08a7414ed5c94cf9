//! Errors of requests, with messages for users.
//!
//! Errors arrive as chains: kube around hyper around TLS around the operating system. [`classify()`] walks the chain to the
//! cause, [`from_response`] classifies a response of the server. `Display` uses kubectl's message if kubectl has one; none
//! is a debug dump, none is longer than a few lines.

mod classify;
mod status;
#[cfg(test)]
mod tests;

use std::time::Duration;

pub use classify::classify;
pub use status::from_response;

use crate::kubeconfig::format_timeout;
use crate::text::ellipsize;

/// Why a request failed.
///
/// Layers return it as their error: [`classify()`] finds it under whatever is wrapped around it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Nothing listens at the address.
    #[error(
        "The connection to the server {} was refused - did you specify the right host or port?",
        host_and_port(.server)
    )]
    ConnectionRefused {
        /// The address of the server.
        server: String,
    },
    /// The server is unreachable, or the connection broke.
    #[error("Unable to connect to the server {}: {why}", host_and_port(.server))]
    Unreachable {
        /// The address of the server.
        server: String,
        /// Why, without a full stop.
        why: String,
    },
    /// The proxy failed.
    #[error(
        "Unable to connect to the server: {why}; check proxy-url of the kubeconfig, --proxy-url, HTTPS_PROXY and NO_PROXY"
    )]
    Proxy {
        /// Why, without a full stop.
        why: String,
    },
    /// There is no secure connection.
    #[error("Unable to connect to the server {}: {cause}", host_and_port(.server))]
    Tls {
        /// The address of the server.
        server: String,
        /// The cause.
        cause: TlsError,
    },
    /// 401: not authenticated.
    #[error(
        "You must be logged in to the server ({message}): the token or certificate was refused, log in again"
    )]
    Unauthorized {
        /// The server's message.
        message: String,
    },
    /// 403: authenticated, but not authorized.
    #[error("Error from server (Forbidden): {message}")]
    Forbidden {
        /// The server's message: the user and the denied request.
        message: String,
    },
    /// 404.
    #[error("Error from server (NotFound): {message}")]
    NotFound {
        /// The server's message.
        message: String,
    },
    /// 429: throttled.
    #[error("Error from server (TooManyRequests): {message}")]
    TooManyRequests {
        /// The server's message.
        message: String,
    },
    /// Another error response.
    #[error("Error from server ({reason}): {message}")]
    Server {
        /// The HTTP status code.
        code: u16,
        /// The reason of the `Status`, or the usual name of the code: `InternalError`, `Bad Gateway`.
        reason: String,
        /// The server's message.
        message: String,
    },
    /// The timeout elapsed.
    #[error("Gave up {operation}{}", describe_timeout(*.after))]
    TimedOut {
        /// What the client was doing: `listing pods`.
        operation: String,
        /// The timeout, if known.
        after: Option<Duration>,
    },
    /// The response is not that of a Kubernetes API server.
    #[error(
        "The answer is not that of a Kubernetes API server: {found}; check the address and what is in between"
    )]
    InvalidResponse {
        /// What it is instead.
        found: String,
    },
    /// The read-only layer rejected the request.
    #[error("Not sent, because it is outside what may be read: {request}")]
    NotAllowed {
        /// The request.
        request: String,
    },
    /// The list is longer than the request accepts.
    #[error("Not read: there are {objects} objects, and only up to {limit} are inspected")]
    TooManyObjects {
        /// How many objects there are.
        objects: u64,
        /// How many are accepted.
        limit: u64,
    },
    /// A credential plugin or another source of credentials failed.
    #[error("Unable to log in: {why}")]
    CredentialsUnavailable {
        /// Why, without a full stop.
        why: String,
    },
    /// Something else.
    #[error("The request failed: {why}")]
    Other {
        /// The innermost message of the chain.
        why: String,
    },
}

impl RequestError {
    /// Whether the API server no longer has the resource version or the continue token (410 Gone).
    #[must_use]
    pub fn is_expired(&self) -> bool {
        matches!(self, Self::Server { code: 410, .. })
    }

    /// Whether the credentials were refused, or could not be had.
    #[must_use]
    pub fn is_about_credentials(&self) -> bool {
        matches!(
            self,
            Self::Unauthorized { .. } | Self::CredentialsUnavailable { .. }
        )
    }
}

/// Common failures of TLS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The certificate is signed by an untrusted authority.
    #[error(
        "its certificate is signed by an unknown authority; check certificate-authority of the cluster entry, which \
         must hold the authority: the server's own certificate there is enough for kubectl, but not here"
    )]
    UnknownAuthority,
    /// The certificate is of an authority itself, or is trusted as one without being one.
    #[error(
        "its certificate is that of an authority, which cannot be used for a server here, although kubectl accepts \
         it; give the server a certificate of its own, signed by that authority"
    )]
    CaUsedAsServer,
    /// The certificate expired, at this time if known.
    #[error("its certificate {}; renew it, or set the clock here", describe_expiry(.0.as_ref()))]
    Expired(Option<jiff::Timestamp>),
    /// The certificate is not valid yet, or the local clock is wrong.
    #[error("its certificate is not valid yet; is the clock here right?")]
    NotYetValid,
    /// The certificate is for other names, as the library lists them.
    #[error("its certificate is for another name, it {0}; use that address, or --tls-server-name")]
    HostnameMismatch(String),
    /// The server rejected the client certificate, or requires one.
    #[error(
        "it refused our client certificate or asks for one; check client-certificate of the user entry and whether it has expired"
    )]
    ClientCertificateRejected,
    /// The other side does not speak TLS.
    #[error(
        "it does not speak TLS there; does the address begin with http://, or is the port another?"
    )]
    NotTls,
    /// Something else.
    #[error("no secure connection: {0}")]
    Other(String),
}

fn describe_timeout(after: Option<Duration>) -> String {
    after.map_or_else(
        || ": it took too long".to_owned(),
        |after| format!(" after {}", format_timeout(after)),
    )
}

fn describe_expiry(end: Option<&jiff::Timestamp>) -> String {
    end.map_or_else(
        || "has expired".to_owned(),
        |end| format!("expired at {end}"),
    )
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
