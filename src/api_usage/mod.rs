//! Who still uses which API version.
//!
//! The API server converts what it lists, so the version an object is listed in proves nothing. What proves something is
//! a trace that a writer left: each kind of trace is one module here and yields [`ApiUsageEvidence`]s; one pure function,
//! [`resolve_usages()`], weighs them. A new kind of trace is one module and one line in [`resolve_usages()`].

mod file;
mod helm;
mod helm_records;
mod last_applied;
mod managed_fields;
mod metric;
pub mod reference;
mod resolve;
#[cfg(test)]
mod tests;

pub use helm::current_releases;
pub use helm_records::{
    deployed_releases_need, follow_up_requests, helm_record_needs, helm_release_needs,
    other_records_needs, unread_releases,
};
pub use metric::DEPRECATED_API_METRIC as METRIC;
pub use resolve::{ApiLifecycle, ApiUsage, EvidenceStrength, resolve_usages};

use jiff::Timestamp;

use crate::catalog::{Api, Catalog, GroupResource, Gvk, WriterKind};
use crate::evidence::Evidence;
use crate::need::{DetailLevel, Need, NeedContext};
use crate::path::UpgradePath;

/// An object, whichever API it is seen through.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// Where its kind lives today.
    pub resource: GroupResource,
    /// None for objects of the cluster and for manifests that name none.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
}

/// The evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteTrace {
    /// A manifest about to be applied.
    File,
    /// The record of a Helm release.
    Helm,
    /// An annotation that keeps what was applied last.
    LastApplied {
        /// Whether no field manager owns it.
        is_unowned: bool,
    },
    /// An entry of `managedFields`.
    ManagedFields {
        /// The name of the manager.
        manager: String,
        /// Whether it wrote to a subresource.
        is_subresource: bool,
        /// Whether it was applied by the server.
        is_apply: bool,
        /// The number of fields that it owns, if known.
        leaves: Option<u32>,
    },
}

/// One trace that a writer left on, or about, an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiUsageEvidence {
    /// The API that was, or will be, written through.
    pub api: Gvk,
    /// Which object.
    pub object: ObjectKey,
    /// The evidence.
    pub trace: WriteTrace,
    /// What kind of writer, where its name is known.
    pub writer: Option<WriterKind>,
    /// When.
    pub time: Option<Timestamp>,
    /// Who looks after the object.
    pub owner: Option<String>,
    /// What to show.
    pub evidence: Evidence,
}

/// What the claims rest on, for this path.
///
/// Metadata of every kind that loses a served API on the way, Helm's records (without their history, which the server
/// leaves out), and the metric. A kind whose removal is not on the path is not listed.
#[must_use]
pub fn needs(context: &NeedContext<'_>) -> Vec<Need> {
    let mut needs = object_needs(context);
    needs.push(metrics_need());
    needs.sort();
    needs
}

/// The same without the metric.
#[must_use]
pub fn object_needs(context: &NeedContext<'_>) -> Vec<Need> {
    let NeedContext {
        path,
        catalog,
        discovery: survey,
    } = context;
    let losing = |api: &&Api| survey.should_serve(api);
    let mut needs = metadata_list_needs(apis_removed_on(path, catalog).filter(losing), catalog);
    needs.extend(helm_record_needs());
    needs.sort();
    needs.dedup();
    needs
}

/// The same for one kind: its objects and Helm's records, and nothing where the path does not remove it.
#[must_use]
pub fn needs_for_kind(context: &NeedContext<'_>, kind: &str) -> Vec<Need> {
    let mut removed = apis_removed_on(context.path, context.catalog)
        .filter(|api| api.gvk().kind == kind)
        .peekable();
    if removed.peek().is_none() {
        return Vec::new();
    }
    let serves = |api: &&Api| context.discovery.should_serve(api);
    let mut needs = metadata_list_needs(removed.filter(serves), context.catalog);
    needs.extend(helm_record_needs());
    needs
}

fn metadata_list_needs<'a>(apis: impl Iterator<Item = &'a Api>, catalog: &Catalog) -> Vec<Need> {
    apis.filter_map(|api| catalog.apis.resource_of(api))
        .map(|resource| Need::objects(resource, DetailLevel::Metadata))
        .collect()
}

/// The APIs that go away on the way.
fn apis_removed_on<'a>(
    path: &'a UpgradePath,
    catalog: &'a Catalog,
) -> impl Iterator<Item = &'a Api> {
    let apis = catalog.apis.iter();
    apis.filter(|api| {
        api.removed
            .is_some_and(|removed| path.hop_into(removed).is_some())
    })
}

/// Where the API server counts requests for deprecated APIs.
#[must_use]
pub fn metrics_need() -> Need {
    Need::text_lines("/metrics", METRIC)
}
