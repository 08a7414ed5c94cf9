//! `UpgradeReport`, and the findings and gaps that it shares with `UpgradePlan`.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    ClusterDoc, DocumentMetadata, EvaluatedClusterDoc, HopDoc, HopIdDoc, SummaryDoc, VerdictDoc,
    words,
};

/// What `kubectl upgrade-check -o json` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeReport {
    /// [`API_VERSION`](super::API_VERSION).
    pub api_version: String,
    /// `UpgradeReport`.
    pub kind: String,
    /// When the report was made, and by which program.
    pub metadata: DocumentMetadata,
    /// The cluster; the first one if the run has several.
    pub cluster: ClusterDoc,
    /// Every cluster of the run, with its verdict; empty with `--local`.
    pub clusters: Vec<EvaluatedClusterDoc>,
    /// The hops to the target, of all clusters; empty if there is nothing to upgrade.
    pub path: Vec<HopDoc>,
    /// The verdict.
    pub verdict: VerdictDoc,
    /// Worst first.
    pub findings: Vec<FindingDoc>,
    /// Findings of the baseline that were checked again and are gone.
    pub resolved: Vec<FindingDoc>,
    /// What could not be read or determined.
    pub gaps: Vec<GapDoc>,
    /// Expired waivers, limits of the comparison with a baseline, and the like.
    pub remarks: Vec<String>,
    /// Counts.
    pub summary: SummaryDoc,
}

/// What one rule found about one subject, for one hop, with one severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingDoc {
    /// Id of the rule.
    pub id: String,
    /// Severity.
    pub severity: SeverityDoc,
    /// Confidence.
    pub confidence: ConfidenceDoc,
    /// Stable across runs for the same rule, subject, hop and severity.
    pub fingerprint: String,
    /// The hop that it affects; null if it holds already.
    pub hop: Option<HopIdDoc>,
    /// The rule in one line.
    pub title: String,
    /// What was found.
    pub message: String,
    /// How to fix it.
    pub remedy: String,
    /// URL of the documentation.
    pub reference: String,
    /// The affected objects; sorted, never empty.
    pub objects: Vec<ObjectDoc>,
}

words! {
    /// Severity of a finding.
    SeverityDoc { Blocker = "blocker", Warning = "warning", Note = "note", }
}

words! {
    /// Confidence in a finding.
    ConfidenceDoc { Certain = "certain", Likely = "likely", Possible = "possible", }
}

/// An affected object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectDoc {
    /// Id of its cluster; null for a manifest.
    pub cluster: Option<String>,
    /// `apiVersion`, the old one if the finding is about an API; empty if the finding is about the cluster itself.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Null for cluster-scoped objects and for manifests without a namespace.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Who manages it.
    pub owner: Option<String>,
    /// The waiver that covers it; null if there is none.
    pub waiver: Option<WaiverDoc>,
    /// Comparison with the baseline; null without a baseline.
    pub baseline: Option<BaselineDoc>,
    /// Strongest first.
    pub evidence: Vec<EvidenceDoc>,
}

/// Who waived a finding, why, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaiverDoc {
    /// Who.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The last valid day, `YYYY-MM-DD`.
    pub expires: String,
}

words! {
    /// Whether the baseline contains an object of a finding.
    BaselineDoc { New = "new", Known = "known", }
}

/// One piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvidenceDoc {
    /// Kind of source.
    pub source: EvidenceSourceDoc,
    /// Short enough for a table cell.
    pub detail: String,
    /// The field manager or Helm release that left it.
    pub writer: Option<String>,
    /// When it was left.
    pub time: Option<Timestamp>,
    /// Where to find it: a file and document, a template of a chart, an object.
    pub location: Option<String>,
}

words! {
    /// Kind of source of evidence.
    EvidenceSourceDoc {
        File = "file",
        Helm = "helm",
        ManagedFields = "managedFields",
        LastApplied = "lastApplied",
        Reference = "reference",
        Metric = "metric",
        Spec = "spec",
        Status = "status",
        Discovery = "discovery",
        Readyz = "readyz",
    }
}

/// Something that could not be read or determined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GapDoc {
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
    /// Id of the cluster; null for files.
    pub cluster: Option<String>,
    /// The rules that need it.
    pub rules: Vec<String>,
    /// The permission that would close the gap; null if permissions are not the reason.
    pub rbac: Option<PermissionDoc>,
}

/// A rule of a ClusterRole. Lists that do not apply are empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionDoc {
    /// API groups; the core group is the empty string.
    pub api_groups: Vec<String>,
    /// Plural names.
    pub resources: Vec<String>,
    /// Names of single objects; empty for all.
    pub resource_names: Vec<String>,
    /// Paths that are not resources.
    #[serde(rename = "nonResourceURLs")]
    pub non_resource_urls: Vec<String>,
    /// The namespace in which a Role suffices; null if a ClusterRole is required.
    pub namespace: Option<String>,
    /// `get` or `list`.
    pub verbs: Vec<String>,
}

impl FindingDoc {
    /// Whether all of its objects are waived.
    #[must_use]
    pub fn is_waived(&self) -> bool {
        self.objects.iter().all(|object| object.waiver.is_some())
    }

    /// Whether the baseline contains all of its objects.
    #[must_use]
    pub fn is_in_baseline(&self) -> bool {
        let is_known = |object: &ObjectDoc| object.baseline == Some(BaselineDoc::Known);
        self.objects.iter().all(is_known)
    }
}

impl ObjectDoc {
    /// Whether it is neither waived nor in the baseline.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.waiver.is_none() && self.baseline != Some(BaselineDoc::Known)
    }
}
