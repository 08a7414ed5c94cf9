//! A list with all its pages, or a page of text, to one line of the ledger.

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Reader;
use super::decode::{DecodeError, Page, Sink, page};
use super::failure::Failure;
use super::get::get;
use super::helm;
use crate::catalog::{Catalog, Served};
use crate::need::{Encoding, Freshness, Request, Subject};
use crate::snapshot::{Outcome, Reading, Rows};

/// How often a list is begun anew after its continue token has expired.
const RESTARTS: u32 = 3;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const JSON: &str = "application/json";
const META: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Carries out one request.
pub(super) async fn read(reader: &Reader, request: &Request) -> Reading {
    let mut outcome = Outcome::Complete;
    let empty = || Sink::new(request, reader.catalog.clone());
    let mut collected = empty();
    for restart in 0..=RESTARTS {
        match all_pages(reader, request, empty()).await {
            Ok(done) => {
                collected = done;
                outcome = Outcome::Complete;
                break;
            }
            Err(failure) => {
                outcome = judge(&failure, request, &reader.catalog);
                // 410: the token is older than what the server remembers. Begin anew, so that nothing is seen twice.
                if !expired(&failure) || restart == RESTARTS {
                    break;
                }
            }
        }
    }
    if let Rows::Helm(rows) = &mut collected.rows {
        *rows = helm::newest(std::mem::take(rows));
    }
    Reading {
        subject: request.subject.clone(),
        depth: request.depth,
        freshness: request.freshness,
        outcome,
        at: Timestamp::now(),
        rows: collected.rows,
        faults: collected.faults,
    }
}

/// The name by which the API server knows us, from the first of these requests that it refuses; none if it refuses none.
pub(super) async fn refused_user(reader: &Reader, plan: &[Request]) -> Option<String> {
    for request in plan {
        let answer = get(reader, &uri(request, 1, ""), accept(request), |_, _| ()).await;
        if let Err(Failure::Forbidden { message }) = answer {
            // secrets is forbidden: User "jane" cannot list resource "secrets" …
            let (_, rest) = message.split_once("User \"")?;
            return rest.split_once('"').map(|(name, _)| name.to_owned());
        }
    }
    None
}

async fn all_pages(reader: &Reader, request: &Request, mut sink: Sink) -> Result<Sink, Failure> {
    let what = request.subject.to_string();
    let mut next = String::new();
    loop {
        let uri = uri(request, reader.manner.chunk, &next);
        let empty = sink.part();
        let (decoded, part) = get(reader, &uri, accept(request), move |content_type, body| {
            let mut part = empty.part();
            (page(content_type, body, &mut part), part)
        })
        .await?;
        let Page { next: token } = decoded.map_err(garbage)?;
        sink.append(part);
        reader.progress.read(&what, sink.rows.len());
        if token.is_empty() {
            return Ok(sink);
        }
        next = token;
    }
}

fn accept(request: &Request) -> &'static str {
    match request.encoding {
        Encoding::Meta => META,
        Encoding::Protobuf => PROTOBUF,
        Encoding::Json => JSON,
        Encoding::Text => "text/plain",
    }
}

/// The request line: from the watch cache where that is fresh enough, in pages where the server makes pages.
///
/// With `resourceVersion=0` servers answer from memory and most ignore the limit; kinds without a watch cache obey it.
fn uri(request: &Request, chunk: u32, next: &str) -> String {
    let selector = match &request.subject {
        Subject::Url { path, .. } => return path.clone(),
        Subject::Objects { selector, .. } => selector,
    };
    let mut query = vec![format!("limit={chunk}")];
    let mut add = |name: &str, value: &str| {
        if !value.is_empty() {
            let value = utf8_percent_encode(value, NON_ALPHANUMERIC);
            query.push(format!("{name}={value}"));
        }
    };
    add("labelSelector", &selector.labels);
    add("fieldSelector", &selector.fields);
    add("continue", next);
    if next.is_empty() && request.freshness == Freshness::Cache {
        add("resourceVersion", "0");
    }
    format!("{}?{}", request.path, query.join("&"))
}

/// What a failure means for the ledger.
fn judge(failure: &Failure, request: &Request, catalog: &Catalog) -> Outcome {
    match failure {
        Failure::Forbidden { .. } => Outcome::Refused {
            why: failure.to_string(),
            rbac: request.access.clone(),
        },
        // What comes and goes may be gone; what always is there was offered a moment ago, and is not empty for sure.
        Failure::NotFound { .. } if !is_always_served(request, catalog) => Outcome::NotServed,
        // 401 among them: no permission helps somebody whom the server does not know.
        failure => Outcome::Failed {
            why: failure.to_string(),
        },
    }
}

fn is_always_served(request: &Request, catalog: &Catalog) -> bool {
    let Subject::Objects { resource, .. } = &request.subject else {
        return false;
    };
    let mut family = catalog.apis.family(resource);
    family.any(|api| api.gvk().api_version() == request.api_version && api.served == Served::Yes)
}

fn expired(failure: &Failure) -> bool {
    matches!(failure, Failure::Server { code: 410, .. })
}

fn garbage(error: DecodeError) -> Failure {
    Failure::Garbage {
        what: error.to_string(),
    }
}
