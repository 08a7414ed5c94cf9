//! `api-deprecated`: somebody uses an API version that the target still serves and a later one will not.

use super::usage;
use crate::api_usage;
use crate::api_usage::{ApiLifecycle, EvidenceStrength};
use crate::rules::{AppliesTo, CheckContext, Finding, Rule, RuleKind, Severity};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "api-deprecated",
    severity: Severity::Note,
    title: "An API version in use is deprecated but still served by the target",
    applies_to: AppliesTo::Text("each minor that deprecates an API"),
    why: "A later minor removes the version. If you migrate now, the next upgrade does not have to wait for it.",
    detection: "As for api-removed, but only from what is read anyway: manifests, Helm releases, and objects of kinds that lose another version on this path. No kind is listed just because one of its versions is deprecated.",
    remedy: "Migrate the listed manifests, charts and clients to the replacement when convenient.",
    reference: "https://kubernetes.io/docs/reference/using-api/deprecation-guide/",
    sources: &["kubernetes/apiserver pkg/endpoints/deprecation/deprecation.go"],
    kind: RuleKind::Code {
        needs: |_| api_usage::helm_release_needs().into(),
        evaluate,
    },
    reads_files: true,
    ..Rule::DEFAULT
};

fn evaluate(situation: &CheckContext<'_>) -> Vec<Finding> {
    let usages = situation.api_usages.iter().filter(|usage| {
        matches!(usage.lifecycle, ApiLifecycle::Deprecated(_))
            && usage.strength > EvidenceStrength::Metric
            && !has_removed_version(usage, situation)
    });
    usage::usage_findings(&RULE, situation, usages)
}

/// One object, one finding: what `api-removed` says of it is enough.
fn has_removed_version(usage: &crate::api_usage::ApiUsage, situation: &CheckContext<'_>) -> bool {
    // Usages are sorted by object.
    let at = situation
        .api_usages
        .partition_point(|other| other.object < usage.object);
    situation.api_usages[at..]
        .iter()
        .take_while(|other| other.object == usage.object)
        .any(|other| matches!(other.lifecycle, ApiLifecycle::Removed(_)))
}
