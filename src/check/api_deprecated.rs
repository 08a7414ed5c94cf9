//! `api-deprecated`: somebody uses an API version that the target still serves and a later one will not.

use super::{Body, Finding, Rule, Severity, Situation, api_usage};
use crate::claims::{self, Life, Weight};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "api-deprecated",
    severity: Severity::Note,
    title: "An API version in use is deprecated, and still served by the target",
    applies_to: "each minor that deprecates an API",
    why: "The version will go in a later minor. Moving to its replacement now is work that the next upgrade does not have to wait for.",
    how: "As api-removed, but only from what is read anyway: manifests, Helm releases, and objects of kinds that lose another version on the way. No kind is listed for the sake of a deprecation.",
    mend: "Move the named manifests, charts and clients to the replacement when convenient.",
    reference: "https://kubernetes.io/docs/reference/using-api/deprecation-guide/",
    sources: &["kubernetes/apiserver pkg/endpoints/deprecation/deprecation.go"],
    reads_files: true,
    body: Body::Code {
        needs: |_| claims::helm_records().into(),
        evaluate,
    },
};

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    let usages = situation.usages.iter().filter(|usage| {
        matches!(usage.life, Life::Deprecated(_))
            && usage.weight > Weight::Metric
            && !loses_another_version(usage, situation)
    });
    api_usage::findings(&RULE, situation, usages)
}

/// One object, one finding: what `api-removed` says of it is enough.
fn loses_another_version(usage: &crate::claims::Usage, situation: &Situation<'_>) -> bool {
    // Usages are sorted by object.
    let at = situation
        .usages
        .partition_point(|other| other.object < usage.object);
    situation.usages[at..]
        .iter()
        .take_while(|other| other.object == usage.object)
        .any(|other| matches!(other.life, Life::Removed(_)))
}
