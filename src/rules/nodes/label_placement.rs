//! Where objects name the label of a role in their fields: templates of jobs, volumes, custom resources, manifests and Helm
//! records.

use serde_json::Value;

use crate::catalog::{GroupResource, LegacyRoleLabel};
use crate::evidence::{Evidence, EvidenceSource};
use crate::need::{DetailLevel, Need, NeedContext, ReadTarget};
use crate::rules::engine::data_rule::object_from_row;
use crate::rules::engine::manifests::{POD_SPECS, manifest_contents};
use crate::rules::{AffectedObject, CheckContext};
use crate::snapshot::{Placement, SharedStr};

/// Resources beside workloads and pods, the path of what says where they run, and other fields.
const RESOURCES: [(&str, &str, &str, &[&str]); 9] = [
    (
        "batch",
        "cronjobs",
        "spec.jobTemplate.spec.template.spec",
        &[],
    ),
    (
        "batch",
        "jobs",
        "spec.template.spec",
        &["status.completionTimestamp[]"],
    ),
    ("", "replicationcontrollers", "spec.template.spec", &[]),
    ("", "podtemplates", "template.spec", &[]),
    ("node.k8s.io", "runtimeclasses", "scheduling", &[]),
    ("", "persistentvolumes", "", &["spec.nodeAffinity"]),
    ("argoproj.io", "rollouts", "spec.template.spec", &[]),
    ("upgrade.cattle.io", "plans", "spec", &[]),
    (
        "crd.projectcalico.org",
        "bgppeers",
        "spec",
        &["spec.peerSelector"],
    ),
];

/// What of it is read.
const PLACEMENT_FIELDS: [&str; 3] = ["nodeSelector", "affinity.nodeAffinity", "tolerations"];

fn resource_needs() -> impl Iterator<Item = Need> {
    RESOURCES.iter().map(|(group, plural, placement, others)| {
        let parts = PLACEMENT_FIELDS.iter().filter(|_| !placement.is_empty());
        let parts: Vec<String> = parts.map(|part| format!("{placement}.{part}")).collect();
        let paths: Vec<&str> = parts
            .iter()
            .map(String::as_str)
            .chain(others.iter().copied())
            .collect();
        Need::objects(GroupResource::new(group, plural), DetailLevel::Full).with_fields(&paths)
    })
}

/// Those objects, if the label is removed on the way.
pub(super) fn needs(context: &NeedContext<'_>) -> Vec<Need> {
    let mut labels = context.catalog.legacy_role_labels.iter();
    match labels.any(|label| context.path.hop_into(label.removed_from).is_some()) {
        true => resource_needs().collect(),
        false => Vec::new(),
    }
}

/// The objects that name the old key so that they will miss the nodes, in the cluster, in manifests and Helm records.
pub(super) fn objects_using_label(
    context: &CheckContext<'_>,
    label: &LegacyRoleLabel,
) -> Vec<AffectedObject> {
    let mut objects = Vec::new();
    for need in resource_needs() {
        let ReadTarget::Objects { resource, .. } = &need.target else {
            continue;
        };
        let Some(api) = context.listed_gvk(resource) else {
            continue;
        };
        for row in context.objects(&need) {
            // A CronJob makes its jobs from its template; a job that is complete runs no pod any more.
            let is_done = row.object.pointer("/status/completionTimestamp").is_some();
            if row.meta.owner.is_some() && api.kind == "Job" || is_done {
                continue;
            }
            if let Some(place) = named_place(&row.object, label) {
                let evidence = Evidence::new(EvidenceSource::Spec, place);
                objects.push(object_from_row(&api, row, evidence));
            }
        }
    }
    let contents = manifest_contents(context).into_iter();
    objects.extend(contents.filter_map(|content| {
        let place = named_place(content.fields, label)?;
        Some(content.affected(place))
    }));
    objects
}

/// Where an object names the old key and not the new one too.
fn named_place(object: &Value, label: &LegacyRoleLabel) -> Option<String> {
    let mut paths = POD_SPECS.iter().chain(&["/scheduling"]);
    let spec = paths.find_map(|path| object.pointer(path))?;
    if let Some(place) = label_use(&placement(spec), label) {
        return Some(format!("{place}: {}", label.label));
    }
    // Selectors of custom resources: texts, and requirements of label selectors.
    let names = |field: &str, key: &str| {
        spec.get(field)
            .is_some_and(|part| part.to_string().contains(key))
    };
    let selectors = ["nodeSelector", "peerSelector"];
    let mut named = selectors.iter().filter(|field| {
        let is_map = spec[**field].as_object().is_some_and(|map| {
            !map.contains_key("matchExpressions") && !map.contains_key("matchLabels")
        });
        !is_map && names(field, &label.label) && !names(field, &label.replacement)
    });
    named
        .next()
        .map(|field| format!("{field}: {}", label.label))
}

/// Required node affinity, of pods and of PersistentVolumes.
const AFFINITY_TERMS: [&str; 2] = [
    "/affinity/nodeAffinity/requiredDuringSchedulingIgnoredDuringExecution/nodeSelectorTerms",
    "/nodeAffinity/required/nodeSelectorTerms",
];

/// The keys by which a pod chooses nodes.
fn placement(spec: &Value) -> Placement {
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let terms = AFFINITY_TERMS.iter().find_map(|path| spec.pointer(path));
    let terms = list(terms);
    let keys = |term: &Value, are_wanted: bool| {
        let parts = list(term.get("matchExpressions")).into_iter();
        let parts = parts.filter(|part| {
            let operator = part["operator"].as_str();
            are_wanted != matches!(operator, Some("DoesNotExist" | "NotIn"))
        });
        parts
            .filter_map(|part| part["key"].as_str().map(Into::into))
            .collect()
    };
    let selector = spec.get("nodeSelector").and_then(Value::as_object);
    let tolerations = list(spec.get("tolerations")).into_iter();
    Placement {
        node_selector_keys: selector
            .into_iter()
            .flat_map(|map| map.keys())
            .map(|key| key.as_str().into())
            .collect(),
        required_affinity_keys: terms.iter().map(|term| keys(term, true)).collect(),
        excluded_affinity_keys: terms.iter().map(|term| keys(term, false)).collect(),
        toleration_keys: tolerations
            .map(|toleration| toleration["key"].as_str().unwrap_or_default().into())
            .collect(),
    }
}

/// Where a template names the old key so that its pods will miss the nodes; none where it does not.
pub(super) fn label_use(placement: &Placement, label: &LegacyRoleLabel) -> Option<&'static str> {
    let old = label.label.as_str();
    if placement.node_selector_keys.iter().any(|key| &**key == old) {
        return Some("nodeSelector");
    }
    // Terms are alternatives: it is lost only where each of them names the old key.
    let terms = &placement.required_affinity_keys;
    if !terms.is_empty()
        && terms
            .iter()
            .all(|term| term.iter().any(|key| &**key == old))
    {
        return Some("nodeAffinity");
    }
    // Nodes that every alternative excluded fit from now on.
    let excluded = &placement.excluded_affinity_keys;
    let excludes = |term: &[SharedStr], key: &str| term.iter().any(|own| &**own == key);
    let only_old = |term: &[SharedStr]| excludes(term, old) && !excludes(term, &label.replacement);
    let is_kept_off = !excluded.is_empty() && excluded.iter().all(|term| excludes(term, old));
    if is_kept_off && excluded.iter().any(|term| only_old(term)) {
        return Some("nodeAffinity that excludes nodes with");
    }
    let tolerates = |key: &str| placement.toleration_keys.iter().any(|own| &**own == key);
    // An empty key tolerates everything.
    let new = tolerates("") || tolerates(&label.replacement);
    (tolerates(old) && !new).then_some("tolerations")
}
