//! `api-deprecated`: an API version in use that the target still serves and a later minor removes.

use super::usage;
use crate::api_usage;
use crate::api_usage::{ApiLifecycle, EvidenceStrength};
use crate::rules::{Applicability, CheckContext, Finding, Rule, RuleKind, Severity};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "api-deprecated",
    severity: Severity::Note,
    title: "An API version in use is deprecated but still served by the target",
    applies_to: Applicability::Text("each minor that deprecates an API"),
    why: "A later minor removes the version. If you migrate now, the next upgrade does not have to wait for it.",
    detection: "As for api-removed, but only from what is read anyway: manifests, Helm releases, and objects of kinds that lose another version on this path. No kind is listed just because one of its versions is deprecated.",
    remedy: "Migrate the listed manifests, charts and clients to the replacement when convenient.",
    reference: "https://kubernetes.io/docs/reference/using-api/deprecation-guide/",
    sources: &["kubernetes/apiserver pkg/endpoints/deprecation/deprecation.go"],
    kind: RuleKind::Code {
        needs: api_usage::object_needs,
        evaluate,
    },
    reads_files: true,
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let usages = context.api_usages.iter().filter(|usage| {
        matches!(usage.lifecycle, ApiLifecycle::Deprecated(_))
            && usage.strength > EvidenceStrength::Metric
            && !has_removed_version(usage, context)
    });
    usage::usage_findings(&RULE, context, usages)
}

/// Whether `api-removed` already reports the object.
fn has_removed_version(usage: &crate::api_usage::ApiUsage, context: &CheckContext<'_>) -> bool {
    // Usages are sorted by object.
    let at = context
        .api_usages
        .partition_point(|other| other.object < usage.object);
    context.api_usages[at..]
        .iter()
        .take_while(|other| other.object == usage.object)
        .any(|other| matches!(other.lifecycle, ApiLifecycle::Removed(_)))
}
