//! `crd-conversion-broken`: CRDs whose versions a webhook converts that does not answer.

use serde::Deserialize;

use super::backing::{self, Backing};
use super::data::{listed_through, object};
use super::webhooks::ClientConfig;
use super::{Body, Finding, Object, Rule, Said, Severity, Situation};
use crate::catalog::Resource;
use crate::evidence::{Evidence, Source};
use crate::need::{Depth, Need};
use crate::snapshot::{JsonRow, Picture};

/// The rule.
pub(super) const RULE: Rule = Rule {
    id: "crd-conversion-broken",
    severity: Severity::Blocker,
    title: "A conversion webhook does not answer",
    applies_to: "any",
    why: "Objects that are stored in one version and asked for in another cannot be read or written, not even in order to delete them: namespaces do not finish, garbage collection stands still for all kinds, and whoever lists that kind fails.",
    how: "By spec.conversion of CRDs with more than one version: the service is missing or has no ready endpoint, or no certificate of caBundle can be read or is still good. Webhooks that are called by URL are judged by caBundle alone.",
    mend: "Bring the webhook's pods and certificates back before the upgrade, and keep one of its pods alive while nodes are drained.",
    reference: "https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#webhook-conversion",
    sources: &[
        "kubernetes-sigs/cluster-api docs/book/src/reference/versions.md",
        "kubernetes/apiextensions-apiserver pkg/apiserver/conversion/webhook_converter.go",
    ],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![crds(), backing::services(), backing::slices()],
        evaluate,
    },
};

/// All CRDs, without their schemas.
pub(crate) fn crds() -> Need {
    Need::objects(resource(), Depth::Whole)
}

fn resource() -> Resource {
    Resource::new("apiextensions.k8s.io", "customresourcedefinitions")
}

/// A CRD whose versions a webhook converts.
struct Converted<'a> {
    picture: &'a Picture,
    row: &'a JsonRow,
    client: ClientConfig,
    versions: usize,
}

fn converted<'a>(situation: &Situation<'a>) -> Vec<Converted<'a>> {
    let need = crds();
    let rows = situation
        .rows(&need)
        .flat_map(|(picture, rows)| rows.json().iter().map(move |row| (picture, row)));
    rows.filter_map(|(picture, row)| {
        let spec = row.object.get("spec")?;
        let leaving = !row.object["metadata"]["deletionTimestamp"].is_null();
        let conversion = spec.get("conversion")?;
        if leaving || conversion.get("strategy")? != "Webhook" {
            return None;
        }
        let client = conversion
            .pointer("/webhook/clientConfig")
            .or_else(|| conversion.get("webhookClientConfig"))?;
        Some(Converted {
            picture,
            row,
            client: ClientConfig::deserialize(client).ok()?,
            versions: spec.get("versions")?.as_array()?.len(),
        })
    })
    .collect()
}

impl Converted<'_> {
    fn object(&self, situation: &Situation<'_>, detail: String) -> Option<Object> {
        let api = listed_through(&resource(), self.picture, situation.catalog)?;
        let evidence = Evidence::new(Source::Spec, detail);
        Some(object(self.picture, &api, self.row, evidence))
    }
}

fn evaluate(situation: &Situation<'_>) -> Vec<Finding> {
    let objects = converted(situation).into_iter().filter_map(|crd| {
        let service = crd.client.service.as_ref();
        let backing = Backing::new(situation, crd.picture);
        let dead = service.and_then(|service| backing.dead(service));
        let fault = dead.or_else(|| crd.client.bundle().fault(situation.now));
        let detail = fault.filter(|_| crd.versions > 1)?;
        crd.object(situation, detail)
    });
    let message = "its objects cannot be read in every version";
    let said = Said::new(&RULE, RULE.id, message, objects.collect());
    Finding::new(&RULE, said).into_iter().collect()
}
