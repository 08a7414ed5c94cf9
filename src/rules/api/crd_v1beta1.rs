//! `crd-v1beta1`: CustomResourceDefinitions written through `apiextensions.k8s.io/v1beta1`.

use super::usage;
use crate::api_usage;
use crate::api_usage::ApiLifecycle;
use crate::rules::{AppliesTo, CheckContext, Finding, Rule, RuleKind, Severity};

/// The rule.
pub(in crate::rules) const RULE: Rule = Rule {
    id: "crd-v1beta1",
    severity: Severity::Blocker,
    title: "A CustomResourceDefinition is written through v1beta1",
    applies_to: AppliesTo::Text("1.22"),
    why: "The version is gone, and the one that replaces it demands a structural schema: unlike other kinds, changing apiVersion alone is not enough, and an operator that installs its own definitions fails at its start.",
    detection: "As api-removed, for the kind CustomResourceDefinition.",
    remedy: "Use apiextensions.k8s.io/v1 with a structural schema for each version, from a release of the operator or chart that has it.",
    reference: "https://kubernetes.io/docs/reference/using-api/deprecation-guide/#customresourcedefinition-v122",
    sources: &["kubernetes/sig-release releases/release-1.22/release-notes/release-notes-draft.md"],
    kind: RuleKind::Code {
        needs: |asking| api_usage::needs_for_kind(asking, "CustomResourceDefinition"),
        evaluate,
    },
    reads_files: true,
    replaces_api_removed: Some("CustomResourceDefinition"),
    ..Rule::DEFAULT
};

fn evaluate(situation: &CheckContext<'_>) -> Vec<Finding> {
    let usages = situation.api_usages.iter().filter(|usage| {
        matches!(usage.lifecycle, ApiLifecycle::Removed(_))
            && usage.api.kind == "CustomResourceDefinition"
    });
    usage::usage_findings(&RULE, situation, usages)
}
