//! Clusters that upgrade themselves by the Plans of the system-upgrade-controller, as k3s and RKE2 do.
//!
//! A Plan applies its version to the nodes that it selects, a few at a time: `status.applying` names those, and a node that is
//! done carries the hash of the Plan in a label.
//!
//! Source: rancher/system-upgrade-controller pkg/apis/upgrade.cattle.io/v1/types.go, pkg/upgrade/plan/plan.go,
//! pkg/upgrade/handle_batch.go.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use crate::catalog::{GroupResource, ImageRef, Release};
use crate::facts::nodes::is_control_plane_node;
use crate::need::{DetailLevel, Need};
use crate::snapshot::{ClusterView, LabelSelector, NodeRow, ObjectRow, label_requirement_holds};

/// What the label of a node that is done begins with.
const PLAN_LABEL_PREFIX: &str = "plan.upgrade.cattle.io/";
/// The value of that label on a node that the Plan leaves out.
const DISABLED: &str = "disabled";
/// The label that the controller requires of a node.
const HOSTNAME_LABEL: &str = "kubernetes.io/hostname";
/// The names of images that upgrade Kubernetes: other Plans upgrade other things. Source: rancher/k3s-upgrade,
/// rancher/rke2-upgrade.
const UPGRADE_IMAGES: [&str; 2] = ["k3s-upgrade", "rke2-upgrade"];

/// The Plans.
pub(super) fn need() -> Need {
    let resource = GroupResource::new("upgrade.cattle.io", "plans");
    Need::objects(resource, DetailLevel::Full).with_fields(&[
        "spec.nodeSelector",
        "spec.upgrade.image",
        "spec.version",
        "status.applying",
        "status.conditions",
        "status.latestHash",
        "status.latestVersion",
    ])
}

/// A Plan that upgrades Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePlan {
    /// The version that it applies; `None` until the controller has resolved it.
    pub version: Option<Release>,
    /// The nodes that it is applied to now.
    pub applying: BTreeSet<String>,
    /// How many of its nodes are done.
    pub done: usize,
    /// How many nodes it selects.
    pub total: usize,
    /// How many of these run an older version.
    pub behind: usize,
    /// How many of those are nodes of the control plane.
    pub control_plane_behind: usize,
    /// Why it does not go on: a Job has failed; `None` if nothing is wrong.
    pub failure: Option<String>,
}

impl NodePlan {
    fn new(row: &ObjectRow, nodes: &[NodeRow]) -> Self {
        let text = |pointer: &str| row.object.pointer(pointer).and_then(Value::as_str);
        let selector = row.object.pointer("/spec/nodeSelector");
        let selector = selector.and_then(|selector| LabelSelector::deserialize(selector).ok());
        let label = format!("{PLAN_LABEL_PREFIX}{}", row.meta.name);
        let hash = text("/status/latestHash").filter(|hash| !hash.is_empty());
        let selected = nodes.iter().filter(|node| {
            node.labels.contains_key(HOSTNAME_LABEL)
                && node
                    .labels
                    .get(&label)
                    .is_none_or(|value| value != DISABLED)
                && selector
                    .as_ref()
                    .is_none_or(|selector| selects(selector, node))
        });
        let selected: Vec<&NodeRow> = selected.collect();
        let is_done = |node: &&&NodeRow| {
            hash.is_some() && node.labels.get(&label).map(String::as_str) == hash
        };
        let version = version(text("/spec/version"), text("/status/latestVersion"));
        let is_behind = |node: &&&NodeRow| {
            let running = node.kubelet_version.release().zip(version.as_ref());
            running.is_some_and(|(running, version)| running.semver < version.semver)
        };
        let behind = || selected.iter().filter(is_behind);
        let applying = row
            .object
            .pointer("/status/applying")
            .and_then(Value::as_array);
        let applying = applying.into_iter().flatten().filter_map(Value::as_str);
        Self {
            applying: applying.map(str::to_owned).collect(),
            done: selected.iter().filter(is_done).count(),
            total: selected.len(),
            behind: behind().count(),
            control_plane_behind: behind().filter(|node| is_control_plane_node(node)).count(),
            version,
            failure: failure(&row.object),
        }
    }
}

/// That of the spec, or the one that the controller has resolved, which is the tag of an image: `v1.33.1-k3s1` is
/// `v1.33.1+k3s1`.
fn version(spec: Option<&str>, resolved: Option<&str>) -> Option<Release> {
    if let Some(version) = spec.filter(|version| !version.is_empty()) {
        return version.parse().ok();
    }
    let (version, build) = resolved?.rsplit_once('-')?;
    format!("{version}+{build}").parse().ok()
}

fn selects(selector: &LabelSelector, node: &NodeRow) -> bool {
    let label = |key: &str| node.labels.get(key).map(String::as_str);
    let mut equal = selector.match_labels.iter();
    equal.all(|(key, value)| label(key) == Some(value))
        && selector.match_expressions.iter().all(|part| {
            let is_listed = |value: &str| part.values.iter().any(|listed| &**listed == value);
            label_requirement_holds(&part.operator, label(&part.key), is_listed).unwrap_or(false)
        })
}

/// By the condition `Complete`: releases of the controller without it do not report failed Jobs.
fn failure(plan: &Value) -> Option<String> {
    let conditions = plan.pointer("/status/conditions")?.as_array()?;
    let mut conditions = conditions.iter();
    let complete = conditions.find(|condition| {
        condition["type"] == "Complete"
            && condition["status"] == "False"
            && condition["reason"] == "JobFailed"
    })?;
    let message = complete["message"].as_str().unwrap_or_default();
    Some(message.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The newest version that a Plan still has to bring to a node.
pub(super) fn pending_version(plans: &BTreeMap<String, NodePlan>) -> Option<Release> {
    let pending = plans.values().filter(|plan| plan.behind > 0);
    pending.filter_map(|plan| plan.version.clone()).max()
}

/// Whatever registry it comes from.
fn is_upgrade_image(image: &str) -> bool {
    let name = ImageRef::new(image).repository.rsplit('/').next();
    name.is_some_and(|name| UPGRADE_IMAGES.contains(&name))
}

/// The Plans that upgrade Kubernetes, by `namespace/name`; empty without the controller.
pub(super) fn plans(view: ClusterView<'_>) -> BTreeMap<String, NodePlan> {
    let nodes = view.nodes().unwrap_or_default();
    let rows = view.objects(&need()).iter().filter(|row| {
        let image = row
            .object
            .pointer("/spec/upgrade/image")
            .and_then(Value::as_str);
        image.is_some_and(is_upgrade_image)
    });
    rows.map(|row| {
        (
            row.meta.namespaced_name().to_string(),
            NodePlan::new(row, nodes),
        )
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::{NodePlan, is_upgrade_image, pending_version, version};
    use crate::snapshot::{MetaRow, NodeRow, ObjectRow};

    fn node(name: &str, version: &str, labels: Value) -> NodeRow {
        let mut labels = labels;
        labels["kubernetes.io/hostname"] = json!(name);
        serde_json::from_value(json!({"name": name, "kubeletVersion": version, "labels": labels}))
            .expect("a node")
    }

    fn plan(spec: Value, status: Value, nodes: &[NodeRow]) -> NodePlan {
        let meta = MetaRow {
            name: "agents".to_owned(),
            ..MetaRow::default()
        };
        let object = json!({"spec": spec, "status": status});
        NodePlan::new(&ObjectRow { meta, object }, nodes)
    }

    #[test]
    fn a_plan_counts_the_nodes_that_it_selects() {
        let label = "plan.upgrade.cattle.io/agents";
        let server = json!({"node-role.kubernetes.io/control-plane": "true"});
        let nodes = [
            node("server", "v1.33.1+k3s1", server),
            node("done", "v1.34.2+k3s1", json!({label: "8f3c"})),
            node("outdated", "v1.33.1+k3s1", json!({label: "7e2b"})),
            node("new", "v1.33.1+k3s1", json!({})),
            node("disabled", "v1.33.1+k3s1", json!({label: "disabled"})),
        ];
        let role =
            json!({"key": "node-role.kubernetes.io/control-plane", "operator": "DoesNotExist"});
        let spec = json!({"nodeSelector": {"matchExpressions": [role]}});
        let status = json!({"latestVersion": "v1.34.2-k3s1", "latestHash": "8f3c", "applying": ["outdated"]});
        let agents = plan(spec, status, &nodes);
        assert_eq!((agents.done, agents.total, agents.behind), (1, 3, 2));
        assert_eq!(agents.control_plane_behind, 0);
        assert_eq!(
            agents.applying.into_iter().collect::<Vec<_>>(),
            ["outdated"]
        );
        // Before the controller has resolved it, nothing is known of it.
        let unresolved = plan(
            json!({"channel": "https://update.k3s.io"}),
            json!({}),
            &nodes,
        );
        assert_eq!(
            (unresolved.version, unresolved.done, unresolved.behind),
            (None, 0, 0)
        );
    }

    #[test]
    fn the_tag_of_an_image_is_a_version() {
        let text =
            |version: Option<crate::catalog::Release>| version.map(|version| version.to_string());
        for (spec, resolved, expected) in [
            (Some("v1.34.2+rke2r1"), None, Some("1.34.2+rke2r1")),
            (None, Some("v1.34.2-k3s1"), Some("1.34.2+k3s1")),
            (Some(""), Some("v1.34.2-rc1-k3s1"), Some("1.34.2-rc1+k3s1")),
            (None, Some("latest"), None),
            (None, None, None),
        ] {
            assert_eq!(
                text(version(spec, resolved)).as_deref(),
                expected,
                "{spec:?} {resolved:?}"
            );
        }
    }

    #[test]
    fn a_plan_that_upgrades_something_else_is_none_of_kubernetes() {
        assert!(is_upgrade_image("rancher/k3s-upgrade"));
        assert!(is_upgrade_image(
            "registry.example:5000/mirror/rke2-upgrade:v1.34.2-rke2r1"
        ));
        assert!(!is_upgrade_image("rancher/k3s"));
        assert!(!is_upgrade_image("registry.example/ubuntu-upgrade:24.04"));
    }

    #[test]
    fn only_a_plan_with_older_nodes_is_pending() {
        let spec = json!({"version": "v1.34.2+k3s1"});
        let pending = |kubelet: &str| {
            let nodes = [node("a", kubelet, json!({}))];
            let plans = BTreeMap::from([(
                "system-upgrade/agents".to_owned(),
                plan(spec.clone(), json!({}), &nodes),
            )]);
            pending_version(&plans).map(|version| version.to_string())
        };
        assert_eq!(pending("v1.34.1+k3s1").as_deref(), Some("1.34.2+k3s1"));
        assert_eq!(
            pending("v1.34.2+k3s1"),
            None,
            "its label is missing, its version is not"
        );
    }

    #[test]
    fn a_failed_job_is_why_a_plan_does_not_go_on() {
        let conditions = |reason: &str| json!({"conditions": [{"type": "Complete", "status": "False", "reason": reason, "message": "Job a\nfailed"}]});
        let failure = |reason| plan(json!({}), conditions(reason), &[]).failure;
        assert_eq!(failure("JobFailed").as_deref(), Some("Job a failed"));
        assert_eq!(failure("SyncJob"), None);
    }
}
