//! Where decoded items become rows.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prost::Message;
use serde::Deserialize;
use serde_json::Value;

use super::meta::{LAST_APPLIED, ObjectMeta, Time};
use super::pod;
use super::workload::{self, Kind};
use crate::catalog::{Catalog, Resource};
use crate::cluster::failure::bounded;
use crate::cluster::releases;
use crate::need::{Depth, Request, Subject};

use crate::snapshot::{
    Fault, HelmStorage, JsonRow, MetaRow, NodeCondition, NodeRow, Pool, Rows, SliceRow, trim,
};

/// Faults of one reading that are told one by one.
const MAX_FAULTS: usize = 100;

/// Where kubeadm notes the socket of a node's container runtime.
const CRI_SOCKET: &str = "kubeadm.alpha.kubernetes.io/cri-socket";

/// Where Cluster API notes whose machine a node is. Source: kubernetes-sigs/cluster-api api/core common_types.go.
const CLUSTER: [&str; 2] = [
    "cluster.x-k8s.io/cluster-namespace",
    "cluster.x-k8s.io/cluster-name",
];

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

/// Tags of k8s.io/api core/v1/generated.proto.
#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
    #[prost(message, optional, tag = "2")]
    spec: Option<NodeSpec>,
    #[prost(message, optional, tag = "3")]
    status: Option<NodeStatus>,
}

#[derive(Clone, PartialEq, Message)]
struct NodeSpec {
    #[prost(string, tag = "3")]
    provider_id: String,
    #[prost(bool, tag = "4")]
    unschedulable: bool,
    #[prost(message, repeated, tag = "5")]
    taints: Vec<Taint>,
}

#[derive(Clone, PartialEq, Message)]
struct Taint {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "3")]
    effect: String,
}

#[derive(Clone, PartialEq, Message)]
struct NodeStatus {
    #[prost(message, repeated, tag = "4")]
    conditions: Vec<Condition>,
    #[prost(message, optional, tag = "7")]
    info: Option<NodeSystemInfo>,
}

#[derive(Clone, PartialEq, Message)]
struct Condition {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(string, tag = "2")]
    status: String,
    #[prost(string, tag = "5")]
    reason: String,
}

#[derive(Clone, PartialEq, Message)]
struct NodeSystemInfo {
    #[prost(string, tag = "5")]
    os_image: String,
    #[prost(string, tag = "6")]
    runtime: String,
    #[prost(string, tag = "7")]
    kubelet_version: String,
}

/// Tags of k8s.io/api discovery/v1/generated.proto, those of v1beta1 as well.
#[derive(Clone, PartialEq, Message)]
struct EndpointSlice {
    #[prost(message, optional, tag = "1")]
    metadata: Option<ObjectMeta>,
    #[prost(message, repeated, tag = "2")]
    endpoints: Vec<Endpoint>,
}

#[derive(Clone, PartialEq, Message)]
struct Endpoint {
    #[prost(message, optional, tag = "2")]
    conditions: Option<EndpointConditions>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct EndpointConditions {
    #[prost(bool, optional, tag = "1")]
    ready: Option<bool>,
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
                    rows.push(
                        object
                            .metadata
                            .unwrap_or_default()
                            .row(&mut lock(&self.pool)),
                    );
                }
                Err(error) => self.fault(&error),
            },
            Rows::Nodes(rows) => match Node::decode(message) {
                Ok(node) => rows.push(node_row(node)),
                Err(error) => self.fault(&error),
            },
            Rows::Pods(rows) => match pod::Pod::decode(message) {
                Ok(pod) => {
                    rows.push(pod.row(&mut lock(&self.pool)));
                }
                Err(error) => self.fault(&error),
            },
            Rows::Slices(rows) => match EndpointSlice::decode(message) {
                Ok(slice) => rows.push(slice_row(slice, &mut lock(&self.pool))),
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
            why: format!("it cannot be understood: {}", bounded(&why)),
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

/// The values of environment variables are where passwords stand that should stand in Secrets. No rule looks at them; they
/// are dropped from pods and from templates of pods, so that they are in no snapshot.
fn without_environment(object: &mut Value) {
    const TEMPLATES: [&str; 3] = [
        "/spec",
        "/spec/template/spec",
        "/spec/jobTemplate/spec/template/spec",
    ];
    for template in TEMPLATES {
        let Some(spec) = object.pointer_mut(template) else {
            continue;
        };
        for list in ["containers", "initContainers", "ephemeralContainers"] {
            let containers = spec.get_mut(list).and_then(Value::as_array_mut);
            for container in containers.into_iter().flatten() {
                if let Some(container) = container.as_object_mut() {
                    container.remove("env");
                }
            }
        }
    }
}

fn node_row(node: Node) -> NodeRow {
    let meta = node.metadata.unwrap_or_default();
    let status = node.status.unwrap_or_default();
    let info = status.info.unwrap_or_default();
    let spec = node.spec.unwrap_or_default();
    let keeps_off = |taint: &Taint| matches!(taint.effect.as_str(), "NoSchedule" | "NoExecute");
    let condition = |condition: Condition| NodeCondition {
        kind: condition.kind,
        status: condition.status,
        reason: condition.reason,
    };
    let [namespace, cluster] = CLUSTER.map(|name| meta.annotations.get(name));
    NodeRow {
        // Old releases of Cluster API did not note the namespace.
        cluster: cluster.map(|name| match namespace {
            Some(namespace) => format!("{namespace}/{name}"),
            None => format!("/{name}"),
        }),
        created: meta.created.and_then(Time::timestamp),
        cri_socket: meta.annotations.get(CRI_SOCKET).cloned(),
        name: meta.name,
        labels: meta.labels,
        unschedulable: spec.unschedulable,
        tainted: spec.taints.iter().any(keeps_off),
        taints: spec.taints.into_iter().map(|taint| taint.key).collect(),
        conditions: status.conditions.into_iter().map(condition).collect(),
        runtime: info.runtime,
        provider_id: spec.provider_id,
        kubelet_version: info.kubelet_version,
        os_image: info.os_image,
    }
}

fn slice_row(slice: EndpointSlice, pool: &mut Pool) -> SliceRow {
    let meta = slice.metadata.unwrap_or_default();
    // An endpoint that says nothing of itself counts as ready: so does kube-proxy take it.
    let ready = |endpoint: &&Endpoint| {
        let conditions = endpoint.conditions.unwrap_or_default();
        conditions.ready.unwrap_or(true)
    };
    SliceRow {
        service: meta
            .labels
            .get("kubernetes.io/service-name")
            .cloned()
            .unwrap_or_default(),
        endpoints: slice.endpoints.len(),
        ready: slice.endpoints.iter().filter(ready).count(),
        meta: meta.row(pool),
    }
}

/// The object without what no rule looks at, without values of environment variables and without copies of itself in
/// annotations, of which the row's metadata has what counts.
fn json_row(meta: MetaRow, mut object: Value, resource: Option<&Resource>) -> JsonRow {
    if let Some(resource) = resource {
        trim(resource, &mut object);
    }
    without_environment(&mut object);
    let annotations = object.pointer_mut("/metadata/annotations");
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        for copy in LAST_APPLIED {
            annotations.remove(copy);
        }
    }
    JsonRow { meta, object }
}
