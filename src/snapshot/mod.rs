//! What was seen, as plain data: the same type whether it came from a live cluster, from files or from a saved file.
//!
//! Rows are reachable only through the ledger: [`ClusterSnapshot::rows_for`] answers a [`Need`] with rows, or says why it cannot. So an
//! empty list always means "looked, and there are none".

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
pub use manifests::{ApiCount, ApiCounter, ManifestFiles, ManifestFilter, kept_fields};
pub use metadata::{
    EndpointSliceRow, FieldManager, Keyed, LastApplied, LiveTraces, ManifestObject, MetaRow,
    ObjectReference, ObjectRow, OwnerReferenceRow, Row, RowKey,
};
pub use nodes::{NodeCondition, NodeRow};
pub use owned_fields::{OwnedFields, is_annotation_unowned};
pub use persist::{FORMAT, SnapshotError, load, save};
pub use pods::{ControllerRef, PodPhase, PodRow};
pub use redact::{RedactionKey, redact};
pub use rows::Rows;
pub use service_url::in_cluster_service;
pub use table::{Table, TableEvent};
pub use uid::Uid;
pub use view::ClusterView;
pub use workloads::{
    LabelSelector, LabelSelectorRequirement, Placement, WorkloadRow, WorkloadStatus,
    label_requirement_holds,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, GroupResource, ServingMode};
use crate::need::{
    ClusterId, DetailLevel, Discovery, FieldPaths, Freshness, Need, PolicyRule, ReadRequest,
    ReadTarget, read_plan,
};

/// The namespace whose UID identifies the cluster: it is created at the first start and cannot be deleted.
const KUBE_SYSTEM: &str = "kube-system";

/// How a reading ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReadOutcome {
    /// All of it was seen.
    Complete,
    /// The server has no such resource after all.
    NotServed,
    /// It is not allowed.
    #[serde(rename = "refused")]
    Forbidden {
        /// The server's words.
        why: String,
        /// What would have to be allowed.
        rbac: PolicyRule,
    },
    /// It failed, at the beginning or half-way: what came is dropped, for a part looks like the whole.
    Failed {
        /// What happened.
        why: String,
    },
}

/// One line of the ledger: what was asked, how it ended, what came.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadResult {
    /// What was asked for.
    #[serde(rename = "subject")]
    pub target: ReadTarget,
    /// How deep.
    #[serde(rename = "depth")]
    pub detail_level: DetailLevel,
    /// How fresh.
    pub freshness: Freshness,
    /// Of full objects, the fields that `rows` hold.
    #[serde(
        default,
        rename = "fields",
        skip_serializing_if = "FieldPaths::is_empty"
    )]
    pub field_paths: FieldPaths,
    /// How it ended.
    pub outcome: ReadOutcome,
    /// When it ended.
    #[serde(rename = "at")]
    pub finished_at: Timestamp,
    /// What came; empty unless complete.
    pub rows: Rows,
    /// Objects that came but could not be understood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(rename = "faults")]
    pub skipped_objects: Vec<MissingData>,
    /// `metadata.resourceVersion` of the list, from which a watch can start; `None` if the server sent none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_version: Option<String>,
}

/// Why a need is not met.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MissingData {
    /// What was not seen.
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

/// One cluster as it was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterSnapshot {
    /// Which one.
    pub id: ClusterId,
    /// Name of the kubeconfig context, none if there was none.
    pub context: Option<String>,
    /// URL of the API server.
    pub server: String,
    /// The namespace that was looked at, none for all.
    pub namespace: Option<String>,
    /// What the server is and offers.
    #[serde(rename = "survey")]
    pub discovery: Discovery,
    /// The ledger.
    #[serde(rename = "readings")]
    pub ledger: Vec<ReadResult>,
}

impl ClusterSnapshot {
    /// The rows that answer a need; `None` inside `Ok` where the server has no such resource, so that there are none.
    ///
    /// # Errors
    /// When the need is not met: it was refused, it failed, or it was never asked.
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

    /// The UID of the namespace kube-system, which tells the cluster from all others whatever its context is called; `None`
    /// if it was not read. A pseudonym in a redacted snapshot.
    #[must_use]
    pub fn uid(&self) -> Option<Uid> {
        let namespaces = GroupResource::new("", "namespaces");
        let read = self.ledger.iter().filter(|result| {
            matches!(&result.target, ReadTarget::Objects { resource, .. } if *resource == namespaces)
        });
        let mut rows = read.flat_map(|result| result.rows.metadata());
        rows.find(|row| row.name == KUBE_SYSTEM)?.uid
    }

    /// Whether another cluster means this one: by its own id, or by `namespace/name` of the Cluster API object whose
    /// machines its nodes are.
    #[must_use]
    pub fn is_known_as(&self, id: &ClusterId) -> bool {
        let mut nodes = self.ledger.iter().flat_map(|result| result.rows.nodes());
        self.id == *id
            || nodes.any(|node| {
                let owner = node.capi_cluster.as_deref();
                owner.is_some_and(|owner| owner.trim_start_matches('/') == id.0)
            })
    }

    /// Whether a request was answered already, at its depth and as fresh.
    #[must_use]
    pub fn has_answer_for(&self, request: &ReadRequest) -> bool {
        self.ledger.iter().any(|result| {
            result.satisfies(
                &request.target,
                request.detail_level,
                request.freshness,
                &request.field_paths,
            )
        })
    }

    /// Adds the readings of a later round, in the order of subjects. One that goes deeper takes the place of an earlier one.
    pub fn merge(&mut self, readings: Vec<ReadResult>) {
        self.ledger
            .retain(|old| readings.iter().all(|new| new.target != old.target));
        self.ledger.extend(readings);
        self.ledger.sort_by(|a, b| a.target.cmp(&b.target));
    }

    fn is_served(&self, need: &Need, catalog: &Catalog) -> bool {
        !read_plan(std::slice::from_ref(need), &self.discovery, catalog, None).is_empty()
    }

    /// Single objects of a need that came but could not be understood.
    pub fn skipped_objects<'a>(&'a self, need: &'a Need) -> impl Iterator<Item = MissingData> + 'a {
        self.ledger
            .iter()
            .filter(|reading| reading.target == need.target)
            .flat_map(|reading| &reading.skipped_objects)
            .cloned()
    }

    /// Objects seen over all readings.
    #[must_use]
    pub fn objects_read(&self) -> usize {
        self.ledger
            .iter()
            .filter(|reading| matches!(reading.target, ReadTarget::Objects { .. }))
            .map(|reading| reading.rows.len())
            .sum()
    }
}

/// Everything that was seen in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// When it was complete.
    pub taken_at: Timestamp,
    /// The clusters; none under `--local`.
    pub clusters: Vec<ClusterSnapshot>,
    /// Manifests about to be applied.
    #[serde(default)]
    pub files: ManifestFiles,
    /// Whether names in it are pseudonyms.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[serde(rename = "redacted")]
    pub is_redacted: bool,
}
