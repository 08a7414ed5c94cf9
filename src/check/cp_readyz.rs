//! `cp-readyz`: the API server says that it is not ready.

use super::{Body, Finding, Object, Rule, Said, Severity, Situation};
use crate::evidence::{Evidence, Source};
use crate::need::Need;

/// How a line about a check that failed begins.
const FAILED: &str = "[-]";
/// The check that fails because somebody stops this server, as every upgrade does.
const STOPPING: &str = "shutdown";

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "cp-readyz",
    severity: Severity::Blocker,
    title: "The API server is not ready",
    applies_to: "any",
    why: "An upgrade that begins with a control plane that is ill makes it worse, and hides where the illness came from.",
    how: "By the checks that /readyz?verbose marks as failed. The check named shutdown is a warning: that server is being stopped, and others may serve.",
    mend: "Look for the check in the API server's log; etcd and KMS plugins are the usual ones.",
    reference: "https://kubernetes.io/docs/reference/using-api/health-checks/",
    sources: &["kubernetes/apiserver pkg/server/healthz/healthz.go"],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![failed_checks()],
        evaluate,
    },
};

fn failed_checks() -> Need {
    Need::lines("/readyz?verbose", FAILED)
}

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    let need = failed_checks();
    let pictures = situation.rows(&need);
    pictures
        .filter_map(|(picture, rows)| {
            let checks: Vec<&str> = rows
                .lines()
                .iter()
                .filter_map(|line| line.strip_prefix(FAILED))
                .collect();
            let stopping = |line: &&str| line.split(' ').next() == Some(STOPPING);
            let severity = if checks.iter().all(stopping) {
                Severity::Warning
            } else {
                Severity::Blocker
            };
            let evidence: Vec<Evidence> = checks
                .into_iter()
                .map(|line| Evidence::new(Source::Readyz, line))
                .collect();
            let mut object = Object::cluster(picture, evidence.first()?.clone());
            object.evidence = evidence;
            let message = "the API server says that it is not ready";
            let said = Said {
                severity,
                ..Said::new(&RULE, picture.id.to_string(), message, vec![object])
            };
            Finding::new(&RULE, said)
        })
        .collect()
}
