//! A list with all its pages, or a page of text, to one line of the ledger.

use jiff::Timestamp;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Reader;
use super::decode::{DecodeError, Page, Sink, page};
use super::failure::Failure;
use super::get::get;
use super::helm;
use super::pieces::{self, Grounds};
use crate::catalog::{Catalog, Served};
use crate::need::{Encoding, Request, Subject};
use crate::snapshot::{Outcome, Reading, Rows};

/// How often a list is begun anew after its continue token has expired.
const RESTARTS: u32 = 3;

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";
const JSON: &str = "application/json";
const META: &str = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Where the API server takes a list from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// Its memory, in one answer, whatever the limit. Kinds that it does not keep there come in pages.
    Cache,
    /// Its store, in pages.
    Store,
}

/// Why a list is not complete.
#[derive(Debug)]
pub(super) struct Lost {
    pub(super) failure: Failure,
    /// The namespace that was being listed, where the list was taken apart.
    pub(super) namespace: Option<String>,
}

impl From<Failure> for Lost {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            namespace: None,
        }
    }
}

/// Carries out one request.
pub(super) async fn read(reader: &Reader, request: &Request, grounds: &Grounds) -> Reading {
    let sink = Sink::new(request, reader.catalog.clone());
    let (outcome, mut collected) = match pieces::read(reader, request, grounds, &sink).await {
        Ok(collected) => (Outcome::Complete, collected),
        Err(lost) => (judge(&lost, request, &reader.catalog), sink),
    };
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
        // From the store, where the limit is obeyed.
        let uri = uri(request, Source::Store, 1, "");
        let answer = get(reader, &uri, accept(request), |_, _| ()).await;
        if let Err(Failure::Forbidden { message }) = answer {
            // secrets is forbidden: User "jane" cannot list resource "secrets" …
            let (_, rest) = message.split_once("User \"")?;
            return rest.split_once('"').map(|(name, _)| name.to_owned());
        }
    }
    None
}

/// A whole list, begun anew when its continue token has expired, so that nothing is seen twice and nothing is missed.
///
/// `begun` is its first page, where that was fetched already.
pub(super) async fn whole(
    reader: &Reader,
    request: &Request,
    source: Source,
    empty: &Sink,
    begun: Option<(Sink, Page)>,
) -> Result<Sink, Failure> {
    let mut begun = begun;
    let mut restarts = 0;
    loop {
        let listed = match begun.take() {
            Some((sink, first)) => rest(reader, request, source, sink, first).await,
            None => match one_page(reader, request, source, empty, "").await {
                Ok((sink, first)) => rest(reader, request, source, sink, first).await,
                Err(failure) => Err(failure),
            },
        };
        match listed {
            Err(Failure::Server { code: 410, .. }) if restarts < RESTARTS => restarts += 1,
            listed => return listed,
        }
    }
}

/// The pages after the first one.
async fn rest(
    reader: &Reader,
    request: &Request,
    source: Source,
    mut collected: Sink,
    mut page: Page,
) -> Result<Sink, Failure> {
    while !page.next.is_empty() {
        let (part, following) = one_page(reader, request, source, &collected, &page.next).await?;
        collected.append(part);
        page = following;
        reader
            .progress
            .read(&request.subject.to_string(), collected.rows.len());
    }
    Ok(collected)
}

/// One page, decoded while it arrives; `next` is the token of the page before it, empty for the first.
pub(super) async fn one_page(
    reader: &Reader,
    request: &Request,
    source: Source,
    empty: &Sink,
    next: &str,
) -> Result<(Sink, Page), Failure> {
    let uri = uri(request, source, reader.manner.chunk, next);
    let empty = empty.part();
    let _slot = reader.slot().await;
    reader.progress.begun(&request.subject.to_string());
    let (decoded, sink) = get(reader, &uri, accept(request), move |content_type, body| {
        let mut sink = empty.part();
        let decoded = page(content_type, body, &mut sink);
        (decoded, sink)
    })
    .await?;
    Ok((sink, decoded.map_err(garbage)?))
}

fn accept(request: &Request) -> &'static str {
    match request.encoding {
        Encoding::Meta => META,
        Encoding::Protobuf => PROTOBUF,
        Encoding::Json => JSON,
        Encoding::Text => "text/plain",
    }
}

/// The request line.
///
/// With `resourceVersion=0` servers answer from memory and ignore the limit, but for kinds without a watch cache.
fn uri(request: &Request, source: Source, chunk: u32, next: &str) -> String {
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
    if next.is_empty() && source == Source::Cache {
        add("resourceVersion", "0");
    }
    format!("{}?{}", request.path, query.join("&"))
}

/// What a failure means for the ledger.
fn judge(lost: &Lost, request: &Request, catalog: &Catalog) -> Outcome {
    let why = match &lost.namespace {
        Some(namespace) => format!("namespace {namespace}: {}", lost.failure),
        None => lost.failure.to_string(),
    };
    match &lost.failure {
        Failure::Forbidden { .. } => Outcome::Refused {
            why,
            rbac: request.access.clone(),
        },
        // Where other namespaces have answered, the resource is there. What comes and goes may be gone; what always is
        // there was offered a moment ago, and is not empty for sure.
        Failure::NotFound { .. }
            if lost.namespace.is_none() && !is_always_served(request, catalog) =>
        {
            Outcome::NotServed
        }
        // 401 among them: no permission helps somebody whom the server does not know.
        _ => Outcome::Failed { why },
    }
}

fn is_always_served(request: &Request, catalog: &Catalog) -> bool {
    let Subject::Objects { resource, .. } = &request.subject else {
        return false;
    };
    let mut family = catalog.apis.family(resource);
    family.any(|api| api.gvk().api_version() == request.api_version && api.served == Served::Yes)
}

fn garbage(error: DecodeError) -> Failure {
    Failure::Garbage {
        what: error.to_string(),
    }
}
