//! An evaluation to `UpgradeReport`.

use jiff::Timestamp;

use super::super::{
    API_VERSION, BaselineDoc, CHECK_TOOL, CatalogDoc, ClusterDoc, ComponentDoc, ConfidenceDoc,
    DocumentMetadata, EditionDoc, EvaluatedClusterDoc, EvidenceDoc, EvidenceSourceDoc, FindingDoc,
    GapDoc, HopDoc, HopIdDoc, KnownClusterDoc, ObjectDoc, PermissionDoc, PlatformDoc, ProjectDoc,
    RoleDoc, SeverityDoc, SummaryDoc, ToolDoc, TopologyDoc, UpgradeReport, VerdictDoc, WaiverDoc,
    WorkspaceDoc,
};
use super::{docs, same_variants};
use crate::catalog::PlatformName;
use crate::detect::{
    DetectedCluster, DetectedPlatform, KnownCluster, LicenseEdition, PlatformComponent, Project,
    Topology, TopologyRole, Workspace,
};
use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::fleet::{ClusterEvaluation, Fleet};
use crate::need::PolicyRule;
use crate::path::{Hop, HopId};
use crate::rules::{
    AffectedObject, BaselineFinding, CheckContext, Evaluation, Finding, Gap, PolicyStatus,
    Severity, Summary, Verdict, Waiver,
};
use crate::snapshot::ClusterSnapshot;

same_variants! {
    Severity => SeverityDoc { Blocker, Warning, Note }
    Confidence => ConfidenceDoc { Certain, Likely, Possible }
    Verdict => VerdictDoc { Ready, Blocked, Incomplete }
    TopologyRole => RoleDoc { Management, Managed, Attached, Bootstrap }
    LicenseEdition => EditionDoc { Essential, Enterprise }
    EvidenceSource => EvidenceSourceDoc {
        File, Helm, ManagedFields, LastApplied, Reference, Metric, Spec, Status, Discovery, Readyz
    }
}

impl UpgradeReport {
    /// The report on an evaluation. Keeps the order of findings and gaps.
    #[must_use]
    pub fn new(context: &CheckContext<'_>, evaluation: &Evaluation) -> Self {
        let findings = evaluation.findings.iter().zip(&evaluation.policy_statuses);
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "UpgradeReport".to_owned(),
            metadata: DocumentMetadata::new(CHECK_TOOL, context.now, context.catalog.date),
            cluster: ClusterDoc::from_context(context),
            clusters: EvaluatedClusterDoc::from_context(
                context,
                evaluation.verdict,
                &evaluation.summary,
            ),
            path: docs(&context.path.hops),
            verdict: evaluation.verdict.into(),
            findings: findings
                .map(|(finding, statuses)| FindingDoc::new(finding, statuses))
                .collect(),
            resolved: docs(&evaluation.resolved_findings),
            gaps: docs(&evaluation.gaps),
            remarks: evaluation.remarks.clone(),
            summary: (&evaluation.summary).into(),
        }
    }
}

impl UpgradeReport {
    /// The report on the clusters of a run and on their evaluations [as one](Fleet::combined).
    #[must_use]
    pub fn from_fleet(fleet: &Fleet<'_>, combined: &Evaluation) -> Option<Self> {
        let members = || fleet.members.iter();
        let mut report = Self::new(&members().next()?.context, combined);
        report.clusters = members()
            .flat_map(
                |ClusterEvaluation {
                     context,
                     evaluation,
                 }| {
                    EvaluatedClusterDoc::from_context(
                        context,
                        evaluation.verdict,
                        &evaluation.summary,
                    )
                },
            )
            .collect();
        for hop in members().flat_map(|member| docs::<_, HopDoc>(&member.context.path.hops)) {
            if !report.path.contains(&hop) {
                report.path.push(hop);
            }
        }
        Some(report)
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
    pub(super) fn from_context(context: &CheckContext<'_>) -> Self {
        let detected = context.cluster.zip(context.detected.as_ref());
        detected
            .map(|(cluster, detected)| Self::new(cluster, detected))
            .unwrap_or_default()
    }

    fn new(cluster: &ClusterSnapshot, detected: &DetectedCluster) -> Self {
        Self {
            context: cluster.context.clone(),
            server: Some(cluster.server.clone()),
            namespace: cluster.namespace.clone(),
            kubernetes_version: Some(detected.kubernetes.to_string()),
            provider: detected.provider.clone(),
            nodes: detected.node_count,
            platforms: std::iter::once(PlatformDoc::kubernetes(detected))
                .chain(docs(&detected.platforms))
                .collect(),
            topology: (&detected.topology).into(),
        }
    }
}

impl EvaluatedClusterDoc {
    /// The cluster, if there is one, with the outcome of its rules.
    pub(super) fn from_context(
        context: &CheckContext<'_>,
        verdict: Verdict,
        summary: &Summary,
    ) -> Vec<Self> {
        let cluster = context.cluster.map(|_| Self {
            cluster: ClusterDoc::from_context(context),
            verdict: verdict.into(),
            summary: summary.into(),
        });
        cluster.into_iter().collect()
    }
}

impl PlatformDoc {
    fn kubernetes(detected: &DetectedCluster) -> Self {
        let mut evidence = detected.evidence.clone();
        evidence.sort();
        Self {
            name: PlatformName::Kubernetes.to_string(),
            version: Some(detected.kubernetes.to_string()),
            evidence,
            variant: None,
            components: Vec::new(),
        }
    }
}

impl From<&DetectedPlatform> for PlatformDoc {
    fn from(platform: &DetectedPlatform) -> Self {
        Self {
            name: platform.name.to_string(),
            version: platform.version.as_ref().map(ToString::to_string),
            evidence: platform.evidence.clone(),
            variant: platform.variant.clone(),
            components: docs(&platform.components),
        }
    }
}

impl From<&PlatformComponent> for ComponentDoc {
    fn from(component: &PlatformComponent) -> Self {
        Self {
            name: component.name.clone(),
            version: component.version.clone(),
            state: component.state.clone(),
        }
    }
}

impl From<&Topology> for TopologyDoc {
    fn from(topology: &Topology) -> Self {
        Self {
            role: topology.role.map(RoleDoc::from),
            evidence: topology.evidence.clone(),
            edition: topology.edition.map(EditionDoc::from),
            upgrade_from: topology.upgrade_from.clone(),
            workspaces: docs(&topology.workspaces),
            projects: docs(&topology.projects),
            clusters: docs(&topology.clusters),
        }
    }
}

impl From<&Workspace> for WorkspaceDoc {
    fn from(workspace: &Workspace) -> Self {
        Self {
            name: workspace.name.clone(),
            namespace: workspace.namespace.clone(),
        }
    }
}

impl From<&Project> for ProjectDoc {
    fn from(project: &Project) -> Self {
        Self {
            workspace: project.workspace.clone(),
            name: project.name.clone(),
            namespace: project.namespace.clone(),
        }
    }
}

impl From<&KnownCluster> for KnownClusterDoc {
    fn from(known: &KnownCluster) -> Self {
        Self {
            cluster: known.cluster.to_string(),
            namespace: known.namespace.clone(),
            name: known.name.clone(),
            workspace: known.workspace.clone(),
            role: known.role.into(),
            kubernetes_version: known.kubernetes_version.clone(),
            provider: known.provider.clone(),
            phase: known.phase.clone(),
            is_inspected: known.is_inspected,
        }
    }
}

impl From<&Hop> for HopDoc {
    fn from(hop: &Hop) -> Self {
        Self {
            platform: hop.platform,
            from: hop.from.clone(),
            to: hop.to.clone(),
            source: hop.source.clone(),
        }
    }
}

impl HopDoc {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> HopIdDoc {
        (&HopId::new(self.platform, &self.to)).into()
    }
}

impl From<&HopId> for HopIdDoc {
    fn from(hop: &HopId) -> Self {
        Self {
            platform: hop.platform,
            to: hop.to.clone(),
        }
    }
}

impl FindingDoc {
    fn new(finding: &Finding, statuses: &[PolicyStatus]) -> Self {
        let objects = finding.objects.iter().zip(statuses);
        Self {
            id: finding.id.to_owned(),
            severity: finding.severity.into(),
            confidence: finding.confidence.into(),
            fingerprint: finding.fingerprint.clone(),
            hop: finding.hop.as_ref().map(HopIdDoc::from),
            title: finding.title.to_owned(),
            message: finding.message.clone(),
            remedy: finding.remedy.clone(),
            reference: finding.reference.to_owned(),
            objects: objects
                .map(|(object, status)| ObjectDoc::new(object, status))
                .collect(),
        }
    }
}

impl From<&Finding> for FindingDoc {
    /// Without waivers and baseline.
    fn from(finding: &Finding) -> Self {
        Self::new(
            finding,
            &vec![PolicyStatus::default(); finding.objects.len()],
        )
    }
}

impl From<&BaselineFinding> for FindingDoc {
    fn from(finding: &BaselineFinding) -> Self {
        let resolved = PolicyStatus {
            in_baseline: Some(true),
            ..PolicyStatus::default()
        };
        let objects = finding.objects.iter();
        Self {
            id: finding.id.clone(),
            severity: finding.severity.into(),
            confidence: finding.confidence.into(),
            fingerprint: finding.fingerprint.clone(),
            hop: finding.hop.as_ref().map(HopIdDoc::from),
            title: finding.title.clone(),
            message: finding.message.clone(),
            remedy: finding.remedy.clone(),
            reference: finding.reference.clone(),
            objects: objects
                .map(|object| ObjectDoc::new(object, &resolved))
                .collect(),
        }
    }
}

impl ObjectDoc {
    fn new(object: &AffectedObject, status: &PolicyStatus) -> Self {
        Self {
            cluster: object.cluster.as_ref().map(ToString::to_string),
            api_version: object.api_version.clone(),
            kind: object.kind.clone(),
            namespace: object.namespace.clone(),
            name: object.name.clone(),
            owner: object.owner.clone(),
            waiver: status.waiver.as_ref().map(WaiverDoc::from),
            baseline: status.in_baseline.map(|is_known| match is_known {
                true => BaselineDoc::Known,
                false => BaselineDoc::New,
            }),
            evidence: docs(&object.evidence),
        }
    }
}

impl From<&Waiver> for WaiverDoc {
    fn from(waiver: &Waiver) -> Self {
        Self {
            owner: waiver.owner.clone(),
            reason: waiver.reason.clone(),
            expires: waiver.expires.to_string(),
        }
    }
}

impl From<&Evidence> for EvidenceDoc {
    fn from(evidence: &Evidence) -> Self {
        Self {
            source: evidence.source.into(),
            detail: evidence.detail.clone(),
            writer: evidence.writer.clone(),
            time: evidence.time,
            location: evidence.location.clone(),
        }
    }
}

impl From<&Gap> for GapDoc {
    fn from(gap: &Gap) -> Self {
        Self {
            what: gap.what.clone(),
            why: gap.why.clone(),
            cluster: gap.cluster.as_ref().map(ToString::to_string),
            rules: gap.rules.clone(),
            rbac: gap.rbac.as_ref().map(PermissionDoc::from),
        }
    }
}

impl From<&PolicyRule> for PermissionDoc {
    fn from(rule: &PolicyRule) -> Self {
        Self {
            api_groups: rule.api_groups.clone(),
            resources: rule.resources.clone(),
            resource_names: rule.resource_names.clone(),
            non_resource_urls: rule.non_resource_urls.clone(),
            namespace: rule.namespace.clone(),
            verbs: rule.verbs.iter().map(ToString::to_string).collect(),
        }
    }
}

impl From<&Summary> for SummaryDoc {
    fn from(summary: &Summary) -> Self {
        Self {
            blockers: summary.blockers,
            warnings: summary.warnings,
            notes: summary.notes,
            waived: summary.waived,
            skipped: summary.skipped,
            gaps: summary.gaps,
            rules_evaluated: summary.rules_evaluated,
            objects_read: summary.objects_read,
        }
    }
}
