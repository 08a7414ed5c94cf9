//! `UpgradeReport`, and the types that it shares with `UpgradePlan`.

use jiff::Timestamp;
use serde::Serialize;

use super::words;
use crate::catalog::{PlatformName, VersionSpec};

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

words! {
    /// Whether the cluster is ready to upgrade.
    VerdictDoc { Ready = "ready", Blocked = "blocked", Incomplete = "incomplete", }
}

/// When a document was made, and by which program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DocumentMetadata {
    /// RFC 3339, seconds, UTC.
    pub generated_at: String,
    /// The program.
    pub tool: ToolDoc,
    /// Its catalog.
    pub catalog: CatalogDoc,
}

/// A program and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolDoc {
    /// Name of the executable.
    pub name: String,
    /// SemVer.
    pub version: String,
}

/// The catalog of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CatalogDoc {
    /// The day on which the newest source was read, `YYYY-MM-DD`.
    pub date: String,
}

/// A cluster. With `--local` every field is null or empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterDoc {
    /// Name of the kubeconfig context.
    pub context: Option<String>,
    /// URL of the API server.
    pub server: Option<String>,
    /// The namespace that the run was limited to; null for all.
    pub namespace: Option<String>,
    /// Version of the API server, without `v`.
    pub kubernetes_version: Option<String>,
    /// `eks`, `gke`, …; null if the provider was not recognised.
    pub provider: Option<String>,
    /// Number of nodes; null if they could not be read.
    pub nodes: Option<usize>,
    /// Kubernetes first, then the platforms on top of it, outermost first.
    pub platforms: Vec<PlatformDoc>,
    /// Relation to other clusters; null and empty for a cluster on its own.
    pub topology: TopologyDoc,
}

/// A cluster with the outcome of its rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvaluatedClusterDoc {
    /// The cluster.
    #[serde(flatten)]
    pub cluster: ClusterDoc,
    /// Its verdict.
    pub verdict: VerdictDoc,
    /// Its counts.
    pub summary: SummaryDoc,
}

/// An installed platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlatformDoc {
    /// `kubernetes`, `kyma`, `dkp`, `cluster-api`.
    pub name: String,
    /// Its release; null if it is unknown or the platform has none.
    pub version: Option<String>,
    /// What the detection rests on.
    pub evidence: Vec<String>,
    /// For Kyma `local`, `cluster` or `modules`; otherwise null.
    pub variant: Option<String>,
    /// Parts with versions of their own; sorted.
    pub components: Vec<ComponentDoc>,
}

/// A part of a platform with a version of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ComponentDoc {
    /// Name.
    pub name: String,
    /// As written in the cluster.
    pub version: Option<String>,
    /// The platform's own word for its state.
    pub state: Option<String>,
}

/// Relation of a cluster to others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TopologyDoc {
    /// Role of this cluster; null for a cluster on its own.
    pub role: Option<RoleDoc>,
    /// What the role rests on.
    pub evidence: Vec<String>,
    /// Edition of the DKP licence; null if unknown.
    pub edition: Option<EditionDoc>,
    /// Where to run the upgrade instead; null on a management cluster.
    #[serde(rename = "goTo")]
    pub upgrade_from: Option<String>,
    /// Kommander workspaces, sorted.
    pub workspaces: Vec<WorkspaceDoc>,
    /// Kommander projects, sorted.
    pub projects: Vec<ProjectDoc>,
    /// Clusters that this one knows, including itself, sorted.
    pub clusters: Vec<KnownClusterDoc>,
}

words! {
    /// Role of a cluster among others.
    RoleDoc { Management = "management", Managed = "managed", Attached = "attached", Bootstrap = "bootstrap", }
}

words! {
    /// Edition of a DKP licence.
    EditionDoc { Essential = "essential", Enterprise = "enterprise", }
}

/// A Kommander workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkspaceDoc {
    /// Name.
    pub name: String,
    /// Its namespace; null before it has one.
    pub namespace: Option<String>,
}

/// A Kommander project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProjectDoc {
    /// Its workspace; null if it was not found.
    pub workspace: Option<String>,
    /// Name.
    pub name: String,
    /// Its namespace; null before it has one.
    pub namespace: Option<String>,
}

/// A cluster that a management cluster knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KnownClusterDoc {
    /// Id, as in gaps and objects.
    pub cluster: String,
    /// Namespace of the object that describes it on the management cluster.
    pub namespace: String,
    /// Name of that object.
    pub name: String,
    /// Its workspace; null outside Kommander.
    pub workspace: Option<String>,
    /// Its role.
    pub role: RoleDoc,
    /// Kubernetes version according to the management cluster.
    pub kubernetes_version: Option<String>,
    /// Kind of its infrastructure, or vendor of its control plane.
    pub provider: Option<String>,
    /// Phase according to the management cluster.
    pub phase: Option<String>,
    /// Whether it is the cluster of this report.
    #[serde(rename = "this")]
    pub is_inspected: bool,
}

/// A hop of the path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HopDoc {
    /// The platform it upgrades.
    pub platform: PlatformName,
    /// The version it leaves; null if the start is unknown.
    pub from: Option<VersionSpec>,
    /// The version it reaches; a minor if the catalog knows no patch of it.
    pub to: VersionSpec,
    /// Why this hop is supported.
    pub source: String,
}

/// A hop by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct HopIdDoc {
    /// The platform it upgrades.
    pub platform: PlatformName,
    /// The minor for Kubernetes (`1.25`), the release for other platforms (`2.2.0`).
    pub to: VersionSpec,
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

/// Counts of findings, not of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SummaryDoc {
    /// Blockers that are not waived.
    pub blockers: usize,
    /// Warnings that are not waived.
    pub warnings: usize,
    /// Notes that are not waived.
    pub notes: usize,
    /// Waived findings.
    pub waived: usize,
    /// Rules that the user skipped.
    pub skipped: usize,
    /// Gaps.
    pub gaps: usize,
    /// Rules that were evaluated, at least in part.
    pub rules_evaluated: usize,
    /// Objects that were read.
    pub objects_read: usize,
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
