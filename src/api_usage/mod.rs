//! Who still uses which API version.
//!
//! The API server converts what it lists, so the version an object is listed in proves nothing. What proves something is
//! a trace that a writer left: each kind of trace is one module here and yields [`ApiUsageEvidence`]s; one pure function,
//! [`resolve_usages()`], weighs them. A new kind of trace is one module and one line in [`resolve_usages()`].

mod file;
mod helm;
mod last_applied;
mod managed_fields;
mod metric;
pub mod reference;
mod resolve;
#[cfg(test)]
mod tests;

pub use helm::current_releases;
pub use metric::DEPRECATED_API_METRIC as METRIC;
pub use resolve::{ApiLifecycle, ApiUsage, EvidenceStrength, resolve_usages};

use jiff::Timestamp;

use crate::catalog::{Api, Catalog, GroupResource, Gvk, WriterKind};
use crate::evidence::Evidence;
use crate::need::{DetailLevel, ListSelector, Need, NeedContext, ReadTarget};
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
    let NeedContext {
        path,
        catalog,
        discovery: survey,
    } = context;
    let losing = |api: &&Api| survey.should_serve(api);
    let mut needs = metadata_list_needs(apis_removed_on(path, catalog).filter(losing), catalog);
    needs.extend(helm_record_needs());
    needs.push(metrics_need());
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

/// Deployed revisions of Helm releases, in Secrets and ConfigMaps.
#[must_use]
pub fn helm_release_needs() -> [Need; 2] {
    let labels = "owner=helm,status=deployed";
    [
        helm_records("secrets", labels, "type=helm.sh/release.v1"),
        helm_records("configmaps", labels, ""),
    ]
}

/// Every revision that the next operation of Helm may start from, wherever it is kept: beside the deployed ones those
/// that failed, which count if no revision of the release is deployed, those in Secrets of another type, and those of
/// Helm 2.
#[must_use]
pub fn helm_record_needs() -> Vec<Need> {
    let mut needs = helm_release_needs().to_vec();
    needs.extend([
        helm_records(
            "secrets",
            "owner=helm,status=failed",
            "type=helm.sh/release.v1",
        ),
        helm_records("configmaps", "owner=helm,status=failed", ""),
        helm_records(
            "secrets",
            "owner=helm,status in (deployed,failed)",
            "type!=helm.sh/release.v1",
        ),
        helm_records("configmaps", "OWNER=TILLER,STATUS in (DEPLOYED,FAILED)", ""),
    ]);
    needs
}

/// Labels of records that were replaced by newer ones.
pub const SUPERSEDED_RECORDS: &str = "owner=helm,status=superseded";

/// The need for deployed revisions in the same resource, of a need for other records that Helm may start from: where both
/// are refused, one gap says so.
#[must_use]
pub fn deployed_releases_need(need: &Need) -> Option<Need> {
    let ReadTarget::Objects {
        resource, selector, ..
    } = &need.target
    else {
        return None;
    };
    let is_record = selector.labels == SUPERSEDED_RECORDS || helm_record_needs().contains(need);
    let mut deployed = helm_release_needs().into_iter();
    deployed.find(|deployed| {
        let is_same =
            matches!(&deployed.target, ReadTarget::Objects { resource: of, .. } if of == resource);
        is_record && is_same && deployed.target != need.target
    })
}

fn helm_records(plural: &str, labels: &str, fields: &str) -> Need {
    let selector = ListSelector {
        labels: labels.to_owned(),
        fields: fields.to_owned(),
    };
    Need::selected(GroupResource::new("", plural), selector, DetailLevel::Typed)
}

/// Where the API server counts requests for deprecated APIs.
#[must_use]
pub fn metrics_need() -> Need {
    Need::text_lines("/metrics", METRIC)
}
