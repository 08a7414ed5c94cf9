//! What a watch keeps of a row: the fields that it reads.
//!
//! Kubelets and controllers write to their objects all the time, mostly fields that nothing here reads: a heartbeat, a
//! managed field, a label of a pod. Without these two versions of an object are equal, so that the second is neither folded
//! nor recorded.

use std::collections::BTreeSet;

use super::needs::Part;
use super::observation::Change;
use super::warnings::trim_warning;
use crate::catalog::{Catalog, SignatureLocation};
use crate::facts::nodes::CONTROL_PLANE_LABELS;
use crate::snapshot::{MetaRow, NodeRow, PodRow, Rows, Table, WorkloadRow};

/// Drops what nothing here reads. With `has_plans`, nodes keep their labels: Plans select nodes by any of them.
pub fn trim(change: &mut Change, catalog: &Catalog, has_plans: bool) {
    let (target, rows) = match change {
        Change::List(result) => (&result.target, &mut result.rows),
        Change::Apply { target, rows } => (&*target, rows),
        Change::Delete { uid, .. } => {
            *uid = None;
            return;
        }
        Change::Discovery(_) | Change::Probe { .. } | Change::Outage { .. } => return,
    };
    match rows {
        Rows::Nodes(nodes) => {
            let labels = (!has_plans).then(|| node_labels(catalog));
            each(nodes, |node| trim_node(node, labels.as_ref(), catalog));
        }
        Rows::Pods(pods) => each(pods, trim_pod),
        Rows::Workloads(workloads) => each(workloads, trim_workload),
        Rows::Objects(objects) => each(objects, |row| {
            row.meta = trimmed(&mut row.meta);
            if Part::of(target) == Part::Warnings {
                row.object = trim_warning(&row.object);
            }
        }),
        Rows::Metadata(objects) => each(objects, |row| *row = trimmed(row)),
        Rows::HelmReleases(_) | Rows::EndpointSlices(_) | Rows::TextLines(_) => {}
    }
}

fn each<R>(table: &mut Table<R>, change: impl FnMut(&mut R)) {
    // Only through a reference that may change names is the table open to changes; names stay.
    table.iter_mut().for_each(change);
}

/// The labels of nodes that show roles, pools and virtual nodes.
fn node_labels(catalog: &Catalog) -> BTreeSet<&str> {
    let signatures = signatures(catalog, SignatureLocation::NodeLabel);
    let of_signatures = signatures.filter_map(|pattern| pattern.split('=').next());
    let pools = catalog.pool_labels.iter().map(|row| row.label.as_str());
    let labels = CONTROL_PLANE_LABELS.into_iter().chain(pools);
    labels.chain(of_signatures).collect()
}

/// The patterns that show virtual nodes there.
fn signatures(catalog: &Catalog, location: SignatureLocation) -> impl Iterator<Item = &str> {
    let signatures = catalog.virtual_node_signatures.iter();
    let signatures = signatures.filter(move |signature| signature.location == location);
    signatures.map(|signature| signature.pattern.as_str())
}

/// Keeps these labels, or all of them.
fn trim_node(node: &mut NodeRow, labels: Option<&BTreeSet<&str>>, catalog: &Catalog) {
    if let Some(labels) = labels {
        node.labels
            .retain(|label, _| labels.contains(label.as_str()));
    }
    node.taint_keys.retain(|taint| {
        signatures(catalog, SignatureLocation::NodeTaint).any(|pattern| pattern == taint)
    });
    node.conditions
        .retain(|condition| condition.kind == "Ready");
    for condition in &mut node.conditions {
        condition.reason.clear();
    }
    let row = std::mem::take(node);
    // Detection reads the scheme of a provider; what follows is another one for each node.
    let scheme = row.provider_id.split_once("://").map(|(scheme, _)| scheme);
    let provider_id = scheme.map_or_else(String::new, |scheme| format!("{scheme}://"));
    *node = NodeRow {
        name: row.name,
        labels: row.labels,
        provider_id,
        kubelet_version: row.kubelet_version,
        os_image: row.os_image,
        is_unschedulable: row.is_unschedulable,
        taint_keys: row.taint_keys,
        conditions: row.conditions,
        created_at: row.created_at,
        capi_machine_owner: row.capi_machine_owner,
        ..NodeRow::default()
    };
}

fn trim_pod(pod: &mut PodRow) {
    pod.update(|pod| {
        pod.only_node = None;
        pod.termination_grace_period_seconds = None;
        pod.placement = None;
        pod.has_self_anti_affinity = false;
        pod.in_tree_volumes = Box::default();
    });
}

fn trim_workload(workload: &mut WorkloadRow) {
    workload.meta = trimmed(&mut workload.meta);
    workload.selector = None;
    workload.placement = None;
}

/// Without who wrote to it and when, and without its UID: what a watch reports of an object comes in order.
fn trimmed(row: &mut MetaRow) -> MetaRow {
    let row = std::mem::take(row);
    MetaRow {
        namespace: row.namespace,
        name: row.name,
        ..MetaRow::default()
    }
}
