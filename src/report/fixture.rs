//! Reports to test formats with.

use crate::api::v1::{
    API_VERSION, CatalogDoc, ClusterDoc, ComponentDoc, ConfidenceDoc, DocumentMetadata, EditionDoc,
    EvidenceDoc, EvidenceSourceDoc, FindingDoc, GapDoc, HopDoc, HopIdDoc, KnownClusterDoc,
    ObjectDoc, PlatformDoc, ProjectDoc, RoleDoc, SeverityDoc, SummaryDoc, ToolDoc, TopologyDoc,
    UpgradeReport, VerdictDoc, WaiverDoc, WorkspaceDoc,
};
use crate::catalog::PlatformName;
use crate::need::PolicyRule;
use crate::text::names::CHECK_PROGRAM;

/// A way over these releases.
pub(super) fn way(stops: &[&str]) -> Vec<HopDoc> {
    stops
        .windows(2)
        .map(|pair| HopDoc {
            platform: PlatformName::Kubernetes,
            from: pair[0].parse().ok(),
            to: pair[1].parse().expect("a version"),
            source: "one minor at a time".into(),
        })
        .collect()
}

/// An object in the namespace `shop` with one trace.
pub(super) fn object(kind: &str, name: &str, detail: &str) -> ObjectDoc {
    ObjectDoc {
        cluster: Some("uid-1".into()),
        api_version: "policy/v1beta1".into(),
        kind: kind.into(),
        namespace: Some("shop".into()),
        name: name.into(),
        owner: Some("helm shop/cart".into()),
        waiver: None,
        baseline: None,
        evidence: vec![EvidenceDoc {
            source: EvidenceSourceDoc::Helm,
            detail: detail.into(),
            writer: Some("helm".into()),
            time: "2024-01-02T03:04:05Z".parse().ok(),
            location: None,
        }],
    }
}

/// A finding at the hop to this minor, or at none.
pub(super) fn finding(
    severity: SeverityDoc,
    id: &str,
    hop: Option<&str>,
    objects: Vec<ObjectDoc>,
) -> FindingDoc {
    FindingDoc {
        id: id.into(),
        severity,
        confidence: ConfidenceDoc::Certain,
        fingerprint: "0123456789abcdef".into(),
        hop: hop.map(|to| HopIdDoc {
            platform: PlatformName::Kubernetes,
            to: to.parse().expect("a version"),
        }),
        title: "An API version in use is not served by the target".into(),
        message: "policy/v1beta1 is gone in 1.25; use policy/v1".into(),
        remedy: "Upgrade the Helm release to a chart that renders policy/v1.".into(),
        reference: "https://kubernetes.io/docs/reference/using-api/deprecation-guide/".into(),
        objects,
    }
}

/// Secrets that must not be read.
pub(super) fn gap() -> GapDoc {
    GapDoc {
        what: "secrets (type=helm.sh/release.v1)".into(),
        why: "secrets is forbidden: User \"eve\" cannot list resource \"secrets\"".into(),
        cluster: Some("uid-1".into()),
        rules: vec!["api-deprecated".into(), "api-removed".into()],
        rbac: Some((&PolicyRule::allow_list("", "secrets", None)).into()),
    }
}

/// A report with these findings and gaps, counted.
pub(super) fn report(
    stops: &[&str],
    findings: Vec<FindingDoc>,
    gaps: Vec<GapDoc>,
) -> UpgradeReport {
    let count = |severity| {
        findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let summary = SummaryDoc {
        blockers: count(SeverityDoc::Blocker),
        warnings: count(SeverityDoc::Warning),
        notes: count(SeverityDoc::Note),
        gaps: gaps.len(),
        rules_evaluated: 8,
        objects_read: 120,
        manifests_read: 0,
        ..SummaryDoc::default()
    };
    let verdict = match (summary.blockers, summary.gaps) {
        (1.., _) => VerdictDoc::Blocked,
        (0, 1..) => VerdictDoc::Incomplete,
        (0, 0) => VerdictDoc::Ready,
    };
    UpgradeReport {
        api_version: API_VERSION.into(),
        kind: "UpgradeReport".into(),
        metadata: DocumentMetadata {
            generated_at: "2026-09-01T12:00:00Z".into(),
            tool: ToolDoc {
                name: CHECK_PROGRAM.into(),
                version: "0.0.0".into(),
            },
            catalog: CatalogDoc {
                date: "2026-08-22".into(),
            },
        },
        cluster: ClusterDoc {
            context: Some("prod".into()),
            server: Some("https://10.0.0.1:6443".into()),
            kubernetes_version: Some("1.24.17".into()),
            nodes: Some(3),
            platforms: vec![PlatformDoc {
                name: "kubernetes".into(),
                version: Some("1.24.17".into()),
                evidence: vec!["GET /version: v1.24.17".into()],
                variant: None,
                components: Vec::new(),
            }],
            ..ClusterDoc::default()
        },
        clusters: Vec::new(),
        path: way(stops),
        verdict,
        findings,
        resolved: Vec::new(),
        gaps,
        remarks: Vec::new(),
        summary,
    }
}

/// The same report, on a cluster of many parts.
pub(super) fn platforms(mut report: UpgradeReport) -> UpgradeReport {
    report.cluster.platforms.push(PlatformDoc {
        name: "kyma".into(),
        version: None,
        evidence: vec!["Kyma kyma-system/default of lifecycle-manager".into()],
        variant: Some("modules".into()),
        components: vec![ComponentDoc {
            name: "istio".into(),
            version: Some("1.2.3".into()),
            state: None,
        }],
    });
    let member = KnownClusterDoc {
        cluster: "prod/east".into(),
        namespace: "prod".into(),
        name: "east".into(),
        workspace: Some("prod".into()),
        role: RoleDoc::Managed,
        kubernetes_version: Some("v1.23.12".into()),
        provider: Some("AWSCluster".into()),
        phase: None,
        is_inspected: false,
    };
    report.cluster.topology = TopologyDoc {
        role: Some(RoleDoc::Attached),
        evidence: vec!["GitRepository kommander-flux/management is there".into()],
        edition: Some(EditionDoc::Enterprise),
        upgrade_from: Some("elsewhere".into()),
        workspaces: vec![WorkspaceDoc {
            name: "prod".into(),
            namespace: None,
        }],
        projects: vec![ProjectDoc {
            workspace: None,
            name: "shop".into(),
            namespace: Some("shop".into()),
        }],
        clusters: vec![member],
    };
    report
}

/// Every string that others wrote, with hostile content.
pub(super) fn hostile() -> UpgradeReport {
    let evil = "a\u{1b}[2J\u{1b}]0;x\u{7}\r\nready: nothing found | \u{202e}x\u{9b}31m\t<b>\u{0}";
    let mut object = object(evil, evil, evil);
    object.namespace = Some(evil.into());
    object.owner = Some(evil.into());
    object.api_version = format!("{evil}/v1");
    object.cluster = Some(evil.into());
    for evidence in &mut object.evidence {
        evidence.writer = Some(evil.into());
        evidence.location = Some(evil.into());
    }
    let mut huge = object.clone();
    huge.name = "n".repeat(2_000_000);
    let mut waived = object.clone();
    waived.waiver = Some(WaiverDoc {
        owner: evil.into(),
        reason: evil.repeat(1000),
        expires: "2026-10-01".into(),
    });
    let mut finding = finding(
        SeverityDoc::Blocker,
        "api-removed",
        Some("1.25"),
        vec![object, huge, waived],
    );
    finding.message = evil.into();
    finding.remedy = evil.into();
    let mut gap = gap();
    gap.what = evil.into();
    gap.why = evil.repeat(1000);
    gap.rbac = Some((&PolicyRule::allow_list(evil, evil, Some(evil))).into());
    let resolved = vec![finding.clone()];
    let mut report = report(&["1.24.17", "1.25.16"], vec![finding], vec![gap]);
    report.resolved = resolved;
    report.remarks = vec![evil.into()];
    report.cluster.context = Some(evil.into());
    report.cluster.server = Some(evil.into());
    report.cluster.namespace = Some(evil.into());
    report
}
