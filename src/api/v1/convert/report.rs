//! An evaluation to `UpgradeReport`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Date;

use super::super::{
    API_VERSION, BaselineDoc, ClusterDoc, ConfidenceDoc, DocumentMetadata, EvaluatedClusterDoc,
    EvidenceDoc, EvidenceSourceDoc, FindingDoc, GapDoc, HopDoc, HopIdDoc, ObjectDoc, PermissionDoc,
    SeverityDoc, SummaryDoc, UpgradeReport, VerdictDoc, WaiverDoc,
};
use super::{ToDoc, same_fields, same_variants};
use crate::evidence::{Confidence, Evidence, EvidenceSource};
use crate::fleet::{Fleet, FleetMember};
use crate::need::PolicyRule;
use crate::path::{Hop, HopId};
use crate::rules::{
    AffectedObject, BaselineFinding, CheckContext, Evaluation, Finding, Gap, PolicyStatus,
    Severity, Summary, Verdict, Waiver,
};
use crate::text::names::CHECK_PROGRAM;

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
    /// The report on the evaluation of one cluster. Keeps the order of findings and gaps.
    #[must_use]
    pub fn new(context: &CheckContext<'_>, evaluation: &Evaluation) -> Self {
        let catalog = context.catalog.date;
        let fleet = Fleet {
            members: vec![FleetMember::new(context, evaluation.clone(), ())],
            unread: Vec::new(),
            dead_ends: BTreeSet::new(),
        };
        Self::from_fleet(&fleet, evaluation, (context.now, catalog))
    }

    /// The report on the clusters of a run and on their evaluations [as one](Fleet::combined), made at a time with the catalog
    /// of a day.
    #[must_use]
    pub fn from_fleet<T>(
        fleet: &Fleet<T>,
        combined: &Evaluation,
        (now, catalog): (Timestamp, Date),
    ) -> Self {
        let findings = combined.findings.iter().zip(&combined.policy_statuses);
        let resolved = combined.resolved_findings.iter();
        let first = fleet.members.first();
        Self {
            api_version: API_VERSION.to_owned(),
            kind: "UpgradeReport".to_owned(),
            metadata: DocumentMetadata::new(CHECK_PROGRAM, now, catalog),
            cluster: ClusterDoc::from_member(first.and_then(|member| member.cluster.as_ref())),
            clusters: EvaluatedClusterDoc::from_fleet(fleet),
            path: HopDoc::of_fleet(fleet),
            verdict: match fleet.dead_ends.is_empty() {
                true => combined.verdict.to_doc(),
                false => VerdictDoc::Blocked,
            },
            findings: findings
                .map(|(finding, statuses)| FindingDoc::new(finding, statuses))
                .collect(),
            resolved: resolved.map(FindingDoc::resolved).collect(),
            gaps: combined.gaps.to_doc(),
            remarks: combined.remarks.clone(),
            summary: combined.summary.to_doc(),
        }
    }
}

impl HopDoc {
    /// The hops of all clusters of a run, each once.
    fn of_fleet<T>(fleet: &Fleet<T>) -> Vec<Self> {
        let mut path: Vec<Self> = Vec::new();
        for hop in fleet.members.iter().flat_map(|member| &member.path.hops) {
            let hop: Self = hop.to_doc();
            if !path.contains(&hop) {
                path.push(hop);
            }
        }
        path
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> HopIdDoc {
        HopId::new(self.platform, &self.to).to_doc()
    }
}

impl FindingDoc {
    /// Its cluster; none for manifests without one.
    #[must_use]
    pub fn cluster(&self) -> Option<&str> {
        let mut objects = self.objects.iter();
        objects.find_map(|object| object.cluster.as_deref())
    }

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
