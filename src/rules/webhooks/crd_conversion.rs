//! `crd-conversion-broken`: CRDs whose versions a webhook converts that does not answer.

use serde::Deserialize;
use serde_json::Value;

use super::WebhookClientConfig;
use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::ca_bundle::CaBundle;
use crate::facts::custom_resources::{definition_resource, definitions_need};
use crate::facts::service_backends;
use crate::facts::service_backends::ServiceBackends;
use crate::rules::engine::data_rule::object_from_row;
use crate::rules::engine::manifests::{ManifestContent, add_object, manifest_contents};
use crate::rules::{AffectedObject, CheckContext, Finding, Rule, RuleKind, Severity};

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "crd-conversion-broken",
    severity: Severity::Blocker,
    title: "A conversion webhook is unavailable",
    why: "Objects that are stored in one version and requested in another cannot be read, written or even deleted. Deletion of namespaces does not complete, garbage collection stalls for all kinds, and clients that list this kind fail.",
    detection: "By spec.conversion of CRDs with more than one version: the service is missing or has no ready endpoint, or no certificate of caBundle can be parsed and is still valid. For webhooks called by URL only caBundle is inspected. In manifests and Helm releases a caBundle whose certificates have expired is a warning.",
    remedy: "Restore the webhook's pods and certificates before the upgrade, and keep one of its pods running while nodes are drained.",
    reference: "https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion",
    sources: &[
        "kubernetes-sigs/cluster-api docs/book/src/reference/versions.md",
        "kubernetes/apiextensions-apiserver pkg/apiserver/conversion/webhook_converter.go",
    ],
    kind: RuleKind::Code {
        needs: |_| {
            vec![
                definitions_need(),
                service_backends::services(),
                service_backends::endpoint_slices(),
            ]
        },
        evaluate,
    },
    reads_files: true,
    ..Rule::DEFAULT
};

/// A CRD whose versions a webhook converts.
struct ConvertedCrd {
    client_config: WebhookClientConfig,
    version_count: usize,
}

impl ConvertedCrd {
    fn of(object: &Value) -> Option<Self> {
        let spec = object.get("spec")?;
        let leaving = !object["metadata"]["deletionTimestamp"].is_null();
        let conversion = spec.get("conversion")?;
        if leaving || conversion.get("strategy")? != "Webhook" {
            return None;
        }
        let client = conversion
            .pointer("/webhook/clientConfig")
            .or_else(|| conversion.get("webhookClientConfig"))?;
        Some(Self {
            client_config: WebhookClientConfig::deserialize(client).ok()?,
            version_count: spec.get("versions")?.as_array()?.len(),
        })
    }

    /// Why its webhook cannot be called.
    fn fault(&self, context: &CheckContext<'_>) -> Option<String> {
        let service = self.client_config.service.as_ref();
        let backing = context.fact(ServiceBackends::new);
        let dead = service.and_then(|service| backing.unavailable_reason(service));
        let fault = dead.or_else(|| self.client_config.decoded_ca_bundle().problem(context.now));
        fault.filter(|_| self.version_count > 1)
    }
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let need = definitions_need();
    let api = context.listed_gvk(&definition_resource());
    let rows = context.objects(&need).iter();
    let objects = rows.zip(api.iter().cycle()).filter_map(|(row, api)| {
        let detail = ConvertedCrd::of(&row.object)?.fault(context)?;
        let evidence = Evidence::new(EvidenceSource::Spec, detail);
        Some(object_from_row(api, row, evidence))
    });
    let message = "its objects cannot be read in every version";
    let mut live: Vec<AffectedObject> = objects.collect();
    let mut written = Vec::new();
    for content in manifest_contents(context) {
        if let Some(object) = expired_bundle(&content, context) {
            match live.iter_mut().find(|other| other.is_same(&object)) {
                Some(other) => other.evidence.extend(object.evidence),
                None => add_object(&mut written, object),
            }
        }
    }
    let live = RULE.finding(RULE.severity, RULE.id, message, live);
    let message = "once it is applied, its objects cannot be read in every version";
    let written = RULE.finding(Severity::Warning, RULE.id, message, written);
    live.into_iter().chain(written).collect()
}

/// A CRD in a manifest whose webhook will not be trusted until its caBundle is replaced. An unreadable one is usually the
/// place for one; `crd-cabundle-invalid` reports it where it is rejected.
fn expired_bundle(
    content: &ManifestContent<'_>,
    context: &CheckContext<'_>,
) -> Option<AffectedObject> {
    let is_crd = content.is_of(&definition_resource(), context);
    let crd = ConvertedCrd::of(content.fields).filter(|_| is_crd)?;
    let bundle = crd.client_config.decoded_ca_bundle();
    let is_expired = matches!(bundle, CaBundle::ValidUntil(_)) && crd.version_count > 1;
    let detail = bundle.problem(context.now).filter(|_| is_expired)?;
    Some(content.affected(detail))
}
