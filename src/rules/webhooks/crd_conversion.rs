//! `crd-conversion-broken`: CRDs whose versions a webhook converts that does not answer.

use serde::Deserialize;

use super::WebhookClientConfig;
use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::custom_resources::{definition_resource, definitions_need};
use crate::facts::service_backends;
use crate::facts::service_backends::ServiceBackends;
use crate::rules::engine::data_rule::object_from_row;
use crate::rules::{AffectedObject, CheckContext, Finding, Rule, RuleKind, Severity};
use crate::snapshot::ObjectRow;

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "crd-conversion-broken",
    severity: Severity::Blocker,
    title: "A conversion webhook is unavailable",
    why: "Objects that are stored in one version and requested in another cannot be read, written or even deleted. Deletion of namespaces does not complete, garbage collection stalls for all kinds, and clients that list this kind fail.",
    detection: "By spec.conversion of CRDs with more than one version: the service is missing or has no ready endpoint, or no certificate of caBundle can be parsed and is still valid. For webhooks called by URL only caBundle is inspected.",
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
    ..Rule::DEFAULT
};

/// A CRD whose versions a webhook converts.
struct ConvertedCrd<'a> {
    row: &'a ObjectRow,
    client_config: WebhookClientConfig,
    version_count: usize,
}

fn webhook_converted_crds<'a>(context: &CheckContext<'a>) -> Vec<ConvertedCrd<'a>> {
    let rows = context.objects(&definitions_need()).iter();
    rows.filter_map(|row| {
        let spec = row.object.get("spec")?;
        let leaving = !row.object["metadata"]["deletionTimestamp"].is_null();
        let conversion = spec.get("conversion")?;
        if leaving || conversion.get("strategy")? != "Webhook" {
            return None;
        }
        let client = conversion
            .pointer("/webhook/clientConfig")
            .or_else(|| conversion.get("webhookClientConfig"))?;
        Some(ConvertedCrd {
            row,
            client_config: WebhookClientConfig::deserialize(client).ok()?,
            version_count: spec.get("versions")?.as_array()?.len(),
        })
    })
    .collect()
}

impl ConvertedCrd<'_> {
    fn object(&self, context: &CheckContext<'_>, detail: String) -> Option<AffectedObject> {
        let api = context.listed_gvk(&definition_resource())?;
        let evidence = Evidence::new(EvidenceSource::Spec, detail);
        Some(object_from_row(&api, self.row, evidence))
    }
}

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let objects = webhook_converted_crds(context)
        .into_iter()
        .filter_map(|crd| {
            let service = crd.client_config.service.as_ref();
            let backing = context.fact(ServiceBackends::new);
            let dead = service.and_then(|service| backing.unavailable_reason(service));
            let fault = dead.or_else(|| crd.client_config.decoded_ca_bundle().problem(context.now));
            let detail = fault.filter(|_| crd.version_count > 1)?;
            crd.object(context, detail)
        });
    let message = "its objects cannot be read in every version";
    let finding = RULE.finding(RULE.severity, RULE.id, message, objects);
    finding.into_iter().collect()
}
