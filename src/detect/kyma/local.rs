//! Whether a Kyma is a local one, on somebody's own machine, or one on a cluster: the procedures differ.

use serde_json::Value;

use super::super::view::{existence_need, items_at, str_at};
use crate::catalog::GroupResource;
use crate::need::Need;
use crate::snapshot::{ClusterView, ObjectRow};

/// Components that only the list for clusters has. Source: kyma-project/kyma installation/resources/installer-cr-cluster.yaml.tpl.
const CLUSTER_ONLY_COMPONENTS: [&str; 2] = ["logging", "monitoring"];

fn cluster_info_need() -> Need {
    Need::single_object(
        GroupResource::new("", "configmaps"),
        "kube-system",
        "kyma-cluster-info",
    )
    .with_fields(&["data.isLocal"])
}

/// Only whether it is there: it holds the key of a certificate.
fn net_overrides_need() -> Need {
    existence_need("", "configmaps", "kyma-installer", "net-global-overrides")
}

fn shoot_info_need() -> Need {
    existence_need("", "configmaps", "kube-system", "shoot-info")
}

/// What it is told by.
pub(super) fn needs() -> Vec<Need> {
    vec![cluster_info_need(), net_overrides_need(), shoot_info_need()]
}

/// `local` or `cluster`, strongest sign first; signs that disagree are said aloud. None where there is no sign.
pub(super) fn detect_variant(
    look: &ClusterView<'_>,
    installations: &[ObjectRow],
    evidence: &mut Vec<String>,
) -> Option<String> {
    let mut variant: Option<&str> = None;
    for (says, sign) in variant_signs(look, installations) {
        let first = *variant.get_or_insert(says);
        let prefix = if first == says { "" } else { "conflicting: " };
        evidence.push(format!("{prefix}{says}: {sign}"));
    }
    variant.map(str::to_owned)
}

fn variant_signs(
    look: &ClusterView<'_>,
    installations: &[ObjectRow],
) -> Vec<(&'static str, String)> {
    let mut signs = Vec::new();
    let info = look.objects(&cluster_info_need()).first();
    let is_local = info.and_then(|row| row.object.pointer("/data/isLocal"));
    match is_local.and_then(Value::as_str) {
        Some("true") => signs.push(("local", "isLocal in kube-system/kyma-cluster-info".into())),
        Some(_) => signs.push((
            "cluster",
            "isLocal is not true in kube-system/kyma-cluster-info".into(),
        )),
        None => {}
    }
    if look.exists(&net_overrides_need()) {
        let sign = "configmap kyma-installer/net-global-overrides is there";
        signs.push(("cluster", sign.into()));
    }
    if look.exists(&shoot_info_need()) {
        let sign = "configmap kube-system/shoot-info is there: Gardener";
        signs.push(("cluster", sign.into()));
    }
    let mut nodes = look.nodes().unwrap_or_default().iter();
    if let Some(node) = nodes.find(|node| node.name.starts_with("k3d-")) {
        signs.push(("local", format!("node {} is one of k3d", node.name)));
    }
    if let Some(row) = installations.first() {
        let mut components = items_at(&row.object, "/spec/components").peekable();
        if components.peek().is_some() {
            let full = components.any(|component| {
                str_at(component, "/name")
                    .is_some_and(|name| CLUSTER_ONLY_COMPONENTS.contains(&name))
            });
            signs.push(match full {
                true => (
                    "cluster",
                    "logging or monitoring is among the components".into(),
                ),
                false => (
                    "local",
                    "neither logging nor monitoring is among the components".into(),
                ),
            });
        }
    }
    signs
}
