//! Where decoded items become rows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prost::Message;
use serde::Deserialize;
use serde_json::Value;

use super::encoded_object::EncodedObject;
use super::endpoint_slice::EndpointSlice;
use super::meta::{LAST_APPLIED_ANNOTATIONS, ObjectMeta};
use super::node::Node;
use super::pod::Pod;
use super::workload::{self, WorkloadKind};
use crate::catalog::Catalog;
use crate::client::decode::helm_storage;
use crate::client::error::sanitize_line;
use crate::manifests::helm;
use crate::need::{DetailLevel, FieldPaths, ReadRequest, ReadTarget};
use crate::snapshot::{Interner, MissingData, ObjectRow, Rows, Table};

/// Faults of one reading that are told one by one.
const MAX_LISTED_SKIPPED: usize = 100;

/// Collects the rows of one reading.
#[derive(Debug)]
pub(in crate::client) struct RowCollector {
    /// In the shape that the request asks for.
    pub(in crate::client) rows: Rows,
    /// Objects that came but could not be understood.
    pub(in crate::client) skipped_objects: Vec<MissingData>,
    /// `resourceVersion` of the list's first page.
    pub(in crate::client) resource_version: Option<String>,
    /// Number of skipped objects beyond [`MAX_LISTED_SKIPPED`].
    unlisted: usize,
    /// The read target, for messages.
    description: String,
    /// The fields of full objects that are kept.
    field_paths: FieldPaths,
    /// Only lines that begin so are kept.
    line_prefix: String,
    /// Whether Secrets come, and not ConfigMaps.
    has_secrets: bool,
    /// Which workloads come.
    workload_kind: Option<WorkloadKind>,
    /// What rows share, over all parts of a list.
    interner: Arc<Mutex<Interner>>,
    catalog: &'static Catalog,
}

#[derive(Clone, PartialEq, Message, Deserialize)]
#[serde(default)]
struct PartialObjectMetadata {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
}

impl RowCollector {
    /// Takes what this request brings.
    pub(in crate::client) fn new(request: &ReadRequest, catalog: &'static Catalog) -> Self {
        let mut workload = None;
        let (rows, prefix, has_secrets) = match &request.target {
            ReadTarget::NonResourceUrl {
                line_prefix: keep, ..
            } => (Rows::TextLines(Table::default()), keep.as_str(), false),
            ReadTarget::Objects { resource, .. } => {
                let plural = resource.plural.as_str();
                workload = WorkloadKind::from_plural(plural).filter(|_| resource.group == "apps");
                let rows = match (request.detail_level, resource.group.as_str(), plural) {
                    (DetailLevel::Metadata, ..) => Rows::Metadata(Table::default()),
                    (DetailLevel::Typed, "", "nodes") => Rows::Nodes(Table::default()),
                    (DetailLevel::Typed, "", "pods") => Rows::Pods(Table::default()),
                    (DetailLevel::Typed, "", "secrets" | "configmaps") => {
                        Rows::HelmReleases(Table::default())
                    }
                    (DetailLevel::Typed, "discovery.k8s.io", "endpointslices") => {
                        Rows::EndpointSlices(Table::default())
                    }
                    (DetailLevel::Typed, ..) if workload.is_some() => {
                        Rows::Workloads(Table::default())
                    }
                    // No typed row is declared for the kind: its metadata is what can be had.
                    (DetailLevel::Typed, ..) => Rows::Metadata(Table::default()),
                    (DetailLevel::Full, ..) => Rows::Objects(Table::default()),
                };
                (rows, "", plural == "secrets")
            }
        };
        Self {
            rows,
            skipped_objects: Vec::new(),
            resource_version: None,
            unlisted: 0,
            description: request.target.to_string(),
            line_prefix: prefix.to_owned(),
            has_secrets,
            field_paths: request.field_paths.clone(),
            workload_kind: workload,
            interner: Arc::default(),
            catalog,
        }
    }

    /// An empty one for a part of the same list, so that a part which breaks off can be dropped.
    pub(in crate::client) fn empty_like(&self) -> Self {
        Self {
            rows: self.rows.empty_like(),
            skipped_objects: Vec::new(),
            resource_version: None,
            unlisted: 0,
            description: self.description.clone(),
            field_paths: self.field_paths.clone(),
            workload_kind: self.workload_kind,
            line_prefix: self.line_prefix.clone(),
            has_secrets: self.has_secrets,
            interner: self.interner.clone(),
            catalog: self.catalog,
        }
    }

    /// Takes over what a part brought.
    pub(in crate::client) fn append(&mut self, part: Self) {
        self.rows.append(part.rows);
        let mut faults = part.skipped_objects;
        if part.unlisted > 0 {
            faults.truncate(MAX_LISTED_SKIPPED);
        }
        for fault in faults {
            self.record_skipped(fault);
        }
        self.count_skipped(part.unlisted);
    }

    /// The rows, of Helm releases only the newest revisions, and the objects that could not be decoded.
    pub(in crate::client) fn finish(self) -> (Rows, Vec<MissingData>) {
        let rows = match self.rows {
            Rows::HelmReleases(rows) => {
                Rows::HelmReleases(helm::newest_revisions(Vec::from_iter(rows)).into())
            }
            rows => rows,
        };
        (rows, self.skipped_objects)
    }

    pub(super) fn collects_lines(&self) -> bool {
        matches!(self.rows, Rows::TextLines(_))
    }

    /// Takes a line if it is wanted; returns how many bytes are kept of it.
    pub(super) fn push_line(&mut self, line: &str) -> usize {
        match &mut self.rows {
            Rows::TextLines(lines) if line.starts_with(&self.line_prefix) => {
                lines.push(line.to_owned());
                line.len()
            }
            _ => 0,
        }
    }

    /// Takes one item as a protobuf message.
    pub(super) fn push_protobuf(&mut self, message: &[u8]) {
        self.push(EncodedObject::Protobuf(message));
    }

    /// Takes one item as JSON.
    pub(in crate::client) fn push_json(&mut self, item: Value) {
        self.push(EncodedObject::Json(item));
    }

    fn push(&mut self, object: EncodedObject<'_>) {
        // Locked only while a row is made: parts of a list are decoded side by side.
        let pool = || lock_interner(&self.interner);
        let pushed = match &mut self.rows {
            Rows::Metadata(rows) => object
                .decode()
                .map(|object: PartialObjectMetadata| object.metadata.unwrap_or_default())
                .map(|meta| rows.push(meta.into_row(&mut pool()))),
            Rows::Nodes(rows) => object.decode().map(|node: Node| rows.push(node.into_row())),
            Rows::Pods(rows) => object
                .decode()
                .map(|pod: Pod| rows.push(pod.into_row(&mut pool()))),
            Rows::EndpointSlices(rows) => object
                .decode()
                .map(|slice: EndpointSlice| rows.push(slice.into_row(&mut pool()))),
            Rows::Workloads(rows) => {
                let kind = self.workload_kind.unwrap_or(WorkloadKind::Deployment);
                workload::decode_row(kind, object, &mut pool()).map(|row| rows.push(row))
            }
            Rows::HelmReleases(rows) => {
                let skipped =
                    helm_storage::collect_release(object, self.has_secrets, self.catalog, rows);
                return skipped
                    .into_iter()
                    .for_each(|object| self.record_skipped(object));
            }
            Rows::Objects(rows) => {
                let paths = &self.field_paths;
                object_row(object, paths, self.has_secrets, &self.interner)
                    .map(|row| rows.push(row))
            }
            Rows::TextLines(_) => Err("it is not text".to_owned()),
        };
        if let Err(why) = pushed {
            self.record_undecodable(&why);
        }
    }

    fn record_undecodable(&mut self, why: &str) {
        self.record_skipped(MissingData {
            what: format!("an object of {}", self.description),
            why: format!("it cannot be understood: {}", sanitize_line(why)),
            rbac: None,
        });
    }

    /// Notes a fault; beyond some, how many more there are.
    fn record_skipped(&mut self, fault: MissingData) {
        if self.skipped_objects.len() < MAX_LISTED_SKIPPED {
            return self.skipped_objects.push(fault);
        }
        self.count_skipped(1);
    }

    fn count_skipped(&mut self, more: usize) {
        if more == 0 {
            return;
        }
        self.unlisted += more;
        self.skipped_objects.truncate(MAX_LISTED_SKIPPED);
        self.skipped_objects.push(MissingData {
            what: format!("{} more objects of {}", self.unlisted, self.description),
            why: "they cannot be understood either".to_owned(),
            rbac: None,
        });
    }
}

fn lock_interner(pool: &Mutex<Interner>) -> MutexGuard<'_, Interner> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The object with its declared fields, without copies of itself in annotations, of which the row's metadata has what
/// counts. Values of a Secret are dropped, whatever is declared.
fn object_row(
    object: EncodedObject<'_>,
    field_paths: &FieldPaths,
    is_secret: bool,
    interner: &Mutex<Interner>,
) -> Result<ObjectRow, String> {
    let EncodedObject::Json(mut object) = object else {
        return Err("it came as protobuf".to_owned());
    };
    let meta = ObjectMeta::deserialize(&object["metadata"]);
    let meta = meta.map_err(|_| "it has no metadata".to_owned())?;
    let meta = meta.into_row(&mut lock_interner(interner));
    field_paths.project(&mut object);
    for field in ["data", "stringData"] {
        let values = object.get_mut(field).filter(|_| is_secret);
        let values = values.and_then(Value::as_object_mut);
        for value in values.into_iter().flat_map(|values| values.values_mut()) {
            *value = Value::Null;
        }
    }
    let annotations = object.pointer_mut("/metadata/annotations");
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        for copy in LAST_APPLIED_ANNOTATIONS {
            annotations.remove(copy);
        }
    }
    Ok(ObjectRow { meta, object })
}
