//! `patch-behind`: not on the newest patch of the running minor.

use super::{Body, Finding, Object, Rule, Said, Severity, Situation};
use crate::evidence::{Evidence, Source};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "patch-behind",
    severity: Severity::Note,
    title: "The running minor has a newer patch",
    applies_to: "any",
    why: "Fixes of upgrade problems come with patches: go to the newest patch of the running minor before the next one.",
    how: "By the version that the API server reports and the newest patch that the catalog knows.",
    mend: "Upgrade to the newest patch of the running minor first.",
    reference: "https://kubernetes.io/releases/patch-releases/",
    sources: &["kubernetes/website content/en/releases/version-skew-policy.md"],
    reads_files: false,
    body: Body::Code {
        needs: |_| Vec::new(),
        evaluate,
    },
};

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    super::situation::clusters(situation)
        .filter_map(|(picture, detected)| {
            let running = &detected.kubernetes;
            let row = situation.catalog.kubernetes.find(running.minor())?;
            let newest = &row.newest_patch;
            if running.semver >= newest.semver {
                return None;
            }
            let detail = format!("the API server is v{running}");
            let object = Object::cluster(picture, Evidence::new(Source::Discovery, detail));
            let subject = format!("{} {newest}", picture.id);
            let message = format!("{} runs, {newest} is the newest patch", running.plain());
            let said = Said {
                remedy: format!("Upgrade to {newest} before the next minor."),
                ..Said::new(&RULE, subject, message, vec![object])
            };
            Finding::new(&RULE, said)
        })
        .collect()
}
