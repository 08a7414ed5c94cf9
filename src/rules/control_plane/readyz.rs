//! `cp-readyz`: the API server says that it is not ready.

use crate::evidence::{Evidence, EvidenceSource};
use crate::need::Need;
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};

/// How a line about a check that failed begins.
const FAILED_CHECK_PREFIX: &str = "[-]";
/// The check that fails because somebody stops this server, as every upgrade does.
const SHUTDOWN_CHECK: &str = "shutdown";

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "cp-readyz",
    severity: Severity::Blocker,
    title: "The API server is not ready",
    why: "Upgrading an unhealthy control plane makes it worse and hides the cause.",
    detection: "By the checks that /readyz?verbose reports as failed. The check named shutdown is a warning: that server is being stopped, and others may be serving.",
    remedy: "Search the API server's log for the failed check. The usual causes are etcd and KMS plugins.",
    reference: "https://kubernetes.io/docs/reference/using-api/health-checks/",
    sources: &["kubernetes/apiserver pkg/server/healthz/healthz.go"],
    kind: RuleKind::Code {
        needs: |_| vec![failed_checks_need()],
        evaluate,
    },
    ..Rule::DEFAULT
};

fn failed_checks_need() -> Need {
    Need::text_lines("/readyz?verbose", FAILED_CHECK_PREFIX)
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let need = failed_checks_need();
    let read = context.cluster.zip(context.rows(&need));
    read.into_iter()
        .filter_map(|(cluster, rows)| {
            let checks: Vec<&str> = rows
                .text_lines()
                .iter()
                .filter_map(|line| line.strip_prefix(FAILED_CHECK_PREFIX))
                .collect();
            let stopping = |line: &&str| line.split(' ').next() == Some(SHUTDOWN_CHECK);
            let severity = if checks.iter().all(stopping) {
                Severity::Warning
            } else {
                Severity::Blocker
            };
            let evidence: Vec<Evidence> = checks
                .into_iter()
                .map(|line| Evidence::new(EvidenceSource::Readyz, line))
                .collect();
            let mut object = AffectedObject::cluster(cluster, evidence.first()?.clone());
            object.evidence = evidence;
            let message = "the API server says that it is not ready";
            let draft = FindingDraft {
                severity,
                ..FindingDraft::new(&RULE, cluster.id.to_string(), message, vec![object])
            };
            Finding::new(&RULE, draft)
        })
        .collect()
}
