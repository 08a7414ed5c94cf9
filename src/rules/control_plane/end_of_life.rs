//! `k8s-eol`: the running minor is out of upstream support.

use crate::evidence::{Evidence, EvidenceSource};
use crate::rules::{AffectedObject, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "k8s-eol",
    severity: Severity::Warning,
    title: "The running minor is out of upstream support",
    why: "It gets no more security fixes from upstream. A provider or distribution may support it for longer.",
    detection: "By the version that the API server reports, the catalog's table of releases, and the current date.",
    remedy: "Upgrade.",
    reference: "https://kubernetes.io/releases/",
    sources: &[
        "kubernetes/website data/releases/eol.yaml",
        "endoflife-date/endoflife.date products/kubernetes.md",
    ],
    kind: RuleKind::Code {
        needs: |_| Vec::new(),
        evaluate,
    },
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let today = context.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let detected = context.cluster.zip(context.detected.as_ref());
    detected
        .into_iter()
        .filter_map(|(cluster, detected)| {
            let minor = detected.kubernetes.minor();
            let row = context.catalog.kubernetes_releases.find(minor)?;
            if today <= row.end_of_life {
                return None;
            }
            let since = row.end_of_life;
            let detail = format!("the API server is v{}", detected.kubernetes);
            let object =
                AffectedObject::cluster(cluster, Evidence::new(EvidenceSource::Discovery, detail));
            let subject = format!("{} {minor}", cluster.id);
            let message =
                format!("Kubernetes {minor} has been out of upstream support since {since}");
            let draft = FindingDraft {
                remedy: "Upgrade; without support there are no security fixes from upstream."
                    .to_owned(),
                ..FindingDraft::new(&RULE, subject, message, vec![object])
            };
            Finding::new(&RULE, draft)
        })
        .collect()
}
