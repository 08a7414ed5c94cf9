//! `crd-v1beta1`: CustomResourceDefinitions written through `apiextensions.k8s.io/v1beta1`.

use super::usage;
use crate::api_usage;
use crate::api_usage::ApiLifecycle;
use crate::rules::{Applicability, CheckContext, Finding, Rule, RuleKind, Severity};

/// The kind whose removed APIs this rule reports in place of `api-removed`.
pub(super) const KIND: &str = "CustomResourceDefinition";

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "crd-v1beta1",
    severity: Severity::Blocker,
    title: "A CustomResourceDefinition is written through v1beta1",
    applies_to: Applicability::Computed(|catalog| usage::removal_minors(catalog, KIND, |_| true)),
    why: "The version is removed, and v1 requires a structural schema: changing apiVersion alone is not enough. An operator that installs its own CRDs fails to start.",
    detection: "As for api-removed, for the kind CustomResourceDefinition.",
    remedy: "Use apiextensions.k8s.io/v1 with a structural schema for each version, from a release of the operator or chart that ships it.",
    reference: "https://kubernetes.io/docs/reference/using-api/deprecation-guide/#customresourcedefinition-v122",
    sources: &["kubernetes/sig-release releases/release-1.22/release-notes/release-notes-draft.md"],
    kind: RuleKind::Code {
        needs: |context| api_usage::needs_for_kind(context, KIND),
        evaluate,
    },
    reads_files: true,
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let usages = context.api_usages.iter().filter(|usage| {
        matches!(usage.lifecycle, ApiLifecycle::Removed(_)) && usage.api.kind == KIND
    });
    usage::usage_findings(&RULE, context, usages)
}
