//! An evaluation to `UpgradeReport`.

use super::super::{
    API_VERSION, BaselineDoc, CHECK_TOOL, ClusterDoc, ConfidenceDoc, DocumentMetadata,
    EvaluatedClusterDoc, EvidenceDoc, EvidenceSourceDoc, FindingDoc, GapDoc, HopDoc, HopIdDoc,
    ObjectDoc, PermissionDoc, SeverityDoc, SummaryDoc, UpgradeReport, VerdictDoc, WaiverDoc,
};
use super::{ToDoc, same_fields, same_variants};
use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::fleet::Fleet;
use crate::need::PolicyRule;
use crate::path::{Hop, HopId};
use crate::rules::{
    AffectedObject, BaselineFinding, CheckContext, Evaluation, Finding, Gap, PolicyStatus,
    Severity, Summary, Verdict, Waiver,
};

same_variants! {
    Severity => SeverityDoc { Blocker, Warning, Note }
    Confidence => ConfidenceDoc { Certain, Likely, Possible }
    Verdict => VerdictDoc { Ready, Blocked, Incomplete }
    EvidenceSource => EvidenceSourceDoc {
        File, Helm, ManagedFields, LastApplied, Reference, Metric, Spec, Status, Discovery, Readyz
    }
}

same_fields! {
    Finding => FindingDoc {
        id, severity, confidence, fingerprint, hop, title, message, remedy, reference, objects,
    }
    BaselineFinding => FindingDoc {
        id, severity, confidence, fingerprint, hop, title, message, remedy, reference, objects,
    }
    Hop => HopDoc { platform, from, to, source }
    HopId => HopIdDoc { platform, to }
    Waiver => WaiverDoc { owner, reason, expires }
    Evidence => EvidenceDoc { source, detail, writer, time, location }
    Gap => GapDoc { what, why, cluster, rules, rbac }
    PolicyRule => PermissionDoc {
        api_groups, resources, resource_names, non_resource_urls, namespace, verbs,
    }
    Summary => SummaryDoc {
        blockers, warnings, notes, waived, skipped, gaps, rules_evaluated, objects_read,
        manifests_read,
    }
}

impl From<&PolicyRule> for PermissionDoc {
    fn from(rule: &PolicyRule) -> Self {
        rule.to_doc()
    }
}

impl UpgradeReport {
    /// The report on an evaluation. Keeps the order of findings and gaps.
    #[must_use]
    pub fn new(context: &CheckContext<'_>, evaluation: &Evaluation) -> Self {
        let findings = evaluation.findings.iter().zip(&evaluation.policy_statuses);
        let resolved = evaluation.resolved_findings.iter();
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
            path: context.path.hops.to_doc(),
            verdict: evaluation.verdict.to_doc(),
            findings: findings
                .map(|(finding, statuses)| FindingDoc::new(finding, statuses))
                .collect(),
            resolved: resolved.map(FindingDoc::resolved).collect(),
            gaps: evaluation.gaps.to_doc(),
            remarks: evaluation.remarks.clone(),
            summary: evaluation.summary.to_doc(),
        }
    }

    /// The report on the clusters of a run and on their evaluations [as one](Fleet::combined).
    #[must_use]
    pub fn from_fleet(fleet: &Fleet<'_>, combined: &Evaluation) -> Option<Self> {
        let mut report = Self::new(&fleet.members.first()?.context, combined);
        report.clusters.clear();
        for member in &fleet.members {
            let evaluation = &member.evaluation;
            report.clusters.extend(EvaluatedClusterDoc::from_context(
                &member.context,
                evaluation.verdict,
                &evaluation.summary,
            ));
            for hop in &member.context.path.hops {
                let hop: HopDoc = hop.to_doc();
                if !report.path.contains(&hop) {
                    report.path.push(hop);
                }
            }
        }
        Some(report)
    }
}

impl HopDoc {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> HopIdDoc {
        HopId::new(self.platform, &self.to).to_doc()
    }
}

impl FindingDoc {
    fn new(finding: &Finding, statuses: &[PolicyStatus]) -> Self {
        let mut document: Self = finding.to_doc();
        for (object, status) in document.objects.iter_mut().zip(statuses) {
            object.waiver = status.waiver.to_doc();
            object.baseline = status.in_baseline.map(|is_known| match is_known {
                true => BaselineDoc::Known,
                false => BaselineDoc::New,
            });
        }
        document
    }

    fn resolved(finding: &BaselineFinding) -> Self {
        let mut document: Self = finding.to_doc();
        for object in &mut document.objects {
            object.baseline = Some(BaselineDoc::Known);
        }
        document
    }
}

impl ToDoc<ObjectDoc> for AffectedObject {
    /// Without waivers and baseline.
    fn to_doc(&self) -> ObjectDoc {
        ObjectDoc {
            cluster: self.cluster.to_doc(),
            api_version: self.api_version.clone(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
            owner: self.owner.clone(),
            waiver: None,
            baseline: None,
            evidence: self.evidence.to_doc(),
        }
    }
}
