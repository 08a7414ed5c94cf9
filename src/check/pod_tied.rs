//! `pod-local-pv`, `pod-node-pinned` and `pod-antiaffinity-full`: pods that find no other node.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use super::pods::{all, drained, object, one, pods};
use super::{Body, Finding, Object, Rule, Severity, Situation};
use crate::catalog::Resource;
use crate::detect;
use crate::evidence::{Evidence, Source};
use crate::need::{ClusterId, Depth, Need};
use crate::snapshot::{Phase, PodRow};

/// The label by which a node is told from all others.
const HOSTNAME: &str = "kubernetes.io/hostname";

/// Pods with data on the disk of one node.
pub(super) const LOCAL_PV: Rule = Rule {
    id: "pod-local-pv",
    severity: Severity::Warning,
    title: "A pod is tied to one node by a local volume",
    applies_to: "any",
    why: "Its data is on the disk of one node. While that node is drained the pod cannot run anywhere, and where the upgrade replaces nodes instead of updating them the data is lost.",
    how: "By claims of running pods that are bound to a local or hostPath volume with node affinity to a hostname.",
    mend: "See that the node keeps its disk through the upgrade, or move the data: a replica on another node, a backup, a volume that can follow.",
    reference: "https://kubernetes.io/docs/concepts/storage/volumes/#local",
    sources: &["kubernetes/api core/v1/types.go"],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![pods(), volumes()],
        evaluate: local_pv,
    },
};

/// Pods whose specification leaves one node.
pub(super) const NODE_PINNED: Rule = Rule {
    id: "pod-node-pinned",
    severity: Severity::Warning,
    title: "A pod may run on one node only",
    applies_to: "any",
    why: "While that node is drained the pod stays Pending, and where the upgrade replaces nodes by ones with other names it stays so for ever.",
    how: "By a node selector on kubernetes.io/hostname, or required node affinity every term of which names the same node. Pods of DaemonSets and mirrors of static pods are left out.",
    mend: "Select nodes by a label that several of them have, or plan the outage.",
    reference: "https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/",
    sources: &["kubernetes/api core/v1/types.go"],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![pods()],
        evaluate: node_pinned,
    },
};

/// Pods that need a node each and have them all.
pub(super) const ANTIAFFINITY_FULL: Rule = Rule {
    id: "pod-antiaffinity-full",
    severity: Severity::Warning,
    title: "Pods that need a node each leave no node free",
    applies_to: "any",
    why: "Required anti-affinity keeps the pods of this workload on different nodes. With as many pods as nodes the pod of a drained node has nowhere to go, and if a budget waits for it the drain stops there.",
    how: "By pods with required anti-affinity over kubernetes.io/hostname against their own labels, counted for each controller, against the nodes that take pods: not cordoned, without a taint that keeps pods off, or with such a pod on them. A single node is left out.",
    mend: "Add a node for the time of the upgrade, run one pod less, or make the anti-affinity preferred.",
    reference: "https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity",
    sources: &["kubernetes/api core/v1/types.go"],
    reads_files: false,
    body: Body::Code {
        needs: |_| vec![pods(), detect::nodes()],
        evaluate: antiaffinity_full,
    },
};

/// Volumes: `spec.claimRef` names the claim, so that claims need not be read.
fn volumes() -> Need {
    Need::objects(Resource::new("", "persistentvolumes"), Depth::Whole)
}

fn local_pv(situation: &Situation<'_>) -> Vec<Finding> {
    let mut nodes: HashMap<(&ClusterId, &str, &str), (&str, &str)> = HashMap::new();
    for (picture, rows) in situation.rows(&volumes()) {
        for row in rows.json() {
            let text = |at: &str| row.object.pointer(at).and_then(Value::as_str);
            let claim = text("/spec/claimRef/namespace").zip(text("/spec/claimRef/name"));
            if let (Some((namespace, name)), Some(node)) = (claim, disk_of(&row.object)) {
                nodes.insert((&picture.id, namespace, name), (&row.meta.name, node));
            }
        }
    }
    let objects = all(situation).filter_map(|(picture, pod)| {
        let (claim, (volume, node)) = pod.claims.iter().find_map(|claim| {
            let at = (&picture.id, &*pod.namespace, &**claim);
            Some((claim, nodes.get(&at)?))
        })?;
        let detail = format!("claim {claim} is volume {volume} on node {node}");
        let seen = Evidence::new(Source::Spec, detail);
        drained(pod).then(|| object(picture, pod, seen))
    });
    let message = "its data is on the disk of one node";
    one(&LOCAL_PV, LOCAL_PV.severity, message, objects.collect())
        .into_iter()
        .collect()
}

/// The node whose disk a local volume is on.
fn disk_of(volume: &Value) -> Option<&str> {
    let spec = volume.get("spec")?;
    spec.get("local").or_else(|| spec.get("hostPath"))?;
    let terms = spec.pointer("/nodeAffinity/required/nodeSelectorTerms")?;
    terms.as_array()?.iter().find_map(|term| {
        let expressions = term.get("matchExpressions")?.as_array()?;
        let host = expressions.iter().find(|part| part["key"] == HOSTNAME)?;
        host.pointer("/values/0")?.as_str()
    })
}

fn node_pinned(situation: &Situation<'_>) -> Vec<Finding> {
    let objects = all(situation).filter_map(|(picture, pod)| {
        let node = pod.pinned_to.as_ref()?;
        let seen = Evidence::new(Source::Spec, format!("only node {node}"));
        drained(pod).then(|| object(picture, pod, seen))
    });
    let message = "can run on no other node";
    one(
        &NODE_PINNED,
        NODE_PINNED.severity,
        message,
        objects.collect(),
    )
    .into_iter()
    .collect()
}

fn antiaffinity_full(situation: &Situation<'_>) -> Vec<Finding> {
    let mut objects: Vec<Object> = Vec::new();
    let need = detect::nodes();
    for (picture, rows) in situation.rows(&need) {
        let nodes = rows.nodes();
        let closed: HashSet<&str> = nodes
            .iter()
            .filter(|node| node.unschedulable || node.tainted)
            .map(|node| node.name.as_str())
            .collect();
        let mut workloads: BTreeMap<(&str, &str, &str), Vec<&PodRow>> = BTreeMap::new();
        let apart = all(situation).filter(|(of, pod)| {
            of.id == picture.id
                && pod.apart
                && pod.deleted.is_none()
                && pod.phase == Phase::Running
                && drained(pod)
        });
        for (_, pod) in apart {
            if let Some(owner) = &pod.owner {
                let key = (&*pod.namespace, &*owner.kind, &*owner.name);
                workloads.entry(key).or_default().push(pod);
            }
        }
        for pods in workloads.into_values() {
            let open = open(&closed, nodes.len(), &pods);
            if open > 1 && pods.len() >= open {
                let detail = format!("{} pods, {open} nodes", pods.len());
                let seen = Evidence::new(Source::Spec, detail);
                objects.extend(pods.iter().map(|pod| object(picture, pod, seen.clone())));
            }
        }
    }
    let message = "no node is free for it when its own is drained";
    one(
        &ANTIAFFINITY_FULL,
        ANTIAFFINITY_FULL.severity,
        message,
        objects,
    )
    .into_iter()
    .collect()
}

/// How many nodes could take one of these pods: those that take any, and those that have one of them though they do not.
fn open(closed: &HashSet<&str>, total: usize, pods: &[&PodRow]) -> usize {
    let taken: BTreeSet<&str> = pods.iter().map(|pod| &*pod.node).collect();
    let taken = taken.iter().filter(|node| closed.contains(**node));
    total - closed.len() + taken.count()
}
