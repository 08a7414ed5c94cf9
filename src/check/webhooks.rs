//! Admission webhooks as the rules on them see them: what they are asked about, and what happens when they do not answer.

use std::rc::Rc;

use serde::Deserialize;

use super::backing::{self, ServiceName};
use super::ca_bundle::Bundle;
use super::data::{listed_through, object};
use super::selector::{Labels, Selector};
use super::{Finding, Object, Rule, Said, Severity, Situation};
use crate::catalog::{Admitted, Gvk, Resource};
use crate::evidence::{Evidence, Source};
use crate::need::{Depth, Need};
use crate::snapshot::{JsonRow, Picture};

const GROUP: &str = "admissionregistration.k8s.io";
const CONFIGURATIONS: [&str; 2] = [
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
];

/// Where add-ons of the cluster live.
pub(super) const KUBE_SYSTEM: &str = "kube-system";

/// Both kinds of configurations.
pub(crate) fn configurations() -> Vec<Need> {
    CONFIGURATIONS
        .iter()
        .map(|plural| Need::objects(Resource::new(GROUP, plural), Depth::Whole))
        .collect()
}

/// All namespaces, for their labels.
pub(crate) fn namespaces() -> Need {
    Need::objects(Resource::new("", "namespaces"), Depth::Whole)
}

/// Configurations, and what stands behind them.
pub(crate) fn with_services() -> Vec<Need> {
    let mut needs = configurations();
    needs.extend([backing::services(), backing::slices(), namespaces()]);
    needs
}

/// One webhook of a configuration.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Webhook {
    pub(super) name: String,
    #[serde(default)]
    pub(super) client_config: ClientConfig,
    #[serde(default)]
    pub(super) rules: Vec<Covered>,
    /// The server fills it in; where it has not, the webhook is taken for one that lets pass.
    #[serde(default)]
    failure_policy: String,
    #[serde(default)]
    namespace_selector: Option<Selector>,
    #[serde(default)]
    object_selector: Option<Selector>,
    #[serde(default)]
    match_conditions: Vec<serde::de::IgnoredAny>,
    #[serde(default)]
    pub(super) timeout_seconds: Option<i64>,
}

/// How the API server reaches whoever it calls.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ClientConfig {
    pub(super) service: Option<ServiceName>,
    ca_bundle: Option<String>,
}

impl ClientConfig {
    /// The certificates that the API server trusts in this call.
    pub(super) fn bundle(&self) -> Bundle {
        Bundle::read(self.ca_bundle.as_deref())
    }
}

/// A rule of a webhook: what it is asked about.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Covered {
    pub(super) api_groups: Vec<String>,
    pub(super) api_versions: Vec<String>,
    pub(super) resources: Vec<String>,
    operations: Vec<String>,
    scope: Option<String>,
}

fn names(list: &[String], name: &str) -> bool {
    list.iter().any(|entry| entry == "*" || entry == name)
}

impl Covered {
    /// Whether it is about this resource, with a subresource behind a slash, in some version that is served.
    fn covers(&self, row: &Admitted, picture: &Picture) -> bool {
        let scope = match self.scope.as_deref() {
            Some("Namespaced") => row.namespaced,
            Some("Cluster") => !row.namespaced,
            _ => true,
        };
        let version = self.api_versions.iter().any(|version| {
            let api_version = match row.group() {
                "" => version.clone(),
                group => format!("{group}/{version}"),
            };
            version == "*" || picture.survey.serves(&api_version)
        });
        scope
            && version
            && names(&self.api_groups, row.group())
            && row.operations().any(|name| names(&self.operations, name))
            && self
                .resources
                .iter()
                .any(|entry| fits(entry, &row.resource))
    }
}

/// Whether an entry such as `pods`, `pods/*`, `*/status`, `*` or `*/*` is about a resource.
fn fits(entry: &str, resource: &str) -> bool {
    let split = |text: &str| match text.split_once('/') {
        Some((name, sub)) => (name.to_owned(), Some(sub.to_owned())),
        None => (text.to_owned(), None),
    };
    let ((name, sub), (resource, subresource)) = (split(entry), split(resource));
    let same_name = name == "*" || name == resource;
    let same_sub = match (sub.as_deref(), subresource.as_deref()) {
        (Some("*"), _) => true,
        (sub, subresource) => sub == subresource,
    };
    same_name && same_sub
}

impl Webhook {
    /// Whether what it covers is refused while it does not answer.
    pub(super) fn fails_closed(&self) -> bool {
        self.failure_policy == "Fail"
    }

    /// Whether expressions narrow it further, in ways that are not followed here.
    pub(super) fn is_narrowed(&self) -> bool {
        !self.match_conditions.is_empty()
    }

    /// Whether its rules cover this, whatever its selectors say.
    pub(super) fn covers(&self, row: &Admitted, picture: &Picture) -> bool {
        self.rules.iter().any(|rule| rule.covers(row, picture))
    }

    /// Whether it is asked about objects of a namespace with these labels.
    pub(super) fn looks_into(&self, namespace: &Labels) -> bool {
        let selector = self.namespace_selector.as_ref();
        selector.is_none_or(|selector| selector.selects(namespace))
    }

    /// Whether it is asked about objects without labels of their own.
    pub(super) fn takes_unlabelled(&self) -> bool {
        let selector = self.object_selector.as_ref();
        selector.is_none_or(|selector| selector.selects(&Labels::new()))
    }

    /// Whether it is asked about every object that has at least these labels.
    pub(super) fn takes_all_with(&self, labels: &Labels) -> bool {
        let selector = self.object_selector.as_ref();
        selector.is_none_or(|selector| selector.selects_whatever_else(labels))
    }

    /// Whether it is asked about what the cluster itself writes of this.
    pub(super) fn is_asked(&self, row: &Admitted, configuration: &Configuration<'_>) -> bool {
        let picture = configuration.picture;
        let in_a_namespace = || {
            let namespaces = &configuration.namespaces;
            namespaces
                .0
                .iter()
                .any(|(name, labels)| row.is_in(name) && self.looks_into(labels))
        };
        row.is_asked_in(picture.survey.effective_minor())
            && self.covers(row, picture)
            && self.takes_unlabelled()
            && (!row.namespaced || in_a_namespace())
    }
}

/// Namespaces with their labels.
#[derive(Debug, Default)]
pub(super) struct Namespaces(Vec<(String, Labels)>);

impl Namespaces {
    /// Those of a cluster; none where they were not seen.
    fn new(situation: &Situation<'_>, picture: &Picture) -> Self {
        let rows = picture
            .read(&namespaces(), situation.catalog)
            .ok()
            .flatten();
        let rows = rows.map(|rows| rows.json()).unwrap_or_default();
        let labels = |row: &JsonRow| {
            let labels = row.object.get("metadata")?.get("labels")?;
            Labels::deserialize(labels).ok()
        };
        Self(
            rows.iter()
                .map(|row| (row.meta.name.clone(), labels(row).unwrap_or_default()))
                .collect(),
        )
    }

    /// The labels of a namespace.
    pub(super) fn labels(&self, name: &str) -> Option<&Labels> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, labels)| labels)
    }
}

/// A configuration: the object, the API it was listed through, and its webhooks.
pub(super) struct Configuration<'a> {
    pub(super) picture: &'a Picture,
    /// The namespaces of its cluster.
    pub(super) namespaces: Rc<Namespaces>,
    api: Gvk,
    row: &'a JsonRow,
    pub(super) webhooks: Vec<Webhook>,
}

#[derive(Deserialize)]
struct Webhooks {
    #[serde(default)]
    webhooks: Vec<Webhook>,
}

impl Configuration<'_> {
    /// The object of a finding.
    pub(super) fn object(&self, details: Vec<String>) -> Object {
        let mut evidence = details
            .into_iter()
            .map(|detail| Evidence::new(Source::Spec, detail));
        let first = evidence
            .next()
            .unwrap_or_else(|| Evidence::new(Source::Spec, ""));
        let mut object = object(self.picture, &self.api, self.row, first);
        object.evidence.extend(evidence);
        object
    }
}

/// Every configuration that was read, of both kinds, but those that are being deleted.
pub(super) fn read<'a>(situation: &Situation<'a>) -> Vec<Configuration<'a>> {
    let mut found = Vec::new();
    let namespaces: Vec<Rc<Namespaces>> = situation
        .snapshot
        .clusters
        .iter()
        .map(|picture| Rc::new(Namespaces::new(situation, picture)))
        .collect();
    let of = |picture: &Picture| {
        let mut clusters = situation.snapshot.clusters.iter();
        let at = clusters.position(|other| other.id == picture.id);
        at.and_then(|at| namespaces.get(at).cloned())
            .unwrap_or_default()
    };
    for plural in CONFIGURATIONS {
        let resource = Resource::new(GROUP, plural);
        let need = Need::objects(resource.clone(), Depth::Whole);
        for (picture, rows) in situation.rows(&need) {
            let Some(api) = listed_through(&resource, picture, situation.catalog) else {
                continue;
            };
            for row in rows.json() {
                let leaving = !row.object["metadata"]["deletionTimestamp"].is_null();
                if let (false, Ok(parsed)) = (leaving, Webhooks::deserialize(&row.object)) {
                    found.push(Configuration {
                        picture,
                        namespaces: of(picture),
                        api: api.clone(),
                        row,
                        webhooks: parsed.webhooks,
                    });
                }
            }
        }
    }
    found
}

/// One finding for each severity, about the configurations of which some webhook speaks to it.
pub(super) fn findings(
    rule: &Rule,
    situation: &Situation<'_>,
    message: &str,
    mut says: impl FnMut(&Configuration<'_>, &Webhook) -> Option<(Severity, String)>,
) -> Vec<Finding> {
    let mut found: std::collections::BTreeMap<Severity, Vec<Object>> =
        std::collections::BTreeMap::new();
    for configuration in read(situation) {
        let said: Vec<(Severity, String)> = configuration
            .webhooks
            .iter()
            .filter_map(|webhook| {
                let (severity, detail) = says(&configuration, webhook)?;
                Some((severity, format!("{}: {detail}", webhook.name)))
            })
            .collect();
        // One object, one finding: the worst of its webhooks decides.
        let Some(worst) = said.iter().map(|(severity, _)| *severity).max() else {
            continue;
        };
        let details = said
            .into_iter()
            .filter(|(severity, _)| *severity == worst)
            .map(|(_, detail)| detail)
            .collect();
        found
            .entry(worst)
            .or_default()
            .push(configuration.object(details));
    }
    found
        .into_iter()
        .filter_map(|(severity, objects)| {
            let said = Said {
                severity,
                ..Said::new(rule, rule.id, message, objects)
            };
            Finding::new(rule, said)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn entries_fit_as_the_server_takes_them() {
        for (entry, resource, expected) in [
            ("pods", "pods", true),
            ("pods", "pods/status", false),
            ("*", "pods", true),
            ("*", "nodes/status", false),
            ("*/*", "pods", true),
            ("*/*", "nodes/status", true),
            ("*/status", "nodes/status", true),
            ("*/status", "nodes", false),
            ("nodes/*", "nodes/status", true),
            ("nodes/*", "nodes", true),
            ("serviceaccounts/token", "serviceaccounts/token", true),
            ("serviceaccounts", "serviceaccounts/token", false),
        ] {
            assert_eq!(fits(entry, resource), expected, "{entry} {resource}");
        }
    }
}
