//! Clusters, and the head of every document.

use jiff::Timestamp;

use super::super::{
    CatalogDoc, ClusterDoc, ComponentDoc, DocumentMetadata, EditionDoc, EvaluatedClusterDoc,
    KnownClusterDoc, PlatformDoc, ProjectDoc, RoleDoc, SummaryDoc, ToolDoc, TopologyDoc,
    VerdictDoc, WorkspaceDoc,
};
use super::{ToDoc, same_fields, same_variants};
use crate::catalog::PlatformName;
use crate::detect::{
    DetectedPlatform, KnownCluster, LicenseEdition, PlatformComponent, Project, Topology,
    TopologyRole, Workspace,
};
use crate::fleet::{Fleet, FleetMember, MemberCluster};

same_variants! {
    TopologyRole => RoleDoc { Management, Managed, Attached, Bootstrap }
    LicenseEdition => EditionDoc { Essential, Enterprise }
}

same_fields! {
    DetectedPlatform => PlatformDoc { name, version, evidence, variant, components }
    PlatformComponent => ComponentDoc { name, version, state }
    Topology => TopologyDoc { role, evidence, edition, upgrade_from, workspaces, projects, clusters }
    Workspace => WorkspaceDoc { name, namespace }
    Project => ProjectDoc { workspace, name, namespace }
    KnownCluster => KnownClusterDoc {
        cluster, namespace, name, workspace, role, kubernetes_version, provider, phase, is_inspected,
    }
}

impl DocumentMetadata {
    /// Metadata of a document that a program made at a time, with the catalog of a day.
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
    /// Empty with `--local`.
    pub(super) fn from_member(cluster: Option<&MemberCluster>) -> Self {
        cluster.map(Self::new).unwrap_or_default()
    }

    fn new(cluster: &MemberCluster) -> Self {
        let detected = &cluster.detected;
        let mut evidence = detected.evidence.clone();
        evidence.sort();
        let kubernetes = PlatformDoc {
            name: PlatformName::Kubernetes.to_string(),
            version: Some(detected.kubernetes.to_string()),
            evidence,
            variant: None,
            components: Vec::new(),
        };
        let others = detected.platforms.iter().map(ToDoc::to_doc);
        Self {
            context: cluster.context.clone(),
            server: Some(cluster.server.clone()),
            uid: cluster
                .uid
                .filter(|uid| !uid.is_pseudonym())
                .map(|uid| uid.to_string()),
            namespace: cluster.namespace.clone(),
            kubernetes_version: Some(detected.kubernetes.to_string()),
            provider: detected.provider.clone(),
            nodes: detected.node_count,
            platforms: std::iter::once(kubernetes).chain(others).collect(),
            topology: detected.topology.to_doc(),
        }
    }
}

impl EvaluatedClusterDoc {
    /// The cluster of a member, if it has one, with its verdict.
    pub(super) fn from_member<T>(member: &FleetMember<T>) -> Option<Self> {
        let cluster = member.cluster.as_ref()?;
        Some(Self {
            id: cluster.id.to_string(),
            cluster: ClusterDoc::new(cluster),
            path: member.path.hops.to_doc(),
            verdict: member.evaluation.verdict.to_doc(),
            summary: member.evaluation.summary.to_doc(),
        })
    }

    /// The clusters of a run: those that were evaluated, then those that could not be.
    pub(super) fn from_fleet<T>(fleet: &Fleet<T>) -> Vec<Self> {
        let members = fleet.members.iter().filter_map(Self::from_member);
        let missing = fleet.missing().map(|(cluster, _)| Self {
            id: cluster.id.to_string(),
            cluster: ClusterDoc {
                context: cluster.context.clone(),
                ..ClusterDoc::default()
            },
            path: Vec::new(),
            verdict: match fleet.dead_ends.contains(&cluster.id) {
                true => VerdictDoc::Blocked,
                false => VerdictDoc::Incomplete,
            },
            summary: SummaryDoc {
                gaps: 1,
                ..SummaryDoc::default()
            },
        });
        members.chain(missing).collect()
    }
}
