//! What every document says of itself and of its clusters.

use serde::Serialize;

use super::hop::HopDoc;
use super::words;

/// When a document was made, and by which program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ToolDoc {
    /// Name of the executable.
    pub name: String,
    /// SemVer.
    pub version: String,
}

/// The catalog of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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
    /// UID of the namespace kube-system, which identifies the cluster whatever its context is called; null if it was not read,
    /// and with --redact.
    pub uid: Option<String>,
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

/// A cluster with the outcome of its rules. Of one that could not be read, only id, context, verdict and gaps are known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EvaluatedClusterDoc {
    /// Id, as in gaps, objects and steps.
    #[serde(rename = "cluster")]
    pub id: String,
    /// The cluster.
    #[serde(flatten)]
    pub cluster: ClusterDoc,
    /// Its hops.
    pub path: Vec<HopDoc>,
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

words! {
    /// Whether the cluster is ready to upgrade.
    VerdictDoc { Ready = "ready", Blocked = "blocked", Incomplete = "incomplete", }
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
    /// Those of them that are manifests, and Helm releases recorded in manifests.
    pub manifests_read: usize,
}
