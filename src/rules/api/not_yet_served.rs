//! `api-not-yet-served`: a manifest of an API version that the target does not serve yet.

use std::collections::BTreeMap;

use crate::catalog::{Api, Gvk, ServingMode};
use crate::evidence::{Evidence, EvidenceSource};
use crate::rules::{
    AffectedObject, Applicability, CheckContext, Finding, FindingDraft, Rule, RuleKind, Severity,
};
use crate::snapshot::ManifestObject;

/// The rule.
pub(crate) const RULE: Rule = Rule {
    id: "api-not-yet-served",
    severity: Severity::Blocker,
    title: "A manifest uses an API version that the target does not serve yet",
    applies_to: Applicability::Text("each minor that introduces an API"),
    why: "The API server answers every request for that version with 404, so the manifest cannot be applied.",
    detection: "By apiVersion and kind of the manifests given with -f, against the minor that introduced the API.",
    remedy: "Use a version that the target serves.",
    reference: "https://kubernetes.io/docs/reference/using-api/deprecation-guide/",
    sources: &["kubernetes/api */zz_generated.prerelease-lifecycle.go"],
    kind: RuleKind::Code {
        needs: |_| Vec::new(),
        evaluate,
    },
    reads_files: true,
    ..Rule::DEFAULT
};

fn evaluate(context: &CheckContext<'_>) -> Vec<Finding> {
    let Some(target) = context.path.to.or(context.path.from) else {
        return Vec::new();
    };
    let apis = &context.catalog.apis;
    let mut early: BTreeMap<Gvk, (&Api, Vec<AffectedObject>)> = BTreeMap::new();
    for object in &context.manifests.objects {
        let gvk = Gvk::new(&object.api_version, &object.kind);
        let api = apis
            .find(&gvk)
            .filter(|api| api.introduced > target && api.serving_mode != ServingMode::Never);
        if let Some(api) = api {
            let (_, objects) = early.entry(gvk).or_insert((api, Vec::new()));
            objects.push(manifest_object(object));
        }
    }
    let findings = early.into_iter().filter_map(|(gvk, (api, objects))| {
        let served = apis.resource_of(api).and_then(|resource| {
            let mut others = apis.apis_of(&resource);
            others.find(|other| {
                other.serving_mode == ServingMode::ByDefault && other.exists_in(target)
            })
        });
        let message = format!(
            "{} is served from {} on, not by {target}; {}",
            gvk.api_version(),
            api.introduced,
            match served {
                Some(served) => format!("use {}", served.gvk().api_version()),
                None => format!("{target} serves no version of {} by default", gvk.kind),
            }
        );
        let remedy = match served {
            Some(served) => format!(
                "Change apiVersion in the manifest to {} until the cluster runs {}.",
                served.gvk().api_version(),
                api.introduced
            ),
            None => format!(
                "Apply it when the cluster runs {} or later.",
                api.introduced
            ),
        };
        let draft = FindingDraft {
            remedy,
            ..FindingDraft::new(&RULE, gvk.to_string(), message, objects)
        };
        Finding::new(&RULE, draft)
    });
    findings.collect()
}

fn manifest_object(object: &ManifestObject) -> AffectedObject {
    AffectedObject {
        cluster: None,
        namespace: object.namespace.clone(),
        api_version: object.api_version.clone(),
        kind: object.kind.clone(),
        name: object.name.clone(),
        owner: None,
        evidence: vec![Evidence {
            location: Some(object.location.clone()),
            ..Evidence::new(EvidenceSource::File, object.location.clone())
        }],
    }
}
