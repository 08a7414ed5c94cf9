//! What Cluster API reports of a Cluster: the versions that its topology allows, its conditions, and whether it is rolled out.

use jiff::Timestamp;
use serde_json::Value;

use super::view::{items_at, list_need, str_at};
use crate::catalog::Release;
use crate::need::Need;
use crate::snapshot::{ClusterView, ObjectRow};
use crate::text::NamespacedName;

/// Classes of clusters, with the versions that they offer.
pub(super) fn cluster_classes_need() -> Need {
    list_need(
        "cluster.x-k8s.io",
        "clusterclasses",
        &["spec.kubernetesVersions"],
    )
}

/// The versions of Kubernetes that the topology of a Cluster can be set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopologyVersions {
    /// Its ClusterClass, as `namespace/name`.
    pub class: String,
    /// The version that it is set to.
    pub requested: Option<Release>,
    /// `spec.kubernetesVersions` of the class; empty if it allows any.
    pub offered: Vec<Release>,
}

impl TopologyVersions {
    pub(super) fn new(look: &ClusterView<'_>, cluster: &ObjectRow) -> Option<Self> {
        let topology = cluster.object.pointer("/spec/topology")?;
        let text = |paths: [&str; 2]| paths.iter().find_map(|path| str_at(topology, path));
        let own_namespace = cluster.meta.namespace.as_deref();
        let namespace = text(["/classRef/namespace", "/classNamespace"]).or(own_namespace);
        let name = text(["/classRef/name", "/class"])?;
        let need = cluster_classes_need();
        let class = look
            .objects(&need)
            .iter()
            .find(|class| class.meta.name == name && class.meta.namespace.as_deref() == namespace);
        let offered = class.map(|class| items_at(&class.object, "/spec/kubernetesVersions"));
        let offered = offered.into_iter().flatten();
        Some(Self {
            class: NamespacedName::new(namespace, name).to_string(),
            requested: str_at(topology, "/version").and_then(|version| version.parse().ok()),
            offered: offered
                .filter_map(|version| version.as_str()?.parse().ok())
                .collect(),
        })
    }
}

/// A condition of an object of Cluster API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CapiCondition<'a> {
    pub(crate) status: &'a str,
    pub(crate) reason: &'a str,
    /// In one line.
    pub(crate) message: String,
    /// Whether it is about the latest spec. The status of an object as a whole may be newer than a condition in it.
    pub(crate) is_current: bool,
    /// Since when it has this status.
    pub(crate) since: Option<Timestamp>,
}

impl<'a> CapiCondition<'a> {
    /// The condition of a type, in the newer of the two lists that an object may have.
    pub(crate) fn find(object: &'a Value, kind: &str) -> Option<Self> {
        let of_kind = |path| {
            let mut conditions = items_at(object, path);
            conditions.find(|condition| str_at(condition, "/type") == Some(kind))
        };
        let condition =
            of_kind("/status/v1beta2/conditions").or_else(|| of_kind("/status/conditions"))?;
        let number = |value: &'a Value, path| value.pointer(path).and_then(Value::as_u64);
        let observed = number(condition, "/observedGeneration");
        let message = str_at(condition, "/message").unwrap_or_default();
        Some(Self {
            status: str_at(condition, "/status").unwrap_or_default(),
            reason: str_at(condition, "/reason").unwrap_or_default(),
            message: message.split_whitespace().collect::<Vec<_>>().join(" "),
            is_current: observed
                .zip(number(object, "/metadata/generation"))
                .is_none_or(|(observed, generation)| observed >= generation),
            since: str_at(condition, "/lastTransitionTime").and_then(|time| time.parse().ok()),
        })
    }

    /// `TopologyReconciled False, ClusterUpgrading: message`.
    pub(crate) fn describe(&self, kind: &str) -> String {
        let mut text = format!("{kind} {}", self.status);
        if !self.reason.is_empty() {
            text += &format!(", {}", self.reason);
        }
        if !self.message.is_empty() {
            text += &format!(": {}", self.message);
        }
        if !self.is_current {
            text += " (not yet about the latest spec)";
        }
        text
    }
}

/// What shows that a Cluster is not rolled out completely; none if nothing does.
pub(super) fn rollout_remark(row: &ObjectRow, control_plane: Option<&ObjectRow>) -> Option<String> {
    let topology = CapiCondition::find(&row.object, "TopologyReconciled");
    let topology = topology.filter(|condition| condition.status == "False");
    let rolling = CapiCondition::find(&row.object, "RollingOut");
    let rolling = rolling.filter(|condition| condition.status == "True");
    let why = topology
        .map(|condition| condition.describe("TopologyReconciled"))
        .or_else(|| rolling.map(|condition| condition.describe("RollingOut")))
        .or_else(|| {
            let number = |path: &str| control_plane?.object.pointer(path)?.as_u64();
            let new = number("/status/upToDateReplicas").or(number("/status/updatedReplicas"))?;
            let all = number("/status/replicas")?;
            (new < all).then(|| format!("{new} of {all} control plane machines are up to date"))
        })?;
    let version = str_at(&row.object, "/spec/topology/version");
    let version = version.or_else(|| str_at(&control_plane?.object, "/spec/version"));
    let version = version.map(|version| format!(", set to {version},"));
    Some(format!(
        "the Cluster {}{} is not rolled out completely: {why}",
        row.meta.namespaced_name(),
        version.unwrap_or_default()
    ))
}
