//! Admission webhooks as the rules on them see them: what they are asked about, and what happens when they do not answer.

pub(super) mod client_config;
pub(super) mod crd_conversion;
pub(super) mod dead;
mod reach;
pub(super) mod scope;
pub(super) mod versions;

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Deserialize;

use super::engine::data_rule::object_from_row;
use super::engine::manifests::ManifestContent;
use super::engine::match_conditions::MatchCondition;
use super::{AffectedObject, CheckContext, Finding, Rule, Severity};
use crate::catalog::{GroupResource, Gvk, SystemWrite};
use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::ca_bundle::CaBundle;
use crate::facts::label_selector::{LabelMap, WebhookLabelSelector};
use crate::facts::service_backends;
use crate::facts::service_backends::ServiceReference;
use crate::need::{DetailLevel, Need};
use crate::snapshot::{ClusterSnapshot, ClusterView, ObjectRow};

const ADMISSION_GROUP: &str = "admissionregistration.k8s.io";
const CONFIGURATION_PLURALS: [&str; 2] = [
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
];

/// Where add-ons of the cluster live.
pub(super) const KUBE_SYSTEM: &str = "kube-system";

/// Both kinds of configurations.
pub(crate) fn configurations() -> Vec<Need> {
    CONFIGURATION_PLURALS
        .iter()
        .map(|plural| configurations_of(plural))
        .collect()
}

fn configurations_of(plural: &str) -> Need {
    let resource = GroupResource::new(ADMISSION_GROUP, plural);
    Need::objects(resource, DetailLevel::Full).with_fields(&[
        "metadata.deletionTimestamp",
        "webhooks.clientConfig.caBundle",
        "webhooks.clientConfig.service",
        "webhooks.failurePolicy",
        "webhooks.matchConditions[]",
        "webhooks.name",
        "webhooks.namespaceSelector",
        "webhooks.objectSelector",
        "webhooks.rules",
        "webhooks.timeoutSeconds",
    ])
}

/// URLs and conditions of the webhooks of both kinds, which snapshots of earlier releases lack.
pub(crate) fn urls_and_conditions() -> Vec<Need> {
    let needs = configurations().into_iter();
    needs
        .map(|need| {
            need.with_fields(&[
                "webhooks.clientConfig.url",
                "webhooks.matchConditions.expression",
            ])
        })
        .collect()
}

/// All namespaces, for their labels.
pub(crate) fn namespaces() -> Need {
    Need::objects(GroupResource::new("", "namespaces"), DetailLevel::Full)
        .with_fields(&["metadata.labels"])
}

/// Configurations, and their services, endpoints and namespaces.
pub(crate) fn with_services() -> Vec<Need> {
    let mut needs = configurations();
    needs.extend([
        service_backends::services(),
        service_backends::endpoint_slices(),
        namespaces(),
    ]);
    needs
}

/// One webhook of a configuration.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Webhook {
    pub(super) name: String,
    #[serde(default)]
    pub(super) client_config: WebhookClientConfig,
    #[serde(default)]
    pub(super) rules: Vec<WebhookRule>,
    /// The server fills it in; where it has not, the webhook is taken for one that lets pass.
    #[serde(default)]
    failure_policy: String,
    #[serde(default)]
    namespace_selector: Option<WebhookLabelSelector>,
    #[serde(default)]
    object_selector: Option<WebhookLabelSelector>,
    #[serde(default)]
    match_conditions: Vec<MatchCondition>,
    #[serde(default)]
    pub(super) timeout_seconds: Option<i64>,
}

/// How the API server reaches whoever it calls.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WebhookClientConfig {
    pub(super) service: Option<ServiceReference>,
    url: Option<String>,
    ca_bundle: Option<String>,
}

impl WebhookClientConfig {
    /// The service of the cluster that is called, by reference or by its URL.
    pub(super) fn called_service(&self) -> Option<ServiceReference> {
        let by_url = || ServiceReference::from_url(self.url.as_deref()?);
        self.service.clone().or_else(by_url)
    }

    /// Whether it is unknown who is called, as in snapshots of earlier releases.
    pub(super) fn is_unknown(&self) -> bool {
        self.service.is_none() && self.url.is_none()
    }

    /// The certificates that the API server trusts in this call.
    pub(super) fn decoded_ca_bundle(&self) -> CaBundle {
        CaBundle::decode(self.ca_bundle.as_deref())
    }
}

/// A rule of a webhook: what it is asked about.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct WebhookRule {
    pub(super) api_groups: Vec<String>,
    pub(super) api_versions: Vec<String>,
    pub(super) resources: Vec<String>,
    operations: Vec<String>,
    scope: Option<String>,
}

fn matches_name(list: &[String], name: &str) -> bool {
    list.iter().any(|entry| entry == "*" || entry == name)
}

impl WebhookRule {
    /// Whether it is about this resource, with a subresource behind a slash, in some version that is served.
    fn covers(&self, row: &SystemWrite, cluster: &ClusterSnapshot) -> bool {
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
            version == "*" || cluster.discovery.serves(&api_version)
        });
        scope
            && version
            && matches_name(&self.api_groups, row.group())
            && row
                .operations()
                .any(|name| matches_name(&self.operations, name))
            && self
                .resources
                .iter()
                .any(|entry| resource_entry_matches(entry, &row.resource))
    }
}

/// Whether an entry such as `pods`, `pods/*`, `*/status`, `*` or `*/*` is about a resource.
fn resource_entry_matches(entry: &str, resource: &str) -> bool {
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
    pub(super) fn has_match_conditions(&self) -> bool {
        !self.match_conditions.is_empty()
    }

    /// Whether its rules cover this, whatever its selectors say.
    pub(super) fn covers(&self, row: &SystemWrite, cluster: &ClusterSnapshot) -> bool {
        self.rules.iter().any(|rule| rule.covers(row, cluster))
    }

    /// Whether it is asked about objects of a namespace with these labels.
    pub(super) fn matches_namespace(&self, namespace: &LabelMap) -> bool {
        let selector = self.namespace_selector.as_ref();
        selector.is_none_or(|selector| selector.matches(namespace))
    }

    /// Whether it is asked about objects without labels of their own.
    pub(super) fn matches_unlabelled(&self) -> bool {
        let selector = self.object_selector.as_ref();
        selector.is_none_or(|selector| selector.matches(&LabelMap::new()))
    }

    /// Whether it is asked about every object that has at least these labels.
    pub(super) fn matches_all_with(&self, labels: &LabelMap) -> bool {
        let selector = self.object_selector.as_ref();
        selector.is_none_or(|selector| selector.matches_any_superset(labels))
    }

    /// Whether it is called for what the cluster itself writes of this, with an object without labels.
    pub(super) fn is_called_for(
        &self,
        row: &SystemWrite,
        configuration: &WebhookConfiguration<'_>,
    ) -> bool {
        let in_a_namespace = || {
            let namespaces = &configuration.namespaces;
            namespaces
                .0
                .iter()
                .any(|(name, labels)| row.is_written_in(name) && self.matches_namespace(labels))
        };
        self.is_called_for_resource(row, configuration)
            && self.matches_unlabelled()
            && (!row.namespaced || in_a_namespace())
    }

    /// The same with an object of this namespace and with these labels.
    pub(super) fn is_called_for_labelled(
        &self,
        row: &SystemWrite,
        configuration: &WebhookConfiguration<'_>,
        namespace: &str,
        labels: &LabelMap,
    ) -> bool {
        let object = self.object_selector.as_ref();
        let in_namespace = || {
            let own = configuration.namespaces.labels(namespace);
            own.is_some_and(|labels| self.matches_namespace(labels))
        };
        self.is_called_for_resource(row, configuration)
            && object.is_some_and(|selector| selector.matches(labels))
            && (!row.namespaced || in_namespace())
    }

    fn is_called_for_resource(
        &self,
        row: &SystemWrite,
        configuration: &WebhookConfiguration<'_>,
    ) -> bool {
        let cluster = configuration.cluster;
        row.is_subject_to_webhooks(cluster.discovery.effective_minor()) && self.covers(row, cluster)
    }
}

/// Namespaces with their labels.
#[derive(Debug, Default)]
pub(super) struct NamespaceLabels(Vec<(String, LabelMap)>);

impl NamespaceLabels {
    /// Those of a cluster; none where they were not seen.
    fn new(view: ClusterView<'_>) -> Self {
        let rows = view.objects(&namespaces());
        let labels = |row: &ObjectRow| {
            let labels = row.object.get("metadata")?.get("labels")?;
            LabelMap::deserialize(labels).ok()
        };
        Self(
            rows.iter()
                .map(|row| (row.meta.name.clone(), labels(row).unwrap_or_default()))
                .collect(),
        )
    }

    /// The labels of a namespace.
    pub(super) fn labels(&self, name: &str) -> Option<&LabelMap> {
        let found = self.0.iter().find(|(namespace, _)| namespace == name);
        found.map(|(_, labels)| labels)
    }
}

/// A configuration: the object, the API it was listed through, and its webhooks.
pub(super) struct WebhookConfiguration<'a> {
    pub(super) cluster: &'a ClusterSnapshot,
    /// The namespaces of its cluster.
    pub(super) namespaces: Rc<NamespaceLabels>,
    gvk: Gvk,
    row: &'a ObjectRow,
    pub(super) webhooks: Vec<Webhook>,
}

#[derive(Deserialize)]
struct WebhookConfigurationSpec {
    #[serde(default)]
    webhooks: Vec<Webhook>,
}

impl WebhookConfiguration<'_> {
    /// The object of a finding.
    pub(super) fn object(&self, details: Vec<String>) -> AffectedObject {
        let mut evidence = details
            .into_iter()
            .map(|detail| Evidence::new(EvidenceSource::Spec, detail));
        let first = evidence
            .next()
            .unwrap_or_else(|| Evidence::new(EvidenceSource::Spec, ""));
        let mut object = object_from_row(&self.gvk, self.row, first);
        object.evidence.extend(evidence);
        object
    }
}

/// The webhooks of a configuration in a manifest; none of any other kind.
pub(super) fn in_manifest(content: &ManifestContent<'_>) -> Vec<Webhook> {
    let is_configuration = content.object.api_version.starts_with(ADMISSION_GROUP);
    let parsed = WebhookConfigurationSpec::deserialize(content.fields).ok();
    let parsed = parsed.filter(|_| is_configuration);
    parsed.map(|parsed| parsed.webhooks).unwrap_or_default()
}

/// Every configuration that was read, of both kinds, but those that are being deleted.
pub(super) fn read_configurations<'a>(context: &CheckContext<'a>) -> Vec<WebhookConfiguration<'a>> {
    let mut found = Vec::new();
    let Some(view) = context.view() else {
        return found;
    };
    let namespaces = Rc::new(NamespaceLabels::new(view));
    for plural in CONFIGURATION_PLURALS {
        let resource = GroupResource::new(ADMISSION_GROUP, plural);
        let need = configurations_of(plural);

        let Some(api) = view.listed_gvk(&resource) else {
            continue;
        };
        for row in view.objects(&need) {
            let leaving = !row.object["metadata"]["deletionTimestamp"].is_null();
            if let (false, Ok(parsed)) =
                (leaving, WebhookConfigurationSpec::deserialize(&row.object))
            {
                found.push(WebhookConfiguration {
                    cluster: view.cluster,
                    namespaces: namespaces.clone(),
                    gvk: api.clone(),
                    row,
                    webhooks: parsed.webhooks,
                });
            }
        }
    }
    found
}

/// One finding for each severity, about the configurations with an affected webhook.
pub(super) fn webhook_findings(
    rule: &Rule,
    context: &CheckContext<'_>,
    message: impl Fn(Severity) -> &'static str,
    evidence: impl Fn(&WebhookConfiguration<'_>, &Webhook) -> Option<(Severity, String)>,
) -> Vec<Finding> {
    let mut found: BTreeMap<Severity, Vec<AffectedObject>> = BTreeMap::new();
    for configuration in read_configurations(context) {
        let webhooks = configuration.webhooks.iter();
        let affected: Vec<(Severity, String)> = webhooks
            .filter_map(|webhook| {
                let (severity, detail) = evidence(&configuration, webhook)?;
                Some((severity, format!("{}: {detail}", webhook.name)))
            })
            .collect();
        // One object, one finding: the worst of its webhooks decides.
        let Some(worst) = affected.iter().map(|(severity, _)| *severity).max() else {
            continue;
        };
        let details = affected
            .into_iter()
            .filter(|(severity, _)| *severity == worst)
            .map(|(_, detail)| detail)
            .collect();
        let object = configuration.object(details);
        found.entry(worst).or_default().push(object);
    }
    let found = found.into_iter();
    let found = found.flat_map(|(severity, objects)| {
        rule.findings_by_severity(message(severity), BTreeMap::from([(severity, objects)]))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::resource_entry_matches;

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
            assert_eq!(
                resource_entry_matches(entry, resource),
                expected,
                "{entry} {resource}"
            );
        }
    }
}
