//! `rbac`: roles that allow what is read and nothing else, ready for `kubectl apply -f -`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{RenderError, encode};
use crate::need::{AccessRule, Request};

/// The role that allows all that is read.
const READER: &str = "kubectl-upgrade-reader";

/// The role without Secrets.
const READER_NO_SECRETS: &str = "kubectl-upgrade-reader-no-secrets";

const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// To whom a role is given. A service account is the user `system:serviceaccount:NAMESPACE:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bind {
    /// `User` or `Group`.
    pub kind: String,
    /// Name, as the API server authenticates it.
    pub name: String,
}

impl Bind {
    /// A group.
    #[must_use]
    pub fn group(name: &str) -> Self {
        Self {
            kind: "Group".to_owned(),
            name: name.to_owned(),
        }
    }
}

/// Roles and bindings for these requests, as YAML documents behind a comment that says what they are.
///
/// Two roles, because RBAC cannot tell Helm's Secrets from others: one with all that is read, bound to `bind` or else to
/// the group `kubectl-upgrade-readers`, and one without Secrets, always bound to a group of its own, so that what `bind`
/// is given does not depend on which binding came last. Where no Secrets are read there is only the first. Reads that are
/// narrowed to a namespace get a role there.
///
/// # Errors
/// See [`RenderError`].
pub fn rbac(requests: &[Request], bind: Option<&Bind>) -> Result<String, RenderError> {
    let all: Vec<&AccessRule> = requests.iter().map(|request| &request.access).collect();
    let fewer: Vec<&AccessRule> = all
        .iter()
        .copied()
        .filter(|rule| !is_secrets(rule))
        .collect();
    let both = fewer.len() < all.len();
    let readers = Bind::group("kubectl-upgrade-readers");
    let mut out = comment(both, bind.unwrap_or(&readers));
    documents(&mut out, READER, &all, bind.unwrap_or(&readers))?;
    if both {
        let readers = Bind::group("kubectl-upgrade-readers-no-secrets");
        documents(&mut out, READER_NO_SECRETS, &fewer, &readers)?;
    }
    Ok(out)
}

fn is_secrets(rule: &AccessRule) -> bool {
    rule.api_groups.iter().all(String::is_empty)
        && rule.resources.iter().any(|resource| resource == "secrets")
}

fn comment(both: bool, bind: &Bind) -> String {
    let subject =
        super::terminal::line(&format!("{} {}", bind.kind.to_lowercase(), bind.name)).into_owned();
    let mut out = format!(
        "# What kubectl upgrade-check reads, and nothing else; it never writes.
# Discovery and /version are open to every user who is logged in (Kubernetes' own role system:discovery).
#
# {READER} allows all of it and is bound to the {subject}.
"
    );
    if both {
        out.push_str(&format!(
            "#
# {READER_NO_SECRETS} is for those who must not read Secrets, and is bound to a group of its own.
# It cannot see the releases that Helm keeps in Secrets, which is Helm's default: what their manifests use is then
# a gap in the report, and the verdict is incomplete. RBAC cannot allow Secrets of one type alone.
# Keep the one that fits and delete the other.
"
        ));
    }
    out
}

/// Roles and bindings of one name: for the whole cluster, and in each namespace that some rule is narrowed to.
fn documents(
    out: &mut String,
    name: &str,
    access: &[&AccessRule],
    bind: &Bind,
) -> Result<(), RenderError> {
    let mut by_namespace: BTreeMap<Option<&str>, Vec<&AccessRule>> = BTreeMap::new();
    for rule in access {
        by_namespace
            .entry(rule.namespace.as_deref())
            .or_default()
            .push(rule);
    }
    for (namespace, access) in by_namespace {
        let role_kind = if namespace.is_some() {
            "Role"
        } else {
            "ClusterRole"
        };
        let document = |kind| Manifest {
            api_version: format!("{RBAC_GROUP}/v1"),
            kind,
            metadata: Named {
                name: name.to_owned(),
                namespace: namespace.map(str::to_owned),
            },
            rules: None,
            role_ref: None,
            subjects: None,
        };
        let role = Manifest {
            rules: Some(merged(&access)),
            ..document(role_kind.to_owned())
        };
        let binding = Manifest {
            role_ref: Some(Reference {
                api_group: RBAC_GROUP,
                kind: role_kind.to_owned(),
                name: name.to_owned(),
            }),
            subjects: Some(vec![Reference {
                api_group: RBAC_GROUP,
                kind: bind.kind.clone(),
                name: bind.name.clone(),
            }]),
            ..document(format!("{role_kind}Binding"))
        };
        for document in [role, binding] {
            out.push_str("---\n");
            out.push_str(&encode::yaml(&document)?);
        }
    }
    Ok(())
}

/// One rule for what is alike but for the resource or the path, sorted.
fn merged(access: &[&AccessRule]) -> Vec<PolicyRule> {
    type Key = (Vec<String>, Vec<String>, Vec<String>);
    let mut found: BTreeMap<Key, (BTreeSet<String>, BTreeSet<String>)> = BTreeMap::new();
    for rule in access {
        let key = (
            sorted(&rule.api_groups),
            sorted(&rule.resource_names),
            sorted(&rule.verbs),
        );
        let (resources, urls) = found.entry(key).or_default();
        resources.extend(rule.resources.iter().cloned());
        urls.extend(rule.non_resource_urls.iter().cloned());
    }
    found
        .into_iter()
        .map(
            |((api_groups, resource_names, verbs), (resources, urls))| PolicyRule {
                api_groups,
                resources: resources.into_iter().collect(),
                resource_names,
                non_resource_urls: urls.into_iter().collect(),
                verbs,
            },
        )
        .collect()
}

fn sorted(words: &[String]) -> Vec<String> {
    let words: BTreeSet<String> = words.iter().cloned().collect();
    words.into_iter().collect()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    api_version: String,
    kind: String,
    metadata: Named,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<Vec<PolicyRule>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_ref: Option<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subjects: Option<Vec<Reference>>,
}

#[derive(Serialize)]
struct Named {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    api_group: &'static str,
    kind: String,
    name: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PolicyRule {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    api_groups: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resource_names: Vec<String>,
    #[serde(rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    non_resource_urls: Vec<String>,
    verbs: Vec<String>,
}
