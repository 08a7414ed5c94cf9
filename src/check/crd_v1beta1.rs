//! `crd-v1beta1`: CustomResourceDefinitions written through `apiextensions.k8s.io/v1beta1`.

use super::{Body, Finding, Rule, Severity, Situation, api_usage};
use crate::claims::{self, Life};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "crd-v1beta1",
    severity: Severity::Blocker,
    title: "A CustomResourceDefinition is written through v1beta1",
    applies_to: "1.22",
    why: "The version is gone, and the one that replaces it demands a structural schema: unlike other kinds, changing apiVersion alone is not enough, and an operator that installs its own definitions fails at its start.",
    how: "As api-removed, for the kind CustomResourceDefinition.",
    mend: "Use apiextensions.k8s.io/v1 with a structural schema for each version, from a release of the operator or chart that has it.",
    reference: "https://kubernetes.io/docs/reference/using-api/deprecation-guide/#customresourcedefinition-v122",
    sources: &["kubernetes/sig-release releases/release-1.22/release-notes/release-notes-draft.md"],
    reads_files: true,
    body: Body::Code {
        needs: |asking| claims::needs_of(asking, "CustomResourceDefinition"),
        evaluate,
    },
};

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    let usages = situation.usages.iter().filter(|usage| {
        matches!(usage.life, Life::Removed(_)) && usage.api.kind == "CustomResourceDefinition"
    });
    api_usage::findings(&RULE, situation, usages)
}
