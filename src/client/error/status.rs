//! Answers of the server, or of somebody who stands in front of it.

use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

use super::{RequestError, sanitize_line};

/// The part of a `Status` that is of interest. kube's own type asks for more than proxies and old servers give.
///
/// Tags of k8s.io/apimachinery pkg/apis/meta/v1/generated.proto.
#[derive(Clone, PartialEq, prost::Message, Deserialize)]
#[serde(default)]
struct ErrorStatus {
    #[prost(string, tag = "2")]
    status: String,
    #[prost(string, tag = "3")]
    message: String,
    #[prost(string, tag = "4")]
    reason: String,
}

/// What an API server says of a path that none of its handlers knows. Source: golang/go src/net/http/server.go (NotFound).
const NOT_FOUND_BODY: &[u8] = b"404 page not found";

/// What an answer means that is no success, by its code, its headers and (the beginning of) its body.
///
/// The code counts and not the reason, since proxies send pages of their own; but a page of theirs that says 404 is not the
/// API server saying that it serves no such resource.
#[must_use]
pub fn from_response(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> RequestError {
    if code.is_redirection() {
        let location = headers.get(header::LOCATION);
        let to = location.map_or_else(String::new, |location| {
            let text = String::from_utf8_lossy(location.as_bytes());
            // What follows the question mark may be a ticket.
            format!(
                " to {}",
                sanitize_line(text.split('?').next().unwrap_or_default())
            )
        });
        return RequestError::InvalidResponse {
            found: format!("a redirect{to}, perhaps a page to log in"),
        };
    }
    from_body(code.as_u16(), body)
}

pub(super) fn from_body(code: u16, body: &[u8]) -> RequestError {
    let status = serde_json::from_slice::<ErrorStatus>(body)
        .ok()
        .filter(|status| !status.status.is_empty() || !status.message.is_empty())
        .or_else(|| decode_protobuf_status(body));
    let Some(status) = status else {
        let is_odd = code < 400 || code == 404 && body.trim_ascii() != NOT_FOUND_BODY;
        let what = describe_body(code, body);
        return if is_odd {
            RequestError::InvalidResponse { found: what }
        } else {
            from_status_code(code, String::new(), what)
        };
    };
    from_status_code(code, status.reason, sanitize_message(&status.message))
}

/// A `Status` as the API server sends it to somebody who asked for protobuf.
///
/// The tag is of k8s.io/apimachinery pkg/runtime/generated.proto (Unknown).
fn decode_protobuf_status(body: &[u8]) -> Option<ErrorStatus> {
    #[derive(Clone, PartialEq, prost::Message)]
    struct Unknown {
        #[prost(bytes = "vec", tag = "2")]
        raw: Vec<u8>,
    }
    let unknown = <Unknown as prost::Message>::decode(body.strip_prefix(b"k8s\0")?).ok()?;
    <ErrorStatus as prost::Message>::decode(unknown.raw.as_slice()).ok()
}

pub(super) fn from_status_code(code: u16, reason: String, message: String) -> RequestError {
    let named = StatusCode::from_u16(code)
        .ok()
        .and_then(|code| code.canonical_reason())
        .unwrap_or("Unknown");
    let or_name = |text: String| {
        if text.is_empty() {
            named.to_owned()
        } else {
            text
        }
    };
    let message = or_name(message);
    match code {
        401 => RequestError::Unauthorized { message },
        403 => RequestError::Forbidden { message },
        404 => RequestError::NotFound { message },
        429 => RequestError::TooManyRequests { message },
        _ => RequestError::Server {
            code,
            reason: or_name(reason),
            message,
        },
    }
}

/// The message of a `Status`. Those of admission webhooks may be long, and have lines of their own.
pub(super) fn sanitize_message(message: &str) -> String {
    const LONGEST: usize = 1000;
    let mut text: String = message
        .chars()
        .filter(|letter| !letter.is_control() || *letter == '\n')
        .take(LONGEST)
        .collect();
    if message.chars().count() > LONGEST {
        text.push('…');
    }
    text
}

/// Whether a body begins as HTML or XML does.
fn is_web_page(body: &[u8]) -> bool {
    let start = body.trim_ascii_start();
    let start = start[..start.len().min(9)].to_ascii_lowercase();
    [&b"<!doctype"[..], b"<html", b"<?xml"]
        .iter()
        .any(|beginning| start.starts_with(beginning))
}

/// A body that is no `Status`, in a few words.
pub(super) fn describe_body(code: u16, body: &[u8]) -> String {
    const LOOKED_AT: usize = 64 << 10;
    let text = String::from_utf8_lossy(&body[..body.len().min(LOOKED_AT)]);
    let text = text.trim();
    if text.contains("HTTP request to an HTTPS server") {
        return "it expects TLS; begin the address with https://".to_owned();
    }
    if text.is_empty() {
        return format!("HTTP {code} without a text");
    }
    if is_web_page(body) {
        return match html_title(text) {
            Some(title) => format!("HTTP {code} with a web page titled {title:?}"),
            None => format!("HTTP {code} with a web page"),
        };
    }
    let start: Vec<char> = text.chars().take(200).collect();
    let strange = start
        .iter()
        .filter(|letter| letter.is_control() && !letter.is_whitespace() || **letter == '\u{FFFD}');
    if strange.count() * 4 > start.len() {
        return format!("HTTP {code} with {} bytes that are no text", body.len());
    }
    format!("HTTP {code} with {:?}", sanitize_line(text))
}

fn html_title(html: &str) -> Option<String> {
    // ASCII only: other letters may change their length, and the places must be those of the original.
    let lower = html.to_ascii_lowercase();
    let from = lower.find("<title>")? + "<title>".len();
    let end = from + lower.get(from..)?.find("</title>")?;
    html.get(from..end)
        .map(sanitize_line)
        .filter(|title| !title.is_empty())
}
