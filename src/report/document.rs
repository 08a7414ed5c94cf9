//! The report as data: what `-o json` and `-o yaml` print and what every other format is made from.
//!
//! Names and order of keys are a promise to other tools: keys are added, never renamed, and always present. The JSON Schema
//! beside this file says the same to machines.

use jiff::Timestamp;
use serde::Serialize;

use super::platforms::PlatformDoc;
use crate::catalog::{PlatformName, VersionSpec};
use crate::detect::{DetectedCluster, Topology};
use crate::evidence::{Confidence, Evidence};
use crate::need::ClusterId;
use crate::path::{Hop, HopId};
use crate::rules::{
    AffectedObject, BaselineFinding, CheckContext, Evaluation, Finding, Gap, PolicyStatus,
    Severity, Summary, Verdict, Waiver, object_path,
};
use crate::snapshot::ClusterSnapshot;

/// `apiVersion` of everything that we print as JSON or YAML.
pub const API_VERSION: &str = "kubectl-upgrade/v1";

/// The name by which the report says who made it.
pub const CHECK_TOOL: &str = "kubectl-upgrade-check";

/// The answer to "may we start?".
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeReport {
    /// [`API_VERSION`].
    pub api_version: String,
    /// `UpgradeReport`.
    pub kind: String,
    /// When and by what it was made.
    pub metadata: DocumentMetadata,
    /// What was looked at.
    pub cluster: ClusterDoc,
    /// The way to the target, hop by hop; empty where there is nothing to do.
    pub path: Vec<HopDoc>,
    /// The answer in one word.
    pub verdict: Verdict,
    /// Worst first.
    pub findings: Vec<FindingDoc>,
    /// In the baseline, gone now, and looked at again.
    pub resolved: Vec<FindingDoc>,
    /// What could not be looked at.
    pub gaps: Vec<Gap>,
    /// What else must be known: waivers that no longer count, limits of the comparison with a baseline.
    pub remarks: Vec<String>,
    /// Counts.
    pub summary: Summary,
}

/// When and by what a document was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentMetadata {
    /// RFC 3339, seconds, UTC.
    pub generated_at: String,
    /// The program.
    pub tool: ToolDoc,
    /// What it knew.
    pub catalog: CatalogDoc,
}

/// A program and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolDoc {
    /// [`TOOL`].
    pub name: String,
    /// SemVer.
    pub version: String,
}

/// The facts that a program knew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CatalogDoc {
    /// The newest day up to which a source was read, `YYYY-MM-DD`.
    pub date: String,
}

/// What was looked at. Under `--local` all of it is null or empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterDoc {
    /// Name of the kubeconfig context.
    pub context: Option<String>,
    /// URL of the API server.
    pub server: Option<String>,
    /// The one namespace that was looked at; null for all of them. A verdict holds for what was looked at.
    pub namespace: Option<String>,
    /// As the API server says it, with no leading `v`.
    pub kubernetes_version: Option<String>,
    /// `eks`, `gke`, …; null where no mark was found.
    pub provider: Option<String>,
    /// Number of nodes; null where they could not be read.
    pub nodes: Option<usize>,
    /// What runs: Kubernetes first, then what runs upon it, outermost first.
    pub platforms: Vec<PlatformDoc>,
    /// How clusters belong together; null and empty for one that stands alone.
    pub topology: Topology,
}

/// One hop of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HopDoc {
    /// The platform it upgrades.
    pub platform: PlatformName,
    /// The version it leaves; null if the start is unknown.
    pub from: Option<VersionSpec>,
    /// The version it reaches.
    pub to: VersionSpec,
    /// Why this hop is supported.
    pub source: String,
}

/// One rule, one subject, one hop, one severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FindingDoc {
    /// Id of the rule.
    pub id: String,
    /// How bad.
    pub severity: Severity,
    /// How sure.
    pub confidence: Confidence,
    /// The same for the same rule, subject, hop and severity, run after run.
    pub fingerprint: String,
    /// The hop at which it bites; null where it holds already.
    pub hop: Option<HopId>,
    /// The rule in one line.
    pub title: String,
    /// What it is about.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// Where to read more.
    pub reference: String,
    /// Which objects; sorted, never empty.
    pub objects: Vec<ObjectDoc>,
}

/// An object of a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectDoc {
    /// Which cluster; null for a manifest.
    pub cluster: Option<ClusterId>,
    /// `apiVersion`, for an API finding the old one; empty where a finding is about the cluster itself.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Null for objects of the cluster, and where a manifest names none.
    pub namespace: Option<String>,
    /// Name.
    pub name: String,
    /// Who looks after it.
    pub owner: Option<String>,
    /// Who has taken it on; null if nobody has.
    pub waiver: Option<WaiverDoc>,
    /// Against the baseline; null without one.
    pub baseline: Option<BaselineDoc>,
    /// What speaks for it, strongest first.
    pub evidence: Vec<Evidence>,
}

/// Who has taken a finding on, why, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WaiverDoc {
    /// Who.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// The last day, `YYYY-MM-DD`.
    pub expires: String,
}

/// Whether the baseline knows an object of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BaselineDoc {
    /// It does not.
    New,
    /// It does.
    Known,
}

impl WaiverDoc {
    fn new(waiver: &Waiver) -> Self {
        Self {
            owner: waiver.owner.clone(),
            reason: waiver.reason.clone(),
            expires: waiver.expires.to_string(),
        }
    }
}

impl UpgradeReport {
    /// The report on a judgement: a pure function of its arguments. Decides nothing, and keeps the order of findings and gaps.
    #[must_use]
    pub fn new(situation: &CheckContext<'_>, judgement: &Evaluation) -> Self {
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "UpgradeReport".to_owned(),
            metadata: DocumentMetadata::new(CHECK_TOOL, situation.now, situation.catalog.date),
            cluster: ClusterDoc::from_context(situation),
            path: situation.path.hops.iter().map(HopDoc::new).collect(),
            verdict: judgement.verdict,
            findings: judgement
                .findings
                .iter()
                .zip(&judgement.policy_statuses)
                .map(|(finding, standings)| FindingDoc::new(finding, standings))
                .collect(),
            resolved: judgement
                .resolved_findings
                .iter()
                .map(FindingDoc::from_baseline)
                .collect(),
            gaps: judgement.gaps.clone(),
            remarks: judgement.remarks.clone(),
            summary: judgement.summary,
        }
    }
}

impl DocumentMetadata {
    /// Made by a program at a time, with facts of a day.
    #[must_use]
    pub fn new(tool: &str, now: Timestamp, catalog: jiff::civil::Date) -> Self {
        Self {
            generated_at: format_rfc3339(now),
            tool: ToolDoc {
                name: tool.to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
            },
            catalog: CatalogDoc {
                date: catalog.to_string(),
            },
        }
    }
}

/// To the second, UTC.
pub(super) fn format_rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl ClusterDoc {
    pub(super) fn from_context(situation: &CheckContext<'_>) -> Self {
        let detected = situation.cluster.zip(situation.detected.as_ref());
        detected
            .map(|(picture, detected)| Self::new(picture, detected))
            .unwrap_or_default()
    }

    fn new(picture: &ClusterSnapshot, detected: &DetectedCluster) -> Self {
        let version = detected.kubernetes.to_string();
        let mut evidence = detected.evidence.clone();
        evidence.sort();
        Self {
            context: picture.context.clone(),
            server: Some(picture.server.clone()),
            namespace: picture.namespace.clone(),
            kubernetes_version: Some(version.clone()),
            provider: detected.provider.clone(),
            nodes: detected.node_count,
            platforms: PlatformDoc::from_detected(version, evidence, detected),
            topology: detected.topology.clone(),
        }
    }
}

impl HopDoc {
    pub(super) fn new(hop: &Hop) -> Self {
        Self {
            platform: hop.platform,
            from: hop.from.clone(),
            to: hop.to.clone(),
            source: hop.source.clone(),
        }
    }
}

impl FindingDoc {
    fn new(finding: &Finding, standings: &[PolicyStatus]) -> Self {
        let objects = finding.objects.iter().zip(standings);
        Self {
            id: finding.id.to_owned(),
            severity: finding.severity,
            confidence: finding.confidence,
            fingerprint: finding.fingerprint.clone(),
            hop: finding.hop.clone(),
            title: finding.title.to_owned(),
            message: finding.message.clone(),
            remedy: finding.remedy.clone(),
            reference: finding.reference.to_owned(),
            objects: objects
                .map(|(object, standing)| ObjectDoc::new(object, standing))
                .collect(),
        }
    }

    /// A finding on which nobody has said anything.
    pub(super) fn without_policy(finding: &Finding) -> Self {
        let standings = vec![PolicyStatus::default(); finding.objects.len()];
        Self::new(finding, &standings)
    }

    /// A finding of the baseline, with the objects that are gone.
    fn from_baseline(finding: &BaselineFinding) -> Self {
        let gone = PolicyStatus {
            in_baseline: Some(true),
            ..PolicyStatus::default()
        };
        Self {
            id: finding.id.clone(),
            severity: finding.severity,
            confidence: finding.confidence,
            fingerprint: finding.fingerprint.clone(),
            hop: finding.hop.clone(),
            title: finding.title.clone(),
            message: finding.message.clone(),
            remedy: finding.remedy.clone(),
            reference: finding.reference.clone(),
            objects: finding
                .objects
                .iter()
                .map(|object| ObjectDoc::new(object, &gone))
                .collect(),
        }
    }

    /// Whether somebody has taken on all of it.
    #[must_use]
    pub fn is_waived(&self) -> bool {
        self.objects.iter().all(|object| object.waiver.is_some())
    }

    /// Whether the baseline knows all of it.
    #[must_use]
    pub fn is_in_baseline(&self) -> bool {
        let known = |object: &ObjectDoc| object.baseline == Some(BaselineDoc::Known);
        self.objects.iter().all(known)
    }
}

impl ObjectDoc {
    fn new(object: &AffectedObject, standing: &PolicyStatus) -> Self {
        Self {
            cluster: object.cluster.clone(),
            api_version: object.api_version.clone(),
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            owner: object.owner.clone(),
            waiver: standing.waiver.as_ref().map(WaiverDoc::new),
            baseline: standing.in_baseline.map(|known| match known {
                true => BaselineDoc::Known,
                false => BaselineDoc::New,
            }),
            evidence: object.evidence.clone(),
        }
    }

    /// Whether nobody has taken it on and no baseline knows it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.waiver.is_none() && self.baseline != Some(BaselineDoc::Known)
    }

    /// See [`object_path`].
    #[must_use]
    pub fn object_path(&self) -> String {
        object_path(&self.kind, self.namespace.as_deref(), &self.name)
    }
}
