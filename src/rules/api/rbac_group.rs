//! `rbac-group-removed`: roles that grant access to a resource only in an API group that loses it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::api_usage::helm_record_needs;
use crate::catalog::{Catalog, GroupResource, Minor, MovedResource};
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::{DetailLevel, Need, NeedContext};
use crate::rules::engine::data_rule::object_from_row;
use crate::rules::engine::manifests::{add_object, manifest_contents};
use crate::rules::{
    AffectedObject, Applicability, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity,
};

/// Written and kept up to date by the API server itself.
const BOOTSTRAP_LABEL: &str = "kubernetes.io/bootstrapping";

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "rbac-group-removed",
    severity: Severity::Warning,
    title: "A role grants verbs on a resource only in an API group that loses it",
    applies_to: Applicability::Computed(|catalog| {
        let minors: BTreeSet<_> = removals(catalog).map(|moved| moved.removed).collect();
        let minors: Vec<String> = minors.iter().map(ToString::to_string).collect();
        minors.join(", ")
    }),
    why: "After the hop the resource is served in its other group only, for which the role grants nothing: whoever is bound to it gets 403 for these verbs.",
    detection: "By the rules of Roles and ClusterRoles in the cluster, in manifests and in Helm releases: each verb, subresource and resourceName that a rule grants in the old group must be granted in the other one by a rule of the same role. Roles that the API server maintains are left out. Only hops in which a group loses a resource are checked.",
    remedy: "Add the group that keeps the resource to apiGroups of the rule before this hop.",
    reference: "https://kubernetes.io/docs/reference/access-authn-authz/rbac/",
    sources: &["kubernetes/kubernetes plugin/pkg/auth/authorizer/rbac/rbac.go"],
    kind: RuleKind::Code { needs, evaluate },
    reads_files: true,
    ..Rule::DEFAULT
};

fn role_resources() -> [GroupResource; 2] {
    ["clusterroles", "roles"].map(|plural| GroupResource::new("rbac.authorization.k8s.io", plural))
}

fn roles_need(resource: GroupResource) -> Need {
    Need::objects(resource, DetailLevel::Full).with_fields(&["metadata.labels", "rules"])
}

fn needs(context: &NeedContext<'_>) -> Vec<Need> {
    let mut moved = removals(context.catalog);
    match moved.any(|moved| context.path.hop_into(moved.removed).is_some()) {
        true => {
            let mut needs = helm_record_needs();
            needs.extend(role_resources().map(roles_need));
            needs
        }
        false => Vec::new(),
    }
}

/// What groups lose in the releases of the catalog: whatever went before them is gone from every cluster.
fn removals(catalog: &Catalog) -> impl Iterator<Item = MovedResource> {
    let oldest = catalog.kubernetes_releases.oldest().map(|row| row.minor);
    let moved = catalog.apis.moved_resources().into_iter();
    moved.filter(move |moved| oldest.is_some_and(|oldest| oldest <= moved.removed))
}

/// What a group loses in a hop, of the resources that a role names in it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct GroupLoss {
    old_group: String,
    removed: Minor,
    resources: Vec<GroupResource>,
}

/// The resources that a role loses in a hop, and the evidence.
type Losses = (Vec<GroupResource>, Vec<String>);

impl GroupLoss {
    /// What a role loses, once for each group and hop, with the verbs.
    fn of_role(role: &Value, moved: &[MovedResource]) -> Vec<(Self, String)> {
        let mut losses: BTreeMap<(&str, Minor), Losses> = BTreeMap::new();
        for moved in moved {
            if let Some(verbs) = lost_verbs(role, moved) {
                let key = (moved.old_group.as_str(), moved.removed);
                let (resources, evidence) = losses.entry(key).or_default();
                resources.push(moved.resource.clone());
                evidence.push(verbs);
            }
        }
        let losses = losses.into_iter();
        let losses = losses.map(|((old_group, removed), (resources, evidence))| {
            let loss = Self {
                old_group: old_group.to_owned(),
                removed,
                resources,
            };
            (loss, evidence.join("; "))
        });
        losses.collect()
    }

    fn finding(self, context: &CheckContext<'_>, objects: Vec<AffectedObject>) -> Option<Finding> {
        let Self {
            old_group,
            removed,
            resources,
        } = &self;
        let plurals: Vec<&str> = resources.iter().map(|one| one.plural.as_str()).collect();
        let groups: BTreeSet<&str> = resources.iter().map(|one| one.group.as_str()).collect();
        let groups: Vec<&str> = groups.into_iter().collect();
        let message = format!(
            "the role grants verbs on {} only in {old_group}, which loses them in {removed}; add {}",
            plurals.join(", "),
            groups.join(", ")
        );
        let names: Vec<String> = resources.iter().map(ToString::to_string).collect();
        let subject = format!("{old_group} {}", names.join(", "));
        let draft = FindingDraft {
            hop: context.path.hop_into(*removed),
            ..FindingDraft::new(&RULE, subject, message, objects)
        };
        Finding::new(&RULE, draft)
    }
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut found: BTreeMap<GroupLoss, Vec<AffectedObject>> = BTreeMap::new();
    let moved = removals(context.catalog);
    let moved = moved.filter(|moved| context.path.hop_into(moved.removed).is_some());
    let moved: Vec<MovedResource> = moved.collect();
    let mut check = |role: &Value, affected: &dyn Fn(String) -> AffectedObject| {
        for (loss, verbs) in GroupLoss::of_role(role, &moved) {
            add_object(found.entry(loss).or_default(), affected(verbs));
        }
    };
    for resource in role_resources() {
        let Some(api) = context.listed_gvk(&resource) else {
            continue;
        };
        for row in context.objects(&roles_need(resource)) {
            if row.object["metadata"]["labels"][BOOTSTRAP_LABEL].is_null() {
                check(&row.object, &|verbs| {
                    object_from_row(&api, row, Evidence::new(EvidenceSource::Spec, verbs))
                });
            }
        }
    }
    for content in manifest_contents(context) {
        let mut roles = role_resources().into_iter();
        if roles.any(|resource| content.is_of(&resource, context)) {
            check(content.fields, &|verbs| content.affected(verbs));
        }
    }
    let findings = found.into_iter();
    findings
        .filter_map(|(loss, objects)| loss.finding(context, objects))
        .collect()
}

/// What every verb means.
///
/// Source: kubernetes/website content/en/docs/reference/access-authn-authz/authorization.md.
const ALL_VERBS: [&str; 8] = [
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

/// A rule of a role.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RoleRule {
    #[serde(deserialize_with = "null_as_default")]
    api_groups: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    resources: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    resource_names: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    verbs: Vec<String>,
}

fn null_as_default<'de, D: Deserializer<'de>>(list: D) -> Result<Vec<String>, D::Error> {
    Ok(Option::deserialize(list)?.unwrap_or_default())
}

impl RoleRule {
    /// Whether it grants a verb on a resource, or a subresource behind a slash, in a group; with a name, on that object.
    fn grants(&self, group: &str, resource: &str, verb: &str, name: Option<&String>) -> bool {
        let any_subresource = resource
            .split_once('/')
            .map(|(_, subresource)| format!("*/{subresource}"));
        let is_resource = |entry: &String| {
            entry == "*" || entry == resource || Some(entry) == any_subresource.as_ref()
        };
        has(&self.api_groups, group)
            && self.resources.iter().any(is_resource)
            && has(&self.verbs, verb)
            && (self.resource_names.is_empty()
                || name.is_some_and(|name| self.resource_names.contains(name)))
    }

    /// The entries of its resources that are this resource or subresources of it.
    fn resources_of<'a>(&'a self, plural: &'a str) -> impl Iterator<Item = String> + 'a {
        self.resources
            .iter()
            .filter_map(move |entry| match entry.split_once('/') {
                _ if entry == "*" => Some(plural.to_owned()),
                Some(("*", subresource)) => Some(format!("{plural}/{subresource}")),
                Some((name, _)) if name == plural => Some(entry.clone()),
                None if entry == plural => Some(entry.clone()),
                _ => None,
            })
    }
}

fn has(list: &[String], name: &str) -> bool {
    list.iter().any(|entry| entry == "*" || entry == name)
}

/// The verbs and resources that a role grants in the old group of a resource and not in the other one; `None` if it
/// loses nothing.
fn lost_verbs(role: &Value, moved: &MovedResource) -> Option<String> {
    let rules = role["rules"].as_array()?.iter();
    let rules: Vec<RoleRule> = rules
        .filter_map(|rule| RoleRule::deserialize(rule).ok())
        .collect();
    let mut lost: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    // A rule for all groups grants the same in the other one.
    let of_old_group = |rule: &&RoleRule| rule.api_groups.contains(&moved.old_group);
    for rule in rules.iter().filter(of_old_group) {
        let names: Vec<Option<&String>> = match rule.resource_names.is_empty() {
            true => vec![None],
            false => rule.resource_names.iter().map(Some).collect(),
        };
        let is_any = rule.verbs.iter().any(|verb| verb == "*");
        let verbs: Vec<&str> = match is_any {
            true => ALL_VERBS.to_vec(),
            false => rule.verbs.iter().map(String::as_str).collect(),
        };
        for resource in rule.resources_of(&moved.resource.plural) {
            let is_kept = |verb: &&str| {
                let mut names = names.iter();
                names.all(|name| {
                    let mut rules = rules.iter();
                    rules.any(|other| other.grants(&moved.resource.group, &resource, verb, *name))
                })
            };
            let gone: Vec<&str> = verbs
                .iter()
                .filter(|verb| !is_kept(verb))
                .copied()
                .collect();
            if !gone.is_empty() {
                let all = is_any && gone.len() == ALL_VERBS.len();
                let gone = if all { vec!["*"] } else { gone };
                lost.entry(resource).or_default().extend(gone);
            }
        }
    }
    let lost = lost.into_iter().map(|(resource, verbs)| {
        let verbs: Vec<&str> = verbs.into_iter().collect();
        format!("{} on {resource}", verbs.join(", "))
    });
    let lost: Vec<String> = lost.collect();
    (!lost.is_empty()).then(|| lost.join("; "))
}
