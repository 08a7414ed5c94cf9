//! What a rule says: data, never text for a terminal.

use std::collections::BTreeMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::baseline::deserialize_known_evidence;
use crate::evidence::{Confidence, Evidence};
use crate::need::ClusterId;
use crate::path::HopId;
use crate::rules::{CheckContext, Rule};
use crate::snapshot::{ClusterSnapshot, MetaRow};

/// How bad it is. Ordered: a note is least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// May hurt.
    Warning,
    /// The upgrade breaks something.
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

/// An object that a finding is about, of this run or, read from it again, of an earlier report.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AffectedObject {
    /// The cluster of the run; `None` without one. The engine sets it, rules see one cluster only.
    pub cluster: Option<ClusterId>,
    /// None for objects of the cluster, and for manifests that name none.
    pub namespace: Option<String>,
    /// `apiVersion`; for an API finding the old one.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Everything that speaks for it, strongest first; of an earlier report what this program knows of it.
    #[serde(deserialize_with = "deserialize_known_evidence")]
    pub evidence: Vec<Evidence>,
}

impl AffectedObject {
    /// The object of a row, seen through this version.
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

    /// An object outside of namespaces, without an owner.
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

    /// The cluster itself, where a finding is about no single object of it.
    #[must_use]
    pub fn cluster(cluster: &ClusterSnapshot, evidence: Evidence) -> Self {
        Self::cluster_scoped("", "Cluster", &cluster.id.0, evidence)
    }
}

/// `poddisruptionbudget/shop/cart`, `node/a` outside of namespaces, the kind alone where no object is known by name; as it
/// came, not fit for a terminal.
#[must_use]
pub fn object_path(kind: &str, namespace: Option<&str>, name: &str) -> String {
    let kind = kind.to_lowercase();
    let parts = [&kind, namespace.unwrap_or_default(), name].into_iter();
    let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
    parts.join("/")
}

/// What a rule has to say of one subject, at one hop, in one severity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub id: &'static str,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// Stable over runs: the same for the same rule, subject, hop and severity.
    pub fingerprint: String,
    /// The hop at which it bites; none where it holds already.
    pub hop: Option<HopId>,
    /// The rule's title.
    pub title: &'static str,
    /// What it is about, without a full stop.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// Where to read more.
    pub reference: &'static str,
    /// [`Rule::gates_drains`].
    pub gates_drains: bool,
    /// [`Rule::has_own_steps`].
    pub has_own_steps: bool,
    /// Sorted; never empty.
    pub objects: Vec<AffectedObject>,
}

/// The parts of a finding that a rule decides anew each time.
#[derive(Debug, Clone)]
pub struct FindingDraft {
    /// What the finding is about within its rule, such as an API: part of the fingerprint.
    pub subject: String,
    /// Never above the rule's own; a higher one is lowered to it.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// The hop at which it bites.
    pub hop: Option<HopId>,
    /// What it is about.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// Which objects; a finding without any is none.
    pub objects: Vec<AffectedObject>,
}

impl FindingDraft {
    /// In the rule's own severity and words, certain, of what holds already: what a rule says otherwise, it sets.
    #[must_use]
    pub fn new(
        rule: &Rule,
        subject: impl Into<String>,
        message: impl Into<String>,
        objects: Vec<AffectedObject>,
    ) -> Self {
        Self {
            subject: subject.into(),
            severity: rule.severity,
            confidence: Confidence::Certain,
            hop: None,
            message: message.into(),
            remedy: rule.remedy.to_owned(),
            objects,
        }
    }
}

impl Finding {
    /// The only way to make one, so that nothing can be left out. None where there is no object.
    #[must_use]
    pub fn new(rule: &Rule, said: FindingDraft) -> Option<Self> {
        let mut objects = said.objects;
        objects.sort();
        objects.dedup();
        if objects.is_empty() {
            return None;
        }
        let severity = said.severity.min(rule.severity);
        let hop = said.hop.as_ref().map(ToString::to_string);
        let key = [
            rule.id,
            &said.subject,
            hop.as_deref().unwrap_or_default(),
            severity.as_str(),
        ];
        Some(Self {
            id: rule.id,
            severity,
            confidence: said.confidence,
            fingerprint: fingerprint(&key),
            hop: said.hop,
            title: rule.title,
            message: said.message,
            remedy: said.remedy,
            reference: rule.reference,
            gates_drains: rule.gates_drains,
            has_own_steps: rule.has_own_steps,
            objects,
        })
    }
}

impl Finding {
    /// Names the cluster in the objects, and tells the fingerprint from those of other clusters of the run.
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

    /// One finding for each hop, in the rule's own severity and words, certain of what it says.
    pub(crate) fn per_hop(
        rule: &Rule,
        message: &str,
        found: BTreeMap<Option<HopId>, Vec<AffectedObject>>,
    ) -> Vec<Self> {
        let said = |(hop, objects)| FindingDraft {
            hop,
            ..FindingDraft::new(rule, rule.id, message, objects)
        };
        found
            .into_iter()
            .filter_map(|entry| Self::new(rule, said(entry)))
            .collect()
    }
}

fn fingerprint(parts: &[&str]) -> String {
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
