//! Where decoded items become rows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prost::Message;
use serde::Deserialize;
use serde_json::Value;

use super::meta::{LAST_APPLIED, ObjectMeta};
use super::node::Node;
use super::pod::Pod;
use super::slice::EndpointSlice;
use super::workload::{self, Kind};
use crate::catalog::{Catalog, Resource};
use crate::cluster::failure::sanitize_line;
use crate::cluster::releases;
use crate::need::{Depth, Request, Subject};
use crate::snapshot::{Fault, HelmStorage, JsonRow, MetaRow, Pool, Rows, trim};

/// Faults of one reading that are told one by one.
const MAX_FAULTS: usize = 100;

/// Collects the rows of one reading.
#[derive(Debug)]
pub(in crate::cluster) struct Sink {
    /// In the shape that the request asks for.
    pub(in crate::cluster) rows: Rows,
    /// Objects that came but could not be understood.
    pub(in crate::cluster) faults: Vec<Fault>,
    /// Faults beyond those that are told one by one.
    untold: usize,
    /// What it is, for messages.
    what: String,
    /// Of which resource objects come.
    resource: Option<Resource>,
    /// Only lines that begin so are kept.
    prefix: String,
    /// Where Helm keeps the records that come.
    storage: HelmStorage,
    /// Which workloads come.
    workload: Option<Kind>,
    /// What rows share, over all parts of a list.
    pool: Arc<Mutex<Pool>>,
    catalog: Arc<Catalog>,
}

#[derive(Clone, PartialEq, Message)]
struct PartialObject {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
}

impl Sink {
    /// Takes what this request brings.
    pub(in crate::cluster) fn new(request: &Request, catalog: Arc<Catalog>) -> Self {
        let mut workload = None;
        let (rows, prefix, storage) = match &request.subject {
            Subject::Url { keep, .. } => (Rows::Lines(Vec::new()), keep.as_str(), None),
            Subject::Objects { resource, .. } => {
                let plural = resource.plural.as_str();
                workload = Kind::of(plural).filter(|_| resource.group == "apps");
                let rows = match (request.depth, resource.group.as_str(), plural) {
                    (Depth::Meta, ..) => Rows::Meta(Vec::new()),
                    (Depth::Fields, "", "nodes") => Rows::Nodes(Vec::new()),
                    (Depth::Fields, "", "pods") => Rows::Pods(Vec::new()),
                    (Depth::Fields, "", "secrets" | "configmaps") => Rows::Helm(Vec::new()),
                    (Depth::Fields, "discovery.k8s.io", "endpointslices") => {
                        Rows::Slices(Vec::new())
                    }
                    (Depth::Fields, ..) if workload.is_some() => Rows::Workloads(Vec::new()),
                    // No typed row is declared for the kind: its metadata is what can be had.
                    (Depth::Fields, ..) => Rows::Meta(Vec::new()),
                    (Depth::Whole, ..) => Rows::Json(Vec::new()),
                };
                let storage = (plural == "configmaps").then_some(HelmStorage::ConfigMap);
                (rows, "", storage)
            }
        };
        Self {
            rows,
            faults: Vec::new(),
            untold: 0,
            what: request.subject.to_string(),
            prefix: prefix.to_owned(),
            storage: storage.unwrap_or(HelmStorage::Secret),
            resource: match &request.subject {
                Subject::Objects { resource, .. } => Some(resource.clone()),
                Subject::Url { .. } => None,
            },
            workload,
            pool: Arc::default(),
            catalog,
        }
    }

    /// An empty one for a part of the same list, so that a part which breaks off can be dropped.
    pub(in crate::cluster) fn part(&self) -> Self {
        Self {
            rows: self.rows.like(),
            faults: Vec::new(),
            untold: 0,
            what: self.what.clone(),
            resource: self.resource.clone(),
            workload: self.workload,
            prefix: self.prefix.clone(),
            storage: self.storage,
            pool: self.pool.clone(),
            catalog: self.catalog.clone(),
        }
    }

    /// Takes over what a part brought.
    pub(in crate::cluster) fn append(&mut self, part: Self) {
        self.rows.append(part.rows);
        let mut faults = part.faults;
        if part.untold > 0 {
            faults.truncate(MAX_FAULTS);
        }
        for fault in faults {
            self.blame(fault);
        }
        self.leave_untold(part.untold);
    }

    pub(super) fn takes_lines(&self) -> bool {
        matches!(self.rows, Rows::Lines(_))
    }

    /// Takes a line if it is wanted; returns how many bytes are kept of it.
    pub(super) fn line(&mut self, line: &str) -> usize {
        match &mut self.rows {
            Rows::Lines(lines) if line.starts_with(&self.prefix) => {
                lines.push(line.to_owned());
                line.len()
            }
            _ => 0,
        }
    }

    /// One item as a protobuf message.
    pub(super) fn protobuf(&mut self, message: &[u8]) {
        match &mut self.rows {
            Rows::Meta(rows) => match PartialObject::decode(message) {
                Ok(object) => {
                    let meta = object.metadata.unwrap_or_default();
                    rows.push(meta.row(&mut lock(&self.pool)));
                }
                Err(error) => self.fault(&error),
            },
            Rows::Nodes(rows) => match Node::decode(message) {
                Ok(node) => rows.push(node.row()),
                Err(error) => self.fault(&error),
            },
            Rows::Pods(rows) => match Pod::decode(message) {
                Ok(pod) => rows.push(pod.row(&mut lock(&self.pool))),
                Err(error) => self.fault(&error),
            },
            Rows::Slices(rows) => match EndpointSlice::decode(message) {
                Ok(slice) => rows.push(slice.row(&mut lock(&self.pool))),
                Err(error) => self.fault(&error),
            },
            Rows::Workloads(rows) => {
                let kind = self.workload.unwrap_or(Kind::Deployment);
                let row = workload::row(kind, message, &mut lock(&self.pool));
                match row {
                    Ok(row) => rows.push(row),
                    Err(error) => self.fault(&error),
                }
            }
            Rows::Helm(rows) => {
                let faults = releases::collect(message, self.storage, &self.catalog, rows);
                faults.into_iter().for_each(|fault| self.blame(fault));
            }
            Rows::Json(_) | Rows::Lines(_) => self.fault(&"it came as protobuf"),
        }
    }

    /// One item as JSON.
    pub(super) fn json(&mut self, item: Value) {
        let meta = item
            .get("metadata")
            .and_then(|meta| ObjectMeta::deserialize(meta).ok());
        let Some(meta) = meta else {
            self.fault(&"it has no metadata");
            return;
        };
        match &mut self.rows {
            Rows::Meta(rows) => rows.push(meta.row(&mut lock(&self.pool))),
            Rows::Json(rows) => {
                let meta = meta.row(&mut lock(&self.pool));
                rows.push(json_row(meta, item, self.resource.as_ref()));
            }
            Rows::Nodes(_)
            | Rows::Pods(_)
            | Rows::Helm(_)
            | Rows::Slices(_)
            | Rows::Workloads(_)
            | Rows::Lines(_) => {
                let place = meta.place();
                self.fault(&format!("{place} came as JSON"));
            }
        }
    }

    fn fault(&mut self, why: &dyn std::fmt::Display) {
        let why = why.to_string();
        self.blame(Fault {
            what: format!("an object of {}", self.what),
            why: format!("it cannot be understood: {}", sanitize_line(&why)),
        });
    }

    /// Notes a fault; beyond some, how many more there are.
    fn blame(&mut self, fault: Fault) {
        if self.faults.len() < MAX_FAULTS {
            return self.faults.push(fault);
        }
        self.leave_untold(1);
    }

    fn leave_untold(&mut self, more: usize) {
        if more == 0 {
            return;
        }
        self.untold += more;
        self.faults.truncate(MAX_FAULTS);
        self.faults.push(Fault {
            what: format!("{} more objects of {}", self.untold, self.what),
            why: "they cannot be understood either".to_owned(),
        });
    }
}

fn lock(pool: &Mutex<Pool>) -> MutexGuard<'_, Pool> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The object without what no rule looks at and without copies of itself in annotations, of which the row's metadata has what
/// counts.
fn json_row(meta: MetaRow, mut object: Value, resource: Option<&Resource>) -> JsonRow {
    if let Some(resource) = resource {
        trim(resource, &mut object);
    }
    let annotations = object.pointer_mut("/metadata/annotations");
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        for copy in LAST_APPLIED {
            annotations.remove(copy);
        }
    }
    JsonRow { meta, object }
}
