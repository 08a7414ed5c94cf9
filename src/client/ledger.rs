//! A request of the plan to its ledger entry.

use jiff::Timestamp;

use super::api_client::ApiClient;
use super::decode::RowCollector;
use super::error::RequestError;
use super::partition::{self, ListError, ServerHints};
use crate::catalog::{Catalog, ServingMode};
use crate::need::{ReadRequest, ReadTarget};
use crate::snapshot::{ReadOutcome, ReadResult};

/// Carries out one request.
pub(super) async fn read_request(
    api: &ApiClient,
    request: &ReadRequest,
    hints: &ServerHints,
) -> ReadResult {
    let empty = RowCollector::new(request, api.catalog);
    let (outcome, mut collected) = match partition::read_rows(api, request, hints, &empty).await {
        Ok(collected) => (ReadOutcome::Complete, collected),
        Err(error) => (outcome_of(&error, request, api.catalog), empty),
    };
    let resource_version = collected.resource_version.take();
    let (rows, skipped_objects) = collected.finish();
    ReadResult {
        target: request.target.clone(),
        detail_level: request.detail_level,
        freshness: partition::freshness_of(request, hints),
        field_paths: request.field_paths.clone(),
        outcome,
        finished_at: Timestamp::now(),
        rows,
        skipped_objects,
        resource_version,
    }
}

/// What an error means for the ledger.
fn outcome_of(failed: &ListError, request: &ReadRequest, catalog: &Catalog) -> ReadOutcome {
    let why = match &failed.namespace {
        Some(namespace) => format!("namespace {namespace}: {}", failed.error),
        None => failed.error.to_string(),
    };
    match &failed.error {
        RequestError::Forbidden { .. } => ReadOutcome::Forbidden {
            why,
            rbac: request.rbac.clone(),
        },
        // If other namespaces have answered, the resource is served. An API that every server of this version serves
        // is not absent either: it was discovered a moment ago.
        RequestError::NotFound { .. }
            if failed.namespace.is_none() && !is_always_served(request, catalog) =>
        {
            ReadOutcome::NotServed
        }
        // Includes 401: no permission helps a client that the server does not know.
        _ => ReadOutcome::Failed { why },
    }
}

fn is_always_served(request: &ReadRequest, catalog: &Catalog) -> bool {
    let ReadTarget::Objects { resource, .. } = &request.target else {
        return false;
    };
    let mut family = catalog.apis.apis_of(resource);
    family.any(|api| {
        api.gvk().api_version() == request.api_version && api.serving_mode == ServingMode::ByDefault
    })
}
