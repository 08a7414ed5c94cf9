//! Fields that name another object by version: `spec.scaleTargetRef` of a HorizontalPodAutoscaler and the like.
//!
//! The autoscaler looks its target up by group and kind and ignores the version, so `apps/v1beta1` keeps working after
//! its removal while `extensions/v1beta1` does not: no Deployment is left in that group.
//! Source: kubernetes/kubernetes pkg/controller/podautoscaler/horizontal.go (reconcileAutoscaler, RESTMappings).

use crate::catalog::{Api, Catalog, Gvk, Minor};
use crate::snapshot::{ManifestObject, ObjectReference, ObjectRow};

/// Kinds with such a field, and the field.
///
/// Sources: kedacore/keda apis/keda/v1alpha1/scaledobject_types.go, kubernetes/autoscaler
/// vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1/types.go, fluxcd/flagger pkg/apis/flagger/v1beta1/canary.go,
/// argoproj/argo-rollouts pkg/apis/rollouts/v1alpha1/types.go, karmada-io/karmada
/// pkg/apis/autoscaling/v1alpha1/federatedhpa_types.go, DataDog/datadog-operator api/datadoghq/v1alpha2.
const REFERENCE_FIELDS: [(&str, &str); 8] = [
    ("HorizontalPodAutoscaler", "spec.scaleTargetRef"),
    ("ScaledObject", "spec.scaleTargetRef"),
    ("FederatedHPA", "spec.scaleTargetRef"),
    ("CronFederatedHPA", "spec.scaleTargetRef"),
    ("VerticalPodAutoscaler", "spec.targetRef"),
    ("DatadogPodAutoscaler", "spec.targetRef"),
    ("Canary", "spec.targetRef"),
    ("Rollout", "spec.workloadRef"),
];

/// The references of an object by which its controller finds what it scales or rolls out.
pub fn workload_references(object: &ManifestObject) -> impl Iterator<Item = &ObjectReference> {
    let references = object.references.iter();
    references.filter(|to| {
        let field = (object.kind.as_str(), to.field.as_str());
        REFERENCE_FIELDS.contains(&field)
    })
}

/// The reference inside a live object that was read whole.
#[must_use]
pub fn scale_target_ref(row: &ObjectRow) -> Option<ObjectReference> {
    let target = row.object.get("spec")?.get("scaleTargetRef")?;
    let text = |field: &str| target.get(field)?.as_str().map(str::to_owned);
    Some(ObjectReference {
        field: "spec.scaleTargetRef".to_owned(),
        api_version: text("apiVersion")?,
        kind: text("kind")?,
        name: text("name")?,
    })
}

/// The API that a reference names, if by the end of the path nothing of that group and kind is left to find, and the
/// minor from which on that is so.
#[must_use]
pub fn dangling_api<'a>(
    reference: &ObjectReference,
    end: Minor,
    catalog: &'a Catalog,
) -> Option<(&'a Api, Minor)> {
    let gvk = Gvk::new(&reference.api_version, &reference.kind);
    let api = catalog.apis.find(&gvk)?;
    let removed: Option<Vec<Minor>> = catalog
        .apis
        .iter()
        .filter(|other| other.group() == api.group() && other.gvk().kind == gvk.kind)
        .map(|other| other.removed)
        .collect();
    let last = removed?.into_iter().max()?;
    (last <= end).then_some((api, last))
}

#[cfg(test)]
mod tests {
    use super::dangling_api;
    use crate::catalog::Catalog;
    use crate::snapshot::ObjectReference;

    #[test]
    fn targets_are_found_by_group_and_kind() {
        let catalog = Catalog::embedded().expect("the catalog");
        let end = "1.25".parse().expect("a minor");
        let found = |api_version: &str, kind: &str| {
            let reference = ObjectReference {
                field: "spec.scaleTargetRef".into(),
                api_version: api_version.into(),
                kind: kind.into(),
                name: "web".into(),
            };
            dangling_api(&reference, end, catalog).map(|(_, since)| since.to_string())
        };
        assert_eq!(
            found("extensions/v1beta1", "Deployment").as_deref(),
            Some("1.16")
        );
        for (api_version, kind) in [
            ("apps/v1", "Deployment"),
            ("apps/v1beta1", "Deployment"),
            ("v1", "ReplicationController"),
            ("argoproj.io/v1alpha1", "Rollout"),
        ] {
            assert_eq!(found(api_version, kind), None, "{api_version} {kind}");
        }
    }
}
