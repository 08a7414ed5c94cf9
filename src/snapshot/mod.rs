//! Data read in one run: the same types whether it comes from a live cluster, from manifests or from a saved file.
//!
//! Rows are reachable only through the ledger: [`ClusterSnapshot::rows_for`] answers a [`Need`] with rows, or with the
//! reason why they are missing. An empty list therefore always means that the list was read and has no items.

mod format1;
mod helm;
mod intern;
mod manifests;
mod metadata;
mod nodes;
mod owned_fields;
mod persist;
mod pods;
mod redact;
mod rows;
mod service_url;
mod table;
mod uid;
mod view;
mod workloads;

pub use helm::{HelmReleaseRow, HelmStorage};
pub use intern::{Interner, SharedLabels, SharedStr};
pub use manifests::{ApiCount, ApiCounter, ManifestFiles, ManifestFilter, UnknownApi, kept_fields};
pub use metadata::{
    EndpointSliceRow, FieldManager, Keyed, LastApplied, LiveTraces, ManifestObject, MetaRow,
    ObjectReference, ObjectRow, OwnerReferenceRow, Row, RowKey,
};
pub use nodes::{NodeCondition, NodeRow};
pub use owned_fields::{OwnedFields, is_annotation_unowned};
pub use persist::{FORMAT, SnapshotError, SnapshotProblem, load, save};
pub use pods::{ControllerRef, PodFields, PodPhase, PodRow, SharedPodFields};
pub use redact::{RedactionKey, Redactor, redact};
pub use rows::Rows;
pub use service_url::in_cluster_service;
pub use table::Table;
pub use uid::Uid;
pub use view::ClusterView;
pub use workloads::{
    LabelSelector, LabelSelectorRequirement, Placement, WorkloadRow, WorkloadStatus,
    label_requirement_holds,
};

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, GroupResource, ServingMode};
use crate::need::{
    ClusterId, DetailLevel, Discovery, FieldPaths, Freshness, Need, PolicyRule, ReadRequest,
    ReadTarget, join_by_target, read_plan,
};

/// The namespace whose UID identifies the cluster: it is created at the first start and cannot be deleted.
const KUBE_SYSTEM: &str = "kube-system";

/// Outcome of a read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReadOutcome {
    /// All objects were read.
    Complete,
    /// The server does not serve the resource.
    NotServed,
    /// The user is not allowed to read it.
    #[serde(rename = "refused")]
    Forbidden {
        /// The server's message.
        why: String,
        /// The missing permission.
        rbac: PolicyRule,
    },
    /// The read failed. Rows of a partial list are dropped, because they would look complete.
    Failed {
        /// The error.
        why: String,
    },
}

/// An entry of the ledger: a request, its outcome and its rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadResult {
    /// The target of the request.
    #[serde(rename = "subject")]
    pub target: ReadTarget,
    /// The detail level of the rows.
    #[serde(rename = "depth")]
    pub detail_level: DetailLevel,
    /// The freshness of the rows.
    pub freshness: Freshness,
    /// Of full objects, the fields that `rows` hold.
    #[serde(
        default,
        rename = "fields",
        skip_serializing_if = "FieldPaths::is_empty"
    )]
    pub field_paths: FieldPaths,
    /// The outcome.
    pub outcome: ReadOutcome,
    /// The time of the response.
    #[serde(rename = "at")]
    pub finished_at: Timestamp,
    /// The rows; empty unless the outcome is complete.
    pub rows: Rows,
    /// Objects that could not be decoded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "faults")]
    pub skipped_objects: Vec<MissingData>,
    /// `metadata.resourceVersion` of the list, from which a watch can start; `None` if the server sent none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
}

/// Data that is missing, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MissingData {
    /// What was not read.
    pub what: String,
    /// Why.
    pub why: String,
    /// The permission that is missing, if that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rbac: Option<PolicyRule>,
}

impl ReadResult {
    /// Whether it is the read of a single record of Helm, whose names come from the cluster.
    fn is_of_one_helm_record(&self) -> bool {
        let is_record = matches!(&self.target, ReadTarget::Objects { resource, namespace: Some(_), .. }
            if matches!(resource.plural.as_str(), "secrets" | "configmaps"));
        is_record && self.detail_level == DetailLevel::Typed
    }

    fn satisfies(
        &self,
        target: &ReadTarget,
        detail_level: DetailLevel,
        freshness: Freshness,
        field_paths: &FieldPaths,
    ) -> bool {
        // Without rows there is nothing that could lack a field.
        let has_rows = self.outcome == ReadOutcome::Complete;
        self.target == *target
            && self.detail_level.satisfies(detail_level)
            && self.freshness >= freshness
            && (!has_rows || self.field_paths.covers(field_paths))
    }
}

/// The data of one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSnapshot {
    /// Its id.
    pub id: ClusterId,
    /// The kubeconfig context, if any.
    pub context: Option<String>,
    /// URL of the API server.
    pub server: String,
    /// The only namespace that was read; `None` for all.
    pub namespace: Option<String>,
    /// The version and the APIs of the server.
    #[serde(rename = "survey")]
    pub discovery: Discovery,
    /// The ledger.
    #[serde(rename = "readings")]
    pub ledger: Vec<ReadResult>,
}

impl ClusterSnapshot {
    /// The rows that answer a need; `Ok(None)` if the server does not serve the resource.
    ///
    /// # Errors
    /// If the read was forbidden, failed or was never made.
    pub fn rows_for(
        &self,
        need: &Need,
        catalog: &Catalog,
    ) -> Result<Option<&Rows>, Box<MissingData>> {
        let unmet = |why: &str, rbac: Option<&PolicyRule>| {
            Box::new(MissingData {
                what: need.target.to_string(),
                why: why.to_owned(),
                rbac: rbac.cloned(),
            })
        };
        let reading = self.ledger.iter().find(|result| {
            result.satisfies(
                &need.target,
                need.detail_level,
                need.freshness,
                &need.field_paths,
            )
        });
        match reading {
            Some(reading) => match &reading.outcome {
                ReadOutcome::Complete => Ok(Some(&reading.rows)),
                ReadOutcome::NotServed => Ok(None),
                ReadOutcome::Forbidden { why, rbac } => Err(unmet(why, Some(rbac))),
                ReadOutcome::Failed { why } => Err(unmet(why, None)),
            },
            None if self.is_served(need, catalog) => {
                Err(unmet("not in this snapshot; take a new one", None))
            }
            None if self.should_be_served(need, catalog) => Err(unmet(
                "discovery does not offer it, although API servers of this version serve it unless told otherwise",
                None,
            )),
            None => Ok(None),
        }
    }

    /// Discovery that lacks a group looks like a server without it: an aggregator that is not ready, a proxy, or
    /// `--runtime-config`.
    fn should_be_served(&self, need: &Need, catalog: &Catalog) -> bool {
        let ReadTarget::Objects { resource, .. } = &need.target else {
            return false;
        };
        let minor = self.discovery.effective_minor();
        let mut family = catalog.apis.apis_of(resource);
        family.any(|api| api.exists_in(minor) && api.serving_mode == ServingMode::ByDefault)
    }

    /// The UID of the namespace kube-system, which identifies the cluster whatever its context is called; `None` if it was
    /// not read. A pseudonym in a redacted snapshot.
    #[must_use]
    pub fn uid(&self) -> Option<Uid> {
        let namespaces = GroupResource::new("", "namespaces");
        let read = self.ledger.iter().filter(|result| {
            matches!(&result.target, ReadTarget::Objects { resource, .. } if *resource == namespaces)
        });
        let mut rows = read.flat_map(|result| result.rows.metadata());
        rows.find(|row| row.name == KUBE_SYSTEM)?.uid
    }

    /// The ids by which another cluster may refer to this one: its own, and `namespace/name` of the Cluster of Cluster API
    /// that its nodes belong to.
    #[must_use]
    pub fn known_ids(&self) -> BTreeSet<ClusterId> {
        let nodes = self.ledger.iter().flat_map(|result| result.rows.nodes());
        let owners = nodes.filter_map(|node| node.capi_cluster.as_deref());
        let owners = owners.map(|owner| ClusterId(owner.trim_start_matches('/').to_owned()));
        owners.chain([self.id.clone()]).collect()
    }

    /// The requests that the ledger does not answer yet, one for each target. Their results replace earlier ones of the
    /// same target, so each also asks for what was read before.
    #[must_use]
    pub fn unanswered(&self, requests: Vec<ReadRequest>) -> Vec<ReadRequest> {
        let mut open = join_by_target(requests);
        open.retain(|request| !self.has_answer_for(request));
        for request in &mut open {
            let earlier = self.ledger.iter();
            for result in earlier.filter(|result| result.target == request.target) {
                request.detail_level = request.detail_level.max(result.detail_level);
                request.freshness = request.freshness.max(result.freshness);
                request.field_paths.union(&result.field_paths);
            }
        }
        open
    }

    /// Whether the ledger has an entry at least as detailed and fresh as this request.
    fn has_answer_for(&self, request: &ReadRequest) -> bool {
        self.ledger.iter().any(|result| {
            result.satisfies(
                &request.target,
                request.detail_level,
                request.freshness,
                &request.field_paths,
            )
        })
    }

    /// Adds the results of later requests, ordered by target. They replace earlier results of the same target.
    pub fn merge(&mut self, readings: Vec<ReadResult>) {
        self.ledger
            .retain(|old| readings.iter().all(|new| new.target != old.target));
        self.ledger.extend(readings);
        self.ledger.sort_by(|a, b| a.target.cmp(&b.target));
    }

    fn is_served(&self, need: &Need, catalog: &Catalog) -> bool {
        !read_plan(std::slice::from_ref(need), &self.discovery, catalog, None).is_empty()
    }

    /// Objects of a need that could not be decoded.
    pub fn skipped_objects<'a>(&'a self, need: &'a Need) -> impl Iterator<Item = MissingData> + 'a {
        self.ledger
            .iter()
            .filter(|reading| reading.target == need.target)
            .flat_map(|reading| &reading.skipped_objects)
            .cloned()
    }

    /// The number of objects over all results.
    #[must_use]
    pub fn objects_read(&self) -> usize {
        self.ledger
            .iter()
            .filter(|reading| matches!(reading.target, ReadTarget::Objects { .. }))
            .map(|reading| reading.rows.len())
            .sum()
    }
}

/// A cluster of a run that is not in its snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UnreadCluster {
    /// Its id.
    pub id: ClusterId,
    /// The kubeconfig context, if any.
    pub context: Option<String>,
    /// Why it was not read.
    pub why: String,
    /// The permission that is missing, if that is the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rbac: Option<PolicyRule>,
    /// The cluster of the run that it is, if it was read under another name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<ClusterId>,
}

impl UnreadCluster {
    /// A cluster that the run has under another name.
    #[must_use]
    pub fn same_as(id: ClusterId, first: ClusterId) -> Self {
        Self {
            id,
            context: None,
            why: "their namespaces kube-system have the same UID".to_owned(),
            rbac: None,
            same_as: Some(first),
        }
    }
}

/// Everything that was read in one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// When reading ended.
    pub taken_at: Timestamp,
    /// The clusters; none under `--local`.
    pub clusters: Vec<ClusterSnapshot>,
    /// Clusters of the run that were not read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<UnreadCluster>,
    /// Manifests about to be applied.
    #[serde(default)]
    pub files: ManifestFiles,
    /// Whether names in it are pseudonyms.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "redacted")]
    pub is_redacted: bool,
}
