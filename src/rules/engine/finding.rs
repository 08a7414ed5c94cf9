//! Findings and gaps: data, never text for a terminal.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::evidence::{Confidence, Evidence, deserialize_known_evidence};
use crate::need::{ClusterId, PolicyRule};
use crate::path::HopId;
use crate::rules::CheckContext;
use crate::snapshot::{ClusterSnapshot, MetaRow, PodRow};

/// The severity of a finding, ordered from note to blocker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// May cause an outage.
    Warning,
    /// Must be fixed before its hop.
    Blocker,
}

impl Severity {
    /// `blocker`, `warning`, `note`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Blocker => "blocker",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// An object that a finding is about, of this run or of an earlier report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AffectedObject {
    /// The cluster of the run; `None` without one. The engine sets it, rules see one cluster only.
    pub cluster: Option<ClusterId>,
    /// `None` for cluster-scoped objects and manifests without a namespace.
    pub namespace: Option<String>,
    /// `apiVersion`; for findings about APIs, the old one.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Its owner.
    pub owner: Option<String>,
    /// Its evidence, strongest first; of an earlier report, only known kinds of evidence.
    #[serde(deserialize_with = "deserialize_known_evidence")]
    pub evidence: Vec<Evidence>,
}

impl AffectedObject {
    /// Whether it is the same object, in whatever version.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        (&self.kind, &self.namespace, &self.name) == (&other.kind, &other.namespace, &other.name)
    }

    /// The object of a row, in this API version.
    pub(crate) fn new(
        api_version: impl Into<String>,
        kind: &str,
        meta: &MetaRow,
        evidence: Evidence,
    ) -> Self {
        Self {
            cluster: None,
            namespace: meta.namespace.clone(),
            api_version: api_version.into(),
            kind: kind.to_owned(),
            name: meta.name.clone(),
            owner: meta.owner.clone(),
            evidence: vec![evidence],
        }
    }

    /// A cluster-scoped object without an owner.
    #[must_use]
    pub fn cluster_scoped(api_version: &str, kind: &str, name: &str, evidence: Evidence) -> Self {
        Self {
            cluster: None,
            namespace: None,
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            owner: None,
            evidence: vec![evidence],
        }
    }

    /// A pod, owned by its controller.
    pub(crate) fn pod(pod: &PodRow, evidence: Evidence) -> Self {
        let owner = pod.controller.as_ref();
        Self {
            namespace: Some(pod.namespace.to_string()),
            owner: owner.map(|owner| format!("{}/{}", owner.kind, owner.name)),
            ..Self::cluster_scoped("v1", "Pod", &pod.name, evidence)
        }
    }

    /// The cluster itself, for findings that concern no single object.
    #[must_use]
    pub fn cluster(cluster: &ClusterSnapshot, evidence: Evidence) -> Self {
        Self::cluster_scoped("", "Cluster", &cluster.id.0, evidence)
    }
}

/// `poddisruptionbudget/shop/cart`, `node/a`, or the kind alone without a name. Not escaped for a terminal.
#[must_use]
pub fn object_path(kind: &str, namespace: Option<&str>, name: &str) -> String {
    let kind = kind.to_lowercase();
    let parts = [&kind, namespace.unwrap_or_default(), name].into_iter();
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

/// The result of a rule for one subject, hop and severity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub id: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// How certain it is.
    pub confidence: Confidence,
    /// Stable across runs: the same for the same rule, subject, hop and severity.
    pub fingerprint: String,
    /// The hop that it blocks or affects; `None` if it applies already.
    pub hop: Option<HopId>,
    /// The rule's title.
    pub title: &'static str,
    /// The message, without a full stop.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// What to move the objects to, if that is the remedy.
    pub replacement: Option<String>,
    /// Documentation to read.
    pub reference: &'static str,
    /// [`Rule::gates_drains`](crate::rules::Rule::gates_drains).
    pub gates_drains: bool,
    /// [`Rule::has_own_steps`](crate::rules::Rule::has_own_steps).
    pub has_own_steps: bool,
    /// Sorted; never empty.
    pub objects: Vec<AffectedObject>,
}

impl Finding {
    /// Sets the cluster of the objects, and makes the fingerprint differ from those of other clusters of the run.
    pub(crate) fn assign_cluster(&mut self, context: &CheckContext<'_>) {
        for object in &mut self.objects {
            object.cluster = context.cluster_id().cloned();
        }
        if let Some(cluster) = context
            .cluster
            .filter(|_| !context.other_clusters.is_empty())
        {
            let identity = cluster
                .uid()
                .map_or_else(|| cluster.id.to_string(), |uid| uid.to_string());
            self.fingerprint = fingerprint(&[&identity, &self.fingerprint]);
        }
    }
}

/// Something that could not be inspected.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
    /// On which cluster; none for files.
    pub cluster: Option<ClusterId>,
    /// The rules that would have inspected it.
    pub rules: Vec<String>,
    /// What would have to be allowed.
    pub rbac: Option<PolicyRule>,
}

/// A short hash of these parts.
pub(super) fn fingerprint(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hash.finalize()
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
