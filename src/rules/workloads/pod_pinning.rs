//! `pod-local-pv`, `pod-node-pinned` and `pod-antiaffinity-full`: pods that find no other node.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use serde_json::Value;

use crate::catalog::GroupResource;
use crate::evidence::{Evidence, EvidenceSource};
use crate::facts::pods::{is_evicted_by_drain, pods_need};
use crate::need::{DetailLevel, Need};
use crate::rules::{AffectedObject, CheckContext, Finding, Rule, RuleKind, Severity};
use crate::snapshot::{PodPhase, PodRow};

/// The label that identifies a node.
const HOSTNAME_LABEL: &str = "kubernetes.io/hostname";

/// Pods with data on the disk of one node.
pub(crate) const LOCAL_PV: Rule = Rule {
    id: "pod-local-pv",
    severity: Severity::Warning,
    title: "A pod is tied to one node by a local volume",
    why: "Its data is on the disk of one node. While that node is drained, the pod cannot run anywhere. If the upgrade replaces nodes instead of updating them in place, the data is lost.",
    detection: "By claims of running pods that are bound to a local or hostPath volume with node affinity to a hostname.",
    remedy: "Make sure that the node keeps its disk during the upgrade, or protect the data: a replica on another node, a backup, or a volume that can move.",
    reference: "https://kubernetes.io/docs/concepts/storage/volumes/#local",
    sources: &["kubernetes/api core/v1/types.go"],
    kind: RuleKind::Code {
        needs: |_| vec![pods_need(), persistent_volumes_need()],
        evaluate: local_pv,
    },
    ..Rule::DEFAULT
};

/// Pods whose specification leaves one node.
pub(crate) const NODE_PINNED: Rule = Rule {
    id: "pod-node-pinned",
    severity: Severity::Warning,
    title: "A pod can run on one node only",
    why: "While that node is drained, the pod stays Pending. If the upgrade replaces nodes with ones of other names, it stays Pending indefinitely.",
    detection: "By a node selector on kubernetes.io/hostname, or required node affinity in which every term names the same node. Pods of DaemonSets and mirror pods are left out.",
    remedy: "Select nodes by a label that several of them have, or plan the outage.",
    reference: "https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/",
    sources: &["kubernetes/api core/v1/types.go"],
    kind: RuleKind::Code {
        needs: |_| vec![pods_need()],
        evaluate: node_pinned,
    },
    ..Rule::DEFAULT
};

/// Pods that need a node each and have them all.
pub(crate) const ANTIAFFINITY_FULL: Rule = Rule {
    id: "pod-antiaffinity-full",
    severity: Severity::Warning,
    title: "Pods that each need a separate node leave no node free",
    why: "Required anti-affinity keeps the pods of this workload on different nodes. With as many pods as nodes, the pod of a drained node cannot be scheduled, and if a budget waits for it, the drain stops there.",
    detection: "By pods with required anti-affinity over kubernetes.io/hostname against their own labels, counted for each controller, against the nodes that accept pods: not cordoned, without a taint that repels pods, or with such a pod already on them. Clusters with a single node are left out.",
    remedy: "Add a node during the upgrade, run one pod less, or make the anti-affinity preferred.",
    reference: "https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#inter-pod-affinity-and-anti-affinity",
    sources: &["kubernetes/api core/v1/types.go"],
    kind: RuleKind::Code {
        needs: |_| vec![pods_need(), Need::nodes()],
        evaluate: antiaffinity_full,
    },
    ..Rule::DEFAULT
};

/// Volumes: `spec.claimRef` names the claim, so that claims need not be read.
fn persistent_volumes_need() -> Need {
    Need::objects(
        GroupResource::new("", "persistentvolumes"),
        DetailLevel::Full,
    )
    .with_fields(&[
        "spec.claimRef.name",
        "spec.claimRef.namespace",
        "spec.hostPath[]",
        "spec.local[]",
        "spec.nodeAffinity.required.nodeSelectorTerms.matchExpressions",
    ])
}

fn local_pv(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut nodes: HashMap<(&str, &str), (&str, &str)> = HashMap::new();

    for row in context.objects(&persistent_volumes_need()) {
        let text = |at: &str| row.object.pointer(at).and_then(Value::as_str);
        let claim = text("/spec/claimRef/namespace").zip(text("/spec/claimRef/name"));
        if let (Some((namespace, name)), Some(node)) = (claim, local_volume_node(&row.object)) {
            nodes.insert((namespace, name), (&row.meta.name, node));
        }
    }

    let objects = context.pods().iter().filter_map(|pod| {
        let (claim, (volume, node)) = pod.volume_claims.iter().find_map(|claim| {
            let at = (&*pod.namespace, &**claim);
            Some((claim, nodes.get(&at)?))
        })?;
        let detail = format!("claim {claim} is volume {volume} on node {node}");
        let evidence = Evidence::new(EvidenceSource::Spec, detail);
        is_evicted_by_drain(pod).then(|| AffectedObject::pod(pod, evidence))
    });
    let message = "its data is on the disk of one node";
    LOCAL_PV.findings(message, objects)
}

/// The node whose disk a local volume is on.
fn local_volume_node(volume: &Value) -> Option<&str> {
    let spec = volume.get("spec")?;
    spec.get("local").or_else(|| spec.get("hostPath"))?;
    let terms = spec.pointer("/nodeAffinity/required/nodeSelectorTerms")?;
    terms.as_array()?.iter().find_map(|term| {
        let expressions = term.get("matchExpressions")?.as_array()?;
        let host = expressions
            .iter()
            .find(|part| part["key"] == HOSTNAME_LABEL)?;
        host.pointer("/values/0")?.as_str()
    })
}

fn node_pinned(context: &CheckContext<'_>) -> Vec<Finding> {
    let objects = context.pods().iter().filter_map(|pod| {
        let node = pod.only_node.as_ref()?;
        let evidence = Evidence::new(EvidenceSource::Spec, format!("only node {node}"));
        is_evicted_by_drain(pod).then(|| AffectedObject::pod(pod, evidence))
    });
    let message = "the pod can run on no other node";
    NODE_PINNED.findings(message, objects)
}

fn antiaffinity_full(context: &CheckContext<'_>) -> Vec<Finding> {
    let mut objects: Vec<AffectedObject> = Vec::new();
    let nodes = context.nodes();

    let closed: HashSet<&str> = nodes
        .iter()
        .filter(|node| node.is_unschedulable || node.has_repelling_taint)
        .map(|node| node.name.as_str())
        .collect();
    let mut workloads: BTreeMap<(&str, &str, &str), Vec<&PodRow>> = BTreeMap::new();
    let apart = context.pods().iter().filter(|pod| {
        pod.has_self_anti_affinity
            && pod.deletion_timestamp.is_none()
            && pod.phase == PodPhase::Running
            && is_evicted_by_drain(pod)
    });
    for pod in apart {
        if let Some(owner) = &pod.controller {
            let key = (&*pod.namespace, &*owner.kind, &*owner.name);
            workloads.entry(key).or_default().push(pod);
        }
    }
    for pods in workloads.into_values() {
        let open = count_eligible_nodes(&closed, nodes.len(), &pods);
        if open > 1 && pods.len() >= open {
            let detail = format!("{} pods, {open} nodes", pods.len());
            let evidence = Evidence::new(EvidenceSource::Spec, detail);
            let pods = pods.into_iter();
            objects.extend(pods.map(|pod| AffectedObject::pod(pod, evidence.clone())));
        }
    }

    let message = "no node is free for it when its own is drained";
    ANTIAFFINITY_FULL.findings(message, objects)
}

/// How many nodes could take one of these pods: those that take any, and those that have one of them though they do not.
fn count_eligible_nodes(closed: &HashSet<&str>, total: usize, pods: &[&PodRow]) -> usize {
    let taken: BTreeSet<&str> = pods.iter().map(|pod| &*pod.node_name).collect();
    let taken = taken.iter().filter(|node| closed.contains(**node));
    total - closed.len() + taken.count()
}
