//! `rbac`: roles that allow what is read and nothing else, ready for `kubectl apply -f -`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::json;

use super::encode;
use super::options::RenderError;
use crate::need::{PolicyRule, Verb};
use crate::text::names::CHECK;

/// The role that allows all that is read.
const READER_ROLE: &str = "kubectl-upgrade-reader";

/// The role without Secrets.
const READER_NO_SECRETS_ROLE: &str = "kubectl-upgrade-reader-no-secrets";

const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// To whom a role is given. A service account is the user `system:serviceaccount:NAMESPACE:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RbacSubject {
    /// `User` or `Group`.
    pub kind: String,
    /// Name, as the API server authenticates it.
    pub name: String,
}

impl RbacSubject {
    /// A group.
    #[must_use]
    pub fn group(name: &str) -> Self {
        Self {
            kind: "Group".to_owned(),
            name: name.to_owned(),
        }
    }
}

/// A role and its binding for these permissions, as YAML documents behind a comment that says what they are.
///
/// With all that is read, bound to `bind` or else to the group `kubectl-upgrade-readers`; or, since RBAC cannot tell Helm's
/// Secrets from others, without any, bound to a group of its own by default. Reads that are narrowed to a namespace get a
/// role there.
///
/// # Errors
/// See [`RenderError`].
pub fn render_rbac(
    rules: &[PolicyRule],
    bind: Option<&RbacSubject>,
    with_secrets: bool,
) -> Result<String, RenderError> {
    let is_printed = |rule: &&PolicyRule| with_secrets || !reads_secrets(rule);
    let printed: Vec<&PolicyRule> = rules.iter().filter(is_printed).collect();
    let (role, group) = match with_secrets {
        true => (READER_ROLE, "kubectl-upgrade-readers"),
        false => (READER_NO_SECRETS_ROLE, "kubectl-upgrade-readers-no-secrets"),
    };
    let group = RbacSubject::group(group);
    let bind = bind.unwrap_or(&group);
    let secrets = match with_secrets {
        true => rules.iter().any(reads_secrets).then_some(SECRETS_NOTE),
        false => Some(NO_SECRETS_NOTE),
    };
    let mut out = header_comment(role, bind, secrets.unwrap_or_default());
    push_documents(&mut out, role, &printed, bind)?;
    Ok(out)
}

/// What the role with Secrets says of them.
const SECRETS_NOTE: &str = "\
#
# It includes Secrets, because Helm keeps its releases in them and RBAC cannot allow Secrets of one type alone.
# --no-secrets prints a role without them.
";

/// What the role without Secrets says of them.
const NO_SECRETS_NOTE: &str = "\
#
# It cannot read the releases that Helm keeps in Secrets, which is Helm's default: what their manifests use is then
# a gap in the report, and the verdict is incomplete.
";

fn reads_secrets(rule: &PolicyRule) -> bool {
    rule.api_groups.iter().all(String::is_empty)
        && rule.resources.iter().any(|resource| resource == "secrets")
}

fn header_comment(role: &str, bind: &RbacSubject, secrets: &str) -> String {
    let subject =
        super::terminal::escape_line(&format!("{} {}", bind.kind.to_lowercase(), bind.name))
            .into_owned();
    format!(
        "# What kubectl {CHECK} reads, and nothing else; it never writes.
# Discovery and /version are open to every user who is logged in (Kubernetes' own role system:discovery).
#
# {role} is bound to the {subject}.
{secrets}"
    )
}

/// Roles and bindings of one name: for the whole cluster, and in each namespace that some rule is narrowed to.
fn push_documents(
    out: &mut String,
    name: &str,
    access: &[&PolicyRule],
    bind: &RbacSubject,
) -> Result<(), RenderError> {
    let mut by_namespace: BTreeMap<Option<&str>, Vec<&PolicyRule>> = BTreeMap::new();
    for rule in access {
        by_namespace
            .entry(rule.namespace.as_deref())
            .or_default()
            .push(rule);
    }
    for (namespace, access) in by_namespace {
        let (kind, metadata) = match namespace {
            Some(namespace) => ("Role", json!({"name": name, "namespace": namespace})),
            None => ("ClusterRole", json!({"name": name})),
        };
        let api_version = format!("{RBAC_GROUP}/v1");
        let role = json!({
            "apiVersion": api_version,
            "kind": kind,
            "metadata": metadata,
            "rules": merge_rules(&access),
        });
        let binding = json!({
            "apiVersion": api_version,
            "kind": format!("{kind}Binding"),
            "metadata": metadata,
            "roleRef": {"apiGroup": RBAC_GROUP, "kind": kind, "name": name},
            "subjects": [{"apiGroup": RBAC_GROUP, "kind": bind.kind, "name": bind.name}],
        });
        for document in [role, binding] {
            out.push_str("---\n");
            out.push_str(&encode::to_yaml(&document)?);
        }
    }
    Ok(())
}

/// One rule for what is alike but for the resource or the path, sorted.
fn merge_rules(access: &[&PolicyRule]) -> Vec<RbacRule> {
    type Key = (Vec<String>, Vec<String>, Vec<Verb>);
    let mut found: BTreeMap<Key, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for rule in access {
        let key = (
            sorted_unique(&rule.api_groups),
            sorted_unique(&rule.resource_names),
            sorted_unique(&rule.verbs),
        );
        let (resources, urls) = found.entry(key).or_default();
        resources.extend(rule.resources.iter().cloned());
        urls.extend(rule.non_resource_urls.iter().cloned());
    }
    found
        .into_iter()
        .map(
            |((api_groups, resource_names, verbs), (resources, urls))| RbacRule {
                api_groups,
                resources: resources.into_iter().collect(),
                resource_names,
                non_resource_urls: urls.into_iter().collect(),
                verbs,
            },
        )
        .collect()
}

fn sorted_unique<T: Ord + Clone>(words: &[T]) -> Vec<T> {
    let words: BTreeSet<T> = words.iter().cloned().collect();
    words.into_iter().collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RbacRule {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    api_groups: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_names: Vec<String>,
    #[serde(rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    non_resource_urls: Vec<String>,
    verbs: Vec<Verb>,
}
