//! `patch-behind`: not on the newest patch of the running minor.

use crate::evidence::{Evidence, EvidenceSource};
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "patch-behind",
    severity: Severity::Note,
    title: "The running minor has a newer patch",
    why: "Patches contain fixes for upgrade problems. Upgrade to the newest patch of the running minor before the next minor.",
    detection: "By the version that the API server reports and the newest patch in the catalog.",
    remedy: "Upgrade to the newest patch of the running minor first.",
    reference: "https://kubernetes.io/releases/patch-releases/",
    sources: &["kubernetes/website content/en/releases/version-skew-policy.md"],
    kind: RuleKind::Code {
        needs: |_| Vec::new(),
        evaluate,
    },
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let detected = context.cluster.zip(context.detected.as_ref());
    detected
        .into_iter()
        .filter_map(|(cluster, detected)| {
            let running = &detected.kubernetes;
            let row = context.catalog.kubernetes_releases.find(running.minor())?;
            let newest = &row.newest_patch;
            if running.semver >= newest.semver {
                return None;
            }
            let detail = format!("the API server is v{running}");
            let object =
                AffectedObject::cluster(cluster, Evidence::new(EvidenceSource::Discovery, detail));
            let subject = format!("{} {newest}", cluster.id);
            let message = format!("{} runs, {newest} is the newest patch", running.semver);
            let draft = FindingDraft {
                remedy: format!("Upgrade to {newest} before the next minor."),
                ..FindingDraft::new(&RULE, subject, message, vec![object])
            };
            Finding::new(&RULE, draft)
        })
        .collect()
}
