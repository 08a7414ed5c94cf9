//! `psp-present`: PodSecurityPolicies exist, and the target does not support them.

use std::collections::BTreeMap;

use super::usage;
use crate::api_usage;
use crate::api_usage::{ApiLifecycle, ApiUsage, EvidenceStrength};
use crate::catalog::{Api, Gvk, ManagedCandidate};
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::{DetailLevel, Need};
use crate::rules::{
    AffectedObject, Applicability, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity,
};
use crate::snapshot::Rows;

const KIND: &str = "PodSecurityPolicy";

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "psp-present",
    severity: Severity::Blocker,
    title: "PodSecurityPolicies exist, and the target does not support them",
    applies_to: Applicability::Computed(|catalog| {
        usage::removal_minors(catalog, KIND, |api| api.replacement.is_none())
    }),
    why: "The upgrade removes the admission plugin. Pods lose both the restrictions and the defaults that policies applied: pods that were rejected before are admitted, and pods that relied on a default start differently. Charts that contain a policy can no longer be installed.",
    detection: "By listing PodSecurityPolicies, and by manifests and Helm releases that contain one. Policies that the detected provider installs, and removes itself, are a note.",
    remedy: "Replace them with Pod Security Admission labels on namespaces or with a policy webhook. Then delete the policies, the chart options that create them, and the RBAC rules that allow pods to use them.",
    reference: "https://kubernetes.io/docs/tasks/configure-pod-container/migrate-from-psp/",
    sources: &[
        "kubernetes/sig-release releases/release-1.25/release-notes/release-notes-draft.md PR 109798",
    ],
    kind: RuleKind::Code {
        needs: |context| api_usage::needs_for_kind(context, KIND),
        evaluate,
    },
    reads_files: true,
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some((api, hop)) = psp_removal(context) else {
        return Vec::new();
    };
    let mut objects: BTreeMap<String, AffectedObject> = BTreeMap::new();
    for usage in &context.api_usages {
        if reports(usage, context) && usage.strength > EvidenceStrength::Metric {
            objects.insert(
                usage.object.name.clone(),
                usage::usage_object(usage, context),
            );
        }
    }
    add_live_objects(context, &api.gvk(), &mut objects);
    let mut groups: BTreeMap<Option<&str>, Vec<AffectedObject>> = BTreeMap::new();
    for object in objects.into_values() {
        let provider = managing_provider(context, &object);
        groups.entry(provider).or_default().push(object);
    }
    let drafts = groups.into_iter().map(|(provider, objects)| {
        let removed = format!("PodSecurityPolicy is removed in {}", hop.to);
        let hop = Some(hop.clone());
        match provider {
            None => FindingDraft {
                hop,
                ..FindingDraft::new(
                    &RULE,
                    KIND,
                    format!("{removed}; nothing replaces it"),
                    objects,
                )
            },
            Some(provider) => FindingDraft {
                hop,
                severity: Severity::Note,
                remedy: format!("Nothing to do: {provider} removes it with the upgrade."),
                ..FindingDraft::new(
                    &RULE,
                    format!("{KIND} of {provider}"),
                    format!("{removed}; {provider} manages this one"),
                    objects,
                )
            },
        }
    });
    drafts
        .filter_map(|draft| Finding::new(&RULE, draft))
        .collect()
}

/// Whether this rule reports a use of the kind in place of `api-removed`: where the path removes the kind, except for an
/// older version of it that an earlier hop removes.
pub(super) fn reports(usage: &ApiUsage, context: &CheckContext<'_>) -> bool {
    let ApiLifecycle::Removed(minor) = usage.lifecycle else {
        return false;
    };
    let removal = || psp_removal(context).map(|(_, hop)| hop);
    let own_hop = context.path.hop_into(minor);
    usage.api.kind == KIND && removal().is_some_and(|hop| own_hop.is_none_or(|own| own == hop))
}

/// The last API of the kind, and the hop that removes it.
fn psp_removal<'a>(context: &CheckContext<'a>) -> Option<(&'a Api, crate::path::HopId)> {
    let apis = context.catalog.apis.iter();
    apis.filter(|api| api.gvk().kind == KIND && api.replacement.is_none())
        .find_map(|api| Some((api, context.path.hop_into(api.removed?)?)))
}

/// Objects that exist, whoever wrote them.
fn add_live_objects(
    context: &CheckContext<'_>,
    gvk: &Gvk,
    objects: &mut BTreeMap<String, AffectedObject>,
) {
    let Some(resource) = context
        .catalog
        .apis
        .find(gvk)
        .and_then(|api| context.catalog.apis.resource_of(api))
    else {
        return;
    };
    let need = Need::objects(resource, DetailLevel::Metadata);

    for row in context.rows(&need).into_iter().flat_map(Rows::metadata) {
        let seen = Evidence::new(EvidenceSource::Spec, "it exists");
        objects
            .entry(row.name.clone())
            .or_insert_with(|| AffectedObject {
                cluster: None,
                namespace: None,
                api_version: gvk.api_version(),
                kind: KIND.to_owned(),
                name: row.name.clone(),
                owner: row.owner.clone(),
                evidence: Vec::new(),
            })
            .evidence
            .push(seen);
    }
}

/// The provider that installs this policy; a copy in a file or a Helm release has another writer.
fn managing_provider<'a>(context: &CheckContext<'a>, object: &AffectedObject) -> Option<&'a str> {
    let mut evidence = object.evidence.iter();
    if evidence.any(|one| matches!(one.source, EvidenceSource::File | EvidenceSource::Helm)) {
        return None;
    }
    let candidate = ManagedCandidate {
        kind: KIND,
        namespace: None,
        name: &object.name,
        owner: None,
    };
    let provider = context.detected.as_ref()?.provider.as_deref();
    let row = context.catalog.managing_provider(&candidate, provider)?;
    Some(&row.managed_by)
}
