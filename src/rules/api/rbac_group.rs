//! `rbac-group-removed`: roles that grant access to a resource only in an API group that loses it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::catalog::{GroupResource, MovedResource};
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::{DetailLevel, Need, NeedContext};
use crate::path::{HopId, UpgradePath};
use crate::rules::engine::data_rule::object_from_row;
use crate::rules::{
    AffectedObject, Applicability, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity,
};

/// Written and kept up to date by the API server itself.
const BOOTSTRAP_LABEL: &str = "kubernetes.io/bootstrapping";

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "rbac-group-removed",
    severity: Severity::Warning,
    title: "A role names a resource only in an API group that loses it",
    applies_to: Applicability::Computed(|catalog| {
        let moved = catalog.apis.moved_resources().into_iter();
        let minors: BTreeSet<_> = moved.map(|moved| moved.removed).collect();
        let minors: Vec<String> = minors.iter().map(ToString::to_string).collect();
        minors.join(", ")
    }),
    why: "After the hop the resource is served in its other group only, for which the role grants nothing: whoever is bound to it gets 403.",
    detection: "By the rules of Roles and ClusterRoles. Roles that name the other group too are left out, and so are those that the API server maintains. Only hops in which a group loses a resource are checked.",
    remedy: "Add the group that keeps the resource to apiGroups of the rule before this hop.",
    reference: "https://kubernetes.io/docs/reference/access-authn-authz/rbac/",
    sources: &["kubernetes/kubernetes plugin/pkg/auth/authorizer/rbac/rbac.go"],
    kind: RuleKind::Code { needs, evaluate },
    ..Rule::DEFAULT
};

fn role_resources() -> [GroupResource; 2] {
    ["clusterroles", "roles"].map(|plural| GroupResource::new("rbac.authorization.k8s.io", plural))
}

fn roles_need(resource: GroupResource) -> Need {
    Need::objects(resource, DetailLevel::Full).with_fields(&["metadata.labels", "rules"])
}

fn needs(context: &NeedContext<'_>) -> Vec<Need> {
    let moved = context.catalog.apis.moved_resources();
    match moved
        .iter()
        .any(|moved| hop_of(moved, context.path).is_some())
    {
        true => role_resources().map(roles_need).to_vec(),
        false => Vec::new(),
    }
}

fn hop_of(moved: &MovedResource, path: &UpgradePath) -> Option<HopId> {
    path.from?;
    path.hop_into(moved.removed)
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let moved = context.catalog.apis.moved_resources();
    let mut found: BTreeMap<(MovedResource, HopId), Vec<AffectedObject>> = BTreeMap::new();
    let lost = moved
        .into_iter()
        .filter_map(|moved| Some((hop_of(&moved, context.path)?, moved)));
    let lost: Vec<(HopId, MovedResource)> = lost.collect();
    for resource in role_resources() {
        let Some(api) = context.listed_gvk(&resource) else {
            continue;
        };
        let need = roles_need(resource);
        for row in context.objects(&need) {
            if !row.object["metadata"]["labels"][BOOTSTRAP_LABEL].is_null() {
                continue;
            }
            for (hop, moved) in &lost {
                let Some(rule) = stranded_rule(&row.object, moved) else {
                    continue;
                };
                let evidence = Evidence::new(EvidenceSource::Spec, rule);
                let object = object_from_row(&api, row, evidence);
                let key = (moved.clone(), hop.clone());
                found.entry(key).or_default().push(object);
            }
        }
    }
    let findings = found.into_iter().filter_map(|((moved, hop), objects)| {
        let MovedResource {
            old_group,
            resource,
            removed,
        } = &moved;
        let message = format!(
            "grants access to {} only in {old_group}, which loses them in {removed}; add {}",
            resource.plural, resource.group
        );
        let draft = FindingDraft {
            hop: Some(hop),
            ..FindingDraft::new(&RULE, format!("{old_group} {resource}"), message, objects)
        };
        Finding::new(&RULE, draft)
    });
    findings.collect()
}

/// The first rule of a role that names the resource in its old group, if no rule names it in the other one.
fn stranded_rule(role: &Value, moved: &MovedResource) -> Option<String> {
    let rules = role["rules"].as_array()?;
    let is_for = |rule: &&Value, group: &str| {
        names(&rule["apiGroups"], |name| name == group)
            && names(&rule["resources"], |name| {
                name == "*" || name.split('/').next() == Some(&moved.resource.plural)
            })
    };
    let old = rules.iter().find(|rule| is_for(rule, &moved.old_group))?;
    let keeps = |rule: &Value| is_for(&rule, &moved.resource.group) || is_for(&rule, "*");
    (!rules.iter().any(keeps)).then(|| {
        format!(
            "apiGroups {}, resources {}",
            old["apiGroups"], old["resources"]
        )
    })
}

fn names(list: &Value, is_meant: impl Fn(&str) -> bool) -> bool {
    let mut names = list.as_array().into_iter().flatten();
    names.any(|name| name.as_str().is_some_and(&is_meant))
}
